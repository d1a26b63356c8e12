/* SPDX-License-Identifier: MIT
 *
 * The objects of the library as objects of Lua, and the calls that draw IDs.
 */
#include <stdbool.h>
#include <string.h>

#include "snowid-lua.h"

/* ---- handles --------------------------------------------------------------------------------- */

/* The userdata of all objects begins with the handle; NULL: it has been freed. */
struct generator {
	struct snowid_generator *handle;
	const char *wide; /* the metatable of its IDs; NULL: they are integers */
};

static void *handle_of(lua_State *L, int index, const char *metatable)
{
	void *const handle = *(void **)luaL_checkudata(L, index, metatable);
	luaL_argcheck(L, handle, index, "it has been freed");
	return handle;
}

struct snowid_layout *snowid_lua_layout(lua_State *L, int index)
{
	return handle_of(L, index, SNOWID_LUA_LAYOUT);
}

struct snowid_clock *snowid_lua_clock(lua_State *L, int index)
{
	return handle_of(L, index, SNOWID_LUA_CLOCK);
}

struct snowid_config *snowid_lua_config(lua_State *L, int index)
{
	return handle_of(L, index, SNOWID_LUA_CONFIG);
}

struct snowid_generator *snowid_lua_generator(lua_State *L, int index)
{
	return handle_of(L, index, SNOWID_LUA_GENERATOR);
}

static void push(lua_State *L, void *handle, const char *metatable)
{
	*(void **)lua_newuserdata(L, sizeof handle) = handle;
	luaL_setmetatable(L, metatable);
}

void snowid_lua_push_layout(lua_State *L, struct snowid_layout *layout)
{
	push(L, layout, SNOWID_LUA_LAYOUT);
}

void snowid_lua_push_clock(lua_State *L, struct snowid_clock *clock)
{
	push(L, clock, SNOWID_LUA_CLOCK);
}

void snowid_lua_push_config(lua_State *L, struct snowid_config *config)
{
	push(L, config, SNOWID_LUA_CONFIG);
}

void snowid_lua_push_generator(lua_State *L, struct snowid_generator *generator)
{
	struct generator *const g = lua_newuserdata(L, sizeof *g);
	char kind[16] = ""; /* a longer one is a layout */

	*g = (struct generator){generator, NULL};
	snowid_generator_get(generator, "kind", kind, sizeof kind, NULL);
	if (strcmp(kind, "ulid") == 0)
		g->wide = SNOWID_LUA_ULID;
	else if (strcmp(kind, "uuid1") == 0 || strcmp(kind, "uuid6") == 0 ||
		 strcmp(kind, "uuid7") == 0)
		g->wide = SNOWID_LUA_UUID;
	luaL_setmetatable(L, SNOWID_LUA_GENERATOR);
}

/* Takes the handle out of an object that is collected. */
static void *take(lua_State *L, const char *metatable)
{
	void **const object = luaL_checkudata(L, 1, metatable);
	void *const handle = *object;
	*object = NULL;
	return handle;
}

static int collect_layout(lua_State *L)
{
	snowid_layout_free(take(L, SNOWID_LUA_LAYOUT));
	return 0;
}

static int collect_clock(lua_State *L)
{
	snowid_clock_free(take(L, SNOWID_LUA_CLOCK));
	return 0;
}

static int collect_config(lua_State *L)
{
	snowid_config_free(take(L, SNOWID_LUA_CONFIG));
	return 0;
}

static int collect_generator(lua_State *L)
{
	snowid_generator_free(take(L, SNOWID_LUA_GENERATOR));
	return 0;
}

/* What a generator takes beside the heap: without knowing of it the collector would let the maps that a
 * process may have run out before it finds a reason to start. */
#define BESIDE_HEAP_KIB 8

int snowid_lua_open(lua_State *L, const struct snowid_config *config,
		    struct snowid_generator **generator)
{
	if (lua_gc(L, LUA_GCISRUNNING, 0))
		lua_gc(L, LUA_GCSTEP, BESIDE_HEAP_KIB);
	return snowid_generator_new(config, generator);
}

/* ---- drawing --------------------------------------------------------------------------------- */

static const struct generator *open_generator(lua_State *L)
{
	const struct generator *const g = luaL_checkudata(L, 1, SNOWID_LUA_GENERATOR);
	luaL_argcheck(L, g->handle, 1, "it has been freed");
	return g;
}

static void push_wide(lua_State *L, const char *metatable, const struct snowid_id128 *id)
{
	lua_createtable(L, 0, 1);
	lua_pushlstring(L, (const char *)id->bytes, sizeof id->bytes);
	lua_setfield(L, -2, "bytes");
	luaL_setmetatable(L, metatable);
}

