/* SPDX-License-Identifier: MIT
 *
 * Claims that the inline path of sequencer.h leaves: a tick is opened, is spent, or the clock is
 * behind.
 */
#include <inttypes.h>

#include "libsnowid/base/entropy.h"
#include "libsnowid/base/error.h"
#include "libsnowid/sequence/sequencer.h"

/* While slots are finer than this, a sleeper lets some gather: the kernel wakes it 50 us late, and
 * what has gathered in the meantime is within the lag and not lost. */
#define SLEEP_MIN_NS 250000

static double ms(uint64_t t100ns)
{
	return (double)t100ns / SN_T100NS_PER_MS;
}

static uint64_t hns_from_ns(uint64_t ns)
{
	return ns / 100 + (ns % 100 != 0);
}

/* ---- the clock is behind, or its tick spent -------------------------------------------------- */

/* Slots from `start` up to `end` may be claimed. */
struct plan {
	uint64_t start;
	uint64_t end;
	uint64_t wait_ns;
};

static int fail_retry_later(struct plan *plan, uint64_t t100ns, int code, const char *why)
{
	plan->wait_ns = t100ns * 100;
	return sn_fail(code, "%s; try again in %.4f ms, or allow a longer wait", why, ms(t100ns));
}

static int fail_too_far_behind(struct sn_shared_state *shared, uint64_t distance, uint64_t bound,
			       const char *what)
{
	atomic_fetch_add(&shared->refused, 1);
	return sn_fail(
		SNOWID_E_CLOCK,
		"%s by %.4f ms, more than the hold of %.4f ms; correct the clock, or raise hold",
		what, ms(distance), ms(bound));
}

/* Goes on without the clock: in a tick that has been opened, to its end; into the next only after
 * `slowness` ticks of elapsed time. Without that pace a busy generator would run ahead to the bound
 * at once, and then refuse everything. */
static int go_by_elapsed_time(struct sn_sequencer *seq, uint64_t slowness, struct plan *plan)
{
	const uint64_t tick = plan->start >> seq->ticks.bits;
	const uint64_t pace = seq->ticks.unit * 100 * slowness;
	uint64_t now, ticks = 0, waited = 0;

	if (plan->start != sn_ticks_begin(&seq->ticks, tick)) {
		plan->end = sn_ticks_end(&seq->ticks, tick);
		return 0;
	}
	const int error = sn_clock_elapsed(seq->clock, &now);
	if (error)
		return error;
	if (atomic_load(&seq->held_slot) == plan->start) {
		const uint64_t since = atomic_load(&seq->held_since);
		waited = now > since ? now - since : 0;
		ticks = waited / pace;
	} else {
		atomic_store(&seq->held_since, now);
		atomic_store(&seq->held_slot, plan->start);
	}
	if (ticks == 0)
		return fail_retry_later(plan, hns_from_ns(pace - waited), SNOWID_E_CLOCK,
					"the clock is behind, and the tick that was held is spent");
	if (ticks > seq->ticks.lag)
		ticks = seq->ticks.lag ? seq->ticks.lag : 1;
	plan->end =
		sn_ticks_end(&seq->ticks, ticks > seq->ticks.last_tick - tick ? seq->ticks.last_tick
									      : tick + ticks - 1);
	return 0;
}

/* The next slot lies above the clock's tick. `now` was read after `next` was loaded: an older
 * reading of a thread that was preempted in between would show a step back that never was. */
