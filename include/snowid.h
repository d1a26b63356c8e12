/* SPDX-License-Identifier: MIT
 *
 * snowid.h - distributed unique IDs: Snowflake layouts, ULID and UUID
 *
 * Link with -lsnowid (pkg-config --cflags --libs snowid). To make IDs, start at
 * snowid_generator_open(). Each function has a man page with an example.
 *
 * Conventions, which hold for every function unless its comment says otherwise:
 *
 *   Errors     A function that returns int returns 0 on success or a negative error code:
 *              SNOWID_E_* (-1000 and below) for errors of this library, -errno (above -1000) for
 *              errors of the system. snowid_strerror() describes both, and snowid_error_detail()
 *              gives the full message of the calling thread's last error. Passing NULL where the
 *              comment does not allow it is SNOWID_E_INVALID. On error, outputs are left unchanged.
 *   Threads    MT-Safe: any number of threads may use a generator, layout, clock or mask at once.
 *              Only one thread at a time may use a config. No object may be freed while another
 *              thread is using it.
 *   Fork       Parent and child may both keep using a generator: they share its state and never
 *              make the same ID.
 *   Cancelling next, next_for and next_batch, also those for 128 bits, are cancellation points of
 *              pthread_cancel() while they sleep: the thread ends there, and the IDs that it has
 *              taken are lost. No other function is one. A signal handler or a function of a custom
 *              clock may jump out of (siglongjmp) or end a thread in those and in
 *              snowid_generator_maintain(), which leaves nothing locked, but not in others. No
 *              function may be cancelled asynchronously (PTHREAD_CANCEL_ASYNCHRONOUS).
 *   Ownership  An object created by X_new() is freed by X_free(); X_free(NULL) does nothing.
 *              Strings passed in are copied. A string returned as const char * is static or belongs
 *              to the object it came from, and must not be freed.
 *   Time       An instant is a number of seconds since 1970-01-01T00:00:00Z (int64_t, may be
 *              negative) and of nanoseconds from 0 to 999999999 within that second. A span is a
 *              number of nanoseconds (uint64_t). Neither counts leap seconds.
 *   Since      0.1, unless the comment names a later version.
 */
#ifndef SNOWID_H
#define SNOWID_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Compilers that can, warn if an error is ignored, or if the arguments of a call do not end in
 * NULL. */
#ifdef __GNUC__
#define SNOWID_MUST_CHECK   __attribute__((warn_unused_result))
#define SNOWID_ENDS_IN_NULL __attribute__((sentinel))
#else
#define SNOWID_MUST_CHECK
#define SNOWID_ENDS_IN_NULL
#endif

#define SNOWID_VERSION_MAJOR 0
#define SNOWID_VERSION_MINOR 1
#define SNOWID_VERSION_PATCH 0

/* ---- errors ---------------------------------------------------------------------------------- */

enum snowid_error {
	SNOWID_E_INVALID = -1000,  /* an argument is NULL or makes no sense here */
	SNOWID_E_RANGE = -1001,    /* a value is out of the range of its field, layout or setting */
	SNOWID_E_SYNTAX = -1002,   /* a text is malformed: its length, a byte or its structure */
	SNOWID_E_OVERFLOW = -1003, /* the value of a text, or a sum, is too large for its type */
	SNOWID_E_UNKNOWN = -1004,  /* there is no field, setting, preset or form with that name */
	SNOWID_E_KIND = -1005,     /* the function does not apply to this kind of ID */
	SNOWID_E_WORKER = -1006,   /* the worker is neither set nor assigned by a store */
	SNOWID_E_STORE = -1007,    /* there is no such store, or it cannot be relied on */
	SNOWID_E_CLOCK = -1008,    /* the clock is behind the IDs issued, or has jumped ahead */
	SNOWID_E_EXHAUSTED = -1009, /* the sequence of the current tick is used up */
	SNOWID_E_LIMIT = -1010,     /* the store does not allow IDs this late yet */
	SNOWID_E_EPOCH = -1011,     /* the clock is before the epoch of the layout */
	SNOWID_E_ENDED = -1012,     /* the layout has ended */
	SNOWID_E_CLOSED = -1013     /* the generator has been closed */
};

/* Describes an error code in a few words, without a full stop. Accepts 0. Static, never NULL. */
const char *snowid_strerror(int error);

/* Writes the full message of the calling thread's last error: what went wrong, by how much, and
 * what to do. Writes at most size bytes including the terminating 0, and returns the length of the
 * whole message without it (0: no function has failed in this thread). text may be NULL if size is
 * 0. A function that succeeds does not clear the message. Control characters, as in a path or a
 * damaged file, are replaced by ?. */
size_t snowid_error_detail(char *text, size_t size);

/* The version of the library in use, "MAJOR.MINOR.PATCH". Static. */
const char *snowid_version(void);

/* ---- instants and spans ---------------------------------------------------------------------- */

#define SNOWID_TIME_TEXT 31 /* bytes for the text of an instant, with its terminating 0 */
#define SNOWID_SPAN_TEXT 24 /* bytes for the text of a span, with its terminating 0 */

/* Reads an instant from exactly length bytes:
 *     2024-01-03T19:30:00.5Z         ISO 8601 / RFC 3339, in UTC or with an offset (+01:00, +0100,
 *                                    +01). Decimals or seconds may be missing
 *     20240103T193000Z               the same in the basic format
 *     2024-01-03, 20240103, 2024-01  a date or a month: its first midnight in UTC
 *     @1704310200.5, @-5             seconds since 1970
 *     1704310200500                  12 or 13 digits (1973 to 2286): milliseconds since 1970
 * From 1582-10-15 to the end of 9999. SNOWID_E_SYNTAX: anything else. Any other integer has more
 * than one meaning, and the message lists them. SNOWID_E_RANGE: outside these years. */
int snowid_time_parse(const char *text, size_t length, int64_t *unix_sec,
		      uint32_t *nsec) SNOWID_MUST_CHECK;

/* Reads the same texts as all of the time that they mean: a month, a day, a minute, a second, or a
 * fraction of a second with as many digits as there are; 12 or 13 digits mean one millisecond, and
 * @ without decimals one second. The time begins at `from`, and ends before `before`. */
int snowid_period_parse(const char *text, size_t length, int64_t *from_sec, uint32_t *from_nsec,
			int64_t *before_sec, uint32_t *before_nsec) SNOWID_MUST_CHECK;

/* Converts a number of seconds since 1970, rounded to the last decimal place, at most the ninth, of
 * which doubles of its magnitude can tell all values apart: microseconds from 1970 to 2242, so that
 * sec + nsec / 1e9 of a whole number of microseconds converts back to it. SNOWID_E_RANGE: outside
 * the years 1582 to 9999, or not a number. */
int snowid_time_from_seconds(double seconds, int64_t *unix_sec, uint32_t *nsec) SNOWID_MUST_CHECK;

/* Writes an instant as ISO 8601 in UTC, with 3, 6 or 9 decimals as needed. SNOWID_E_RANGE: nsec is
 * above 999999999, or the year is not 0 to 9999. */