union drawn {
	uint64_t number;
	struct snowid_id128 wide;
};

static void push_drawn(lua_State *L, const struct generator *g, const union drawn *id)
{
	if (g->wide)
		push_wide(L, g->wide, &id->wide);
	else
		lua_pushinteger(L, (lua_Integer)id->number);
}

/* A timeout in seconds as ns. */
static uint64_t timeout_of(lua_State *L, int index)
{
	const double ns = snowid_lua_number(L, index, "timeout") * 1e9;

	luaL_argcheck(L, ns >= 0, index, "timeout must not be negative");
	return ns < 0x1p64 ? (uint64_t)ns : UINT64_MAX;
}

/* The next ID, after waiting for it as long as the generator was made to. Takes no more arguments: this
 * is the iterator of ids() as well. */
static int draw(lua_State *L)
{
	const struct generator *const g = open_generator(L);
	union drawn id;
	const int error = g->wide ? snowid_generator_next128(g->handle, &id.wide)
				  : snowid_generator_next(g->handle, &id.number);

	if (error)
		return snowid_lua_raise(L, error);
	push_drawn(L, g, &id);
	return 1;
}

/* The same; a second argument is how long to wait, in seconds. */
static int generator_next(lua_State *L)
{
	union drawn id;

	if (lua_isnoneornil(L, 2))
		return draw(L);
	const struct generator *const g = open_generator(L);
	const uint64_t timeout = timeout_of(L, 2);
	const int error = g->wide ? snowid_generator_next128_for(g->handle, timeout, &id.wide)
				  : snowid_generator_next_for(g->handle, timeout, &id.number);
	if (error)
		return snowid_lua_raise(L, error);
	push_drawn(L, g, &id);
	return 1;
}

/* The next ID; or nil, and in how many seconds it is worth trying again. */
static int generator_try_next(lua_State *L)
{
	const struct generator *const g = open_generator(L);
	union drawn id;
	uint64_t wait_ns = 0;
	const int error = g->wide ? snowid_generator_try_next128(g->handle, &id.wide, &wait_ns)
				  : snowid_generator_try_next(g->handle, &id.number, &wait_ns);

	if (error && wait_ns == 0)
		return snowid_lua_raise(L, error);
	if (!error) {
		push_drawn(L, g, &id);
		return 1;
	}
	lua_pushnil(L);
	lua_pushnumber(L, (double)wait_ns / 1e9);
	return 2;
}

/* A table of as many IDs as the second argument says; the third is how long to wait, in seconds. An
 * error has those that were made before it as `partial`. */
static int generator_batch(lua_State *L)
{
	const struct generator *const g = open_generator(L);
	const size_t size = g->wide ? sizeof(struct snowid_id128) : sizeof(uint64_t);
	const size_t count =
		(size_t)snowid_lua_unsigned(L, 2, "count", (uint64_t)(PTRDIFF_MAX / size));
	const uint64_t timeout = timeout_of(L, 3);
	void *const ids = lua_newuserdata(L, count > 0 ? count * size : 1);
	size_t made = 0;
	const int error =
		g->wide ? snowid_generator_next128_batch(g->handle, ids, count, timeout, &made)
			: snowid_generator_next_batch(g->handle, ids, count, timeout, &made);

	lua_createtable(L, made < INT_MAX ? (int)made : INT_MAX, 0);
	for (size_t i = 0; i < made; i++) {
		if (g->wide)
			push_wide(L, g->wide, (const struct snowid_id128 *)ids + i);
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

static void make_metatable(lua_State *L, const char *name, lua_CFunction collect)
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
	make_metatable(L, SNOWID_LUA_LAYOUT, collect_layout);
	make_metatable(L, SNOWID_LUA_CLOCK, collect_clock);
	make_metatable(L, SNOWID_LUA_CONFIG, collect_config);
	make_metatable(L, SNOWID_LUA_GENERATOR, collect_generator);
	make_metatable(L, SNOWID_LUA_ULID, NULL);
	make_metatable(L, SNOWID_LUA_UUID, NULL);
	make_metatable(L, SNOWID_LUA_ERROR, NULL);
	snowid_lua_method(L, SNOWID_LUA_GENERATOR, "draw", draw);
	snowid_lua_method(L, SNOWID_LUA_GENERATOR, "next", generator_next);
	snowid_lua_method(L, SNOWID_LUA_GENERATOR, "try_next", generator_try_next);
	snowid_lua_method(L, SNOWID_LUA_GENERATOR, "batch", generator_batch);
}
