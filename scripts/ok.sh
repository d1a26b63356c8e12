# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: MIT
# Sourced by scripts that print a line for each check: expects $log, a file, and sets $failed.

failed=0

# A check that is a command. Its output is shown if it fails.
ok() { # ok NAME COMMAND...
	if "${@:2}" </dev/null >"$log" 2>&1; then
		echo "ok - $1"
	else
		failed=1
		echo "not ok - $1"
		grep -v '^ok ' "$log" | tail -n 40
	fi
}
