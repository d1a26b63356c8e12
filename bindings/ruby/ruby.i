/* SPDX-License-Identifier: MIT
 *
 * Typemaps of snowid.i for Ruby: the module Snowid::Native. Users require lib/snowid.rb, which is
 * written on top of it.
 */
%header %{
#include "snowid-ruby.h"
%}
%init %{
	snowid_ruby_init();
	rb_define_module_function(mNative, "generator_new", snowid_ruby_generator_new, -1);
%}

/* ---- errors ---------------------------------------------------------------------------------- */

%typemap(out) snowid_rc {
	if ($1 < 0)
		snowid_ruby_raise($1, 0);
	$result = Qnil;
}

/* ---- numbers: SWIG's own typemaps read -1 as 2^64 - 1, and 1.5 as 1 -------------------------- */

%typemap(in) uint64_t { $1 = snowid_ruby_unsigned($input, "$1_name", UINT64_MAX); }
/* The value of a field: the argument before it is the field's name. */
%typemap(in) uint64_t value { $1 = snowid_ruby_unsigned($input, arg2, UINT64_MAX); }
%typemap(in) uint32_t { $1 = (uint32_t)snowid_ruby_unsigned($input, "$1_name", UINT32_MAX); }
%typemap(in) unsigned { $1 = (unsigned)snowid_ruby_unsigned($input, "$1_name", UINT_MAX); }
%typemap(in) size_t { $1 = (size_t)snowid_ruby_unsigned($input, "$1_name", SIZE_MAX); }
%typemap(in) int64_t { $1 = snowid_ruby_signed($input, "$1_name", INT64_MIN, INT64_MAX); }
%typemap(in) int, enum SWIGTYPE {
	$1 = ($1_ltype)snowid_ruby_signed($input, "$1_name", INT_MIN, INT_MAX);
}

%define %snowid_number(TYPE, FROM)
%typemap(in, numinputs=0) TYPE *OUT (TYPE number = (TYPE)0) "$1 = &number;"
%typemap(argout) TYPE *OUT "$result = SWIG_Ruby_AppendOutput($result, FROM(*$1));"
%enddef
%snowid_number(uint64_t, ULL2NUM)
%snowid_number(int64_t, LL2NUM)
%snowid_number(uint32_t, UINT2NUM)
%snowid_number(unsigned, UINT2NUM)
%snowid_number(enum snowid_form, INT2NUM)
%snowid_number(enum snowid_uuid_variant, INT2NUM)

%typemap(in) uint64_t *INOUT (uint64_t number) {
	number = snowid_ruby_unsigned($input, "id", UINT64_MAX);
	$1 = &number;
}
%typemap(argout) uint64_t *INOUT = uint64_t *OUT;

/* ---- text ------------------------------------------------------------------------------------ */

%typemap(in) const char *TEXT "$1 = StringValueCStr($input);"
%typemap(in) (const char *text, size_t length) {
	StringValue($input);
	$1 = RSTRING_PTR($input);
	$2 = (size_t)RSTRING_LEN($input);
}
%apply (const char *text, size_t length) { (const char *BYTES, size_t length) };
%typemap(out) const char * "$result = $1 ? rb_utf8_str_new_cstr($1) : Qnil;"
%typemap(in, numinputs=0) const char **OUT (const char *text) "$1 = (char **)&text;"
%typemap(argout) const char **OUT {
	$result = SWIG_Ruby_AppendOutput($result, rb_utf8_str_new_cstr(*$1));
}
%typemap(in, numinputs=0) char text[ANY] (char text[$1_dim0]) "$1 = text;"
%typemap(argout) char text[ANY] {
	$result = SWIG_Ruby_AppendOutput($result, rb_utf8_str_new_cstr($1));
}
/* Longer than any spec or path. */
%typemap(in, numinputs=0)
(char *text, size_t size, size_t *length) (char text[8192], size_t length) {
	$1 = text;
	$2 = sizeof text;
	$3 = &length;
}
%typemap(argout) (char *text, size_t size, size_t *length) {
	$result = SWIG_Ruby_AppendOutput($result, rb_utf8_str_new($1, (long)*$3));
}

/* ---- ULID and UUID: strings of 16 bytes ------------------------------------------------------ */

%typemap(in) const struct snowid_id128 * (struct snowid_id128 id) {
	snowid_ruby_bytes($input, "bytes", id.bytes, sizeof id.bytes);
	$1 = &id;
}
%typemap(in, numinputs=0) struct snowid_id128 *OUT (struct snowid_id128 id) "$1 = &id;"
%typemap(argout) struct snowid_id128 *OUT {
	$result = SWIG_Ruby_AppendOutput($result,
		rb_str_new((const char *)$1->bytes, sizeof $1->bytes));
}
%typemap(in) struct snowid_id128 *INOUT = const struct snowid_id128 *;
%typemap(argout) struct snowid_id128 *INOUT = struct snowid_id128 *OUT;
%typemap(in) const uint8_t IN[ANY] (uint8_t bytes[$1_dim0]) {
	snowid_ruby_bytes($input, "bytes", bytes, sizeof bytes);
	$1 = bytes;
}
%define %snowid_bytes(NAME)
%typemap(in, numinputs=0) uint8_t NAME[ANY] (uint8_t bytes[$1_dim0]) "$1 = bytes;"
%typemap(argout) uint8_t NAME[ANY] {
	$result = SWIG_Ruby_AppendOutput($result, rb_str_new((const char *)$1, $1_dim0));
}
%enddef
%snowid_bytes(node)
%snowid_bytes(key)

/* ---- handles: our own typed data, which programs cannot forge -------------------------------- */

%define %snowid_handle(OBJECT)
%typemap(in) struct snowid_##OBJECT *, const struct snowid_##OBJECT * {
	$1 = snowid_ruby_##OBJECT($input);
}
%typemap(in, numinputs=0)
struct snowid_##OBJECT **OUT (struct snowid_##OBJECT *made) "$1 = &made;"
%typemap(argout) struct snowid_##OBJECT **OUT {
	$result = SWIG_Ruby_AppendOutput($result, snowid_ruby_new_##OBJECT(*$1));
}
%enddef
%typemap(in) const struct snowid_layout *OPTIONAL {
	$1 = NIL_P($input) ? NULL : snowid_ruby_layout($input);
}

/* ---- calls that may wait release the interpreter's lock -------------------------------------- */

%ignore snowid_generator_new; /* see opening.c */
%ignore snowid_generator_new_for;
%feature("action") snowid_generator::close "result = snowid_ruby_close(arg1, arg2);"
%feature("action") snowid_generator::maintain "result = snowid_ruby_maintain(arg1, arg2);"
