/* SPDX-License-Identifier: MIT
 *
 * The interface of all bindings: which functions of snowid.h are wrapped, and under which names.
 * LANGUAGE/LANGUAGE.i converts values and errors. The classes that users see are written in the
 * language itself, on top of SWIG's wrappers.
 *
 *   - A method is declared without a body: SWIG calls snowid_OBJECT_METHOD() of the library.
 *   - A negative snowid_rc is raised. Only the outputs are returned, in their order.
 *   - An instant is two numbers, seconds and nanoseconds.
 *   - A ULID or UUID is a string of 16 bytes.
 *   - A handle is never NULL: nil and None are refused, and no constructor returns one. The one
 *     exception is the layout of a mask.
 *
 * Not wrapped: snowid_generator_open(), because each language has parameters by name;
 * snowid_clock_new(), because its callbacks would enter the interpreter from any
 * thread and in the middle of a claim; snowid_id128_compare(), because every language can compare
 * strings of 16 bytes; snowid_config_set_interrupt(), which each language uses to hear its signals
 * while a generator is opened; and snowid_store_*(), with which an operator inspects and repairs a
 * store: the command `snowid store` does that, not a running program.
 */
%module snowid

%{
#include "snowid.h"

typedef int snowid_rc; /* an int that is only an error code */
%}

#if defined(SWIGPYTHON)
%include "python/python.i"
#elif defined(SWIGRUBY)
%include "ruby/ruby.i"
#elif defined(SWIGLUA)
%include "lua/lua.i"
#endif

/* Each LANGUAGE.i has typemaps for these types and names:
 *
 *     snowid_rc                                  out: raises errors and returns nothing
 *     uint64_t, unsigned, size_t, int64_t,       in: only exact integers in range
 *     uint32_t, enums, all by value
 *     double                                     in: any number
 *     uint64_t *OUT, int64_t *OUT,               argout: one integer each
 *     uint32_t *OUT, unsigned *OUT, size_t *OUT
 *     const char *TEXT                           in: text that contains no 0
 *     (const char *text, size_t length)          in: text with any content
 *     (const char *BYTES, size_t length)         in: text or bytes with any content
 *     const char *                               out: text; NULL is nil
 *     const char **OUT                           argout: the same
 *     char text[ANY]                             argout: text
 *     (char *text, size_t size, size_t *length)  argout: text of any length
 *     const struct snowid_id128 *IN              in: 16 bytes
 *     struct snowid_id128 *OUT                   argout: 16 bytes
 *     struct snowid_id128 *INOUT                 in and argout: 16 bytes
 *     const uint8_t IN[ANY]                      in: as many bytes
 *     uint8_t node[6], uint8_t key[ANY]          argout: as many bytes
 *
 * and a macro %snowid_handle(OBJECT) with typemaps for an object as an argument (never NULL, except
 * for const struct snowid_layout *OPTIONAL, where nil is NULL), and for struct snowid_OBJECT **OUT
 * (argout: the object, owned by the language). */
%apply uint64_t *OUT {
	uint64_t *id, uint64_t *value, uint64_t *wait_ns, uint64_t *next_call_ns, uint64_t *count,
	uint64_t *elapsed_ns, uint64_t *ns, uint64_t *first, uint64_t *last, uint64_t *masked
};
%apply int64_t *OUT {
	int64_t *unix_sec, int64_t *unix_ms, int64_t *from_sec, int64_t *before_sec
};
%apply uint32_t *OUT { uint32_t *nsec, uint32_t *from_nsec, uint32_t *before_nsec };
%apply unsigned *OUT { unsigned *bits, unsigned *shift, unsigned *version, unsigned *clock_seq };
%apply struct snowid_id128 *OUT {
	struct snowid_id128 *id, struct snowid_id128 *uuid1, struct snowid_id128 *uuid6,
	struct snowid_id128 *first, struct snowid_id128 *last
};
%apply const char *TEXT {
	const char *spec, const char *name, const char *kind, const char *url, const char *key,
	const char *value_text
};
%apply const char **OUT { const char **name };

%snowid_handle(layout)
%snowid_handle(clock)
%snowid_handle(config)
%snowid_handle(generator)
%snowid_handle(mask)

%nodefaultctor;

/* ---- constants of the header, without SNOWID_ ------------------------------------------------ */

