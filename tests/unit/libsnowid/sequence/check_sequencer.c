/* SPDX-License-Identifier: MIT */
#include <pthread.h>

#include "libsnowid/base/pause.h"
#include "libsnowid/sequence/sequencer.h"
#include "libsnowid/stores.h"
#include "tests/unit/generators.h"

#define START_SEC 1000 /* the epoch is 0 */
#define START_MS  (START_SEC * UINT64_C(1000))

struct sequencer_setup {
	struct snowid_clock *clock;
	struct sn_timebase time;
	uint64_t last_tick;
	unsigned bits, start_bits;
	uint64_t wait_ns, hold_ns, borrow_ns;
};

static struct snowid_clock *manual;
static struct sn_store *store;
static struct sn_sequencer sequencer;
static struct sn_claim claim;

/* A sequencer of ticks of 1 ms and 4096 slots, on a manual clock at START_SEC. */
static struct sequencer_setup default_setup(void)
{
	struct sequencer_setup s = {.bits = 12,
				    .wait_ns = 5 * MS,
				    .hold_ns = 1000 * MS,
				    .last_tick = UINT64_C(1) << 42};
	sn_timebase_init(&s.time, 0, 0, 1000000);
	manual = manual_clock(START_SEC);
	s.clock = manual;
	return s;
}

static int try_open_sequencer(const struct sequencer_setup *setup)
{
	struct sn_store_settings stored = {.clock = setup->clock};
	sn_ticks_init(&stored.ticks, &setup->time, setup->last_tick, setup->bits);
	const int error = sn_store_open("memory:", &stored, &store);
	if (error)
		return error;
	const struct sn_sequencer_settings settings = {
		.clock = setup->clock,
		.ticks = stored.ticks,
		.shared = store->shared,
		.start_bits = setup->start_bits,
		.wait_ns = setup->wait_ns,
		.hold_ns = setup->hold_ns,
		.borrow_ns = setup->borrow_ns,
	};
	sn_sequencer_init(&sequencer, &settings);
	return 0;
}

static void open_sequencer(const struct sequencer_setup *setup)
{
	OK(try_open_sequencer(setup));
}

static void close_sequencer(void)
{
	store->class->close(store);
	snowid_clock_free(manual);
}

static int claim_for(uint64_t count, uint64_t timeout_ns)
{
	struct sn_deadline deadline = {timeout_ns, 0};
	return sn_sequencer_claim_until(&sequencer, count, &deadline, &claim);
}

static void expect_claim(uint64_t start, uint64_t count)
{
	ck_assert_msg(claim.start == start && claim.count == count,
		      "[%llu, +%llu) is tick %llu + %llu", (unsigned long long)claim.start,
		      (unsigned long long)claim.count,
		      (unsigned long long)(claim.start >> sequencer.policy.ticks.bits),
		      (unsigned long long)(claim.start &
					   ((UINT64_C(1) << sequencer.policy.ticks.bits) - 1)));
}

/* ---- a competitor, which claims between a plan and its swap, and during pauses --------------- */

static int competing_claims, pauses;

int __real_sn_plan_claim(struct sn_sequencer *seq, struct sn_shared_state *shared, uint64_t next,
			 struct sn_reading *now, struct sn_plan *plan);
int __wrap_sn_plan_claim(struct sn_sequencer *seq, struct sn_shared_state *shared, uint64_t next,
			 struct sn_reading *now, struct sn_plan *plan);
void __real_sn_pause_after_lost_race(void);
void __wrap_sn_pause_after_lost_race(void);

static void compete(struct sn_shared_state *shared)
{
	if (competing_claims > 0) {
		competing_claims--;
		atomic_fetch_add(&shared->next, 1);
	}
}

int __wrap_sn_plan_claim(struct sn_sequencer *seq, struct sn_shared_state *shared, uint64_t next,
			 struct sn_reading *now, struct sn_plan *plan)
{
	const int error = __real_sn_plan_claim(seq, shared, next, now, plan);
	if (pauses == 0)
		compete(shared);
	return error;
}

