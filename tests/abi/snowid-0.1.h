/* SPDX-License-Identifier: MIT
 *
 * snowid.h - distributed unique IDs: Snowflake layouts, ULID, UUID v1, v6 and v7
 *
 * Link with -lsnowid (pkg-config --cflags --libs snowid). The way in is snowid_generator_new().
 *
 * Conventions, for every function below unless its comment says otherwise:
 *
 *   Errors     A function that returns int returns 0 for success or a negative error: SNOWID_E_*
 *              (from -1000 down) for what this library has to say, -errno (above -1000) for what
 *              the system said. snowid_strerror() names both, snowid_error_detail() gives this
 *              thread's last error in full. A NULL argument that is not documented as allowed is
 *              SNOWID_E_INVALID. On error, outputs are left as they were, unless documented.
 *   Threads    MT-Safe: a generator, a layout and a clock may be used by any number of threads at
 *              once. A config may be used by one thread at a time. free() of an object while
 *              another thread uses it is an error of the program.
 *   Fork       A generator goes on in the child: parent and child draw from the same words and
 *              never make the same ID.
 *   Ownership  What X_new() gives is freed by X_free(). X_free(NULL) does nothing. A string
 *              passed in is copied. A string handed out as const char * belongs to the object it
 *              came from, or is static.
 *   Time       Instants are seconds since 1970-01-01T00:00:00Z (int64_t, may be negative) and
 *              nanoseconds from 0 to 999999999 within that second. Spans are nanoseconds
 *              (uint64_t). Leap seconds do not exist in either.
 *   Since      0.1 for all that does not say otherwise.
 */
#ifndef SNOWID_H
#define SNOWID_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SNOWID_VERSION_MAJOR 0
#define SNOWID_VERSION_MINOR 1
#define SNOWID_VERSION_PATCH 0

/* ---- errors ---------------------------------------------------------------------------------- */

enum snowid_error {
	SNOWID_E_INVALID = -1000,   /* an argument is NULL or makes no sense here */
	SNOWID_E_RANGE = -1001,     /* a value is outside the range of its field, layout or setting */
	SNOWID_E_SYNTAX = -1002,    /* text is malformed: wrong length, wrong character, wrong grammar */
	SNOWID_E_OVERFLOW = -1003,  /* text or sum stands for a value too large for its type */
	SNOWID_E_UNKNOWN = -1004,   /* no field, setting, preset or form of that name */
	SNOWID_E_KIND = -1005,      /* the call does not apply to this kind of ID */
	SNOWID_E_WORKER = -1006,    /* neither a field value nor a store says which worker this is */
	SNOWID_E_STORE = -1007,     /* there is no such store, or it cannot be relied on */
	SNOWID_E_CLOCK = -1008,     /* the clock is behind what was issued, or jumped ahead */
	SNOWID_E_EXHAUSTED = -1009, /* the sequence of the current tick is spent */
	SNOWID_E_LIMIT = -1010,     /* the store has not allowed ticks this late yet */
	SNOWID_E_EPOCH = -1011,     /* the clock stands before the epoch of the layout */
	SNOWID_E_ENDED = -1012,     /* the layout has ended: its last instant is past or issued */
	SNOWID_E_CLOSED = -1013     /* the generator has been closed */
};

/* The name of an error in a few words, without a full stop; never NULL. Static. */
const char *snowid_strerror(int error);

/* The last error of the calling thread in full: what went wrong, by how much, what to do. Writes at
 * most size bytes including the terminating 0, and returns the length of the whole text (0: no
 * error yet in this thread). text may be NULL when size is 0. A call that succeeds leaves the text
 * of the last failure in place. */
size_t snowid_error_detail(char *text, size_t size);

/* The version of the library that is running, "MAJOR.MINOR.PATCH". Static. */
const char *snowid_version(void);

/* ---- instants -------------------------------------------------------------------------------- */

#define SNOWID_TIME_TEXT 31 /* "-0000-00-00T00:00:00.000000000Z" is never longer, with its 0 */

/* Reads an instant: ISO 8601 / RFC 3339 in UTC or with an offset ("2024-01-03T19:30:00.5Z",
 * "2024-01-03T20:30:00+01:00", "2024-01-03" for its midnight UTC), or an integer: milliseconds
 * since 1970. Years 1582 to 9999. SNOWID_E_SYNTAX, SNOWID_E_RANGE. */
