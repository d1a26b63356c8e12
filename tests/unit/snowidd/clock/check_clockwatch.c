/* SPDX-License-Identifier: MIT
 *
 * Whether the clock can be trusted, from readings and measurements that the tests make up.
 */
#include "snowidd/base/log.h"
#include "snowidd/clock/clockwatch.h"
#include "tests/unit/check.h"

struct watched_host {
	struct clockwatch *watch;
	struct clock_reading now;
	struct clock_state state;
};

static struct watched_host watch_host(void)
{
	struct watched_host host = {
		.watch = clockwatch_new(100 * MS, 1 * SEC),
		.now = {.wall_ns = 1700000000 * SEC, .boot_ns = 5000 * SEC},
	};
	ck_assert_ptr_nonnull(host.watch);
	log_open(LOG_LEVEL_ERROR, false, false);
	clockwatch_add_reading(host.watch, &host.now);
	return host;
}

/* Ten seconds pass, during which the clock is stepped. */
static enum clock_verdict verdict_after_step(struct watched_host *host, int64_t step)
{
	host->now.boot_ns += 10 * SEC;
	host->now.wall_ns += 10 * SEC + step;
	clockwatch_add_reading(host->watch, &host->now);
	clockwatch_state(host->watch, &host->state);
	return host->state.verdict;
}

static enum clock_verdict verdict_after_ntp(struct watched_host *host, size_t count,
					    const int64_t *offsets)
{
	int64_t copy[8];

	for (size_t i = 0; i < count; i++)
		copy[i] = offsets[i];
	clockwatch_add_measurement(host->watch, copy, count);
	clockwatch_state(host->watch, &host->state);
	return host->state.verdict;
}

TEST(a_steady_clock_is_good)
{
	struct watched_host host = watch_host();

	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(verdict_after_step(&host, 0), CLOCK_GOOD);
	ck_assert_uint_eq(host.state.steps, 0);
	ck_assert_str_eq(host.state.reason, "");
	clockwatch_free(host.watch);
}

TEST(steps_in_both_directions_have_the_same_limits)
{
	static const struct {
		int64_t step;
		enum clock_verdict verdict;
	} cases[] = {
		{100 * MS, CLOCK_GOOD},      {101 * MS, CLOCK_WARN},
		{-101 * MS, CLOCK_WARN},     {1000 * MS, CLOCK_WARN},
		{1001 * MS, CLOCK_REFUSE},   {-1001 * MS, CLOCK_REFUSE},
		{-3600 * SEC, CLOCK_REFUSE}, {86400 * SEC, CLOCK_REFUSE},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct watched_host host = watch_host();
		ck_assert_int_eq(verdict_after_step(&host, cases[i].step), cases[i].verdict);
		ck_assert_int_eq(host.state.drift_ns, cases[i].step);
		ck_assert_str_eq(host.state.measured_by, "steps");
		ck_assert_uint_eq(host.state.steps, 1);
		ck_assert_int_eq(host.state.reason[0] != '\0', cases[i].verdict != CLOCK_GOOD);
		clockwatch_free(host.watch);
	}
}

TEST(a_step_counts_until_the_clock_is_stepped_back)
{
	struct watched_host host = watch_host();

	ck_assert_int_eq(verdict_after_step(&host, 2 * SEC), CLOCK_REFUSE);
	ck_assert_int_eq(verdict_after_step(&host, 0), CLOCK_REFUSE);
	ck_assert_int_eq(verdict_after_step(&host, -SEC), CLOCK_WARN);
	ck_assert_int_eq(verdict_after_step(&host, -SEC), CLOCK_GOOD);
	ck_assert_uint_eq(host.state.steps, 3);
	clockwatch_free(host.watch);
}

TEST(small_steps_add_up)
{
	struct watched_host host = watch_host();

	for (int i = 0; i < 10; i++)
		ck_assert_int_ne(verdict_after_step(&host, 100 * MS), CLOCK_REFUSE);
	ck_assert_int_eq(verdict_after_step(&host, 100 * MS), CLOCK_REFUSE);
	clockwatch_free(host.watch);
}

TEST(the_kernel_confirms_a_step)
{
	struct watched_host host = watch_host();

	/* A time daemon corrects a clock that was wrong, and then sets the flag. */
	ck_assert_int_eq(verdict_after_step(&host, 5 * SEC), CLOCK_REFUSE);
	host.now.synchronised = true;
	ck_assert_int_eq(verdict_after_step(&host, 0), CLOCK_GOOD);
	ck_assert(host.state.synchronised);
	/* Losing the flag is not drift. */
	host.now.synchronised = false;
	ck_assert_int_eq(verdict_after_step(&host, 0), CLOCK_GOOD);
	/* An administrator sets the clock, which clears the flag. */
	ck_assert_int_eq(verdict_after_step(&host, -5 * SEC), CLOCK_REFUSE);
	clockwatch_free(host.watch);
}

TEST(a_leap_second_is_not_drift)
{
	struct watched_host host = watch_host();

	host.now.synchronised = true;
	ck_assert_int_eq(verdict_after_step(&host, -SEC), CLOCK_GOOD);
	ck_assert_uint_eq(host.state.steps, 1);
	clockwatch_free(host.watch);
}

