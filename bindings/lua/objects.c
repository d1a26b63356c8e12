/* SPDX-License-Identifier: MIT
 *
 * The library's objects as userdata of Lua, and the calls that draw IDs.
 */
#include <float.h>
#include <stdbool.h>
#include <string.h>

#include "snowid-lua.h"

/* ---- handles --------------------------------------------------------------------------------- */

/* The userdata of every object begins with the handle; NULL if the object has been freed. */
struct lua_generator {
	struct snowid_generator *handle;
	const char *wide; /* the metatable of its IDs; NULL if they are integers */
};

static void *check_handle(lua_State *L, int index, const char *metatable)
{
	void *const handle = *(void **)luaL_checkudata(L, index, metatable);
	luaL_argcheck(L, handle, index, "it has been freed");
	return handle;
}

struct snowid_layout *snowid_lua_layout(lua_State *L, int index)
{
	return check_handle(L, index, SNOWID_LUA_LAYOUT);
}

struct snowid_clock *snowid_lua_clock(lua_State *L, int index)
{
	return check_handle(L, index, SNOWID_LUA_CLOCK);
}

struct snowid_config *snowid_lua_config(lua_State *L, int index)
{
	return check_handle(L, index, SNOWID_LUA_CONFIG);
}

struct snowid_generator *snowid_lua_generator(lua_State *L, int index)
{
	return check_handle(L, index, SNOWID_LUA_GENERATOR);
}

struct snowid_mask *snowid_lua_mask(lua_State *L, int index)
{
	return check_handle(L, index, SNOWID_LUA_MASK);
}

static void push_handle(lua_State *L, void *handle, const char *metatable)
{
	*(void **)lua_newuserdata(L, sizeof handle) = handle;
	luaL_setmetatable(L, metatable);
}

void snowid_lua_push_layout(lua_State *L, struct snowid_layout *layout)
{
	push_handle(L, layout, SNOWID_LUA_LAYOUT);
}

void snowid_lua_push_clock(lua_State *L, struct snowid_clock *clock)
{
	push_handle(L, clock, SNOWID_LUA_CLOCK);
}

void snowid_lua_push_config(lua_State *L, struct snowid_config *config)
{
	push_handle(L, config, SNOWID_LUA_CONFIG);
}

void snowid_lua_push_mask(lua_State *L, struct snowid_mask *mask)
{
	push_handle(L, mask, SNOWID_LUA_MASK);
}

void snowid_lua_push_generator(lua_State *L, struct snowid_generator *handle)
{
	struct lua_generator *const generator = lua_newuserdata(L, sizeof *generator);
	char kind[16];

	*generator = (struct lua_generator){handle, NULL};
	if (snowid_generator_get(handle, "kind", kind, sizeof kind, NULL) != 0)
		kind[0] = '\0'; /* it does not fit: only layouts have longer names */
	if (strcmp(kind, "ulid") == 0)
		generator->wide = SNOWID_LUA_ULID;
	else if (strcmp(kind, "uuid1") == 0 || strcmp(kind, "uuid6") == 0 ||
		 strcmp(kind, "uuid7") == 0)
		generator->wide = SNOWID_LUA_UUID;
	luaL_setmetatable(L, SNOWID_LUA_GENERATOR);
}

/* Takes the handle out of an object that is being collected. */
static void *take_handle(lua_State *L, const char *metatable)
{
	void **const object = luaL_checkudata(L, 1, metatable);
	void *const handle = *object;
	*object = NULL;
	return handle;
}

static int collect_layout(lua_State *L)
{
	snowid_layout_free(take_handle(L, SNOWID_LUA_LAYOUT));
	return 0;
}

static int collect_clock(lua_State *L)
{
	snowid_clock_free(take_handle(L, SNOWID_LUA_CLOCK));
	return 0;
}

static int collect_config(lua_State *L)
{
	snowid_config_free(take_handle(L, SNOWID_LUA_CONFIG));
	return 0;
}

static int collect_generator(lua_State *L)
{
	snowid_generator_free(take_handle(L, SNOWID_LUA_GENERATOR));
	return 0;
}