int snowid_time_format(int64_t unix_sec, uint32_t nsec,
		       char text[SNOWID_TIME_TEXT]) SNOWID_MUST_CHECK;

/* Reads a span from exactly length bytes: an integer with the unit ns, us, ms, s, m or h, such as
 * "5ms"; or "0". SNOWID_E_SYNTAX. SNOWID_E_OVERFLOW: 2^64 ns (584 years) or longer. */
int snowid_span_parse(const char *text, size_t length, uint64_t *ns) SNOWID_MUST_CHECK;

/* Writes a span in the largest unit in which it is an integer. */
int snowid_span_format(uint64_t ns, char text[SNOWID_SPAN_TEXT]);

/* Converts a number of seconds, rounded as by snowid_time_from_seconds(). SNOWID_E_RANGE: negative,
 * not a number, or 2^64 ns or longer. */
int snowid_span_from_seconds(double seconds, uint64_t *ns) SNOWID_MUST_CHECK;

/* ---- layouts: the bits of a 64-bit ID -------------------------------------------------------- */

/* A layout says which bits of a 64-bit ID hold the time, the sequence and other named fields, and
 * what the unit of time and the epoch are. It cannot be changed once created.
 *
 * A spec lists the fields and their widths in bits, from the most significant bit down:
 *
 *     time:41,datacenter:5,worker:5,sequence:12;epoch=2021-01-01T00:00:00Z;unit=1ms
 *
 * `time` comes first, `sequence` at most once and anywhere after it. Any number of other fields may
 * follow in any order, with names of up to 31 of the characters a-z, 0-9 and _, a letter first (but
 * not id, kind or unix_ms, which tools print beside the fields). There are at most 64 bits in
 * total. epoch is an instant as in snowid_time_parse(), or any number of milliseconds since 1970
 * (default: 1970-01-01), unit a multiple of 100ns up to 1s (default: 1ms). The name of a preset can
 * replace the fields, alone or with another epoch or unit: "snowflake;epoch=2024-01-01T00:00:00Z".
 * The presets are:
 *
 *     snowflake   time:41,datacenter:5,worker:5,sequence:12   epoch 2021-01-01
 *     twitter     as snowflake                                epoch 1288834974657 ms
 *     discord     time:42,worker:5,process:5,sequence:12      epoch 2015-01-01
 *     instagram   time:41,shard:13,sequence:10                epoch 1314220021721 ms, uses 64 bits
 *     sonyflake   time:39,sequence:8,machine:16               epoch 2014-09-01, unit 10ms
 *     js53        time:41,worker:6,sequence:6                 epoch 2021-01-01, fits in JavaScript
 *
 * (Sources: Twitter "Announcing Snowflake", 2010; Discord API reference; "Sharding & IDs at
 * Instagram", 2012; github.com/sony/sonyflake.) */
struct snowid_layout;

/* Creates a layout from the name of a preset or a spec. SNOWID_E_SYNTAX; SNOWID_E_RANGE: a width,
 * the epoch or the unit; SNOWID_E_UNKNOWN: no such preset or option; -ENOMEM. */
int snowid_layout_new(const char *spec, struct snowid_layout **layout) SNOWID_MUST_CHECK;
void snowid_layout_free(struct snowid_layout *layout);

/* The name of the preset `index`, counted from 0; NULL if there are no more. Static. */
const char *snowid_layout_preset(size_t index);

/* Reads one field of an ID. The fields include "sequence" and "time" (in ticks since the epoch).
 * SNOWID_E_UNKNOWN: no such field. SNOWID_E_RANGE: the ID has bits set above those of the
 * layout. */
int snowid_layout_field(const struct snowid_layout *layout, uint64_t id, const char *name,
			uint64_t *value) SNOWID_MUST_CHECK;

/* Replaces the value of one field in *id. SNOWID_E_UNKNOWN: no such field. SNOWID_E_RANGE: the
 * value does not fit the field, or the ID has bits set above those of the layout. */
int snowid_layout_set_field(const struct snowid_layout *layout, const char *name, uint64_t value,
			    uint64_t *id) SNOWID_MUST_CHECK;

/* When an ID was made: the start of its tick. time_ms gives milliseconds since 1970, rounded down.
 * It may be after the year 9999, which snowid_time_format() cannot write. SNOWID_E_RANGE: the ID
 * has bits set above those of the layout, or its time does not fit into 64 bits. */
int snowid_layout_time(const struct snowid_layout *layout, uint64_t id, int64_t *unix_sec,
		       uint32_t *nsec) SNOWID_MUST_CHECK;
int snowid_layout_time_ms(const struct snowid_layout *layout, uint64_t id,
			  int64_t *unix_ms) SNOWID_MUST_CHECK;

/* The smallest and the largest ID of the tick that contains an instant, for range queries.
 * SNOWID_E_INVALID: nsec is above 999999999. SNOWID_E_RANGE: the instant is outside the layout; *id
 * is then set to the smallest or largest ID of the layout. */
int snowid_layout_first_at(const struct snowid_layout *layout, int64_t unix_sec, uint32_t nsec,
			   uint64_t *id) SNOWID_MUST_CHECK;
int snowid_layout_last_at(const struct snowid_layout *layout, int64_t unix_sec, uint32_t nsec,
			  uint64_t *id) SNOWID_MUST_CHECK;

/* The smallest and the largest ID of the time that begins at `from` and ends before `before`, both
 * cut off to their tick, so that periods that follow each other neither share an ID nor leave one
 * out. If no ID is between them, *first is greater than *last, and BETWEEN selects nothing.
 * from_sec INT64_MIN means from the first ID, and before_sec INT64_MAX to the last; `before` may be
 * the end of the last tick. SNOWID_E_INVALID: nsec is above 999999999. SNOWID_E_RANGE: `before` is
 * earlier than `from`, or one of them is outside the layout. */
int snowid_layout_range(const struct snowid_layout *layout, int64_t from_sec, uint32_t from_nsec,
			int64_t before_sec, uint32_t before_nsec, uint64_t *first,
			uint64_t *last) SNOWID_MUST_CHECK;

enum snowid_layout_info {
	SNOWID_LAYOUT_BITS,         /* total number of bits, 1 to 64 */
	SNOWID_LAYOUT_FIELDS,       /* number of fields, including time and sequence */
	SNOWID_LAYOUT_UNIT_NS,      /* length of a tick in nanoseconds */
	SNOWID_LAYOUT_IDS_PER_TICK, /* 2 to the power of the number of sequence bits */
	SNOWID_LAYOUT_NODES,        /* combined values of all fields but time and sequence */
	SNOWID_LAYOUT_LAST_TICK,    /* the last tick, at most the last of the year 9999 */
	SNOWID_LAYOUT_FINGERPRINT   /* hash of widths, place of the sequence, unit and epoch */
};
/* Reads one number that describes a layout. SNOWID_E_INVALID: no such `which`. */
int snowid_layout_info(const struct snowid_layout *layout, enum snowid_layout_info which,
		       uint64_t *value);

