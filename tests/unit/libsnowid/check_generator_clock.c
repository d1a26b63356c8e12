/* SPDX-License-Identifier: MIT
 *
 * Generators on clocks that are set, stand still, fail, or leave the layout.
 */
#include <errno.h>
#include <stdatomic.h>

#include "tests/unit/kinds.h"

TEST(generator_waits_after_a_step_back_of_3_ms)
{
	struct snowid_clock *clock;
	struct snowid_generator *const g = open_on_manual_clock("snowflake", &clock);
	uint64_t a, b, wait;
	int64_t sec;
	uint32_t nsec;
	OK(snowid_generator_next(g, &a));
	OK(snowid_clock_step(clock, -3 * MS));
	EXPECT(snowid_generator_try_next(g, &b, &wait), SNOWID_E_CLOCK);
	ck_assert_uint_eq(wait, 3 * MS);
	OK(snowid_generator_next(g, &b));
	ck_assert_uint_eq(b, a + 1);
	OK(snowid_clock_read(clock, &sec, &nsec, NULL));
	ck_assert_int_eq(sec, START);
	ck_assert_uint_eq(nsec, 0);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_REGRESSIONS), 1);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_MAX_LAG_NS), 3 * MS);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_REFUSED), 0);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(generator_holds_after_a_step_back_of_500_ms)
{
	struct snowid_clock *clock;
	struct snowid_generator *const g = open_on_manual_clock("snowflake", &clock);
	uint64_t last, id;
	OK(snowid_generator_next(g, &last));
	OK(snowid_clock_step(clock, -SEC / 2));
	for (int i = 0; i < 20000; i++) { /* more than 4 ticks; the manual clock sleeps */
		OK(snowid_generator_next(g, &id));
		if (id <= last)
			ck_abort_msg("an ID is not above the one before");
		last = id;
	}
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_REGRESSIONS), 1);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_WAITS), 4);
	ck_assert_uint_le(stat_of(g, SNOWID_STAT_MAX_LEAD_NS), 501 * MS);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(generator_holds_in_a_leap_second_and_fails_after_a_step_back_of_10_s)
{
	struct snowid_clock *clock;
	struct snowid_generator *const g = open_on_manual_clock("snowflake", &clock);
	uint64_t last, id, wait;
	OK(snowid_generator_next(g, &last));
	OK(snowid_clock_step(clock, -SEC));
	OK(snowid_generator_next(g, &id));
	ck_assert_uint_eq(id, last + 1);
	OK(snowid_clock_step(clock, -9 * SEC));
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_CLOCK);
	EXPECT_DETAIL("10000.0000 ms");
	EXPECT(snowid_generator_try_next(g, &id, &wait), SNOWID_E_CLOCK);
	ck_assert_uint_eq(wait, 0);
	EXPECT(snowid_generator_available(g, &id), SNOWID_E_CLOCK);
	OK(snowid_clock_step(clock, 10 * SEC));
	OK(snowid_generator_next(g, &id));
	ck_assert_uint_eq(id, last + 2);
	ck_assert_uint_ge(stat_of(g, SNOWID_STAT_REFUSED), 2);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(with_wait_and_hold_0_every_step_back_fails)
{
	struct snowid_clock *clock;
	struct snowid_config *const config = kind_config("snowflake");
	uint64_t id;
	OK(snowid_config_set(config, "wait", "0"));
	OK(snowid_config_set(config, "hold", "0"));
	OK(snowid_clock_new_manual(START, 0, &clock));
	OK(snowid_config_set_clock(config, clock));
	struct snowid_generator *const g = open_config(config);
	for (int i = 0; i < 10000; i++) /* a tick that is used up is not a step */
		OK(snowid_generator_next(g, &id));
	OK(snowid_clock_step(clock, -MS));
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_CLOCK);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(generator_follows_a_step_forward)
{
	struct snowid_clock *clock;
	struct snowid_generator *const g = open_on_manual_clock("snowflake", &clock);
	uint64_t a, b;
	OK(snowid_generator_next(g, &a));
	OK(snowid_clock_step(clock, 3600 * SEC));
	OK(snowid_generator_next(g, &b));
	ck_assert_uint_eq(b - a, UINT64_C(3600000) << 22);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_REGRESSIONS), 0);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

struct frozen_clock {
	_Atomic uint64_t elapsed;
	_Atomic int64_t sec;
};

static int frozen_wall(void *user, int64_t *sec, uint32_t *nsec)
{
	struct frozen_clock *const f = user;
	*sec = atomic_load(&f->sec);
	*nsec = 0;
	return 0;
}

static int frozen_elapsed(void *user, uint64_t *ns)
{
	struct frozen_clock *const f = user;
	*ns = atomic_load(&f->elapsed);
	return 0;
}

