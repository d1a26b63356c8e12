/* SPDX-License-Identifier: MIT
 *
 * What the daemon makes of its clock: a test feeds the watch what the kernel and NTP would say.
 */
#include "snowidd/base/log.h"
#include "snowidd/clock/clockwatch.h"
#include "tests/unit/check.h"

/* A host: its clocks, and what its kernel says of them. */
struct host {
	struct clockwatch *watch;
	struct clock_reading now;
	struct clock_state state;
};

static struct host start(void)
{
	struct host host = {
		.watch = clockwatch_new(100 * MS, 1 * SEC),
		.now = {.wall_ns = 1700000000 * SEC, .boot_ns = 5000 * SEC},
	};
	ck_assert_ptr_nonnull(host.watch);
	log_open(LOG_LEVEL_ERROR, false, false);
	clockwatch_add_reading(host.watch, &host.now);
	return host;
}

/* Ten seconds go by, in which the clock is set by `step`. */
static enum clock_verdict after(struct host *host, int64_t step)
{
	host->now.boot_ns += 10 * SEC;
	host->now.wall_ns += 10 * SEC + step;
	clockwatch_add_reading(host->watch, &host->now);
	clockwatch_state(host->watch, &host->state);
	return host->state.verdict;
}

static enum clock_verdict measured(struct host *host, size_t count, const int64_t *offsets)
{
	int64_t copy[8];

	for (size_t i = 0; i < count; i++)
		copy[i] = offsets[i];
	clockwatch_add_measurement(host->watch, copy, count);
	clockwatch_state(host->watch, &host->state);
	return host->state.verdict;
}

TEST(a_clock_that_runs_is_good)
{
	struct host host = start();

	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(after(&host, 0), CLOCK_GOOD);
	ck_assert_uint_eq(host.state.steps, 0);
	ck_assert_str_eq(host.state.reason, "");
	clockwatch_free(host.watch);
}

TEST(thresholds_in_both_directions)
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
		struct host host = start();
		ck_assert_int_eq(after(&host, cases[i].step), cases[i].verdict);
		ck_assert_int_eq(host.state.drift_ns, cases[i].step);
		ck_assert_str_eq(host.state.measured_by, "steps");
		ck_assert_uint_eq(host.state.steps, 1);
		ck_assert_int_eq(host.state.reason[0] != '\0', cases[i].verdict != CLOCK_GOOD);
		clockwatch_free(host.watch);
	}
}

TEST(a_step_stays_until_it_is_taken_back)
{
	struct host host = start();

	ck_assert_int_eq(after(&host, 2 * SEC), CLOCK_REFUSE);
	ck_assert_int_eq(after(&host, 0), CLOCK_REFUSE);
	ck_assert_int_eq(after(&host, -SEC), CLOCK_WARN);
	ck_assert_int_eq(after(&host, -SEC), CLOCK_GOOD);
	ck_assert_uint_eq(host.state.steps, 3);
	clockwatch_free(host.watch);
}

TEST(small_steps_add_up)
{
	struct host host = start();

	for (int i = 0; i < 10; i++)
		ck_assert_int_ne(after(&host, 100 * MS), CLOCK_REFUSE);
	ck_assert_int_eq(after(&host, 100 * MS), CLOCK_REFUSE);
	clockwatch_free(host.watch);
}

TEST(the_kernel_vouches_for_a_step)
{
	struct host host = start();

	/* A daemon sets a clock that was wrong; it calls it synchronised when it has done so. */
	ck_assert_int_eq(after(&host, 5 * SEC), CLOCK_REFUSE);
	host.now.synchronised = true;
	ck_assert_int_eq(after(&host, 0), CLOCK_GOOD);
	ck_assert(host.state.synchronised);
	/* Losing it is no drift. */
	host.now.synchronised = false;
	ck_assert_int_eq(after(&host, 0), CLOCK_GOOD);
	/* Somebody sets it by hand, which makes the kernel take its word back. */
	ck_assert_int_eq(after(&host, -5 * SEC), CLOCK_REFUSE);
	clockwatch_free(host.watch);
}

TEST(a_leap_second_is_no_drift)
{
	struct host host = start();

	host.now.synchronised = true;
	ck_assert_int_eq(after(&host, -SEC), CLOCK_GOOD);
	ck_assert_uint_eq(host.state.steps, 1);
	clockwatch_free(host.watch);
}