void __wrap_sn_pause_after_lost_race(void)
{
	if (competing_claims == 0) {
		__real_sn_pause_after_lost_race();
		return;
	}
	pauses++;
	compete(sn_sequencer_shared(&sequencer));
}

TEST(loser_of_a_race_claims_what_is_next_after_its_pause)
{
	const struct sequencer_setup settings = default_setup();
	open_sequencer(&settings);
	OK(snowid_clock_advance(manual, 2 * MS));
	competing_claims = 20;
	OK(sn_sequencer_claim(&sequencer, 1, &claim));
	ck_assert_int_eq(pauses, 1);
	ck_assert_int_eq(competing_claims, 18);
	close_sequencer();
}

/* ---- claims ---------------------------------------------------------------------------------- */

TEST(first_slot_is_above_the_tick_of_opening)
{
	const struct sequencer_setup settings = default_setup();
	open_sequencer(&settings);
	EXPECT(sn_sequencer_claim(&sequencer, 1, &claim), SNOWID_E_EXHAUSTED);
	ck_assert_uint_eq(claim.wait_ns, MS);
	OK(snowid_clock_advance(manual, MS - 1));
	EXPECT(sn_sequencer_claim(&sequencer, 1, &claim), SNOWID_E_EXHAUSTED);
	OK(snowid_clock_advance(manual, 1));
	OK(sn_sequencer_claim(&sequencer, 1, &claim));
	expect_claim((START_MS + 1) << 12, 1);
	close_sequencer();
}

TEST(claims_are_contiguous_and_end_with_the_tick)
{
	const struct sequencer_setup settings = default_setup();
	open_sequencer(&settings);
	OK(snowid_clock_advance(manual, 2 * MS));
	const uint64_t begin = (START_MS + 2) << 12;
	OK(sn_sequencer_claim(&sequencer, 1, &claim));
	expect_claim(begin, 1);
	OK(sn_sequencer_claim(&sequencer, 4000, &claim));
	expect_claim(begin + 1, 4000);
	OK(sn_sequencer_claim(&sequencer, SN_CLAIM_MAX, &claim));
	expect_claim(begin + 4001, 95);
	OK(snowid_clock_advance(manual, MS / 4));
	EXPECT(sn_sequencer_claim(&sequencer, 1, &claim), SNOWID_E_EXHAUSTED);
	ck_assert_uint_eq(claim.wait_ns, MS * 3 / 4);
	ck_assert_uint_eq(atomic_load(&sequencer.shared->next), begin + 4096);
	OK(claim_for(1, MS));
	expect_claim(begin + 4096, 1);
	ck_assert_uint_eq(sn_sequencer_issued(&sequencer), 4097);
	close_sequencer();
}

TEST(no_tick_above_the_limit_is_claimed)
{
	const struct sequencer_setup settings = default_setup();
	open_sequencer(&settings);
	OK(snowid_clock_advance(manual, MS));
	atomic_store(&sequencer.shared->limit, START_MS + 1);
	OK(sn_sequencer_claim(&sequencer, 10, &claim));
	const uint64_t next = atomic_load(&sequencer.shared->next);
	OK(snowid_clock_advance(manual, MS));
	EXPECT(sn_sequencer_claim(&sequencer, 1, &claim), SNOWID_E_LIMIT);
	ck_assert_uint_gt(claim.wait_ns, 0);
	ck_assert_uint_eq(atomic_load(&sequencer.shared->next), next);
	EXPECT(claim_for(1, 50 * MS), SNOWID_E_LIMIT);
	atomic_store(&sequencer.shared->limit, START_MS + 100);
	OK(sn_sequencer_claim(&sequencer, 1, &claim));
	close_sequencer();
}

TEST(claims_in_an_open_tick_check_the_limit)
{
	const struct sequencer_setup settings = default_setup();
	open_sequencer(&settings);
	OK(snowid_clock_advance(manual, MS));
	OK(sn_sequencer_claim(&sequencer, 10, &claim));
	atomic_store(&sequencer.shared->limit,
		     START_MS); /* as a faulty store might: limits never fall */
	EXPECT(sn_sequencer_claim(&sequencer, 1, &claim), SNOWID_E_LIMIT);
	close_sequencer();
}

