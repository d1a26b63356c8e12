/* SPDX-License-Identifier: MIT
 *
 * Converts errors, numbers and bytes between Ruby and C.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "snowid-ruby.h"

/* lib/snowid/error.rb chooses the class. */
VALUE snowid_ruby_make_error(int error, const char *detail, uint64_t wait_ns)
{
	const VALUE snowid = rb_const_get(rb_cObject, rb_intern("Snowid"));
	return rb_funcall(rb_const_get(snowid, rb_intern("Errors")), rb_intern("make"), 3,
			  INT2NUM(error), rb_utf8_str_new_cstr(detail), ULL2NUM(wait_ns));
}

VALUE snowid_ruby_error(int error, uint64_t wait_ns)
{
	char detail[512] = "";

	snowid_error_detail(detail, sizeof detail);
	return snowid_ruby_make_error(error, detail, wait_ns);
}

_Noreturn void snowid_ruby_raise(int error, uint64_t wait_ns)
{
	rb_exc_raise(snowid_ruby_error(error, wait_ns));
}

static _Noreturn void raise_out_of_range(VALUE number, const char *name, const char *bounds)
{
	VALUE shown = rb_inspect(number);
	char detail[160];

	snprintf(detail, sizeof detail, "%s must be %s, not %.60s", name, bounds,
		 StringValueCStr(shown));
	rb_exc_raise(snowid_ruby_make_error(SNOWID_E_RANGE, detail, 0));
}

static void require_integer(VALUE number, const char *name)
{
	if (!RB_INTEGER_TYPE_P(number))
		rb_raise(rb_eTypeError, "%s must be an Integer, not %" PRIsVALUE, name,
			 rb_obj_class(number));
}

uint64_t snowid_ruby_unsigned(VALUE number, const char *name, uint64_t max)
{
	uint64_t value = 0;
	char bounds[64];

	require_integer(number, name);
	/* 0 or 1 means that it is not negative and fits. */
	const int sign =
		rb_integer_pack(number, &value, 1, sizeof value, 0, INTEGER_PACK_NATIVE_BYTE_ORDER);
	if ((sign == 0 || sign == 1) && value <= max)
		return value;
	snprintf(bounds, sizeof bounds, "from 0 to %" PRIu64, max);
	raise_out_of_range(number, name, bounds);
}

int64_t snowid_ruby_signed(VALUE number, const char *name, int64_t min, int64_t max)
{
	int64_t value = 0;
	char bounds[64];

	require_integer(number, name);
	/* -1 to 1 means that its two's complement fits, except for the sign bit. */
	const int sign = rb_integer_pack(number, &value, 1, sizeof value, 0,
					 INTEGER_PACK_NATIVE_BYTE_ORDER | INTEGER_PACK_2COMP);
	if (sign >= -1 && sign <= 1 && (sign < 0) == (value < 0) && value >= min && value <= max)
		return value;
	snprintf(bounds, sizeof bounds, "from %" PRId64 " to %" PRId64, min, max);
	raise_out_of_range(number, name, bounds);
}

void snowid_ruby_bytes(VALUE string, const char *name, uint8_t *bytes, size_t size)
{
	char bounds[64];

	StringValue(string);
	if ((size_t)RSTRING_LEN(string) == size) {
		memcpy(bytes, RSTRING_PTR(string), size);
		return;
	}
	snprintf(bounds, sizeof bounds, "a String of %zu bytes", size);
	raise_out_of_range(string, name, bounds);
}
