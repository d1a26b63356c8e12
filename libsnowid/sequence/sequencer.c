/* SPDX-License-Identifier: MIT
 *
 * Claims that leave the inline path of sequencer.h, waiting for slots, and renewal of the limit.
 */
#include "libsnowid/sequence/sequencer.h"

#include "libsnowid/base/error.h"
#include "libsnowid/base/pause.h"

/* ---- claims ---------------------------------------------------------------------------------- */

/* Updates the statistics after a claim of [start, end) that found `next` at `old`. The low bits of
 * `next` count most claims without a write; `counted` gets the difference. */
static void update_stats(const struct sn_sequencer *seq, struct sn_shared_state *shared,
			 uint64_t old, uint64_t start, uint64_t end, const struct sn_reading *now)
{
	const uint64_t difference = (end - start) - (sn_ticks_low(&seq->policy.ticks, end) -
						     sn_ticks_low(&seq->policy.ticks, old));
	const uint64_t last = ((end - 1) >> seq->policy.ticks.bits) * seq->policy.ticks.unit_t100ns;

	if (last > now->t100ns)
		sn_raise(&shared->max_lead, last - now->t100ns);
	if (difference != 0)
		atomic_fetch_add_explicit(&shared->counted, difference, memory_order_relaxed);
	const bool opened =
		start != old || difference != 0 || sn_ticks_low(&seq->policy.ticks, old) == 0;
	if (opened && atomic_load_explicit(&shared->seen, memory_order_relaxed) <= now->t100ns) {
		sn_raise(&shared->seen, now->t100ns);
		if (atomic_load_explicit(&shared->behind, memory_order_relaxed))
			atomic_store(&shared->behind, 0);
	}
}

/* Whether only half a block is left above a tick. */
static bool renewal_is_due(const struct sn_sequencer *seq, struct sn_shared_state *shared,
			   uint64_t tick)
{
	const uint64_t limit = atomic_load_explicit(&shared->limit, memory_order_relaxed);
	return seq->renew && limit < seq->policy.ticks.last_tick &&
	       tick + seq->half_block_ticks >= limit;
}

/* The state to claim from. If the state this process uses has been replaced, its successors lie
 * right behind it in memory. */
static struct sn_shared_state *follow_replaced_state(struct sn_sequencer *seq)
{
	struct sn_shared_state *shared = atomic_load(&seq->shared);
	while (atomic_load(&shared->seal_reason) == SN_SEAL_REPLACED)
		if (atomic_compare_exchange_strong(&seq->shared, &shared, shared + 1))
			shared++;
	return shared;
}

int sn_sequencer_claim_slow(struct sn_sequencer *seq, uint64_t count, struct sn_claim *claim,
			    int64_t sec, uint32_t nsec)
{
	struct sn_shared_state *const shared = follow_replaced_state(seq);
	uint64_t next = atomic_load(&shared->next);
	struct sn_reading now = {0, 0};
	struct sn_plan plan = {0};
	int error = next == SN_SEALED ? 0 : sn_ticks_locate(&seq->policy.ticks, sec, nsec, &now);

	for (;;) {
		if (!error)
			error = sn_plan_claim(&seq->policy, shared, next, &now, &plan);
		if (error) {
			claim->wait_ns = plan.wait_ns;
			return error;
		}
		claim->start = plan.start;
		claim->identity = atomic_load(&shared->identity);
		claim->count = count < plan.end - plan.start ? count : plan.end - plan.start;
		const uint64_t end = plan.start + claim->count;
		const uint64_t old = next;
		if (atomic_compare_exchange_strong(&shared->next, &next, end)) {
			update_stats(seq, shared, old, plan.start, end, &now);
			claim->renewal_due =
				renewal_is_due(seq, shared, (end - 1) >> seq->policy.ticks.bits);
			return 0;
		}
		sn_pause_after_lost_race();
		next = atomic_load(&shared->next); /* the winner has gone on meanwhile */
	}
}

/* ---- waiting and renewal --------------------------------------------------------------------- */

/* Sleeps as long as a failed claim asks for, but not beyond the deadline. */
static int sleep_until_retry(struct sn_sequencer *seq, const struct sn_claim *claim,
			     uint64_t left_ns)
{
	uint64_t span_ns = claim->wait_ns;

	if (seq->policy.ticks.lag_ticks > 0 && span_ns < SN_SLEEP_MIN_NS)
		span_ns = SN_SLEEP_MIN_NS;
	if (span_ns > left_ns)
		span_ns = left_ns;
	atomic_fetch_add(&sn_sequencer_shared(seq)->waits, 1);
	return sn_clock_sleep(seq->policy.clock, span_ns);
}

int sn_sequencer_wait(struct sn_sequencer *seq, uint64_t count, struct sn_deadline *deadline,
		      int failure, struct sn_claim *claim)
{
	uint64_t now_ns;

	while (failure && claim->wait_ns > 0 && deadline->timeout_ns > 0) {
		int error = sn_clock_elapsed(seq->policy.clock, &now_ns);
		if (error)
			return error;
		if (deadline->end_ns == 0 &&
		    __builtin_add_overflow(now_ns, deadline->timeout_ns, &deadline->end_ns))
			deadline->end_ns = UINT64_MAX;
		if (now_ns >= deadline->end_ns)
			break;
		if (failure == SNOWID_E_LIMIT && seq->renew) {
			error = seq->renew(seq->user);
			if (error)
				return error;
			failure = sn_sequencer_claim(seq, count, claim);
			if (failure != SNOWID_E_LIMIT)
				continue;
		}
		error = sleep_until_retry(seq, claim, deadline->end_ns - now_ns);
		if (error)
			return error;
		failure = sn_sequencer_claim(seq, count, claim);
	}
	return failure;
}

