#!/bin/sh
# Runs the tests of the Lua library with each interpreter it was built for, in the build tree. In
# installed directories, runs those that call each function: whether they are whole, and found.
# Usage: lua.sh [SHARE-LUA-DIRECTORY LIB-LUA-DIRECTORY]
# SPDX-License-Identifier: MIT
set -eu
: "${top_srcdir:?make check sets it}" "${top_builddir:?}"
share=${1-} lib=${2-}
installed=$#
[ $# -gt 0 ] || export LD_LIBRARY_PATH="$top_builddir/.libs"
tests=$top_srcdir/bindings/lua/tests
status=0
# A module with AddressSanitizer needs it preloaded, because the interpreter is not built with it.
# The interpreter's own leaks do not matter.
case ${SANITIZERS-} in
*address*)
	preload=$($CC -print-file-name=libasan.so)
	asan=detect_leaks=0:quarantine_size_mb=1:allocator_may_return_null=1
	export ASAN_OPTIONS="$asan:${ASAN_OPTIONS-}"
	;;
*) preload= ;;
esac

run_tests() { # run_tests INTERPRETER VERSION
	lua="env ${preload:+LD_PRELOAD=$preload} $1"
	here=$top_builddir/bindings/lua
	LUA_PATH="${share:-$top_srcdir/bindings/lua}${share:+/$2}/?.lua;$here/?.lua"
	export LUA_PATH="$LUA_PATH;$tests/?.lua;$top_srcdir/bindings/lua/examples/?.lua;;"
	modules=${lib:-$here/tree.$2}${lib:+/$2}
	export LUA_CPATH="$modules/?.so;$here/$2/.libs/?.so;;"
	conformance=$top_srcdir/tests/conformance
	$lua "$conformance/run_lua.lua" "$conformance"/*.json || status=1
	[ "$installed" -gt 0 ] || $lua "$tests/test.lua" || status=1
	# LuaJIT has no compiled module.
	[ -e "$modules/snowid/native.so" ] || return 0
	if readelf -d "$modules/snowid/native.so" | grep -q 'NEEDED.*\[liblua'; then
		echo "not ok - the module for Lua $2 links to a second copy of Lua"
		status=1
	else
		echo "ok - the module for Lua $2 uses the functions of the interpreter"
	fi
	[ "$installed" -gt 0 ] || interrupt_opening
}

# Opening would wait for an hour.
interrupt_opening() {
	store=$(mktemp -d "$PWD/lua-open.XXXXXX")
	options="worker = 1, reserve = '1h', store = 'file:$store/state'"
	$lua -e "require 'snowid'.generator { $options }" 2>"$store/log" &
	until [ -e "$store/state" ] || ! kill -0 $!; do sleep 0.1; done
	kill -INT $!
	wait $! || :
	if grep -q 'interrupted!' "$store/log"; then
		echo "ok - Ctrl-C ends the opening of a store"
	else
		cat "$store/log"
		echo "not ok - Ctrl-C ends the opening of a store"
		status=1
	fi
	rm -rf "$store"
}
[ ! -e "$top_builddir/bindings/lua/5.4/native.la" ] || run_tests "$LUA54" 5.4
[ ! -e "$top_builddir/bindings/lua/5.3/native.la" ] || run_tests "$LUA53" 5.3
if [ -n "${LUAJIT-}" ]; then
	run_tests "$LUAJIT" 5.1
	[ "$installed" -gt 0 ] ||
		"$tests/openresty.sh" env ${preload:+LD_PRELOAD="$preload"} || status=1
fi
# LDoc's page must document every function.
if [ "$installed" -eq 0 ]; then
	doc=$(mktemp -d)
	trap 'rm -rf "$doc"' EXIT
	cp "$top_srcdir/bindings/lua/config.ld" "$top_srcdir/bindings/lua/snowid.lua" "$doc"
	if ldoc --fatalwarnings -d "$doc/doc" "$doc" >"$doc/log" 2>&1 &&
		$lua "$tests/documented.lua" "$doc/doc/index.html"; then
		echo "ok - LDoc's page documents every function"
	else
		cat "$doc/log"
		echo "not ok - LDoc's page documents every function"
		status=1
	fi
fi
exit $status
