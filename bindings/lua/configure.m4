# The Lua binding needs the headers of Lua 5.4, 5.3 or both. LuaJIT needs no headers, because it
# loads libsnowid itself.

# SNOWID_LUA(VERSION, SUFFIX) looks for a version of Lua, and sets LUA<SUFFIX> and its flags.
AC_DEFUN([SNOWID_LUA], [
	AC_ARG_VAR([LUA$2], [the Lua $1 interpreter, for the tests])
	AC_PATH_PROGS([LUA$2], [lua$1 lua$2])
	PKG_CHECK_MODULES([LUA$2], [lua$1], [found=yes],
		[PKG_CHECK_MODULES([LUA$2], [lua-$1], [found=yes],
			[PKG_CHECK_MODULES([LUA$2], [lua >= $1 lua < $1.99], [found=yes],
				[found=no])])])
])

SNOWID_BINDING([lua], [the headers of Lua 5.4 or 5.3], [
	SNOWID_LUA([5.4], [54])
	snowid_lua54=$found
	SNOWID_LUA([5.3], [53])
	snowid_lua53=$found
	AC_ARG_VAR([LUAJIT], [LuaJIT, for the tests])
	AC_PATH_PROG([LUAJIT], [luajit])
	AS_IF([test "$snowid_lua54$snowid_lua53" = nono], [missing="no lua.h of Lua 5.4 or 5.3"])
])
AM_CONDITIONAL([WITH_LUA54], [test "$build_lua$snowid_lua54" = yesyes])
AM_CONDITIONAL([WITH_LUA53], [test "$build_lua$snowid_lua53" = yesyes])