static int collect_mask(lua_State *L)
{
	snowid_mask_free(take_handle(L, SNOWID_LUA_MASK));
	return 0;
}

/* The memory of a generator outside of Lua's heap. If the collector did not know about it, a
 * process could reach the system's limit on mappings before the collector runs. */
#define BESIDE_HEAP_KIB 8

struct lua_opening {
	lua_State *L;
	lua_Hook hook; /* when it began */
};

static int hook_was_set(void *user)
{
	const struct lua_opening *const opening = user;
	return lua_gethook(opening->L) != opening->hook;
}

/* The config belongs to the caller alone, who has just made it. */
int snowid_lua_open(lua_State *L, const struct snowid_config *config, const uint64_t *timeout_ns,
		    struct snowid_generator **generator)
{
	struct lua_opening opening = {L, lua_gethook(L)};
	struct snowid_config *const own = (struct snowid_config *)(uintptr_t)config;

	if (lua_gc(L, LUA_GCISRUNNING, 0))
		lua_gc(L, LUA_GCSTEP, BESIDE_HEAP_KIB);
	snowid_config_set_interrupt(own, hook_was_set, &opening);
	const int error = timeout_ns ? snowid_generator_new_for(config, *timeout_ns, generator)
				     : snowid_generator_new(config, generator);
	snowid_config_set_interrupt(own, NULL, NULL);
	return error;
}

/* ---- drawing --------------------------------------------------------------------------------- */

static const struct lua_generator *check_open_generator(lua_State *L)
{
	const struct lua_generator *const generator = luaL_checkudata(L, 1, SNOWID_LUA_GENERATOR);
	luaL_argcheck(L, generator->handle, 1, "it has been freed");
	return generator;
}

static void push_id128(lua_State *L, const char *metatable, const struct snowid_id128 *id)
{
	lua_createtable(L, 0, 1);
	lua_pushlstring(L, (const char *)id->bytes, sizeof id->bytes);
	lua_setfield(L, -2, "bytes");
	luaL_setmetatable(L, metatable);
}

union lua_id_value {
	uint64_t number;
	struct snowid_id128 wide;
};

static void push_id(lua_State *L, const struct lua_generator *generator,
		    const union lua_id_value *id)
{
	if (generator->wide)
		push_id128(L, generator->wide, &id->wide);
	else
		lua_pushinteger(L, (lua_Integer)id->number);
}

/* Converts a timeout, which is a number of seconds, infinite or text, to ns. */
static uint64_t check_timeout(lua_State *L, int index)
{
	uint64_t ns = UINT64_MAX;
	size_t length;
	int error = 0;

	if (lua_type(L, index) == LUA_TSTRING) {
		const char *const text = snowid_lua_text(L, index, &length);
		error = snowid_span_parse(text, length, &ns);
	} else {
		const double seconds = snowid_lua_number(L, index, "timeout");
		if (!(seconds > DBL_MAX))
			error = snowid_span_from_seconds(seconds, &ns);
	}
	if (error)
		snowid_lua_raise(L, error);
	return ns;
}

/* Draws an ID, and waits for up to the generator's own timeout. Ignores all further arguments,
 * because it is also the iterator of ids(). */
static int method_draw(lua_State *L)
{
	const struct lua_generator *const generator = check_open_generator(L);
	union lua_id_value id;
	const int error = generator->wide ? snowid_generator_next128(generator->handle, &id.wide)
					  : snowid_generator_next(generator->handle, &id.number);

	if (error)
		return snowid_lua_raise(L, error);
	push_id(L, generator, &id);
	return 1;
}

/* The same, but the second argument is the timeout. */
static int method_next(lua_State *L)
{
	union lua_id_value id;

	if (lua_isnoneornil(L, 2))
		return method_draw(L);
	const struct lua_generator *const generator = check_open_generator(L);
	const uint64_t timeout = check_timeout(L, 2);
	const int error =
		generator->wide ? snowid_generator_next128_for(generator->handle, timeout, &id.wide)
				: snowid_generator_next_for(generator->handle, timeout, &id.number);
	if (error)
		return snowid_lua_raise(L, error);
	push_id(L, generator, &id);
	return 1;
}

