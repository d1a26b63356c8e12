/* SPDX-License-Identifier: MIT */
#include "libsnowid/base/span.h"
#include "tests/unit/check.h"

TEST(every_unit_is_read)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} cases[] = {
		{"0", 0},
		{"0s", 0},
		{"1ns", 1},
		{"250us", 250000},
		{"5ms", 5000000},
		{"2s", 2000000000},
		{"90m", UINT64_C(5400000000000)},
		{"1h", UINT64_C(3600000000000)},
		{"18446744073709551615ns", UINT64_MAX},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t ns = 1;
		ck_assert_msg(sn_span_parse(cases[i].text, strlen(cases[i].text), &ns), "%s",
			      cases[i].text);
		ck_assert_uint_eq(ns, cases[i].ns);
	}
}

TEST(malformed_spans_are_rejected)
{
	static const char *const cases[] = {"",         "ms",
					    "1",        "-1ms",
					    "1 ms",     "1.5s",
					    "1S",       "1msx",
					    "1m s",     "0x1s",
					    "+1s",      "18446744073709551616ns",
					    "5124096h", "99999999999999999999ns"};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t ns;
		ck_assert_msg(!sn_span_parse(cases[i], strlen(cases[i]), &ns), "%s", cases[i]);
	}
}

TEST(largest_exact_unit_is_written)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{0, "0"},
		{1, "1ns"},
		{1500, "1500ns"},
		{5000000, "5ms"},
		{2000000000, "2s"},
		{UINT64_C(60000000000), "1m"},
		{UINT64_C(3600000000000), "1h"},
		{UINT64_MAX, "18446744073709551615ns"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[SN_SPAN_TEXT];
		sn_span_format(cases[i].ns, text);
		ck_assert_str_eq(text, cases[i].text);
	}
}

int main(void)
{
	return run_tests(NULL, NULL);
}