int snowid_time_parse(const char *text, size_t length, int64_t *unix_sec, uint32_t *nsec);

/* Writes an instant as ISO 8601 in UTC, with 3, 6 or 9 decimals, as many as it needs.
 * SNOWID_E_RANGE outside the years 0 to 9999. */
int snowid_time_format(int64_t unix_sec, uint32_t nsec, char text[SNOWID_TIME_TEXT]);

/* ---- layouts: what the bits of a 64-bit ID mean ---------------------------------------------- */

/* A layout is immutable once made, and is the pure arithmetic of a kind of 64-bit ID: which bits
 * are time, sequence and named fields, the unit of time and the epoch.
 *
 * A spec names the fields from the most significant bit down:
 *
 *     time:41,datacenter:5,worker:5,sequence:12;epoch=2021-01-01T00:00:00Z;unit=1ms
 *
 * `time` comes first, `sequence` at most once and anywhere after it, any other lower-case names in
 * any number (but not id, kind or unix_ms, which stand beside fields where IDs are described); at
 * most 64 bits in all. epoch takes what snowid_time_parse() takes (default: 1970),
 * unit a multiple of 100ns up to 1s (default: 1ms). A preset may stand in for the fields, alone or
 * with another epoch or unit: "snowflake;epoch=2024-01-01T00:00:00Z".
 *
 *     snowflake   time:41,datacenter:5,worker:5,sequence:12   epoch 2021-01-01
 *     twitter     the same                                    epoch 1288834974657 ms
 *     discord     time:42,worker:5,process:5,sequence:12      epoch 2015-01-01
 *     instagram   time:41,shard:13,sequence:10                epoch 1314220021721 ms, uses 64 bits
 *     sonyflake   time:39,sequence:8,machine:16               epoch 2014-09-01, unit 10ms
 *     js53        time:41,worker:6,sequence:6                 epoch 2021-01-01, safe in JavaScript
 *
 * (Sources: Twitter "Announcing Snowflake", 2010; Discord API reference; "Sharding & IDs at
 * Instagram", 2012; github.com/sony/sonyflake.) */
struct snowid_layout;

/* Makes a layout of a preset name or a spec. SNOWID_E_SYNTAX, SNOWID_E_RANGE, SNOWID_E_UNKNOWN (no
 * such preset or option), -ENOMEM. */
int snowid_layout_new(const char *spec, struct snowid_layout **layout);
void snowid_layout_free(struct snowid_layout *layout);

/* The presets: the name of preset `index`, or NULL past the last. */
const char *snowid_layout_preset(size_t index);

/* The raw value of one field of an ID, "time" (in ticks) and "sequence" included.
 * SNOWID_E_UNKNOWN: no such field. SNOWID_E_RANGE: the ID has bits above the layout's. */
int snowid_layout_field(const struct snowid_layout *layout, uint64_t id, const char *name,
			uint64_t *value);

/* Replaces the value of one field in *id. SNOWID_E_UNKNOWN, SNOWID_E_RANGE. */
int snowid_layout_set_field(const struct snowid_layout *layout, const char *name, uint64_t value,
			    uint64_t *id);

/* The instant an ID was made at: the start of its tick. SNOWID_E_RANGE: the ID has bits above the
 * layout's, or a time after 9999. time_ms rounds down to milliseconds. */
int snowid_layout_time(const struct snowid_layout *layout, uint64_t id, int64_t *unix_sec,
		       uint32_t *nsec);
int snowid_layout_time_ms(const struct snowid_layout *layout, uint64_t id, int64_t *unix_ms);

/* The smallest and the largest ID of the tick that contains an instant, for range queries. Outside
 * the layout: SNOWID_E_RANGE, and *id is the layout's smallest or largest ID. */
int snowid_layout_first_at(const struct snowid_layout *layout, int64_t unix_sec, uint32_t nsec,
			   uint64_t *id);
int snowid_layout_last_at(const struct snowid_layout *layout, int64_t unix_sec, uint32_t nsec,
			  uint64_t *id);

