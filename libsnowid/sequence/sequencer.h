/* SPDX-License-Identifier: MIT
 *
 * The sequencer: the one mechanism that keeps IDs unique.
 *
 * A slot is (tick << bits) | sequence. `next` is the first slot that has not been claimed. It only
 * grows. Whoever moves it from s to e owns the slots [s, e), in any thread of any process that
 * shares the state. `limit` is the last tick that may be issued, and only grows too. Safety needs
 * nothing else. What plan.h adds is policy: which slots are worth claiming, given what the clock
 * says.
 */
#ifndef SN_SEQUENCER_H
#define SN_SEQUENCER_H

#include <stdbool.h>

#include "libsnowid/base/compiler.h"
#include "libsnowid/base/wait.h"
#include "libsnowid/sequence/plan.h"
#include "libsnowid/sequence/reach.h"

#define SN_CLAIM_MAX (UINT64_C(1) << 32) /* slots in one claim */

struct sn_sequencer_settings {
	struct snowid_clock *clock; /* must outlive the sequencer, as `shared` must */
	struct sn_ticks ticks;
	struct sn_shared_state *shared;
	unsigned start_bits; /* as in struct sn_policy */
	uint64_t wait_ns;
	uint64_t hold_ns;
	uint64_t borrow_ns;
	uint64_t limit_wait_ns; /* as in struct sn_policy; 0: the shortest */
	/* Raises shared->limit as far as sn_reach_limit() says, and may wait for that. It is
	 * called when half of that is left, and only by calls that may wait. It does nothing while
	 * another thread is renewing. SNOWID_E_STORE: this process must not use the store any
	 * more. NULL if the limit needs no renewal. */
	int (*renew)(void *user);
	/* `renew` never waits and is made by every call when it is due, so that no call fails for
	 * want of one. It may attach another state. */
	bool prompt;
	bool renewed_by_others; /* `renew` only asks for that, and may attach another state */
	int (*check_final)(void *user); /* as in struct sn_policy */
	void *user;
	struct sn_reach reach;
};

struct sn_sequencer {
	struct sn_shared_state *_Atomic shared; /* what this process claims from */
	struct sn_policy policy;
	/* What was attached last; its replacements lie right behind it in memory. */
	struct sn_shared_state *_Atomic attached;
	int (*renew)(void *user); /* with policy.user */
	bool prompt;
	bool renewed_by_others;
	_Atomic uint64_t renewed; /* if prompt: the reading of the clock at the last renewal */
	struct sn_reach reach;
};

struct sn_claim {
	uint64_t start;    /* the first slot */
	uint64_t count;    /* of consecutive slots; from 1 to what was asked for */
	uint64_t identity; /* of the shared state that they were claimed from */
	uint64_t wait_ns;  /* on error: when to try again; 0 if that does not help */
	bool renewal_due;  /* the limit is near, and a caller that may wait should renew it */
};

void sn_sequencer_init(struct sn_sequencer *seq, const struct sn_sequencer_settings *settings);

/* Waits until the clock reaches `next` of a state that has been used before, or is behind it by no
 * more than may be borrowed, or for own_ns. SNOWID_E_CLOCK if it is then still further behind than
 * hold and borrow allow. */
int sn_sequencer_wait_for_clock(struct sn_sequencer *seq, const struct sn_wait *wait,
				uint64_t own_ns);

/* Claims through this copy of the sequencer from another state from now on, unless it is detached.
 * Calls of other threads may still use the state before, which therefore stays in memory. */
void sn_sequencer_attach(struct sn_sequencer *seq, struct sn_shared_state *shared);

/* Ends claims through this copy of the sequencer only, for a child that closes its generator. */
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
	const int error = sn_clock_wall(seq->policy.clock, &sec, &nsec);

	if (SN_UNLIKELY(error)) {
		claim->wait_ns = 0;
		return error;
	}
	const struct sn_ticks *const ticks = &seq->policy.ticks;
	if (SN_LIKELY((uint64_t)sec - (uint64_t)ticks->time.epoch_sec <= ticks->span_sec)) {
		struct sn_shared_state *const shared =
			atomic_load_explicit(&seq->shared, memory_order_acquire);
		const uint64_t tick = sn_timebase_tick(&ticks->time, sec, nsec);
		uint64_t next = atomic_load_explicit(&shared->next, memory_order_relaxed);
		const uint64_t end = next + count;
		/* The usual case: the tick of the clock is open, with room for more than this. */
		if (next >> ticks->bits == tick && (next & ticks->mask) != 0 &&
		    end >> ticks->bits == tick && next < ticks->end_slot &&
		    tick <= atomic_load_explicit(&shared->limit, memory_order_acquire) &&
		    atomic_compare_exchange_strong(&shared->next, &next, end)) {
			claim->start = next;
			claim->count = count;
			claim->identity =
				atomic_load_explicit(&shared->identity, memory_order_relaxed);
			claim->renewal_due = false;
			return 0;
		}
	}
	return sn_sequencer_claim_slow(seq, count, claim, sec, nsec);
}

/* How long a call may wait in all. */
struct sn_deadline {
	uint64_t timeout_ns;
	uint64_t end_ns; /* in elapsed time; 0 before the first wait, which sets it */
};

/* Repeats a claim that returned `failure`, as long as waiting can help and the deadline has not
 * passed. Returns the failure of the last try if none succeeds. */
int sn_sequencer_wait(struct sn_sequencer *seq, uint64_t count, struct sn_deadline *deadline,
		      int failure, struct sn_claim *claim);

/* Renews a limit that is near. Errors are ignored, since the limit still allows claims: they occur
 * again when it is reached, or at the next claim if this process must not use its store any
 * more. */
void sn_sequencer_renew_early(struct sn_sequencer *seq) __attribute__((cold));

static inline int sn_sequencer_claim_until(struct sn_sequencer *seq, uint64_t count,
					   struct sn_deadline *deadline, struct sn_claim *claim)
{
	int error = sn_sequencer_claim(seq, count, claim);
	if (SN_UNLIKELY(error))
		error = sn_sequencer_wait(seq, count, deadline, error, claim);
	if (SN_UNLIKELY(!error && claim->renewal_due && deadline->timeout_ns > 0))
		sn_sequencer_renew_early(seq);
	return error;
}

/* Renews the limit if about half of what it allowed is used, a little before callers would have to,
 * and tells when to call this again; UINT64_MAX means never. */
int sn_sequencer_maintain(struct sn_sequencer *seq, uint64_t *next_call_ns);

/* How many slots could be claimed at once. Errors and *wait_ns are those of a claim. */
int sn_sequencer_available(struct sn_sequencer *seq, uint64_t *count, uint64_t *wait_ns);

/* For how many ns slots can still be claimed if the limit is not raised; UINT64_MAX: for ever. */
int sn_sequencer_left(const struct sn_sequencer *seq, uint64_t *left_ns);

/* The state that was attached last, or has replaced it. */
struct sn_shared_state *sn_sequencer_shared(const struct sn_sequencer *seq);

/* How many slots have been claimed since the attached state was made. */
uint64_t sn_sequencer_issued(const struct sn_sequencer *seq);

#endif
