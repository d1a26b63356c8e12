/* SPDX-License-Identifier: MIT
 *
 * Errors, numbers and bytes between Lua and C.
 */
#include <stdbool.h>
#include <string.h>

#include "snowid-lua.h"

/* The name by which a program tells errors apart. */
static const char *name_of(int error)
{
	switch (error) {
	case SNOWID_E_CLOCK:
	case SNOWID_E_EPOCH:
	case SNOWID_E_ENDED:
		return "clock";
	case SNOWID_E_EXHAUSTED:
		return "exhausted";
	case SNOWID_E_STORE:
	case SNOWID_E_LIMIT:
		return "store";
	case SNOWID_E_CLOSED:
		return "closed";
	default:
		return error > SNOWID_E_INVALID ? "system" : "invalid";
	}
}

static void push_error(lua_State *L, int error, const char *message)
{
	lua_createtable(L, 0, 3);
	lua_pushinteger(L, error);
	lua_setfield(L, -2, "code");
	lua_pushstring(L, name_of(error));
	lua_setfield(L, -2, "name");
	lua_pushstring(L, message);
	lua_setfield(L, -2, "message");
	luaL_setmetatable(L, SNOWID_LUA_ERROR);
}

void snowid_lua_push_error(lua_State *L, int error)
{
	char detail[512] = "";

	snowid_error_detail(detail, sizeof detail);
	push_error(L, error, detail);
}

int snowid_lua_raise(lua_State *L, int error)
{
	snowid_lua_push_error(L, error);
	return lua_error(L);
}

static void refuse(lua_State *L, int error, const char *message)
{
	push_error(L, error, message);
	lua_error(L);
}

/* ---- arguments ------------------------------------------------------------------------------- */

static bool is_ours(const char *source)
{
	static const char file[] = "snowid.lua";
	const size_t length = strlen(source), size = sizeof file - 1;

	return length >= size && strcmp(source + length - size, file) == 0;
}

/* What is of the wrong type is a mistake of the program, and an error as Lua's own functions raise, at the
 * line that made it: above snowid.lua. */
static void mistake(lua_State *L, const char *message)
{
	lua_Debug caller;
	int level = 1;

	while (lua_getstack(L, level, &caller) && lua_getinfo(L, "S", &caller) &&
	       (*caller.what == 'C' || is_ours(caller.short_src)))
		level++;
	luaL_where(L, level);
	lua_pushstring(L, message);
	lua_concat(L, 2);
	lua_error(L);
}

int snowid_lua_mistake(lua_State *L)
{
	mistake(L, luaL_checkstring(L, 1));
	return 0;
}

int64_t snowid_lua_integer(lua_State *L, int index, const char *name)
{
	if (!lua_isinteger(L, index))
		mistake(L, lua_pushfstring(L, "%s must be an integer, not %s", name,
					   lua_type(L, index) == LUA_TNUMBER
						   ? "a float"
						   : luaL_typename(L, index)));
	return lua_tointeger(L, index);
}

double snowid_lua_number(lua_State *L, int index, const char *name)
{
	if (lua_type(L, index) != LUA_TNUMBER)
		mistake(L, lua_pushfstring(L, "%s must be a number, not %s", name,
					   luaL_typename(L, index)));
	return lua_tonumber(L, index);
}

uint64_t snowid_lua_unsigned(lua_State *L, int index, const char *name, uint64_t max)
{
	const int64_t value = snowid_lua_integer(L, index, name);

	if (value < 0 || (uint64_t)value > max)
		refuse(L, SNOWID_E_RANGE,
		       lua_pushfstring(L, "%s must be from 0 to %I, not %I", name, (LUAI_UACINT)max,
				       (LUAI_UACINT)value));
	return (uint64_t)value;
}

int snowid_lua_int(lua_State *L, int index, const char *name)
{
	const int64_t value = snowid_lua_integer(L, index, name);

	if (value < INT_MIN || value > INT_MAX)
		refuse(L, SNOWID_E_RANGE,
		       lua_pushfstring(L, "%s must be from %d to %d, not %I", name, INT_MIN,
				       INT_MAX, (LUAI_UACINT)value));
	return (int)value;
}

const char *snowid_lua_text(lua_State *L, int index, size_t *length)
{
	size_t size;

	if (lua_type(L, index) != LUA_TSTRING)
		mistake(L,
			lua_pushfstring(L, "a string is needed, not %s", luaL_typename(L, index)));
	const char *const text = lua_tolstring(L, index, &size);
	if (length)
		*length = size;
	else if (strlen(text) != size)
		refuse(L, SNOWID_E_SYNTAX, "a string with a byte 0 in it");
	return text;
}

void snowid_lua_bytes(lua_State *L, int index, const char *name, uint8_t *bytes, size_t size)
{
	size_t length;
	const char *const text = snowid_lua_text(L, index, &length);

	if (length != size)
		refuse(L, SNOWID_E_RANGE,
		       lua_pushfstring(L, "%s must be %d bytes, not %d", name, (int)size,
				       (int)length));
	memcpy(bytes, text, size);
}