enum snowid_layout_info {
	SNOWID_LAYOUT_BITS,         /* bits in all, 1 to 64 */
	SNOWID_LAYOUT_FIELDS,       /* number of fields, time and sequence included */
	SNOWID_LAYOUT_UNIT_NS,      /* length of a tick in ns */
	SNOWID_LAYOUT_IDS_PER_TICK, /* 2 to the power of the sequence's bits */
	SNOWID_LAYOUT_NODES,        /* number of values of all fields but time and sequence */
	SNOWID_LAYOUT_LAST_TICK,    /* the last tick: the smaller of its bits and the year 9999 */
	SNOWID_LAYOUT_FINGERPRINT   /* hash of what makes the bits: widths, sequence, unit, epoch */
};
/* One number about a layout. SNOWID_E_INVALID: no such `which`. */
int snowid_layout_info(const struct snowid_layout *layout, enum snowid_layout_info which,
		       uint64_t *value);

/* Field `index`, most significant first: its name, width and position (of its lowest bit). Any
 * output may be NULL. SNOWID_E_RANGE past the last. */
int snowid_layout_field_at(const struct snowid_layout *layout, size_t index, const char **name,
			   unsigned *bits, unsigned *shift);

/* First and last instant of a layout: the start of its first and of its last tick. */
int snowid_layout_first_time(const struct snowid_layout *layout, int64_t *unix_sec, uint32_t *nsec);
int snowid_layout_last_time(const struct snowid_layout *layout, int64_t *unix_sec, uint32_t *nsec);

/* Until when every ID of a layout fits into `bits` bits (63: a signed 64-bit integer; 53: a
 * JavaScript number): the start of the last such tick, that of the last tick when all IDs fit.
 * SNOWID_E_RANGE: not even those of the first tick do, or bits is not 1 to 64. */
int snowid_layout_fits_until(const struct snowid_layout *layout, unsigned bits, int64_t *unix_sec,
			     uint32_t *nsec);

/* The layout as a full spec, which makes the same layout again. At most size bytes with the
 * terminating 0 are written; *length (may be NULL) is the length of the whole. SNOWID_E_RANGE:
 * size is too small. */
int snowid_layout_format(const struct snowid_layout *layout, char *text, size_t size,
			 size_t *length);

/* ---- text forms of 64-bit IDs ---------------------------------------------------------------- */

enum snowid_form {
	SNOWID_FORM_DECIMAL, /* 1 to 20 digits */
	SNOWID_FORM_PADDED,  /* decimal, always 20 digits; sorts as the IDs do */
	SNOWID_FORM_HEX,     /* 16 digits 0-9a-f; sorts; reads upper case too */
	SNOWID_FORM_BASE32,  /* Crockford base 32, 13 characters; sorts; reads lower case too */
	SNOWID_FORM_BASE36,  /* 0-9a-z, 1 to 13 characters; reads upper case too */
	SNOWID_FORM_BASE58,  /* the Bitcoin alphabet, 1 to 11 characters */
	SNOWID_FORM_BASE62   /* 0-9A-Za-z, always 11 characters; sorts in ASCII order */
};
#define SNOWID_ID_TEXT 21 /* room for any form with its terminating 0 */

/* Writes an ID in a form. SNOWID_E_INVALID: no such form. */
int snowid_id_format(uint64_t id, enum snowid_form form, char text[SNOWID_ID_TEXT]);

/* Reads an ID; length bytes, all of which must belong to it. Each ID has one text in each form,
 * letter case aside: a leading zero in a form of variable length, a byte outside the alphabet and a
 * wrong length are SNOWID_E_SYNTAX, a value of 2^64 or more is SNOWID_E_OVERFLOW. */
int snowid_id_parse(const char *text, size_t length, enum snowid_form form, uint64_t *id);

/* Form of a name ("decimal", "padded", "hex", "base32", …), and back (NULL: no such form).
 * SNOWID_E_UNKNOWN. */
int snowid_form_parse(const char *name, enum snowid_form *form);
const char *snowid_form_name(enum snowid_form form);

/* ---- ULID and UUID values -------------------------------------------------------------------- */

/* The 16 bytes of a ULID or UUID, most significant first. A ULID and a UUID of the same bytes are
 * the same value: format it as either. */
