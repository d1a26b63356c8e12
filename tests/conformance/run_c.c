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

/* Where a case continues that has failed, and one of whose calls has failed. */
static jmp_buf case_failed, call_failed;
static char message[2 * TEXT];
static int call_error;

static _Noreturn void __attribute__((format(printf, 1, 2))) fail_case(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	longjmp(case_failed, 1);
}

/* Every call of the library goes through this: its failure may be what the case expects. */
static void require_success(int error)
{
	if (error) {
		call_error = error;
		longjmp(call_failed, 1);
	}
}

/* ---- contents of cases ----------------------------------------------------------------------- */

static const char *text_of_case(const json_t *object, const char *key)
{
	const json_t *const value = json_object_get(object, key);
	if (!json_is_string(value))
		fail_case("the case has no \"%s\"", key);
	return json_string_value(value);
}

static uint64_t parse_number(const char *text)
{
	uint64_t value = 0;
	require_success(snowid_id_parse(text, strlen(text), SNOWID_FORM_DECIMAL, &value));
	return value;
}

static struct snowid_id128 parse_bytes(const char *digits)
{
	struct snowid_id128 id = {{0}};
	for (size_t i = 0; i < sizeof id.bytes; i++) {
		unsigned byte = 0;
		if (sscanf(digits + 2 * i, "%2x", &byte) != 1)
			fail_case("\"%s\" is not 32 digits", digits);
		id.bytes[i] = (uint8_t)byte;
	}
	return id;
}

struct instant {
	int64_t sec;
	uint32_t nsec;
};

static struct instant parse_instant(const char *text)
{
	struct instant at = {0, 0};
	require_success(snowid_time_parse(text, strlen(text), &at.sec, &at.nsec));
	return at;
}

static void require_text(const char *what, const char *got, const char *want)
{
	if (strcmp(got, want) != 0)
		fail_case("%s is %s, not %s", what, got, want);
}

/* What a case expects for a key; NULL: nothing. */
static const char *expected_text(const json_t *want, const char *key)
{
	const json_t *const value = json_object_get(want, key);
	return json_is_string(value) ? json_string_value(value) : NULL;
}

static void check_text(const json_t *want, const char *key, const char *got)
{
	if (expected_text(want, key))
		require_text(key, got, expected_text(want, key));
}

static void check_number(const json_t *want, const char *key, int64_t got)
{
	const json_t *const value = json_object_get(want, key);
	if (json_is_integer(value) && json_integer_value(value) != got)
		fail_case("%s is %" PRId64 ", not %" PRId64, key, got,
			  (int64_t)json_integer_value(value));
}

/* The case expects null where the call for the instant fails, or the instant has no text. */
static void check_time(const json_t *want, const char *key, int error, int64_t sec, uint32_t nsec)
{
	char text[SNOWID_TIME_TEXT];

	if (!json_object_get(want, key))
		return;
	const int text_error = error ? error : snowid_time_format(sec, nsec, text);
	if (json_is_null(json_object_get(want, key))) {
		if (!text_error)
			fail_case("%s is not null", key);
		return;
	}
	require_success(text_error);
	check_text(want, key, text);
}

static void check_u64(const json_t *want, const char *key, uint64_t got)
{
	char text[SNOWID_ID_TEXT];
	require_success(snowid_id_format(got, SNOWID_FORM_DECIMAL, text));
	check_text(want, key, text);
}

/* ---- kinds ----------------------------------------------------------------------------------- */

/* One of each exists at a time, so that a case that fails leaks nothing. */
static struct snowid_layout *layout;
static struct snowid_config *config;
static struct snowid_generator *generator;
static struct snowid_clock *manual;
static struct snowid_mask *mask;

static void free_objects(void)
{
	snowid_layout_free(layout);
	snowid_config_free(config);
	snowid_generator_free(generator);
	snowid_clock_free(manual);
	snowid_mask_free(mask);
	layout = NULL;
	config = NULL;
	generator = NULL;
	manual = NULL;
	mask = NULL;
}

static bool is_ulid(const char *kind)
{
	return strcmp(kind, "ulid") == 0;
}

