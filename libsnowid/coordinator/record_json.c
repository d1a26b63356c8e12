/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/record_json.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnowid/base/calendar.h"
#include "libsnowid/base/printable.h"
#include "libsnowid/id/hex.h"

#define FORMAT       1
#define MS_PER_DAY   86400000
#define INSTANT_FORM "0000-00-00T00:00:00.000Z" /* RFC 3339; 0 is any digit */
#define INSTANT_MAX  253402300799999            /* 9999-12-31T23:59:59.999Z */
#define UUID_FORM    "00000000-0000-0000-0000-000000000000"

/* A text that is being read, and room for what is wrong with it. */
struct record_reader {
	const char *key;
	char *why;
	size_t size;
};

static bool reader_fail(const struct record_reader *reader, const char *remedy, const char *format,
			...) __attribute__((format(printf, 3, 4), cold));

static bool reader_fail(const struct record_reader *reader, const char *remedy, const char *format,
			...)
{
	char detail[256];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(detail, sizeof detail, format, arguments);
	va_end(arguments);
	(void)snprintf(reader->why, reader->size, "%s cannot be read: %s; %s", reader->key, detail,
		       remedy);
	sn_make_printable(reader->why);
	return false;
}

static const char repair[] = "repair it, or delete it when no process can have this worker";

/* ---- instants, in ms since 1970 -------------------------------------------------------------- */

