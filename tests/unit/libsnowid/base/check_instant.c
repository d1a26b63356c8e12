/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <time.h>

#include "libsnowid/base/instant.h"
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
		{"0", 0, 0},
		{"1645557742001", 1645557742, 1000000},
		{"-1", -1, 999000000},
		{"-1000", -1, 0},
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
	EXPECT(snowid_time_parse("123\0", 4, &sec, &nsec), SNOWID_E_SYNTAX);
	EXPECT(parse_time("1582-10-14T23:59:59.999Z", &sec, &nsec), SNOWID_E_RANGE);
	EXPECT(parse_time("253402300800000", &sec, &nsec), SNOWID_E_RANGE);
	EXPECT(parse_time("9999-12-31T23:59:59-00:01", &sec, &nsec), SNOWID_E_RANGE);
	EXPECT(snowid_time_parse(NULL, 0, &sec, &nsec), SNOWID_E_INVALID);
	EXPECT(snowid_time_parse("0", 1, NULL, &nsec), SNOWID_E_INVALID);
	EXPECT(snowid_time_parse("0", 1, &sec, NULL), SNOWID_E_INVALID);
}

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

/* Counts from 1969-12-31T23:59:59 and epoch_nsec. */
static uint64_t t100ns_since(uint32_t epoch_nsec, int64_t sec, uint32_t nsec)
{
	return ((uint64_t)sec + 1) * 10000000 + nsec / 100 - epoch_nsec / 100;
}

/* Compares with division, for units that divide a second and units that do not. All are multiples
 * of 100 ns, in which 64 bits express 10,000 years. */
TEST(ticks_are_exact_for_every_unit)
{
	static const uint32_t units[] = {100,      200,       300,       700,       1000,
					 12800,    100000,    999900,    1000000,   3000000,
					 10000000, 250000000, 333333300, 999999900, 1000000000};
	static const uint32_t epochs_nsec[] = {0, 100, 721000000, 999999900};
	static const int64_t secs[] = {0, 1, 59, 1645557742, 253402300798};
	static const uint32_t nsecs[] = {0, 1, 99, 100, 999999, 1000000, 499999999, 999999999};

	for (size_t u = 0; u < sizeof units / sizeof units[0]; u++)
		for (size_t e = 0; e < sizeof epochs_nsec / sizeof epochs_nsec[0]; e++) {
			struct sn_timebase base;
			sn_timebase_init(&base, -1, epochs_nsec[e], units[u]);
			for (size_t i = 0; i < 5 * 8; i++) {
				const int64_t sec = secs[i / 8];
				const uint32_t nsec = nsecs[i % 8];
				const uint64_t t100ns = t100ns_since(epochs_nsec[e], sec, nsec);
				const uint64_t tick = sn_timebase_tick(&base, sec, nsec);
				ck_assert_uint_eq(tick, t100ns / (units[u] / 100));

				int64_t begin_sec;
				uint32_t begin_nsec;
				ck_assert(sn_timebase_start(&base, tick, &begin_sec, &begin_nsec));
				ck_assert_uint_eq(sn_timebase_tick(&base, begin_sec, begin_nsec),
						  tick);
				const uint64_t begin =
					t100ns_since(epochs_nsec[e], begin_sec, begin_nsec);
				ck_assert_uint_eq(begin_nsec % 100, 0);
				ck_assert(begin <= t100ns && t100ns - begin < units[u] / 100);
			}
		}
}

TEST(ticks_are_exact_throughout_a_second)
{
	struct sn_timebase ms, t100ns;
	sn_timebase_init(&ms, 0, 0, 1000000);
	sn_timebase_init(&t100ns, 0, 0, 100);
	for (uint32_t nsec = 0; nsec < 1000000000; nsec += 997)
		if (sn_timebase_tick(&ms, 5, nsec) != 5000 + nsec / 1000000 ||
		    sn_timebase_tick(&t100ns, 5, nsec) != 50000000 + nsec / 100)
			ck_abort_msg("%u ns", nsec);
}

TEST(time_before_the_epoch_is_above_every_tick)
{
	static const uint32_t units[] = {100, 300, 1000000, 999999900, 1000000000};
	for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
		struct sn_timebase base;
		sn_timebase_init(&base, 1000, 500000000, units[u]);
		ck_assert_uint_eq(sn_timebase_tick(&base, 1000, 500000000), 0);
		ck_assert_uint_gt(sn_timebase_tick(&base, 1000, 0), sn_timebase_last_tick(&base));
	}
}

int main(void)
{
	return run_tests(NULL, NULL);
}
