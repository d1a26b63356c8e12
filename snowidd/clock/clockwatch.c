/* SPDX-License-Identifier: MIT
 *
 * Judges the wall clock.
 *
 * Wall time minus elapsed time changes by steps alone: a clock that is slewed takes both along. A step is
 * drift until somebody vouches for the new time: an NTP measurement, or the kernel, which takes its
 * "synchronised" back when the clock is set and gets it again from a time daemon.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "snowidd/clock/clockwatch.h"
#include "snowidd/base/log.h"

#define STEP_MIN_NS    2000000    /* below: the two clocks were not read at quite the same moment */
#define UNANSWERED_MAX 3          /* rounds after which a measurement is too old */
#define SLEW_TIME_MIN  1000000000 /* over which a rate can be told from the noise of readings, ns */
#define SLEW_MIN_PPM   100 /* a change of rate; below: the correction of an ordinary crystal */

struct clockwatch {
	pthread_mutex_t lock;
	uint64_t warn_ns, refuse_ns;
	bool begun, measured;
	int64_t base_ns;     /* wall minus elapsed time at the last reading */
	int64_t stepped_ns;  /* steps that nobody has vouched for */
	int64_t measured_ns; /* at the last measurement */
	unsigned missed;
	struct clock_reading rated; /* from which the rate is taken */
	double told_ppm;            /* the rate that was logged */
	struct clock_state state;
};

struct clockwatch *clockwatch_new(uint64_t warn_ns, uint64_t refuse_ns)
{
	struct clockwatch *const watch = calloc(1, sizeof *watch);

	if (!watch)
		return NULL;
	pthread_mutex_init(&watch->lock, NULL);
	watch->warn_ns = warn_ns;
	watch->refuse_ns = refuse_ns;
	watch->state.measured_by = "kernel";
	return watch;
}

void clockwatch_free(struct clockwatch *watch)
{
	if (!watch)
		return;
	pthread_mutex_destroy(&watch->lock);
	free(watch);
}

static void tell(const struct clock_state *state, enum clock_verdict before)
{
	char drift[32];

	if (state->verdict == before)
		return;
	snprintf(drift, sizeof drift, "%.3f", (double)state->drift_ns / 1e6);
	if (state->verdict == CLOCK_GOOD)
		log_event(LOG_LEVEL_INFO, "the clock is good again", "drift_ms", drift, NULL);
	else if (state->verdict == CLOCK_WARN)
		log_event(LOG_LEVEL_WARNING, "the clock drifts", "drift_ms", drift, "reason",
			  state->reason, NULL);
	else
		log_event(LOG_LEVEL_ERROR, "the clock is unsafe; IDs are refused", "drift_ms",
			  drift, "reason", state->reason, NULL);
}

static void judge(struct clockwatch *watch)
{
	struct clock_state *const state = &watch->state;
	const enum clock_verdict before = state->verdict;

	if (watch->measured) {
		state->measured_by = "ntp";
		state->drift_ns = watch->measured_ns + watch->stepped_ns;
	} else if (watch->stepped_ns != 0) {
		state->measured_by = "steps";
		state->drift_ns = watch->stepped_ns;
	} else {
		state->measured_by = "kernel";
		state->drift_ns = state->synchronised ? state->estimated_error_ns : 0;
	}
	const uint64_t size =
		state->drift_ns < 0 ? 0 - (uint64_t)state->drift_ns : (uint64_t)state->drift_ns;
	state->verdict = size > watch->refuse_ns ? CLOCK_REFUSE
			 : size > watch->warn_ns ? CLOCK_WARN
						 : CLOCK_GOOD;
	state->reason[0] = '\0';
	if (state->verdict != CLOCK_GOOD)
		snprintf(state->reason, sizeof state->reason, "the clock is %.3f s %s %s",
			 (double)size / 1e9, state->drift_ns < 0 ? "behind" : "ahead of",
			 watch->measured          ? "the NTP servers"
			 : watch->stepped_ns != 0 ? "where it was before it was set, and no time "
						    "daemon has confirmed the new time"
						  : "true time by the kernel's estimate");
	tell(state, before);
}

