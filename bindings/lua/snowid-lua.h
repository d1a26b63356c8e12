/* SPDX-License-Identifier: MIT
 *
 * What SWIG's wrappers call, and what is written by hand: values, objects, and the calls that draw IDs.
 */
#ifndef SNOWID_LUA_H
#define SNOWID_LUA_H

#include <lauxlib.h>
#include <limits.h>
#include <lua.h>
#include <stdint.h>

#include "snowid.h"

#define SNOWID_LUA_LAYOUT    "snowid.layout"
#define SNOWID_LUA_CLOCK     "snowid.clock"
#define SNOWID_LUA_CONFIG    "snowid.config"
#define SNOWID_LUA_GENERATOR "snowid.generator"
#define SNOWID_LUA_ULID      "snowid.ulid"
#define SNOWID_LUA_UUID      "snowid.uuid"
#define SNOWID_LUA_ERROR     "snowid.error"

/* Makes the metatables of the above in the registry. */
void snowid_lua_init(lua_State *L);

/* Adds a method to the table that is the __index of one. */
void snowid_lua_method(lua_State *L, const char *metatable, const char *name, lua_CFunction method);

/* In Lua: of a name as "generator" the metatable, to which snowid.lua adds what it has. */
int snowid_lua_metatable(lua_State *L);

/* In Lua: raises a text as an error, at the line of the program that called snowid.lua. */
int snowid_lua_mistake(lua_State *L);

/* An error object for a negative error of the library, with the detail of the last one. */
void snowid_lua_push_error(lua_State *L, int error);
int snowid_lua_raise(lua_State *L, int error);

/* Arguments: an integer and no float or string, one from 0 to max, an int; a number and no string; a string
 * and no number, without a 0 in it where no length is asked for; the bytes of a string of this size. Errors
 * name them. */
int64_t snowid_lua_integer(lua_State *L, int index, const char *name);
double snowid_lua_number(lua_State *L, int index, const char *name);
uint64_t snowid_lua_unsigned(lua_State *L, int index, const char *name, uint64_t max);
int snowid_lua_int(lua_State *L, int index, const char *name);
const char *snowid_lua_text(lua_State *L, int index, size_t *length);
void snowid_lua_bytes(lua_State *L, int index, const char *name, uint8_t *bytes, size_t size);

/* Of an object its handle, and of a handle an object. */
struct snowid_layout *snowid_lua_layout(lua_State *L, int index);
struct snowid_clock *snowid_lua_clock(lua_State *L, int index);
struct snowid_config *snowid_lua_config(lua_State *L, int index);
struct snowid_generator *snowid_lua_generator(lua_State *L, int index);
void snowid_lua_push_layout(lua_State *L, struct snowid_layout *layout);
void snowid_lua_push_clock(lua_State *L, struct snowid_clock *clock);
void snowid_lua_push_config(lua_State *L, struct snowid_config *config);
void snowid_lua_push_generator(lua_State *L, struct snowid_generator *generator);

/* snowid_generator_new(), of which the collector is told first. */
int snowid_lua_open(lua_State *L, const struct snowid_config *config,
		    struct snowid_generator **generator);

#endif