static int plan_behind_clock(struct sn_sequencer *seq, struct sn_shared_state *shared,
			     const struct sn_reading *now, struct plan *plan)
{
	const uint64_t seen = atomic_load(&shared->seen);
	const uint64_t regression = seen > now->t100ns ? seen - now->t100ns : 0;
	const uint64_t begin = (plan->start >> seq->ticks.bits) * seq->ticks.unit;
	const uint64_t ahead = begin > now->t100ns ? begin - now->t100ns : 0;

	if (regression > 0) {
		sn_raise(&shared->max_lag, regression);
		if (atomic_exchange(&shared->behind, 1) == 0)
			atomic_fetch_add(&shared->regressions, 1);
		if (regression <= seq->wait)
			return fail_retry_later(plan, regression, SNOWID_E_CLOCK,
						"the clock went back");
		if (regression > seq->hold)
			return fail_too_far_behind(shared, regression, seq->hold,
						   "the clock went back");
		if (ahead > seq->hold)
			return fail_retry_later(
				plan, ahead - seq->hold, SNOWID_E_CLOCK,
				"the clock went back, and IDs are as far ahead as hold allows");
		return go_by_elapsed_time(seq, 1, plan);
	}
	if (ahead <= seq->borrow) {
		const uint64_t tick = (now->t100ns + seq->borrow) / seq->ticks.unit;
		plan->end = sn_ticks_end(&seq->ticks, tick);
		return 0;
	}
	/* One tick ahead is a spent tick. More is what a hold has left when the clock has caught up
	 * with its past: it is worked off at half the pace, so that nobody has to stand still. */
	const uint64_t excess = ahead - seq->borrow;
	if (excess <= seq->ticks.unit)
		return fail_retry_later(plan, excess, SNOWID_E_EXHAUSTED,
					"the sequence of this tick is spent");
	if (excess <= seq->wait)
		return fail_retry_later(plan, excess, SNOWID_E_CLOCK,
					"the clock is behind what has been issued");
	if (excess <= seq->hold)
		return go_by_elapsed_time(seq, 2, plan);
	return fail_too_far_behind(shared, excess, seq->hold,
				   "the clock is behind what has been issued");
}

/* ---- claims ---------------------------------------------------------------------------------- */

/* Which slots may be claimed if `next` is what it was. `now` may be older than `next` at first, and
 * is then read again where that would matter. */
static int plan_claim(struct sn_sequencer *seq, struct sn_shared_state *shared, uint64_t next,
		      struct sn_reading *now, struct plan *plan)
{
	int error;

	*plan = (struct plan){.start = next};
	if (next == SN_SEALED && atomic_load(&shared->seal_reason) != SN_SEAL_CLOSED) {
		plan->wait_ns = SLEEP_MIN_NS;
		return sn_fail(SNOWID_E_LIMIT,
			       "the store has lost its worker, and claims one anew");
	}
	if (next == SN_SEALED)
		return sn_fail(SNOWID_E_CLOSED, "the generator is closed; create another");
	if (next >= seq->ticks.end_slot)
		return sn_ticks_ended(&seq->ticks);
	if (next >= sn_ticks_end(&seq->ticks, now->tick)) {
		error = sn_ticks_read(&seq->ticks, seq->clock, now);
		if (error)
			return error;
	}
	const uint64_t oldest = now->tick > seq->ticks.lag
					? sn_ticks_begin(&seq->ticks, now->tick - seq->ticks.lag)
					: 0;
	const bool unopened = next == oldest && next == sn_ticks_begin(&seq->ticks, now->tick);
	if (next < oldest || unopened) {
		uint32_t random = 0;
		if (seq->start_bits > 0) {
			error = sn_entropy(&random, sizeof random);
			if (error)
				return error;
		}
		plan->start = oldest + (random & ((UINT64_C(1) << seq->start_bits) - 1));
		plan->end = sn_ticks_end(&seq->ticks, now->tick);
	} else if (next < sn_ticks_end(&seq->ticks, now->tick)) {
		plan->end = sn_ticks_end(&seq->ticks, now->tick);
	} else {
		error = plan_behind_clock(seq, shared, now, plan);
		if (error)
			return error;
	}
	const uint64_t limit = atomic_load_explicit(&shared->limit, memory_order_acquire);
	if (plan->end > sn_ticks_end(&seq->ticks, limit))
		plan->end = sn_ticks_end(&seq->ticks, limit);
	if (plan->start < plan->end)
		return 0;
	plan->wait_ns = SLEEP_MIN_NS;
	return sn_fail(SNOWID_E_LIMIT,
		       "the store allows IDs up to tick %" PRIu64 ", and the next is in %" PRIu64,
		       limit, plan->start >> seq->ticks.bits);
}

