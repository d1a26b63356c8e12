/* SPDX-License-Identifier: MIT
 *
 * The sequencer: the one mechanism that keeps IDs unique.
 *
 * A slot is (tick << bits) | sequence. `next` is the first slot that nobody has; it only grows, and
 * moving it from s to e makes [s, e) the mover's own, in any thread of any process that shares the
 * words. `limit` is the last tick that may be issued; it only grows. That is all of safety. What
 * else stands here is policy: which slots are worth taking, given what the clock says.
 */
#ifndef SN_SEQUENCER_H
#define SN_SEQUENCER_H

#include <stdbool.h>

#include "libsnowid/base/compiler.h"
#include "libsnowid/sequence/ticks.h"
#include "libsnowid/sequence/shared_state.h"

#define SN_CLAIM_MAX (UINT64_C(1) << 32) /* slots in one claim */

/* What a kind of ID and a config ask of a sequencer. */
struct sn_sequencer_settings {
	struct snowid_clock *clock; /* outlives the sequencer, as `words` do */
	struct sn_ticks ticks;
	struct sn_shared_state *shared;
	unsigned
		start_bits; /* a tick that the clock opens starts at a random value of so many bits,
			      * fewer than the sequence has and at most 31 */
	uint64_t wait_ns;
	uint64_t hold_ns;
	uint64_t borrow_ns;
	/* Raises words->limit, and may wait for it; called only by calls that may. It does nothing
	 * while another thread is at it. NULL: nobody need.
	 * `block_ns` is by how much, so that it is called when half of that is left. */
	int (*renew)(void *user);
	void *user;
	uint64_t block_ns;
};

struct sn_sequencer {
	struct sn_shared_state *_Atomic shared; /* that this process claims from */
	struct snowid_clock *clock;
	struct sn_ticks ticks;
	struct sn_shared_state *first; /* that it began with: succeeded ones lie behind */
	unsigned start_bits;
	uint64_t wait, hold, borrow; /* in hns */
	int (*renew)(void *user);
	void *user;
	uint64_t half_block; /* in ticks */
	/* While the clock is behind: the unopened tick that was met, and when, in elapsed time. In
	 * private memory, since elapsed time means nothing in another time namespace. */
	_Atomic uint64_t held_slot;
	_Atomic uint64_t held_since;
};

struct sn_claim {
	uint64_t start;    /* the first slot */
	uint64_t count;    /* how many follow each other; at least 1, at most as many as wanted */
	uint64_t identity; /* of the words they are from */
	uint64_t wait_ns;  /* on error: after how long it is worth trying again, 0 for never */
	bool due;          /* the limit is near: who may wait should renew it */
};

void sn_sequencer_init(struct sn_sequencer *seq, const struct sn_sequencer_settings *settings);

/* Waits, up to a bound, until the clock comes to `next` of words that have a past. SNOWID_E_CLOCK:
 * it stays further behind than hold allows. */
int sn_sequencer_wait_for_clock(struct sn_sequencer *seq, uint64_t bound_ns);

/* Ends claims through this copy of the sequencer alone: for a child that gives up its share. */
void sn_sequencer_detach(struct sn_sequencer *seq);

/* Claims up to `count` (1 to SN_CLAIM_MAX) consecutive slots, without waiting. Errors: see
 * snowid_generator_next(). */
int sn_sequencer_claim_slow(struct sn_sequencer *seq, uint64_t count, struct sn_claim *claim,
			    int64_t sec, uint32_t nsec);

static inline int sn_sequencer_claim(struct sn_sequencer *seq, uint64_t count,
				     struct sn_claim *claim)
{
	int64_t sec;
	uint32_t nsec;
	const int error = sn_clock_wall(seq->clock, &sec, &nsec);

	if (SN_UNLIKELY(error)) {
		claim->wait_ns = 0;
		return error;
	}
	const struct sn_ticks *const ticks = &seq->ticks;
	if (SN_LIKELY((uint64_t)sec - (uint64_t)ticks->time.epoch_sec <= ticks->span_sec)) {
		struct sn_shared_state *const shared =
			atomic_load_explicit(&seq->shared, memory_order_relaxed);
		const uint64_t tick = sn_timebase_tick(&ticks->time, sec, nsec);
		uint64_t next = atomic_load_explicit(&shared->next, memory_order_relaxed);
		const uint64_t end = next + count;
		/* The plain case: the clock's tick is open, and has room for more than this. */
		if (next >> ticks->bits == tick && (next & ticks->mask) != 0 &&
		    end >> ticks->bits == tick && next < ticks->end_slot &&
		    tick <= atomic_load_explicit(&shared->limit, memory_order_acquire) &&
		    atomic_compare_exchange_strong(&shared->next, &next, end)) {
			claim->start = next;
			claim->count = count;
			claim->identity =
				atomic_load_explicit(&shared->identity, memory_order_relaxed);
			claim->due = false;
			return 0;
		}
	}
	return sn_sequencer_claim_slow(seq, count, claim, sec, nsec);
}

/* How long a call may wait in all; its end is set when it first waits. */
struct sn_deadline {
	uint64_t timeout_ns;
	uint64_t at; /* in elapsed time, 0 before the first wait */
};

/* What follows a claim that failed: waits, while that can help, for one that does not. Returns
 * `failure`, or that of a later try, if none came before the deadline. */
int sn_sequencer_wait(struct sn_sequencer *seq, uint64_t count, struct sn_deadline *deadline,
		      int failure, struct sn_claim *claim);

/* Renews a limit that is near. A failure shows when the limit is reached. */
void sn_sequencer_renew_early(struct sn_sequencer *seq) __attribute__((cold));

static inline int sn_sequencer_claim_until(struct sn_sequencer *seq, uint64_t count,
					   struct sn_deadline *deadline, struct sn_claim *claim)
{
	int error = sn_sequencer_claim(seq, count, claim);
	if (SN_UNLIKELY(error))
		error = sn_sequencer_wait(seq, count, deadline, error, claim);
	if (SN_UNLIKELY(!error && claim->due && deadline->timeout_ns > 0))
		sn_sequencer_renew_early(seq);
	return error;
}

/* Renews the limit if half of the block is used, and says when that will be; UINT64_MAX: never. */
int sn_sequencer_maintain(struct sn_sequencer *seq, uint64_t *again_in_ns);

/* How many slots could be claimed at once. Errors as a claim, with *wait_ns. */
int sn_sequencer_available(struct sn_sequencer *seq, uint64_t *count, uint64_t *wait_ns);

/* The words that now stand for those the sequencer began with. */
struct sn_shared_state *sn_sequencer_shared(const struct sn_sequencer *seq);

/* Slots claimed since the first words were made. */
uint64_t sn_sequencer_issued(const struct sn_sequencer *seq);

#endif
