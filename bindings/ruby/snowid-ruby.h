/* SPDX-License-Identifier: MIT
 *
 * What SWIG's wrappers call, and what is written by hand: values, objects, and the calls that draw IDs.
 */
#ifndef SNOWID_RUBY_H
#define SNOWID_RUBY_H

#include <ruby.h>
#include <stdint.h>

#include "snowid.h"

/* Makes the classes of the objects, before SWIG adds to its own. */
void snowid_ruby_init(void);

/* The exception of a negative error, with its detail. wait_ns: after how long it is worth trying again; 0: that
 * is not known. */
VALUE snowid_ruby_make_error(int error, const char *detail, uint64_t wait_ns);

/* The same, with the detail of this thread's last one. */
VALUE snowid_ruby_error(int error, uint64_t wait_ns);
_Noreturn void snowid_ruby_raise(int error, uint64_t wait_ns);

/* An Integer within a range; raises Snowid::RangeError or TypeError, which name it. */
uint64_t snowid_ruby_unsigned(VALUE number, const char *name, uint64_t max);
int64_t snowid_ruby_signed(VALUE number, const char *name, int64_t min, int64_t max);

/* The bytes of a String of this size. */
void snowid_ruby_bytes(VALUE string, const char *name, uint8_t *bytes, size_t size);

/* Of an object its handle, and of a handle an object. */
struct snowid_layout *snowid_ruby_layout(VALUE object);
struct snowid_clock *snowid_ruby_clock(VALUE object);
struct snowid_config *snowid_ruby_config(VALUE object);
struct snowid_generator *snowid_ruby_generator(VALUE object);
VALUE snowid_ruby_new_layout(struct snowid_layout *layout);
VALUE snowid_ruby_new_clock(struct snowid_clock *clock);
VALUE snowid_ruby_new_config(struct snowid_config *config);
VALUE snowid_ruby_new_generator(struct snowid_generator *generator);

/* In Ruby: makes a generator of a config, which is spent then. */
VALUE snowid_ruby_generator_new(VALUE native, VALUE config);

/* What these do in C, without the lock of the interpreter. */
int snowid_ruby_close(struct snowid_generator *generator, uint64_t timeout_ns);
int snowid_ruby_maintain(struct snowid_generator *generator, uint64_t *again_in_ns);

#endif