TEST(the_kernels_estimate_counts_while_synchronised)
{
	struct host host = start();

	host.now.estimated_error_ns = 16 * SEC; /* what it says before it knows */
	ck_assert_int_eq(after(&host, 0), CLOCK_GOOD);
	host.now.synchronised = true;
	ck_assert_int_eq(after(&host, 0), CLOCK_REFUSE);
	ck_assert_str_eq(host.state.measured_by, "kernel");
	host.now.estimated_error_ns = 200 * MS;
	ck_assert_int_eq(after(&host, 0), CLOCK_WARN);
	clockwatch_free(host.watch);
}

/* Adjustments that are no steps: as a time daemon slews, and as it corrects a crystal. */
TEST(slewing_is_noticed)
{
	struct host host = start();
	static const struct {
		int64_t slewed;
		uint64_t slews;
	} tens[] = {
		{0, 0},
		{500 * MS / 1000, 0}, /* 50 ppm */
		{5 * MS, 1},          /* 500 ppm: adjtime(3) begins */
		{5 * MS, 1},          /* and goes on */
		{0, 2},
		{-100 * MS, 3}, /* 1 % */
		{-100 * MS - 900 * MS / 1000, 3},
		{0, 4},
	};

	for (size_t i = 0; i < sizeof tens / sizeof tens[0]; i++) {
		host.now.slewed_ns += tens[i].slewed;
		after(&host, 0);
		ck_assert_uint_eq(host.state.slews, tens[i].slews);
	}
	/* Readings too close to each other tell nothing, and lose nothing. */
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

TEST(ntp_has_the_last_word)
{
	struct host host = start();
	const int64_t fast = 1500 * MS, good = 3 * MS;

	host.now.synchronised = true;
	ck_assert_int_eq(after(&host, 0), CLOCK_GOOD);
	ck_assert_int_eq(measured(&host, 1, &fast), CLOCK_REFUSE);
	ck_assert_int_eq(host.state.drift_ns, fast);
	ck_assert_str_eq(host.state.measured_by, "ntp");
	/* The step that corrects it counts at once, before the next measurement. */
	ck_assert_int_eq(after(&host, -fast), CLOCK_GOOD);
	ck_assert_int_eq(measured(&host, 1, &good), CLOCK_GOOD);
	/* And so does one that makes it wrong, whatever the kernel says. */
	ck_assert_int_eq(after(&host, 2 * SEC), CLOCK_REFUSE);
	clockwatch_free(host.watch);
}

TEST(one_liar_among_three)
{
	struct host host = start();
	const int64_t lies[] = {-3600 * SEC, 2 * MS, 4 * MS}, even[] = {10 * MS, 400 * MS},
		      right[] = {INT64_MAX, INT64_MIN, 7 * MS};

	ck_assert_int_eq(measured(&host, 3, lies), CLOCK_GOOD);
	ck_assert_int_eq(host.state.drift_ns, 2 * MS);
	ck_assert_int_eq(measured(&host, 2, even), CLOCK_WARN);
	ck_assert_int_eq(host.state.drift_ns, 205 * MS);
	ck_assert_int_eq(measured(&host, 3, right), CLOCK_GOOD);
	clockwatch_free(host.watch);
}

TEST(a_measurement_grows_old)
{
	struct host host = start();
	const int64_t fast = 2 * SEC;

	ck_assert_int_eq(measured(&host, 1, &fast), CLOCK_REFUSE);
	ck_assert_int_eq(measured(&host, 0, NULL), CLOCK_REFUSE);
	ck_assert_int_eq(measured(&host, 0, NULL), CLOCK_REFUSE);
	measured(&host, 0, NULL);
	ck_assert_str_eq(host.state.measured_by, "kernel");
	ck_assert_uint_eq(host.state.unanswered, 3);
	clockwatch_free(host.watch);
}

TEST(limits_can_change)
{
	struct host host = start();

	ck_assert_int_eq(after(&host, 500 * MS), CLOCK_WARN);
	clockwatch_set_limits(host.watch, 10 * MS, 400 * MS);
	clockwatch_state(host.watch, &host.state);
	ck_assert_int_eq(host.state.verdict, CLOCK_REFUSE);
	clockwatch_free(host.watch);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
