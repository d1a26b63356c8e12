/* SPDX-License-Identifier: MIT
 *
 * The values of settings: each type, its limits, and what an error says.
 */
#include "snowidd/config/settings.h"
#include "tests/unit/check.h"

static struct settings *settings;
static struct settings_error error;

static void create_settings(void)
{
	settings = settings_new(&error);
	ck_assert_ptr_nonnull(settings);
}

static void free_settings(void)
{
	settings_free(settings);
}

static bool set_setting(const char *key, const char *text)
{
	const struct setting *const setting = setting_find(key);

	ck_assert_msg(setting != NULL, "%s", key);
	error.text[0] = '\0';
	return settings_set_words(settings, setting, text, false, "a test", &error);
}

static void expect_bad_value(const char *key, const char *text, const char *message)
{
	ck_assert_msg(!set_setting(key, text), "%s: %s", key, text);
	ck_assert_str_eq(error.text, message);
}

TEST(values_begin_as_the_table_says)
{
	ck_assert_uint_eq(settings->port, 8080);
	ck_assert_uint_eq(settings->datacenter_id, NOT_SET);
	ck_assert_uint_eq(settings->idle_timeout, 60 * SEC);
	ck_assert_uint_eq(settings->kinds.count, 1);
	ck_assert_str_eq(settings->kinds.items[0], "snowflake");
	ck_assert_uint_eq(settings->listen.count, 0);
	ck_assert_str_eq(settings->store, "");
	ck_assert_str_eq(settings->log_level, "info");
	ck_assert(!settings->log_access);
	for (size_t i = 0; i < SETTINGS_MAX; i++)
		ck_assert_ptr_null(settings->origins[i]);
}

TEST(each_initial_value_is_valid)
{
	const struct setting *setting;

	for (size_t i = 0; (setting = setting_at(i)); i++) {
		const bool none = setting->type == SETTING_NUMBER && !*setting->initial;
		ck_assert_msg(none || set_setting(setting->key, setting->initial), "%s",
			      error.text);
		ck_assert_ptr_eq(setting_find(setting->key), setting);
	}
}

TEST(numbers)
{
	ck_assert(set_setting("port", "1"));
	ck_assert_uint_eq(settings->port, 1);
	ck_assert(set_setting("port", "65535"));
	expect_bad_value("port", "0", "port: 0 is not from 1 to 65535");
	expect_bad_value("port", "65536", "port: 65536 is not from 1 to 65535");
	expect_bad_value("port", "eighty", "port: \"eighty\" is not a number");
	expect_bad_value("port", "-1", "port: \"-1\" is not a number");
	expect_bad_value("port", "8 0", "port: \"8 0\" is not a number");
	expect_bad_value("port", "", "port: \"\" is not a number");
	expect_bad_value("port", "18446744073709551616",
			 "port: \"18446744073709551616\" is not a number");
	ck_assert_uint_eq(settings->port, 65535);
}

TEST(spans)
{
	ck_assert(set_setting("limits.idle_timeout", "10ms"));
	ck_assert_uint_eq(settings->idle_timeout, 10 * MS);
	ck_assert(set_setting("limits.idle_timeout", "24h"));
	ck_assert(set_setting("limits.wait_timeout", "0"));
	ck_assert_uint_eq(settings->wait_timeout, 0);
	expect_bad_value("limits.idle_timeout", "9999us",
			 "limits.idle_timeout: 9999us is not from 10ms to 86400000ms");
	expect_bad_value("limits.idle_timeout", "25h",
			 "limits.idle_timeout: 25h is not from 10ms to 86400000ms");
	expect_bad_value("limits.idle_timeout", "5",
			 "limits.idle_timeout: \"5\" is not a span such as 500ms or 10s");
}

TEST(choices_and_flags)
{
	ck_assert(set_setting("log.level", "debug"));
	ck_assert_str_eq(settings->log_level, "debug");
	ck_assert(set_setting("log.access", "true"));
	ck_assert(settings->log_access);
	ck_assert(set_setting("log.access", "false"));
	ck_assert(!settings->log_access);
	expect_bad_value("log.format", "xml", "log.format: \"xml\" is not one of text|json");
	expect_bad_value("log.format", "", "log.format: \"\" is not one of text|json");
	expect_bad_value("log.format", "tex", "log.format: \"tex\" is not one of text|json");
	expect_bad_value("log.format", "text|json",
			 "log.format: \"text|json\" is not one of text|json");
	expect_bad_value("log.access", "yes", "log.access: \"yes\" is not one of true|false");
	ck_assert_str_eq(settings->log_format, "text");
}