static bool is_wide(const char *kind)
{
	return is_ulid(kind) || strncmp(kind, "uuid", 4) == 0;
}

static unsigned uuid_version_of(const char *kind)
{
	return (unsigned)(kind[4] - '0');
}

/* An ID of either width. */
struct any_id {
	uint64_t number;
	struct snowid_id128 wide;
};

static struct any_id parse_any_id(const char *kind, const char *text)
{
	struct any_id id = {0, {{0}}};
	if (is_ulid(kind))
		require_success(snowid_ulid_parse(text, strlen(text), &id.wide));
	else if (is_wide(kind))
		require_success(snowid_uuid_parse(text, strlen(text), &id.wide));
	else
		id.number = parse_number(text);
	return id;
}

static void format_any_id(const char *kind, const struct any_id *id, char text[SNOWID_UUID_TEXT])
{
	if (is_ulid(kind))
		require_success(snowid_ulid_format(&id->wide, text));
	else if (is_wide(kind))
		require_success(snowid_uuid_format(&id->wide, text));
	else
		require_success(snowid_id_format(id->number, SNOWID_FORM_DECIMAL, text));
}

static void check_any_id(const json_t *want, const char *key, const char *kind,
			 const struct any_id *id)
{
	char text[SNOWID_UUID_TEXT];
	format_any_id(kind, id, text);
	check_text(want, key, text);
}

static struct any_id id_at_boundary(const char *kind, const struct instant *at, bool last)
{
	struct any_id id = {0, {{0}}};
	if (is_ulid(kind))
		require_success((last ? snowid_ulid_last_at
				      : snowid_ulid_first_at)(at->sec, at->nsec, &id.wide));
	else if (is_wide(kind))
		require_success((last ? snowid_uuid_last_at : snowid_uuid_first_at)(
			uuid_version_of(kind), at->sec, at->nsec, &id.wide));
	else
		require_success((last ? snowid_layout_last_at : snowid_layout_first_at)(
			layout, at->sec, at->nsec, &id.number));
	return id;
}

static void open_layout_of(const char *kind)
{
	if (!is_wide(kind))
		require_success(snowid_layout_new(kind, &layout));
}

static uint64_t read_field(const char *kind, const struct any_id *id, const char *name)
{
	uint8_t node[6];
	uint64_t value = 0;
	unsigned clock_seq = 0;

	if (!is_wide(kind)) {
		require_success(snowid_layout_field(layout, id->number, name, &value));
	} else if (strcmp(name, "node") == 0) {
		require_success(snowid_uuid_node(&id->wide, node));
		for (size_t i = 0; i < sizeof node; i++)
			value = value << 8 | node[i];
	} else {
		require_success(snowid_uuid_clock_seq(&id->wide, &clock_seq));
		value = clock_seq;
	}
	return value;
}

static void check_fields(json_t *want, const char *kind, const struct any_id *id)
{
	const char *name;
	json_t *value;

	json_object_foreach(want, name, value) check_u64(want, name, read_field(kind, id, name));
}

static int read_time(const char *kind, const struct any_id *id, struct instant *at)
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

/* ---- actions --------------------------------------------------------------------------------- */

static bool form_is_wide(const char *form)
{
	return strcmp(form, "ulid") == 0 || strcmp(form, "uuid") == 0;
}

static enum snowid_form parse_form(const char *name)
{
	enum snowid_form form = SNOWID_FORM_DECIMAL;
	require_success(snowid_form_parse(name, &form));
	return form;
}

static void run_parse(const json_t *test, const json_t *want)
{
	const char *const form = text_of_case(test, "form");
	const char *const text = text_of_case(test, "text");
	char digits[2 * 16 + 1];
	uint64_t number = 0;

	if (form_is_wide(form)) {
		const struct any_id id = parse_any_id(form, text);
		for (size_t i = 0; i < 16; i++)
			snprintf(digits + 2 * i, 3, "%02x", id.wide.bytes[i]);
		check_text(want, "bytes", digits);
	} else {
		require_success(snowid_id_parse(text, strlen(text), parse_form(form), &number));
		check_u64(want, "id", number);
	}
}

