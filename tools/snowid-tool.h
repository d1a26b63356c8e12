/* SPDX-License-Identifier: MIT
 *
 * Declarations shared by the files of the command-line tool.
 */
#ifndef SNOWID_TOOL_H
#define SNOWID_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snowid.h"

/* ---- snowid.c: the command line -------------------------------------------------------------- */

/* The options of the command line; NULL for those that were not given. */
struct options {
	uint64_t count;
	const char *kind, *form, *input, *store, *time, *from, *before, *to, *floor;
	const char *name_space, *name, *data, *key_file;
	char **fields; /* NAME=N of each --field */
	size_t field_count;
	char **settings; /* KEY=VALUE of each --set */
	size_t setting_count;
	char **stores; /* URL of each --store, of which only explain uses more than the last */
	size_t store_count;
	char **clocks; /* INSTANT of each --clock */
	size_t clock_count;
	char **operands;
	size_t operand_count;
	bool json, adopt, reset, free_worker, yes;
};

/* The commands. Each returns the exit status. */
int cmd_generate(const struct options *options);
int cmd_decode(const struct options *options);
int cmd_encode(const struct options *options);
int cmd_convert(const struct options *options);
int cmd_range(const struct options *options);
int cmd_layout(const struct options *options);
int cmd_bench(const struct options *options);
int cmd_store(const struct options *options);
int cmd_explain(const struct options *options);

/* ---- options.c: the values of options -------------------------------------------------------- */

/* Reads decimal digits, or hexadecimal digits after 0x. False if it is not a number below 2^64. */
bool parse_number(const char *text, uint64_t *value);

/* Splits KEY=VALUE in place: ends `text` at its first '=' and returns the value. NULL without
 * '='. */
char *split_key_value(char *text);

/* Splits NAME=N, the value of --field, in place and returns the name. Exits if it is malformed. */
const char *parse_field(char *text, uint64_t *value);

/* ---- suggest.c: what was probably meant ------------------------------------------------------ */

struct suggestion {
	const char *wanted; /* that does not exist */
	const char *name;   /* the nearest so far, or NULL */
	unsigned distance;
	bool tie; /* several names are as near */
};

/* Considers one more name that exists. */
void suggest_name(struct suggestion *suggestion, const char *name);

/* "; did you mean NAME?" or nothing, in a static buffer. */
const char *suggestion_text(const struct suggestion *suggestion);

/* ---- output.c: standard output, records, error messages -------------------------------------- */

/* All standard output goes through one buffer. Exits with status 1 if a write fails. */
void out_bytes(const char *bytes, size_t length);
void out_text(const char *text);
void out_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void out_flush(void);
void out_finish(void);
bool out_is_terminal(void);

/* Switches to one of a few colours, to bold, and back. Does nothing in a pipe or with NO_COLOR. */
void out_colour(size_t index);
void out_bold(void);
void out_reset_style(void);

/* A record is one JSON object on a line, or a block of lines "key value". An instant after the year
 * 9999 is printed as null. */
void record_begin(bool json);
void record_text(const char *key, const char *format, ...) __attribute__((format(printf, 2, 3)));
void record_number(const char *key, const char *format, ...) __attribute__((format(printf, 2, 3)));
void record_null(const char *key);
void record_time(const char *key, int64_t sec, uint32_t nsec);
void record_end(void);

/* A list in a record, of items that have keys as a record has. In text, an item is a block. */
void record_list_begin(const char *key);
void record_item_begin(void);
void record_item_end(void);
void record_item_text(const char *text); /* an item that is a text; in JSON alone */
void record_list_end(void);

/* Replaces what would control a terminal by ?. */
void replace_controls(char *text);

/* Prints "snowid: …" to standard error. exit_usage() then names the help of the command, and exits
 * with status 2; exit_failure() exits with 1. exit_usage_hint() does what exit_usage() does after a
 * message that has been printed already. */
