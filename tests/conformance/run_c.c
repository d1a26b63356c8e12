/* SPDX-License-Identifier: MIT
 *
 * Runs tests/conformance on the library. See README there.
 */
#include <glob.h>
#include <inttypes.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snowid.h"

#define TEXT 512

/* Where a case ends that has failed, or a call of it. */
static jmp_buf wrong, refused;
static char message[2 * TEXT];
static int refusal;

static _Noreturn void __attribute__((format(printf, 1, 2))) differ(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	longjmp(wrong, 1);
}

/* Every call of the library goes through here: one that fails is what the case may expect. */
static void need(int error)
{
	if (error) {
		refusal = error;
		longjmp(refused, 1);
	}
}

/* ---- what cases hold ------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
	const json_t *const value = json_object_get(object, key);
	if (!json_is_string(value))
		differ("the case has no \"%s\"", key);
	return json_string_value(value);
}

static uint64_t number_of(const char *text)
{
	uint64_t value = 0;
	need(snowid_id_parse(text, strlen(text), SNOWID_FORM_DECIMAL, &value));
	return value;
}

static struct snowid_id128 bytes_of(const char *digits)
{
	struct snowid_id128 id = {{0}};
	for (size_t i = 0; i < sizeof id.bytes; i++) {
		unsigned byte = 0;
		if (sscanf(digits + 2 * i, "%2x", &byte) != 1)
			differ("\"%s\" is not 32 digits", digits);
		id.bytes[i] = (uint8_t)byte;
	}
	return id;
}

struct instant {
	int64_t sec;
	uint32_t nsec;
};

static struct instant instant_of(const char *text)
{
	struct instant at = {0, 0};
	need(snowid_time_parse(text, strlen(text), &at.sec, &at.nsec));
	return at;
}

static void same(const char *what, const char *got, const char *want)
{
	if (strcmp(got, want) != 0)
		differ("%s is %s, not %s", what, got, want);
}

/* An answer counts when the case expects something under this key. */
static const char *expected(const json_t *want, const char *key)
{
	const json_t *const value = json_object_get(want, key);
	return json_is_string(value) ? json_string_value(value) : NULL;
}

static void answer(const json_t *want, const char *key, const char *got)
{
	if (expected(want, key))
		same(key, got, expected(want, key));
}

static void answer_number(const json_t *want, const char *key, int64_t got)
{
	const json_t *const value = json_object_get(want, key);
	if (json_is_integer(value) && json_integer_value(value) != got)
		differ("%s is %" PRId64 ", not %" PRId64, key, got,
		       (int64_t)json_integer_value(value));
}

/* An instant, or null where the call for it fails. */
static void answer_time(const json_t *want, const char *key, int error, int64_t sec, uint32_t nsec)
{
	char text[SNOWID_TIME_TEXT];

	if (!json_object_get(want, key))
		return;
	if (json_is_null(json_object_get(want, key))) {
		if (!error)
			differ("%s is not null", key);
		return;
	}
	need(error);
	need(snowid_time_format(sec, nsec, text));
	answer(want, key, text);
}

static void answer_u64(const json_t *want, const char *key, uint64_t got)
{
	char text[SNOWID_ID_TEXT];
	need(snowid_id_format(got, SNOWID_FORM_DECIMAL, text));
	answer(want, key, text);
}

/* ---- kinds ----------------------------------------------------------------------------------- */

/* One is open at a time, so that a case that fails leaks nothing. */
static struct snowid_layout *layout;
static struct snowid_config *config;
static struct snowid_generator *generator;
static struct snowid_clock *manual;

static void close_all(void)
{
	snowid_layout_free(layout);
	snowid_config_free(config);
	snowid_generator_free(generator);
	snowid_clock_free(manual);
	layout = NULL;
	config = NULL;
	generator = NULL;
	manual = NULL;
}

static bool is_ulid(const char *kind)
{
	return strcmp(kind, "ulid") == 0;
}

static bool is_wide(const char *kind)
{
	return is_ulid(kind) || strncmp(kind, "uuid", 4) == 0;
}

