/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "libsnowid/base/suggest.h"
#include "tests/unit/check.h"

static const char *suggest(const char *name, const char *const *known, size_t count)
{
	static struct sn_suggestion suggestion;
	sn_suggestion_begin(&suggestion, name, strlen(name));
	for (size_t i = 0; i < count; i++)
		sn_suggestion_offer(&suggestion, known[i]);
	return sn_suggestion_or(&suggestion, "");
}

TEST(the_closest_name_is_suggested)
{
	static const char *const known[] = {"ulid",  "uuid1",     "uuid6",
					    "uuid7", "snowflake", "sonyflake"};
	static const char *const cases[][2] = {
		{"uuidv7", "uuid7"},       {"UUID7", "uuid7"},
		{"uuid 7", "uuid7"},       {"uiud7", "uuid7"},
		{"lid", "ulid"},           {"snowflakes", "snowflake"},
		{"sonyflak", "sonyflake"}, {"nsowflake", "snowflake"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char expected[64];
		snprintf(expected, sizeof expected, "; did you mean %s?", cases[i][1]);
		ck_assert_str_eq(suggest(cases[i][0], known, 6), expected);
	}
}

TEST(the_first_of_equally_close_names_is_suggested)
{
	static const char *const known[] = {"uuid1", "uuid6", "uuid7"};
	ck_assert_str_eq(suggest("uuid", known, 3), "; did you mean uuid1?");
}

TEST(a_name_that_is_not_close_is_not_suggested)
{
	static const char *const known[] = {"ulid", "wait", "x", "",
					    "a_name_that_is_longer_than_any_that_is_compared"};
	static const char *const names[] = {
		"", "x", "y", "time", "frob", "a_name_that_is_longer_than_any_that_is_compare"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		ck_assert_str_eq(suggest(names[i], known, 5), "");
}

TEST(the_longest_name_fits)
{
	static const char *const known[] = {"abcdefghijklmnopqrstuvwxyz012345"};
	ck_assert_str_eq(suggest("abcdefghijklmnopqrstuvwxyz01234x", known, 1),
			 "; did you mean abcdefghijklmnopqrstuvwxyz012345?");
}

int main(void)
{
	return run_tests(NULL, NULL);
}
