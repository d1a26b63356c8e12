/* SPDX-License-Identifier: MIT
 *
 * Typemaps of snowid.i for Lua 5.3 and 5.4: the module snowid.native. Users require snowid.lua,
 * which is written on top of it.
 */
%header %{
#include "snowid-lua.h"
%}
/* Put the methods into plain tables: SWIG's own lookup is several times slower than making an
 * ID. */
%init %{
	snowid_lua_init(L);
	for (swig_lua_method *m = swig_Layout_methods; m->name; m++)
		snowid_lua_method(L, SNOWID_LUA_LAYOUT, m->name, m->func);
	for (swig_lua_method *m = swig_Clock_methods; m->name; m++)
		snowid_lua_method(L, SNOWID_LUA_CLOCK, m->name, m->func);
	for (swig_lua_method *m = swig_Config_methods; m->name; m++)
		snowid_lua_method(L, SNOWID_LUA_CONFIG, m->name, m->func);
	for (swig_lua_method *m = swig_Generator_methods; m->name; m++)
		snowid_lua_method(L, SNOWID_LUA_GENERATOR, m->name, m->func);
	for (swig_lua_method *m = swig_Mask_methods; m->name; m++)
		snowid_lua_method(L, SNOWID_LUA_MASK, m->name, m->func);
%}
%native(metatable) int snowid_lua_metatable(lua_State *L);
%native(mistake) int snowid_lua_mistake(lua_State *L);

/* ---- errors ---------------------------------------------------------------------------------- */

%typemap(out) snowid_rc {
	if ($1 < 0)
		snowid_lua_raise(L, $1);
}

/* ---- numbers: SWIG's own typemaps turn integers into floats and accept "12", 1.5 and -1 ------ */

%typemap(in) uint64_t { $1 = snowid_lua_unsigned(L, $input, "$1_name", INT64_MAX); }
/* The value of a field: the argument before it is the field's name. */
%typemap(in) uint64_t value { $1 = snowid_lua_unsigned(L, $input, arg2, INT64_MAX); }
/* An ID keeps its 64 bits: from 2^63 on it is negative in Lua. */
%typemap(in) uint64_t id { $1 = (uint64_t)snowid_lua_integer(L, $input, "$1_name"); }
%typemap(in) uint32_t { $1 = (uint32_t)snowid_lua_unsigned(L, $input, "$1_name", UINT32_MAX); }
%typemap(in) unsigned { $1 = (unsigned)snowid_lua_unsigned(L, $input, "$1_name", UINT_MAX); }
%typemap(in) size_t { $1 = (size_t)snowid_lua_unsigned(L, $input, "$1_name", INT64_MAX); }
%typemap(in) int64_t { $1 = snowid_lua_integer(L, $input, "$1_name"); }
%typemap(in) int { $1 = snowid_lua_int(L, $input, "$1_name"); }
%typemap(in) double { $1 = snowid_lua_number(L, $input, "$1_name"); }
%typemap(in) enum SWIGTYPE { $1 = ($1_ltype)snowid_lua_int(L, $input, "$1_name"); }

%define %snowid_number(TYPE)
%typemap(in, numinputs=0) TYPE *OUT (TYPE number = (TYPE)0) "$1 = &number;"
%typemap(argout) TYPE *OUT "lua_pushinteger(L, (lua_Integer)*$1); SWIG_arg++;"
%enddef
%snowid_number(uint64_t)
%snowid_number(int64_t)
%snowid_number(uint32_t)
%snowid_number(unsigned)
%snowid_number(enum snowid_form)
%snowid_number(enum snowid_uuid_variant)

%typemap(in) uint64_t *INOUT (uint64_t number) {
	number = (uint64_t)snowid_lua_integer(L, $input, "id");
	$1 = &number;
}
%typemap(argout) uint64_t *INOUT = uint64_t *OUT;

/* ---- text ------------------------------------------------------------------------------------ */

%typemap(in) const char *TEXT "$1 = (char *)snowid_lua_text(L, $input, NULL);"
%typemap(in) (const char *text, size_t length) (size_t size) {
	$1 = (char *)snowid_lua_text(L, $input, &size);
	$2 = size;
}
%apply (const char *text, size_t length) { (const char *BYTES, size_t length) };
%typemap(out) const char * "lua_pushstring(L, $1); SWIG_arg++;"
%typemap(in, numinputs=0) const char **OUT (const char *text) "$1 = (char **)&text;"
%typemap(argout) const char **OUT "lua_pushstring(L, *$1); SWIG_arg++;"
%typemap(in, numinputs=0) char text[ANY] (char text[$1_dim0]) "$1 = text;"
%typemap(argout) char text[ANY] "lua_pushstring(L, $1); SWIG_arg++;"
/* Longer than any spec or path. */
%typemap(in, numinputs=0)
(char *text, size_t size, size_t *length) (char text[8192], size_t length) {
	$1 = text;
	$2 = sizeof text;
	$3 = &length;
}
%typemap(argout) (char *text, size_t size, size_t *length) {
	lua_pushlstring(L, $1, *$3);
	SWIG_arg++;
}

/* ---- ULID and UUID: strings of 16 bytes ------------------------------------------------------ */

%typemap(in) const struct snowid_id128 * (struct snowid_id128 id) {
	snowid_lua_bytes(L, $input, "bytes", id.bytes, sizeof id.bytes);
	$1 = &id;
}
%typemap(in, numinputs=0) struct snowid_id128 *OUT (struct snowid_id128 id) "$1 = &id;"
%typemap(argout) struct snowid_id128 *OUT {
	lua_pushlstring(L, (const char *)$1->bytes, sizeof $1->bytes);
	SWIG_arg++;
}
%typemap(in) struct snowid_id128 *INOUT = const struct snowid_id128 *;
%typemap(argout) struct snowid_id128 *INOUT = struct snowid_id128 *OUT;
%typemap(in) const uint8_t IN[ANY] (uint8_t bytes[$1_dim0]) {
	snowid_lua_bytes(L, $input, "bytes", bytes, sizeof bytes);
	$1 = bytes;
}
%define %snowid_bytes(NAME)
%typemap(in, numinputs=0) uint8_t NAME[ANY] (uint8_t bytes[$1_dim0]) "$1 = bytes;"
%typemap(argout) uint8_t NAME[ANY] "lua_pushlstring(L, (const char *)$1, $1_dim0); SWIG_arg++;"
%enddef
%snowid_bytes(node)
%snowid_bytes(key)

/* ---- handles: our own userdata, which programs cannot forge ---------------------------------- */

%define %snowid_handle(OBJECT)
%typemap(in) struct snowid_##OBJECT *, const struct snowid_##OBJECT * {
	$1 = snowid_lua_##OBJECT(L, $input);
}
%typemap(in, numinputs=0)
struct snowid_##OBJECT **OUT (struct snowid_##OBJECT *made) "$1 = &made;"
%typemap(argout) struct snowid_##OBJECT **OUT {
	snowid_lua_push_##OBJECT(L, *$1);
	SWIG_arg++;
}
%enddef
%typemap(in) const struct snowid_layout *OPTIONAL {
	$1 = lua_isnoneornil(L, $input) ? NULL : snowid_lua_layout(L, $input);
}

/* Unused generators may hold the resources that a new one needs, so run the collector first. */
%feature("action") snowid_generator_new "result = snowid_lua_open(L, arg1, NULL, arg2);"
%feature("action") snowid_generator_new_for "result = snowid_lua_open(L, arg1, &arg2, arg3);"