static unsigned version_of(const char *kind)
{
	return (unsigned)(kind[4] - '0');
}

/* An ID of either width. */
struct id {
	uint64_t number;
	struct snowid_id128 wide;
};

static struct id read_id(const char *kind, const char *text)
{
	struct id id = {0, {{0}}};
	if (is_ulid(kind))
		need(snowid_ulid_parse(text, strlen(text), &id.wide));
	else if (is_wide(kind))
		need(snowid_uuid_parse(text, strlen(text), &id.wide));
	else
		id.number = number_of(text);
	return id;
}

static void write_id(const char *kind, const struct id *id, char text[SNOWID_UUID_TEXT])
{
	if (is_ulid(kind))
		need(snowid_ulid_format(&id->wide, text));
	else if (is_wide(kind))
		need(snowid_uuid_format(&id->wide, text));
	else
		need(snowid_id_format(id->number, SNOWID_FORM_DECIMAL, text));
}

static void answer_id(const json_t *want, const char *key, const char *kind, const struct id *id)
{
	char text[SNOWID_UUID_TEXT];
	write_id(kind, id, text);
	answer(want, key, text);
}

static struct id id_at(const char *kind, const char *text, bool last)
{
	const struct instant at = instant_of(text);
	struct id id = {0, {{0}}};
	if (is_ulid(kind))
		need((last ? snowid_ulid_last_at : snowid_ulid_first_at)(at.sec, at.nsec,
									 &id.wide));
	else if (is_wide(kind))
		need((last ? snowid_uuid_last_at : snowid_uuid_first_at)(version_of(kind), at.sec,
									 at.nsec, &id.wide));
	else
		need((last ? snowid_layout_last_at : snowid_layout_first_at)(layout, at.sec,
									     at.nsec, &id.number));
	return id;
}

static void open_layout(const char *kind)
{
	if (!is_wide(kind))
		need(snowid_layout_new(kind, &layout));
}

static uint64_t field_of(const char *kind, const struct id *id, const char *name)
{
	uint8_t node[6];
	uint64_t value = 0;
	unsigned clock_seq = 0;

	if (!is_wide(kind)) {
		need(snowid_layout_field(layout, id->number, name, &value));
	} else if (strcmp(name, "node") == 0) {
		need(snowid_uuid_node(&id->wide, node));
		for (size_t i = 0; i < sizeof node; i++)
			value = value << 8 | node[i];
	} else {
		need(snowid_uuid_clock_seq(&id->wide, &clock_seq));
		value = clock_seq;
	}
	return value;
}

static void answer_fields(json_t *want, const char *kind, const struct id *id)
{
	const char *name;
	json_t *value;

	json_object_foreach(want, name, value) answer_u64(want, name, field_of(kind, id, name));
}

static int time_of(const char *kind, const struct id *id, struct instant *at)
{
	int64_t ms = 0;

	if (!is_wide(kind))
		return snowid_layout_time(layout, id->number, &at->sec, &at->nsec);
	if (!is_ulid(kind))
		return snowid_uuid_time(&id->wide, &at->sec, &at->nsec);
	const int error = snowid_ulid_time_ms(&id->wide, &ms);
	*at = (struct instant){ms / 1000, (uint32_t)(ms % 1000) * 1000000};
	return error;
}

/* ---- what cases do --------------------------------------------------------------------------- */

static bool form_is_wide(const char *form)
{
	return strcmp(form, "ulid") == 0 || strcmp(form, "uuid") == 0;
}

static enum snowid_form form_of(const char *name)
{
	enum snowid_form form = SNOWID_FORM_DECIMAL;
	need(snowid_form_parse(name, &form));
	return form;
}

static void do_parse(const json_t *c, const json_t *want)
{
	const char *const form = text_of(c, "form"), *const text = text_of(c, "text");
	char digits[2 * 16 + 1];
	uint64_t number = 0;

	if (form_is_wide(form)) {
		const struct id id = read_id(form, text);
		for (size_t i = 0; i < 16; i++)
			snprintf(digits + 2 * i, 3, "%02x", id.wide.bytes[i]);
		answer(want, "bytes", digits);
	} else {
		need(snowid_id_parse(text, strlen(text), form_of(form), &number));
		answer_u64(want, "id", number);
	}
}

