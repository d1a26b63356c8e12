/* SPDX-License-Identifier: MIT
 *
 * The words that the users of one identity share, in a MAP_SHARED page that is bound to it for life.
 * In a state file they lie on the disk: the order and size of this struct are part of its format.
 */
#ifndef SN_SHARED_STATE_H
#define SN_SHARED_STATE_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

/* `next` of words that have been given up. No slot is ever this, nor the one below. */
#define SN_SEALED UINT64_MAX

/* What became of sealed words. */
enum sn_seal_reason {
	SN_SEAL_CLOSED,  /* given up for good, or not sealed */
	SN_SEAL_LOST,    /* their owner is looking for new ones */
	SN_SEAL_REPLACED /* by the words that lie right behind them in memory */
};

/* Times are hns since the epoch. */
struct sn_shared_state {
	alignas(64) _Atomic uint64_t next; /* the first slot that nobody has */
	_Atomic uint64_t end;              /* what `next` was when it was sealed */

	alignas(64) _Atomic uint64_t limit; /* the last tick that may be issued */
	_Atomic uint64_t seen; /* the highest reading of the clock, raised when a tick is opened */
	_Atomic uint64_t behind;      /* 1 since the clock was found behind `seen` */
	_Atomic uint64_t identity;    /* what the owner puts into each ID; never changes */
	_Atomic uint64_t seal_reason; /* enum sn_fate, once sealed */

	/* Statistics. IDs issued are `counted` plus the low part of `next`. */
	alignas(64) _Atomic uint64_t counted;
	_Atomic uint64_t waits;
	_Atomic uint64_t regressions;
	_Atomic uint64_t refused;
	_Atomic uint64_t max_lead;
	_Atomic uint64_t max_lag;
};
_Static_assert(sizeof(struct sn_shared_state) == 192, "the format of state files");

/* Raises a word that only grows. */
static inline void sn_raise(_Atomic uint64_t *word, uint64_t value)
{
	uint64_t old = atomic_load_explicit(word, memory_order_relaxed);
	while (old < value && !atomic_compare_exchange_weak(word, &old, value))
		;
}

/* No slot is claimed after this by anyone who shares the words: the exact end is in `end`. */
static inline void sn_seal(struct sn_shared_state *shared)
{
	const uint64_t end = atomic_exchange(&shared->next, SN_SEALED);
	if (end != SN_SEALED)
		atomic_store(&shared->end, end);
}

#endif
