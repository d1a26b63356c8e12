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

#include "snowidd/clock/clocksource.h"
#include "snowidd/base/log.h"
#include "snowidd/clock/sntp.h"

struct clocksource {
	uv_timer_t timer;
	uv_poll_t steps;
	int step_notice; /* a timerfd that the kernel cancels when the clock is set; -1: there is none */
	struct sntp *sntp;
	struct clockwatch *watch;
	struct live *live;
	void (*judged)(void *user);
	void *user;
	int handles;
	bool told_refused;
};

static int64_t ns_of(const struct timespec *time)
{
	return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

/* Wall and elapsed time at one moment: the wall clock between two readings of the other that lie close
 * together. */
static void read_clocks(struct clock_reading *reading)
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < 5 && best > 1000; i++) {
		struct timespec before, wall, after;
		clock_gettime(CLOCK_BOOTTIME, &before);
		clock_gettime(CLOCK_REALTIME, &wall);
		clock_gettime(CLOCK_BOOTTIME, &after);
		const int64_t width = ns_of(&after) - ns_of(&before);
		if (width >= best)
			continue;
		best = width;
		reading->wall_ns = ns_of(&wall);
		reading->boot_ns = (uint64_t)(ns_of(&before) + width / 2);
	}
}

/* CLOCK_MONOTONIC is adjusted as the wall clock is, but for steps; its raw twin is not. Suspension counts in
 * neither. */
static void read_slew(struct clock_reading *reading)
{
	struct timespec raw, adjusted;

	clock_gettime(CLOCK_MONOTONIC_RAW, &raw);
	clock_gettime(CLOCK_MONOTONIC, &adjusted);
	reading->slewed_ns = ns_of(&adjusted) - ns_of(&raw);
}

/* Where a sandbox forbids even to ask, steps and NTP servers are what is left to judge by. */
static void tell_refused(struct clocksource *source, int error)
{
	if (!source->told_refused)
		log_event(LOG_LEVEL_WARNING,
			  "the kernel does not report whether the clock is synchronised",
			  "adjtimex", strerror(error), NULL);
	source->told_refused = true;
}

static void read_kernel(struct clocksource *source, struct clock_reading *reading)
{
	struct timex kernel;

	memset(&kernel, 0, sizeof kernel);
	const int state = adjtimex(&kernel);
	if (state < 0)
		tell_refused(source, errno);
	reading->synchronised = state >= 0 && state != TIME_ERROR && !(kernel.status & STA_UNSYNC);
	reading->estimated_error_ns = state >= 0 ? (int64_t)kernel.esterror * 1000 : 0;
}

static void look(struct clocksource *source)
{
	struct clock_reading reading;

	read_clocks(&reading);
	read_slew(&reading);
	read_kernel(source, &reading);
	clockwatch_read(source->watch, &reading);
	source->judged(source->user);
	if (source->sntp && source->live->settings->ntp_servers.count > 0)
		sntp_ask(source->sntp, &source->live->settings->ntp_servers);
}

static void on_timer(uv_timer_t *timer)
{
	look(timer->data);
}

static void on_measured(void *user, int64_t *ahead_ns, size_t count)
{
	struct clocksource *const source = user;

	clockwatch_measured(source->watch, ahead_ns, count);
	source->judged(source->user);
}

/* A timer that never comes, and is cancelled when the clock is set (timerfd_create(2)). */
static void arm(const struct clocksource *source)
{
	const struct itimerspec never = {.it_value = {.tv_sec = INT32_MAX}};

	timerfd_settime(source->step_notice, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never,
			NULL);
}

static void on_step(uv_poll_t *poll, int status, int events)
{
	struct clocksource *const source = poll->data;
	uint64_t count;

	(void)status;
	(void)events;
	if (read(source->step_notice, &count, sizeof count) < 0)
		log_event(LOG_LEVEL_DEBUG, "the kernel reports that the clock was set", NULL);
	arm(source);
	look(source);
}

static void start(struct clocksource *source)
{
	const uint64_t interval = source->live->settings->clock_interval / 1000000;
	uv_timer_start(&source->timer, on_timer, interval, interval);
}

struct clocksource *clocksource_new(uv_loop_t *loop, struct clockwatch *watch, struct live *live,
				    void (*judged)(void *user), void *user)
{
	struct clocksource *const source = calloc(1, sizeof *source);

	if (!source)
		return NULL;
	source->watch = watch;
	source->live = live_ref(live);
	source->judged = judged;
	source->user = user;
	source->timer.data = source->steps.data = source;
	uv_timer_init(loop, &source->timer);
	source->handles = 1;
	source->sntp = sntp_new(loop, on_measured, source);
	source->step_notice = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (source->step_notice >= 0 &&
	    uv_poll_init(loop, &source->steps, source->step_notice) == 0) {
		source->handles++;
		arm(source);
		uv_poll_start(&source->steps, UV_READABLE, on_step);
	}
	start(source);
	look(source);
	return source;
}

void clocksource_reload(struct clocksource *source, struct live *live)
{
	live_unref(source->live);
	source->live = live_ref(live);
	clockwatch_limits(source->watch, live->settings->clock_warn, live->settings->clock_refuse);
	start(source);
	look(source);
}

static void on_closed(uv_handle_t *handle)
{
	struct clocksource *const source = handle->data;

	if (--source->handles > 0)
		return;
	if (source->step_notice >= 0)
		close(source->step_notice);
	live_unref(source->live);
	free(source);
}

void clocksource_close(struct clocksource *source)
{
	const bool notices = source->handles > 1;

	sntp_close(source->sntp);
	uv_close((uv_handle_t *)&source->timer, on_closed);
	if (notices)
		uv_close((uv_handle_t *)&source->steps, on_closed);
}
