/* SPDX-License-Identifier: MIT
 *
 * Claims that the inline path of sequencer.h leaves: a tick is opened, is spent, or the clock is
 * behind.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "libsnowid/entropy.h"
#include "libsnowid/error.h"
#include "libsnowid/sequencer.h"

#define HNS_PER_MS 10000

/* While slots are finer than this, a sleeper lets some gather: the kernel wakes it 50 us late, and
 * what has gathered in the meantime is within the lag and not lost. */
#define SLEEP_MIN_NS 250000

static double ms(uint64_t hns)
{
	return (double)hns / HNS_PER_MS;
}

static uint64_t hns_from_ns(uint64_t ns)
{
	return ns / 100 + (ns % 100 != 0);
}

static void raise_to(_Atomic uint64_t *word, uint64_t value)
{
	uint64_t old = atomic_load_explicit(word, memory_order_relaxed);
	while (old < value && !atomic_compare_exchange_weak(word, &old, value))
		;
}

/* The part of a slot that statistics read off `next`. */
static uint64_t low_part(const struct sn_sequencer *q, uint64_t slot)
{
	return slot & ((UINT64_C(1) << q->coarse_bits) - 1);
}

static unsigned bits_for(uint64_t values)
{
	unsigned bits = 0;
	while (bits < 64 && (values - 1) >> bits != 0)
		bits++;
	return bits;
}

/* ---- where the clock stands ------------------------------------------------------------------ */

static int out_of_layout(const struct sn_sequencer *q, bool early)
{
	char edge[SNOWID_TIME_TEXT];
	int64_t sec = q->time.epoch_sec;
	uint32_t nsec = q->time.epoch_nsec;

	if (!early)
		sn_timebase_start(&q->time, q->last_tick, &sec, &nsec);
	snowid_time_format(sec, nsec, edge);
	return early ? sn_fail(SNOWID_E_EPOCH,
			       "the clock stands before the epoch, %s; set the clock, or choose an "
			       "earlier epoch",
			       edge)
		     : sn_fail(SNOWID_E_ENDED, "the layout ended at %s; move to another layout", edge);
}

/* A reading that lies within the layout. */
struct reading {
	uint64_t tick;
	uint64_t hns;
};

static int locate(const struct sn_sequencer *q, int64_t sec, uint32_t nsec, struct reading *now)
{
	if (sec < q->time.epoch_sec)
		return out_of_layout(q, true);
	if ((uint64_t)sec - (uint64_t)q->time.epoch_sec > q->span_sec)
		return out_of_layout(q, false);
	const int64_t hns = sn_timebase_hns(&q->time, sec, nsec);
	if (hns < 0)
		return out_of_layout(q, true);
	now->hns = (uint64_t)hns;
	now->tick = sn_timebase_tick(&q->time, sec, nsec);
	return now->tick > q->last_tick ? out_of_layout(q, false) : 0;
}

static int read_clock(const struct sn_sequencer *q, struct reading *now)
{
	int64_t sec;
	uint32_t nsec;
	const int error = sn_clock_wall(q->clock, &sec, &nsec);
	return error ? error : locate(q, sec, nsec, now);
}

static uint64_t tick_begin(const struct sn_sequencer *q, uint64_t tick)
{
	return tick << q->bits;
}

static uint64_t tick_end(const struct sn_sequencer *q, uint64_t tick)
{
	return tick >= q->last_tick ? q->end_slot : tick_begin(q, tick + 1);
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
	return sn_fail(SNOWID_E_CLOCK,
		       "%s by %.4f ms, more than the hold of %.4f ms; correct the clock, or raise hold",
		       what, ms(distance), ms(bound));
}

/* Goes on without the clock: in a tick that has been opened, to its end; into the next only after
 * `slowness` ticks of elapsed time. Without that pace a busy generator would run ahead to the bound
 * at once, and then refuse everything. */