struct snowid_id128 {
	uint8_t bytes[16];
};

/* Negative, 0 or positive, as a is below, equal to or above b, byte by byte: the order of their times,
 * but for UUIDs of version 1. */
int snowid_id128_compare(const struct snowid_id128 *a, const struct snowid_id128 *b);

#define SNOWID_ULID_TEXT 27 /* 26 characters and the terminating 0 */
#define SNOWID_UUID_TEXT 37 /* 36 characters and the terminating 0 */

/* A new ULID (github.com/ulid/spec): 48 bits of milliseconds, 80 random bits. Needs no generator,
 * and gives no order within a millisecond. Async-signal-safe once the calling thread has made one.
 * -errno of getrandom(2); SNOWID_E_RANGE: the system clock stands before 1970 or after 9999. */
int snowid_ulid_random(struct snowid_id128 *id);

/* A new UUID version 7 (RFC 9562, 5.7): 48 bits of milliseconds, 74 random bits. As above. */
int snowid_uuid7_random(struct snowid_id128 *id);

/* Crockford base 32, upper case. */
int snowid_ulid_format(const struct snowid_id128 *id, char text[SNOWID_ULID_TEXT]);

/* Reads a ULID in either case. SNOWID_E_SYNTAX: not 26 characters of the alphabet (I, L, O and U
 * are not in it). SNOWID_E_OVERFLOW: above 7ZZZZZZZZZZZZZZZZZZZZZZZZZ. */
int snowid_ulid_parse(const char *text, size_t length, struct snowid_id128 *id);

/* The time of a ULID, in milliseconds since 1970, 0 to 2^48 - 1. */
int snowid_ulid_time_ms(const struct snowid_id128 *id, int64_t *unix_ms);

/* Adds 1 to the random part in place, as the ULID specification does for a second ULID within a
 * millisecond. SNOWID_E_OVERFLOW: the random part is all ones; *id is unchanged. */
int snowid_ulid_increment(struct snowid_id128 *id);

/* The smallest and the largest ULID of the millisecond that contains an instant, for range queries.
 * Outside 1970 to 9999: SNOWID_E_RANGE, and *id is the smallest or largest ULID of those years. */
int snowid_ulid_first_at(int64_t unix_sec, uint32_t nsec, struct snowid_id128 *id);
int snowid_ulid_last_at(int64_t unix_sec, uint32_t nsec, struct snowid_id128 *id);

/* Lower-case hexadecimal in groups 8-4-4-4-12 (RFC 9562, section 4). */
int snowid_uuid_format(const struct snowid_id128 *id, char text[SNOWID_UUID_TEXT]);

/* Reads a UUID in either case, also in braces or after "urn:uuid:". SNOWID_E_SYNTAX. */
int snowid_uuid_parse(const char *text, size_t length, struct snowid_id128 *id);

/* The version field, 0 to 15, and the variant. The version means something only when the variant
 * is RFC 9562's. */
enum snowid_uuid_variant {
	SNOWID_UUID_VARIANT_NCS,
	SNOWID_UUID_VARIANT_RFC9562,
	SNOWID_UUID_VARIANT_MICROSOFT,
	SNOWID_UUID_VARIANT_FUTURE
};
int snowid_uuid_version(const struct snowid_id128 *id, unsigned *version);
int snowid_uuid_variant(const struct snowid_id128 *id, enum snowid_uuid_variant *variant);

/* The time of a UUID of version 1, 6 (to 100 ns) or 7 (to 1 ms). Other UUIDs: SNOWID_E_KIND. */
int snowid_uuid_time(const struct snowid_id128 *id, int64_t *unix_sec, uint32_t *nsec);

/* Node and clock sequence (14 bits) of a UUID of version 1 or 6. Other UUIDs: SNOWID_E_KIND. */
int snowid_uuid_node(const struct snowid_id128 *id, uint8_t node[6]);
int snowid_uuid_clock_seq(const struct snowid_id128 *id, unsigned *clock_seq);

/* Replaces them. clock_seq above 16383: SNOWID_E_RANGE. Errors as above. */
int snowid_uuid_set_node(struct snowid_id128 *id, const uint8_t node[6]);
int snowid_uuid_set_clock_seq(struct snowid_id128 *id, unsigned clock_seq);

