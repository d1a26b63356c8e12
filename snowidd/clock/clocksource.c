/* SPDX-License-Identifier: MIT
 *
 * Feeds a clock watch from this host.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "snowidd/base/elapsed.h"
#include "snowidd/base/log.h"
#include "snowidd/clock/clocksource.h"
#include "snowidd/clock/sntp.h"

/* What the kernel says before a time daemon has set it (NTP_PHASE_LIMIT of its ntp.c: 16 s). */
#define KERNEL_ERROR_UNKNOWN_US 16000000

struct clocksource {
	uv_timer_t timer;
	uv_poll_t set_poll;
	int set_notifier; /* a timerfd that the kernel cancels when the clock is set; -1: none */
	struct sntp_client *sntp;
	struct clockwatch *watch;
	void (*updated)(void *user);
	void *user;
	int open_handles;
	bool adjtimex_failure_logged;
};

static int64_t timespec_ns(const struct timespec *time)
{
	return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

/* Wall and elapsed time at the same moment: the wall clock is read between two readings of elapsed
 * time, again and again until those are close together. */
static void read_clocks(struct clock_reading *reading)
{
	uint64_t best_ns = UINT64_MAX;

	for (int i = 0; i < 5 && best_ns > 1000; i++) {
		struct timespec wall;
		const uint64_t before_ns = elapsed_ns();
		clock_gettime(CLOCK_REALTIME, &wall);
		const uint64_t width_ns = elapsed_ns() - before_ns;
		if (width_ns >= best_ns)
			continue;
		best_ns = width_ns;
		reading->wall_ns = timespec_ns(&wall);
		reading->boot_ns = before_ns + width_ns / 2;
	}
}

/* CLOCK_MONOTONIC is slewed like the wall clock, but not stepped; CLOCK_MONOTONIC_RAW is neither.
 * Both stop while the system is suspended. */
static void read_slew(struct clock_reading *reading)
{
	struct timespec raw, adjusted;

	clock_gettime(CLOCK_MONOTONIC_RAW, &raw);
	clock_gettime(CLOCK_MONOTONIC, &adjusted);
	reading->slewed_ns = timespec_ns(&adjusted) - timespec_ns(&raw);
}

/* A sandbox may forbid even to read it. Then only steps and NTP servers are left to go by. */
static void log_adjtimex_failure(struct clocksource *source, int error)
{
	if (!source->adjtimex_failure_logged)
		log_event(LOG_LEVEL_WARNING,
			  "the kernel does not report whether the clock is synchronised",
			  "adjtimex", strerror(error), NULL);
	source->adjtimex_failure_logged = true;
}

static void read_synchronisation(struct clocksource *source, struct clock_reading *reading)
{
	struct timex kernel;

	memset(&kernel, 0, sizeof kernel);
	const int state = adjtimex(&kernel);
	if (state < 0)
		log_adjtimex_failure(source, errno);
	reading->synchronised = state >= 0 && state != TIME_ERROR && !(kernel.status & STA_UNSYNC);
	reading->estimated_error_ns = state >= 0 && kernel.esterror < KERNEL_ERROR_UNKNOWN_US
					      ? (int64_t)kernel.esterror * 1000
					      : CLOCK_ERROR_UNKNOWN;
}

static void clocksource_update(struct clocksource *source)
{
	struct clock_reading reading;

	read_clocks(&reading);
	read_slew(&reading);
	read_synchronisation(source, &reading);
	clockwatch_add_reading(source->watch, &reading);
	source->updated(source->user);
	sntp_ask(source->sntp);
}

static void on_interval(uv_timer_t *timer)
{
	clocksource_update(timer->data);
}

static void on_ntp_measured(void *user, int64_t *ahead_ns, size_t count)
{
	struct clocksource *const source = user;

	clockwatch_add_measurement(source->watch, ahead_ns, count);
	source->updated(source->user);
}

/* A timer that never expires, and is cancelled when the clock is set (timerfd_create(2)). */
static void arm_set_notifier(const struct clocksource *source)
{
	const struct itimerspec never = {.it_value = {.tv_sec = INT32_MAX}};

	timerfd_settime(source->set_notifier, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never,
			NULL);
}

static void on_clock_set(uv_poll_t *poll, int status, int events)
{
	struct clocksource *const source = poll->data;
	uint64_t expirations;

	(void)status;
	(void)events;
	if (read(source->set_notifier, &expirations, sizeof expirations) < 0)
		log_event(LOG_LEVEL_DEBUG, "the kernel reports that the clock was set", NULL);
	arm_set_notifier(source);
	clocksource_update(source);
}

static void open_set_notifier(struct clocksource *source, uv_loop_t *loop)
{
	source->set_notifier = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (source->set_notifier < 0 ||
	    uv_poll_init(loop, &source->set_poll, source->set_notifier) != 0)
		return;
	source->open_handles++;
	source->set_poll.data = source;
	arm_set_notifier(source);
	uv_poll_start(&source->set_poll, UV_READABLE, on_clock_set);
}

struct clocksource *clocksource_new(uv_loop_t *loop, struct clockwatch *watch,
				    const struct clocksource_options *options,
				    void (*updated)(void *user), void *user)
{
	struct clocksource *const source = calloc(1, sizeof *source);

	if (!source)
		return NULL;
	source->watch = watch;
	source->updated = updated;
	source->user = user;
	source->sntp = sntp_new(loop, on_ntp_measured, source);
	if (!source->sntp) {
		free(source);
		return NULL;
	}
	source->timer.data = source;
	uv_timer_init(loop, &source->timer);
	source->open_handles = 1;
	open_set_notifier(source, loop);
	clocksource_set_options(source, options);
	return source;
}

void clocksource_set_options(struct clocksource *source, const struct clocksource_options *options)
{
	const uint64_t interval_ms = options->interval_ns / 1000000;

	sntp_set_servers(source->sntp, options->ntp_servers, options->ntp_server_count);
	uv_timer_start(&source->timer, on_interval, interval_ms, interval_ms);
	clocksource_update(source);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct clocksource *const source = handle->data;

	if (--source->open_handles > 0)
		return;
	if (source->set_notifier >= 0)
		close(source->set_notifier);
	free(source);
}

void clocksource_close(struct clocksource *source)
{
	const bool polls = source->open_handles > 1;

	sntp_close(source->sntp);
	uv_close((uv_handle_t *)&source->timer, on_handle_closed);
	if (polls)
		uv_close((uv_handle_t *)&source->set_poll, on_handle_closed);
}
