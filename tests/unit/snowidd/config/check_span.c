/* SPDX-License-Identifier: MIT
 *
 * Spans of time as text.
 */
#include "snowidd/config/span.h"
#include "tests/unit/check.h"

TEST(each_unit)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} cases[] = {
		{"0", 0},
		{"0s", 0},
		{"7ns", 7},
		{"250us", 250000},
		{"5ms", 5 * MS},
		{"10s", 10 * SEC},
		{"2m", 120 * SEC},
		{"1h", 3600 * SEC},
		{"18446744073709551615ns", UINT64_MAX},
		{"007ms", 7 * MS},
		{"18446744073s", UINT64_C(18446744073) * SEC},
	};
	uint64_t ns;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ck_assert_msg(span_read_ns(cases[i].text, &ns), "%s", cases[i].text);
		ck_assert_uint_eq(ns, cases[i].ns);
	}
}

TEST(what_is_not_a_span)
{
	static const char *const texts[] = {
		"",     "5",    "s",    "-1s",  "+1s", " 1s",          "1s ",
		"1 s",  "1S",   "1sec", "1.5s", "1d",  "18446744074s", "18446744073709551616ns",
		"1h1m", "1ms2", "0x1s",
	};
	uint64_t ns;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		ck_assert_msg(!span_read_ns(texts[i], &ns), "\"%s\"", texts[i]);
}

/* The library has a parser of its own, behind settings such as timeout, which has no upper
 * bound. */
TEST(the_library_reads_the_same_spans)
{
	static const char *const texts[] = {
		"0",    "0s",  "0h", "1ns", "2us",   "3ms",          "4s",
		"5m",   "6h",  "5",  "s",   "1 s",   "1S",           "1d",
		"1.5s", "-1s", "",   "01s", "007ms", "18446744074s", "1h1m",
	};
	uint64_t ns;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct snowid_config *config;
		OK(snowid_config_new(&config));
		ck_assert_msg((snowid_config_set(config, "timeout", texts[i]) == 0) ==
				      span_read_ns(texts[i], &ns),
			      "\"%s\"", texts[i]);
		snowid_config_free(config);
	}
}

int main(void)
{
	return run_tests(NULL, NULL);
}