/* After a claim that moved `next` from `old` over `start` to `end`: `counted` makes up for what the
 * low bits of `next` do not show. */
static void update_stats(const struct sn_sequencer *seq, struct sn_shared_state *shared,
			 uint64_t old, uint64_t start, uint64_t end, const struct sn_reading *now)
{
	const uint64_t difference =
		(end - start) - (sn_ticks_low(&seq->ticks, end) - sn_ticks_low(&seq->ticks, old));
	const uint64_t last = ((end - 1) >> seq->ticks.bits) * seq->ticks.unit;

	if (last > now->t100ns)
		sn_raise(&shared->max_lead, last - now->t100ns);
	if (difference != 0)
		atomic_fetch_add_explicit(&shared->counted, difference, memory_order_relaxed);
	const bool opened = start != old || difference != 0 || sn_ticks_low(&seq->ticks, old) == 0;
	if (opened && atomic_load_explicit(&shared->seen, memory_order_relaxed) <= now->t100ns) {
		sn_raise(&shared->seen, now->t100ns);
		if (atomic_load_explicit(&shared->behind, memory_order_relaxed))
			atomic_store(&shared->behind, 0);
	}
}

/* Lets the winner of a race go on alone for a moment: the line of `next` then changes hands less
 * often than IDs are made. */
static void back_off(void)
{
	for (int i = 0; i < 32; i++)
		sn_processor_pause();
}

static bool is_due(const struct sn_sequencer *seq, struct sn_shared_state *shared, uint64_t tick)
{
	const uint64_t limit = atomic_load_explicit(&shared->limit, memory_order_relaxed);
	return seq->renew && limit < seq->ticks.last_tick && tick + seq->half_block >= limit;
}

/* The words to claim from, which are not those of before once these have been succeeded. */
static struct sn_shared_state *follow(struct sn_sequencer *seq)
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
	struct sn_shared_state *const shared = follow(seq);
	uint64_t next = atomic_load(&shared->next);
	struct sn_reading now = {0, 0};
	struct plan plan = {0};
	int error = next == SN_SEALED ? 0 : sn_ticks_locate(&seq->ticks, sec, nsec, &now);

	for (;;) {
		if (!error)
			error = plan_claim(seq, shared, next, &now, &plan);
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
			claim->due = is_due(seq, shared, (end - 1) >> seq->ticks.bits);
			return 0;
		}
		back_off();
	}
}