static void do_format(const json_t *c, const json_t *want)
{
	const char *const form = text_of(c, "form");
	char text[SNOWID_ID_TEXT];

	if (form_is_wide(form)) {
		const struct id id = {0, bytes_of(text_of(c, "bytes"))};
		answer_id(want, "text", form, &id);
	} else {
		need(snowid_id_format(number_of(text_of(c, "id")), form_of(form), text));
		answer(want, "text", text);
	}
}

static void do_decode(const json_t *c, const json_t *want)
{
	static const char *const variants[] = {"ncs", "rfc9562", "microsoft", "future"};
	const char *const kind = text_of(c, "kind");
	enum snowid_uuid_variant variant = SNOWID_UUID_VARIANT_NCS;
	struct instant at = {0, 0};
	unsigned version = 0;

	open_layout(kind);
	const struct id id = read_id(kind, text_of(c, "id"));
	const int error = time_of(kind, &id, &at);
	if (!is_wide(kind))
		need(error);
	answer_time(want, "time", error, at.sec, at.nsec);
	answer_number(want, "unix_ms", at.sec * 1000 + at.nsec / 1000000);
	answer_fields(json_object_get(want, "fields"), kind, &id);
	if (is_wide(kind) && !is_ulid(kind)) {
		need(snowid_uuid_version(&id.wide, &version));
		need(snowid_uuid_variant(&id.wide, &variant));
		answer_number(want, "version", version);
		answer(want, "variant", variants[variant]);
	}
}

static void do_encode(const json_t *c, const json_t *want)
{
	const char *const kind = text_of(c, "kind"), *name;
	json_t *text;

	open_layout(kind);
	struct id id = id_at(kind, text_of(c, "time"), false);
	json_object_foreach(json_object_get(c, "fields"), name, text)
	{
		const uint64_t value = number_of(json_string_value(text));
		uint8_t node[6];
		for (int i = 0; i < 6; i++)
			node[i] = (uint8_t)(value >> (40 - 8 * i));
		if (!is_wide(kind))
			need(snowid_layout_set_field(layout, name, value, &id.number));
		else if (strcmp(name, "node") == 0)
			need(snowid_uuid_set_node(&id.wide, node));
		else
			need(snowid_uuid_set_clock_seq(&id.wide, (unsigned)value));
	}
	answer_id(want, "id", kind, &id);
}

static void do_range(const json_t *c, const json_t *want)
{
	const char *const kind = text_of(c, "kind");

	open_layout(kind);
	const struct id first = id_at(kind, text_of(c, "from"), false);
	const struct id last = id_at(kind, text_of(c, "to"), true);
	answer_id(want, "first", kind, &first);
	answer_id(want, "last", kind, &last);
}

static uint64_t info(enum snowid_layout_info which)
{
	uint64_t value = 0;
	need(snowid_layout_info(layout, which, &value));
	return value;
}

static void do_layout(const json_t *c, const json_t *want)
{
	char spec[TEXT];
	struct instant at = {0, 0};
	int error;

	need(snowid_layout_new(text_of(c, "kind"), &layout));
	answer_number(want, "bits", (int64_t)info(SNOWID_LAYOUT_BITS));
	answer_u64(want, "ids_per_tick", info(SNOWID_LAYOUT_IDS_PER_TICK));
	answer_u64(want, "nodes", info(SNOWID_LAYOUT_NODES));
	need(snowid_layout_format(layout, spec, sizeof spec, NULL));
	answer(want, "spec", spec);
	error = snowid_layout_first_time(layout, &at.sec, &at.nsec);
	answer_time(want, "first", error, at.sec, at.nsec);
	error = snowid_layout_last_time(layout, &at.sec, &at.nsec);
	answer_time(want, "last", error, at.sec, at.nsec);
	error = snowid_layout_fits_until(layout, 63, &at.sec, &at.nsec);
	answer_time(want, "signed_until", error, at.sec, at.nsec);
	error = snowid_layout_fits_until(layout, 53, &at.sec, &at.nsec);
	answer_time(want, "javascript_until", error, at.sec, at.nsec);
}