/* The smallest and the largest UUID of a version (1, 6 or 7) of the 100 ns or 1 ms that contains an
 * instant: all other bits are 0 or 1. For range queries; those of version 1 do not sort by time.
 * SNOWID_E_KIND: another version. Outside the years it can hold, up to 9999: SNOWID_E_RANGE, and *id
 * is the smallest or largest UUID of those years. */
int snowid_uuid_first_at(unsigned version, int64_t unix_sec, uint32_t nsec,
			 struct snowid_id128 *id);
int snowid_uuid_last_at(unsigned version, int64_t unix_sec, uint32_t nsec, struct snowid_id128 *id);

/* Version 1 into version 6 and back: the same time, clock sequence and node in another order (RFC
 * 9562, 5.6). In place where both pointers are equal. SNOWID_E_KIND: not of the version it takes. */
int snowid_uuid_1to6(const struct snowid_id128 *uuid1, struct snowid_id128 *uuid6);
int snowid_uuid_6to1(const struct snowid_id128 *uuid6, struct snowid_id128 *uuid1);

/* ---- clocks ---------------------------------------------------------------------------------- */

/* A clock is wall time, elapsed time and sleeping together. A generator without one uses the
 * system's: CLOCK_REALTIME, CLOCK_BOOTTIME and a relative sleep on CLOCK_MONOTONIC.
 *
 * A clock is counted: snowid_clock_free() gives up the caller's hold, and it lives on while a
 * config or a generator uses it. */
struct snowid_clock;

/* Each returns 0 or a negative error, which the call that needed the clock then returns. They must
 * be safe in any thread that uses the generator. `wall`: any instant. `elapsed`: nanoseconds from
 * an arbitrary start; never falls, counts suspended time, and goes on while `sleep` sleeps: every
 * deadline rests on it. `sleep`: waits about ns of elapsed time; may return early. */
typedef int (*snowid_wall_fn)(void *user, int64_t *unix_sec, uint32_t *nsec);
typedef int (*snowid_elapsed_fn)(void *user, uint64_t *ns);
typedef int (*snowid_sleep_fn)(void *user, uint64_t ns);

/* A clock of the caller's own. `user` is handed to each function and is not freed. -ENOMEM. */
int snowid_clock_new(snowid_wall_fn wall, snowid_elapsed_fn elapsed, snowid_sleep_fn sleep,
		     void *user, struct snowid_clock **clock);

/* A clock that moves only by the calls below, for tests. Its state is shared with children made by
 * fork. Sleeping advances it. SNOWID_E_RANGE: nsec, or outside the years 0 to 9999; -ENOMEM. */
int snowid_clock_new_manual(int64_t unix_sec, uint32_t nsec, struct snowid_clock **clock);
void snowid_clock_free(struct snowid_clock *clock);

/* Moves wall time alone, forwards or backwards. SNOWID_E_KIND: not a manual clock. SNOWID_E_RANGE:
 * it would come to stand more than 292 years from where it started. */
int snowid_clock_step(struct snowid_clock *clock, int64_t delta_ns);

/* Lets wall and elapsed time go on together. Errors as above. */
int snowid_clock_advance(struct snowid_clock *clock, uint64_t ns);

/* Reads a clock: any output may be NULL. NULL as clock reads the system's. */
int snowid_clock_read(struct snowid_clock *clock, int64_t *unix_sec, uint32_t *nsec,
		      uint64_t *elapsed_ns);

/* ---- configuration --------------------------------------------------------------------------- */

