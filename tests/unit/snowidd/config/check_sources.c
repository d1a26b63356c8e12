/* SPDX-License-Identifier: MIT
 *
 * Where settings come from, and which source takes precedence.
 */
#include <stdio.h>

#include "snowidd/config/sources.h"
#include "tests/unit/directory.h"

static char path[sizeof directory + 16];
static struct settings_error error;

static void write_config(void)
{
	directory_make();
	snprintf(path, sizeof path, "%s/c.yaml", directory);
	FILE *const file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs("port: 1\nkinds: [ulid, uuid7]\nlimits: {count: 10, burst: 11}\n", file);
	fclose(file);
}

static void remove_config(void)
{
	unsetenv("SNOWIDD_LIMITS_COUNT");
	unsetenv("SNOWIDD_PORT");
	directory_remove();
}

/* Options are separated by "|". */
static struct settings *load_settings(const char *options)
{
	char copy[200], *list[8] = {NULL}, *rest = copy;

	ck_assert_uint_lt((size_t)snprintf(copy, sizeof copy, "%s", options), sizeof copy);
	for (size_t i = 0; *options && rest; i++) {
		ck_assert_uint_lt(i, 7);
		list[i] = strsep(&rest, "|");
	}
	return settings_load(list, path, &error);
}

static void expect_bad_option(const char *options, const char *message)
{
	ck_assert_msg(!load_settings(options), "%s", options);
	ck_assert_str_eq(error.text, message);
}

TEST(an_option_precedes_the_environment_and_that_the_file)
{
	setenv("SNOWIDD_PORT", "2", 1);
	setenv("SNOWIDD_LIMITS_COUNT", "20", 1);
	struct settings *const settings = load_settings("--limits-count=30");

	ck_assert_msg(settings != NULL, "%s", error.text);
	ck_assert_uint_eq(settings->burst, 11);
	ck_assert_uint_eq(settings->port, 2);
	ck_assert_uint_eq(settings->count, 30);
	ck_assert_uint_eq(settings->request_bytes, 16384);
	settings_free(settings);
}

TEST(a_list_replaces_that_of_another_source)
{
	struct settings *settings = load_settings("");

	ck_assert_uint_eq(settings->kinds.count, 2);
	settings_free(settings);
	settings = load_settings("--kinds|snowflake");
	ck_assert_uint_eq(settings->kinds.count, 1);
	ck_assert_str_eq(settings->kinds.items[0], "snowflake");
	settings_free(settings);
}

TEST(items_of_a_list_have_commas_between_them_or_options_of_their_own)
{
	static const struct {
		const char *options;
		size_t count;
		const char *first, *second;
	} cases[] = {
		{"--kinds|a,x=time:41,worker:10;unit=1s ulid", 3, "a",
		 "x=time:41,worker:10;unit=1s"},
		{"--kinds=ulid|--kinds=uuid7", 2, "ulid", "uuid7"},
		{"--kinds=ulid,uuid7", 2, "ulid", "uuid7"},
		{"--kinds=ulid, uuid7 ,", 2, "ulid", "uuid7"},
		{"--kinds=x|--port=5|--kinds|y", 2, "x", "y"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct settings *const settings = load_settings(cases[i].options);
		ck_assert_msg(settings != NULL, "%s", error.text);
		ck_assert_uint_eq(settings->kinds.count, cases[i].count);
		ck_assert_str_eq(settings->kinds.items[0], cases[i].first);
		ck_assert_str_eq(settings->kinds.items[1], cases[i].second);
		settings_free(settings);
	}
}

TEST(forms_of_an_option)
{
	struct settings *const settings =
		load_settings("--port|5|--tls-client-ca=/a=b|--store=|--limits-count|6|--port=7");

	ck_assert_msg(settings != NULL, "%s", error.text);
	ck_assert_uint_eq(settings->port, 7);
	ck_assert_str_eq(settings->tls_client_ca, "/a=b");
	ck_assert_str_eq(settings->store, "");
	ck_assert_uint_eq(settings->count, 6);
	settings_free(settings);
}

TEST(bad_options)
{
	expect_bad_option("--nonsense|1", "there is no option --nonsense; see snowidd --help");
	expect_bad_option("--por|1", "there is no option --por; see snowidd --help");
	expect_bad_option("--port8|1", "there is no option --port8; see snowidd --help");
	expect_bad_option("port|1", "there is no option port; see snowidd --help");
	expect_bad_option("--limits.count=1",
			  "there is no option --limits.count=1; see snowidd --help");
	expect_bad_option("--port", "--port needs a value");
	expect_bad_option("--port=x", "option --port: port: \"x\" is not a number");
	expect_bad_option("--log-level|loud",
			  "option --log-level: log.level: \"loud\" is not one of "
			  "error|warning|info|debug");
}

TEST(an_error_names_the_environment_variable)
{
	setenv("SNOWIDD_LIMITS_COUNT", "x", 1);
	expect_bad_option("",
			  "environment variable SNOWIDD_LIMITS_COUNT: limits.count: \"x\" is not a "
			  "number");
}

TEST(the_variable_that_kubernetes_sets_for_a_service_is_not_a_port)
{
	setenv("SNOWIDD_PORT", "tcp://10.0.0.1:8080", 1);
	struct settings *const settings = load_settings("");

	ck_assert_msg(settings != NULL, "%s", error.text);
	ck_assert_uint_eq(settings->port, 1);
	settings_free(settings);
}

TEST(other_variables_of_kubernetes_are_passed_over)
{
	setenv("SNOWIDD_PORT_8080_TCP_ADDR", "10.0.0.1", 1);
	struct settings *const settings = load_settings("");
	unsetenv("SNOWIDD_PORT_8080_TCP_ADDR");

	ck_assert_msg(settings != NULL, "%s", error.text);
	settings_free(settings);
}

TEST(a_variable_that_is_no_setting_is_refused)
{
	static const char *const names[] = {"SNOWIDD_TOKENFILE", "SNOWIDD_limits_count",
					    "SNOWIDD_"};
	char expected[200];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		setenv(names[i], "x", 1);
		snprintf(expected, sizeof expected,
			 "there is no setting for the environment variable %s; see snowidd --help",
			 names[i]);
		expect_bad_option("", expected);
		unsetenv(names[i]);
	}
	setenv("SNOWID_STORE", "memory:", 1); /* not one of ours */
	settings_free(load_settings(""));
	unsetenv("SNOWID_STORE");
}

TEST(each_value_knows_its_source)
{
	setenv("SNOWIDD_LIMITS_COUNT", "20", 1);
	struct settings *const settings = load_settings("--port=3");
	static const struct {
		const char *key, *origin;
	} cases[] = {{"port", "option --port"},
		     {"limits.count", "environment variable SNOWIDD_LIMITS_COUNT"}};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char expected[200];
		settings_fail(&error, "%s: bad", cases[i].key);
		settings_locate(settings, &error);
		snprintf(expected, sizeof expected, "%s: %s: bad", cases[i].origin, cases[i].key);
		ck_assert_str_eq(error.text, expected);
	}
	settings_free(settings);
}

TEST(an_error_of_the_file_ends_it)
{
	ck_assert_int_eq(unlink(path), 0);
	ck_assert(!load_settings(""));
	ck_assert_ptr_nonnull(strstr(error.text, "cannot read "));
}

int main(void)
{
	return run_tests(write_config, remove_config);
}
