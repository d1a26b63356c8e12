/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <time.h>

#include "libsnowid/base/instant.h"
#include "libsnowid/base/instant_text.h"
#include "tests/unit/check.h"

static int parse_time(const char *text, int64_t *sec, uint32_t *nsec)
{
	return snowid_time_parse(text, strlen(text), sec, nsec);
}

TEST(iso_8601_and_milliseconds_are_read)
{
	static const struct {
		const char *text;
		int64_t sec;
		uint32_t nsec;
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0, 0},
		{"2022-02-22T19:22:22Z", 1645557742, 0}, /* RFC 9562, appendix A */
		{"2022-02-22T14:22:22-05:00", 1645557742, 0},
		{"2022-02-22t19:22:22.5z", 1645557742, 500000000},
		{"2022-02-22 19:22:22.123456789Z", 1645557742, 123456789},
		{"2022-02-22T19:22:22.1234567899999Z", 1645557742, 123456789},
		{"2022-02-23T00:52:22+05:30", 1645557742, 0},
		{"2022-02-22", 1645488000, 0},
		{"2024-02-29", 1709164800, 0},
		{"1582-10-15", -12219292800, 0},
		{"9999-12-31T23:59:59.999999999Z", 253402300799, 999999999},
		{"2022-02", 1643673600, 0},
		{"2022-02-22T19:22Z", 1645557720, 0},
		{"2022-02-22T19:22+01", 1645554120, 0},
		{"20220222T192222Z", 1645557742, 0},
		{"20220222T192222.5Z", 1645557742, 500000000},
		{"20220222T1922Z", 1645557720, 0},
		{"20220222T142222-0500", 1645557742, 0},
		{"20220222", 1645488000, 0},
		{"1645557742001", 1645557742, 1000000},
		{"100000000000", 100000000, 0},
		{"9999999999999", 9999999999, 999000000},
		{"@0", 0, 0},
		{"@1645557742", 1645557742, 0},
		{"@1645557742.5", 1645557742, 500000000},
		{"@1645557742.1234567899", 1645557742, 123456789},
		{"@-5", -5, 0},
		{"@-5.25", -6, 750000000},
		{"@-0.000000001", -1, 999999999},
		{"@-0.0", 0, 0},
		{"@253402300799.999", 253402300799, 999000000},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t sec;
		uint32_t nsec;
		OK(parse_time(cases[i].text, &sec, &nsec));
		ck_assert_msg(sec == cases[i].sec && nsec == cases[i].nsec, "%s is %lld.%09u",
			      cases[i].text, (long long)sec, nsec);
	}
}

TEST(malformed_times_are_rejected)
{
	static const char *const malformed[] = {
		"",
		"-",
		"now",
		"2022x",
		"2022-13-01",
		"2022-00-01",
		"2022-01-00",
		"2022-02-29",
		"1900-02-29",
		"2022-01-01T",
		"2022-01-01T00:00",
		"2022-01-01T00",
		"2022-01-01T00Z",
		"2022-01-01Z",
		"2022-01Z",
		"2022-01T00:00Z",
		"2022-01-",
		"2022-0101",
		"202201-01",
		"2022",
		"202201",
		"20221301",
		"20220229",
		"20220101T00:00:00Z",
		"2022-01-01T000000Z",
		"20220101T0000",
		"20220101T00:00Z",
		"20220101T00000Z",
		"20220101000000",
		"2022-01-01T00:00.5Z",
		"2022-01-01T00:00:00,5Z",
		"2022-01-01T00:00:00+01:",
		"2022-01-01T00:00:00+010",
		"2022-01-01T00:00:00+01:60",
		"2022-01-01T00:00:00+",
		"0",
		"-1",
		"1645557742",
		"99999999999",
		"0645557742001",
		"12345678901234",
		"-645557742001",
		"@",
		"@-",
		"@+5",
		"@ 5",
		"@5.",
		"@.5",
		"@5.5Z",
		"@5s",
		"@--5",
		"@9223372036854775808",
		"5@",
		"2022-01-01T24:00:00Z",
		"2022-01-01T00:60:00Z",
		"2022-01-01T00:00:60Z",
		"2022-01-01T00:00:00",
		"2022-01-01T00:00:00.Z",
		"2022-01-01T00:00:00+1:00",
		"2022-01-01T00:00:00+24:00",
		"2022-01-01T00:00:00Z ",
		" 1",
		"1 ",
		"+1",
		"1.5",
		"1e3",
		"0x10",
		"2022-1-1",
		"9999999999999999999",
		"\xff\xfe",
	};
	int64_t sec;
	uint32_t nsec;
	for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++)
		ck_assert_msg(parse_time(malformed[i], &sec, &nsec) == SNOWID_E_SYNTAX, "\"%s\"",
			      malformed[i]);
	EXPECT(snowid_time_parse("1645557742001\0", 14, &sec, &nsec), SNOWID_E_SYNTAX);
	EXPECT(parse_time("1582-10-14T23:59:59.999Z", &sec, &nsec), SNOWID_E_RANGE);
	EXPECT(parse_time("@253402300800", &sec, &nsec), SNOWID_E_RANGE);
	EXPECT(parse_time("@1645557742001", &sec, &nsec), SNOWID_E_RANGE);
	EXPECT_DETAIL("without the @");
	EXPECT(parse_time("@-9223372036854775807.9", &sec, &nsec), SNOWID_E_RANGE);
	EXPECT(parse_time("9999-12-31T23:59:59-00:01", &sec, &nsec), SNOWID_E_RANGE);
	EXPECT(snowid_time_parse(NULL, 0, &sec, &nsec), SNOWID_E_INVALID);
	EXPECT(snowid_time_parse("0", 1, NULL, &nsec), SNOWID_E_INVALID);
	EXPECT(snowid_time_parse("0", 1, &sec, NULL), SNOWID_E_INVALID);
}