TEST(claim_over_many_ticks_ends_at_the_limit)
{
	struct sequencer_setup settings = default_setup();
	settings.bits = 0; /* each slot is a tick, so a claim can span many */
	sn_timebase_init(&settings.time, 0, 0, 100);
	open_sequencer(&settings);
	const uint64_t made_in = START_SEC * UINT64_C(10000000);
	atomic_store(&sequencer.shared->limit, made_in + 50);
	OK(snowid_clock_advance(manual, 20000));
	OK(sn_sequencer_claim(&sequencer, 1000, &claim));
	expect_claim(made_in + 1, 50);
	EXPECT(sn_sequencer_claim(&sequencer, 1000, &claim), SNOWID_E_LIMIT);
	close_sequencer();
}

TEST(claims_fail_after_a_seal)
{
	const struct sequencer_setup settings = default_setup();
	open_sequencer(&settings);
	OK(snowid_clock_advance(manual, MS));
	OK(sn_sequencer_claim(&sequencer, 7, &claim));
	const uint64_t end = claim.start + 7;
	sn_seal(store->shared);
	EXPECT(sn_sequencer_claim(&sequencer, 1, &claim), SNOWID_E_CLOSED);
	ck_assert_uint_eq(claim.wait_ns, 0);
	OK(snowid_clock_step(manual, -INT64_C(5000000000)));
	EXPECT(claim_for(1, UINT64_MAX), SNOWID_E_CLOSED);
	ck_assert_uint_eq(atomic_load(&sn_sequencer_shared(&sequencer)->end), end);
	sn_seal(store->shared); /* changes nothing */
	ck_assert_uint_eq(atomic_load(&sn_sequencer_shared(&sequencer)->end), end);
	ck_assert_uint_eq(sn_sequencer_issued(&sequencer), 7);
	uint64_t count, wait;
	EXPECT(sn_sequencer_available(&sequencer, &count, &wait), SNOWID_E_CLOSED);
	close_sequencer();
}

static atomic_int ready_threads;

/* Stores the end of the last claim. */
static void *claim_until_sealed(void *out)
{
	struct sn_claim c;
	uint64_t *const last_end = out;
	atomic_fetch_add(&ready_threads, 1);
	for (;;) {
		const int error = sn_sequencer_claim(&sequencer, 1, &c);
		if (error == SNOWID_E_CLOSED)
			break;
		if (!error)
			*last_end = c.start + 1;
	}
	return NULL;
}

TEST(seal_during_claims_gives_the_exact_end)
{
	for (int round = 0; round < 100; round++) {
		struct sequencer_setup settings = default_setup();
		pthread_t threads[3];
		uint64_t ends[3] = {0, 0, 0}, end = 0;
		settings.clock = NULL;
		settings.bits = 22;
		open_sequencer(&settings);
		atomic_store(&ready_threads, 0);
		for (int i = 0; i < 3; i++)
			pthread_create(&threads[i], NULL, claim_until_sealed, &ends[i]);
		while (atomic_load(&ready_threads) < 3 || sn_sequencer_issued(&sequencer) < 100)
			;
		sn_seal(store->shared);
		for (int i = 0; i < 3; i++) {
			pthread_join(threads[i], NULL);
			end = ends[i] > end ? ends[i] : end;
		}
		ck_assert_uint_eq(atomic_load(&sn_sequencer_shared(&sequencer)->end), end);
		close_sequencer();
	}
}

TEST(detaching_ends_only_this_copy)
{
	const struct sequencer_setup settings = default_setup();
	open_sequencer(&settings);
	struct sn_sequencer other = sequencer; /* as in a child made by fork */
	OK(snowid_clock_advance(manual, MS));
	sn_sequencer_detach(&other);
	EXPECT(sn_sequencer_claim(&other, 1, &claim), SNOWID_E_CLOSED);
	OK(sn_sequencer_claim(&sequencer, 1, &claim));
	close_sequencer();
}