static void run_format(const json_t *test, const json_t *want)
{
	const char *const form = text_of_case(test, "form");
	char text[SNOWID_ID_TEXT];

	if (form_is_wide(form)) {
		const struct any_id id = {0, parse_bytes(text_of_case(test, "bytes"))};
		check_any_id(want, "text", form, &id);
	} else {
		require_success(snowid_id_format(parse_number(text_of_case(test, "id")),
						 parse_form(form), text));
		check_text(want, "text", text);
	}
}

static void run_decode(const json_t *test, const json_t *want)
{
	static const char *const variants[] = {"ncs", "rfc9562", "microsoft", "future"};
	const char *const kind = text_of_case(test, "kind");
	enum snowid_uuid_variant variant = SNOWID_UUID_VARIANT_NCS;
	struct instant at = {0, 0};
	unsigned version = 0;

	open_layout_of(kind);
	const struct any_id id = parse_any_id(kind, text_of_case(test, "id"));
	const int error = read_time(kind, &id, &at);
	if (!is_wide(kind))
		require_success(error);
	check_time(want, "time", error, at.sec, at.nsec);
	check_number(want, "unix_ms", at.sec * 1000 + at.nsec / 1000000);
	check_fields(json_object_get(want, "fields"), kind, &id);
	if (is_wide(kind) && !is_ulid(kind)) {
		require_success(snowid_uuid_version(&id.wide, &version));
		require_success(snowid_uuid_variant(&id.wide, &variant));
		check_number(want, "version", version);
		check_text(want, "variant", variants[variant]);
		check_text(want, "kind", snowid_uuid_kind(&id.wide));
	}
}

static void run_encode(const json_t *test, const json_t *want)
{
	const char *const kind = text_of_case(test, "kind"), *name;
	json_t *text;

	open_layout_of(kind);
	const struct instant at = parse_instant(text_of_case(test, "time"));
	struct any_id id = id_at_boundary(kind, &at, false);
	json_object_foreach(json_object_get(test, "fields"), name, text)
	{
		const uint64_t value = parse_number(json_string_value(text));
		uint8_t node[6];
		for (int i = 0; i < 6; i++)
			node[i] = (uint8_t)(value >> (40 - 8 * i));
		if (!is_wide(kind))
			require_success(snowid_layout_set_field(layout, name, value, &id.number));
		else if (strcmp(name, "node") == 0)
			require_success(snowid_uuid_set_node(&id.wide, node));
		else
			require_success(snowid_uuid_set_clock_seq(&id.wide, (unsigned)value));
	}
	check_any_id(want, "id", kind, &id);
}

/* A namespace by its name in RFC 9562, or as a UUID. */
static struct snowid_id128 parse_namespace(const char *text)
{
	struct snowid_id128 id = SNOWID_UUID_NIL;
	const size_t length = strlen(text);

	if (length == SNOWID_UUID_TEXT - 1)
		require_success(snowid_uuid_parse(text, length, &id));
	else
		require_success(snowid_uuid_namespace(text, &id));
	return id;
}

static void run_name(const json_t *test, const json_t *want)
{
	const bool version3 = json_integer_value(json_object_get(test, "version")) == 3;
	const struct snowid_id128 name_space = parse_namespace(text_of_case(test, "namespace"));
	const char *const name = text_of_case(test, "text");
	struct any_id id = {0, {{0}}};

	require_success((version3 ? snowid_uuid3_from_name : snowid_uuid5_from_name)(
		&name_space, name, strlen(name), &id.wide));
	check_any_id(want, "id", "uuid", &id);
}

static void make_mask(const json_t *test)
{
	const char *const digits = text_of_case(test, "key");
	uint8_t key[SNOWID_MASK_KEY];

	if (!json_is_null(json_object_get(test, "kind")))
		require_success(snowid_layout_new(text_of_case(test, "kind"), &layout));
	require_success(snowid_mask_key_parse(digits, strlen(digits), key));
	require_success(snowid_mask_new(key, layout, &mask));
}