/* Describes the field `index`, counted from 0 for the most significant: its name (belongs to the
 * layout), its width, and the position of its lowest bit. Any output may be NULL. SNOWID_E_RANGE:
 * there are no more fields. */
int snowid_layout_field_at(const struct snowid_layout *layout, size_t index, const char **name,
			   unsigned *bits, unsigned *shift) SNOWID_MUST_CHECK;

/* The start of the first and of the last tick of a layout. */
int snowid_layout_first_time(const struct snowid_layout *layout, int64_t *unix_sec, uint32_t *nsec);
int snowid_layout_last_time(const struct snowid_layout *layout, int64_t *unix_sec, uint32_t *nsec);

/* Until when all IDs of a layout fit into `bits` bits (63: a signed 64-bit integer; 53: a
 * JavaScript number): the start of the last tick all of whose IDs fit, which is the last tick of
 * the layout if all do. SNOWID_E_RANGE: the IDs of the first tick do not fit, or bits is not 1 to
 * 64. */
int snowid_layout_fits_until(const struct snowid_layout *layout, unsigned bits, int64_t *unix_sec,
			     uint32_t *nsec) SNOWID_MUST_CHECK;

/* Writes a layout as a complete spec, from which the same layout can be created. Writes at most
 * size bytes including the terminating 0. *length (may be NULL) is set to the length of the whole
 * text without it, even on SNOWID_E_RANGE: size is too small. text may be NULL if size is 0. */
int snowid_layout_format(const struct snowid_layout *layout, char *text, size_t size,
			 size_t *length) SNOWID_MUST_CHECK;

/* ---- text forms of 64-bit IDs ---------------------------------------------------------------- */

enum snowid_form {
	SNOWID_FORM_DECIMAL, /* 1 to 20 digits; negative numbers are also read */
	SNOWID_FORM_PADDED,  /* decimal, always 20 digits; sorts like the IDs */
	SNOWID_FORM_HEX,     /* 16 digits 0-9a-f; sorts like the IDs; upper case is also read */
	SNOWID_FORM_BASE32,  /* 13 characters of Crockford's base 32; sorts; reads both cases */
	SNOWID_FORM_BASE36,  /* 1 to 13 characters 0-9a-z; upper case is also read */
	SNOWID_FORM_BASE58,  /* 1 to 11 characters of Bitcoin's base 58 */
	SNOWID_FORM_BASE62   /* always 11 characters 0-9A-Za-z; sorts like the IDs in ASCII order */
};
#define SNOWID_ID_TEXT 21 /* bytes for the text of an ID in any form, with its terminating 0 */

/* Writes an ID in a form. SNOWID_E_INVALID: no such form. */
int snowid_id_format(uint64_t id, enum snowid_form form, char text[SNOWID_ID_TEXT]);

/* Reads an ID from exactly length bytes. Letter case aside, each ID has exactly one text in each
 * form; but decimal also reads the IDs from 2^63 on as the negative numbers that they are in a
 * signed 64-bit integer, such as a bigint column. SNOWID_E_SYNTAX: the text has the wrong length, a
 * byte outside the alphabet or, in a form of variable length, a leading zero. SNOWID_E_OVERFLOW:
 * the value is 2^64 or more, or below -2^63. SNOWID_E_INVALID: no such form. */
int snowid_id_parse(const char *text, size_t length, enum snowid_form form,
		    uint64_t *id) SNOWID_MUST_CHECK;

/* Finds the form with a name ("decimal", "padded", "hex", …); SNOWID_E_UNKNOWN: there is none.
 * snowid_form_name() gives the name of a form, or NULL if there is no such form. Static. */
int snowid_form_parse(const char *name, enum snowid_form *form) SNOWID_MUST_CHECK;
const char *snowid_form_name(enum snowid_form form);

/* ---- masks: 64-bit IDs that tell nothing ----------------------------------------------------- */

/* A mask is a secret permutation of the 64-bit numbers, or of the numbers of a layout's bits, so
 * that a public ID tells neither the time nor the rate at which IDs are made. It is FF1 of NIST SP
 * 800-38G (AES-128, radix 2, an empty tweak; the numerals are the bits, most significant first).
 * Masked numbers do not sort by time. Whoever sees them learns whether two IDs are equal, and
 * nothing else; but they are not authenticated: every number can be reverted to some ID. Without
 * the key they cannot be reverted at all, and another key gives other numbers. */
struct snowid_mask;

#define SNOWID_MASK_KEY 16 /* bytes of a key */

/* Reads a key from 32 hexadecimal digits, exactly length bytes: openssl rand -hex 16 makes one.
 * SNOWID_E_SYNTAX; the message contains nothing of the text. */
int snowid_mask_key_parse(const char *text, size_t length,
			  uint8_t key[SNOWID_MASK_KEY]) SNOWID_MUST_CHECK;

/* Creates a mask for the bits of a layout; NULL stands for all 64 bits. SNOWID_E_RANGE: the layout
 * has less than 20 bits, few enough to try them all; -ENOMEM. */
int snowid_mask_new(const uint8_t key[SNOWID_MASK_KEY], const struct snowid_layout *layout,
		    struct snowid_mask **mask) SNOWID_MUST_CHECK;

/* Erases the key in memory, and frees the mask. */
void snowid_mask_free(struct snowid_mask *mask);

/* Turns an ID into its masked number, which has no more bits than the layout, and back.
 * SNOWID_E_RANGE: the number has bits set above those of the layout. */
int snowid_mask_apply(const struct snowid_mask *mask, uint64_t id,
		      uint64_t *masked) SNOWID_MUST_CHECK;
int snowid_mask_revert(const struct snowid_mask *mask, uint64_t masked,
		       uint64_t *id) SNOWID_MUST_CHECK;

/* The same with the masked number in base 58. Errors as above, and those of snowid_id_parse(). */
int snowid_mask_format(const struct snowid_mask *mask, uint64_t id,
		       char text[SNOWID_ID_TEXT]) SNOWID_MUST_CHECK;
int snowid_mask_parse(const struct snowid_mask *mask, const char *text, size_t length,
		      uint64_t *id) SNOWID_MUST_CHECK;

/* ---- ULID and UUID values -------------------------------------------------------------------- */

/* The 16 bytes of a ULID or UUID, most significant first. A ULID and a UUID with the same bytes are
 * the same value, and can be written as either. */
struct snowid_id128 {
	uint8_t bytes[16];
};

/* Compares two IDs byte by byte: negative, 0 or positive if a is less than, equal to or greater
 * than b. This is the order of their times, except for UUIDs of version 1. */
int snowid_id128_compare(const struct snowid_id128 *a, const struct snowid_id128 *b);

#define SNOWID_ULID_TEXT 27 /* bytes for the text of a ULID: 26 and the terminating 0 */
#define SNOWID_UUID_TEXT 37 /* bytes for the text of a UUID: 36 and the terminating 0 */

/* The first and the last UUID (RFC 9562, sections 5.9 and 5.10), and also ULID, as initializers. */
/* clang-format off */
#define SNOWID_UUID_NIL {{0}}
#define SNOWID_UUID_MAX {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, \
			  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}