TEST(outdated_clock_reading_is_not_a_step_back)
{
	const struct sequencer_setup settings = default_setup();
	open_sequencer(&settings);
	OK(snowid_clock_advance(manual, 2000 * MS));
	OK(sn_sequencer_claim(&sequencer, 1, &claim));
	/* A thread that read the clock 2 s ago and was then preempted. */
	OK(sn_sequencer_claim_slow(&sequencer, 1, &claim, START_SEC, 0));
	expect_claim(((START_MS + 2000) << 12) + 1, 1);
	ck_assert_uint_eq(atomic_load(&sequencer.shared->regressions), 0);
	close_sequencer();
}

/* A clock that stands still, while another thread reads one that goes on. */
static int preempted_wall(void *user, int64_t *unix_sec, uint32_t *nsec)
{
	struct sn_shared_state *const shared = user;

	*unix_sec = START_SEC;
	*nsec = 10 * MS;
	atomic_store(&shared->seen, atomic_load(&shared->seen) + SN_T100NS_PER_SEC * 2);
	return 0;
}

static int preempted_elapsed(void *user, uint64_t *ns)
{
	(void)user;
	*ns = 0;
	return 0;
}

static int preempted_sleep(void *user, uint64_t ns)
{
	(void)user;
	(void)ns;
	return 0;
}

TEST(preemption_after_a_clock_reading_is_not_a_step_back)
{
	const struct sequencer_setup settings = default_setup();
	open_sequencer(&settings);
	OK(snowid_clock_advance(manual, 10 * MS));
	OK(sn_sequencer_claim(&sequencer, 4096, &claim)); /* all of the tick */
	OK(snowid_clock_new(preempted_wall, preempted_elapsed, preempted_sleep, store->shared,
			    &sequencer.policy.clock));
	EXPECT(sn_sequencer_claim_slow(&sequencer, 1, &claim, START_SEC, 0), SNOWID_E_EXHAUSTED);
	ck_assert_uint_eq(atomic_load(&sequencer.shared->regressions), 0);
	snowid_clock_free(sequencer.policy.clock);
	close_sequencer();
}

TEST(claim_waits_after_a_small_step_back)
{
	const struct sequencer_setup settings = default_setup();
	open_sequencer(&settings);
	OK(snowid_clock_advance(manual, 100 * MS));
	OK(sn_sequencer_claim(&sequencer, 1, &claim));
	OK(snowid_clock_step(manual, -3 * MS));
	EXPECT(sn_sequencer_claim(&sequencer, 1, &claim), SNOWID_E_CLOCK);
	ck_assert_uint_eq(claim.wait_ns, 3 * MS);
	EXPECT(claim_for(1, 2 * MS), SNOWID_E_CLOCK); /* a third of the wait is missing */
	OK(claim_for(1, 2 * MS));
	expect_claim(((START_MS + 100) << 12) + 1, 1);
	ck_assert_uint_eq(atomic_load(&sequencer.shared->regressions), 1);
	ck_assert_uint_eq(atomic_load(&sequencer.shared->max_lag), 3 * MS / 100);
	ck_assert_uint_eq(atomic_load(&sequencer.shared->refused), 0);
	close_sequencer();
}

/* Claims all there is without advancing the clock. Returns how many ticks were opened. */
static uint64_t claim_all_available(void)
{
	const uint64_t before =
		(atomic_load(&sequencer.shared->next) - 1) >> sequencer.policy.ticks.bits;
	while (sn_sequencer_claim(&sequencer, SN_CLAIM_MAX, &claim) == 0)
		;
	return ((atomic_load(&sequencer.shared->next) - 1) >> sequencer.policy.ticks.bits) - before;
}

