/* SPDX-License-Identifier: MIT
 *
 * Decides whether the wall clock can be trusted.
 *
 * The difference between wall and elapsed time changes only by steps, because slewing adjusts
 * both. A step counts as drift until the new time is confirmed by an NTP measurement or by the
 * kernel, which clears its "synchronised" flag when the clock is set, until a time daemon sets
 * the flag again.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "snowidd/clock/clockwatch.h"
#include "snowidd/base/log.h"

#define STEP_MIN_NS     2000000    /* less is due to reading the two clocks one after the other */
#define MISSED_MAX      3          /* rounds without an answer that make a measurement too old */
#define RATE_TIME_MIN   1000000000 /* over less time, errors of reading hide the rate; ns */
#define RATE_CHANGE_MIN 100        /* less corrects an ordinary crystal; ppm */

struct clockwatch {
	pthread_mutex_t lock;
	uint64_t warn_ns, refuse_ns;
	bool has_reading, has_measurement;
	int64_t base_ns;                 /* wall minus elapsed time at the last reading */
	int64_t stepped_ns;              /* sum of the steps that have not been confirmed */
	int64_t measured_ns;             /* drift at the last measurement */
	unsigned missed;                 /* rounds since then without an answer */
	struct clock_reading rate_start; /* where the present measurement of the rate began */
	double logged_ppm;               /* the last rate that was logged */
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

static void log_verdict(const struct clock_state *state, enum clock_verdict before)
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

/* From the best source there is. */
static void update_drift(struct clockwatch *watch)
{
	struct clock_state *const state = &watch->state;

	if (watch->has_measurement) {
		state->measured_by = "ntp";
		state->drift_ns = watch->measured_ns + watch->stepped_ns;
	} else if (watch->stepped_ns != 0) {
		state->measured_by = "steps";
		state->drift_ns = watch->stepped_ns;
	} else {
		state->measured_by = "kernel";
		state->drift_ns =
			state->synchronised && state->estimated_error_ns != CLOCK_ERROR_UNKNOWN
				? state->estimated_error_ns
				: 0;
	}
}

static const char *describe_reference(const struct clockwatch *watch)
{
	if (watch->has_measurement)
		return "the NTP servers";
	if (watch->stepped_ns != 0)
		return "where it was before it was set, and no time daemon has confirmed the new "
		       "time";
	return "true time by the kernel's estimate";
}

static void update_verdict(struct clockwatch *watch)
{
	struct clock_state *const state = &watch->state;
	const enum clock_verdict before = state->verdict;

	update_drift(watch);
	const int64_t drift_ns = state->drift_ns;
	const uint64_t size_ns = drift_ns < 0 ? 0 - (uint64_t)drift_ns : (uint64_t)drift_ns;
	state->verdict = size_ns > watch->refuse_ns ? CLOCK_REFUSE
			 : size_ns > watch->warn_ns ? CLOCK_WARN
						    : CLOCK_GOOD;
	state->reason[0] = '\0';
	if (state->verdict != CLOCK_GOOD)
		snprintf(state->reason, sizeof state->reason, "the clock is %.3f s %s %s",
			 (double)size_ns / 1e9, drift_ns < 0 ? "behind" : "ahead of",
			 describe_reference(watch));
	log_verdict(state, before);
}

void clockwatch_set_limits(struct clockwatch *watch, uint64_t warn_ns, uint64_t refuse_ns)
{
	pthread_mutex_lock(&watch->lock);
	watch->warn_ns = warn_ns;
	watch->refuse_ns = refuse_ns;
	update_verdict(watch);
	pthread_mutex_unlock(&watch->lock);
}

static void log_step(const struct clockwatch *watch, int64_t step_ns)
{
	char step[32], unconfirmed[32];

	snprintf(step, sizeof step, "%.3f", (double)step_ns / 1e6);
	snprintf(unconfirmed, sizeof unconfirmed, "%.3f", (double)watch->stepped_ns / 1e6);
	log_event(LOG_LEVEL_WARNING, "the clock was stepped", "step_ms", step, "unconfirmed_ms",
		  unconfirmed, NULL);
}

static void update_steps(struct clockwatch *watch, const struct clock_reading *reading)
{
	const int64_t base_ns = reading->wall_ns - (int64_t)reading->boot_ns;
	const int64_t step_ns = watch->has_reading ? base_ns - watch->base_ns : 0;

	if (!watch->has_reading)
		watch->base_ns = base_ns;
	if (step_ns <= STEP_MIN_NS && step_ns >= -STEP_MIN_NS)
		return;
	watch->base_ns = base_ns;
	watch->stepped_ns += step_ns;
	watch->state.steps++;
	log_step(watch, step_ns);
}

/* Slewing changes the rate of the clock. */
static void update_rate(struct clockwatch *watch, const struct clock_reading *reading)
{
	char rate[32];

	if (!watch->has_reading)
		watch->rate_start = *reading;
	const uint64_t passed = reading->boot_ns - watch->rate_start.boot_ns;
	if (passed < RATE_TIME_MIN)
		return;
	const double ppm =
		(double)(reading->slewed_ns - watch->rate_start.slewed_ns) * 1e6 / (double)passed;
	watch->rate_start = *reading;
	if (ppm - watch->logged_ppm < RATE_CHANGE_MIN && watch->logged_ppm - ppm < RATE_CHANGE_MIN)
		return;
	watch->logged_ppm = ppm;
	watch->state.slews++;
	snprintf(rate, sizeof rate, "%.0f", ppm);
	log_event(LOG_LEVEL_INFO, "the rate of the clock has changed", "ppm", rate, NULL);
}

static void update_synchronised(struct clockwatch *watch, const struct clock_reading *reading)
{
	if (reading->synchronised != watch->state.synchronised)
		log_event(LOG_LEVEL_INFO,
			  reading->synchronised ? "the clock is synchronised"
						: "the clock is not synchronised",
			  NULL);
	watch->state.synchronised = reading->synchronised;
	watch->state.estimated_error_ns = reading->estimated_error_ns;
	if (reading->synchronised && !watch->has_measurement)
		watch->stepped_ns = 0;
}

void clockwatch_add_reading(struct clockwatch *watch, const struct clock_reading *reading)
{
	pthread_mutex_lock(&watch->lock);
	update_steps(watch, reading);
	update_rate(watch, reading);
	update_synchronised(watch, reading);
	watch->has_reading = true;
	/* What is left after a step back is due to errors of reading. */
	if (watch->stepped_ns < STEP_MIN_NS && watch->stepped_ns > -STEP_MIN_NS)
		watch->stepped_ns = 0;
	update_verdict(watch);
	pthread_mutex_unlock(&watch->lock);
}

static int compare_offsets(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* A single wrong server cannot move the median of three far. Sorts them. */
static int64_t median_offset(int64_t *ahead_ns, size_t count)
{
	qsort(ahead_ns, count, sizeof *ahead_ns, compare_offsets);
	const int64_t low = ahead_ns[(count - 1) / 2], high = ahead_ns[count / 2];
	return low + (high - low) / 2;
}

static void miss_measurement(struct clockwatch *watch)
{
	watch->state.unanswered++;
	if (++watch->missed != MISSED_MAX)
		return;
	watch->has_measurement = false;
	log_event(LOG_LEVEL_WARNING, "no NTP server answers", NULL);
}

void clockwatch_add_measurement(struct clockwatch *watch, int64_t *ahead_ns, size_t count)
{
	pthread_mutex_lock(&watch->lock);
	if (count > 0) {
		watch->measured_ns = median_offset(ahead_ns, count);
		watch->stepped_ns = 0;
		watch->has_measurement = true;
		watch->missed = 0;
		watch->state.measurements++;
	} else {
		miss_measurement(watch);
	}
	update_verdict(watch);
	pthread_mutex_unlock(&watch->lock);
}

void clockwatch_state(struct clockwatch *watch, struct clock_state *state)
{
	pthread_mutex_lock(&watch->lock);
	*state = watch->state;
	pthread_mutex_unlock(&watch->lock);
}