void set_hint_command(const char *name);
void print_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void exit_usage_hint(void);
_Noreturn void exit_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void exit_failure(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The full text of the library's last error, in a static buffer. */
const char *error_detail(void);

/* ---- kind.c: kinds, and id.c: forms, and IDs of 64 or 128 bits ------------------------------- */

struct part {
	const char *name;
	unsigned bits;
};
#define PARTS_MAX 64

/* Whether the values of a field are strings in JSON, which they are by its width, not by the value:
 * JavaScript numbers have 53 bits. */
static inline bool is_string_in_json(const struct part *field)
{
	return field->bits > 53;
}

struct id {
	enum id_type { ID_64, ID_ULID, ID_UUID } type;
	uint64_t number;
	struct snowid_id128 wide;
};
#define ID_TEXT SNOWID_UUID_TEXT /* room for any ID in any form */

/* A kind of 128-bit ID. */
struct wide {
	const char *name;
	unsigned version;                /* of the UUID; 0 for a ULID or any other UUID */
	const char *unit, *first, *last; /* NULL if its IDs contain no time */
	struct part parts[8];
};

struct kind {
	const char *name;             /* as the user gave it */
	struct snowid_layout *layout; /* NULL for a kind of 128 bits */
	const struct wide *wide;      /* NULL for a kind of 64 bits */
};

/* The kinds of 128 bits by index; NULL past the last. */
const struct wide *kind_wide(size_t index);
bool kind_is_ulid(const struct kind *kind);

#define DEFAULT_KIND "snowflake"
#define ANY_64_BITS  "time:64" /* to read IDs whose kind does not matter */

/* Finds a kind by name, and opens it. Returns an error code of the library. kind_open() exits if
 * there is no such kind. */
int kind_find(const char *name, struct kind *kind);
struct kind kind_open(const char *name);
void kind_close(struct kind *kind);

/* The kind of an ID that was read: a ULID or UUID shows its own kind, any other ID is of the kind
 * that was asked for. Do not close it. */
struct kind kind_of_id(const struct kind *asked, const struct id *id);

/* Lists the parts of a kind's IDs, most significant first. Returns how many there are. */
size_t kind_parts(const struct kind *kind, struct part parts[PARTS_MAX]);

/* Names a kind by the preset that has the same layout and names of fields, if there is one. */
void kind_name_preset(struct kind *kind);

/* The type of a new ID of a kind. */
enum id_type kind_id_type(const struct kind *kind);

/* A form is an enum snowid_form or one of these. */
enum { FORM_DEFAULT = -1, FORM_ULID = 100, FORM_UUID, FORM_MASKED };

/* Reads the form in an option's value; NULL is FORM_DEFAULT. Exits if there is no such form. */
int parse_form(const char *option, const char *name);

/* The same, but also exits if IDs of this kind do not have the form. */
int parse_form_for_kind(const char *option, const char *name, const struct kind *kind);

/* Explains why an ID could not be written in a form. */
const char *wrong_form(const struct id *id, int form);

/* Reads an ID. FORM_DEFAULT recognizes a ULID or UUID by its length and takes any other text as
 * decimal. Returns an error code of the library. */
int id_read(const char *text, size_t length, const struct kind *kind, int form, struct id *id);

/* Writes an ID. Returns its length, 0 if the ID does not have the form. */
size_t id_write(const struct id *id, int form, char text[ID_TEXT]);

/* Compares two IDs of the same width like memcmp(). */
int id_compare(const struct id *a, const struct id *b);

/* The smallest or largest ID of the tick that contains an instant. Returns an error code of the
 * library. */
int id_at(const struct kind *kind, int64_t sec, uint32_t nsec, bool largest, struct id *id);

/* The instant at which an ID was made. Returns an error code of the library: SNOWID_E_KIND if the
 * ID does not contain a time. */
int id_time(const struct kind *kind, const struct id *id, int64_t *sec, uint32_t *nsec);

/* Whether the time of an ID is more than a day ahead of the clock, which may be wrong by that. */
bool id_is_of_future(const struct kind *kind, const struct id *id);

/* Reads a field of an ID. False if its kind has no such field. */
bool id_field(const struct kind *kind, const struct id *id, const char *name, uint64_t *value);

/* ---- the rest -------------------------------------------------------------------------------- */

/* input.c: calls `use` for each operand, or for each line of standard input if there are none.
 * `use` returns NULL, or what is wrong with the ID; that is reported and the next ID follows.
 * Returns the exit status. */
typedef const char *(*use_id_fn)(void *user, const struct id *id);
int for_each_id(const struct options *options, const struct kind *kind, use_id_fn use, void *user);

/* decode.c: prints the content of an ID as a record, with the ID in this form. Returns NULL, or
 * what is wrong with the ID. */
const char *record_id(const struct kind *kind, const struct id *id, int form, bool json);

/* The part of it after the ID and its kind: the time and the fields. */
void record_id_parts(const struct kind *kind, const struct id *id);

/* candidates.c: adds to a record what an ID of 64 bits would be in every preset, those first whose
 * time may have been. */
void record_candidates(const struct id *id, bool json);

/* Writes an instant, or "-" after the year 9999. */
void time_text(int64_t sec, uint32_t nsec, char text[SNOWID_TIME_TEXT]);

/* age.c: "5 minutes ago" or "in 5 minutes", in a static buffer. */
const char *age_text(int64_t sec);

/* The present time by the system's clock. */
int64_t now_seconds(void);

/* mask.c: reads the key of --key-file, if one of the forms is masked. `kind` is NULL if it was not
 * named. Exits if an option is missing or wrong. mask_close() erases the key. */
void mask_open(const struct options *options, const struct kind *kind);
void mask_close(void);

/* Reads a masked ID. Returns an error code of the library. */
int mask_read(const char *text, size_t length, uint64_t *id);

/* Writes an ID masked. False if it has more bits than the kind. */
bool mask_write(uint64_t id, char text[SNOWID_ID_TEXT]);

/* uuid.c: makes the UUID of a kind that contains no time. Exits if an option is missing or
 * wrong. */
struct id encode_uuid_without_time(const struct kind *kind, const struct options *options);

/* bits.c: draws the bits of a kind as boxes, and the bits of one ID as digits. */
void draw_boxes(const struct kind *kind);
void draw_bits(const struct kind *kind, const struct id *id);

/* state.c: sets up a config to keep its state in the user's own file for the layout, with all
 * fields 0. Exits if there is no place for that file. */
void use_default_state(const struct kind *kind, struct snowid_config *config);

/* store.c: adds a value that a store keeps to a record. */
void record_store_value(bool json, const char *key, const char *text, enum snowid_value type);

/* The store that SNOWID_STORE names, or NULL. */
const char *store_from_environment(void);

/* Calls `use` for the URL of each store that is used by default: the one that SNOWID_STORE names,
 * or the files that use_default_state() has made and, which other programs use, host:. Exits if
 * there is no place for those files. */
void for_each_default_store(void (*use)(const char *url, void *user), void *user);

/* progress.c: a progress bar on standard error, if that is a terminal and the output is not. */
void progress_draw(uint64_t done, uint64_t total);
void progress_end(void);

#endif
