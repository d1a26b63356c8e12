#!/bin/sh
# What the scripts here share, to be sourced: a directory for scratch files, and checks that print a
# line each and set the status of the script.
# SPDX-License-Identifier: MIT
set -eu
: "${top_srcdir:?make check sets it}" "${top_builddir:?}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
status=0 # which a script exits with

check() { # check NAME COMMAND...: the output of a command that fails is shown
	what=$1
	shift
	if "$@" >"$tmp/check" 2>&1; then
		echo "ok - $what"
	else
		echo "not ok - $what"
		sed 's/^/    /' "$tmp/check"
		# shellcheck disable=SC2034 # scripts read it
		status=1
	fi
}

# Succeeds when a function that reads the names of a file finds nothing wrong with any of them, and
# the file has names.
nothing() { # nothing FILE FUNCTION
	test -s "$1" || { echo "there is nothing to look at"; return 1; }
	"$2" <"$1" >"$tmp/missing"
	cat "$tmp/missing"
	test ! -s "$tmp/missing"
}
