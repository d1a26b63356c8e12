# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# Sourced by scripts that start a server.

# A port of the loopback interface that is free now.
free_port() {
	/usr/bin/python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1])'
}
