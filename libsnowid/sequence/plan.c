/* SPDX-License-Identifier: MIT
 *
 * The clock policy. If the next slot is in the past, the tick of the clock is opened. If the clock
 * is behind the next slot, its tick is used up, time was borrowed, or the clock was set back.
 */
#include "libsnowid/sequence/plan.h"

#include <inttypes.h>

#include "libsnowid/base/entropy.h"
#include "libsnowid/base/error.h"

static int fail_retry_later(struct sn_plan *plan, uint64_t t100ns, int code, const char *why)
{
	plan->wait_ns = t100ns * 100;
	return sn_fail(code, "%s; try again in %.4f ms, or allow a longer wait", why,
		       sn_t100ns_to_ms(t100ns));
}

static int fail_too_far_behind(const struct sn_policy *policy, struct sn_shared_state *shared,
			       uint64_t distance, const char *what)
{
	const bool borrows = atomic_load(&shared->most_borrow) > policy->borrow_t100ns;

	atomic_fetch_add(&shared->refused, 1);
	return sn_fail(
		SNOWID_E_CLOCK, "%s by %.4f ms, more than the hold of %.4f ms; %s", what,
		sn_t100ns_to_ms(distance), sn_t100ns_to_ms(policy->hold_t100ns),
		borrows ? "another program that uses the store borrows more: set borrow alike"
			: "correct the clock, or raise hold");
}

/* ---- the clock is behind --------------------------------------------------------------------- */

/* Continues without the clock. A tick that is open is used to its end; the next is opened only
 * after `slowness` ticks of elapsed time. Without this pace, a busy generator would run ahead as
 * far as hold allows in no time, and would then have to refuse everything. */
static int plan_by_elapsed_time(struct sn_policy *policy, uint64_t slowness, struct sn_plan *plan)
{
	const uint64_t tick = plan->start >> policy->ticks.bits;
	const uint64_t pace_ns = policy->ticks.unit_t100ns * 100 * slowness;
	uint64_t now_ns, ticks = 0, waited_ns = 0;

	if (plan->start != sn_ticks_begin(&policy->ticks, tick)) {
		plan->end = sn_ticks_end(&policy->ticks, tick);
		return 0;
	}
	const int error = sn_clock_elapsed(policy->clock, &now_ns);
	if (error)
		return error;
	if (atomic_load(&policy->paced_slot) == plan->start) {
		const uint64_t since_ns = atomic_load(&policy->paced_since_ns);
		waited_ns = now_ns > since_ns ? now_ns - since_ns : 0;
		ticks = waited_ns / pace_ns;
	} else {
		atomic_store(&policy->paced_since_ns, now_ns);
		atomic_store(&policy->paced_slot, plan->start);
	}
	if (ticks == 0)
		return fail_retry_later(plan, sn_t100ns_from_ns(pace_ns - waited_ns),
					SNOWID_E_CLOCK,
					"the clock is behind, and the tick that was held is spent");
	if (ticks > policy->ticks.lag_ticks)
		ticks = policy->ticks.lag_ticks ? policy->ticks.lag_ticks : 1;
	plan->end = sn_ticks_end(&policy->ticks, ticks > policy->ticks.last_tick - tick
							 ? policy->ticks.last_tick
							 : tick + ticks - 1);
	return 0;
}

/* The clock shows an earlier time than it has shown before. */
static int plan_after_regression(struct sn_policy *policy, struct sn_shared_state *shared,
				 uint64_t regression, uint64_t ahead, struct sn_plan *plan)
{
	sn_raise(&shared->max_lag, regression);
	if (atomic_exchange(&shared->behind, 1) == 0)
		atomic_fetch_add(&shared->regressions, 1);
	if (regression <= policy->wait_t100ns)
		return fail_retry_later(plan, regression, SNOWID_E_CLOCK, "the clock went back");
	if (regression > policy->hold_t100ns)
		return fail_too_far_behind(policy, shared, regression, "the clock went back");
	/* Borrowed time was ahead of the clock before it went back. */
	const uint64_t bound = policy->hold_t100ns + policy->borrow_t100ns;
	if (ahead > bound) {
		const uint64_t excess = ahead - bound;
		return fail_retry_later(
			plan, excess < regression ? excess : regression, SNOWID_E_CLOCK,
			"the clock went back, and IDs are as far ahead as hold and borrow allow");
	}
	return plan_by_elapsed_time(policy, 1, plan);
}

/* The clock is right, but IDs are ahead of it: their tick is used up, time is borrowed, or the
 * clock has caught up with its past after a hold that left IDs further ahead. */
static int plan_ahead_of_clock(struct sn_policy *policy, struct sn_shared_state *shared,
			       const struct sn_reading *now, uint64_t ahead, struct sn_plan *plan)
{
	if (ahead <= policy->borrow_t100ns) {
		const uint64_t latest = now->t100ns + policy->borrow_t100ns;
		plan->end = sn_ticks_end(&policy->ticks, latest / policy->ticks.unit_t100ns);
		return 0;
	}
	const uint64_t excess = ahead - policy->borrow_t100ns;
	if (excess <= policy->ticks.unit_t100ns)
		return fail_retry_later(plan, excess, SNOWID_E_EXHAUSTED,
					"the sequence of this tick is spent");
	if (excess <= policy->wait_t100ns)
		return fail_retry_later(plan, excess, SNOWID_E_CLOCK,
					"the clock is behind what has been issued");
	/* The lead is reduced at half speed, so that no caller blocks for long. */
	if (excess <= policy->hold_t100ns)
		return plan_by_elapsed_time(policy, 2, plan);
	return fail_too_far_behind(policy, shared, excess,
				   "the clock is behind what has been issued");
}

