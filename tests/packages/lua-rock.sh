#!/bin/sh
# LuaRocks builds and installs what `make lua-rock` makes, and that makes an ID.
# SPDX-License-Identifier: MIT
set -eu
: "${top_srcdir:?make check sets it}" "${top_builddir:?}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
. "$top_srcdir/tests/packages/readme.sh"
# In the build directory, as if libsnowid were installed.
export HOME="$tmp" LD_LIBRARY_PATH="$top_builddir/.libs" LUAROCKS_CONFIG="$tmp/config.lua"
unset LUA_PATH LUA_CPATH
cat >"$LUAROCKS_CONFIG" <<END
variables = { SNOWID_INCDIR = "$top_srcdir/include", SNOWID_LIBDIR = "$top_builddir/.libs" }
END
ln -s "$top_builddir" "$tmp/build"
as_readme_says() {
	readme_commands "$top_srcdir/README.md" rock >commands || return
	lua=${LUA54:-$LUA53}
	[ -n "$LUA54" ] || sed -i 's/5\.4/5.3/g' commands
	cat >>commands <<-END
		"$lua" -e 'assert(#require("snowid").generator({ worker = 1 }):batch(10) == 10)'
	END
	sh -eux commands
}
cd "$tmp"
if as_readme_says >log 2>&1; then
	echo "ok - README's commands build and install the rock, and it works"
else
	cat log
	echo "not ok - README's commands build and install the rock, and it works"
	exit 1
fi