void clockwatch_limits(struct clockwatch *watch, uint64_t warn_ns, uint64_t refuse_ns)
{
	pthread_mutex_lock(&watch->lock);
	watch->warn_ns = warn_ns;
	watch->refuse_ns = refuse_ns;
	judge(watch);
	pthread_mutex_unlock(&watch->lock);
}

static void tell_step(const struct clockwatch *watch, int64_t step_ns)
{
	char step[32], since[32];

	snprintf(step, sizeof step, "%.3f", (double)step_ns / 1e6);
	snprintf(since, sizeof since, "%.3f", (double)watch->stepped_ns / 1e6);
	log_event(LOG_LEVEL_WARNING, "the clock was stepped", "step_ms", step, "unconfirmed_ms",
		  since, NULL);
}

/* An adjustment that is no step changes the rate of the clock. */
static void judge_rate(struct clockwatch *watch, const struct clock_reading *reading)
{
	const uint64_t passed = reading->boot_ns - watch->rated.boot_ns;
	char rate[32];

	if (passed < SLEW_TIME_MIN)
		return;
	const double ppm =
		(double)(reading->slewed_ns - watch->rated.slewed_ns) * 1e6 / (double)passed;
	watch->rated = *reading;
	if (ppm - watch->told_ppm < SLEW_MIN_PPM && watch->told_ppm - ppm < SLEW_MIN_PPM)
		return;
	watch->told_ppm = ppm;
	watch->state.slews++;
	snprintf(rate, sizeof rate, "%.0f", ppm);
	log_event(LOG_LEVEL_INFO, "the rate of the clock has changed", "ppm", rate, NULL);
}

void clockwatch_read(struct clockwatch *watch, const struct clock_reading *reading)
{
	const int64_t base_ns = reading->wall_ns - (int64_t)reading->boot_ns;

	pthread_mutex_lock(&watch->lock);
	if (!watch->begun) {
		watch->base_ns = base_ns;
		watch->rated = *reading;
	}
	watch->begun = true;
	const int64_t step_ns = base_ns - watch->base_ns;
	if (step_ns > STEP_MIN_NS || step_ns < -STEP_MIN_NS) {
		watch->stepped_ns += step_ns;
		watch->state.steps++;
		tell_step(watch, step_ns);
		watch->base_ns = base_ns;
	}
	judge_rate(watch, reading);
	if (reading->synchronised != watch->state.synchronised)
		log_event(LOG_LEVEL_INFO,
			  reading->synchronised ? "the clock is synchronised"
						: "the clock is not synchronised",
			  NULL);
	watch->state.synchronised = reading->synchronised;
	watch->state.estimated_error_ns = reading->estimated_error_ns;
	if (reading->synchronised && !watch->measured)
		watch->stepped_ns = 0;
	/* Back where it was, but for what is lost in the readings. */
	if (watch->stepped_ns < STEP_MIN_NS && watch->stepped_ns > -STEP_MIN_NS)
		watch->stepped_ns = 0;
	judge(watch);
	pthread_mutex_unlock(&watch->lock);
}

static int compare(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

void clockwatch_measured(struct clockwatch *watch, int64_t *ahead_ns, size_t count)
{
	pthread_mutex_lock(&watch->lock);
	if (count > 0) {
		qsort(ahead_ns, count, sizeof *ahead_ns, compare);
		/* Of an even number the mean of the middle two. */
		const int64_t low = ahead_ns[(count - 1) / 2], high = ahead_ns[count / 2];
		watch->measured_ns = low + (high - low) / 2;
		watch->stepped_ns = 0;
		watch->measured = true;
		watch->missed = 0;
		watch->state.measurements++;
	} else {
		watch->state.unanswered++;
		if (++watch->missed == UNANSWERED_MAX) {
			log_event(LOG_LEVEL_WARNING, "no NTP server answers", NULL);
			watch->measured = false;
		}
	}
	judge(watch);
	pthread_mutex_unlock(&watch->lock);
}

void clockwatch_state(struct clockwatch *watch, struct clock_state *state)
{
	pthread_mutex_lock(&watch->lock);
	*state = watch->state;
	pthread_mutex_unlock(&watch->lock);
}