%rename("$ignore", %$isfunction, %$isglobal) "";
%rename("$ignore", regextarget=1) "^snowid_.*_fn$";
%rename("$ignore", regextarget=1) "^SNOWID_(H|VERSION_.*|.*_TEXT|UUID_NIL|UUID_MAX)$";
%rename("%(strip:[SNOWID_])s", %$isenumitem) "";
%ignore snowid_id128;
%rename(Layout) snowid_layout;
%rename(Clock) snowid_clock;
%rename(Config) snowid_config;
%rename(Generator) snowid_generator;
%rename(Mask) snowid_mask;
%include "snowid.h"
%rename("%(strip:[snowid_])s", %$isfunction, %$isglobal) "";

/* ---- objects --------------------------------------------------------------------------------- */

snowid_rc snowid_layout_new(const char *spec, struct snowid_layout **OUT);

struct snowid_layout {
	%extend {
		~snowid_layout() { snowid_layout_free($self); }
		snowid_rc field(uint64_t id, const char *name, uint64_t *value);
		snowid_rc set_field(const char *name, uint64_t value, uint64_t *INOUT);
		snowid_rc time(uint64_t id, int64_t *unix_sec, uint32_t *nsec);
		snowid_rc time_ms(uint64_t id, int64_t *unix_ms);
		snowid_rc first_at(int64_t sec, uint32_t nsec, uint64_t *id);
		snowid_rc last_at(int64_t sec, uint32_t nsec, uint64_t *id);
		snowid_rc range(int64_t from_sec, uint32_t from_nsec, int64_t before_sec,
				uint32_t before_nsec, uint64_t *first, uint64_t *last);
		snowid_rc info(enum snowid_layout_info which, uint64_t *value);
		snowid_rc field_at(size_t index, const char **OUT, unsigned *bits, unsigned *shift);
		snowid_rc first_time(int64_t *unix_sec, uint32_t *nsec);
		snowid_rc last_time(int64_t *unix_sec, uint32_t *nsec);
		snowid_rc fits_until(unsigned bits, int64_t *unix_sec, uint32_t *nsec);
		snowid_rc format(char *text, size_t size, size_t *length);
	}
};

snowid_rc snowid_mask_new(const uint8_t IN[SNOWID_MASK_KEY],
			  const struct snowid_layout *OPTIONAL, struct snowid_mask **OUT);
snowid_rc snowid_mask_key_parse(const char *text, size_t length, uint8_t key[SNOWID_MASK_KEY]);

struct snowid_mask {
	%extend {
		~snowid_mask() { snowid_mask_free($self); }
		snowid_rc apply(uint64_t id, uint64_t *masked);
		snowid_rc revert(uint64_t id, uint64_t *OUT);
		snowid_rc format(uint64_t id, char text[SNOWID_ID_TEXT]);
		snowid_rc parse(const char *text, size_t length, uint64_t *id);
	}
};

snowid_rc snowid_clock_new_manual(int64_t sec, uint32_t nsec, struct snowid_clock **OUT);

struct snowid_clock {
	%extend {
		~snowid_clock() { snowid_clock_free($self); }
		snowid_rc step(int64_t delta_ns);
		snowid_rc advance(uint64_t ns);
		snowid_rc read(int64_t *unix_sec, uint32_t *nsec, uint64_t *elapsed_ns);
	}
};

snowid_rc snowid_config_new(struct snowid_config **OUT);

struct snowid_config {
	%extend {
		~snowid_config() { snowid_config_free($self); }
		snowid_rc set_kind(const char *kind);
		snowid_rc set_field(const char *name, uint64_t value);
		snowid_rc set_store(const char *url);
		snowid_rc set_clock(struct snowid_clock *clock);
		snowid_rc set(const char *key, const char *value_text);
		snowid_rc get(const char *key, char *text, size_t size, size_t *length);
	}
};

snowid_rc snowid_generator_new(const struct snowid_config *config, struct snowid_generator **OUT);
snowid_rc snowid_generator_new_for(const struct snowid_config *config, uint64_t timeout_ns,
				   struct snowid_generator **OUT);

/* Each language wraps the calls that draw IDs by hand, so that other threads of the interpreter can
 * run while a call waits. */
struct snowid_generator {
	%extend {
		~snowid_generator() { snowid_generator_free($self); }
		snowid_rc close(uint64_t timeout_ns);
		snowid_rc available(uint64_t *count);
		snowid_rc maintain(uint64_t *next_call_ns);
		snowid_rc field(const char *name, uint64_t *value);
		snowid_rc get(const char *key, char *text, size_t size, size_t *length);
		snowid_rc stat(enum snowid_stat which, uint64_t *value);
	}
};

/* ---- functions ------------------------------------------------------------------------------- */

const char *snowid_strerror(int error);
const char *snowid_version(void);
const char *snowid_layout_preset(size_t index);