TEST(the_kernels_estimate_counts_while_synchronised)
{
	struct watched_host host = watch_host();

	host.now.estimated_error_ns = 15 * SEC;
	ck_assert_int_eq(verdict_after_step(&host, 0), CLOCK_GOOD);
	host.now.synchronised = true;
	ck_assert_int_eq(verdict_after_step(&host, 0), CLOCK_REFUSE);
	host.now.estimated_error_ns = CLOCK_ERROR_UNKNOWN;
	ck_assert_int_eq(verdict_after_step(&host, 0), CLOCK_GOOD);
	ck_assert_int_eq(host.state.drift_ns, 0);
	host.now.estimated_error_ns = 15 * SEC;
	ck_assert_int_eq(verdict_after_step(&host, 0), CLOCK_REFUSE);
	ck_assert_str_eq(host.state.measured_by, "kernel");
	host.now.estimated_error_ns = 200 * MS;
	ck_assert_int_eq(verdict_after_step(&host, 0), CLOCK_WARN);
	clockwatch_free(host.watch);
}

/* A time daemon slews; less than that corrects an ordinary crystal. */
TEST(slewing_is_counted)
{
	struct watched_host host = watch_host();
	static const struct {
		int64_t slewed;
		uint64_t slews;
	} tens[] = {
		{0, 0},
		{500 * MS / 1000, 0}, /* 50 ppm */
		{5 * MS, 1},          /* 500 ppm: adjtime(3) starts */
		{5 * MS, 1},          /* and continues */
		{0, 2},
		{-100 * MS, 3}, /* 1 % */
		{-100 * MS - 900 * MS / 1000, 3},
		{0, 4},
	};

	for (size_t i = 0; i < sizeof tens / sizeof tens[0]; i++) {
		host.now.slewed_ns += tens[i].slewed;
		verdict_after_step(&host, 0);
		ck_assert_uint_eq(host.state.slews, tens[i].slews);
	}
	/* Readings too close to each other give no rate, but add up to one. */
	for (int i = 0; i < 10; i++) {
		host.now.boot_ns += SEC / 10;
		host.now.wall_ns += SEC / 10;
		host.now.slewed_ns += i % 2 ? -60000 : 61000 + 400000;
		clockwatch_add_reading(host.watch, &host.now);
		clockwatch_state(host.watch, &host.state);
		ck_assert_uint_eq(host.state.slews, i < 9 ? 4 : 5);
	}
	ck_assert_uint_eq(host.state.steps, 0);
	clockwatch_free(host.watch);
}

TEST(ntp_overrides_the_kernel)
{
	struct watched_host host = watch_host();
	const int64_t fast = 1500 * MS, good = 3 * MS;

	host.now.synchronised = true;
	ck_assert_int_eq(verdict_after_step(&host, 0), CLOCK_GOOD);
	ck_assert_int_eq(verdict_after_ntp(&host, 1, &fast), CLOCK_REFUSE);
	ck_assert_int_eq(host.state.drift_ns, fast);
	ck_assert_str_eq(host.state.measured_by, "ntp");
	/* A step that corrects the clock counts before the next measurement. */
	ck_assert_int_eq(verdict_after_step(&host, -fast), CLOCK_GOOD);
	ck_assert_int_eq(verdict_after_ntp(&host, 1, &good), CLOCK_GOOD);
	/* So does a step that makes it wrong, whatever the kernel reports. */
	ck_assert_int_eq(verdict_after_step(&host, 2 * SEC), CLOCK_REFUSE);
	clockwatch_free(host.watch);
}

TEST(one_wrong_server_among_three)
{
	struct watched_host host = watch_host();
	const int64_t one_wrong[] = {-3600 * SEC, 2 * MS, 4 * MS}, even[] = {10 * MS, 400 * MS},
		      two_wrong[] = {INT64_MAX, INT64_MIN, 7 * MS};

	ck_assert_int_eq(verdict_after_ntp(&host, 3, one_wrong), CLOCK_GOOD);
	ck_assert_int_eq(host.state.drift_ns, 2 * MS);
	ck_assert_int_eq(verdict_after_ntp(&host, 2, even), CLOCK_WARN);
	ck_assert_int_eq(host.state.drift_ns, 205 * MS);
	ck_assert_int_eq(verdict_after_ntp(&host, 3, two_wrong), CLOCK_GOOD);
	clockwatch_free(host.watch);
}

TEST(a_measurement_is_dropped_after_three_silent_rounds)
{
	struct watched_host host = watch_host();
	const int64_t fast = 2 * SEC;

	ck_assert_int_eq(verdict_after_ntp(&host, 1, &fast), CLOCK_REFUSE);
	ck_assert_int_eq(verdict_after_ntp(&host, 0, NULL), CLOCK_REFUSE);
	ck_assert_int_eq(verdict_after_ntp(&host, 0, NULL), CLOCK_REFUSE);
	verdict_after_ntp(&host, 0, NULL);
	ck_assert_str_eq(host.state.measured_by, "kernel");
	ck_assert_uint_eq(host.state.unanswered, 3);
	clockwatch_free(host.watch);
}

TEST(limits_can_change)
{
	struct watched_host host = watch_host();

	ck_assert_int_eq(verdict_after_step(&host, 500 * MS), CLOCK_WARN);
	clockwatch_set_limits(host.watch, 10 * MS, 400 * MS);
	clockwatch_state(host.watch, &host.state);
	ck_assert_int_eq(host.state.verdict, CLOCK_REFUSE);
	clockwatch_free(host.watch);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