/* clang-format on */

/* Makes a ULID (github.com/ulid/spec) from 48 bits of milliseconds and 80 random bits. Needs no
 * generator. ULIDs made in the same millisecond are in no particular order. Async-signal-safe in a
 * thread that has made one before. SNOWID_E_RANGE: the system clock is before 1970 or after 9999;
 * -errno of getrandom(2). */
int snowid_ulid_random(struct snowid_id128 *id) SNOWID_MUST_CHECK;

/* Makes a UUID of version 7 (RFC 9562, section 5.7) from 48 bits of milliseconds and 74 random
 * bits. Otherwise like snowid_ulid_random(). */
int snowid_uuid7_random(struct snowid_id128 *id) SNOWID_MUST_CHECK;

/* Makes a UUID of version 4 (RFC 9562, section 5.4) from 122 random bits, which are read from the
 * kernel for it alone. Async-signal-safe. -errno of getrandom(2). */
int snowid_uuid4_random(struct snowid_id128 *id) SNOWID_MUST_CHECK;

/* Makes the UUID of version 3 or 5 (RFC 9562, sections 5.3 and 5.5) of a name in a namespace: a
 * hash by MD5 or SHA-1, always the same for the same name. The name is exactly length bytes, which
 * are not changed; length may be 0. Prefer version 5. */
int snowid_uuid3_from_name(const struct snowid_id128 *name_space, const char *name, size_t length,
			   struct snowid_id128 *id) SNOWID_MUST_CHECK;
int snowid_uuid5_from_name(const struct snowid_id128 *name_space, const char *name, size_t length,
			   struct snowid_id128 *id) SNOWID_MUST_CHECK;

/* Finds a namespace of RFC 9562 (section 6.6): "dns" for names of hosts, "url", "oid" or "x500".
 * SNOWID_E_UNKNOWN: there is none with that name. Any other UUID can be a namespace as well. */
int snowid_uuid_namespace(const char *name, struct snowid_id128 *id) SNOWID_MUST_CHECK;

/* Makes a UUID of version 8 (RFC 9562, section 5.8), whose meaning is up to the program: 6 of the
 * 128 bits are replaced by version and variant. */
int snowid_uuid8_from_bytes(const uint8_t bytes[16], struct snowid_id128 *id);

/* Writes a ULID in Crockford's base 32, in upper case. */
int snowid_ulid_format(const struct snowid_id128 *id, char text[SNOWID_ULID_TEXT]);

/* Reads a ULID, in upper or lower case, from exactly length bytes. SNOWID_E_SYNTAX: not 26
 * characters of the alphabet, which does not include I, L, O and U. SNOWID_E_OVERFLOW: greater than
 * 7ZZZZZZZZZZZZZZZZZZZZZZZZZ. */
int snowid_ulid_parse(const char *text, size_t length, struct snowid_id128 *id) SNOWID_MUST_CHECK;

/* The time of a ULID in milliseconds since 1970, 0 to 2^48 - 1. */
int snowid_ulid_time_ms(const struct snowid_id128 *id, int64_t *unix_ms);

/* Adds 1 to the random part of *id, which is how the ULID specification makes further ULIDs within
 * a millisecond. SNOWID_E_OVERFLOW: the random part is all ones. */
int snowid_ulid_increment(struct snowid_id128 *id) SNOWID_MUST_CHECK;

/* The smallest and the largest ULID of the millisecond that contains an instant, for range queries.
 * SNOWID_E_INVALID: nsec is above 999999999. SNOWID_E_RANGE: the instant is outside 1970 to 9999;
 * *id is then set to the smallest or largest ULID of those years. */
int snowid_ulid_first_at(int64_t unix_sec, uint32_t nsec,
			 struct snowid_id128 *id) SNOWID_MUST_CHECK;
int snowid_ulid_last_at(int64_t unix_sec, uint32_t nsec, struct snowid_id128 *id) SNOWID_MUST_CHECK;

/* The smallest and the largest ULID of a time, as with snowid_layout_range(). */
int snowid_ulid_range(int64_t from_sec, uint32_t from_nsec, int64_t before_sec,
		      uint32_t before_nsec, struct snowid_id128 *first,
		      struct snowid_id128 *last) SNOWID_MUST_CHECK;

/* Writes a UUID as lower-case hexadecimal digits in groups of 8-4-4-4-12 (RFC 9562, section 4). */
int snowid_uuid_format(const struct snowid_id128 *id, char text[SNOWID_UUID_TEXT]);

/* Reads a UUID, in upper or lower case, from exactly length bytes. It may be in braces, preceded by
 * "urn:uuid:", or 32 digits without hyphens. SNOWID_E_SYNTAX. */
int snowid_uuid_parse(const char *text, size_t length, struct snowid_id128 *id) SNOWID_MUST_CHECK;

/* The version field, 0 to 15, and the variant (RFC 9562, section 4). The version is only meaningful
 * if the variant is RFC 9562's. */
enum snowid_uuid_variant {
	SNOWID_UUID_VARIANT_NCS,
	SNOWID_UUID_VARIANT_RFC9562,
	SNOWID_UUID_VARIANT_MICROSOFT,
	SNOWID_UUID_VARIANT_FUTURE
};
int snowid_uuid_version(const struct snowid_id128 *id, unsigned *version);
int snowid_uuid_variant(const struct snowid_id128 *id, enum snowid_uuid_variant *variant);

/* Both in one word: "nil", "max", "uuid1" to "uuid8", "uuid" (RFC 9562's variant with another
 * version), "ncs", "microsoft" or "future". Static; NULL if id is NULL. */
const char *snowid_uuid_kind(const struct snowid_id128 *id);

/* The time of a UUID of version 1 or 6 (resolution 100 ns) or 7 (1 ms). SNOWID_E_KIND: it has
 * another version. */
int snowid_uuid_time(const struct snowid_id128 *id, int64_t *unix_sec,
		     uint32_t *nsec) SNOWID_MUST_CHECK;

/* Node and clock sequence (0 to 16383) of a UUID of version 1 or 6. SNOWID_E_KIND: it has another
 * version. */
int snowid_uuid_node(const struct snowid_id128 *id, uint8_t node[6]) SNOWID_MUST_CHECK;
int snowid_uuid_clock_seq(const struct snowid_id128 *id, unsigned *clock_seq) SNOWID_MUST_CHECK;

/* Replaces node or clock sequence in *id. SNOWID_E_KIND: as above. SNOWID_E_RANGE: clock_seq is
 * above 16383. */
int snowid_uuid_set_node(struct snowid_id128 *id, const uint8_t node[6]) SNOWID_MUST_CHECK;
int snowid_uuid_set_clock_seq(struct snowid_id128 *id, unsigned clock_seq) SNOWID_MUST_CHECK;

