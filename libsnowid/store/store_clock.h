/* SPDX-License-Identifier: MIT
 *
 * What a store asks the clock before it follows it.
 */
#ifndef SN_STORE_CLOCK_H
#define SN_STORE_CLOCK_H

#include "libsnowid/store/store.h"

/* The wall clock. SNOWID_E_CLOCK: a state file could not hold what it shows. */
int sn_store_read_clock(struct snowid_clock *clock, int64_t *sec, uint32_t *nsec);

static inline uint64_t sn_store_ms(int64_t sec, uint32_t nsec)
{
	return (uint64_t)sec * 1000 + nsec / 1000000;
}

/* This process, since now; without a time if no state file could hold that. */
void sn_store_describe_process(struct sn_holder *holder, struct snowid_clock *clock);

/* Checks that the wall clock has not gained more than settings->max_jump_ns on elapsed time since
 * the last call that found no such jump. *booted is where calls note that, 0 at first; `path` is
 * what the error names. SNOWID_E_CLOCK. */
int sn_store_check_jump(const struct sn_store_settings *settings, const char *path,
			_Atomic uint64_t *booted, int64_t sec, uint32_t nsec, uint64_t elapsed_ns);

/* Checks that the clock is not so far behind `next` that waiting for it would be pointless. */
int sn_store_check_behind(const struct sn_store_settings *settings,
			  const struct sn_shared_state *shared, const char *path);

#endif
