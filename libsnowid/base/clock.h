/* SPDX-License-Identifier: MIT
 *
 * Clocks: wall time, elapsed time and sleeping in one object. NULL is the clock of the system.
 */
#ifndef SN_CLOCK_H
#define SN_CLOCK_H

#include <stdatomic.h>
#include <time.h>

#include "snowid.h"

struct snowid_clock {
	snowid_wall_fn wall;
	snowid_elapsed_fn elapsed;
	snowid_sleep_fn sleep;
	void *user;
	struct sn_manual_clock *manual; /* NULL: a custom clock */
	_Atomic uint32_t references;
	uint16_t domain;
};

/* Adds a reference, which snowid_clock_free() removes. Returns the clock. */
struct snowid_clock *sn_clock_ref(struct snowid_clock *clock);

int sn_clock_wall_custom(struct snowid_clock *clock, int64_t *sec, uint32_t *nsec);

static inline int sn_clock_wall(struct snowid_clock *clock, int64_t *sec, uint32_t *nsec)
{
	struct timespec now;
	if (clock)
		return sn_clock_wall_custom(clock, sec, nsec);
	clock_gettime(CLOCK_REALTIME, &now); /* which every system has */
	*sec = now.tv_sec;
	*nsec = (uint32_t)now.tv_nsec;
	return 0;
}

int sn_clock_elapsed(struct snowid_clock *clock, uint64_t *ns);

/* Clocks of the same domain count elapsed time from the same instant. */
uint16_t sn_clock_domain(const struct snowid_clock *clock);

int sn_clock_sleep(struct snowid_clock *clock, uint64_t ns);

#endif