/* The smallest and the largest UUID of a version (1, 6 or 7) for the 100 ns or 1 ms that contains
 * an instant: all bits but time, version and variant are 0, or all are 1. For range queries with
 * versions 6 and 7; version 1 does not sort by time. SNOWID_E_INVALID: nsec is above 999999999.
 * SNOWID_E_KIND: another version. SNOWID_E_RANGE: the instant is outside the years of the version
 * (1 and 6: 1582 to 5236; 7: 1970 to 9999); *id is then set to its smallest or largest UUID. */
int snowid_uuid_first_at(unsigned version, int64_t unix_sec, uint32_t nsec,
			 struct snowid_id128 *id) SNOWID_MUST_CHECK;
int snowid_uuid_last_at(unsigned version, int64_t unix_sec, uint32_t nsec,
			struct snowid_id128 *id) SNOWID_MUST_CHECK;

/* The smallest and the largest UUID of version 6 or 7 of a time, as with snowid_layout_range().
 * SNOWID_E_KIND: another version, also 1, which does not sort by time. */
int snowid_uuid_range(unsigned version, int64_t from_sec, uint32_t from_nsec, int64_t before_sec,
		      uint32_t before_nsec, struct snowid_id128 *first,
		      struct snowid_id128 *last) SNOWID_MUST_CHECK;

/* Converts version 1 to version 6 and back: the same time, clock sequence and node in another order
 * (RFC 9562, section 5.6). Both pointers may be the same. SNOWID_E_KIND: the UUID does not have the
 * version that the function converts. */
int snowid_uuid_1to6(const struct snowid_id128 *uuid1,
		     struct snowid_id128 *uuid6) SNOWID_MUST_CHECK;
int snowid_uuid_6to1(const struct snowid_id128 *uuid6,
		     struct snowid_id128 *uuid1) SNOWID_MUST_CHECK;

/* ---- clocks ---------------------------------------------------------------------------------- */

/* A clock provides wall time, elapsed time and sleeping. By default a generator uses the system
 * clock: CLOCK_REALTIME, CLOCK_BOOTTIME and a relative sleep on CLOCK_MONOTONIC.
 *
 * Clocks are reference-counted: snowid_clock_free() drops the caller's reference, and the clock
 * remains while a config or a generator uses it. */
struct snowid_clock;

/* The functions of a custom clock. Each returns 0 or a negative error code, which is then returned
 * by the call that needed the clock. They may be called in any thread that uses the generator.
 *     wall     stores the current time, which may go backwards
 *     elapsed  stores the nanoseconds since an arbitrary start; must never go backwards, must
 *              include time during which the system was suspended, and must advance during `sleep`,
 *              since all timeouts are measured with it
 *     sleep    waits for about ns nanoseconds of elapsed time; may return early */
typedef int (*snowid_wall_fn)(void *user, int64_t *unix_sec, uint32_t *nsec);
typedef int (*snowid_elapsed_fn)(void *user, uint64_t *ns);
typedef int (*snowid_sleep_fn)(void *user, uint64_t ns);

/* Creates a custom clock. `user` is passed to each function, and is never freed. -ENOMEM. */
int snowid_clock_new(snowid_wall_fn wall, snowid_elapsed_fn elapsed, snowid_sleep_fn sleep,
		     void *user, struct snowid_clock **clock) SNOWID_MUST_CHECK;

/* Creates a clock for tests, which only moves by the two functions below, or when a generator
 * waits: waiting takes no real time, but advances it. A child made by fork shares it.
 * SNOWID_E_RANGE: nsec is above 999999999, or the year is not 0 to 9999; -ENOMEM. */
int snowid_clock_new_manual(int64_t unix_sec, uint32_t nsec,
			    struct snowid_clock **clock) SNOWID_MUST_CHECK;
void snowid_clock_free(struct snowid_clock *clock);

/* Moves only the wall time of a manual clock, forwards or backwards, as if the clock had been set.
 * SNOWID_E_KIND: it is not a manual clock. SNOWID_E_RANGE: it would be more than 292 years away
 * from its start. */
int snowid_clock_step(struct snowid_clock *clock, int64_t delta_ns) SNOWID_MUST_CHECK;

/* Advances both wall time and elapsed time, as if that time had passed. Errors as above. */
int snowid_clock_advance(struct snowid_clock *clock, uint64_t ns) SNOWID_MUST_CHECK;

/* Reads a clock, or the system clock if it is NULL. Any output may be NULL. SNOWID_E_RANGE: the
 * clock's function returned nanoseconds above 999999999; -errno of clock_gettime(2), or the error
 * that a custom clock's function returned. */
int snowid_clock_read(struct snowid_clock *clock, int64_t *unix_sec, uint32_t *nsec,
		      uint64_t *elapsed_ns) SNOWID_MUST_CHECK;

/* ---- configuration --------------------------------------------------------------------------- */

/* The settings for creating generators. Each setting is checked when it is set. A generator copies
 * what it needs, so that a config can be used for several generators, and freed at any time.
 *
 *     key         value                        default     meaning
 *     kind        preset, layout spec, ulid,   snowflake   the kind of ID to make; setting it
 *                 uuid1, uuid6 or uuid7                    clears all fields
 *     field.NAME  integer                                  a field that is the same in all IDs: of
 *                                                          the layout; or, for uuid1 and uuid6,
 *                                                          node (48 bits) and clock_seq (14 bits)
 *     store       URL                          host:       where to keep state, see below; the
 *                                                          environment variable SNOWID_STORE
 *                                                          changes the default, which is memory:
 *                                                          for ULID, UUID and a clock that is not
 *                                                          the system's
 *     timeout     span                         2s          how long a call without a timeout
 *                                                          argument may wait
 *     wait        span, up to 1h               5ms         if the clock is behind by no more than
 *                                                          this, wait for it to catch up
 *     hold        span, up to 1h               1s          if it is behind by no more than this,
 *                                                          continue from the last tick, as fast as
 *                                                          time passes; if by more, fail
 *     borrow      span, up to 1h               0           how far IDs may run ahead of the clock
 *                                                          if the sequence of a tick is used up
 *     reserve     span, 10ms to 1h             3s          how far ahead of the clock a store
 *                                                          allows IDs at most; about each third
 *                                                          of it costs one sync. If it is shorter
 *                                                          than three times hold and borrow, a new
 *                                                          file begins later. host: needs none
 *     max_jump    span, from 1s                1h          if the clock goes ahead by more than
 *                                                          this, beyond the time that has really
 *                                                          passed, do not record its time in a
 *                                                          state file
 *     mode        0600, 0640 or 0660           0600        permissions of a new state file
 *                                                          regardless of the umask: for the user
 *                                                          only, readable by the group, or shared
 *                                                          with the group; 0660 also accepts
 *                                                          another user's file
 *     spread      true or false                false       begin the sequence of each tick at a
 *                                                          random value in its lower half, so that
 *                                                          slow generators do not only make
 *                                                          multiples of 4096; a tick then has room
 *                                                          for 3/4 of its IDs on average, and at
 *                                                          least for half
 *
 * A span is an integer with a unit: 100ns, 250us, 5ms, 2s, 1m, 1h; or 0.
 *
 *     memory:            keeps nothing. IDs begin after the tick in which the generator was
 *                        created, and after what an earlier one may have borrowed. Two generators
 *                        with the same fields make the same IDs.
 *     host:              a file in memory (/dev/shm) for each kind and set of fields. All processes
 *                        of a user on this host that make such IDs, at once or one after the other,
 *                        share one sequence, until the host stops: if the clock is set back across
 *                        a reboot, IDs can repeat. Nothing is synced. A new file begins 10 ms or a
 *                        tick ahead of the clock; snowid_generator_new() waits for that. If the
 *                        file is removed while it is in use, its users make it again, and continue.
 *                        If the store has not been named, and the host cannot have such files,
 *                        memory: takes its place.
 *     host:/directory    the same in files of a directory that exists, such as for containers that
 *                        share a volume, for two users (mode 0660), or with a clock that is not the
 *                        system's
 *     file:/path/state   a file, created if it does not exist. All processes of the host that open
 *                        it, at once or one after the other, share one worker and one sequence.
 *                        There are no duplicates if a process is killed, if the clock is set back
 *                        between two runs, or after a power failure. A file belongs to one kind,
 *                        layout and set of fields, and must be on a local disk. A new file begins
 *                        one reserve ahead of the clock (plus twice hold and once borrow, if the
 *                        reserve is shorter than three times their sum), and after a reboot IDs
 *                        begin after the recorded time; snowid_generator_new() waits for that. A
 *                        program that makes less than one ID per reserve pays a sync for each.
 *     slots:/directory?workers=0-31&field=worker
 *                        assigns to each process a worker of its own: the first in the range
 *                        (default: all) that no other process of the host has. It becomes free when
 *                        the generator is freed, or when the last process that holds it ends. Each
 *                        worker has a state file in the directory, with which its next owner
 *                        continues; one whose file is damaged is passed over. field (default:
 *                        worker, machine or shard) is the field to assign; if that field is set, it
 *                        asks for that worker. */
