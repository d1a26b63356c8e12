/* SPDX-License-Identifier: MIT
 *
 * Which slots may be claimed next, given what the clock says.
 */
#ifndef SN_PLAN_H
#define SN_PLAN_H

#include "libsnowid/sequence/shared_state.h"
#include "libsnowid/sequence/ticks.h"

/* The shortest wait that is worth a sleep while ticks are shorter than this. The kernel wakes a
 * sleeper about 50 us late; the slots of the ticks that pass meanwhile are within the lag, so that
 * they are not lost. */
#define SN_SLEEP_MIN_NS 250000

/* How long to wait for a worker that a coordinator has to give. */
#define SN_LOST_WAIT_NS 10000000

/* What decides, apart from the shared state. */
struct sn_policy {
	struct snowid_clock *clock;
	struct sn_ticks ticks;
	/* A tick that the clock opens starts at a random value of this many bits: fewer than the
	 * sequence has, and at most 31. */
	unsigned start_bits;
	uint64_t wait_t100ns;
	uint64_t hold_t100ns;
	uint64_t borrow_t100ns;
	uint64_t limit_wait_ns; /* how long to wait at the limit for a renewal by others */
	/* While the clock is behind: the slot that waits for its tick to be opened, and since when
	 * in elapsed time. Each process has its own, because elapsed time has no meaning in another
	 * time namespace. */
	_Atomic uint64_t paced_slot; /* SN_SEALED at first */
	_Atomic uint64_t paced_since_ns;
	/* Returns the error that every renewal of the limit from now on will have; 0: there is
	 * none. Never waits, and makes no system call. NULL: there is never one. */
	int (*check_final)(void *user);
	void *user;
};

/* The slots [start, end). On error, wait_ns says when to try again, and is 0 if that does not
 * help. */
struct sn_plan {
	uint64_t start;
	uint64_t end;
	uint64_t wait_ns;
};

/* Plans a claim for the case that the shared `next` still has the value `next` when it is made.
 * *now may have been read before `next` was loaded, and is read again if that could matter. */
int sn_plan_claim(struct sn_policy *policy, struct sn_shared_state *shared, uint64_t next,
		  struct sn_reading *now, struct sn_plan *plan);

/* The error that every renewal from now on will have, or 0. */
int sn_plan_check_final(const struct sn_policy *policy);

/* 100 ns as ms, for texts. */
static inline double sn_t100ns_to_ms(uint64_t t100ns)
{
	return (double)t100ns / SN_T100NS_PER_MS;
}

#endif