static int go_by_elapsed_time(struct sn_sequencer *q, uint64_t slowness, struct plan *plan)
{
	const uint64_t tick = plan->start >> q->bits;
	const uint64_t pace = q->unit * 100 * slowness;
	uint64_t now, ticks = 0, waited = 0;

	if (plan->start != tick_begin(q, tick)) {
		plan->end = tick_end(q, tick);
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
	if (ticks > q->lag)
		ticks = q->lag ? q->lag : 1;
	plan->end = tick_end(q, ticks > q->last_tick - tick ? q->last_tick : tick + ticks - 1);
	return 0;
}

/* The next slot lies above the clock's tick. `now` was read after `next` was loaded: an older
 * reading of a thread that was preempted in between would show a step back that never was. */
static int judge(struct sn_sequencer *q, struct sn_words *words, const struct reading *now,
		 struct plan *plan)
{
	const uint64_t seen = atomic_load(&words->seen);
	const uint64_t regression = seen > now->hns ? seen - now->hns : 0;
	const uint64_t begin = (plan->start >> q->bits) * q->unit;
	const uint64_t ahead = begin > now->hns ? begin - now->hns : 0;

	if (regression > 0) {
		raise_to(&words->max_lag, regression);
		if (atomic_exchange(&words->behind, 1) == 0)
			atomic_fetch_add(&words->regressions, 1);
		if (regression > q->hold)
			return refuse(words, regression, q->hold, "the clock went back");
		if (regression <= q->wait)
			return ask_to_wait(plan, regression, SNOWID_E_CLOCK, "the clock went back");
		if (ahead > q->hold)
			return ask_to_wait(plan, ahead - q->hold, SNOWID_E_CLOCK,
					"the clock went back, and IDs are as far ahead as hold allows");
		return go_by_elapsed_time(q, 1, plan);
	}
	if (ahead <= q->borrow) {
		const uint64_t tick = (now->hns + q->borrow) / q->unit;
		plan->end = tick_end(q, tick);
		return 0;
	}
	/* One tick ahead is a spent tick. More is what a hold has left when the clock has caught up
	 * with its past: it is worked off at half the pace, so that nobody has to stand still. */
	const uint64_t excess = ahead - q->borrow;
	if (excess <= q->unit)
		return ask_to_wait(plan, excess, SNOWID_E_EXHAUSTED, "the sequence of this tick is spent");
	if (excess <= q->wait)
		return ask_to_wait(plan, excess, SNOWID_E_CLOCK, "the clock is behind what has been issued");
	if (excess <= q->hold)
		return go_by_elapsed_time(q, 2, plan);
	return refuse(words, excess, q->hold, "the clock is behind what has been issued");
}

/* ---- claims ---------------------------------------------------------------------------------- */

/* Which slots may be claimed if `next` is what it was. `now` may be older than `next` at first, and
 * is then read again where that would matter. */
static int make_plan(struct sn_sequencer *q, struct sn_words *words, uint64_t next,
		     struct reading *now, struct plan *plan)
{
	int error;

	*plan = (struct plan){.start = next};
	if (next == SN_SEALED)
		return sn_fail(SNOWID_E_CLOSED, "the generator is closed; make another");
	if (next >= q->end_slot)
		return out_of_layout(q, false);
	if (next >= tick_end(q, now->tick)) {
		error = read_clock(q, now);
		if (error)
			return error;
	}
	const uint64_t oldest = now->tick > q->lag ? tick_begin(q, now->tick - q->lag) : 0;
	const bool unopened = next == oldest && next == tick_begin(q, now->tick);
	if (next < oldest || unopened) {
		uint32_t random = 0;
		if (q->start_bits > 0) {
			error = sn_entropy(&random, sizeof random);
			if (error)
				return error;
		}
		plan->start = oldest + (random & ((UINT64_C(1) << q->start_bits) - 1));
		plan->end = tick_end(q, now->tick);
	} else if (next < tick_end(q, now->tick)) {
		plan->end = tick_end(q, now->tick);
	} else {
		error = judge(q, words, now, plan);
		if (error)
			return error;
	}
	const uint64_t limit = atomic_load_explicit(&words->limit, memory_order_acquire);
	if (plan->end > tick_end(q, limit))
		plan->end = tick_end(q, limit);
	if (plan->start < plan->end)
		return 0;
	plan->wait_ns = SLEEP_MIN_NS;
	return sn_fail(SNOWID_E_LIMIT, "the store allows IDs up to tick %" PRIu64 ": the next is of %" PRIu64,
		       limit, plan->start >> q->bits);
}

/* After a claim that moved `next` from `old` over `start` to `end`: `counted` makes up for what the
 * low bits of `next` do not show. */
static void account(const struct sn_sequencer *q, struct sn_words *words, uint64_t old,
		    uint64_t start, uint64_t end, const struct reading *now)
{
	const uint64_t difference = (end - start) - (low_part(q, end) - low_part(q, old));
	const uint64_t last = ((end - 1) >> q->bits) * q->unit;

	if (last > now->hns)
		raise_to(&words->max_lead, last - now->hns);
	if (difference != 0)
		atomic_fetch_add_explicit(&words->counted, difference, memory_order_relaxed);
	const bool opened = start != old || difference != 0 || low_part(q, old) == 0;
	if (opened && atomic_load_explicit(&words->seen, memory_order_relaxed) <= now->hns) {
		raise_to(&words->seen, now->hns);
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

int sn_sequencer_claim_slowly(struct sn_sequencer *q, uint64_t count, struct sn_claim *claim,
			      int64_t sec, uint32_t nsec)
{
	struct sn_words *const words = atomic_load(&q->words);
	uint64_t next = atomic_load(&words->next);
	struct reading now = {0, 0};
	struct plan plan = {0};
	int error = next == SN_SEALED ? 0 : locate(q, sec, nsec, &now);

	for (;;) {
		if (!error)
			error = make_plan(q, words, next, &now, &plan);
		if (error) {
			claim->wait_ns = plan.wait_ns;
			return error;
		}
		claim->start = plan.start;
		claim->count = count < plan.end - plan.start ? count : plan.end - plan.start;
		const uint64_t end = plan.start + claim->count;
		const uint64_t old = next;
		if (atomic_compare_exchange_strong(&words->next, &next, end)) {
			account(q, words, old, plan.start, end, &now);
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
		uint64_t span = claim->wait_ns;
		if (q->lag > 0 && span < SLEEP_MIN_NS)
			span = SLEEP_MIN_NS;
		if (span > deadline->at - now)
			span = deadline->at - now;
		atomic_fetch_add(&q->mapped->waits, 1);
		error = sn_clock_sleep(q->clock, span);
		if (error)
			return error;
		failure = sn_sequencer_claim(q, count, claim);
	}
	return failure;
}

int sn_sequencer_available(struct sn_sequencer *q, uint64_t *count, uint64_t *wait_ns)
{
	struct sn_words *const words = atomic_load(&q->words);
	const uint64_t next = atomic_load(&words->next);
	struct reading now = {0, 0};
	struct plan plan = {0};
	int error = next == SN_SEALED ? 0 : read_clock(q, &now);

	if (!error)
		error = make_plan(q, words, next, &now, &plan);
	*wait_ns = plan.wait_ns;
	if (!error)
		*count = plan.end - plan.start;
	return error;
}

uint64_t sn_sequencer_issued(const struct sn_sequencer *q)
{
	struct sn_words *const words = q->mapped;
	const uint64_t next = atomic_load(&words->next);
	const uint64_t end = next == SN_SEALED ? atomic_load(&words->end) : next;
	return atomic_load(&words->counted) + low_part(q, end);
}

/* ---- life ------------------------------------------------------------------------------------ */

int sn_sequencer_init(struct sn_sequencer *q, const struct sn_sequencer_settings *settings)
{
	const uint64_t unit = settings->time.unit_ns / 100;
	const uint64_t lag = unit < HNS_PER_MS ? HNS_PER_MS / unit : 0;
	const unsigned coarse_bits = settings->bits + bits_for(lag + 1);
	const uint64_t top = SN_SEALED - 1;
	struct reading now;
	int64_t last_sec;
	uint32_t last_nsec;

	sn_timebase_start(&settings->time, settings->last_tick, &last_sec, &last_nsec);
	*q = (struct sn_sequencer){
		.clock = settings->clock,
		.time = settings->time,
		.span_sec = (uint64_t)(last_sec - settings->time.epoch_sec) + 1,
		.last_tick = settings->last_tick,
		.end_slot = settings->last_tick >= top >> settings->bits
				    ? top
				    : (settings->last_tick + 1) << settings->bits,
		.bits = settings->bits,
		.mask = (UINT64_C(1) << settings->bits) - 1,
		.coarse_bits = coarse_bits < 63 ? coarse_bits : 63,
		.start_bits = settings->start_bits,
		.lag = lag,
		.unit = unit,
		.wait = hns_from_ns(settings->wait_ns),
		.hold = hns_from_ns(settings->hold_ns),
		.borrow = hns_from_ns(settings->borrow_ns),
		.held_slot = SN_SEALED,
	};
	const int error = read_clock(q, &now);
	if (error)
		return error;
	struct sn_words *const words = mmap(NULL, sizeof *words, PROT_READ | PROT_WRITE,
					    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (words == MAP_FAILED)
		return sn_fail_nomem();
	atomic_store(&words->next, tick_end(q, now.tick));
	atomic_store(&words->limit, q->last_tick);
	atomic_store(&words->seen, now.hns);
	/* What the low bits of the first `next` show has not been issued. */
	atomic_store(&words->counted, 0 - low_part(q, tick_end(q, now.tick)));
	q->mapped = words;
	atomic_store(&q->words, words);
	return 0;
}

void sn_sequencer_destroy(struct sn_sequencer *q)
{
	munmap(q->mapped, sizeof *q->mapped);
}

void sn_sequencer_seal(struct sn_sequencer *q)
{
	const uint64_t end = atomic_exchange(&q->mapped->next, SN_SEALED);
	if (end != SN_SEALED)
		atomic_store(&q->mapped->end, end);
}

void sn_sequencer_leave(struct sn_sequencer *q)
{
	static struct sn_words sealed = {.next = SN_SEALED};
	atomic_store(&q->words, &sealed);
}