struct snowid_config;

/* Creates a config with the defaults. -ENOMEM; the errors of snowid_config_set_store() if the value
 * of SNOWID_STORE is not a valid store. */
int snowid_config_new(struct snowid_config **config) SNOWID_MUST_CHECK;
void snowid_config_free(struct snowid_config *config);

/* Sets the kind of ID, and clears all fields. Errors: those of snowid_layout_new(). */
int snowid_config_set_kind(struct snowid_config *config, const char *kind) SNOWID_MUST_CHECK;

/* Sets a field; call it after set_kind. SNOWID_E_UNKNOWN: the kind has no such field.
 * SNOWID_E_RANGE: the value does not fit it. SNOWID_E_INVALID: time and sequence cannot be set. */
int snowid_config_set_field(struct snowid_config *config, const char *name,
			    uint64_t value) SNOWID_MUST_CHECK;

/* Sets the store, without opening it. SNOWID_E_STORE: no store with that scheme. SNOWID_E_SYNTAX:
 * not a valid store URL. */
int snowid_config_set_store(struct snowid_config *config, const char *url) SNOWID_MUST_CHECK;

/* Sets the clock; NULL means the system clock. */
int snowid_config_set_clock(struct snowid_config *config, struct snowid_clock *clock);

/* Lets the program give up while snowid_generator_new() or snowid_generator_new_for() waits: for
 * the clock, for another process that holds a lock, or for a coordinator. `interrupt` is called in
 * the same thread before each sleep, every 50 ms, and as soon as a signal has ended a sleep. If it
 * returns 0, waiting goes on; otherwise opening fails with the negative error that it returned, or
 * with EINTR, negated, if it is positive. It may return a flag that another thread or a signal
 * handler sets, or let an interpreter handle its signals. A sync of the disk is not interrupted.
 * NULL: none. */
typedef int (*snowid_interrupt_fn)(void *user);
int snowid_config_set_interrupt(struct snowid_config *config, snowid_interrupt_fn interrupt,
				void *user);

/* Sets any setting by its name, for configuration files and bindings. The key may also be the name
 * of a field of the kind: "worker" as well as "field.worker". A setting with the same name takes
 * precedence; field.NAME always means the field. SNOWID_E_UNKNOWN: no such key; SNOWID_E_SYNTAX,
 * SNOWID_E_RANGE, SNOWID_E_OVERFLOW: its value; the errors of the functions above. */
int snowid_config_set(struct snowid_config *config, const char *key,
		      const char *text) SNOWID_MUST_CHECK;

/* Reads a setting back, as text that snowid_config_set() accepts. Writes at most size bytes
 * including the terminating 0. *length (may be NULL) is set to the length of the whole text without
 * it, even on SNOWID_E_RANGE: size is too small. SNOWID_E_UNKNOWN: no such key, or the field has no
 * value. */
int snowid_config_get(const struct snowid_config *config, const char *key, char *text, size_t size,
		      size_t *length) SNOWID_MUST_CHECK;

/* ---- what a store contains ------------------------------------------------------------------- */

/* A snapshot of a store: a record for each state file, which is a list of keys and values. Taking
 * it changes nothing and creates nothing. The store may be in use, and a file may be damaged.
 *
 *     key            value
 *     store          text: the URL of this record
 *     error          text: why the file cannot be used as it is; what cannot be read is missing
 *     use            text: free, shared (file:, host:) or alone (slots:, services); includes forked
 *                    children. resting: the owner ended without closing, and what it may have made
 *                    is not in the past yet
 *     holder_pid     number  \  the process that last opened it, and when; only a hint, because the
 *     holder_host    text     > values mean little across containers
 *     holder_since   instant /
 *     kind           text: as for snowid_config_set_kind(), a layout as a complete spec
 *     fingerprint    text: 16 hexadecimal digits
 *     field.NAME     number: a field that is the same in all IDs
 *     last           instant of the last ID since the host was booted
 *     last_id        text: that ID, if it has 64 bits
 *     floor          instant: the next ID will be at this time or later
 *     limit          instant: all IDs are before this time until the store is renewed again
 *     issued         number of IDs issued since the host was booted
 *     this_boot      true or false: whether the file has been used since the host was booted
 *     failed         text: the error of a sync that failed, after which the limit is not raised
 *     durable        true or false: false on tmpfs, which is lost when the host goes down. The
 *                    files of host: record nothing: they are begun again after a reboot
 *     mode, owner    text, number: permissions (octal) and user ID of the file
 *     created        instant
 *     version        number: of the file format
 *     released       true or false: whether the last owner gave the worker back, at `last`
 *     epoch          number of times that the worker was claimed
 *
 * Of zookeeper:, etcd: and consul: there is a record for each worker that was ever claimed, and one
 * without `kind` for all workers of a datacenter after those:
 *
 *     namespace      text: a UUID, made when the first worker was claimed
 *     first_worker, last_worker                        numbers: which workers there are
 *     workers_owned, workers_resting, workers_free     numbers: how many of them are
 *
 * Later versions may add keys. Instants are in ISO 8601. */
struct snowid_store_info;