int sn_sequencer_wait(struct sn_sequencer *seq, uint64_t count, struct sn_deadline *deadline,
		      int failure, struct sn_claim *claim)
{
	uint64_t now;

	while (failure && claim->wait_ns > 0 && deadline->timeout_ns > 0) {
		int error = sn_clock_elapsed(seq->clock, &now);
		if (error)
			return error;
		if (deadline->at == 0 &&
		    __builtin_add_overflow(now, deadline->timeout_ns, &deadline->at))
			deadline->at = UINT64_MAX;
		if (now >= deadline->at)
			break;
		if (failure == SNOWID_E_LIMIT && seq->renew) {
			error = seq->renew(seq->user);
			if (error)
				return error;
			failure = sn_sequencer_claim(seq, count, claim);
			if (failure != SNOWID_E_LIMIT)
				continue;
		}
		uint64_t span = claim->wait_ns;
		if (seq->ticks.lag > 0 && span < SLEEP_MIN_NS)
			span = SLEEP_MIN_NS;
		if (span > deadline->at - now)
			span = deadline->at - now;
		atomic_fetch_add(&sn_sequencer_shared(seq)->waits, 1);
		error = sn_clock_sleep(seq->clock, span);
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

	int error = sn_ticks_read(&seq->ticks, seq->clock, &now);
	if (!error && is_due(seq, shared, now.tick))
		error = seq->renew(seq->user);
	if (error)
		return error;
	const uint64_t limit = atomic_load(&shared->limit);
	const uint64_t soon = now.tick + seq->half_block;
	*again_in_ns = limit >= seq->ticks.last_tick ? UINT64_MAX
		       : soon >= limit               ? 0
						     : (limit - soon) * seq->ticks.unit * 100;
	return 0;
}

int sn_sequencer_available(struct sn_sequencer *seq, uint64_t *count, uint64_t *wait_ns)
{
	struct sn_shared_state *const shared = follow(seq);
	const uint64_t next = atomic_load(&shared->next);
	struct sn_reading now = {0, 0};
	struct plan plan = {0};
	int error = next == SN_SEALED ? 0 : sn_ticks_read(&seq->ticks, seq->clock, &now);

	if (!error)
		error = plan_claim(seq, shared, next, &now, &plan);
	*wait_ns = plan.wait_ns;
	if (!error)
		*count = plan.end - plan.start;
	return error;
}

struct sn_shared_state *sn_sequencer_shared(const struct sn_sequencer *seq)
{
	struct sn_shared_state *shared = seq->first;
	while (atomic_load(&shared->seal_reason) == SN_SEAL_REPLACED)
		shared++;
	return shared;
}

uint64_t sn_sequencer_issued(const struct sn_sequencer *seq)
{
	struct sn_shared_state *const shared = sn_sequencer_shared(seq);
	const uint64_t next = atomic_load(&shared->next);
	const uint64_t end = next == SN_SEALED ? atomic_load(&shared->end) : next;
	return atomic_load(&shared->counted) + sn_ticks_low(&seq->ticks, end);
}

/* ---- life ------------------------------------------------------------------------------------ */

void sn_sequencer_init(struct sn_sequencer *seq, const struct sn_sequencer_settings *settings)
{
	*seq = (struct sn_sequencer){
		.shared = settings->shared,
		.clock = settings->clock,
		.ticks = settings->ticks,
		.first = settings->shared,
		.start_bits = settings->start_bits,
		.wait = hns_from_ns(settings->wait_ns),
		.hold = hns_from_ns(settings->hold_ns),
		.borrow = hns_from_ns(settings->borrow_ns),
		.renew = settings->renew,
		.user = settings->user,
		.half_block = settings->block_ns / settings->ticks.time.unit_ns / 2,
		.held_slot = SN_SEALED,
	};
}

int sn_sequencer_wait_for_clock(struct sn_sequencer *seq, uint64_t bound_ns)
{
	uint64_t begin, now_ns, end_ns = 0;
	struct sn_reading now;

	for (;;) {
		const uint64_t next = atomic_load(&sn_sequencer_shared(seq)->next);
		int error = sn_ticks_read(&seq->ticks, seq->clock, &now);
		if (error)
			return error;
		begin = (next >> seq->ticks.bits) * seq->ticks.unit;
		if (next == SN_SEALED || begin <= now.t100ns + seq->ticks.unit)
			return 0;
		error = sn_clock_elapsed(seq->clock, &now_ns);
		if (error)
			return error;
		if (end_ns == 0)
			end_ns = now_ns + bound_ns;
		if (now_ns >= end_ns)
			break;
		const uint64_t span = (begin - now.t100ns) * 100;
		error = sn_clock_sleep(seq->clock, span < end_ns - now_ns ? span : end_ns - now_ns);
		if (error)
			return error;
	}
	if (begin - now.t100ns <= seq->hold + seq->borrow)
		return 0;
	return sn_fail(
		SNOWID_E_CLOCK,
		"the clock is %.4f ms behind what the store has recorded; correct the clock, or "
		"use another store",
		ms(begin - now.t100ns));
}

void sn_sequencer_detach(struct sn_sequencer *seq)
{
	static struct sn_shared_state sealed = {.next = SN_SEALED};
	atomic_store(&seq->shared, &sealed);
}