/* ---- errors ---------------------------------------------------------------------------------- */

TEST(an_integer_that_could_be_anything_is_refused_with_its_readings)
{
	static const struct {
		const char *text, *readings;
	} cases[] = {
		{"1704067200", "\"1704067200\" could be seconds (write @1704067200: "
			       "2024-01-01T00:00:00.000Z), or milliseconds (write "
			       "1970-01-20T17:21:07.200Z)"},
		{"2024", "\"2024\" could be a date (write 2024-01-01), or seconds (write @2024: "
			 "1970-01-01T00:33:44.000Z), or milliseconds (write "
			 "1970-01-01T00:00:02.024Z)"},
		{"202401", "could be a date (write 2024-01), or seconds"},
		{"20240103193000",
		 "could be a date (write 20240103T193000Z), or milliseconds (write "
		 "2611-05-21T10:53:13.000Z), or microseconds (write "
		 "1970-08-23T06:15:03.193Z)"},
		{"1704067200123456", "could be microseconds (write 2024-01-01T00:00:00.123456Z)"},
		{"1704067200123456789",
		 "could be nanoseconds (write 2024-01-01T00:00:00.123456789Z)"},
		{"-5", "could be seconds (write @-5: 1969-12-31T23:59:55.000Z)"},
		{"0", "could be seconds (write @0: 1970-01-01T00:00:00.000Z)"},
		{"20241301", "could be seconds (write @20241301: "},
		{"99999999999999999999", "is not an instant; write ISO 8601"},
	};
	int64_t sec;
	uint32_t nsec;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		EXPECT(parse_time(cases[i].text, &sec, &nsec), SNOWID_E_SYNTAX);
		EXPECT_DETAIL(cases[i].readings);
	}
}

TEST(a_missing_time_zone_is_named)
{
	int64_t sec;
	uint32_t nsec;
	EXPECT(parse_time("2024-01-03T19:30:00", &sec, &nsec), SNOWID_E_SYNTAX);
	EXPECT_DETAIL("\"2024-01-03T19:30:00\" has no time zone; add Z for UTC");
	EXPECT(parse_time("20240103T1930", &sec, &nsec), SNOWID_E_SYNTAX);
	EXPECT_DETAIL("has no time zone");
}

TEST(long_texts_are_cut_off_in_errors)
{
	char text[500];
	int64_t sec;
	uint32_t nsec;
	memset(text, '1', sizeof text);
	EXPECT(snowid_time_parse(text, sizeof text, &sec, &nsec), SNOWID_E_SYNTAX);
	EXPECT_DETAIL("111\" is not an instant");
	text[0] = '@';
	text[2] = '.';
	memset(text + 3, '0', sizeof text - 3);
	OK(snowid_time_parse(text, sizeof text, &sec, &nsec));
	ck_assert(sec == 1 && nsec == 0);
}

