/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "libsnowid/base/instant.h"
#include "tests/unit/check.h"

/* math.h has them as float. */
#define ENDLESS   ((double)INFINITY)
#define NO_NUMBER ((double)NAN)

static const int64_t tried_seconds[] = {
	0,          1,          1000000,    8388607,    8388608,    1288834974,
	1609459200, 1704067200, 1893456000, 4102444800, 8589934591,
};

static void check_back(int64_t sec, uint32_t nsec)
{
	int64_t back_sec;
	uint32_t back_nsec;
	OK(snowid_time_from_seconds((double)sec + nsec / 1e9, &back_sec, &back_nsec));
	if (back_sec != sec || back_nsec != nsec)
		ck_abort_msg("%lld.%09u comes back as %lld.%09u", (long long)sec, nsec,
			     (long long)back_sec, back_nsec);
}

TEST_EACH(every_millisecond_comes_back_exactly, sizeof tried_seconds / sizeof tried_seconds[0])
{
	for (uint32_t ms = 0; ms < 1000; ms++) {
		check_back(tried_seconds[nth], ms * 1000000);
		check_back(-tried_seconds[nth], ms * 1000000);
	}
}

TEST_EACH(microseconds_come_back_exactly, sizeof tried_seconds / sizeof tried_seconds[0])
{
	for (uint32_t us = 0; us < 1000000; us += 7)
		check_back(tried_seconds[nth], us * 1000);
}

/* Below 2^23 s, doubles tell nanoseconds apart. */
TEST(nanoseconds_of_small_numbers_come_back_exactly)
{
	for (uint32_t ns = 0; ns < 1000000000; ns += 9973) {
		check_back(0, ns);
		check_back(8388607, ns);
	}
}

TEST(a_number_is_rounded_to_what_doubles_can_tell_apart)
{
	static const struct {
		double seconds;
		int64_t sec;
		uint32_t nsec;
	} cases[] = {
		{0.0, 0, 0},
		{-0.0, 0, 0},
		{0.1, 0, 100000000},
		{-0.5, -1, 500000000},
		{1704067200.123, 1704067200, 123000000},
		{1704067200.1234567, 1704067200, 123457000},
		{1704067200.9999999, 1704067201, 0},
		{-1704067200.123, -1704067201, 877000000},
		{0.9999999999, 1, 0},
		{1e-9, 0, 1},
		{4e-10, 0, 0},
		{100000000000.1234, 100000000000, 123400000}, /* in the year 5138 */
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t sec;
		uint32_t nsec;
		OK(snowid_time_from_seconds(cases[i].seconds, &sec, &nsec));
		ck_assert_msg(sec == cases[i].sec && nsec == cases[i].nsec, "%.17g is %lld.%09u",
			      cases[i].seconds, (long long)sec, nsec);
	}
}

TEST(numbers_that_are_no_seconds_are_refused)
{
	static const double numbers[] = {NO_NUMBER,      ENDLESS,        -ENDLESS,
					 1e300,          -1e300,         1e19,
					 253402300800.0, -12219292801.0, 253402300799.999999};
	int64_t sec = 5;
	uint32_t nsec;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		EXPECT(snowid_time_from_seconds(numbers[i], &sec, &nsec), SNOWID_E_RANGE);
	ck_assert_int_eq(sec, 5);
	OK(snowid_time_from_seconds(253402300799.0, &sec, &nsec));
	OK(snowid_time_from_seconds(-12219292800.0, &sec, &nsec));
	EXPECT(snowid_time_from_seconds(0, NULL, &nsec), SNOWID_E_INVALID);
	EXPECT(snowid_time_from_seconds(0, &sec, NULL), SNOWID_E_INVALID);
}

TEST(numbers_in_another_unit_are_named)
{
	int64_t sec;
	uint32_t nsec;
	EXPECT(snowid_time_from_seconds(1704067200000.0, &sec, &nsec), SNOWID_E_RANGE);
	EXPECT_DETAIL("1704067200000 s is outside the years 1582 to 9999; as milliseconds it would "
		      "be in 2024: divide it by 1000");
	EXPECT(snowid_time_from_seconds(1704067200e6, &sec, &nsec), SNOWID_E_RANGE);
	EXPECT_DETAIL("as microseconds it would be in 2024: divide it by 1000000");
	EXPECT(snowid_time_from_seconds(1704067200e9, &sec, &nsec), SNOWID_E_RANGE);
	EXPECT_DETAIL("as nanoseconds it would be in 2024: divide it by 1000000000");
}

TEST(what_is_not_a_number_is_called_so)
{
	int64_t sec;
	uint32_t nsec;
	uint64_t ns;
	EXPECT(snowid_time_from_seconds(NO_NUMBER, &sec, &nsec), SNOWID_E_RANGE);
	EXPECT_DETAIL("not a number");
	EXPECT(snowid_span_from_seconds(NO_NUMBER, &ns), SNOWID_E_RANGE);
	EXPECT_DETAIL("not a number");
}

TEST(spans_of_seconds_are_rounded_alike)
{
	static const struct {
		double seconds;
		uint64_t ns;
	} cases[] = {
		{0.0, 0},
		{-0.0, 0},
		{0.005, 5000000},
		{0.1, 100000000},
		{2.0, UINT64_C(2000000000)},
		{1e-9, 1},
		{3600.000001, UINT64_C(3600000001000)},
		{18446744073.0, UINT64_C(18446744073000000000)},
	};
	uint64_t ns;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		OK(snowid_span_from_seconds(cases[i].seconds, &ns));
		ck_assert_uint_eq(ns, cases[i].ns);
	}
}

TEST(negative_and_endless_spans_are_refused)
{
	static const double numbers[] = {-1e-9,   -1.0,  -ENDLESS,      NO_NUMBER,
					 ENDLESS, 1e300, 18446744074.0, 0x1p35};
	uint64_t ns = 5;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		EXPECT(snowid_span_from_seconds(numbers[i], &ns), SNOWID_E_RANGE);
	ck_assert_uint_eq(ns, 5);
	EXPECT(snowid_span_from_seconds(0, NULL), SNOWID_E_INVALID);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