void sn_sequencer_renew_early(struct sn_sequencer *seq)
{
	seq->renew(seq->user);
}

int sn_sequencer_maintain(struct sn_sequencer *seq, uint64_t *again_in_ns)
{
	struct sn_shared_state *const shared = sn_sequencer_shared(seq);
	struct sn_reading now;

	int error = sn_ticks_read(&seq->policy.ticks, seq->policy.clock, &now);
	if (!error && renewal_is_due(seq, shared, now.tick))
		error = seq->renew(seq->user);
	if (error)
		return error;
	const uint64_t limit = atomic_load(&shared->limit);
	const uint64_t half_used = now.tick + seq->half_block_ticks;
	if (limit >= seq->policy.ticks.last_tick)
		*again_in_ns = UINT64_MAX;
	else if (half_used >= limit)
		*again_in_ns = 0;
	else
		*again_in_ns = (limit - half_used) * seq->policy.ticks.unit_t100ns * 100;
	return 0;
}

/* ---- observation ----------------------------------------------------------------------------- */

int sn_sequencer_available(struct sn_sequencer *seq, uint64_t *count, uint64_t *wait_ns)
{
	struct sn_shared_state *const shared = follow_replaced_state(seq);
	const uint64_t next = atomic_load(&shared->next);
	struct sn_reading now = {0, 0};
	struct sn_plan plan = {0};
	int error =
		next == SN_SEALED ? 0 : sn_ticks_read(&seq->policy.ticks, seq->policy.clock, &now);

	if (!error)
		error = sn_plan_claim(&seq->policy, shared, next, &now, &plan);
	*wait_ns = plan.wait_ns;
	if (!error)
		*count = plan.end - plan.start;
	return error;
}

struct sn_shared_state *sn_sequencer_shared(const struct sn_sequencer *seq)
{
	struct sn_shared_state *shared = seq->initial_shared;
	while (atomic_load(&shared->seal_reason) == SN_SEAL_REPLACED)
		shared++;
	return shared;
}

uint64_t sn_sequencer_issued(const struct sn_sequencer *seq)
{
	struct sn_shared_state *const shared = sn_sequencer_shared(seq);
	const uint64_t next = atomic_load(&shared->next);
	const uint64_t end = next == SN_SEALED ? atomic_load(&shared->end) : next;
	return atomic_load(&shared->counted) + sn_ticks_low(&seq->policy.ticks, end);
}

/* ---- life ------------------------------------------------------------------------------------ */

void sn_sequencer_init(struct sn_sequencer *seq, const struct sn_sequencer_settings *settings)
{
	*seq = (struct sn_sequencer){
		.shared = settings->shared,
		.policy =
			{
				.clock = settings->clock,
				.ticks = settings->ticks,
				.start_bits = settings->start_bits,
				.wait_t100ns = sn_t100ns_from_ns(settings->wait_ns),
				.hold_t100ns = sn_t100ns_from_ns(settings->hold_ns),
				.borrow_t100ns = sn_t100ns_from_ns(settings->borrow_ns),
				.paced_slot = SN_SEALED,
			},
		.initial_shared = settings->shared,
		.renew = settings->renew,
		.user = settings->user,
		.half_block_ticks = settings->block_ns / settings->ticks.time.unit_ns / 2,
	};
}

/* How far the next slot is ahead of the clock; 0 if waiting would change nothing. */
static int measure_lead(struct sn_sequencer *seq, uint64_t *lead_t100ns)
{
	const uint64_t next = atomic_load(&sn_sequencer_shared(seq)->next);
	struct sn_reading now;

	const int error = sn_ticks_read(&seq->policy.ticks, seq->policy.clock, &now);
	if (error)
		return error;
	const uint64_t begin = (next >> seq->policy.ticks.bits) * seq->policy.ticks.unit_t100ns;
	const bool waits = next != SN_SEALED && begin > now.t100ns + seq->policy.ticks.unit_t100ns;
	*lead_t100ns = waits ? begin - now.t100ns : 0;
	return 0;
}

int sn_sequencer_wait_for_clock(struct sn_sequencer *seq, uint64_t bound_ns)
{
	uint64_t lead_t100ns, now_ns, end_ns = 0;

	for (;;) {
		int error = measure_lead(seq, &lead_t100ns);
		if (error || lead_t100ns == 0)
			return error;
		error = sn_clock_elapsed(seq->policy.clock, &now_ns);
		if (error)
			return error;
		if (end_ns == 0)
			end_ns = now_ns + bound_ns;
		if (now_ns >= end_ns)
			break;
		const uint64_t span_ns = lead_t100ns * 100, left_ns = end_ns - now_ns;
		error = sn_clock_sleep(seq->policy.clock, span_ns < left_ns ? span_ns : left_ns);
		if (error)
			return error;
	}
	if (lead_t100ns <= seq->policy.hold_t100ns + seq->policy.borrow_t100ns)
		return 0;
	return sn_fail(
		SNOWID_E_CLOCK,
		"the clock is %.4f ms behind what the store has recorded; correct the clock, or "
		"use another store",
		sn_t100ns_to_ms(lead_t100ns));
}

void sn_sequencer_detach(struct sn_sequencer *seq)
{
	static struct sn_shared_state sealed = {.next = SN_SEALED};
	atomic_store(&seq->shared, &sealed);
}