/* Every setting is checked when it is set. A generator copies what it needs, so that one config may
 * make many and may be freed at once.
 *
 *     key         text                         default     meaning
 *     kind        preset, layout spec, ulid,   snowflake   what to make; clears all fields
 *                 uuid1, uuid6 or uuid7
 *     field.NAME  integer                                  a fixed field of the layout; for uuid1
 *                                                          and uuid6: node (48 bits), clock_seq (14)
 *     store       URL                          memory:     where the state lives, see below; the
 *                                                          environment variable SNOWID_STORE gives
 *                                                          another default
 *     timeout     span                         2s          longest wait of a call without its own
 *     wait        span, up to 1h               5ms         clock behind by up to this: wait it out
 *     hold        span, up to 1h               1s          behind by up to this: go on in the last
 *                                                          tick and by elapsed time; beyond: refuse
 *     borrow      span, up to 1h               0           how far IDs may run ahead of the clock
 *                                                          when a tick is spent
 *     block       span, 10ms to 1h             3s          how far ahead of the clock a store allows
 *                                                          IDs: each half of it costs one sync
 *     jump        span, from 1s                1h          a wall clock that goes ahead by more than
 *                                                          this, beyond the time that has passed,
 *                                                          is not recorded in a state file
 *     mode        0600, 0640 or 0660           0600        of a new state file, whatever the umask:
 *                                                          the user's alone, one that the group may
 *                                                          look at, or one that it shares; 0660 also
 *                                                          trusts such a file of another user
 *     spread      true or false                false       start the sequence of a tick at a random
 *                                                          value in its lower half, so that slow
 *                                                          generators do not make multiples of 4096
 *                                                          only; a tick then holds 3/4 of its IDs on
 *                                                          average, and never less than half
 *
 * A span is an integer with a unit: 100ns, 250us, 5ms, 2s, 1m, 1h; or 0.
 *
 *     memory:            nothing is kept. IDs begin above the tick the generator was made in.
 *     file:/path/state   a file, made where there is none. All processes of the host
 *                        that open it, at once or one after the other, share one worker and one
 *                        sequence. Neither a process that is killed, nor a clock set back between
 *                        two runs, nor a power cut leads to a duplicate. One file is of one kind,
 *                        layout and set of fields, on a disk of this host. A new file begins one
 *                        block above the clock, and so does one that is met after another boot,
 *                        above what was recorded: snowid_generator_new() waits for that. A caller
 *                        slower than one ID a block pays a sync for each.
 *     slots:/directory?workers=0-31&field=worker
 *                        for a process that is to have a worker of its own: the first of the range
 *                        (default: all) that no other process of the host has. It is free again when
 *                        the generator is freed, or when the last process that holds it ends. Each
 *                        worker has a state file in the directory, and its next owner goes on there.
 *                        field (default: worker, machine or shard) is what it assigns; a field that
 *                        is set asks for that worker. */
struct snowid_config;

/* -ENOMEM, and what snowid_config_set_store() has to say of SNOWID_STORE. */
int snowid_config_new(struct snowid_config **config);
void snowid_config_free(struct snowid_config *config);

/* Errors: those of snowid_layout_new(). */
int snowid_config_set_kind(struct snowid_config *config, const char *kind);

/* After set_kind. SNOWID_E_UNKNOWN: the kind has no such field; SNOWID_E_RANGE: too large for it;
 * SNOWID_E_INVALID: time and sequence are not set by hand. */
int snowid_config_set_field(struct snowid_config *config, const char *name, uint64_t value);

/* SNOWID_E_STORE: no store of that scheme. SNOWID_E_SYNTAX: not a URL of one. Nothing is opened yet. */
int snowid_config_set_store(struct snowid_config *config, const char *url);

/* NULL: the system's. */
int snowid_config_set_clock(struct snowid_config *config, struct snowid_clock *clock);

/* Every setting by name, for configuration files and bindings. SNOWID_E_UNKNOWN: no such key;
 * SNOWID_E_SYNTAX, SNOWID_E_RANGE, and the errors of the setters above. */
int snowid_config_set(struct snowid_config *config, const char *key, const char *text);

/* Reads a setting back as text that snowid_config_set() takes. *length (may be NULL) is the length
 * of the whole. SNOWID_E_UNKNOWN: no such key, or a field that has no value. SNOWID_E_RANGE: size is
 * too small for the text and its terminating 0. */
int snowid_config_get(const struct snowid_config *config, const char *key, char *text, size_t size,
		      size_t *length);

/* ---- what a store keeps ---------------------------------------------------------------------- */

