/* SPDX-License-Identifier: MIT
 *
 * Converts errors, numbers and bytes between Lua and C.
 */
#include <stdbool.h>
#include <string.h>

#include "snowid-lua.h"

/* The name by which programs distinguish errors. */
static const char *error_name(int error)
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

static void push_error_object(lua_State *L, int error, const char *message)
{
	lua_createtable(L, 0, 3);
	lua_pushinteger(L, error);
	lua_setfield(L, -2, "code");
	lua_pushstring(L, error_name(error));
	lua_setfield(L, -2, "name");
	lua_pushstring(L, message);
	lua_setfield(L, -2, "message");
	luaL_setmetatable(L, SNOWID_LUA_ERROR);
}

void snowid_lua_push_error(lua_State *L, int error)
{
	char detail[512] = "";

	snowid_error_detail(detail, sizeof detail);
	push_error_object(L, error, detail);
}

int snowid_lua_raise(lua_State *L, int error)
{
	snowid_lua_push_error(L, error);
	return lua_error(L);
}

static void raise_invalid(lua_State *L, int error, const char *message)
{
	push_error_object(L, error, message);
	lua_error(L);
}

/* ---- arguments ------------------------------------------------------------------------------- */

static bool is_module_source(const char *source)
{
	static const char file[] = "snowid.lua";
	const size_t length = strlen(source), size = sizeof file - 1;

	return length >= size && strcmp(source + length - size, file) == 0;
}

/* Raises a wrong type as Lua's own functions do: as text with the line of the program that called
 * snowid.lua. */
static void raise_mistake(lua_State *L, const char *message)
{
	lua_Debug caller;
	int level = 1;

	while (lua_getstack(L, level, &caller) && lua_getinfo(L, "S", &caller) &&
	       (*caller.what == 'C' || is_module_source(caller.short_src)))
		level++;
	luaL_where(L, level);
	lua_pushstring(L, message);
	lua_concat(L, 2);
	lua_error(L);
}

int snowid_lua_mistake(lua_State *L)
{
	raise_mistake(L, luaL_checkstring(L, 1));
	return 0;
}

int64_t snowid_lua_integer(lua_State *L, int index, const char *name)
{
	if (!lua_isinteger(L, index))
		raise_mistake(L, lua_pushfstring(L, "%s must be an integer, not %s", name,
						 lua_type(L, index) == LUA_TNUMBER
							 ? "a float"
							 : luaL_typename(L, index)));
	return lua_tointeger(L, index);
}

double snowid_lua_number(lua_State *L, int index, const char *name)
{
	if (lua_type(L, index) != LUA_TNUMBER)
		raise_mistake(L, lua_pushfstring(L, "%s must be a number, not %s", name,
						 luaL_typename(L, index)));
	return lua_tonumber(L, index);
}

uint64_t snowid_lua_unsigned(lua_State *L, int index, const char *name, uint64_t max)
{
	const int64_t value = snowid_lua_integer(L, index, name);

	if (value < 0 || (uint64_t)value > max)
		raise_invalid(L, SNOWID_E_RANGE,
			      lua_pushfstring(L, "%s must be from 0 to %I, not %I", name,
					      (LUAI_UACINT)max, (LUAI_UACINT)value));
	return (uint64_t)value;
}

int snowid_lua_int(lua_State *L, int index, const char *name)
{
	const int64_t value = snowid_lua_integer(L, index, name);

	if (value < INT_MIN || value > INT_MAX)
		raise_invalid(L, SNOWID_E_RANGE,
			      lua_pushfstring(L, "%s must be from %d to %d, not %I", name, INT_MIN,
					      INT_MAX, (LUAI_UACINT)value));
	return (int)value;
}

const char *snowid_lua_text(lua_State *L, int index, size_t *length)
{
	size_t size;

	if (lua_type(L, index) != LUA_TSTRING)
		raise_mistake(L, lua_pushfstring(L, "a string is needed, not %s",
						 luaL_typename(L, index)));
	const char *const text = lua_tolstring(L, index, &size);
	if (length)
		*length = size;
	else if (strlen(text) != size)
		raise_invalid(L, SNOWID_E_SYNTAX, "a string with a byte 0 in it");
	return text;
}

void snowid_lua_bytes(lua_State *L, int index, const char *name, uint8_t *bytes, size_t size)
{
	size_t length;
	const char *const text = snowid_lua_text(L, index, &length);

	if (length != size)
		raise_invalid(L, SNOWID_E_RANGE,
			      lua_pushfstring(L, "%s must be %d bytes, not %d", name, (int)size,
					      (int)length));
	memcpy(bytes, text, size);
}
