#!/bin/sh
# LuaRocks builds and installs what `make lua-rock` makes, and that makes an ID.
# SPDX-License-Identifier: MIT
set -eu
: "${top_srcdir:?make check sets it}" "${top_builddir:?}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export HOME="$tmp" LD_LIBRARY_PATH="$top_builddir/.libs"
lua=${LUA54:-$LUA53}
version=$("$lua" -e 'print(_VERSION:match "[%d.]+")')
unset LUA_PATH LUA_CPATH
{
	make -C "$top_builddir" lua-rock && cp -r "$top_builddir/bindings/lua/rock" "$tmp/rock" &&
		cd "$tmp/rock" &&
		luarocks --lua-version="$version" --tree="$tmp/tree" make snowid-*.rockspec \
			SNOWID_INCDIR="$top_srcdir/include" SNOWID_LIBDIR="$top_builddir/.libs" &&
		cd "$tmp" && LUA_PATH="$tmp/tree/share/lua/$version/?.lua" \
		LUA_CPATH="$tmp/tree/lib/lua/$version/?.so" "$lua" \
		-e 'assert(#require("snowid").generator({ worker = 1 }):batch(10) == 10)'
} >"$tmp/log" 2>&1 && echo "ok - the rock builds, installs and works" && exit
cat "$tmp/log"
echo "not ok - the rock"
exit 1
