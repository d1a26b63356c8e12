/* SPDX-License-Identifier: MIT
 *
 * The state that all users of an identity share, in a MAP_SHARED page that never gets another
 * identity. In a state file it is on the disk: order and size of this struct are part of the
 * format.
 */
#ifndef SN_SHARED_STATE_H
#define SN_SHARED_STATE_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

/* `next` of a state that has been given up. No slot has this value or the one below it. */
#define SN_SEALED UINT64_MAX

/* Why a state is sealed. */
enum sn_seal_reason {
	SN_SEAL_CLOSED,   /* the generator was closed; also if the state is not sealed */
	SN_SEAL_LOST,     /* the worker was lost, and its owner is claiming another */
	SN_SEAL_REPLACED, /* the state right behind it in memory has replaced it */
	SN_SEAL_REMOVED,  /* its file has lost its name: the store has to look at the name again */
	SN_SEAL_FORFEITED /* this process must not use its store any more */
};

/* Times are in units of 100 ns since the epoch. */
struct sn_shared_state {
	alignas(64) _Atomic uint64_t next; /* the first slot that has not been claimed */
	_Atomic uint64_t end;              /* the value of `next` before it was sealed */

	alignas(64) _Atomic uint64_t limit; /* the last tick that may be issued */
	_Atomic uint64_t seen; /* the highest reading of the clock, raised when a tick is opened */
	_Atomic uint64_t behind;      /* 1 while the clock is behind `seen` */
	_Atomic uint64_t identity;    /* the fixed fields of each ID; never changes */
	_Atomic uint64_t seal_reason; /* enum sn_seal_reason */

	/* Statistics. `counted` plus the low bits of `next` is the number of IDs issued. */
	alignas(64) _Atomic uint64_t counted;
	_Atomic uint64_t waits;
	_Atomic uint64_t regressions;
	_Atomic uint64_t refused;
	_Atomic uint64_t max_lead;
	_Atomic uint64_t max_lag;
	_Atomic uint64_t removals; /* how many files before this one lost their name while in use */

	_Atomic uint64_t most_borrow; /* the largest `borrow` of its users, if the store keeps it */
};
_Static_assert(sizeof(struct sn_shared_state) == 192, "the format of state files");

/* Raises a value that must never fall. */
static inline void sn_raise(_Atomic uint64_t *word, uint64_t value)
{
	uint64_t old = atomic_load_explicit(word, memory_order_relaxed);
	while (old < value && !atomic_compare_exchange_weak(word, &old, value))
		;
}

/* Ends all claims, in every process that shares the state. The exchange makes `end` exact: a caller
 * that has already checked `next` cannot claim a slot after it was read. */
static inline void sn_seal(struct sn_shared_state *shared)
{
	const uint64_t end = atomic_exchange(&shared->next, SN_SEALED);
	if (end != SN_SEALED)
		atomic_store(&shared->end, end);
}

#endif