/* ---- periods --------------------------------------------------------------------------------- */

TEST(a_period_is_all_the_time_that_a_text_means)
{
	static const struct {
		const char *text, *from, *before;
	} cases[] = {
		{"2024-01", "2024-01-01T00:00:00.000Z", "2024-02-01T00:00:00.000Z"},
		{"2024-02", "2024-02-01T00:00:00.000Z", "2024-03-01T00:00:00.000Z"},
		{"2023-12", "2023-12-01T00:00:00.000Z", "2024-01-01T00:00:00.000Z"},
		{"2024-01-31", "2024-01-31T00:00:00.000Z", "2024-02-01T00:00:00.000Z"},
		{"20240131", "2024-01-31T00:00:00.000Z", "2024-02-01T00:00:00.000Z"},
		{"2024-01-03T19:30Z", "2024-01-03T19:30:00.000Z", "2024-01-03T19:31:00.000Z"},
		{"2024-01-03T19:30:59+01:00", "2024-01-03T18:30:59.000Z",
		 "2024-01-03T18:31:00.000Z"},
		{"20240103T193000Z", "2024-01-03T19:30:00.000Z", "2024-01-03T19:30:01.000Z"},
		{"2024-01-03T19:30:00.5Z", "2024-01-03T19:30:00.500Z", "2024-01-03T19:30:00.600Z"},
		{"2024-01-03T19:30:00.9Z", "2024-01-03T19:30:00.900Z", "2024-01-03T19:30:01.000Z"},
		{"2024-01-03T19:30:00.50Z", "2024-01-03T19:30:00.500Z", "2024-01-03T19:30:00.510Z"},
		{"2024-01-03T19:30:00.123456Z", "2024-01-03T19:30:00.123456Z",
		 "2024-01-03T19:30:00.123457Z"},
		{"2024-01-03T19:30:00.1234567891Z", "2024-01-03T19:30:00.123456789Z",
		 "2024-01-03T19:30:00.123456790Z"},
		{"1704067200999", "2024-01-01T00:00:00.999Z", "2024-01-01T00:00:01.000Z"},
		{"@1704067200", "2024-01-01T00:00:00.000Z", "2024-01-01T00:00:01.000Z"},
		{"@-1", "1969-12-31T23:59:59.000Z", "1970-01-01T00:00:00.000Z"},
		{"@-1.5", "1969-12-31T23:59:58.500Z", "1969-12-31T23:59:58.600Z"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char from[SNOWID_TIME_TEXT], before[SNOWID_TIME_TEXT];
		int64_t from_sec, before_sec;
		uint32_t from_nsec, before_nsec;
		OK(snowid_period_parse(cases[i].text, strlen(cases[i].text), &from_sec, &from_nsec,
				       &before_sec, &before_nsec));
		OK(snowid_time_format(from_sec, from_nsec, from));
		OK(snowid_time_format(before_sec, before_nsec, before));
		ck_assert_str_eq(from, cases[i].from);
		ck_assert_str_eq(before, cases[i].before);
	}
}

TEST(the_last_period_ends_with_the_year_9999)
{
	static const char *const texts[] = {"9999-12", "9999-12-31", "9999-12-31T23:59Z",
					    "@253402300799", "9999-12-31T23:59:59.9Z"};
	int64_t from_sec, before_sec;
	uint32_t from_nsec, before_nsec;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		OK(snowid_period_parse(texts[i], strlen(texts[i]), &from_sec, &from_nsec,
				       &before_sec, &before_nsec));
		ck_assert_int_eq(before_sec, SN_TIME_MAX + 1);
		ck_assert_uint_eq(before_nsec, 0);
	}
}

