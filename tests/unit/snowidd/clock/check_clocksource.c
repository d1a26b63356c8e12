/* SPDX-License-Identifier: MIT
 *
 * What reaches the clock watch from this host, and from an NTP server that is part of the test.
 */
#include "snowidd/base/elapsed.h"
#include "snowidd/base/log.h"
#include "snowidd/clock/clocksource.h"
#include "tests/unit/snowidd/ntp_server.h"

static uv_loop_t loop;
static struct udp_server server;
static struct clockwatch *watch;
static struct clocksource *source;
static size_t updates;

static void on_updated(void *user)
{
	ck_assert_ptr_eq(user, &loop);
	updates++;
}

static void start_source(void)
{
	log_open(LOG_LEVEL_ERROR, false, false);
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	watch = clockwatch_new(100 * MS, 1 * SEC);
	ck_assert_ptr_nonnull(watch);
	updates = 0;
}

static void close_source(void)
{
	clocksource_close(source);
	udp_server_close(&server);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	clockwatch_free(watch);
}

TEST(the_clocks_are_read_at_once_and_with_new_options)
{
	const struct clocksource_options options = {.interval_ns = 3600 * SEC};
	struct clock_state state;

	source = clocksource_new(&loop, watch, &options, on_updated, &loop);
	ck_assert_ptr_nonnull(source);
	ck_assert_uint_eq(updates, 1);
	clocksource_set_options(source, &options);
	ck_assert_uint_eq(updates, 2);
	clockwatch_state(watch, &state);
	ck_assert_str_eq(state.measured_by, "kernel");
	ck_assert_uint_eq(state.steps, 0);
}

TEST(the_clocks_are_read_at_an_interval)
{
	const struct clocksource_options options = {.interval_ns = 1 * MS};

	source = clocksource_new(&loop, watch, &options, on_updated, &loop);
	ck_assert_ptr_nonnull(source);
	while (updates < 4)
		uv_run(&loop, UV_RUN_ONCE);
}

TEST(the_time_of_ntp_servers_reaches_the_watch)
{
	char text[32], *list[] = {text};
	struct clocksource_options options = {
		.interval_ns = 1 * MS, .ntp_servers = list, .ntp_server_count = 1};
	struct clock_state state;

	udp_server_open(&server, &loop, respond_as_ntp, 1);
	snprintf(text, sizeof text, "127.0.0.1:%d", server.port);
	ntp_server_ahead_sec = -50;
	source = clocksource_new(&loop, watch, &options, on_updated, &loop);
	ck_assert_ptr_nonnull(source);
	do {
		uv_run(&loop, UV_RUN_ONCE);
		clockwatch_state(watch, &state);
	} while (state.measurements == 0);
	ck_assert_str_eq(state.measured_by, "ntp");
	ck_assert_int_eq(state.verdict, CLOCK_REFUSE);
	ck_assert_int_gt(state.drift_ns, 48 * SEC);
	ck_assert_int_lt(state.drift_ns, 52 * SEC);
}

int main(void)
{
	return run_tests(start_source, close_source);
}
