/* SPDX-License-Identifier: MIT */
#include <sys/wait.h>
#include <unistd.h>

#include "libsnowid/base/clock.h"
#include "tests/unit/check.h"

static void expect_at(struct snowid_clock *clock, int64_t sec, uint32_t nsec, uint64_t elapsed)
{
	int64_t s;
	uint32_t n;
	uint64_t e;
	OK(snowid_clock_read(clock, &s, &n, &e));
	ck_assert_int_eq(s, sec);
	ck_assert_uint_eq(n, nsec);
	ck_assert_uint_eq(e, elapsed);
}

TEST(a_manual_clock_moves_only_by_hand)
{
	struct snowid_clock *clock;
	OK(snowid_clock_new_manual(1000, 999999999, &clock));
	expect_at(clock, 1000, 999999999, 0);
	OK(snowid_clock_advance(clock, 1));
	expect_at(clock, 1001, 0, 1);
	OK(snowid_clock_step(clock, -1));
	expect_at(clock, 1000, 999999999, 1);
	OK(snowid_clock_step(clock, -3000000000));
	expect_at(clock, 997, 999999999, 1);
	OK(snowid_clock_step(clock, 2000000001));
	expect_at(clock, 1000, 0, 1);
	OK(sn_clock_sleep(clock, 5000000000));
	expect_at(clock, 1005, 0, 5000000001);
	snowid_clock_free(clock);
}

TEST(a_manual_clock_crosses_1970_and_9999)
{
	struct snowid_clock *clock;
	OK(snowid_clock_new_manual(0, 0, &clock));
	OK(snowid_clock_step(clock, -1));
	expect_at(clock, -1, 999999999, 0);
	OK(snowid_clock_step(clock, -1999999999));
	expect_at(clock, -2, 0, 0);
	snowid_clock_free(clock);

	OK(snowid_clock_new_manual(253402300799, 0, &clock));
	OK(snowid_clock_advance(clock, 2000000000));
	expect_at(clock, 253402300801, 0, 2000000000);
	snowid_clock_free(clock);
}

TEST(a_manual_clock_refuses_to_leave_its_range)
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
	expect_at(clock, 1000, 0, 0);
	OK(snowid_clock_advance(clock, 1));
	EXPECT(snowid_clock_advance(clock, UINT64_MAX), SNOWID_E_RANGE);
	expect_at(clock, 1000, 1, 1);
	snowid_clock_free(clock);
}

TEST(a_child_shares_a_manual_clock)
{
	struct snowid_clock *clock;
	int status;
	OK(snowid_clock_new_manual(1000, 0, &clock));
	const pid_t child = fork();
	if (child == 0) {
		snowid_clock_step(clock, 7);
		snowid_clock_advance(clock, 5);
		snowid_clock_free(clock);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	expect_at(clock, 1000, 12, 5);
	snowid_clock_free(clock);
}

struct own {
	int64_t sec;
	uint32_t nsec;
	uint64_t elapsed;
	uint64_t slept;
	int error;
};

static int own_wall(void *user, int64_t *sec, uint32_t *nsec)
{
	const struct own *const own = user;
	*sec = own->sec;
	*nsec = own->nsec;
	return own->error;
}

static int own_elapsed(void *user, uint64_t *ns)
{
	const struct own *const own = user;
	*ns = own->elapsed;
	return own->error;
}

static int own_sleep(void *user, uint64_t ns)
{
	struct own *const own = user;
	own->slept += ns;
	return own->error;
}

TEST(a_clock_of_the_callers_own_is_asked)
{
	struct own own = {.sec = 5, .nsec = 6, .elapsed = 7};
	struct snowid_clock *clock;
	OK(snowid_clock_new(own_wall, own_elapsed, own_sleep, &own, &clock));
	expect_at(clock, 5, 6, 7);
	OK(sn_clock_sleep(clock, 8));
	ck_assert_uint_eq(own.slept, 8);
	EXPECT(snowid_clock_step(clock, 1), SNOWID_E_KIND);
	EXPECT(snowid_clock_advance(clock, 1), SNOWID_E_KIND);
	own.nsec = 1000000000;
	EXPECT(snowid_clock_read(clock, NULL, NULL, NULL), SNOWID_E_RANGE);
	own.error = -5;
	EXPECT(snowid_clock_read(clock, NULL, NULL, NULL), -5);
	EXPECT(sn_clock_sleep(clock, 8), -5);
	snowid_clock_free(clock);
}

TEST(the_system_clock_stands_behind_null)
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

TEST(null_arguments_are_refused)
{
	struct snowid_clock *clock;
	EXPECT(snowid_clock_new(NULL, own_elapsed, own_sleep, NULL, &clock), SNOWID_E_INVALID);
	EXPECT(snowid_clock_new(own_wall, NULL, own_sleep, NULL, &clock), SNOWID_E_INVALID);
	EXPECT(snowid_clock_new(own_wall, own_elapsed, NULL, NULL, &clock), SNOWID_E_INVALID);
	EXPECT(snowid_clock_new(own_wall, own_elapsed, own_sleep, NULL, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_clock_new_manual(0, 0, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_clock_step(NULL, 1), SNOWID_E_INVALID);
	EXPECT(snowid_clock_advance(NULL, 1), SNOWID_E_INVALID);
	snowid_clock_free(NULL);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
