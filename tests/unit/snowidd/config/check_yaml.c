/* SPDX-License-Identifier: MIT
 *
 * The configuration file: what it may contain, and which line an error names.
 */
#include <stdio.h>

#include "snowidd/config/yaml.h"
#include "tests/unit/directory.h"

static char path[sizeof directory + 16];
static struct settings_error error;

static void create_directory(void)
{
	directory_make();
	snprintf(path, sizeof path, "%s/c.yaml", directory);
}

static void write_yaml(const char *text, size_t length)
{
	FILE *const file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(text, 1, length, file), length);
	ck_assert_int_eq(fclose(file), 0);
}

/* NULL with `error`. */
static struct settings *read_text(const char *text, size_t length)
{
	struct settings *const settings = settings_new(&error);

	ck_assert_ptr_nonnull(settings);
	write_yaml(text, length);
	if (settings_read_yaml(settings, path, &error))
		return settings;
	settings_free(settings);
	return NULL;
}

static void expect_bad_yaml(const char *text, size_t length, unsigned line, const char *message)
{
	char expected[sizeof path + 512];

	ck_assert_msg(!read_text(text, length), "%s", text);
	if (line > 0)
		snprintf(expected, sizeof expected, "%.120s:%u: %s", path, line, message);
	else
		snprintf(expected, sizeof expected, "%.120s", path);
	ck_assert_msg(strncmp(error.text, expected, strlen(expected)) == 0, "%s: %s", text,
		      error.text);
}

TEST(values_lists_and_groups)
{
	static const char text[] = "# comment\n"
				   "port: 81\n"
				   "kinds: [snowflake, ulid]\n"
				   "listen:\n- 127.0.0.1\n- '::1'\n"
				   "limits:\n  count: 7\n  idle_timeout: 5s\n"
				   "store: \"\"\n"
				   "log: {access: true, format: json}\n"
				   "peers: one:1\n"
				   "fields: []\n";
	struct settings *const settings = read_text(text, strlen(text));

	ck_assert_msg(settings != NULL, "%s", error.text);
	ck_assert_uint_eq(settings->port, 81);
	ck_assert_uint_eq(settings->kinds.count, 2);
	ck_assert_str_eq(settings->kinds.items[1], "ulid");
	ck_assert_str_eq(settings->listen.items[1], "::1");
	ck_assert_uint_eq(settings->count, 7);
	ck_assert_uint_eq(settings->idle_timeout, 5 * SEC);
	ck_assert_str_eq(settings->store, "");
	ck_assert(settings->log_access);
	ck_assert_str_eq(settings->log_format, "json");
	ck_assert_uint_eq(settings->peers.count, 1);
	ck_assert_uint_eq(settings->fields.count, 0);
	settings_free(settings);
}

TEST(each_value_has_the_line_it_was_set_in)
{
	static const char text[] = "port: 81\nlimits:\n  count: 7\nkinds:\n- ulid\n- uuid7\n";
	struct settings *const settings = read_text(text, strlen(text));
	char expected[sizeof path + 64];

	ck_assert_msg(settings != NULL, "%s", error.text);
	settings_fail(&error, "limits.count: bad");
	settings_locate(settings, &error);
	snprintf(expected, sizeof expected, "%.120s:3: limits.count: bad", path);
	ck_assert_str_eq(error.text, expected);
	settings_free(settings);
}

TEST(files_without_a_key)
{
	static const char *const texts[] = {"",      "\n\n",       "# comment\n",
					    "---\n", "---\n...\n", "{}\n"};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct settings *const settings = read_text(texts[i], strlen(texts[i]));
		ck_assert_msg(settings != NULL, "\"%s\": %s", texts[i], error.text);
		settings_free(settings);
	}
}

TEST(errors_name_the_line)
{
	static const struct {
		const char *text;
		unsigned line; /* 0: any */
		const char *message;
	} cases[] = {
		{"prot: 80\n", 1, "there is no key \"prot\""},
		{"port: 80\nlimits:\n  conections: 5\n", 3,
		 "there is no key \"limits.conections\""},
		{"port: 0\n", 1, "port: 0 is not from 1 to 65535"},
		{"\n\nport: x\n", 3, "port: \"x\" is not a number"},
		{"port: [80]\n", 1, "port: must be a single value"},
		{"port: {a: b}\n", 1, "port: must be a single value"},
		{"port: *x\n", 1, "port: must be a single value"},
		{"port:\n", 1, "port: has no value"},
		{"listen:\n", 1, "listen: has no value"},
		{"listen: [a, ]\nport:\n", 2, "port: has no value"},
		{"listen: {a: b}\n", 1, "listen: must be a list"},
		{"listen:\n- a\n- [b]\n", 3, "listen: its items must be single values"},
		{"port: 80\nport: 81\n", 2, "port occurs for the second time"},
		{"log: {access: true}\nlog: {}\n", 2, "log occurs for the second time"},
		{"limits: 5\n", 1, "limits: must contain keys of its own"},
		{"limits: {rate: {}}\n", 1, "limits.rate: must be a single value"},
		{"[1, 2]\n", 1, "the file must consist of lines like \"key: value\""},
		{"words\n", 1, "the file must consist of lines like \"key: value\""},
		{"port: 80\n---\nport: 81\n", 2, "more than one document"},
		{"? [a]\n: b\n", 1, "a key must be a single word"},
		{"store: \"a\\0b\"\n", 1, "store: a zero byte in the text"},
		{"port: 'x\n", 0, NULL},
		{"\tport: 80\n", 0, NULL},
		{"port: 80\n  host: x\n", 0, NULL},
		{"store: \xff\n", 0, NULL},
		{"a: &a [*a]\n", 1, "there is no key \"a\""},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		expect_bad_yaml(cases[i].text, strlen(cases[i].text), cases[i].line,
				cases[i].message);
}

TEST(what_is_not_yaml_is_called_so)
{
	static const char binary[] = "port: \x01\x02";

	expect_bad_yaml("port: 'x\n", 9, 0, NULL);
	ck_assert_ptr_nonnull(strstr(error.text, ": not YAML: "));
	expect_bad_yaml(binary, sizeof binary - 1, 0, NULL);
	ck_assert_ptr_nonnull(strstr(error.text, ": not YAML: "));
}

TEST(a_long_key_is_no_key)
{
	char text[600];

	memset(text, 'k', sizeof text);
	memcpy(text + sizeof text - 5, ": 1\n", 5);
	expect_bad_yaml(text, strlen(text), 1, "there is no key \"kkk");
	memcpy(text, "limits: {", 9);
	memcpy(text + sizeof text - 6, ": 1}\n", 6);
	expect_bad_yaml(text, strlen(text), 1, "there is no key \"limits.kkk");
}

TEST(a_file_that_cannot_be_read)
{
	struct settings *const settings = settings_new(&error);
	char expected[sizeof path + 64];

	ck_assert_ptr_nonnull(settings);
	ck_assert(!settings_read_yaml(settings, path, &error));
	snprintf(expected, sizeof expected, "cannot read %s: No such file or directory", path);
	ck_assert_str_eq(error.text, expected);
	ck_assert(!settings_read_yaml(settings, directory, &error));
	settings_free(settings);
}

int main(void)
{
	return run_tests(create_directory, directory_remove);
}