TEST(hold_opens_ticks_by_elapsed_time)
{
	const struct sequencer_setup settings = default_setup();
	open_sequencer(&settings);
	OK(snowid_clock_advance(manual, 1000 * MS));
	OK(sn_sequencer_claim(&sequencer, 1, &claim));
	OK(snowid_clock_step(manual, -500 * MS));

	/* At once, only the rest of the last tick. */
	OK(sn_sequencer_claim(&sequencer, SN_CLAIM_MAX, &claim));
	expect_claim(((START_MS + 1000) << 12) + 1, 4095);
	EXPECT(sn_sequencer_claim(&sequencer, 1, &claim), SNOWID_E_CLOCK);
	ck_assert_uint_eq(claim.wait_ns, MS);
	OK(snowid_clock_advance(manual, MS / 2));
	EXPECT(sn_sequencer_claim(&sequencer, 1, &claim), SNOWID_E_CLOCK);
	ck_assert_uint_eq(claim.wait_ns, MS / 2);

	/* Then one tick for each tick of elapsed time, until the clock is where it was. */
	for (int i = 0; i < 400; i++) {
		OK(snowid_clock_advance(manual, MS));
		const uint64_t opened = claim_all_available();
		ck_assert_msg(opened == 1, "%d: %llu", i, (unsigned long long)opened);
	}
	ck_assert_uint_eq(atomic_load(&sequencer.shared->regressions), 1);
	/* Never further ahead of the clock than the step. */
	ck_assert_uint_le(atomic_load(&sequencer.shared->max_lead), 501 * MS / 100);
	close_sequencer();
}

TEST(lead_after_a_hold_is_reduced_at_half_speed)
{
	const struct sequencer_setup settings = default_setup();
	open_sequencer(&settings);
	OK(snowid_clock_advance(manual, 1000 * MS));
	claim_all_available();
	OK(snowid_clock_step(manual, -500 * MS));
	uint64_t opened = 0;
	for (int i = 0; i < 500; i++) { /* until the clock is where it was */
		claim_all_available();
		OK(snowid_clock_advance(manual, MS));
	}
	const uint64_t ahead = (atomic_load(&sequencer.shared->next) >> 12) - (START_MS + 1000);
	ck_assert_uint_gt(ahead, 480);
	int ms = 0;
	for (; ms < 2000 &&
	       (atomic_load(&sequencer.shared->next) >> 12) > START_MS + 1000 + (uint64_t)ms + 6;
	     ms++) {
		opened += claim_all_available();
		OK(snowid_clock_advance(manual, MS));
	}
	ck_assert_int_ge(ms, 900);
	ck_assert_int_le(ms, 1050);
	ck_assert_uint_ge(opened, (uint64_t)ms / 2 - 20);
	ck_assert_uint_le(opened, (uint64_t)ms / 2 + 20);
	ck_assert_uint_eq(atomic_load(&sequencer.shared->refused), 0);
	close_sequencer();
}

TEST(hold_covers_a_step_of_exactly_its_length)
{
	const struct sequencer_setup settings = default_setup();
	open_sequencer(&settings);
	OK(snowid_clock_advance(manual, 5000 * MS));
	OK(sn_sequencer_claim(&sequencer, 1, &claim));
	OK(snowid_clock_step(manual, -1000 * MS)); /* a leap second */
	OK(sn_sequencer_claim(&sequencer, 1, &claim));
	OK(snowid_clock_step(manual, -100));
	EXPECT(sn_sequencer_claim(&sequencer, 1, &claim), SNOWID_E_CLOCK);
	EXPECT_DETAIL("went back by 1000.0001 ms");
	ck_assert_uint_eq(claim.wait_ns, 0);
	EXPECT(claim_for(1, UINT64_MAX), SNOWID_E_CLOCK);
	ck_assert_uint_eq(atomic_load(&sequencer.shared->refused), 2);
	OK(snowid_clock_advance(manual, 100));
	OK(sn_sequencer_claim(&sequencer, 1, &claim));
	ck_assert_uint_eq(atomic_load(&sequencer.shared->regressions), 1);
	close_sequencer();
}