TEST(lists_of_words)
{
	ck_assert(set_setting("listen", " 10.0.0.1\t[::]:80  unix:/s "));
	ck_assert_uint_eq(settings->listen.count, 3);
	ck_assert_str_eq(settings->listen.items[0], "10.0.0.1");
	ck_assert_str_eq(settings->listen.items[2], "unix:/s");
	ck_assert(set_setting("listen", "::1"));
	ck_assert_uint_eq(settings->listen.count, 1);
	ck_assert(set_setting("listen", ""));
	ck_assert_uint_eq(settings->listen.count, 0);
}

TEST(lists_of_items)
{
	const struct setting *const kinds = setting_find("kinds");

	ck_assert(settings_set(settings, kinds, "ulid", false, "f:1", &error));
	ck_assert_uint_eq(settings->kinds.count, 1);
	ck_assert(settings_set(settings, kinds, "a b", true, "f:2", &error));
	ck_assert_uint_eq(settings->kinds.count, 2);
	ck_assert_str_eq(settings->kinds.items[1], "a b");
	settings_clear_list(settings, kinds);
	ck_assert_uint_eq(settings->kinds.count, 0);
	/* Only lists can be made empty. */
	settings_clear_list(settings, setting_find("store"));
	ck_assert_str_eq(settings->store, "");
}

TEST(keys_and_groups)
{
	ck_assert_ptr_null(setting_find("prot"));
	ck_assert_ptr_null(setting_find("limits"));
	ck_assert_ptr_null(setting_find(""));
	ck_assert(setting_is_group("limits"));
	ck_assert(setting_is_group("tls"));
	ck_assert(!setting_is_group("limit"));
	ck_assert(!setting_is_group("port"));
	ck_assert(!setting_is_group("limits.rate"));
}

TEST(errors_are_located_where_the_key_was_set)
{
	const struct setting *const worker = setting_find("worker_id");

	ck_assert(settings_set(settings, worker, "99", false, "f.yaml:3", &error));
	settings_fail(&error, "worker_id: 99 is too large");
	settings_locate(settings, &error);
	ck_assert_str_eq(error.text, "f.yaml:3: worker_id: 99 is too large");
	/* A key that was not set anywhere, and no key. */
	settings_fail(&error, "store: cannot be opened");
	settings_locate(settings, &error);
	ck_assert_str_eq(error.text, "store: cannot be opened");
	settings_fail(&error, "worker_ids are few");
	settings_locate(settings, &error);
	ck_assert_str_eq(error.text, "worker_ids are few");
}

TEST(error_cannot_control_a_terminal)
{
	ck_assert(!settings_fail(&error, "%s",
				 "a\x1b[2J\nb\x7f\xc2\x9b"
				 "c\xc2\xa0"));
	ck_assert_str_eq(error.text, "a?[2J?b???c\xc2\xa0");
}

TEST(changes_that_have_to_wait_for_the_next_start)
{
	struct settings *const other = settings_new(&error);
	size_t index = 0;

	ck_assert_ptr_nonnull(other);
	ck_assert_ptr_null(settings_fixed_change(settings, other, &index));
	ck_assert(set_setting("log.level", "debug") && set_setting("limits.rate", "5") &&
		  set_setting("peers", "a:1"));
	index = 0;
	ck_assert_ptr_null(settings_fixed_change(settings, other, &index));
	ck_assert(set_setting("kinds", "snowflake ulid") && set_setting("store", "memory:") &&
		  set_setting("port", "81"));
	index = 0;
	ck_assert_str_eq(settings_fixed_change(settings, other, &index), "kinds");
	ck_assert_str_eq(settings_fixed_change(settings, other, &index), "store");
	ck_assert_str_eq(settings_fixed_change(settings, other, &index), "port");
	ck_assert_ptr_null(settings_fixed_change(settings, other, &index));
	settings_free(other);
}

int main(void)
{
	return run_tests(create_settings, free_settings);
}