snowid_rc snowid_time_parse(const char *text, size_t length, int64_t *unix_sec, uint32_t *nsec);
snowid_rc snowid_period_parse(const char *text, size_t length, int64_t *from_sec,
			      uint32_t *from_nsec, int64_t *before_sec, uint32_t *before_nsec);
snowid_rc snowid_time_from_seconds(double seconds, int64_t *unix_sec, uint32_t *nsec);
snowid_rc snowid_time_format(int64_t sec, uint32_t nsec, char text[SNOWID_TIME_TEXT]);
snowid_rc snowid_span_parse(const char *text, size_t length, uint64_t *ns);
snowid_rc snowid_span_format(uint64_t ns, char text[SNOWID_SPAN_TEXT]);
snowid_rc snowid_span_from_seconds(double seconds, uint64_t *ns);

snowid_rc snowid_id_format(uint64_t id, enum snowid_form form, char text[SNOWID_ID_TEXT]);
snowid_rc snowid_id_parse(const char *text, size_t length, enum snowid_form form, uint64_t *id);
snowid_rc snowid_form_parse(const char *name, enum snowid_form *OUT);
const char *snowid_form_name(enum snowid_form form);

snowid_rc snowid_ulid_random(struct snowid_id128 *id);
snowid_rc snowid_uuid4_random(struct snowid_id128 *id);
snowid_rc snowid_uuid7_random(struct snowid_id128 *id);
snowid_rc snowid_uuid3_from_name(const struct snowid_id128 *IN, const char *BYTES, size_t length,
				 struct snowid_id128 *id);
snowid_rc snowid_uuid5_from_name(const struct snowid_id128 *IN, const char *BYTES, size_t length,
				 struct snowid_id128 *id);
snowid_rc snowid_uuid8_from_bytes(const uint8_t IN[16], struct snowid_id128 *id);
snowid_rc snowid_uuid_namespace(const char *name, struct snowid_id128 *id);
snowid_rc snowid_ulid_format(const struct snowid_id128 *IN, char text[SNOWID_ULID_TEXT]);
snowid_rc snowid_ulid_parse(const char *text, size_t length, struct snowid_id128 *id);
snowid_rc snowid_ulid_time_ms(const struct snowid_id128 *IN, int64_t *unix_ms);
snowid_rc snowid_ulid_increment(struct snowid_id128 *INOUT);
snowid_rc snowid_ulid_first_at(int64_t sec, uint32_t nsec, struct snowid_id128 *id);
snowid_rc snowid_ulid_last_at(int64_t sec, uint32_t nsec, struct snowid_id128 *id);
snowid_rc snowid_ulid_range(int64_t from_sec, uint32_t from_nsec, int64_t before_sec,
			    uint32_t before_nsec, struct snowid_id128 *first,
			    struct snowid_id128 *last);
snowid_rc snowid_uuid_format(const struct snowid_id128 *IN, char text[SNOWID_UUID_TEXT]);
snowid_rc snowid_uuid_parse(const char *text, size_t length, struct snowid_id128 *id);
snowid_rc snowid_uuid_version(const struct snowid_id128 *IN, unsigned *version);
snowid_rc snowid_uuid_variant(const struct snowid_id128 *IN, enum snowid_uuid_variant *OUT);
const char *snowid_uuid_kind(const struct snowid_id128 *IN);
snowid_rc snowid_uuid_time(const struct snowid_id128 *IN, int64_t *unix_sec, uint32_t *nsec);
snowid_rc snowid_uuid_node(const struct snowid_id128 *IN, uint8_t node[6]);
snowid_rc snowid_uuid_clock_seq(const struct snowid_id128 *IN, unsigned *clock_seq);
snowid_rc snowid_uuid_set_node(struct snowid_id128 *INOUT, const uint8_t IN[6]);
snowid_rc snowid_uuid_set_clock_seq(struct snowid_id128 *INOUT, unsigned clock_seq);
snowid_rc snowid_uuid_first_at(unsigned version, int64_t sec, uint32_t nsec,
			       struct snowid_id128 *id);
snowid_rc snowid_uuid_last_at(unsigned version, int64_t sec, uint32_t nsec,
			      struct snowid_id128 *id);
snowid_rc snowid_uuid_range(unsigned version, int64_t from_sec, uint32_t from_nsec,
			    int64_t before_sec, uint32_t before_nsec, struct snowid_id128 *first,
			    struct snowid_id128 *last);
snowid_rc snowid_uuid_1to6(const struct snowid_id128 *IN, struct snowid_id128 *uuid6);
snowid_rc snowid_uuid_6to1(const struct snowid_id128 *IN, struct snowid_id128 *uuid1);