/* A snapshot of what is there: a record for each identity, which is a list of keys and values. To take
 * one changes nothing, and makes nothing; the store may be in use, and a file may be damaged.
 *
 *     key            value
 *     store          text: the URL of this record alone
 *     error          text: why it cannot be opened as it is; what could not be read is then missing
 *     use            free, shared (file:) or alone (slots:): who holds it now, children included
 *     holder_pid     number  \  a hint: the process that was the last to open it,
 *     holder_host    text     > and when; pids and names of hosts mean little across containers
 *     holder_since   instant /
 *     kind           text: what set_kind() takes, a layout in full
 *     fingerprint    text: 16 digits of hexadecimal
 *     field.NAME     number: a fixed field
 *     last           instant of the last ID, if one was made in this boot
 *     last_id        text: the ID itself, if it has 64 bits
 *     floor          instant from which on the next ID will be
 *     limit          instant before which all IDs are, whatever happens before the next renewal
 *     issued         number of IDs made, where this boot is that of the words
 *     this_boot      true or false: false where the host has been restarted since
 *     failed         text: the error of the sync that failed, after which the limit rises no more
 *     durable        true or false: false on tmpfs, which is lost with the host
 *     mode, owner    text and number: of the file, as chmod and chown take them
 *     created        instant
 *     version        number: of the format
 *
 * Later versions may know more keys. Instants are ISO 8601. */
struct snowid_store_info;

enum snowid_value { SNOWID_VALUE_TEXT, SNOWID_VALUE_NUMBER, SNOWID_VALUE_BOOLEAN };

/* SNOWID_E_SYNTAX, SNOWID_E_STORE: no such store. -errno: there is nothing, or it may not be read. */
int snowid_store_inspect(const char *url, struct snowid_store_info **info);
void snowid_store_info_free(struct snowid_store_info *info);

/* The number of records: none for memory:, one for file:, one for each state file of slots:. */
int snowid_store_info_count(const struct snowid_store_info *info, size_t *count);

/* Value `index` of a record, in the order of the table; any output may be NULL. Numbers are decimal.
 * SNOWID_E_RANGE past the last value or the last record. */
int snowid_store_info_at(const struct snowid_store_info *info, size_t record, size_t index,
			 const char **key, const char **text, enum snowid_value *type);

/* Takes a state file that was copied, or restored, for an original, or all of a slots: directory.
 * IDs begin above all that is recorded and above now. Not safe while the file it was copied from is
 * used, here or elsewhere: both make the same IDs.
 * What is no copy is left as it is.
 * SNOWID_E_STORE: it is damaged, or the store has no files. -EBUSY: it is in use. */
int snowid_store_adopt(const char *url);

/* Sets what is recorded to an instant, later or earlier: the next ID is not before it. Not safe if any
 * ID at or after that instant has been made: it will be made again.
 * SNOWID_E_RANGE: before 1970 or outside of the layout. SNOWID_E_STORE, -EBUSY: as above. */
int snowid_store_reset(const char *url, int64_t unix_sec, uint32_t nsec);

/* ---- generators ------------------------------------------------------------------------------ */

/* A generator hands out IDs of one kind for one worker. All its threads, and all processes forked
 * from it, draw from the same words, without a lock: what one gets no other gets. IDs made later in
 * time by one thread are larger; ULIDs and UUIDs of versions 6 and 7 too. */
struct snowid_generator;

/* SNOWID_E_WORKER: the kind has a worker, machine or shard (or else any field) that has no value.
 * SNOWID_E_EPOCH, SNOWID_E_ENDED: the clock stands outside the layout. SNOWID_E_STORE: the store cannot
 * be relied on, or is of another identity. SNOWID_E_CLOCK: the clock is or stays behind what the store
 * has recorded, or has jumped ahead. -ENOMEM, -errno. Waits up to two blocks for a clock that is behind its store. */
int snowid_generator_new(const struct snowid_config *config, struct snowid_generator **generator);

/* Ends the generator: no ID is handed out after it, in any thread, nor, when the process that made a
 * memory: generator calls it, in any child; their calls get SNOWID_E_CLOSED. A child's call, and one on
 * a file: that others may share, end the use of this process alone. Waits up to timeout_ns for its
 * store; neither memory: nor file: needs a wait. Closing twice does nothing. */
int snowid_generator_close(struct snowid_generator *generator, uint64_t timeout_ns);

/* Frees the memory and never waits. Children go on with theirs. */
void snowid_generator_free(struct snowid_generator *generator);

