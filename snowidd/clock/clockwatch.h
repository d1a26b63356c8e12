/* SPDX-License-Identifier: MIT
 *
 * Judges the wall clock by what is fed in: readings of the kernel's clocks, and offsets measured by NTP.
 * It reads nothing itself, so that a test can drive it through anything.
 */
#ifndef SNOWIDD_CLOCKWATCH_H
#define SNOWIDD_CLOCKWATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clock_reading {
	int64_t wall_ns;   /* since 1970 */
	uint64_t boot_ns;  /* elapsed; at the same moment */
	int64_t slewed_ns; /* by how much adjustments have run the clocks ahead of their hardware */
	bool synchronised; /* as the kernel says, adjtimex(2) */
	int64_t estimated_error_ns;
};

enum clock_verdict { CLOCK_GOOD, CLOCK_WARN, CLOCK_REFUSE };

struct clock_state {
	enum clock_verdict verdict;
	char reason[160]; /* "" when good */
	bool synchronised;
	int64_t drift_ns; /* ahead of the right time; negative: behind */
	int64_t estimated_error_ns;
	const char *measured_by; /* "ntp", "steps", "kernel" */
	uint64_t steps, slews, measurements, unanswered;
};

struct clockwatch;

struct clockwatch *clockwatch_new(uint64_t warn_ns, uint64_t refuse_ns); /* NULL: no memory */
void clockwatch_free(struct clockwatch *watch);

void clockwatch_limits(struct clockwatch *watch, uint64_t warn_ns, uint64_t refuse_ns);

/* The first reading is trusted. */
void clockwatch_read(struct clockwatch *watch, const struct clock_reading *reading);

/* How far the clock is ahead of each server that answered; sorts them. */
void clockwatch_measured(struct clockwatch *watch, int64_t *ahead_ns, size_t count);

/* MT-Safe. */
void clockwatch_state(struct clockwatch *watch, struct clock_state *state);

#endif