enum snowid_value { SNOWID_VALUE_TEXT, SNOWID_VALUE_NUMBER, SNOWID_VALUE_BOOLEAN };

/* Takes a snapshot. SNOWID_E_SYNTAX: not a valid store URL. SNOWID_E_STORE: no store with that
 * scheme. -errno: the file or directory does not exist or cannot be read; -ENOMEM. */
int snowid_store_inspect(const char *url, struct snowid_store_info **info) SNOWID_MUST_CHECK;
void snowid_store_info_free(struct snowid_store_info *info);

/* The number of records: 0 for memory:, 1 for file:, the number of files for host: and slots:, and
 * as above for services. */
int snowid_store_info_count(const struct snowid_store_info *info, size_t *count);

/* Reads the value `index` of a record, both counted from 0, in the order of the table. Any output
 * may be NULL; texts belong to the snapshot. Numbers are decimal. SNOWID_E_RANGE: there is no such
 * record, or it has no more values. */
int snowid_store_info_at(const struct snowid_store_info *info, size_t record, size_t index,
			 const char **key, const char **text,
			 enum snowid_value *type) SNOWID_MUST_CHECK;

/* Marks a state file that was copied or restored as an original, or all files in a directory of
 * slots:, also after an error with one of them. New IDs will be later than all that is recorded and
 * later than the present time. Unsafe if the file it was copied from is still used, on this or
 * another host: both then make the same IDs. A file that is not a copy is left unchanged.
 * SNOWID_E_SYNTAX: not a valid store URL. SNOWID_E_STORE: the file is damaged, or the store has no
 * files to adopt, as memory: and host:. -EBUSY: the file is in use. -errno. */
int snowid_store_adopt(const char *url) SNOWID_MUST_CHECK;

/* Changes the time that a state file has recorded, to a later or earlier one: the next ID will be
 * at that instant or later. Unsafe if any ID at or after the instant was ever made, because it may
 * be made again. host: means all files of the user, and host:/directory/file means one of them. For
 * services the URL names one worker, as "...?workers=5-5".
 * SNOWID_E_RANGE: the instant is before 1970 or outside the layout. Other errors as above. */
int snowid_store_reset(const char *url, int64_t unix_sec, uint32_t nsec) SNOWID_MUST_CHECK;

/* Ends the lease of the process that owns a worker of zookeeper:, etcd: or consul:, which the URL
 * names as "...?workers=5-5". No ID is made twice: a process that still runs claims it again, and
 * another one begins above the recorded limit. SNOWID_E_SYNTAX: not a valid store URL.
 * SNOWID_E_STORE: another store, no such worker, one without an owner, or the service does not do
 * it. -EBUSY: it has changed meanwhile. */
int snowid_store_free_worker(const char *url) SNOWID_MUST_CHECK;

/* ---- generators ------------------------------------------------------------------------------ */

/* A generator issues IDs of one kind for one worker. All threads, and all processes forked from the
 * one that created it, may use it at once, without locks, and never get the same ID. Each ID that a
 * thread gets is larger than the ones it got before, except for UUIDs of version 1. Once a
 * generator is closed, all calls for IDs fail with SNOWID_E_CLOSED. */
struct snowid_generator;

/* Creates a generator in one call:
 *
 *     snowid_generator_open(&generator, "snowflake", "worker=5", (char *)NULL);
 *
 * Each string after the kind is KEY=VALUE: a setting as for snowid_config_set(), or a field. Waits
 * as snowid_generator_new() does. SNOWID_E_SYNTAX: not KEY=VALUE; the errors of
 * snowid_config_new(), snowid_config_set_kind(), snowid_config_set() and snowid_generator_new(). */
int snowid_generator_open(struct snowid_generator **generator, const char *kind,
			  ...) SNOWID_ENDS_IN_NULL SNOWID_MUST_CHECK;

/* Creates a generator and opens its store. new waits until a new file begins, up to one reserve
 * longer if the clock is behind the store, and up to 10 s while another process takes over a state
 * file. With a coordinator it waits for a worker until the lease of an owner that has crashed has
 * ended, unless the service refuses it. new_for waits up to timeout_ns in all (0: not at all), and
 * for syncs, which take as long as the disk does.
 *     SNOWID_E_WORKER  the field worker, machine or shard has no value; or there is none of these,
 *                      and another field has no value
 *     SNOWID_E_STORE   the store cannot be relied on, or belongs to another kind or other fields
 *     SNOWID_E_CLOCK   the clock is too far behind what the store has recorded, or has jumped ahead
 *     SNOWID_E_EPOCH   the clock is before the epoch of the layout
 *     SNOWID_E_ENDED   the clock is after the end of the layout
 *     SNOWID_E_RANGE   a field is outside the range of slots:, or that range does not fit the
 *                      field; or a custom clock returned nanoseconds above 999999999
 *     -ENOMEM, -errno  of the system, as when a state file cannot be opened
 *     others           that the function of snowid_config_set_interrupt() returned */
int snowid_generator_new(const struct snowid_config *config,
			 struct snowid_generator **generator) SNOWID_MUST_CHECK;
int snowid_generator_new_for(const struct snowid_config *config, uint64_t timeout_ns,
			     struct snowid_generator **generator) SNOWID_MUST_CHECK;

/* Closes a generator for all threads of the process. With memory:, if called in the process that
 * created the generator, also for its children; a child, or a process with a file that others may
 * share, closes it only for itself, and the file stays. Waits up to timeout_ns for the store;
 * memory:, host:, file: and slots: need no wait. With a coordinator, it gives the worker back, and
 * waits until that is confirmed. SNOWID_E_STORE: it was not, so that the worker is free only when
 * its recorded limit has passed; the generator is closed all the same. Closing again does
 * nothing. */
int snowid_generator_close(struct snowid_generator *generator, uint64_t timeout_ns);

/* Frees the memory of a generator, and never waits for a store. It need not be closed first. Only
 * affects the calling process. */
void snowid_generator_free(struct snowid_generator *generator);

/* Makes one 64-bit ID. next waits up to the setting timeout, and next_for up to timeout_ns (0: not
 * at all). That does not include the time that a sync of the store takes, which a call that may
 * wait makes if it is due: to keep syncs off callers, call snowid_generator_maintain() in another
 * thread. try_next never waits and never syncs, as next_for with 0, so that with file: and slots:
 * another thread must do that; *wait_ns (may be NULL) is set to the number of nanoseconds after
 * which to try again, or to 0 if that will not help. Errors:
 *     SNOWID_E_EXHAUSTED  the sequence of the tick is used up, and the next tick did not begin
 *                         before the deadline
 *     SNOWID_E_CLOCK      the clock is behind by more than hold, or for longer than the deadline;
 *                         or it has jumped ahead, and the store refuses to follow
 *     SNOWID_E_LIMIT      the store did not allow later IDs before the deadline (never with host:)
 *     SNOWID_E_STORE      the state file was removed or replaced: no call will make IDs any more.
 *                         With host: only if this process may not make or use the new one
 *     SNOWID_E_EPOCH      the clock is before the epoch of the layout
 *     SNOWID_E_ENDED      the layout has ended
 *     SNOWID_E_CLOSED     the generator has been closed
 *     SNOWID_E_KIND       the generator makes 128-bit IDs
 *     SNOWID_E_RANGE      a custom clock returned nanoseconds above 999999999
 *     -errno              of the clock, of getrandom(2), or of a failed sync of the store: no call
 *                         will make IDs before a reboot. With host: the file was removed, and
 *                         another could not be made now: the next call tries again */
