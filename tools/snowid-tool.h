/* SPDX-License-Identifier: MIT
 *
 * What the files of the command-line tool share.
 */
#ifndef SNOWID_TOOL_H
#define SNOWID_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snowid.h"

/* ---- snowid.c: the command line -------------------------------------------------------------- */

/* What was given; NULL where an option was not. */
struct options {
	uint64_t count;
	const char *kind, *form, *input, *store, *time, *from, *to, *floor;
	char **fields; /* NAME=N of each --field */
	size_t field_count;
	char **settings; /* KEY=VALUE of each --set */
	size_t setting_count;
	char **clocks; /* INSTANT of each --clock */
	size_t clock_count;
	char **operands;
	size_t operand_count;
	bool json, adopt, reset, yes;
};

/* The commands; each returns the exit status. */
int generate(const struct options *options);
int decode(const struct options *options);
int encode(const struct options *options);
int convert(const struct options *options);
int range(const struct options *options);
int layout(const struct options *options);
int bench(const struct options *options);
int store(const struct options *options);

/* Cuts text at its first '=' and returns what follows it; NULL where there is none. */
char *split(char *text);

/* Cuts NAME=N, the value of --field. Returns the name; ends the tool where that is not what it is. */
const char *field_read(char *text, uint64_t *value);

/* ---- output.c: standard output, records, complaints ------------------------------------------ */

/* Everything to standard output goes through one buffer. A failed write ends the tool, status 1. */
void out_bytes(const char *bytes, size_t length);
void out_text(const char *text);
void out_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void out_flush(void);
void out_finish(void);
bool out_terminal(void);

/* Switches to one of a few colours, to bold, and back; nothing in a pipe or with NO_COLOR. */
void out_colour(size_t index);
void out_bold(void);
void out_plain(void);

/* A record is one JSON object on a line, or a block of lines "key value". An instant after the year
 * 9999 is null. */
void record_begin(bool json);
void record_text(const char *key, const char *format, ...) __attribute__((format(printf, 2, 3)));
void record_number(const char *key, const char *format, ...) __attribute__((format(printf, 2, 3)));
void record_null(const char *key);
void record_time(const char *key, int64_t sec, uint32_t nsec);
void record_end(void);

/* "snowid: …" to standard error; and the same with the end of the tool, status 2 and 1. usage_hint()
 * ends it after a message that has been printed. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void usage_hint(void);
_Noreturn void usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The library's last error in full. Static. */
const char *detail(void);

/* ---- id.c: kinds, forms, and IDs of either width --------------------------------------------- */

struct part {
	const char *name;
	unsigned bits;
};
#define PARTS_MAX 64

struct id {
	enum { ID_64, ID_ULID, ID_UUID } type;
	uint64_t number;
	struct snowid_id128 wide;
};
#define ID_TEXT SNOWID_UUID_TEXT /* room for any ID in any form */

/* A kind of 128-bit ID. */
struct wide {
	const char *name;
	unsigned version; /* of the UUID; 0: a ULID, or any other UUID */
	const char *unit, *first, *last;
	struct part parts[8];
};

struct kind {
	const char *name;             /* as the user gave it */
	struct snowid_layout *layout; /* NULL for a kind of 128 bits */
	const struct wide *wide;      /* NULL for a layout */
};

/* Kinds of 128 bits, by index; NULL past the last that has a name of its own. */
const struct wide *kind_wide(size_t index);
bool kind_is_ulid(const struct kind *kind);

#define DEFAULT_KIND "snowflake"

/* Opens the kind of a name; ends the tool where there is none of it. */
struct kind kind_open(const char *name);
void kind_close(struct kind *kind);

/* The kind of an ID that was read: the one asked for, unless it is a ULID or UUID, which say so
 * themselves. Not to be closed. */
struct kind kind_of(const struct kind *asked, const struct id *id);

/* The parts of its IDs, most significant first. Returns their number. */
size_t kind_parts(const struct kind *kind, struct part parts[PARTS_MAX]);

/* A form is an enum snowid_form, or one of these. */
enum { FORM_DEFAULT = -1, FORM_ULID = 100, FORM_UUID };

/* The form of the value of an option, FORM_DEFAULT for NULL. Ends the tool where there is none of
 * the name. */
int form_read(const char *option, const char *name);

/* The same; ends the tool also where the IDs of the kind have no such form. */
int form_of_kind(const char *option, const char *name, const struct kind *kind);

/* Why an ID could not be written in a form. */
const char *wrong_form(const struct id *id);

/* Reads an ID. FORM_DEFAULT: a ULID or UUID by its length, else decimal. Returns as the library. */
int id_read(const char *text, size_t length, const struct kind *kind, int form, struct id *id);

/* Writes an ID. Returns its length, 0 where an ID of this width has no such form. */
size_t id_write(const struct id *id, int form, char text[ID_TEXT]);

/* Negative, 0 or positive, for two IDs of one width. */
int id_compare(const struct id *a, const struct id *b);

/* The smallest or the largest ID of the instant that is the value of an option. Ends the tool where
 * there is none. */
struct id id_at(const struct kind *kind, const char *option, const char *instant, bool largest);

/* The instant an ID was made at. Returns as the library; SNOWID_E_KIND: it does not hold one. */
int id_time(const struct kind *kind, const struct id *id, int64_t *sec, uint32_t *nsec);

/* ---- the rest -------------------------------------------------------------------------------- */

/* input.c: hands each operand, or else each line of standard input, to `use`, which returns NULL or
 * what is wrong with the ID. Complains of each that is wrong, goes on, and returns the exit status. */
typedef const char *(*use_fn)(void *user, const struct id *id);
int each_id(const struct options *options, const struct kind *kind, use_fn use, void *user);

/* decode.c: prints what an ID holds as a record, the ID in a form. Returns NULL or what is wrong. */
const char *describe(const struct kind *kind, const struct id *id, int form, bool json);

/* bits.c: the bits of a kind as boxes, and the bits of one ID. */
void draw_boxes(const struct kind *kind);
void draw_bits(const struct kind *kind, const struct id *id);

/* state.c: lets a config of a layout keep its state in the user's file for it, with all fields 0.
 * Ends the tool where there can be none. */
void state_default(const struct kind *kind, struct snowid_config *config);

/* The store that SNOWID_STORE names; NULL: none. */
const char *store_of_environment(void);

/* Hands out the URL of each file that state_default() has made. Ends the tool where they have no place. */
void each_state(void (*use)(const char *url, void *user), void *user);

/* progress.c: a bar on standard error, when that is a terminal and the output is not. */
void progress(uint64_t done, uint64_t total);
void progress_end(void);

#endif
