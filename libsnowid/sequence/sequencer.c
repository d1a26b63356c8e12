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

static double ms(uint64_t hns)
{
	return (double)hns / SN_HNS_PER_MS;
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

static int ask_to_wait(struct plan *plan, uint64_t hns, int code, const char *why)
{
	plan->wait_ns = hns * 100;
	return sn_fail(code, "%s; try again in %.4f ms, or allow a longer wait", why, ms(hns));
}

static int refuse(struct sn_words *words, uint64_t distance, uint64_t bound, const char *what)
{
	atomic_fetch_add(&words->refused, 1);
	return sn_fail(
		SNOWID_E_CLOCK,
		"%s by %.4f ms, more than the hold of %.4f ms; correct the clock, or raise hold",
		what, ms(distance), ms(bound));
}

/* Goes on without the clock: in a tick that has been opened, to its end; into the next only after
 * `slowness` ticks of elapsed time. Without that pace a busy generator would run ahead to the bound
 * at once, and then refuse everything. */
static int go_by_elapsed_time(struct sn_sequencer *q, uint64_t slowness, struct plan *plan)
{
	const uint64_t tick = plan->start >> q->ticks.bits;
	const uint64_t pace = q->ticks.unit * 100 * slowness;
	uint64_t now, ticks = 0, waited = 0;

	if (plan->start != sn_ticks_begin(&q->ticks, tick)) {
		plan->end = sn_ticks_end(&q->ticks, tick);
		return 0;
	}
	const int error = sn_clock_elapsed(q->clock, &now);
	if (error)
		return error;
	if (atomic_load(&q->held_slot) == plan->start) {
		const uint64_t since = atomic_load(&q->held_since);
		waited = now > since ? now - since : 0;
		ticks = waited / pace;
	} else {
		atomic_store(&q->held_since, now);
		atomic_store(&q->held_slot, plan->start);
	}
	if (ticks == 0)
		return ask_to_wait(plan, hns_from_ns(pace - waited), SNOWID_E_CLOCK,
				   "the clock is behind, and the tick that was held is spent");
	if (ticks > q->ticks.lag)
		ticks = q->ticks.lag ? q->ticks.lag : 1;
	plan->end = sn_ticks_end(&q->ticks, ticks > q->ticks.last_tick - tick ? q->ticks.last_tick
									      : tick + ticks - 1);
	return 0;
}

/* The next slot lies above the clock's tick. `now` was read after `next` was loaded: an older
 * reading of a thread that was preempted in between would show a step back that never was. */
static int judge(struct sn_sequencer *q, struct sn_words *words, const struct sn_reading *now,
		 struct plan *plan)
{
	const uint64_t seen = atomic_load(&words->seen);
	const uint64_t regression = seen > now->hns ? seen - now->hns : 0;
	const uint64_t begin = (plan->start >> q->ticks.bits) * q->ticks.unit;
	const uint64_t ahead = begin > now->hns ? begin - now->hns : 0;

	if (regression > 0) {
		sn_raise(&words->max_lag, regression);
		if (atomic_exchange(&words->behind, 1) == 0)
			atomic_fetch_add(&words->regressions, 1);
		if (regression <= q->wait)
			return ask_to_wait(plan, regression, SNOWID_E_CLOCK, "the clock went back");
		if (regression > q->hold)
			return refuse(words, regression, q->hold, "the clock went back");
		if (ahead > q->hold)
			return ask_to_wait(
				plan, ahead - q->hold, SNOWID_E_CLOCK,
				"the clock went back, and IDs are as far ahead as hold allows");
		return go_by_elapsed_time(q, 1, plan);
	}
	if (ahead <= q->borrow) {
		const uint64_t tick = (now->hns + q->borrow) / q->ticks.unit;
		plan->end = sn_ticks_end(&q->ticks, tick);
		return 0;
	}
	/* One tick ahead is a spent tick. More is what a hold has left when the clock has caught up
	 * with its past: it is worked off at half the pace, so that nobody has to stand still. */
	const uint64_t excess = ahead - q->borrow;
	if (excess <= q->ticks.unit)
		return ask_to_wait(plan, excess, SNOWID_E_EXHAUSTED,
				   "the sequence of this tick is spent");
	if (excess <= q->wait)
		return ask_to_wait(plan, excess, SNOWID_E_CLOCK,
				   "the clock is behind what has been issued");
	if (excess <= q->hold)
		return go_by_elapsed_time(q, 2, plan);
	return refuse(words, excess, q->hold, "the clock is behind what has been issued");
}

/* ---- claims ---------------------------------------------------------------------------------- */

/* Which slots may be claimed if `next` is what it was. `now` may be older than `next` at first, and
 * is then read again where that would matter. */
static int make_plan(struct sn_sequencer *q, struct sn_words *words, uint64_t next,
		     struct sn_reading *now, struct plan *plan)
{
	int error;

	*plan = (struct plan){.start = next};
	if (next == SN_SEALED && atomic_load(&words->fate) != SN_CLOSED) {
		plan->wait_ns = SLEEP_MIN_NS;
		return sn_fail(SNOWID_E_LIMIT,
			       "the store has lost its worker, and claims one anew");
	}
	if (next == SN_SEALED)
		return sn_fail(SNOWID_E_CLOSED, "the generator is closed; create another");
	if (next >= q->ticks.end_slot)
		return sn_ticks_ended(&q->ticks);
	if (next >= sn_ticks_end(&q->ticks, now->tick)) {
		error = sn_ticks_read(&q->ticks, q->clock, now);
		if (error)
			return error;
	}
	const uint64_t oldest =
		now->tick > q->ticks.lag ? sn_ticks_begin(&q->ticks, now->tick - q->ticks.lag) : 0;
	const bool unopened = next == oldest && next == sn_ticks_begin(&q->ticks, now->tick);
	if (next < oldest || unopened) {
		uint32_t random = 0;
		if (q->start_bits > 0) {
			error = sn_entropy(&random, sizeof random);
			if (error)
				return error;
		}
		plan->start = oldest + (random & ((UINT64_C(1) << q->start_bits) - 1));
		plan->end = sn_ticks_end(&q->ticks, now->tick);
	} else if (next < sn_ticks_end(&q->ticks, now->tick)) {
		plan->end = sn_ticks_end(&q->ticks, now->tick);
	} else {
		error = judge(q, words, now, plan);
		if (error)
			return error;
	}
	const uint64_t limit = atomic_load_explicit(&words->limit, memory_order_acquire);
	if (plan->end > sn_ticks_end(&q->ticks, limit))
		plan->end = sn_ticks_end(&q->ticks, limit);
	if (plan->start < plan->end)
		return 0;
	plan->wait_ns = SLEEP_MIN_NS;
	return sn_fail(SNOWID_E_LIMIT,
		       "the store allows IDs up to tick %" PRIu64 ", and the next is in %" PRIu64,
		       limit, plan->start >> q->ticks.bits);
}

/* After a claim that moved `next` from `old` over `start` to `end`: `counted` makes up for what the
 * low bits of `next` do not show. */
static void account(const struct sn_sequencer *q, struct sn_words *words, uint64_t old,
		    uint64_t start, uint64_t end, const struct sn_reading *now)
{
	const uint64_t difference =
		(end - start) - (sn_ticks_low(&q->ticks, end) - sn_ticks_low(&q->ticks, old));
	const uint64_t last = ((end - 1) >> q->ticks.bits) * q->ticks.unit;

	if (last > now->hns)
		sn_raise(&words->max_lead, last - now->hns);
	if (difference != 0)
		atomic_fetch_add_explicit(&words->counted, difference, memory_order_relaxed);
	const bool opened = start != old || difference != 0 || sn_ticks_low(&q->ticks, old) == 0;
	if (opened && atomic_load_explicit(&words->seen, memory_order_relaxed) <= now->hns) {
		sn_raise(&words->seen, now->hns);
		if (atomic_load_explicit(&words->behind, memory_order_relaxed))
			atomic_store(&words->behind, 0);
	}
}

/* Lets the winner of a race go on alone for a moment: the line of `next` then changes hands less
 * often than IDs are made. */
static void back_off(void)
{
	for (int i = 0; i < 32; i++) {
#if defined(__x86_64__) || defined(__i386__)
		__builtin_ia32_pause();
#else
		atomic_signal_fence(memory_order_seq_cst);
#endif
	}
}

static bool is_due(const struct sn_sequencer *q, struct sn_words *words, uint64_t tick)
{
	const uint64_t limit = atomic_load_explicit(&words->limit, memory_order_relaxed);
	return q->renew && limit < q->ticks.last_tick && tick + q->half_block >= limit;
}

/* The words to claim from, which are not those of before once these have been succeeded. */
static struct sn_words *follow(struct sn_sequencer *q)
{
	struct sn_words *words = atomic_load(&q->words);
	while (atomic_load(&words->fate) == SN_SUCCEEDED)
		if (atomic_compare_exchange_strong(&q->words, &words, words + 1))
			words++;
	return words;
}

int sn_sequencer_claim_slowly(struct sn_sequencer *q, uint64_t count, struct sn_claim *claim,
			      int64_t sec, uint32_t nsec)
{
	struct sn_words *const words = follow(q);
	uint64_t next = atomic_load(&words->next);
	struct sn_reading now = {0, 0};
	struct plan plan = {0};
	int error = next == SN_SEALED ? 0 : sn_ticks_locate(&q->ticks, sec, nsec, &now);

	for (;;) {
		if (!error)
			error = make_plan(q, words, next, &now, &plan);
		if (error) {
			claim->wait_ns = plan.wait_ns;
			return error;
		}
		claim->start = plan.start;
		claim->identity = atomic_load(&words->identity);
		claim->count = count < plan.end - plan.start ? count : plan.end - plan.start;
		const uint64_t end = plan.start + claim->count;
		const uint64_t old = next;
		if (atomic_compare_exchange_strong(&words->next, &next, end)) {
			account(q, words, old, plan.start, end, &now);
			claim->due = is_due(q, words, (end - 1) >> q->ticks.bits);
			return 0;
		}
		back_off();
	}
}

int sn_sequencer_wait(struct sn_sequencer *q, uint64_t count, struct sn_deadline *deadline,
		      int failure, struct sn_claim *claim)
{
	uint64_t now;

	while (failure && claim->wait_ns > 0 && deadline->timeout_ns > 0) {
		int error = sn_clock_elapsed(q->clock, &now);
		if (error)
			return error;
		if (deadline->at == 0 &&
		    __builtin_add_overflow(now, deadline->timeout_ns, &deadline->at))
			deadline->at = UINT64_MAX;
		if (now >= deadline->at)
			break;
		if (failure == SNOWID_E_LIMIT && q->renew) {
			error = q->renew(q->user);
			if (error)
				return error;
			failure = sn_sequencer_claim(q, count, claim);
			if (failure != SNOWID_E_LIMIT)
				continue;
		}
		uint64_t span = claim->wait_ns;
		if (q->ticks.lag > 0 && span < SLEEP_MIN_NS)
			span = SLEEP_MIN_NS;
		if (span > deadline->at - now)
			span = deadline->at - now;
		atomic_fetch_add(&sn_sequencer_words(q)->waits, 1);
		error = sn_clock_sleep(q->clock, span);
		if (error)
			return error;
		failure = sn_sequencer_claim(q, count, claim);
	}
	return failure;
}

void sn_sequencer_renew_early(struct sn_sequencer *q)
{
	q->renew(q->user);
}

int sn_sequencer_maintain(struct sn_sequencer *q, uint64_t *again_in_ns)
{
	struct sn_words *const words = sn_sequencer_words(q);
	struct sn_reading now;

	int error = sn_ticks_read(&q->ticks, q->clock, &now);
	if (!error && is_due(q, words, now.tick))
		error = q->renew(q->user);
	if (error)
		return error;
	const uint64_t limit = atomic_load(&words->limit);
	const uint64_t soon = now.tick + q->half_block;
	*again_in_ns = limit >= q->ticks.last_tick ? UINT64_MAX
		       : soon >= limit             ? 0
						   : (limit - soon) * q->ticks.unit * 100;
	return 0;
}

int sn_sequencer_available(struct sn_sequencer *q, uint64_t *count, uint64_t *wait_ns)
{
	struct sn_words *const words = follow(q);
	const uint64_t next = atomic_load(&words->next);
	struct sn_reading now = {0, 0};
	struct plan plan = {0};
	int error = next == SN_SEALED ? 0 : sn_ticks_read(&q->ticks, q->clock, &now);

	if (!error)
		error = make_plan(q, words, next, &now, &plan);
	*wait_ns = plan.wait_ns;
	if (!error)
		*count = plan.end - plan.start;
	return error;
}

struct sn_words *sn_sequencer_words(const struct sn_sequencer *q)
{
	struct sn_words *words = q->first;
	while (atomic_load(&words->fate) == SN_SUCCEEDED)
		words++;
	return words;
}

uint64_t sn_sequencer_issued(const struct sn_sequencer *q)
{
	struct sn_words *const words = sn_sequencer_words(q);
	const uint64_t next = atomic_load(&words->next);
	const uint64_t end = next == SN_SEALED ? atomic_load(&words->end) : next;
	return atomic_load(&words->counted) + sn_ticks_low(&q->ticks, end);
}

/* ---- life ------------------------------------------------------------------------------------ */

void sn_sequencer_init(struct sn_sequencer *q, const struct sn_sequencer_settings *settings)
{
	*q = (struct sn_sequencer){
		.words = settings->words,
		.clock = settings->clock,
		.ticks = settings->ticks,
		.first = settings->words,
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

int sn_sequencer_settle(struct sn_sequencer *q, uint64_t bound_ns)
{
	uint64_t begin, now_ns, end_ns = 0;
	struct sn_reading now;

	for (;;) {
		const uint64_t next = atomic_load(&sn_sequencer_words(q)->next);
		int error = sn_ticks_read(&q->ticks, q->clock, &now);
		if (error)
			return error;
		begin = (next >> q->ticks.bits) * q->ticks.unit;
		if (next == SN_SEALED || begin <= now.hns + q->ticks.unit)
			return 0;
		error = sn_clock_elapsed(q->clock, &now_ns);
		if (error)
			return error;
		if (end_ns == 0)
			end_ns = now_ns + bound_ns;
		if (now_ns >= end_ns)
			break;
		const uint64_t span = (begin - now.hns) * 100;
		error = sn_clock_sleep(q->clock, span < end_ns - now_ns ? span : end_ns - now_ns);
		if (error)
			return error;
	}
	if (begin - now.hns <= q->hold + q->borrow)
		return 0;
	return sn_fail(
		SNOWID_E_CLOCK,
		"the clock is %.4f ms behind what the store has recorded; correct the clock, or "
		"use another store",
		ms(begin - now.hns));
}

void sn_sequencer_leave(struct sn_sequencer *q)
{
	static struct sn_words sealed = {.next = SN_SEALED};
	atomic_store(&q->words, &sealed);
}
