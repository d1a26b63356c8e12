/* SPDX-License-Identifier: MIT
 *
 * Declarations shared by SWIG's wrappers and the files that are written by hand.
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
#define SNOWID_LUA_MASK      "snowid.mask"
#define SNOWID_LUA_ULID      "snowid.ulid"
#define SNOWID_LUA_UUID      "snowid.uuid"
#define SNOWID_LUA_ERROR     "snowid.error"

/* Makes the metatables of these names in the registry. */
void snowid_lua_init(lua_State *L);

/* Adds a method to the __index table of a metatable. */
void snowid_lua_method(lua_State *L, const char *metatable, const char *name, lua_CFunction method);

/* In Lua: returns the metatable of a name such as "generator", to which snowid.lua adds methods. */
int snowid_lua_metatable(lua_State *L);

/* In Lua: raises a text as an error at the line of the program that called snowid.lua. */
int snowid_lua_mistake(lua_State *L);

/* Pushes or raises an error object for a negative error code, with the detail of the last error. */
void snowid_lua_push_error(lua_State *L, int error);
int snowid_lua_raise(lua_State *L, int error);

/* Read arguments without any of Lua's conversions between strings, floats and integers; `name`
 * names the argument in errors. A text must not contain a 0 if `length` is NULL; snowid_lua_bytes()
 * takes a string of exactly `size` bytes. */
int64_t snowid_lua_integer(lua_State *L, int index, const char *name);
double snowid_lua_number(lua_State *L, int index, const char *name);
uint64_t snowid_lua_unsigned(lua_State *L, int index, const char *name, uint64_t max);
int snowid_lua_int(lua_State *L, int index, const char *name);
const char *snowid_lua_text(lua_State *L, int index, size_t *length);
void snowid_lua_bytes(lua_State *L, int index, const char *name, uint8_t *bytes, size_t size);

/* Return the handle of an object, and push an object for a handle. */
struct snowid_layout *snowid_lua_layout(lua_State *L, int index);
struct snowid_clock *snowid_lua_clock(lua_State *L, int index);
struct snowid_config *snowid_lua_config(lua_State *L, int index);
struct snowid_generator *snowid_lua_generator(lua_State *L, int index);
struct snowid_mask *snowid_lua_mask(lua_State *L, int index);
void snowid_lua_push_layout(lua_State *L, struct snowid_layout *layout);
void snowid_lua_push_clock(lua_State *L, struct snowid_clock *clock);
void snowid_lua_push_config(lua_State *L, struct snowid_config *config);
void snowid_lua_push_generator(lua_State *L, struct snowid_generator *handle);
void snowid_lua_push_mask(lua_State *L, struct snowid_mask *mask);

/* Opens a generator, for at most *timeout_ns unless that is NULL, after telling the collector about
 * its memory. Gives up when a hook is set meanwhile, as Ctrl-C does in the interpreter lua. */
int snowid_lua_open(lua_State *L, const struct snowid_config *config, const uint64_t *timeout_ns,
		    struct snowid_generator **generator);

#endif