struct named {
	const char *text;
	struct id id;
	bool wide;
};

static int compare(const void *a, const void *b)
{
	const struct named *const x = a, *const y = b;
	if (x->wide)
		return snowid_id128_compare(&x->id.wide, &y->id.wide);
	return (x->id.number > y->id.number) - (x->id.number < y->id.number);
}

static void do_order(const json_t *c, const json_t *want)
{
	const char *const kind = text_of(c, "kind");
	const json_t *const texts = json_object_get(c, "ids"), *const sorted =
								       json_object_get(want, "ids");
	struct named ids[64];
	const size_t count = json_array_size(texts);

	if (count > sizeof ids / sizeof ids[0] || json_array_size(sorted) != count)
		differ("%zu IDs: too many, or not as many as expected", count);
	for (size_t i = 0; i < count; i++) {
		ids[i].text = json_string_value(json_array_get(texts, i));
		ids[i].id = read_id(kind, ids[i].text);
		ids[i].wide = is_wide(kind);
	}
	qsort(ids, count, sizeof *ids, compare);
	for (size_t i = 0; i < count; i++)
		same("the next", ids[i].text, json_string_value(json_array_get(sorted, i)));
}

/* ---- generate -------------------------------------------------------------------------------- */

static void configure(const json_t *c)
{
	const char *name;
	json_t *value;

	need(snowid_config_new(&config));
	need(snowid_config_set_kind(config, text_of(c, "kind")));
	json_object_foreach(json_object_get(c, "fields"), name, value)
		need(snowid_config_set_field(config, name, number_of(json_string_value(value))));
	json_object_foreach(json_object_get(c, "settings"), name, value)
		need(snowid_config_set(config, name, json_string_value(value)));
	need(snowid_config_set_clock(config, manual));
}

static void set_clock(const struct instant *at)
{
	struct instant now = {0, 0};
	need(snowid_clock_read(manual, &now.sec, &now.nsec, NULL));
	need(snowid_clock_step(manual,
			       (at->sec - now.sec) * 1000000000 + ((int64_t)at->nsec - now.nsec)));
}

static void check_detail(const char *says)
{
	char detail[TEXT] = "";
	snowid_error_detail(detail, sizeof detail);
	if (!strstr(detail, says))
		differ("\"%s\" is not in: %s", says, detail);
}

/* The case expects this error. */
static void check_error(const json_t *want, int error)
{
	static const char *const names[] = {"INVALID", "RANGE",  "SYNTAX", "OVERFLOW", "UNKNOWN",
					    "KIND",    "WORKER", "STORE",  "CLOCK",    "EXHAUSTED",
					    "LIMIT",   "EPOCH",  "ENDED",  "CLOSED"};
	const int index = SNOWID_E_INVALID - error;
	const bool ours = index >= 0 && (size_t)index < sizeof names / sizeof names[0];

	same("the error", ours ? names[index] : snowid_strerror(error), text_of(want, "error"));
	check_detail(text_of(want, "says"));
}

/* One ID of an instant, number `index` of those expected there. */
static void check_made(const char *kind, const struct id *id, const json_t *step, size_t index)
{
	const json_t *const ids = json_object_get(step, "ids");
	const json_t *const times = json_object_get(step, "times");
	char text[SNOWID_UUID_TEXT];
	struct instant at = {0, 0};

	if ((ids && index >= json_array_size(ids)) || (times && index >= json_array_size(times)))
		differ("%zu IDs are too many", index + 1);
	write_id(kind, id, text);
	if (ids)
		same("the ID", text, json_string_value(json_array_get(ids, index)));
	need(time_of(kind, id, &at));
	need(snowid_time_format(at.sec, at.nsec, text));
	if (times)
		same("the time", text, json_string_value(json_array_get(times, index)));
	answer_fields(json_object_get(step, "fields"), kind, id);
}

