/* SPDX-License-Identifier: MIT
 *
 * Decides whether the wall clock can be trusted, from readings of the kernel's clocks and
 * offsets measured by NTP. It reads no clock itself, so that a test can give it any reading.
 */
#ifndef SNOWIDD_CLOCKWATCH_H
#define SNOWIDD_CLOCKWATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCK_ERROR_UNKNOWN (-1)

struct clock_reading {
	int64_t wall_ns;   /* since 1970 */
	uint64_t boot_ns;  /* elapsed time at the same moment */
	int64_t slewed_ns; /* how far slewing has moved the clocks ahead of their hardware */
	bool synchronised; /* according to the kernel, adjtimex(2) */
	int64_t estimated_error_ns; /* likewise, or CLOCK_ERROR_UNKNOWN */
};

enum clock_verdict { CLOCK_GOOD, CLOCK_WARN, CLOCK_REFUSE };

struct clock_state {
	enum clock_verdict verdict;
	char reason[160]; /* "" if it is CLOCK_GOOD */
	bool synchronised;
	int64_t drift_ns;           /* ahead of the right time; negative if behind */
	int64_t estimated_error_ns; /* or CLOCK_ERROR_UNKNOWN */
	const char *measured_by;    /* "ntp", "steps", "kernel" */
	uint64_t steps, slews, measurements, unanswered;
};

struct clockwatch;

/* Drift above warn_ns is CLOCK_WARN, above refuse_ns CLOCK_REFUSE. NULL if there is no memory. */
struct clockwatch *clockwatch_new(uint64_t warn_ns, uint64_t refuse_ns);
void clockwatch_free(struct clockwatch *watch);
void clockwatch_set_limits(struct clockwatch *watch, uint64_t warn_ns, uint64_t refuse_ns);

/* The first reading is taken to be right. */
void clockwatch_add_reading(struct clockwatch *watch, const struct clock_reading *reading);

/* How far the clock is ahead of each NTP server that has answered; 0 if none has. Sorts them. */
void clockwatch_add_measurement(struct clockwatch *watch, int64_t *ahead_ns, size_t count);

/* MT-Safe. */
void clockwatch_state(struct clockwatch *watch, struct clock_state *state);

#endif