/* The next slot is above the tick of the clock. `now` was read after the next slot and `seen` were
 * loaded. If a thread was preempted between an older reading and these loads, the clock would seem
 * to have gone back. */
static int plan_behind_clock(struct sn_policy *policy, struct sn_shared_state *shared,
			     uint64_t seen, const struct sn_reading *now, struct sn_plan *plan)
{
	const uint64_t begin = (plan->start >> policy->ticks.bits) * policy->ticks.unit_t100ns;
	const uint64_t ahead = begin > now->t100ns ? begin - now->t100ns : 0;

	if (seen > now->t100ns)
		return plan_after_regression(policy, shared, seen - now->t100ns, ahead, plan);
	return plan_ahead_of_clock(policy, shared, now, ahead, plan);
}

/* ---- plans ----------------------------------------------------------------------------------- */

int sn_plan_check_final(const struct sn_policy *policy)
{
	return policy->check_final ? policy->check_final(policy->user) : 0;
}

static int fail_sealed(const struct sn_policy *policy, const struct sn_shared_state *shared,
		       struct sn_plan *plan)
{
	const uint64_t reason = atomic_load(&shared->seal_reason);

	if (reason == SN_SEAL_LOST || reason == SN_SEAL_REPLACED) {
		plan->wait_ns = SN_LOST_WAIT_NS;
		return sn_fail(SNOWID_E_LIMIT,
			       "the store has lost its worker, and claims one again");
	}
	const bool may_be_final = reason == SN_SEAL_FORFEITED || reason == SN_SEAL_REMOVED;
	const int error = may_be_final ? sn_plan_check_final(policy) : 0;
	if (!error && reason == SN_SEAL_REMOVED) {
		plan->wait_ns = SN_SLEEP_MIN_NS;
		return sn_fail(SNOWID_E_LIMIT, "the file of the store has lost its name");
	}
	return error ? error : sn_fail(SNOWID_E_CLOSED, "the generator is closed; create another");
}

/* Opens the tick of the clock and, with it, those of the lag. */
static int plan_open_tick(struct sn_policy *policy, uint64_t oldest, const struct sn_reading *now,
			  struct sn_plan *plan)
{
	uint32_t random = 0;

	if (policy->start_bits > 0) {
		const int error = sn_entropy(&random, sizeof random);
		if (error)
			return error;
	}
	plan->start = oldest + (random & ((UINT64_C(1) << policy->start_bits) - 1));
	plan->end = sn_ticks_end(&policy->ticks, now->tick);
	return 0;
}

static int plan_by_clock(struct sn_policy *policy, struct sn_shared_state *shared, uint64_t seen,
			 const struct sn_reading *now, struct sn_plan *plan)
{
	const struct sn_ticks *const ticks = &policy->ticks;
	const uint64_t next = plan->start;
	const uint64_t oldest = now->tick > ticks->lag_ticks
					? sn_ticks_begin(ticks, now->tick - ticks->lag_ticks)
					: 0;
	const bool unopened = next == oldest && next == sn_ticks_begin(ticks, now->tick);

	if (next < oldest || unopened)
		return plan_open_tick(policy, oldest, now, plan);
	if (next >= sn_ticks_end(ticks, now->tick))
		return plan_behind_clock(policy, shared, seen, now, plan);
	plan->end = sn_ticks_end(ticks, now->tick);
	return 0;
}

int sn_plan_claim(struct sn_policy *policy, struct sn_shared_state *shared, uint64_t next,
		  struct sn_reading *now, struct sn_plan *plan)
{
	int error = 0;

	*plan = (struct sn_plan){.start = next};
	if (next == SN_SEALED)
		return fail_sealed(policy, shared, plan);
	if (next >= policy->ticks.end_slot)
		return sn_ticks_fail_ended(&policy->ticks);
	const uint64_t seen = atomic_load(&shared->seen);
	if (next >= sn_ticks_end(&policy->ticks, now->tick))
		error = sn_ticks_read(&policy->ticks, policy->clock, now);
	if (!error)
		error = plan_by_clock(policy, shared, seen, now, plan);
	if (error)
		return error;
	const uint64_t limit = atomic_load_explicit(&shared->limit, memory_order_acquire);
	if (plan->end > sn_ticks_end(&policy->ticks, limit))
		plan->end = sn_ticks_end(&policy->ticks, limit);
	if (plan->start < plan->end)
		return 0;
	error = sn_plan_check_final(policy);
	if (error)
		return error;
	plan->wait_ns = policy->limit_wait_ns;
	return sn_fail(SNOWID_E_LIMIT,
		       "the store allows IDs up to tick %" PRIu64 ", and the next is in %" PRIu64,
		       limit, plan->start >> policy->ticks.bits);
}