/* Takes the IDs of one instant, each above `last`. */
static void run_instant(const json_t *c, const json_t *step, struct named *last)
{
	const char *const kind = text_of(c, "kind");
	const size_t count = (size_t)json_integer_value(json_object_get(c, "count"));
	struct named made = *last;
	size_t got = 0;
	int error = 0;

	while (got < count) {
		error = made.wide ? snowid_generator_next128(generator, &made.id.wide)
				  : snowid_generator_next(generator, &made.id.number);
		if (error)
			break;
		if (strcmp(kind, "uuid1") != 0 && compare(last, &made) >= 0)
			differ("ID %zu does not increase", got);
		check_made(kind, &made.id, step, got++);
		*last = made;
	}
	if (json_object_get(step, "error"))
		check_error(step, error);
	else
		need(error);
	if (got < json_array_size(json_object_get(step, "ids")) ||
	    got < json_array_size(json_object_get(step, "times")))
		differ("%zu IDs are too few", got);
}

static void do_generate(const json_t *c, const json_t *want)
{
	const json_t *const steps = json_object_get(c, "clock");
	struct named last = {"", {0, {{0}}}, is_wide(text_of(c, "kind"))};
	size_t i;
	json_t *step;

	(void)want;

	const struct instant start = instant_of(text_of(json_array_get(steps, 0), "at"));
	need(snowid_clock_new_manual(start.sec, start.nsec, &manual));
	open_layout(text_of(c, "kind"));
	configure(c);
	need(snowid_generator_new(config, &generator));
	json_array_foreach(steps, i, step)
	{
		const struct instant at = instant_of(text_of(step, "at"));
		set_clock(&at);
		run_instant(c, step, &last);
	}
}

/* ---- files ----------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(const json_t *c, const json_t *want);
} actions[] = {
	{"parse", do_parse},   {"format", do_format},     {"decode", do_decode},
	{"encode", do_encode}, {"range", do_range},       {"layout", do_layout},
	{"order", do_order},   {"generate", do_generate},
};

static void run_action(const json_t *c)
{
	const char *const name = text_of(c, "do");
	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
		if (strcmp(name, actions[i].name) == 0) {
			actions[i].run(c, json_object_get(c, "expect"));
			return;
		}
	}
	differ("no such thing to do: %s", name);
}

/* Whether a case is answered as it expects; `message` says why not. */
static bool passes(const json_t *c)
{
	if (setjmp(wrong) != 0)
		return false;
	if (setjmp(refused) == 0) {
		run_action(c);
		if (json_object_get(c, "error"))
			differ("no error");
	} else {
		if (!json_object_get(c, "error")) {
			const size_t used = (size_t)snprintf(message, sizeof message, "refused: ");
			snowid_error_detail(message + used, sizeof message - used);
			return false;
		}
		check_error(c, refusal);
	}
	return true;
}

static bool run_file(const char *path)
{
	json_error_t error;
	json_t *const file = json_load_file(path, 0, &error);
	const json_t *const cases = json_object_get(file, "cases");
	bool good = json_array_size(cases) > 0;
	size_t i;
	json_t *c;

	if (!good)
		printf("not ok - %s: %s\n", path, file ? "no cases" : error.text);
	json_array_foreach(cases, i, c)
	{
		const bool pass = passes(c);
		printf("%sok - %s: %s: %s%s%s\n", pass ? "" : "not ", strrchr(path, '/') + 1,
		       json_string_value(json_object_get(c, "do")),
		       json_string_value(json_object_get(c, "name")), pass ? "" : ": ",
		       pass ? "" : message);
		close_all();
		good = good && pass;
	}
	json_decref(file);
	return good;
}

int main(void)
{
	const char *const top = getenv("top_srcdir");
	char pattern[4096];
	glob_t files = {0};
	bool good;

	snprintf(pattern, sizeof pattern, "%s/tests/conformance/*.json", top ? top : ".");
	good = glob(pattern, 0, NULL, &files) == 0;
	if (!good)
		printf("not ok - there is no %s\n", pattern);
	for (size_t i = 0; i < files.gl_pathc; i++)
		good = run_file(files.gl_pathv[i]) && good;
	globfree(&files);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
