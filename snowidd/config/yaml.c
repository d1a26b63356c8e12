/* SPDX-License-Identifier: MIT
 *
 * The configuration file: YAML 1.1, a mapping of keys to values, lists or one more mapping.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "snowidd/config/settings.h"

#define KEY_SIZE  128
#define KEYS_SEEN 128

struct reader {
	yaml_parser_t parser;
	yaml_event_t event;
	const char *path;
	struct settings *settings;
	struct settings_error *error;
	char seen[KEYS_SEEN][KEY_SIZE];
	size_t seen_count;
};

/* Complains of the place of the last event. */
__attribute__((format(printf, 2, 3))) static bool fail_here(const struct reader *reader,
							    const char *format, ...)
{
	char why[sizeof reader->error->text];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, sizeof why, format, arguments);
	va_end(arguments);
	return settings_fail(reader->error, "%.120s:%zu: %.300s", reader->path,
			     reader->event.start_mark.line + 1, why);
}

static bool next(struct reader *reader)
{
	yaml_event_delete(&reader->event);
	if (yaml_parser_parse(&reader->parser, &reader->event))
		return true;
	return settings_fail(reader->error, "%s:%zu: not YAML: %s", reader->path,
			     reader->parser.problem_mark.line + 1,
			     reader->parser.problem ? reader->parser.problem : "cannot read");
}

static const char *scalar(const struct reader *reader)
{
	return (const char *)reader->event.data.scalar.value;
}

static bool set(struct reader *reader, const char *key, bool again)
{
	const size_t length = reader->event.data.scalar.length;
	struct settings_error why;
	char origin[160];

	if (strlen(scalar(reader)) != length)
		return fail_here(reader, "%s: a zero byte in the text", key);
	if (length == 0 && reader->event.data.scalar.plain_implicit)
		return fail_here(reader, "%s: has no value", key);
	snprintf(origin, sizeof origin, "%.120s:%zu", reader->path,
		 reader->event.start_mark.line + 1);
	return settings_set(reader->settings, key, scalar(reader), again, origin, &why) ||
	       fail_here(reader, "%s", why.text);
}

/* The value of a key. */
static bool read_value(struct reader *reader, const char *key, bool list)
{
	if (!next(reader))
		return false;
	if (reader->event.type == YAML_SCALAR_EVENT)
		return set(reader, key, false);
	if (reader->event.type != YAML_SEQUENCE_START_EVENT || !list)
		return fail_here(reader, "%s: must be %s", key, list ? "a list" : "a single value");
	settings_clear(reader->settings, key);
	for (;;) {
		if (!next(reader))
			return false;
		if (reader->event.type == YAML_SEQUENCE_END_EVENT)
			return true;
		if (reader->event.type != YAML_SCALAR_EVENT)
			return fail_here(reader, "%s: its items must be single values", key);
		if (!set(reader, key, true))
			return false;
	}
}

/* A key must be new. */
static bool see(struct reader *reader, const char *key)
{
	for (size_t i = 0; i < reader->seen_count; i++)
		if (strcmp(reader->seen[i], key) == 0)
			return fail_here(reader, "%s occurs for the second time", key);
	if (reader->seen_count < KEYS_SEEN)
		snprintf(reader->seen[reader->seen_count++], KEY_SIZE, "%s", key);
	return true;
}

/* The keys of a mapping whose start has been read; prefix "", or "limits." within that. */
static bool read_mapping(struct reader *reader, const char *prefix)
{
	char key[KEY_SIZE], inner[KEY_SIZE + 1];
	bool list = false;

	for (;;) {
		if (!next(reader))
			return false;
		if (reader->event.type == YAML_MAPPING_END_EVENT)
			return true;
		if (reader->event.type != YAML_SCALAR_EVENT)
			return fail_here(reader, "a key must be a single word");
		snprintf(key, sizeof key, "%s%.60s", prefix, scalar(reader));
		if (!see(reader, key))
			return false;
		if (settings_known(key, &list)) {
			if (!read_value(reader, key, list))
				return false;
			continue;
		}
		if (!settings_group(key))
			return fail_here(reader, "there is no key \"%s\"", key);
		if (!next(reader))
			return false;
		if (reader->event.type != YAML_MAPPING_START_EVENT)
			return fail_here(reader, "%s: must contain keys of its own", key);
		snprintf(inner, sizeof inner, "%s.", key);
		if (!read_mapping(reader, inner))
			return false;
	}
}

static bool expect(struct reader *reader, yaml_event_type_t type, const char *otherwise)
{
	return next(reader) && (reader->event.type == type || fail_here(reader, "%s", otherwise));
}

static bool read_stream(struct reader *reader)
{
	if (!expect(reader, YAML_STREAM_START_EVENT, "not YAML") || !next(reader))
		return false;
	if (reader->event.type == YAML_STREAM_END_EVENT)
		return true; /* comments alone */
	if (!next(reader))
		return false;
	if (reader->event.type == YAML_SCALAR_EVENT && reader->event.data.scalar.length == 0)
		return true;
	if (reader->event.type != YAML_MAPPING_START_EVENT)
		return fail_here(reader, "the file must consist of lines like \"key: value\"");
	return read_mapping(reader, "") &&
	       expect(reader, YAML_DOCUMENT_END_EVENT, "more than one document") &&
	       expect(reader, YAML_STREAM_END_EVENT, "more than one document");
}

bool settings_read_file(struct settings *settings, const char *path, struct settings_error *error)
{
	struct reader reader = {.path = path, .settings = settings, .error = error};
	FILE *const file = fopen(path, "re");

	if (!file)
		return settings_fail(error, "cannot read %s: %s", path, strerror(errno));
	if (!yaml_parser_initialize(&reader.parser)) {
		fclose(file);
		return settings_fail(error, "out of memory");
	}
	yaml_parser_set_input_file(&reader.parser, file);
	const bool good = read_stream(&reader);
	yaml_event_delete(&reader.event);
	yaml_parser_delete(&reader.parser);
	fclose(file);
	return good;
}
