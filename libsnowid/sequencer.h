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

#include <stdalign.h>
#include <stdatomic.h>

#include "libsnowid/clock.h"
#include "libsnowid/instant.h"

/* `next` of words that have been given up. No slot is ever this, nor the one below. */
#define SN_SEALED UINT64_MAX
#define SN_CLAIM_MAX (UINT64_C(1) << 32) /* slots in one claim */

/* Always in a MAP_SHARED page, bound for life to one identity. Times are hns since the epoch. */
struct sn_words {
	alignas(64) _Atomic uint64_t next;
	_Atomic uint64_t end; /* what `next` was when it was sealed */

	alignas(64) _Atomic uint64_t limit;
	_Atomic uint64_t seen;   /* the highest reading of the clock, raised when a tick is opened */
	_Atomic uint64_t behind; /* 1 since the clock was found behind `seen` */

	/* Statistics. IDs issued are `counted` plus the low coarse_bits of `next`. */
	alignas(64) _Atomic uint64_t counted;
	_Atomic uint64_t waits;
	_Atomic uint64_t regressions;
	_Atomic uint64_t refused;
	_Atomic uint64_t max_lead;
	_Atomic uint64_t max_lag;
};

/* What a kind of ID and a config ask of a sequencer. */
struct sn_sequencer_settings {
	struct snowid_clock *clock; /* outlives the sequencer */
	struct sn_timebase time;
	uint64_t last_tick;
	unsigned bits;       /* of the sequence within a tick */
	unsigned start_bits; /* a tick that the clock opens starts at a random value of so many bits,
			      * fewer than `bits` and at most 31 */
	uint64_t wait_ns;
	uint64_t hold_ns;
	uint64_t borrow_ns;
};

struct sn_sequencer {
	struct sn_words *_Atomic words;
	struct snowid_clock *clock;
	struct sn_timebase time;
	uint64_t span_sec; /* from the second of the epoch to that of the last tick */
	uint64_t last_tick;
	uint64_t end_slot; /* the slot after the last */
	unsigned bits;
	uint64_t mask;        /* of the sequence in a slot */
	unsigned coarse_bits; /* bits, and what a lag takes: statistics are kept by this unit */
	unsigned start_bits;
	uint64_t lag; /* in ticks: how far behind the clock slots are still taken */
	uint64_t unit, wait, hold, borrow; /* in hns */
	struct sn_words *mapped;
	/* While the clock is behind: the unopened tick that was met, and when, in elapsed time. In
	 * private memory, since elapsed time means nothing in another time namespace. */
	_Atomic uint64_t held_slot;
	_Atomic uint64_t held_since;
};

struct sn_claim {
	uint64_t start;   /* the first slot */
	uint64_t count;   /* how many follow each other; at least 1, at most as many as wanted */
	uint64_t wait_ns; /* on error: after how long it is worth trying again, 0 for never */
};

/* Maps words whose floor is the tick of now. SNOWID_E_EPOCH, SNOWID_E_ENDED, -ENOMEM, the clock's. */
int sn_sequencer_init(struct sn_sequencer *q, const struct sn_sequencer_settings *settings);
void sn_sequencer_destroy(struct sn_sequencer *q);

/* No slot is claimed after this by anyone who shares the words: the exact end is in words->end. */
void sn_sequencer_seal(struct sn_sequencer *q);

/* Ends claims through this copy of the sequencer alone: for a child that gives up its share. */
void sn_sequencer_leave(struct sn_sequencer *q);

/* Claims up to `count` (1 to SN_CLAIM_MAX) consecutive slots, without waiting. Errors: see
 * snowid_generator_next(). */
int sn_sequencer_claim_slowly(struct sn_sequencer *q, uint64_t count, struct sn_claim *claim,
			      int64_t sec, uint32_t nsec);

static inline int sn_sequencer_claim(struct sn_sequencer *q, uint64_t count, struct sn_claim *claim)
{
	int64_t sec;
	uint32_t nsec;
	const int error = sn_clock_wall(q->clock, &sec, &nsec);

	if (__builtin_expect(error, 0)) {
		claim->wait_ns = 0;
		return error;
	}
	if (__builtin_expect((uint64_t)sec - (uint64_t)q->time.epoch_sec <= q->span_sec, 1)) {
		struct sn_words *const words = atomic_load_explicit(&q->words, memory_order_relaxed);
		const uint64_t tick = sn_timebase_tick(&q->time, sec, nsec);
		uint64_t next = atomic_load_explicit(&words->next, memory_order_relaxed);
		const uint64_t end = next + count;
		/* The plain case: the clock's tick is open, and has room for more than this. */
		if (next >> q->bits == tick && (next & q->mask) != 0 && end >> q->bits == tick &&
		    next < q->end_slot &&
		    tick <= atomic_load_explicit(&words->limit, memory_order_acquire) &&
		    atomic_compare_exchange_strong(&words->next, &next, end)) {
			claim->start = next;
			claim->count = count;
			return 0;
		}
	}
	return sn_sequencer_claim_slowly(q, count, claim, sec, nsec);
}

/* How long a call may wait in all; its end is set when it first waits. */
struct sn_deadline {
	uint64_t timeout_ns;
	uint64_t at; /* in elapsed time, 0 before the first wait */
};

/* What follows a claim that failed: waits, while that can help, for one that does not. Returns
 * `failure`, or that of a later try, if none came before the deadline. */
int sn_sequencer_wait(struct sn_sequencer *q, uint64_t count, struct sn_deadline *deadline,
		      int failure, struct sn_claim *claim);

static inline int sn_sequencer_claim_by(struct sn_sequencer *q, uint64_t count,
					struct sn_deadline *deadline, struct sn_claim *claim)
{
	const int failure = sn_sequencer_claim(q, count, claim);
	if (__builtin_expect(failure, 0))
		return sn_sequencer_wait(q, count, deadline, failure, claim);
	return 0;
}

/* How many slots could be claimed at once. Errors as a claim, with *wait_ns. */
int sn_sequencer_available(struct sn_sequencer *q, uint64_t *count, uint64_t *wait_ns);

/* Slots claimed since the words were made. */
uint64_t sn_sequencer_issued(const struct sn_sequencer *q);

#endif
