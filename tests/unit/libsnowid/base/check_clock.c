/* SPDX-License-Identifier: MIT */
#include "libsnowid/base/clock.h"
#include "tests/unit/processes.h"

static void expect_time_and_elapsed(struct snowid_clock *clock, int64_t sec, uint32_t nsec,
				    uint64_t elapsed)
{
	int64_t s;
	uint32_t n;
	uint64_t e;
	OK(snowid_clock_read(clock, &s, &n, &e));
	ck_assert_int_eq(s, sec);
	ck_assert_uint_eq(n, nsec);
	ck_assert_uint_eq(e, elapsed);
}

TEST(manual_clock_moves_only_when_told)
{
	struct snowid_clock *clock;
	OK(snowid_clock_new_manual(1000, 999999999, &clock));
	expect_time_and_elapsed(clock, 1000, 999999999, 0);
	OK(snowid_clock_advance(clock, 1));
	expect_time_and_elapsed(clock, 1001, 0, 1);
	OK(snowid_clock_step(clock, -1));
	expect_time_and_elapsed(clock, 1000, 999999999, 1);
	OK(snowid_clock_step(clock, -3000000000));
	expect_time_and_elapsed(clock, 997, 999999999, 1);
	OK(snowid_clock_step(clock, 2000000001));
	expect_time_and_elapsed(clock, 1000, 0, 1);
	OK(sn_clock_sleep(clock, 5000000000));
	expect_time_and_elapsed(clock, 1005, 0, 5000000001);
	snowid_clock_free(clock);
}

TEST(manual_clock_can_pass_1970_and_9999)
{
	struct snowid_clock *clock;
	OK(snowid_clock_new_manual(0, 0, &clock));
	OK(snowid_clock_step(clock, -1));
	expect_time_and_elapsed(clock, -1, 999999999, 0);
	OK(snowid_clock_step(clock, -1999999999));
	expect_time_and_elapsed(clock, -2, 0, 0);
	snowid_clock_free(clock);

	OK(snowid_clock_new_manual(253402300799, 0, &clock));
	OK(snowid_clock_advance(clock, 2000000000));
	expect_time_and_elapsed(clock, 253402300801, 0, 2000000000);
	snowid_clock_free(clock);
}

TEST(manual_clock_stays_in_its_range)
{
	struct snowid_clock *clock;
	EXPECT(snowid_clock_new_manual(0, 1000000000, &clock), SNOWID_E_RANGE);
	EXPECT(snowid_clock_new_manual(-62167219201, 0, &clock), SNOWID_E_RANGE);
	EXPECT(snowid_clock_new_manual(253402300800, 0, &clock), SNOWID_E_RANGE);
	OK(snowid_clock_new_manual(1000, 0, &clock));
	OK(snowid_clock_step(clock, INT64_MAX));
	EXPECT(snowid_clock_step(clock, 1), SNOWID_E_RANGE);
	EXPECT(snowid_clock_advance(clock, 1), SNOWID_E_RANGE);
	EXPECT(snowid_clock_advance(clock, UINT64_MAX), SNOWID_E_RANGE);
	EXPECT(sn_clock_sleep(clock, 1), SNOWID_E_RANGE);
	OK(snowid_clock_step(clock, -INT64_MAX));
	expect_time_and_elapsed(clock, 1000, 0, 0);
	OK(snowid_clock_advance(clock, 1));
	EXPECT(snowid_clock_advance(clock, UINT64_MAX), SNOWID_E_RANGE);
	expect_time_and_elapsed(clock, 1000, 1, 1);
	snowid_clock_free(clock);
}

TEST(children_share_a_manual_clock)
{
	struct snowid_clock *clock;
	OK(snowid_clock_new_manual(1000, 0, &clock));
	const pid_t child = fork();
	if (child == 0) {
		const int error = snowid_clock_step(clock, 7);
		const int second_error = snowid_clock_advance(clock, 5);
		snowid_clock_free(clock);
		_exit(error || second_error);
	}
	expect_success(child);
	expect_time_and_elapsed(clock, 1000, 12, 5);
	snowid_clock_free(clock);
}

struct custom_clock {
	int64_t sec;
	uint32_t nsec;
	uint64_t elapsed;
	uint64_t slept;
	int error;
};

static int custom_wall(void *user, int64_t *sec, uint32_t *nsec)
{
	const struct custom_clock *const custom = user;
	*sec = custom->sec;
	*nsec = custom->nsec;
	return custom->error;
}

static int custom_elapsed(void *user, uint64_t *ns)
{
	const struct custom_clock *const custom = user;
	*ns = custom->elapsed;
	return custom->error;
}

static int custom_sleep(void *user, uint64_t ns)
{
	struct custom_clock *const custom = user;
	custom->slept += ns;
	return custom->error;
}

TEST(callbacks_of_a_custom_clock_are_called)
{
	struct custom_clock custom = {.sec = 5, .nsec = 6, .elapsed = 7};
	struct snowid_clock *clock;
	OK(snowid_clock_new(custom_wall, custom_elapsed, custom_sleep, &custom, &clock));
	expect_time_and_elapsed(clock, 5, 6, 7);
	OK(sn_clock_sleep(clock, 8));
	ck_assert_uint_eq(custom.slept, 8);
	EXPECT(snowid_clock_step(clock, 1), SNOWID_E_KIND);
	EXPECT(snowid_clock_advance(clock, 1), SNOWID_E_KIND);
	custom.nsec = 1000000000;
	EXPECT(snowid_clock_read(clock, NULL, NULL, NULL), SNOWID_E_RANGE);
	custom.error = -5;
	EXPECT(snowid_clock_read(clock, NULL, NULL, NULL), -5);
	EXPECT(sn_clock_sleep(clock, 8), -5);
	snowid_clock_free(clock);
}

TEST(null_is_the_system_clock)
{
	int64_t sec;
	uint32_t nsec;
	uint64_t before, after;
	OK(snowid_clock_read(NULL, &sec, &nsec, &before));
	const time_t now = time(NULL);
	ck_assert_int_ge(now, sec);
	ck_assert_int_le(now, sec + 3600);
	OK(sn_clock_sleep(NULL, 1000));
	OK(snowid_clock_read(NULL, NULL, NULL, &after));
	ck_assert_uint_ge(after, before + 1000);
}

TEST(clock_calls_reject_null)
{
	struct snowid_clock *clock;
	EXPECT(snowid_clock_new(NULL, custom_elapsed, custom_sleep, NULL, &clock),
	       SNOWID_E_INVALID);
	EXPECT(snowid_clock_new(custom_wall, NULL, custom_sleep, NULL, &clock), SNOWID_E_INVALID);
	EXPECT(snowid_clock_new(custom_wall, custom_elapsed, NULL, NULL, &clock), SNOWID_E_INVALID);
	EXPECT(snowid_clock_new(custom_wall, custom_elapsed, custom_sleep, NULL, NULL),
	       SNOWID_E_INVALID);
	EXPECT(snowid_clock_new_manual(0, 0, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_clock_step(NULL, 1), SNOWID_E_INVALID);
	EXPECT(snowid_clock_advance(NULL, 1), SNOWID_E_INVALID);
	snowid_clock_free(NULL);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