static void run_mask(const json_t *test, const json_t *want)
{
	const uint64_t id = parse_number(text_of_case(test, "id"));
	char text[SNOWID_ID_TEXT];
	uint64_t masked = 0, back = 0, read = 0;

	make_mask(test);
	require_success(snowid_mask_apply(mask, id, &masked));
	check_u64(want, "masked", masked);
	require_success(snowid_mask_revert(mask, masked, &back));
	require_success(snowid_mask_format(mask, id, text));
	check_text(want, "text", text);
	require_success(snowid_mask_parse(mask, text, strlen(text), &read));
	if (back != id || read != id)
		fail_case("reverted to %" PRIu64 " and %" PRIu64, back, read);
}

/* From one instant up to, but not including, another. */
struct period {
	struct instant from, before;
};

static struct period parse_period(const char *text)
{
	struct period period = {{0, 0}, {0, 0}};
	require_success(snowid_period_parse(text, strlen(text), &period.from.sec, &period.from.nsec,
					    &period.before.sec, &period.before.nsec));
	return period;
}

static struct period period_of_case(const json_t *test)
{
	struct period period = {{INT64_MIN, 0}, {INT64_MAX, 0}};

	if (json_object_get(test, "period"))
		return parse_period(text_of_case(test, "period"));
	if (json_object_get(test, "from"))
		period.from = parse_instant(text_of_case(test, "from"));
	if (json_object_get(test, "before"))
		period.before = parse_instant(text_of_case(test, "before"));
	return period;
}

/* The last ID of the tick in which the period "to" ends. */
static struct any_id id_of_to(const char *kind, const char *text)
{
	struct instant last = parse_period(text).before;
	last = last.nsec ? (struct instant){last.sec, last.nsec - 1}
			 : (struct instant){last.sec - 1, 999999999};
	return id_at_boundary(kind, &last, true);
}

static void run_range(const json_t *test, const json_t *want)
{
	const char *const kind = text_of_case(test, "kind");
	struct any_id first = {0, {{0}}}, last = first;

	open_layout_of(kind);
	const struct period period = period_of_case(test);
	const struct instant *const from = &period.from, *const before = &period.before;
	if (is_ulid(kind))
		require_success(snowid_ulid_range(from->sec, from->nsec, before->sec, before->nsec,
						  &first.wide, &last.wide));
	else if (is_wide(kind))
		require_success(snowid_uuid_range(uuid_version_of(kind), from->sec, from->nsec,
						  before->sec, before->nsec, &first.wide,
						  &last.wide));
	else
		require_success(snowid_layout_range(layout, from->sec, from->nsec, before->sec,
						    before->nsec, &first.number, &last.number));
	if (json_object_get(test, "to"))
		last = id_of_to(kind, text_of_case(test, "to"));
	check_any_id(want, "first", kind, &first);
	check_any_id(want, "last", kind, &last);
}

static void run_instant_text(const json_t *test, const json_t *want)
{
	const struct instant at = parse_instant(text_of_case(test, "text"));
	check_time(want, "time", 0, at.sec, at.nsec);
}

static void run_seconds(const json_t *test, const json_t *want)
{
	const double seconds = json_number_value(json_object_get(test, "number"));
	struct instant at = {0, 0};
	require_success(snowid_time_from_seconds(seconds, &at.sec, &at.nsec));
	check_time(want, "time", 0, at.sec, at.nsec);
}

static void run_span(const json_t *test, const json_t *want)
{
	const char *const text = text_of_case(test, "text");
	uint64_t ns = 0;
	require_success(snowid_span_parse(text, strlen(text), &ns));
	check_u64(want, "ns", ns);
}

static uint64_t layout_info(enum snowid_layout_info which)
{
	uint64_t value = 0;
	require_success(snowid_layout_info(layout, which, &value));
	return value;
}

