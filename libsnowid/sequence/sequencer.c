/* SPDX-License-Identifier: MIT
 *
 * Claims that leave the inline path of sequencer.h, waiting for slots, and renewal of the limit.
 */
#include "libsnowid/sequence/sequencer.h"

#include "libsnowid/base/error.h"
#include "libsnowid/base/pause.h"

#define MAINTAIN_EARLY  20 /* the part of `room` by which a maintainer is ahead of callers */
#define MAINTAIN_MIN_NS 1000000

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

/* How long after `now` a renewal by a caller is due, if the tick of the last ID rises no faster
 * than the clock: `early` before half of what the limit allowed is left, and before a renewal would
 * raise it noticeably, but not before it would raise it at all. UINT64_MAX: never. */
static uint64_t time_until_renewal(const struct sn_sequencer *seq, struct sn_shared_state *shared,
				   uint64_t now, uint64_t last_tick, uint64_t early)
{
	const struct sn_reach *const reach = &seq->reach;
	const uint64_t unit = seq->policy.ticks.unit_t100ns;
	const uint64_t limit = atomic_load_explicit(&shared->limit, memory_order_relaxed);

	if (seq->prompt || reach->room == 0 || limit >= seq->policy.ticks.last_tick)
		return UINT64_MAX;
	const uint64_t last = last_tick * unit;
	const uint64_t half_left =
		(last > now ? last : now) + early + (reach->least_lead + reach->room) / 2;
	const uint64_t half_wait =
		(limit + 1) * unit > half_left ? (limit + 1) * unit - half_left : 0;
	const uint64_t gain = reach->room / 2 - early;
	const uint64_t raised = (limit + (gain > unit ? gain / unit : 1)) * unit;
	const uint64_t raised_now = sn_reach_limit(reach, now, last);
	const uint64_t gain_wait = raised > raised_now ? raised - raised_now : 0;

	return half_wait > gain_wait ? half_wait : gain_wait;
}

static struct sn_shared_state *follow_in_memory(struct sn_sequencer *seq)
{
	struct sn_shared_state *shared = atomic_load(&seq->shared);
	while (atomic_load(&shared->seal_reason) == SN_SEAL_REPLACED)
		if (atomic_compare_exchange_strong(&seq->shared, &shared, shared + 1))
			shared++;
	return shared;
}

/* The state to claim from. If the state this process uses has been replaced, its successors lie
 * right behind it in memory, or the store knows where they are: one that others renew, so that its
 * `renew` does not wait. */
static struct sn_shared_state *follow_replaced_state(struct sn_sequencer *seq)
{
	struct sn_shared_state *const shared = follow_in_memory(seq);

	if (atomic_load(&shared->seal_reason) != SN_SEAL_REMOVED || !seq->renewed_by_others ||
	    seq->renew(seq->policy.user) != 0)
		return shared;
	return follow_in_memory(seq);
}

static int claim_from_shared(struct sn_sequencer *seq, uint64_t count, struct sn_claim *claim,
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
		claim->start = plan.start;
		if (error) {
			claim->wait_ns = plan.wait_ns;
			return error;
		}
		claim->identity = atomic_load(&shared->identity);
		claim->count = count < plan.end - plan.start ? count : plan.end - plan.start;
		const uint64_t end = plan.start + claim->count;
		const uint64_t old = next;
		if (atomic_compare_exchange_strong(&shared->next, &next, end)) {
			update_stats(seq, shared, old, plan.start, end, &now);
			claim->renewal_due =
				time_until_renewal(seq, shared, now.t100ns,
						   (end - 1) >> seq->policy.ticks.bits, 0) == 0;
			return 0;
		}
		sn_pause_after_lost_race();
		next = atomic_load(&shared->next); /* the winner has gone on meanwhile */
	}
}

/* Ends claims by this process if the store says that it must not use it any more. */
static int renew_limit(struct sn_sequencer *seq)
{
	static struct sn_shared_state forfeited = {.next = SN_SEALED,
						   .seal_reason = SN_SEAL_FORFEITED};
	const int error = seq->renew(seq->policy.user);
	if (error == SNOWID_E_STORE)
		atomic_store(&seq->shared, &forfeited);
	return error;
}

/* Claims after a renewal. The clock is read before it, so that the limit is above this reading: a
 * claim that fails in spite of that has found that others have gone on, or that the clock has, or
 * that IDs are a little ahead of the limit since a file was replaced. */
static int claim_after_renewal(struct sn_sequencer *seq, uint64_t count, struct sn_claim *claim)
{
	int64_t sec = 0;
	uint32_t nsec = 0;

	claim->wait_ns = 0;
	int error = sn_clock_wall(seq->policy.clock, &sec, &nsec);
	if (!error)
		error = renew_limit(seq);
	return error ? error : claim_from_shared(seq, count, claim, sec, nsec);
}

