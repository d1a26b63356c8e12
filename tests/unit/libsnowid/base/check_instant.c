/* SPDX-License-Identifier: MIT */
#include "libsnowid/base/instant.h"
#include "tests/unit/check.h"

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

TEST(ticks_after_the_year_9999_have_a_start)
{
	static const struct {
		uint32_t unit_ns;
		uint64_t tick;
		int64_t sec;
		uint32_t nsec;
	} cases[] = {
		/* 2^48 - 1 ms: 10889-08-02T05:31:50.655Z. */
		{1000000, UINT64_C(281474976710655), INT64_C(281474976710), 655000000},
		{100, UINT64_MAX, INT64_C(1844674407370), 955161500},
		{1000000, UINT64_MAX, INT64_C(18446744073709551), 615000000},
		{1000000000, INT64_MAX, INT64_MAX, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sn_timebase base;
		int64_t sec;
		uint32_t nsec;
		sn_timebase_init(&base, 0, 0, cases[i].unit_ns);
		ck_assert(sn_timebase_start(&base, cases[i].tick, &sec, &nsec));
		ck_assert_int_eq(sec, cases[i].sec);
		ck_assert_uint_eq(nsec, cases[i].nsec);
	}
}

TEST(starts_beyond_64_bits_of_seconds_are_refused)
{
	struct sn_timebase base;
	int64_t sec;
	uint32_t nsec;
	sn_timebase_init(&base, 0, 0, 1000000000);
	ck_assert(!sn_timebase_start(&base, (uint64_t)INT64_MAX + 1, &sec, &nsec));
	sn_timebase_init(&base, 1, 0, 1000000000);
	ck_assert(!sn_timebase_start(&base, INT64_MAX, &sec, &nsec));
	sn_timebase_init(&base, -1, 0, 1000000000);
	ck_assert(sn_timebase_start(&base, (uint64_t)INT64_MAX + 1, &sec, &nsec));
	ck_assert_int_eq(sec, INT64_MAX);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
