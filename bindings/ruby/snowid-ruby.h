/* SPDX-License-Identifier: MIT
 *
 * Declarations shared by SWIG's wrappers and the files that are written by hand.
 */
#ifndef SNOWID_RUBY_H
#define SNOWID_RUBY_H

#include <ruby.h>
#include <stdint.h>

#include "snowid.h"

/* Defines the public classes. Must run before SWIG adds methods to its own. */
void snowid_ruby_init(void);

/* Makes the exception for a negative error code and its detail. wait_ns is the time after which to
 * try again, 0 if it is not known. */
VALUE snowid_ruby_make_error(int error, const char *detail, uint64_t wait_ns);

/* Make or raise the exception with the detail of this thread's last error. */
VALUE snowid_ruby_error(int error, uint64_t wait_ns);
_Noreturn void snowid_ruby_raise(int error, uint64_t wait_ns);

/* Convert an Integer within a range. Raise Snowid::RangeError or TypeError with the name. */
uint64_t snowid_ruby_unsigned(VALUE number, const char *name, uint64_t max);
int64_t snowid_ruby_signed(VALUE number, const char *name, int64_t min, int64_t max);

/* Copies the bytes of a String of exactly `size` bytes. */
void snowid_ruby_bytes(VALUE string, const char *name, uint8_t *bytes, size_t size);

/* Return the handle of an object, and make an object for a handle. */
struct snowid_layout *snowid_ruby_layout(VALUE object);
struct snowid_clock *snowid_ruby_clock(VALUE object);
struct snowid_config *snowid_ruby_config(VALUE object);
struct snowid_generator *snowid_ruby_generator(VALUE object);
struct snowid_mask *snowid_ruby_mask(VALUE object);
VALUE snowid_ruby_new_layout(struct snowid_layout *layout);
VALUE snowid_ruby_new_clock(struct snowid_clock *clock);
VALUE snowid_ruby_new_config(struct snowid_config *config);
VALUE snowid_ruby_new_mask(struct snowid_mask *mask);
VALUE snowid_ruby_new_generator(struct snowid_generator *handle);

/* In Ruby: makes a generator from a config, and waits for at most a number of nanoseconds, unless
 * that is nil or left out. */
VALUE snowid_ruby_generator_new(int argc, VALUE *argv, VALUE native);

/* Call the library's functions without the interpreter's lock. */
int snowid_ruby_close(struct snowid_generator *generator, uint64_t timeout_ns);
int snowid_ruby_maintain(struct snowid_generator *generator, uint64_t *next_call_ns);

#endif