/* How long the clock has to go on before a renewal can allow a claim; 0: one can by now. */
static int wait_for_prompt_limit(struct sn_sequencer *seq, uint64_t slot, uint64_t *wait_ns)
{
	const struct sn_ticks *const ticks = &seq->policy.ticks;
	const uint64_t begin = (slot >> ticks->bits) * ticks->unit_t100ns;
	struct sn_reading now;

	const int error = sn_ticks_read(ticks, seq->policy.clock, &now);
	if (error)
		return error;
	if (slot == SN_SEALED || begin <= now.t100ns + seq->reach.start)
		return SNOWID_E_LIMIT;
	*wait_ns = (begin - now.t100ns - seq->reach.start) * 100;
	return sn_fail(SNOWID_E_CLOCK,
		       "IDs are as far ahead of the clock as the store allows; try again in "
		       "%.4f ms, or allow a longer wait",
		       (double)*wait_ns / 1e6);
}

/* Renews the limit if the clock has moved by half a reserve since this process last did. Other
 * errors than that of a store that is lost do not matter while the limit allows the claim, and
 * occur again when it does not. */
static int renew_promptly(struct sn_sequencer *seq, int64_t sec, uint32_t nsec)
{
	const uint64_t renewed = atomic_load_explicit(&seq->renewed, memory_order_relaxed);
	struct sn_reading now;

	if (sn_ticks_locate(&seq->policy.ticks, sec, nsec, &now) != 0)
		return 0;
	if (now.t100ns >= renewed && now.t100ns - renewed < seq->reach.room / 2)
		return 0;
	atomic_store_explicit(&seq->renewed, now.t100ns, memory_order_relaxed);
	return renew_limit(seq) == SNOWID_E_STORE ? SNOWID_E_STORE : 0;
}

static int claim_promptly(struct sn_sequencer *seq, uint64_t count, struct sn_claim *claim,
			  int64_t sec, uint32_t nsec)
{
	claim->wait_ns = 0;
	int error = renew_promptly(seq, sec, nsec);
	if (!error)
		error = claim_from_shared(seq, count, claim, sec, nsec);
	while (error == SNOWID_E_LIMIT) {
		error = claim_after_renewal(seq, count, claim);
		if (error == SNOWID_E_LIMIT)
			error = wait_for_prompt_limit(seq, claim->start, &claim->wait_ns);
	}
	return error;
}

int sn_sequencer_claim_slow(struct sn_sequencer *seq, uint64_t count, struct sn_claim *claim,
			    int64_t sec, uint32_t nsec)
{
	return seq->prompt ? claim_promptly(seq, count, claim, sec, nsec)
			   : claim_from_shared(seq, count, claim, sec, nsec);
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
			error = renew_limit(seq);
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
	renew_limit(seq);
}

/* When to maintain the limit, in ns from now; UINT64_MAX: never. */
static int time_until_maintenance(struct sn_sequencer *seq, uint64_t *wait_ns)
{
	struct sn_shared_state *const shared = follow_replaced_state(seq);
	const uint64_t next = atomic_load(&shared->next);
	struct sn_reading now;

	if (next == SN_SEALED) {
		*wait_ns = UINT64_MAX;
		return 0;
	}
	const int error = sn_ticks_read(&seq->policy.ticks, seq->policy.clock, &now);
	if (error)
		return error;
	const uint64_t wait =
		time_until_renewal(seq, shared, now.t100ns, (next - 1) >> seq->policy.ticks.bits,
				   seq->reach.room / MAINTAIN_EARLY);
	*wait_ns = wait < UINT64_MAX / 100 ? wait * 100 : UINT64_MAX;
	return 0;
}

int sn_sequencer_maintain(struct sn_sequencer *seq, uint64_t *next_call_ns)
{
	uint64_t wait_ns;

	int error = sn_plan_check_final(&seq->policy);
	if (!error)
		error = time_until_maintenance(seq, &wait_ns);
	if (!error && wait_ns == 0) {
		error = renew_limit(seq);
		if (!error)
			error = time_until_maintenance(seq, &wait_ns);
	}
	if (error)
		return error;
	/* Still due: another thread is renewing, or that has taken as long as it gained. */
	*next_call_ns = wait_ns > MAINTAIN_MIN_NS ? wait_ns : MAINTAIN_MIN_NS;
	return 0;
}

/* ---- observation ----------------------------------------------------------------------------- */

static int plan_any_claim(struct sn_sequencer *seq, struct sn_plan *plan)
{
	struct sn_shared_state *const shared = follow_replaced_state(seq);
	const uint64_t next = atomic_load(&shared->next);
	struct sn_reading now = {0, 0};
	int error =
		next == SN_SEALED ? 0 : sn_ticks_read(&seq->policy.ticks, seq->policy.clock, &now);

	*plan = (struct sn_plan){0};
	return error ? error : sn_plan_claim(&seq->policy, shared, next, &now, plan);
}

