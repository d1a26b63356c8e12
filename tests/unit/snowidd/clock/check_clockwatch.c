/* SPDX-License-Identifier: MIT
 *
 * What the daemon makes of its clock: a test feeds the watch what the kernel and NTP would say.
 */
#include "snowidd/clock/clockwatch.h"
#include "snowidd/base/log.h"
#include "snowidd/clock/sntp.h"
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

/* ---- SNTP ------------------------------------------------------------------------------------ */

#define COOKIE UINT64_C(0x0123456789abcdef)

static void put(uint8_t *to, uint64_t sec, uint32_t fraction)
{
	const uint64_t value = sec << 32 | fraction;
	for (int i = 0; i < 8; i++)
		to[i] = (uint8_t)(value >> (56 - 8 * i));
}

/* An answer of a server whose clock shows these seconds since 1900, and a half. */
static void answer(uint8_t packet[SNTP_PACKET_SIZE], uint64_t sec)
{
	memset(packet, 0, SNTP_PACKET_SIZE);
	packet[0] = 4 << 3 | 4;
	packet[1] = 2;
	put(packet + 24, COOKIE >> 32, (uint32_t)COOKIE);
	put(packet + 32, sec, UINT32_C(1) << 31);
	put(packet + 40, sec, UINT32_C(1) << 31);
}

TEST(sntp_measures)
{
	static const struct {
		uint64_t server;        /* seconds since 1900 */
		int64_t sent, received; /* ns since 1970 */
		int64_t ahead;
	} cases[] = {
		/* 2,208,988,800 s lie between 1900 and 1970 (RFC 868). */
		{2208988800, 500 * MS, 500 * MS, 0},
		{2208988800 + 100, 100 * SEC + 400 * MS, 100 * SEC + 600 * MS, 0},
		{2208988800 + 100, 103 * SEC, 104 * SEC, 3 * SEC},
		{2208988800 + 100, 98 * SEC, 98 * SEC, -2500 * MS},
		/* Era 1 begins on 7 February 2036. */
		{0, 2085978496 * SEC + 500 * MS, 2085978496 * SEC + 500 * MS, 0},
		{0, 2085978495 * SEC + 500 * MS, 2085978495 * SEC + 500 * MS, -SEC},
		{UINT32_MAX, 2085978496 * SEC + 500 * MS, 2085978496 * SEC + 500 * MS, SEC},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t packet[SNTP_PACKET_SIZE];
		int64_t ahead = 0;
		answer(packet, cases[i].server);
		ck_assert(sntp_read_response(packet, sizeof packet, COOKIE, cases[i].sent,
					     cases[i].received, &ahead));
		ck_assert_msg(llabs(ahead - cases[i].ahead) <= 2, "case %zu: %lld", i,
			      (long long)ahead);
	}
}

TEST(sntp_believes_no_stranger)
{
	uint8_t good[SNTP_PACKET_SIZE], packet[SNTP_PACKET_SIZE];
	int64_t ahead;

	answer(good, 2208988800);
	ck_assert(sntp_read_response(good, sizeof good, COOKIE, 0, 1, &ahead));
	ck_assert(!sntp_read_response(good, sizeof good - 1, COOKIE, 0, 1, &ahead));
	ck_assert(!sntp_read_response(good, sizeof good, COOKIE + 1, 0, 1, &ahead));
	ck_assert(!sntp_read_response(good, sizeof good, COOKIE, 1, 0, &ahead));
	ck_assert(!sntp_read_response(good, sizeof good, COOKIE, 0, 3 * SEC, &ahead));
	static const struct {
		size_t at;
		uint8_t value;
	} cases[] = {
		{0, 4 << 3 | 3},          /* a client */
		{0, 4 << 3 | 5},          /* a broadcast */
		{0, 3 << 6 | 4 << 3 | 4}, /* not synchronised */
		{1, 0},                   /* kiss of death */
		{1, 16},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		memcpy(packet, good, sizeof packet);
		packet[cases[i].at] = cases[i].value;
		ck_assert_msg(!sntp_read_response(packet, sizeof packet, COOKIE, 0, 1, &ahead),
			      "case %zu", i);
	}
	memset(good + 40, 0, 8);
	ck_assert(!sntp_read_response(good, sizeof good, COOKIE, 0, 1, &ahead));
}

TEST(sntp_tells_nothing_of_itself)
{
	uint8_t packet[SNTP_PACKET_SIZE];

	sntp_write_request(COOKIE, packet);
	ck_assert_uint_eq(packet[0], 4 << 3 | 3);
	for (size_t i = 1; i < 40; i++)
		ck_assert_uint_eq(packet[i], 0);
	ck_assert_uint_eq(packet[40], 0x01);
	ck_assert_uint_eq(packet[47], 0xef);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