/* Draws an ID; or returns nil, and the number of seconds after which to try again. */
static int method_try_next(lua_State *L)
{
	const struct lua_generator *const generator = check_open_generator(L);
	union lua_id_value id;
	uint64_t wait_ns = 0;
	const int error =
		generator->wide
			? snowid_generator_try_next128(generator->handle, &id.wide, &wait_ns)
			: snowid_generator_try_next(generator->handle, &id.number, &wait_ns);

	if (error && wait_ns == 0)
		return snowid_lua_raise(L, error);
	if (!error) {
		push_id(L, generator, &id);
		return 1;
	}
	lua_pushnil(L);
	lua_pushnumber(L, (double)wait_ns / 1e9);
	return 2;
}

/* Returns a table of IDs. The second argument is their number, the third the timeout. An
 * error contains the IDs already made as `partial`. */
static int method_batch(lua_State *L)
{
	const struct lua_generator *const generator = check_open_generator(L);
	const size_t size = generator->wide ? sizeof(struct snowid_id128) : sizeof(uint64_t);
	const size_t count =
		(size_t)snowid_lua_unsigned(L, 2, "count", (uint64_t)(PTRDIFF_MAX / size));
	const uint64_t timeout = check_timeout(L, 3);
	void *const ids = lua_newuserdata(L, count > 0 ? count * size : 1);
	size_t made = 0;
	const int error = generator->wide ? snowid_generator_next128_batch(generator->handle, ids,
									   count, timeout, &made)
					  : snowid_generator_next_batch(generator->handle, ids,
									count, timeout, &made);

	lua_createtable(L, made < INT_MAX ? (int)made : INT_MAX, 0);
	for (size_t i = 0; i < made; i++) {
		if (generator->wide)
			push_id128(L, generator->wide, (const struct snowid_id128 *)ids + i);
		else
			lua_pushinteger(L, (lua_Integer)((const uint64_t *)ids)[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	if (!error)
		return 1;
	snowid_lua_push_error(L, error);
	lua_insert(L, -2);
	lua_setfield(L, -2, "partial");
	return lua_error(L);
}

/* ---- classes --------------------------------------------------------------------------------- */

void snowid_lua_method(lua_State *L, const char *metatable, const char *name, lua_CFunction method)
{
	luaL_getmetatable(L, metatable);
	lua_getfield(L, -1, "__index");
	lua_pushcfunction(L, method);
	lua_setfield(L, -2, name);
	lua_pop(L, 2);
}

int snowid_lua_metatable(lua_State *L)
{
	luaL_getmetatable(L, lua_pushfstring(L, "snowid.%s", luaL_checkstring(L, 1)));
	return 1;
}

static void new_metatable(lua_State *L, const char *name, lua_CFunction collect)
{
	luaL_newmetatable(L, name);
	lua_newtable(L);
	lua_setfield(L, -2, "__index");
	if (collect) {
		lua_pushcfunction(L, collect);
		lua_setfield(L, -2, "__gc");
	}
	lua_pop(L, 1);
}

void snowid_lua_init(lua_State *L)
{
	new_metatable(L, SNOWID_LUA_LAYOUT, collect_layout);
	new_metatable(L, SNOWID_LUA_CLOCK, collect_clock);
	new_metatable(L, SNOWID_LUA_CONFIG, collect_config);
	new_metatable(L, SNOWID_LUA_GENERATOR, collect_generator);
	new_metatable(L, SNOWID_LUA_MASK, collect_mask);
	new_metatable(L, SNOWID_LUA_ULID, NULL);
	new_metatable(L, SNOWID_LUA_UUID, NULL);
	new_metatable(L, SNOWID_LUA_ERROR, NULL);
	snowid_lua_method(L, SNOWID_LUA_GENERATOR, "draw", method_draw);
	snowid_lua_method(L, SNOWID_LUA_GENERATOR, "next", method_next);
	snowid_lua_method(L, SNOWID_LUA_GENERATOR, "try_next", method_try_next);
	snowid_lua_method(L, SNOWID_LUA_GENERATOR, "batch", method_batch);
}