static void run_layout(const json_t *test, const json_t *want)
{
	char spec[TEXT];
	struct instant at = {0, 0};
	int error;

	require_success(snowid_layout_new(text_of_case(test, "kind"), &layout));
	check_number(want, "bits", (int64_t)layout_info(SNOWID_LAYOUT_BITS));
	check_u64(want, "ids_per_tick", layout_info(SNOWID_LAYOUT_IDS_PER_TICK));
	check_u64(want, "nodes", layout_info(SNOWID_LAYOUT_NODES));
	require_success(snowid_layout_format(layout, spec, sizeof spec, NULL));
	check_text(want, "spec", spec);
	error = snowid_layout_first_time(layout, &at.sec, &at.nsec);
	check_time(want, "first", error, at.sec, at.nsec);
	error = snowid_layout_last_time(layout, &at.sec, &at.nsec);
	check_time(want, "last", error, at.sec, at.nsec);
	error = snowid_layout_fits_until(layout, 63, &at.sec, &at.nsec);
	check_time(want, "signed_until", error, at.sec, at.nsec);
	error = snowid_layout_fits_until(layout, 53, &at.sec, &at.nsec);
	check_time(want, "javascript_until", error, at.sec, at.nsec);
}

struct named_id {
	const char *text;
	struct any_id id;
	bool wide;
};

static int compare_ids(const void *a, const void *b)
{
	const struct named_id *const x = a, *const y = b;
	if (x->wide)
		return snowid_id128_compare(&x->id.wide, &y->id.wide);
	return (x->id.number > y->id.number) - (x->id.number < y->id.number);
}

static void run_order(const json_t *test, const json_t *want)
{
	const char *const kind = text_of_case(test, "kind");
	const json_t *const texts = json_object_get(test, "ids");
	const json_t *const sorted = json_object_get(want, "ids");
	struct named_id ids[64];
	const size_t count = json_array_size(texts);

	if (count > sizeof ids / sizeof ids[0] || json_array_size(sorted) != count)
		fail_case("%zu IDs: too many, or not as many as expected", count);
	for (size_t i = 0; i < count; i++) {
		ids[i].text = json_string_value(json_array_get(texts, i));
		ids[i].id = parse_any_id(kind, ids[i].text);
		ids[i].wide = is_wide(kind);
	}
	qsort(ids, count, sizeof *ids, compare_ids);
	for (size_t i = 0; i < count; i++)
		require_text("the next", ids[i].text, json_string_value(json_array_get(sorted, i)));
}

/* ---- generate -------------------------------------------------------------------------------- */

static void make_config(const json_t *test)
{
	const char *name;
	json_t *value;

	require_success(snowid_config_new(&config));
	require_success(snowid_config_set_kind(config, text_of_case(test, "kind")));
	json_object_foreach(json_object_get(test, "fields"), name, value) require_success(
		snowid_config_set_field(config, name, parse_number(json_string_value(value))));
	json_object_foreach(json_object_get(test, "settings"), name, value)
		require_success(snowid_config_set(config, name, json_string_value(value)));
	require_success(snowid_config_set_clock(config, manual));
}

static void set_manual_clock(const struct instant *at)
{
	struct instant now = {0, 0};
	require_success(snowid_clock_read(manual, &now.sec, &now.nsec, NULL));
	require_success(snowid_clock_step(manual, (at->sec - now.sec) * 1000000000 +
							  ((int64_t)at->nsec - now.nsec)));
}

static void check_detail(const char *says)
{
	char detail[TEXT] = "";
	snowid_error_detail(detail, sizeof detail);
	if (!strstr(detail, says))
		fail_case("\"%s\" is not in: %s", says, detail);
}

/* The case expects this error. */
static void check_error(const json_t *want, int error)
{
	static const char *const names[] = {"INVALID", "RANGE",  "SYNTAX", "OVERFLOW", "UNKNOWN",
					    "KIND",    "WORKER", "STORE",  "CLOCK",    "EXHAUSTED",
					    "LIMIT",   "EPOCH",  "ENDED",  "CLOSED"};
	const int index = SNOWID_E_INVALID - error;
	const bool ours = index >= 0 && (size_t)index < sizeof names / sizeof names[0];

	require_text("the error", ours ? names[index] : snowid_strerror(error),
		     text_of_case(want, "error"));
	check_detail(text_of_case(want, "says"));
}