TEST(second_step_during_a_hold_stays_within_its_bound)
{
	const struct sequencer_setup settings = default_setup();
	open_sequencer(&settings);
	OK(snowid_clock_advance(manual, 5000 * MS));
	claim_all_available();
	OK(snowid_clock_step(manual, -600 * MS));
	for (int i = 0; i < 590; i++) {
		claim_all_available();
		OK(snowid_clock_advance(manual, MS));
	}
	OK(snowid_clock_step(manual, -600 * MS));
	for (int i = 0; i < 100; i++) {
		claim_all_available();
		OK(snowid_clock_advance(manual, MS));
	}
	ck_assert_uint_le(atomic_load(&sequencer.shared->max_lead), 1000 * MS / 100);
	EXPECT(sn_sequencer_claim(&sequencer, 1, &claim), SNOWID_E_CLOCK);
	EXPECT_DETAIL("as far ahead as hold and borrow allow");
	ck_assert_uint_gt(claim.wait_ns, 0);
	close_sequencer();
}

TEST(next_far_ahead_of_the_clock_fails)
{
	const struct sequencer_setup settings = default_setup();
	open_sequencer(&settings);
	atomic_store(&sequencer.shared->next, (START_MS + 60000) << 12);
	EXPECT(sn_sequencer_claim(&sequencer, 1, &claim), SNOWID_E_CLOCK);
	EXPECT_DETAIL("behind what has been issued by 60000.0000 ms");
	ck_assert_uint_eq(claim.wait_ns, 0);
	close_sequencer();
}

TEST(borrowing_is_bounded)
{
	struct sequencer_setup settings = default_setup();
	settings.borrow_ns = 3 * MS;
	open_sequencer(&settings);
	OK(snowid_clock_advance(manual, 10 * MS));
	OK(sn_sequencer_claim(&sequencer, 1, &claim));
	ck_assert_uint_eq(claim_all_available(), 3);
	ck_assert_uint_eq(atomic_load(&sequencer.shared->max_lead), 3 * MS / 100);
	EXPECT(sn_sequencer_claim(&sequencer, 1, &claim), SNOWID_E_EXHAUSTED);
	ck_assert_uint_eq(claim.wait_ns, MS);
	/* A small step back does not allow more. */
	OK(snowid_clock_step(manual, -2 * MS));
	EXPECT(sn_sequencer_claim(&sequencer, 1, &claim), SNOWID_E_CLOCK);
	ck_assert_uint_eq(claim.wait_ns, 2 * MS);
	close_sequencer();
}

TEST(borrowed_time_does_not_prolong_the_wait_after_a_step_back)
{
	struct sequencer_setup settings = default_setup();
	settings.borrow_ns = 7500 * MS;
	open_sequencer(&settings);
	OK(snowid_clock_advance(manual, 10 * MS));
	claim_all_available();
	OK(snowid_clock_step(manual, -6 * MS));
	EXPECT(sn_sequencer_claim(&sequencer, 1, &claim), SNOWID_E_CLOCK);
	ck_assert_uint_le(claim.wait_ns, 6 * MS);
	OK(claim_for(1, 20 * MS));
	OK(snowid_clock_step(manual, -900 * MS));
	OK(claim_for(1, 20 * MS)); /* the lead is within hold and borrow */
	close_sequencer();
}

TEST(fine_ticks_lag_by_up_to_a_millisecond)
{
	struct sequencer_setup settings = default_setup();
	settings.bits = 0;
	sn_timebase_init(&settings.time, 0, 0, 100);
	open_sequencer(&settings);
	const uint64_t tick = START_SEC * UINT64_C(10000000);
	OK(snowid_clock_advance(manual, 500 * MS));
	OK(sn_sequencer_claim(&sequencer, SN_CLAIM_MAX, &claim));
	expect_claim(tick + 5000000 - 10000, 10001);
	EXPECT(sn_sequencer_claim(&sequencer, 1, &claim), SNOWID_E_EXHAUSTED);
	ck_assert_uint_eq(claim.wait_ns, 100);
	OK(snowid_clock_advance(manual, 1000));
	OK(sn_sequencer_claim(&sequencer, 100, &claim));
	expect_claim(tick + 5000001, 10);
	ck_assert_uint_eq(sn_sequencer_issued(&sequencer), 10011);
	close_sequencer();
}

