# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# Sourced by what runs the examples of README.md as users would.

# The program in C.
readme_program() { # readme_program README
	awk '/^```/ { inside = $0 == "```c"; next } inside' "$1"
}

# The commands of the blocks that begin with "```console NAME".
readme_commands() { # readme_commands README NAME
	awk -v begin="\`\`\`console $2" '
		/^```/ { inside = $0 == begin; next }
		inside && sub(/^\$ /, "") { print; found = 1 }
		END { exit !found }' "$1"
}