int snowid_generator_next(struct snowid_generator *generator, uint64_t *id) SNOWID_MUST_CHECK;
int snowid_generator_next_for(struct snowid_generator *generator, uint64_t timeout_ns,
			      uint64_t *id) SNOWID_MUST_CHECK;
int snowid_generator_try_next(struct snowid_generator *generator, uint64_t *id,
			      uint64_t *wait_ns) SNOWID_MUST_CHECK;

/* Makes count IDs in increasing order, consecutive within a tick, waiting up to timeout_ns for all
 * of them together. Returns 0 only if all were made; otherwise an error as above. *made is set in
 * either case, and ids[0] to ids[*made - 1] are valid. */
int snowid_generator_next_batch(struct snowid_generator *generator, uint64_t *ids, size_t count,
				uint64_t timeout_ns, size_t *made);

/* The same for ULIDs and UUIDs. SNOWID_E_KIND: the generator makes 64-bit IDs. */
int snowid_generator_next128(struct snowid_generator *generator,
			     struct snowid_id128 *id) SNOWID_MUST_CHECK;
int snowid_generator_next128_for(struct snowid_generator *generator, uint64_t timeout_ns,
				 struct snowid_id128 *id) SNOWID_MUST_CHECK;
int snowid_generator_try_next128(struct snowid_generator *generator, struct snowid_id128 *id,
				 uint64_t *wait_ns) SNOWID_MUST_CHECK;
int snowid_generator_next128_batch(struct snowid_generator *generator, struct snowid_id128 *ids,
				   size_t count, uint64_t timeout_ns, size_t *made);

/* How many IDs could be taken now without waiting. Other threads and processes may take them first.
 * If none could, the errors are those of try_next. */
int snowid_generator_available(struct snowid_generator *generator,
			       uint64_t *count) SNOWID_MUST_CHECK;

/* Renews the store if about half of what it allowed is used, and sets *next_call_ns to the number
 * of nanoseconds after which it should be called again, at least 1 ms, or to UINT64_MAX if it need
 * not be, as with memory: and host: or after close. May wait for the store: file: and slots: for
 * one sync. If it is called in time, calls for IDs never sync. Without it, one call of next or
 * next_batch does this work each time that it is due, while other callers continue. A store with a
 * coordinator has a thread for that; this then says whether it is done in time.
 *     SNOWID_E_STORE   the state file was removed or replaced; the coordinator does not answer in
 *                      time, or the worker is lost. The detail says why, and for how long IDs can
 *                      be made; the generator goes on trying
 *     SNOWID_E_CLOCK   the clock has jumped ahead, or is before 1970
 *     SNOWID_E_EPOCH   the clock is before the epoch of the layout
 *     SNOWID_E_ENDED   the clock is after the end of the layout
 *     SNOWID_E_RANGE   a custom clock returned nanoseconds above 999999999
 *     -errno           a sync failed; the store is not renewed again */
int snowid_generator_maintain(struct snowid_generator *generator,
			      uint64_t *next_call_ns) SNOWID_MUST_CHECK;

/* The value of a field that is the same in all IDs: "worker", "shard", …; for uuid1 and uuid6
 * "node" and "clock_seq". If the store assigns the worker, this is the present one.
 * SNOWID_E_UNKNOWN: the kind has no such field. SNOWID_E_INVALID: time and sequence differ from ID
 * to ID. */
int snowid_generator_field(const struct snowid_generator *generator, const char *name,
			   uint64_t *value) SNOWID_MUST_CHECK;

/* A setting that the generator was created with; otherwise like snowid_config_get(). */
int snowid_generator_get(const struct snowid_generator *generator, const char *key, char *text,
			 size_t size, size_t *length) SNOWID_MUST_CHECK;

/* Counters, which begin when the generator is created; with a state file, when the file is first
 * opened after a boot; with host:, when the file is made. They include all processes that share it,
 * and are exact as long as none is killed in the middle of a call, which loses count of at most the
 * IDs of one tick. If the file of host: is removed, all but the number of removals begin again.
 *
 * LEFT_NS and those from LEASE on are no counters. Those from LEASE on are of a store with a
 * coordinator, which keeps them for the generator and its forked children; with other stores they
 * are 0, and WORKERS_FREE is UINT64_MAX. */
enum snowid_stat {
	SNOWID_STAT_ISSUED, /* number of IDs issued */
	SNOWID_STAT_WAITS,  /* number of times a call slept, for a tick, the clock or the store */
	SNOWID_STAT_REGRESSIONS, /* number of times the clock was found to have stepped back */
	SNOWID_STAT_REFUSED,     /* number of calls refused because the clock was too far behind */
	SNOWID_STAT_MAX_LEAD_NS, /* the furthest an ID was issued ahead of the clock */
	SNOWID_STAT_MAX_LAG_NS,  /* the furthest the clock was behind its own highest reading */
	SNOWID_STAT_REMOVALS,    /* number of times the file of host: was removed while in use */
	SNOWID_STAT_LEFT_NS,     /* for how long IDs can still be made if the store is not
				  * renewed; UINT64_MAX: for ever */
	SNOWID_STAT_LEASE,       /* enum snowid_lease */
	SNOWID_STAT_EPOCH,       /* number of times the present worker was claimed, by anybody */
	SNOWID_STAT_LOSSES,      /* number of times the generator lost its worker */
	SNOWID_STAT_RENEWALS,    /* number of times the coordinator has confirmed a renewal */
	SNOWID_STAT_RENEWAL_NS,  /* how long it took to confirm the last one */
	SNOWID_STAT_WORKERS_FREE /* number of workers that could be claimed, when this generator
				  * last looked at all of them; UINT64_MAX: not known */
};

/* What a generator knows of its worker, if a coordinator assigns it. */
enum snowid_lease {
	SNOWID_LEASE_NONE,     /* it is closed, or the store has no coordinator */
	SNOWID_LEASE_HELD,     /* the worker is its own, and renewals succeed */
	SNOWID_LEASE_IN_DOUBT, /* renewals fail; IDs can be made for LEFT_NS, unless it turns out
				* that another process has the worker */
	SNOWID_LEASE_LOST      /* another process has the worker: no IDs until one is claimed */
};

/* Reads one of them. SNOWID_E_INVALID: no such `which`. SNOWID_E_EPOCH, SNOWID_E_ENDED: for
 * LEFT_NS, the clock is outside the time of the layout. */
int snowid_generator_stat(const struct snowid_generator *generator, enum snowid_stat which,
			  uint64_t *value);

#ifdef __cplusplus
}
#endif

#endif
