/* SPDX-License-Identifier: MIT
 *
 * The configuration file.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "snowidd/config/yaml.h"

#define KEY_SIZE     128
#define KEYS_MAX     128
#define LOCATION_MAX 120 /* of a file's name, as much as fits into an error */

struct yaml_file {
	yaml_parser_t parser;
	yaml_event_t event;
	const char *path;
	struct settings *settings;
	struct settings_error *error;
	char keys_read[KEYS_MAX][KEY_SIZE];
	size_t key_count;
};

static size_t event_line(const struct yaml_file *file)
{
	return file->event.start_mark.line + 1;
}

__attribute__((format(printf, 2, 3))) static bool fail_at_event(const struct yaml_file *file,
								const char *format, ...)
{
	char why[sizeof file->error->text];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, sizeof why, format, arguments);
	va_end(arguments);
	return settings_fail(file->error, "%.*s:%zu: %.300s", LOCATION_MAX, file->path,
			     event_line(file), why);
}

static bool read_event(struct yaml_file *file)
{
	yaml_event_delete(&file->event);
	if (yaml_parser_parse(&file->parser, &file->event))
		return true;
	return settings_fail(file->error, "%s:%zu: not YAML: %s", file->path,
			     file->parser.problem_mark.line + 1,
			     file->parser.problem ? file->parser.problem : "cannot read");
}

static bool expect_event(struct yaml_file *file, yaml_event_type_t type, const char *otherwise)
{
	return read_event(file) &&
	       (file->event.type == type || fail_at_event(file, "%s", otherwise));
}

static const char *scalar_text(const struct yaml_file *file)
{
	return (const char *)file->event.data.scalar.value;
}

static bool read_scalar(struct yaml_file *file, const struct setting *setting, bool append)
{
	const size_t length = file->event.data.scalar.length;
	struct settings_error why;
	char origin[LOCATION_MAX + 24];

	if (strlen(scalar_text(file)) != length)
		return fail_at_event(file, "%s: a zero byte in the text", setting->key);
	if (length == 0 && file->event.data.scalar.plain_implicit)
		return fail_at_event(file, "%s: has no value", setting->key);
	snprintf(origin, sizeof origin, "%.*s:%zu", LOCATION_MAX, file->path, event_line(file));
	return settings_set(file->settings, setting, scalar_text(file), append, origin, &why) ||
	       fail_at_event(file, "%s", why.text);
}

/* The items of a sequence whose start has been read. */
static bool read_items(struct yaml_file *file, const struct setting *setting)
{
	settings_clear_list(file->settings, setting);
	for (;;) {
		if (!read_event(file))
			return false;
		if (file->event.type == YAML_SEQUENCE_END_EVENT)
			return true;
		if (file->event.type != YAML_SCALAR_EVENT)
			return fail_at_event(file, "%s: its items must be single values",
					     setting->key);
		if (!read_scalar(file, setting, true))
			return false;
	}
}

static bool read_value(struct yaml_file *file, const struct setting *setting)
{
	const bool is_list = setting->type == SETTING_LIST;

	if (!read_event(file))
		return false;
	if (file->event.type == YAML_SCALAR_EVENT)
		return read_scalar(file, setting, false);
	if (is_list && file->event.type == YAML_SEQUENCE_START_EVENT)
		return read_items(file, setting);
	return fail_at_event(file, "%s: must be %s", setting->key,
			     is_list ? "a list" : "a single value");
}

/* YAML leaves it to the application what a repeated key means. */
static bool check_new_key(struct yaml_file *file, const char *key)
{
	for (size_t i = 0; i < file->key_count; i++)
		if (strcmp(file->keys_read[i], key) == 0)
			return fail_at_event(file, "%s occurs for the second time", key);
	if (file->key_count < KEYS_MAX)
		snprintf(file->keys_read[file->key_count++], KEY_SIZE, "%s", key);
	return true;
}

static bool read_mapping(struct yaml_file *file, const char *prefix);

static bool read_key(struct yaml_file *file, const char *key)
{
	const struct setting *const setting = setting_find(key);
	char prefix[KEY_SIZE + 1];

	if (!check_new_key(file, key))
		return false;
	if (setting)
		return read_value(file, setting);
	if (!setting_is_group(key))
		return fail_at_event(file, "there is no key \"%s\"", key);
	if (!read_event(file))
		return false;
	if (file->event.type != YAML_MAPPING_START_EVENT)
		return fail_at_event(file, "%s: must contain keys of its own", key);
	snprintf(prefix, sizeof prefix, "%s.", key);
	return read_mapping(file, prefix);
}

/* The keys of a mapping whose start has been read. The prefix is "", or "limits." in the mapping of
 * that name. */
static bool read_mapping(struct yaml_file *file, const char *prefix)
{
	char key[KEY_SIZE];

	for (;;) {
		if (!read_event(file))
			return false;
		if (file->event.type == YAML_MAPPING_END_EVENT)
			return true;
		if (file->event.type != YAML_SCALAR_EVENT)
			return fail_at_event(file, "a key must be a single word");
		snprintf(key, sizeof key, "%s%.60s", prefix, scalar_text(file));
		if (!read_key(file, key))
			return false;
	}
}

static bool read_stream(struct yaml_file *file)
{
	if (!expect_event(file, YAML_STREAM_START_EVENT, "not YAML") || !read_event(file))
		return false;
	if (file->event.type == YAML_STREAM_END_EVENT)
		return true; /* nothing but comments */
	if (!read_event(file))
		return false;
	if (file->event.type == YAML_SCALAR_EVENT && file->event.data.scalar.length == 0)
		return true;
	if (file->event.type != YAML_MAPPING_START_EVENT)
		return fail_at_event(file, "the file must consist of lines like \"key: value\"");
	return read_mapping(file, "") &&
	       expect_event(file, YAML_DOCUMENT_END_EVENT, "more than one document") &&
	       expect_event(file, YAML_STREAM_END_EVENT, "more than one document");
}

bool settings_read_yaml(struct settings *settings, const char *path, struct settings_error *error)
{
	struct yaml_file file = {.path = path, .settings = settings, .error = error};
	FILE *const input = fopen(path, "re");

	if (!input)
		return settings_fail(error, "cannot read %s: %s", path, strerror(errno));
	if (!yaml_parser_initialize(&file.parser)) {
		fclose(input);
		return settings_fail(error, "out of memory");
	}
	yaml_parser_set_input_file(&file.parser, input);
	const bool good = read_stream(&file);
	yaml_event_delete(&file.event);
	yaml_parser_delete(&file.parser);
	fclose(input);
	return good;
}