TEST(hold_opens_fine_ticks_in_bulk)
{
	struct sequencer_setup settings = default_setup();
	settings.bits = 0;
	sn_timebase_init(&settings.time, 0, 0, 100);
	open_sequencer(&settings);
	OK(snowid_clock_advance(manual, 500 * MS));
	claim_all_available();
	OK(snowid_clock_step(manual, -100 * MS));
	EXPECT(sn_sequencer_claim(&sequencer, 1, &claim), SNOWID_E_CLOCK);
	OK(snowid_clock_advance(manual, MS / 2));
	OK(sn_sequencer_claim(&sequencer, SN_CLAIM_MAX, &claim));
	ck_assert_uint_eq(claim.count, 5000);
	EXPECT(sn_sequencer_claim(&sequencer, 1, &claim), SNOWID_E_CLOCK);
	OK(snowid_clock_advance(manual, 50 * MS)); /* no more than one millisecond accumulates */
	OK(sn_sequencer_claim(&sequencer, SN_CLAIM_MAX, &claim));
	ck_assert_uint_eq(claim.count, 10000);
	close_sequencer();
}

TEST(only_ticks_that_the_clock_opens_start_at_random)
{
	struct sequencer_setup settings = default_setup();
	uint64_t different = 0, last = 0;
	settings.start_bits = 11;
	settings.borrow_ns = 2 * MS;
	open_sequencer(&settings);
	for (int i = 0; i < 200; i++) {
		OK(snowid_clock_advance(manual, 10 * MS));
		OK(sn_sequencer_claim(&sequencer, 1, &claim));
		const uint64_t start = claim.start & 4095;
		ck_assert_uint_lt(start, 2048);
		different += start != last;
		last = start;
	}
	ck_assert_uint_gt(different, 190);
	ck_assert_uint_eq(sn_sequencer_issued(&sequencer), 200);
	/* Also if the tick before was used up. */
	different = 0;
	for (int i = 0; i < 20; i++) {
		OK(sn_sequencer_claim(&sequencer, SN_CLAIM_MAX, &claim));
		OK(snowid_clock_advance(manual, MS));
		OK(sn_sequencer_claim(&sequencer, 1, &claim));
		different += (claim.start & 4095) != 0;
	}
	ck_assert_uint_gt(different, 15);
	/* A tick that a claim runs into starts at 0. */
	OK(sn_sequencer_claim(&sequencer, SN_CLAIM_MAX, &claim));
	OK(sn_sequencer_claim(&sequencer, 1, &claim));
	ck_assert_uint_eq(claim.start & 4095, 0);
	close_sequencer();
}

/* 2^48 ticks of 16 bits: the last slots that 64 bits can express. */
TEST(layout_ends_at_its_last_slot)
{
	struct sequencer_setup settings = default_setup();
	settings.bits = 16;
	settings.last_tick = (UINT64_C(1) << 48) - 1;
	sn_timebase_init(&settings.time, 0, 0, 100);
	const uint64_t last_t100ns = settings.last_tick;
	OK(snowid_clock_step(manual,
			     ((int64_t)last_t100ns - START_SEC * 10000000LL) * 100 - 5000000));
	open_sequencer(&settings);
	OK(snowid_clock_advance(manual, 5000000));
	atomic_store(&sequencer.shared->next, UINT64_MAX - 10);
	OK(sn_sequencer_claim(&sequencer, SN_CLAIM_MAX, &claim));
	expect_claim(UINT64_MAX - 10, 9);
	for (int i = 0; i < 3; i++) {
		EXPECT(sn_sequencer_claim(&sequencer, 1, &claim), SNOWID_E_ENDED);
		ck_assert_uint_eq(claim.wait_ns, 0);
		EXPECT(claim_for(1, UINT64_MAX), SNOWID_E_ENDED);
		OK(snowid_clock_advance(manual, 100));
	}
	OK(snowid_clock_step(manual, -100000));
	EXPECT(sn_sequencer_claim(&sequencer, 1, &claim), SNOWID_E_ENDED);
	sn_seal(store->shared);
	EXPECT(sn_sequencer_claim(&sequencer, 1, &claim), SNOWID_E_CLOSED);
	close_sequencer();
}