/* One ID. All of these return
 *     SNOWID_E_EXHAUSTED  the tick is spent and the next did not come before the deadline
 *     SNOWID_E_CLOCK      the clock is behind: too far to wait or hold, or for longer than the
 *                         deadline; or it has jumped ahead, and the store does not follow
 *     SNOWID_E_LIMIT      the store did not raise its limit before the deadline
 *     SNOWID_E_EPOCH, SNOWID_E_ENDED, SNOWID_E_CLOSED
 *     SNOWID_E_KIND       the kind of the generator makes IDs of the other width
 *     -errno              of the clock, or of getrandom(2)
 *
 * next waits up to the configured timeout, next_for up to timeout_ns (0: not at all). try_next never
 * waits and never syncs (call snowid_generator_maintain() meanwhile): when waiting would help, it returns the error with *wait_ns (may be NULL)
 * the time after which it is worth trying again; otherwise *wait_ns is 0. */
int snowid_generator_next(struct snowid_generator *generator, uint64_t *id);
int snowid_generator_next_for(struct snowid_generator *generator, uint64_t timeout_ns, uint64_t *id);
int snowid_generator_try_next(struct snowid_generator *generator, uint64_t *id, uint64_t *wait_ns);

/* count IDs in increasing order, consecutive within a tick. Returns 0 only if *made == count;
 * otherwise an error as above, and ids[0] to ids[*made - 1] are valid. */
int snowid_generator_next_batch(struct snowid_generator *generator, uint64_t *ids, size_t count,
				uint64_t timeout_ns, size_t *made);

/* The same for ULID and UUID. */
int snowid_generator_next128(struct snowid_generator *generator, struct snowid_id128 *id);
int snowid_generator_next128_for(struct snowid_generator *generator, uint64_t timeout_ns,
				 struct snowid_id128 *id);
int snowid_generator_try_next128(struct snowid_generator *generator, struct snowid_id128 *id,
				 uint64_t *wait_ns);
int snowid_generator_next128_batch(struct snowid_generator *generator, struct snowid_id128 *ids,
				   size_t count, uint64_t timeout_ns, size_t *made);

/* How many IDs could be taken now without waiting. A snapshot: others may take them first. Errors:
 * as try_next, where none could. */
int snowid_generator_available(struct snowid_generator *generator, uint64_t *count);

/* Does what is due for the generator's store, and says in how many nanoseconds it wants to be called
 * again: UINT64_MAX for never, as with memory:. May wait for the store. Any thread may call it. Without
 * it, one caller of next in each half block waits for the store, and the others go on. -errno of the
 * store, after which it is not asked again; SNOWID_E_STORE: its file was replaced. */
int snowid_generator_maintain(struct snowid_generator *generator, uint64_t *again_in_ns);

/* The value of a fixed field: "worker", "shard", …; for uuid1 and uuid6 "node" and "clock_seq". With a
 * store that claims another worker after losing one, the present one.
 * SNOWID_E_UNKNOWN; SNOWID_E_INVALID: time and sequence are not fixed. */
int snowid_generator_field(const struct snowid_generator *generator, const char *name,
			   uint64_t *value);

/* A setting the generator was made with, as snowid_config_get(). */
int snowid_generator_get(const struct snowid_generator *generator, const char *key, char *text,
			 size_t size, size_t *length);

/* Counters since the generator was made, or since its state file was first opened in this boot, over
 * all processes that share it. Exact while no process
 * is killed in the middle of a call, which loses at most the tick it was in. */
enum snowid_stat {
	SNOWID_STAT_ISSUED,      /* IDs handed out */
	SNOWID_STAT_WAITS,       /* times a call slept: for the next tick, the clock or the store */
	SNOWID_STAT_REGRESSIONS, /* times the clock was found to have stepped back */
	SNOWID_STAT_REFUSED,     /* calls refused because the clock was too far behind */
	SNOWID_STAT_MAX_LEAD_NS, /* furthest an ID was issued ahead of the clock */
	SNOWID_STAT_MAX_LAG_NS   /* furthest the clock was found behind its own highest reading */
};
int snowid_generator_stat(const struct snowid_generator *generator, enum snowid_stat which,
			  uint64_t *value);

#ifdef __cplusplus
}
#endif

#endif