/* Checks one ID of an instant, of which it is number `index`. */
static void check_new_id(const char *kind, const struct any_id *id, const json_t *step,
			 size_t index)
{
	const json_t *const ids = json_object_get(step, "ids");
	const json_t *const times = json_object_get(step, "times");
	char text[SNOWID_UUID_TEXT];
	struct instant at = {0, 0};

	if ((ids && index >= json_array_size(ids)) || (times && index >= json_array_size(times)))
		fail_case("%zu IDs are too many", index + 1);
	format_any_id(kind, id, text);
	if (ids)
		require_text("the ID", text, json_string_value(json_array_get(ids, index)));
	require_success(read_time(kind, id, &at));
	require_success(snowid_time_format(at.sec, at.nsec, text));
	if (times)
		require_text("the time", text, json_string_value(json_array_get(times, index)));
	check_fields(json_object_get(step, "fields"), kind, id);
}

/* Makes the IDs of one instant, each of which has to be above `last`. */
static void run_instant(const json_t *test, const json_t *step, struct named_id *last)
{
	const char *const kind = text_of_case(test, "kind");
	const size_t count = (size_t)json_integer_value(json_object_get(test, "count"));
	struct named_id made = *last;
	size_t got = 0;
	int error = 0;

	while (got < count) {
		error = made.wide ? snowid_generator_next128(generator, &made.id.wide)
				  : snowid_generator_next(generator, &made.id.number);
		if (error)
			break;
		if (strcmp(kind, "uuid1") != 0 && compare_ids(last, &made) >= 0)
			fail_case("ID %zu does not increase", got);
		check_new_id(kind, &made.id, step, got++);
		*last = made;
	}
	if (json_object_get(step, "error"))
		check_error(step, error);
	else
		require_success(error);
	if (got < json_array_size(json_object_get(step, "ids")) ||
	    got < json_array_size(json_object_get(step, "times")))
		fail_case("%zu IDs are too few", got);
}

static void run_generate(const json_t *test, const json_t *want)
{
	const json_t *const steps = json_object_get(test, "clock");
	struct named_id last = {"", {0, {{0}}}, is_wide(text_of_case(test, "kind"))};
	size_t i;
	json_t *step;

	(void)want;

	const struct instant start = parse_instant(text_of_case(json_array_get(steps, 0), "at"));
	require_success(snowid_clock_new_manual(start.sec, start.nsec, &manual));
	open_layout_of(text_of_case(test, "kind"));
	make_config(test);
	require_success(snowid_generator_new(config, &generator));
	json_array_foreach(steps, i, step)
	{
		const struct instant at = parse_instant(text_of_case(step, "at"));
		set_manual_clock(&at);
		run_instant(test, step, &last);
	}
}

/* ---- files ----------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(const json_t *test, const json_t *want);
} actions[] = {
	{"parse", run_parse},     {"format", run_format},
	{"decode", run_decode},   {"encode", run_encode},
	{"range", run_range},     {"layout", run_layout},
	{"order", run_order},     {"generate", run_generate},
	{"name", run_name},       {"instant", run_instant_text},
	{"seconds", run_seconds}, {"span", run_span},
	{"mask", run_mask},
};

static void run_case(const json_t *test)
{
	const char *const name = text_of_case(test, "do");
	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
		if (strcmp(name, actions[i].name) == 0) {
			actions[i].run(test, json_object_get(test, "expect"));
			return;
		}
	}
	fail_case("there is no such action: %s", name);
}

/* Whether a case passes; `message` says why not. */
static bool case_passes(const json_t *test)
{
	if (setjmp(case_failed) != 0)
		return false;
	if (setjmp(call_failed) == 0) {
		run_case(test);
		if (json_object_get(test, "error"))
			fail_case("no error");
	} else {
		if (!json_object_get(test, "error")) {
			const size_t used = (size_t)snprintf(message, sizeof message, "refused: ");
			snowid_error_detail(message + used, sizeof message - used);
			return false;
		}
		check_error(test, call_error);
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
	json_t *test;

	if (!good)
		printf("not ok - %s: %s\n", path, file ? "no cases" : error.text);
	json_array_foreach(cases, i, test)
	{
		const bool pass = case_passes(test);
		printf("%sok - %s: %s: %s%s%s\n", pass ? "" : "not ", strrchr(path, '/') + 1,
		       json_string_value(json_object_get(test, "do")),
		       json_string_value(json_object_get(test, "name")), pass ? "" : ": ",
		       pass ? "" : message);
		free_objects();
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