int sn_sequencer_available(struct sn_sequencer *seq, uint64_t *count, uint64_t *wait_ns)
{
	struct sn_plan plan;

	int error = plan_any_claim(seq, &plan);
	while (error == SNOWID_E_LIMIT && seq->prompt) {
		error = renew_limit(seq);
		if (!error)
			error = plan_any_claim(seq, &plan);
		if (error == SNOWID_E_LIMIT)
			error = wait_for_prompt_limit(seq, plan.start, &plan.wait_ns);
	}
	*wait_ns = error ? plan.wait_ns : 0;
	if (!error)
		*count = plan.end - plan.start;
	return error;
}

int sn_sequencer_left(const struct sn_sequencer *seq, uint64_t *left_ns)
{
	const struct sn_ticks *const ticks = &seq->policy.ticks;
	const struct sn_shared_state *shared = atomic_load(&seq->shared);
	struct sn_reading now;

	while (atomic_load(&shared->seal_reason) == SN_SEAL_REPLACED)
		shared++;
	const uint64_t limit = atomic_load(&shared->limit),
		       reason = atomic_load(&shared->seal_reason);
	*left_ns = 0;
	if (atomic_load(&shared->next) == SN_SEALED && reason != SN_SEAL_REMOVED)
		return 0;
	*left_ns = UINT64_MAX;
	if (seq->prompt || limit >= ticks->last_tick)
		return 0;
	const int error = sn_ticks_read(ticks, seq->policy.clock, &now);
	if (error)
		return error;
	const uint64_t end = (limit + 1) * ticks->unit_t100ns;
	*left_ns = end > now.t100ns ? (end - now.t100ns) * 100 : 0;
	return 0;
}

struct sn_shared_state *sn_sequencer_shared(const struct sn_sequencer *seq)
{
	struct sn_shared_state *shared = atomic_load(&seq->attached);
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
				.limit_wait_ns = settings->limit_wait_ns ? settings->limit_wait_ns
									 : SN_SLEEP_MIN_NS,
				.paced_slot = SN_SEALED,
				.check_final = settings->check_final,
				.user = settings->user,
			},
		.attached = settings->shared,
		.renew = settings->renew,
		.prompt = settings->prompt,
		.renewed_by_others = settings->renewed_by_others,
		.reach = settings->reach,
	};
}

/* How far the next slot is ahead of what may be borrowed; 0 if it is so by no more than a tick, for
 * which the calls for IDs wait. */
static int measure_excess(struct sn_sequencer *seq, uint64_t *excess_t100ns)
{
	const uint64_t next = atomic_load(&sn_sequencer_shared(seq)->next);
	struct sn_reading now;

	const int error = sn_ticks_read(&seq->policy.ticks, seq->policy.clock, &now);
	if (error)
		return error;
	const uint64_t begin = (next >> seq->policy.ticks.bits) * seq->policy.ticks.unit_t100ns;
	const uint64_t latest = now.t100ns + seq->policy.borrow_t100ns;
	const bool waits = next != SN_SEALED && begin > latest + seq->policy.ticks.unit_t100ns;
	*excess_t100ns = waits ? begin - latest : 0;
	return 0;
}

int sn_sequencer_wait_for_clock(struct sn_sequencer *seq, const struct sn_wait *wait,
				uint64_t own_ns)
{
	uint64_t excess_t100ns = 0, end_ns = 0, left_ns = 0;

	int error = measure_excess(seq, &excess_t100ns);
	if (error || excess_t100ns == 0)
		return error;
	error = sn_wait_end(wait, own_ns, &end_ns);
	while (!error && excess_t100ns > 0) {
		error = sn_wait_left(wait, end_ns, &left_ns);
		if (!error && left_ns == 0)
			break;
		const uint64_t span_ns = excess_t100ns * 100;
		if (!error)
			error = sn_clock_sleep(wait->clock, span_ns < left_ns ? span_ns : left_ns);
		if (!error)
			error = measure_excess(seq, &excess_t100ns);
	}
	if (error)
		return error;
	if (excess_t100ns <= seq->policy.hold_t100ns)
		return 0;
	return sn_fail(
		SNOWID_E_CLOCK,
		"the clock is %.4f ms behind what the store has recorded; correct the clock, or "
		"use another store",
		sn_t100ns_to_ms(excess_t100ns + seq->policy.borrow_t100ns));
}

void sn_sequencer_attach(struct sn_sequencer *seq, struct sn_shared_state *shared)
{
	struct sn_shared_state *old = atomic_load(&seq->shared);

	if (atomic_load(&seq->attached) != shared)
		atomic_store(&seq->attached, shared);
	if (old != shared && atomic_load(&old->seal_reason) == SN_SEAL_REMOVED)
		atomic_compare_exchange_strong(&seq->shared, &old, shared);
}

void sn_sequencer_detach(struct sn_sequencer *seq)
{
	static struct sn_shared_state sealed = {.next = SN_SEALED};
	atomic_store(&seq->shared, &sealed);
}
