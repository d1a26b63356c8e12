/* SPDX-License-Identifier: MIT
 *
 * Wall time, elapsed time and sleeping together. NULL stands for the system's clock.
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
	struct sn_manual_clock *manual; /* NULL for a clock of the caller's own */
	_Atomic uint32_t holders;
	uint16_t domain;
};

/* Takes a hold on a clock, which snowid_clock_free() gives up. Returns clock. */
struct snowid_clock *sn_clock_hold(struct snowid_clock *clock);

int sn_clock_wall_custom(struct snowid_clock *clock, int64_t *sec, uint32_t *nsec);

static inline int sn_clock_wall(struct snowid_clock *clock, int64_t *sec, uint32_t *nsec)
{
	struct timespec now;
	if (clock)
		return sn_clock_wall_custom(clock, sec, nsec);
	clock_gettime(CLOCK_REALTIME, &now); /* cannot fail: a clock that is always there */
	*sec = now.tv_sec;
	*nsec = (uint32_t)now.tv_nsec;
	return 0;
}

int sn_clock_elapsed(struct snowid_clock *clock, uint64_t *ns);

/* Elapsed times of clocks of one domain count from the same instant; for the system's clock that is
 * the time namespace of the process. */
uint16_t sn_clock_domain(const struct snowid_clock *clock);

int sn_clock_sleep(struct snowid_clock *clock, uint64_t ns);

#endif