TEST(malformed_periods_are_rejected)
{
	int64_t from_sec = 1, before_sec;
	uint32_t from_nsec, before_nsec;
	EXPECT(snowid_period_parse("2024", 4, &from_sec, &from_nsec, &before_sec, &before_nsec),
	       SNOWID_E_SYNTAX);
	EXPECT(snowid_period_parse("1582-10", 7, &from_sec, &from_nsec, &before_sec, &before_nsec),
	       SNOWID_E_RANGE);
	ck_assert_int_eq(from_sec, 1);
	EXPECT(snowid_period_parse(NULL, 0, &from_sec, &from_nsec, &before_sec, &before_nsec),
	       SNOWID_E_INVALID);
	EXPECT(snowid_period_parse("@0", 2, NULL, &from_nsec, &before_sec, &before_nsec),
	       SNOWID_E_INVALID);
	EXPECT(snowid_period_parse("@0", 2, &from_sec, NULL, &before_sec, &before_nsec),
	       SNOWID_E_INVALID);
	EXPECT(snowid_period_parse("@0", 2, &from_sec, &from_nsec, NULL, &before_nsec),
	       SNOWID_E_INVALID);
	EXPECT(snowid_period_parse("@0", 2, &from_sec, &from_nsec, &before_sec, NULL),
	       SNOWID_E_INVALID);
}

/* ---- epochs ---------------------------------------------------------------------------------- */

TEST(an_epoch_may_be_any_number_of_milliseconds)
{
	static const struct {
		const char *text;
		int64_t sec;
		uint32_t nsec;
	} cases[] = {
		{"0", 0, 0},
		{"-1", -1, 999000000},
		{"1288834974657", 1288834974, 657000000},
		{"253402300799999", 253402300799, 999000000},
		{"2024-01-01", 1704067200, 0},
		{"@1704067200", 1704067200, 0},
	};
	int64_t sec;
	uint32_t nsec;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		OK(sn_epoch_parse(cases[i].text, strlen(cases[i].text), &sec, &nsec));
		ck_assert_int_eq(sec, cases[i].sec);
		ck_assert_uint_eq(nsec, cases[i].nsec);
	}
	EXPECT(sn_epoch_parse("253402300800000", 15, &sec, &nsec), SNOWID_E_RANGE);
	EXPECT(sn_epoch_parse("9999999999999999999", 19, &sec, &nsec), SNOWID_E_SYNTAX);
	EXPECT(sn_epoch_parse("x", 1, &sec, &nsec), SNOWID_E_SYNTAX);
}

/* ---- writing --------------------------------------------------------------------------------- */

TEST(times_are_written_with_the_decimals_they_need)
{
	char text[SNOWID_TIME_TEXT];
	OK(snowid_time_format(1645557742, 0, text));
	ck_assert_str_eq(text, "2022-02-22T19:22:22.000Z");
	OK(snowid_time_format(1645557742, 123000000, text));
	ck_assert_str_eq(text, "2022-02-22T19:22:22.123Z");
	OK(snowid_time_format(1645557742, 123456000, text));
	ck_assert_str_eq(text, "2022-02-22T19:22:22.123456Z");
	OK(snowid_time_format(1645557742, 123456700, text));
	ck_assert_str_eq(text, "2022-02-22T19:22:22.123456700Z");
	OK(snowid_time_format(SN_TIME_YEAR_0, 0, text));
	ck_assert_str_eq(text, "0000-01-01T00:00:00.000Z");
	EXPECT(snowid_time_format(SN_TIME_YEAR_0 - 1, 0, text), SNOWID_E_RANGE);
	EXPECT(snowid_time_format(SN_TIME_MAX + 1, 0, text), SNOWID_E_RANGE);
	EXPECT(snowid_time_format(0, 1000000000, text), SNOWID_E_RANGE);
	EXPECT(snowid_time_format(0, 0, NULL), SNOWID_E_INVALID);
}

TEST(calendar_agrees_with_gmtime)
{
	for (int64_t sec = SN_TIME_MIN; sec <= SN_TIME_MAX; sec += 86400 * 31 + 12345) {
		const time_t when = (time_t)sec;
		char text[SNOWID_TIME_TEXT], expected[64];
		struct tm tm;
		int64_t back;
		uint32_t nsec;

		OK(snowid_time_format(sec, 0, text));
		strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.000Z", gmtime_r(&when, &tm));
		OK(parse_time(text, &back, &nsec));
		if (strcmp(text, expected) != 0 || back != sec)
			ck_abort_msg("%s, and not %s", text, expected);
	}
}

int main(void)
{
	return run_tests(NULL, NULL);
}