static int frozen_sleep(void *user, uint64_t ns)
{
	struct frozen_clock *const f = user;
	atomic_fetch_add(&f->elapsed, ns);
	return 0;
}

TEST(clock_that_stands_still_fails_at_the_deadline)
{
	struct frozen_clock frozen = {0, START};
	struct snowid_clock *clock;
	struct snowid_config *const config = kind_config("snowflake");
	uint64_t id;
	OK(snowid_clock_new(frozen_wall, frozen_elapsed, frozen_sleep, &frozen, &clock));
	OK(snowid_config_set_clock(config, clock));
	struct snowid_generator *const g = open_config(config);
	atomic_store(&frozen.sec, START + 1);
	for (int i = 0; i < 4096; i++)
		OK(snowid_generator_next(g, &id));
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_EXHAUSTED);
	EXPECT_DETAIL("sequence of this tick is spent");
	ck_assert_uint_eq(atomic_load(&frozen.elapsed), 2000 * MS); /* the default timeout */
	EXPECT(snowid_generator_next_for(g, 7 * MS, &id), SNOWID_E_EXHAUSTED);
	ck_assert_uint_eq(atomic_load(&frozen.elapsed), 2007 * MS);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

static int broken_wall(void *user, int64_t *sec, uint32_t *nsec)
{
	const int *const broken = user;
	*sec = START;
	*nsec = 0;
	return *broken;
}

static int broken_elapsed(void *user, uint64_t *ns)
{
	const int *const broken = user;
	*ns = 0;
	return *broken;
}

static int broken_sleep(void *user, uint64_t ns)
{
	(void)user;
	(void)ns;
	return -EIO;
}

TEST(errors_of_the_clock_are_returned)
{
	int broken = 0;
	struct snowid_clock *clock;
	struct snowid_config *const config = kind_config("snowflake");
	uint64_t id, wait = 9;
	OK(snowid_clock_new(broken_wall, broken_elapsed, broken_sleep, &broken, &clock));
	OK(snowid_config_set_clock(config, clock));
	struct snowid_generator *g;
	OK(snowid_generator_new(config, &g));
	EXPECT(snowid_generator_next(g, &id), -EIO); /* of sleeping */
	broken = -ENODEV;
	EXPECT(snowid_generator_next(g, &id), -ENODEV);
	EXPECT(snowid_generator_try_next(g, &id, &wait), -ENODEV);
	ck_assert_uint_eq(wait, 0);
	snowid_generator_free(g);
	EXPECT(snowid_generator_new(config, &g), -ENODEV);
	snowid_config_free(config);
	snowid_clock_free(clock);
}

TEST(clock_outside_the_layout_fails)
{
	static const struct {
		const char *epoch, *first, *last; /* of a layout of 20 bits of 1 ms: 1048.576 s */
	} layout = {"time:20,worker:2,sequence:4;epoch=2024-01-01T00:00:00Z",
		    "2024-01-01T00:00:00Z", "2024-01-01T00:17:28.575Z"};
	struct snowid_clock *clock;
	struct snowid_config *const config = kind_config(layout.epoch);
	struct snowid_generator *g;
	int64_t first, last;
	uint32_t nsec;
	uint64_t id, wait;

	OK(snowid_time_parse(layout.first, strlen(layout.first), &first, &nsec));
	OK(snowid_time_parse(layout.last, strlen(layout.last), &last, &nsec));
	OK(snowid_clock_new_manual(first, 0, &clock));
	OK(snowid_config_set_clock(config, clock));
	OK(snowid_clock_step(clock, -1));
	EXPECT(snowid_generator_new(config, &g), SNOWID_E_EPOCH);
	OK(snowid_clock_step(clock, 1));
	OK(snowid_generator_new(config, &g));
	OK(snowid_clock_step(clock, -1));
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_EPOCH);
	OK(snowid_clock_step(clock, 1 + (last - first) * SEC + nsec));
	for (int i = 0; i < 16; i++) { /* the last tick */
		OK(snowid_generator_next(g, &id));
		ck_assert_uint_eq(id, (UINT64_C(0xfffff) << 6) + (1 << 4) + (uint64_t)i);
	}
	for (int i = 0; i < 3; i++) {
		EXPECT(snowid_generator_next(g, &id), SNOWID_E_ENDED);
		EXPECT(snowid_generator_try_next(g, &id, &wait), SNOWID_E_ENDED);
		ck_assert_uint_eq(wait, 0);
		OK(snowid_clock_advance(clock, MS));
	}
	EXPECT_DETAIL("2024-01-01T00:17:28.575Z");
	OK(snowid_clock_step(clock, -SEC));
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_ENDED);
	OK(snowid_clock_step(clock, SEC));
	snowid_generator_free(g);
	EXPECT(snowid_generator_new(config, &g), SNOWID_E_ENDED);
	snowid_config_free(config);
	snowid_clock_free(clock);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
