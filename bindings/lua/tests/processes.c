/* SPDX-License-Identifier: MIT
 *
 * What the tests need and Lua 5.4 does not have: calls of POSIX, and a second Lua state.
 */
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int process_fork(lua_State *L)
{
	lua_pushinteger(L, fork());
	return 1;
}

static int process_pipe(lua_State *L)
{
	int files[2];

	if (pipe(files) != 0)
		return luaL_error(L, "pipe");
	lua_pushinteger(L, files[0]);
	lua_pushinteger(L, files[1]);
	return 2;
}

/* Reads until the end of the file. */
static int process_read(lua_State *L)
{
	const int file = (int)luaL_checkinteger(L, 1);
	luaL_Buffer buffer;
	char block[4096];
	ssize_t got;

	luaL_buffinit(L, &buffer);
	while ((got = read(file, block, sizeof block)) > 0)
		luaL_addlstring(&buffer, block, (size_t)got);
	luaL_pushresult(&buffer);
	close(file);
	return 1;
}

static int process_write(lua_State *L)
{
	const int file = (int)luaL_checkinteger(L, 1);
	size_t length;
	const char *const text = luaL_checklstring(L, 2, &length);

	for (size_t at = 0; at < length;) {
		const ssize_t put = write(file, text + at, length - at);
		if (put < 0)
			return luaL_error(L, "write");
		at += (size_t)put;
	}
	return 0;
}

static int process_close(lua_State *L)
{
	close((int)luaL_checkinteger(L, 1));
	return 0;
}

/* Waits for any child and returns its status. */
static int process_wait(lua_State *L)
{
	int status = -1;

	wait(&status);
	lua_pushinteger(L, status);
	return 1;
}

static int process_exit(lua_State *L)
{
	_exit((int)luaL_checkinteger(L, 1));
	(void)L;
}

/* Runs a chunk in a new Lua state and returns the string that it returns. */
static int process_in_another_state(lua_State *L)
{
	lua_State *const other = luaL_newstate();

	luaL_openlibs(other);
	if (luaL_dostring(other, luaL_checkstring(L, 1)) != LUA_OK)
		return luaL_error(L, "%s", lua_tostring(other, -1));
	lua_pushstring(L, lua_tostring(other, -1));
	lua_close(other);
	return 1;
}

int luaopen_processes(lua_State *L);
__attribute__((visibility("default"))) int luaopen_processes(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"fork", process_fork},
		{"pipe", process_pipe},
		{"read", process_read},
		{"write", process_write},
		{"close", process_close},
		{"wait", process_wait},
		{"exit", process_exit},
		{"in_another_state", process_in_another_state},
		{NULL, NULL},
	};
	luaL_newlib(L, functions);
	return 1;
}