static void instant_write(uint64_t unix_ms, char text[sizeof INSTANT_FORM])
{
	int64_t year;
	unsigned month, day;

	if (unix_ms > INSTANT_MAX)
		unix_ms = INSTANT_MAX;
	const unsigned ms = (unsigned)(unix_ms % MS_PER_DAY);
	sn_calendar_date((int64_t)(unix_ms / MS_PER_DAY), &year, &month, &day);
	(void)snprintf(text, sizeof INSTANT_FORM, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		       (unsigned)year % 10000, month % 100, day % 100, ms / 3600000,
		       ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
}

static bool has_form(const char *text, const char *form)
{
	for (; *form; form++, text++)
		if (*form == '0' ? *text < '0' || *text > '9' : *text != *form)
			return false;
	return *text == 0;
}

static unsigned digits_at(const char *text, int count)
{
	unsigned value = 0;
	for (int i = 0; i < count; i++)
		value = value * 10 + (unsigned)(text[i] - '0');
	return value;
}

static bool instant_read(const char *text, uint64_t *unix_ms)
{
	if (!has_form(text, INSTANT_FORM))
		return false;
	const unsigned year = digits_at(text, 4), month = digits_at(text + 5, 2),
		       day = digits_at(text + 8, 2), hour = digits_at(text + 11, 2),
		       minute = digits_at(text + 14, 2), second = digits_at(text + 17, 2);
	if (year < 1970 || month < 1 || month > 12 || day < 1 ||
	    day > sn_calendar_days_in_month(year, month) || hour > 23 || minute > 59 || second > 59)
		return false;
	*unix_ms = (uint64_t)sn_calendar_days(year, month, day) * MS_PER_DAY + hour * 3600000 +
		   minute * 60000 + second * 1000 + digits_at(text + 20, 3);
	return true;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* A host name need not be UTF-8, but JSON is. */
static json_t *json_text(const char *text)
{
	json_t *const value = json_string(text);
	if (value)
		return value;
	char *const copy = strdup(text);
	if (!copy)
		return NULL;
	for (unsigned char *at = (unsigned char *)copy; *at; at++)
		if (*at >= 0x80)
			*at = '?';
	json_t *const ascii = json_string(copy);
	free(copy);
	return ascii;
}

/* NULL, which no object accepts, if it is larger than what JSON's readers take for an integer. */
static json_t *json_number(uint64_t number)
{
	return number > INT64_MAX ? NULL : json_integer((json_int_t)number);
}

static json_t *json_incarnation(const uint64_t incarnation[2])
{
	return json_sprintf("%016" PRIx64 "%016" PRIx64, incarnation[0], incarnation[1]);
}

static json_t *json_instant(uint64_t unix_ms)
{
	char text[sizeof INSTANT_FORM];
	instant_write(unix_ms, text);
	return json_string(text);
}

static int add_holder(json_t *object, const struct sn_holder *holder)
{
	return json_object_set_new(object, "host", json_text(holder->host)) |
	       json_object_set_new(object, "process", json_number(holder->process)) |
	       json_object_set_new(object, "since", json_instant(holder->since_ms));
}

static int add_owner(json_t *object, const struct sn_holder *holder)
{
	json_t *const owner = json_object();
	const int failed = add_holder(owner, holder);
	return json_object_set_new(object, "owner", owner) | failed;
}

static int add_members(json_t *object, const struct sn_record *record)
{
	return json_object_set_new(object, "format", json_integer(FORMAT)) |
	       json_object_set_new(object, "epoch", json_number(record->epoch)) |
	       json_object_set_new(object, "limit", json_number(record->limit)) |
	       json_object_set_new(object, "limit_time", json_instant(record->limit_ms)) |
	       json_object_set_new(object, "released", json_boolean(record->released)) |
	       json_object_set_new(object, "last_tick", json_number(record->last_tick)) |
	       json_object_set_new(object, "writes", json_number(record->writes)) |
	       json_object_set_new(object, "incarnation", json_incarnation(record->incarnation)) |
	       add_owner(object, &record->owner) |
	       json_object_set_new(object, "fingerprint",
				   json_sprintf("%016" PRIx64, record->fingerprint)) |
	       json_object_set_new(object, "kind", json_text(record->kind ? record->kind : ""));
}

/* json_dumps() would allocate by functions that the program may have replaced. */
static char *object_write(json_t *object, int failed)
{
	const size_t length = failed ? 0 : json_dumpb(object, NULL, 0, JSON_COMPACT);
	char *const text = length > 0 ? malloc(length + 1) : NULL;
	if (text)
		text[json_dumpb(object, text, length, JSON_COMPACT)] = 0;
	json_decref(object);
	return text;
}

char *sn_record_write(const struct sn_record *record)
{
	json_t *const object = json_object();
	return object_write(object, add_members(object, record));
}

char *sn_record_write_owner(const struct sn_record *record)
{
	json_t *const object = json_object();
	const int failed =
		json_object_set_new(object, "incarnation", json_incarnation(record->incarnation)) |
		add_holder(object, &record->owner);
	return object_write(object, failed);
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool read_number(const struct record_reader *reader, const json_t *object, const char *name,
			uint64_t *number)
{
	const json_t *const value = json_object_get(object, name);
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return reader_fail(reader, repair, "%s is not an integer from 0 to %" PRId64, name,
				   INT64_MAX);
	*number = (uint64_t)json_integer_value(value);
	return true;
}

static bool read_text(const struct record_reader *reader, const json_t *object, const char *name,
		      size_t max, const char **text)
{
	const json_t *const value = json_object_get(object, name);
	if (!json_is_string(value) || json_string_length(value) > max)
		return reader_fail(reader, repair, "%s is not a text of at most %zu bytes", name,
				   max);
	*text = json_string_value(value);
	return true;
}

static bool read_instant(const struct record_reader *reader, const json_t *object, const char *name,
			 uint64_t *unix_ms)
{
	const char *const text = json_string_value(json_object_get(object, name));
	return (text && instant_read(text, unix_ms)) ||
	       reader_fail(reader, repair, "%s is not an instant like 2026-01-31T23:59:59.000Z",
			   name);
}

static bool read_incarnation(const struct record_reader *reader, const json_t *object,
			     uint64_t incarnation[2])
{
	const json_t *const value = json_object_get(object, "incarnation");
	return (json_string_length(value) == 32 &&
		sn_hex_read32(json_string_value(value), &incarnation[0], &incarnation[1])) ||
	       reader_fail(reader, repair, "incarnation does not have 32 hexadecimal digits");
}

static bool read_fingerprint(const struct record_reader *reader, const json_t *object,
			     uint64_t *fingerprint)
{
	const json_t *const value = json_object_get(object, "fingerprint");
	char text[33] = "0000000000000000";
	uint64_t high;

	if (json_string_length(value) == 16) {
		memcpy(text + 16, json_string_value(value), 16);
		if (sn_hex_read32(text, &high, fingerprint))
			return true;
	}
	return reader_fail(reader, repair, "fingerprint does not have 16 hexadecimal digits");
}

static bool read_released(const struct record_reader *reader, const json_t *object, bool *released)
{
	const json_t *const value = json_object_get(object, "released");
	*released = json_is_true(value);
	return json_is_boolean(value) ||
	       reader_fail(reader, repair, "released is neither true nor false");
}

static bool read_owner(const struct record_reader *reader, const json_t *object,
		       struct sn_holder *owner)
{
	const json_t *const value = json_object_get(object, "owner");
	const char *host;

	if (!json_is_object(value))
		return reader_fail(reader, repair, "owner is not an object");
	if (!read_text(reader, value, "host", sizeof owner->host - 1, &host) ||
	    !read_number(reader, value, "process", &owner->process) ||
	    !read_instant(reader, value, "since", &owner->since_ms))
		return false;
	(void)snprintf(owner->host, sizeof owner->host, "%s", host);
	return true;
}

static bool read_format(const struct record_reader *reader, const json_t *object)
{
	uint64_t format;
	return read_number(reader, object, "format", &format) &&
	       (format == FORMAT ||
		reader_fail(reader, "install that one here",
			    "its format is %" PRIu64 ", which a newer version of libsnowid wrote",
			    format));
}

static json_t *object_read(const struct record_reader *reader, const char *text, size_t length)
{
	json_error_t error;

	if (length > SN_RECORD_TEXT_MAX) {
		reader_fail(reader, repair, "it has more than %d bytes", SN_RECORD_TEXT_MAX);
		return NULL;
	}
	json_t *const object = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	if (!object)
		reader_fail(reader, repair, "it is not JSON: %s", error.text);
	else if (!json_is_object(object))
		reader_fail(reader, repair, "it is not a JSON object");
	else
		return object;
	json_decref(object);
	return NULL;
}

static bool read_members(const struct record_reader *reader, const json_t *object,
			 struct sn_record *record, char **kind)
{
	const char *text;

	if (!read_format(reader, object) || !read_number(reader, object, "epoch", &record->epoch) ||
	    !read_number(reader, object, "limit", &record->limit) ||
	    !read_instant(reader, object, "limit_time", &record->limit_ms) ||
	    !read_released(reader, object, &record->released) ||
	    !read_number(reader, object, "last_tick", &record->last_tick) ||
	    !read_number(reader, object, "writes", &record->writes) ||
	    !read_incarnation(reader, object, record->incarnation) ||
	    !read_owner(reader, object, &record->owner) ||
	    !read_fingerprint(reader, object, &record->fingerprint) ||
	    !read_text(reader, object, "kind", SN_STORE_KIND_SIZE, &text))
		return false;
	if (record->released && record->last_tick > record->limit)
		return reader_fail(reader, repair, "last_tick is above limit");
	*kind = strdup(text);
	record->kind = *kind;
	return *kind || reader_fail(reader, "free some", "there is no memory");
}

bool sn_record_read(const char *key, const char *text, size_t length, struct sn_record *record,
		    char **kind, char *why, size_t size)
{
	const struct record_reader reader = {key, why, size};
	json_t *const object = object_read(&reader, text, length);
	const bool read = object && read_members(&reader, object, record, kind);

	json_decref(object);
	return read;
}

bool sn_record_read_owner(const char *key, const char *text, size_t length, uint64_t incarnation[2],
			  char *why, size_t size)
{
	const struct record_reader reader = {key, why, size};
	json_t *const object = object_read(&reader, text, length);
	const bool read = object && read_incarnation(&reader, object, incarnation);

	json_decref(object);
	return read;
}

/* ---- namespaces ------------------------------------------------------------------------------ */

void sn_namespace_write(const uint64_t number[2], char text[SN_UUID_TEXT_SIZE])
{
	(void)snprintf(text, SN_UUID_TEXT_SIZE,
		       "%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
		       number[0] >> 32, number[0] >> 16 & 0xffff, number[0] & 0xffff,
		       number[1] >> 48, number[1] & 0xffffffffffff);
}

bool sn_namespace_read(const char *key, const char *text, size_t length, uint64_t number[2],
		       char *why, size_t size)
{
	const struct record_reader reader = {key, why, size};
	char digits[32];
	size_t count = 0;

	for (size_t i = 0; length == SN_UUID_TEXT_SIZE - 1 && i < length; i++)
		if (UUID_FORM[i] == '0')
			digits[count++] = text[i];
		else if (text[i] != '-')
			break;
	return (count == sizeof digits && sn_hex_read32(digits, &number[0], &number[1]) &&
		(number[0] | number[1]) != 0) ||
	       reader_fail(&reader, "write again what it was", "it is not a UUID");
}