TEST(clock_outside_the_layout_is_rejected)
{
	struct sequencer_setup settings = default_setup();
	settings.last_tick = START_MS + 10;
	open_sequencer(&settings);
	OK(snowid_clock_step(manual, -1001 * (int64_t)(1000 * MS)));
	EXPECT(sn_sequencer_claim(&sequencer, 1, &claim), SNOWID_E_EPOCH);
	EXPECT_DETAIL("1970-01-01T00:00:00.000Z");
	struct sn_store *const made = store;
	EXPECT(try_open_sequencer(&settings), SNOWID_E_EPOCH);
	OK(snowid_clock_step(manual, 1001 * (int64_t)(1000 * MS) + 11 * MS));
	EXPECT(sn_sequencer_claim(&sequencer, 1, &claim), SNOWID_E_ENDED);
	EXPECT_DETAIL("1970-01-01T00:16:40.010Z");
	EXPECT(try_open_sequencer(&settings), SNOWID_E_ENDED);
	ck_assert_ptr_eq(store, made);
	OK(snowid_clock_step(manual, INT64_C(100) * 365 * 86400 * 1000000000));
	EXPECT(sn_sequencer_claim(&sequencer, 1, &claim), SNOWID_E_ENDED);
	close_sequencer();
}

TEST(deadline_bounds_all_waits_of_a_call)
{
	const struct sequencer_setup settings = default_setup();
	uint64_t before, after;
	open_sequencer(&settings);
	OK(snowid_clock_advance(manual, 100 * MS));
	OK(sn_sequencer_claim(&sequencer, SN_CLAIM_MAX, &claim));
	OK(snowid_clock_read(manual, NULL, NULL, &before));
	EXPECT(claim_for(1, MS / 10), SNOWID_E_EXHAUSTED);
	OK(snowid_clock_read(manual, NULL, NULL, &after));
	ck_assert_uint_eq(after - before, MS / 10);
	EXPECT(claim_for(1, 0), SNOWID_E_EXHAUSTED);
	ck_assert_uint_eq(atomic_load(&sequencer.shared->waits), 1);
	close_sequencer();
}

TEST(available_is_what_a_claim_would_get)
{
	const struct sequencer_setup settings = default_setup();
	uint64_t count, wait;
	open_sequencer(&settings);
	EXPECT(sn_sequencer_available(&sequencer, &count, &wait), SNOWID_E_EXHAUSTED);
	ck_assert_uint_eq(wait, MS);
	OK(snowid_clock_advance(manual, MS));
	OK(sn_sequencer_available(&sequencer, &count, &wait));
	ck_assert_uint_eq(count, 4096);
	OK(sn_sequencer_claim(&sequencer, 96, &claim));
	OK(sn_sequencer_available(&sequencer, &count, &wait));
	ck_assert_uint_eq(count, 4000);
	close_sequencer();
}

static void *claim_many_slots(void *unused)
{
	struct sn_claim c;
	struct sn_deadline deadline = {UINT64_MAX, 0};
	(void)unused;
	for (uint64_t got = 0; got < 50000; got += c.count) {
		const uint64_t left = 50000 - got;
		if (sn_sequencer_claim_until(&sequencer, left < 7 ? left : 7, &deadline, &c) != 0)
			abort();
	}
	return NULL;
}

TEST(statistics_of_threads_are_exact)
{
	struct sequencer_setup settings = default_setup();
	pthread_t threads[4];
	settings.clock = NULL;
	settings.bits = 8; /* 256 slots: ticks are opened by the clock and by carry */
	settings.start_bits = 7;
	settings.last_tick = UINT64_C(1) << 50;
	sn_timebase_init(&settings.time, 0, 0, 10000);
	open_sequencer(&settings);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, claim_many_slots, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(sn_sequencer_issued(&sequencer), 200000);
	ck_assert_uint_eq(atomic_load(&sequencer.shared->regressions), 0);
	close_sequencer();
}

int main(void)
{
	return run_tests(NULL, NULL);
}
