#!/bin/sh
# The tests of the Lua library, for each Lua it was built for, in the build tree or where it is installed.
# lua.sh [DIRECTORY OF share/lua, DIRECTORY OF lib/lua]
# SPDX-License-Identifier: MIT
set -eu
: "${top_srcdir:?make check sets it}" "${top_builddir:?}"
share=${1-} lib=${2-}
installed=$#
[ $# -gt 0 ] || export LD_LIBRARY_PATH="$top_builddir/.libs"
tests=$top_srcdir/bindings/lua/tests
status=0
# A module with AddressSanitizer wants it to be there before the interpreter is, whose own memory is
# its own affair.
case ${SANITIZERS-} in
*address*)
	preload=$($CC -print-file-name=libasan.so)
	export ASAN_OPTIONS="detect_leaks=0:quarantine_size_mb=1:allocator_may_return_null=1:${ASAN_OPTIONS-}"
	;;
*) preload= ;;
esac

with() { # with INTERPRETER VERSION
	lua="env ${preload:+LD_PRELOAD=$preload} $1"
	here=$top_builddir/bindings/lua
	export LUA_PATH="${share:-$top_srcdir/bindings/lua}${share:+/$2}/?.lua;$here/?.lua;$tests/?.lua;$top_srcdir/bindings/lua/examples/?.lua;;"
	modules=${lib:-$here/tree.$2}${lib:+/$2}
	export LUA_CPATH="$modules/?.so;$here/$2/.libs/?.so;;"
	$lua "$top_srcdir/tests/conformance/run_lua.lua" "$top_srcdir"/tests/conformance/*.json || status=1
	$lua "$tests/test.lua" || status=1
	# LuaJIT has none.
	[ -e "$modules/snowid/native.so" ] || return 0
	if readelf -d "$modules/snowid/native.so" | grep -q 'NEEDED.*\[liblua'; then
		echo "not ok - the module for Lua $2 brings a second copy of it"
		status=1
	else
		echo "ok - the module for Lua $2 takes that of the interpreter"
	fi
}
[ ! -e "$top_builddir/bindings/lua/5.4/native.la" ] || with "$LUA54" 5.4
[ ! -e "$top_builddir/bindings/lua/5.3/native.la" ] || with "$LUA53" 5.3
if [ -n "${LUAJIT-}" ]; then
	with "$LUAJIT" 5.1
	"$tests/openresty.sh" env ${preload:+LD_PRELOAD="$preload"} || status=1
fi
# What LDoc makes of the comments has everything that there is.
if [ "$installed" -eq 0 ]; then
	doc=$(mktemp -d)
	trap 'rm -rf "$doc"' EXIT
	cp "$top_srcdir/bindings/lua/config.ld" "$top_srcdir/bindings/lua/snowid.lua" "$doc"
	if ldoc --fatalwarnings -d "$doc/doc" "$doc" >"$doc/log" 2>&1 && $lua "$tests/documented.lua" "$doc/doc/index.html"; then
		echo "ok - LDoc's page has every function"
	else
		cat "$doc/log"
		echo "not ok - LDoc's page"
		status=1
	fi
fi
exit $status
