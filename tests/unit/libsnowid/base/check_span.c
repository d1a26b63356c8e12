/* SPDX-License-Identifier: MIT */
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
		{"18446744073s", UINT64_C(18446744073000000000)},
		{"007ms", 7000000},
		{"0000000000000000000000000h", 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t ns = 1;
		OK(snowid_span_parse(cases[i].text, strlen(cases[i].text), &ns));
		ck_assert_uint_eq(ns, cases[i].ns);
	}
}

TEST(malformed_spans_are_rejected)
{
	static const char *const cases[] = {
		"",
		"ms",
		"1",
		"00005",
		"5",
		"-1ms",
		"+1s",
		" 1s",
		"1s ",
		"1 s",
		"1.5s",
		"1S",
		"1sec",
		"1msx",
		"1ms2",
		"1d",
		"0x1s",
		"1h1m",
		"18446744073709551616",
	};
	uint64_t ns;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		EXPECT(snowid_span_parse(cases[i], strlen(cases[i]), &ns), SNOWID_E_SYNTAX);
	EXPECT(snowid_span_parse("5ms\0", 4, &ns), SNOWID_E_SYNTAX);
	EXPECT_DETAIL("such as 5ms");
	EXPECT(snowid_span_parse(NULL, 0, &ns), SNOWID_E_INVALID);
	EXPECT(snowid_span_parse("0", 1, NULL), SNOWID_E_INVALID);
}

TEST(spans_of_585_years_are_too_long)
{
	static const char *const cases[] = {"18446744073709551616ns", "99999999999999999999ns",
					    "5124096h", "18446744074s",
					    "100000000000000000000000000000000000000000h"};
	uint64_t ns = 5;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		EXPECT(snowid_span_parse(cases[i], strlen(cases[i]), &ns), SNOWID_E_OVERFLOW);
	EXPECT_DETAIL("584 years");
	ck_assert_uint_eq(ns, 5);
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
		char text[SNOWID_SPAN_TEXT];
		OK(snowid_span_format(cases[i].ns, text));
		ck_assert_str_eq(text, cases[i].text);
	}
	EXPECT(snowid_span_format(0, NULL), SNOWID_E_INVALID);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
