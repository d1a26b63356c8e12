/* SPDX-License-Identifier: MIT */
#include <pthread.h>

#include "libsnowid/sequence/sequencer.h"
#include "libsnowid/stores.h"
#include "tests/unit/check.h"

#define START_SEC 1000 /* the epoch is 0 */
#define START_MS  (START_SEC * UINT64_C(1000))

struct setup {
	struct snowid_clock *clock;
	struct sn_timebase time;
	uint64_t last_tick;
	unsigned bits, start_bits;
	uint64_t wait_ns, hold_ns, borrow_ns;
};

static struct snowid_clock *the_clock;
static struct sn_store *store;
static struct sn_sequencer q;
static struct sn_claim claim;

/* A sequencer of ticks of 1 ms and 4096 slots, on a manual clock at START_SEC. */
static struct setup usual(void)
{
	struct setup s = {.bits = 12,
			  .wait_ns = 5 * MS,
			  .hold_ns = 1000 * MS,
			  .last_tick = UINT64_C(1) << 42};
	sn_timebase_init(&s.time, 0, 0, 1000000);
	OK(snowid_clock_new_manual(START_SEC, 0, &the_clock));
	s.clock = the_clock;
	return s;
}

static int try_make(const struct setup *setup)
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
	sn_sequencer_init(&q, &settings);
	return 0;
}

static void make(const struct setup *setup)
{
	OK(try_make(setup));
}

static void drop(void)
{
	store->class->close(store);
	snowid_clock_free(the_clock);
}

static int claim_for(uint64_t count, uint64_t timeout_ns)
{
	struct sn_deadline deadline = {timeout_ns, 0};
	return sn_sequencer_claim_until(&q, count, &deadline, &claim);
}

static void expect_claim(uint64_t start, uint64_t count)
{
	ck_assert_msg(claim.start == start && claim.count == count,
		      "[%llu, +%llu) is tick %llu + %llu", (unsigned long long)claim.start,
		      (unsigned long long)claim.count,
		      (unsigned long long)(claim.start >> q.ticks.bits),
		      (unsigned long long)(claim.start & ((UINT64_C(1) << q.ticks.bits) - 1)));
}

TEST(the_first_slot_is_above_the_tick_it_was_made_in)
{
	const struct setup settings = usual();
	make(&settings);
	EXPECT(sn_sequencer_claim(&q, 1, &claim), SNOWID_E_EXHAUSTED);
	ck_assert_uint_eq(claim.wait_ns, MS);
	OK(snowid_clock_advance(the_clock, MS - 1));
	EXPECT(sn_sequencer_claim(&q, 1, &claim), SNOWID_E_EXHAUSTED);
	OK(snowid_clock_advance(the_clock, 1));
	OK(sn_sequencer_claim(&q, 1, &claim));
	expect_claim((START_MS + 1) << 12, 1);
	drop();
}

TEST(claims_follow_each_other_and_end_with_the_tick)
{
	const struct setup settings = usual();
	make(&settings);
	OK(snowid_clock_advance(the_clock, 2 * MS));
	const uint64_t begin = (START_MS + 2) << 12;
	OK(sn_sequencer_claim(&q, 1, &claim));
	expect_claim(begin, 1);
	OK(sn_sequencer_claim(&q, 4000, &claim));
	expect_claim(begin + 1, 4000);
	OK(sn_sequencer_claim(&q, SN_CLAIM_MAX, &claim));
	expect_claim(begin + 4001, 95);
	OK(snowid_clock_advance(the_clock, MS / 4));
	EXPECT(sn_sequencer_claim(&q, 1, &claim), SNOWID_E_EXHAUSTED);
	ck_assert_uint_eq(claim.wait_ns, MS * 3 / 4);
	ck_assert_uint_eq(atomic_load(&q.shared->next), begin + 4096);
	OK(claim_for(1, MS));
	expect_claim(begin + 4096, 1);
	ck_assert_uint_eq(sn_sequencer_issued(&q), 4097);
	drop();
}

TEST(nothing_above_the_limit_is_handed_out)
{
	const struct setup settings = usual();
	make(&settings);
	OK(snowid_clock_advance(the_clock, MS));
	atomic_store(&q.shared->limit, START_MS + 1);
	OK(sn_sequencer_claim(&q, 10, &claim));
	const uint64_t next = atomic_load(&q.shared->next);
	OK(snowid_clock_advance(the_clock, MS));
	EXPECT(sn_sequencer_claim(&q, 1, &claim), SNOWID_E_LIMIT);
	ck_assert_uint_gt(claim.wait_ns, 0);
	ck_assert_uint_eq(atomic_load(&q.shared->next), next);
	EXPECT(claim_for(1, 50 * MS), SNOWID_E_LIMIT);
	atomic_store(&q.shared->limit, START_MS + 100);
	OK(sn_sequencer_claim(&q, 1, &claim));
	drop();
}

TEST(an_open_tick_is_checked_against_the_limit_too)
{
	const struct setup settings = usual();
	make(&settings);
	OK(snowid_clock_advance(the_clock, MS));
	OK(sn_sequencer_claim(&q, 10, &claim));
	atomic_store(&q.shared->limit, START_MS); /* no limit falls: a store gone wrong */
	EXPECT(sn_sequencer_claim(&q, 1, &claim), SNOWID_E_LIMIT);
	drop();
}

TEST(a_claim_is_cut_at_the_limit)
{
	struct setup settings = usual();
	settings.bits = 0; /* each slot is a tick: a claim may span many */
	sn_timebase_init(&settings.time, 0, 0, 100);
	make(&settings);
	const uint64_t made_in = START_SEC * UINT64_C(10000000);
	atomic_store(&q.shared->limit, made_in + 50);
	OK(snowid_clock_advance(the_clock, 20000));
	OK(sn_sequencer_claim(&q, 1000, &claim));
	expect_claim(made_in + 1, 50);
	EXPECT(sn_sequencer_claim(&q, 1000, &claim), SNOWID_E_LIMIT);
	drop();
}

TEST(after_a_seal_nobody_claims)
{
	const struct setup settings = usual();
	make(&settings);
	OK(snowid_clock_advance(the_clock, MS));
	OK(sn_sequencer_claim(&q, 7, &claim));
	sn_seal(q.initial_shared);
	EXPECT(sn_sequencer_claim(&q, 1, &claim), SNOWID_E_CLOSED);
	ck_assert_uint_eq(claim.wait_ns, 0);
	OK(snowid_clock_step(the_clock, -INT64_C(5000000000)));
	EXPECT(claim_for(1, UINT64_MAX), SNOWID_E_CLOSED);
	ck_assert_uint_eq(atomic_load(&q.initial_shared->end), claim.start + 7);
	sn_seal(q.initial_shared); /* again */
	ck_assert_uint_eq(atomic_load(&q.initial_shared->end), claim.start + 7);
	ck_assert_uint_eq(sn_sequencer_issued(&q), 7);
	uint64_t count, wait;
	EXPECT(sn_sequencer_available(&q, &count, &wait), SNOWID_E_CLOSED);
	drop();
}

static atomic_int racers_ready;

/* Claims until the sequencer is sealed; returns the end of its last claim. */
static void *race(void *out)
{
	struct sn_claim c;
	uint64_t *const last_end = out;
	atomic_fetch_add(&racers_ready, 1);
	for (;;) {
		const int error = sn_sequencer_claim(&q, 1, &c);
		if (error == SNOWID_E_CLOSED)
			break;
		if (!error)
			*last_end = c.start + 1;
	}
	return NULL;
}

TEST(a_seal_knows_the_exact_end)
{
	for (int round = 0; round < 100; round++) {
		struct setup settings = usual();
		pthread_t threads[3];
		uint64_t ends[3] = {0, 0, 0}, end = 0;
		settings.clock = NULL;
		settings.bits = 22;
		make(&settings);
		atomic_store(&racers_ready, 0);
		for (int i = 0; i < 3; i++)
			pthread_create(&threads[i], NULL, race, &ends[i]);
		while (atomic_load(&racers_ready) < 3 || sn_sequencer_issued(&q) < 100)
			;
		sn_seal(q.initial_shared);
		for (int i = 0; i < 3; i++) {
			pthread_join(threads[i], NULL);
			end = ends[i] > end ? ends[i] : end;
		}
		ck_assert_uint_eq(atomic_load(&q.initial_shared->end), end);
		drop();
	}
}

TEST(leaving_ends_this_copy_alone)
{
	const struct setup settings = usual();
	make(&settings);
	struct sn_sequencer other = q; /* as a fork would copy it */
	OK(snowid_clock_advance(the_clock, MS));
	sn_sequencer_detach(&other);
	EXPECT(sn_sequencer_claim(&other, 1, &claim), SNOWID_E_CLOSED);
	OK(sn_sequencer_claim(&q, 1, &claim));
	drop();
}

TEST(an_old_reading_is_no_step_back)
{
	const struct setup settings = usual();
	make(&settings);
	OK(snowid_clock_advance(the_clock, 2000 * MS));
	OK(sn_sequencer_claim(&q, 1, &claim));
	/* A thread that read the clock 2 s ago and was then preempted. */
	OK(sn_sequencer_claim_slow(&q, 1, &claim, START_SEC, 0));
	expect_claim(((START_MS + 2000) << 12) + 1, 1);
	ck_assert_uint_eq(atomic_load(&q.shared->regressions), 0);
	drop();
}

TEST(a_small_step_back_is_waited_out)
{
	const struct setup settings = usual();
	make(&settings);
	OK(snowid_clock_advance(the_clock, 100 * MS));
	OK(sn_sequencer_claim(&q, 1, &claim));
	OK(snowid_clock_step(the_clock, -3 * MS));
	EXPECT(sn_sequencer_claim(&q, 1, &claim), SNOWID_E_CLOCK);
	ck_assert_uint_eq(claim.wait_ns, 3 * MS);
	EXPECT(claim_for(1, 2 * MS), SNOWID_E_CLOCK); /* too short a wait; 2 ms have passed */
	OK(claim_for(1, 2 * MS));
	expect_claim(((START_MS + 100) << 12) + 1, 1);
	ck_assert_uint_eq(atomic_load(&q.shared->regressions), 1);
	ck_assert_uint_eq(atomic_load(&q.shared->max_lag), 3 * MS / 100);
	ck_assert_uint_eq(atomic_load(&q.shared->refused), 0);
	drop();
}

/* Claims all it can get without a step of the clock; returns how many ticks were opened. */
static uint64_t drain(void)
{
	const uint64_t before = (atomic_load(&q.shared->next) - 1) >> q.ticks.bits;
	while (sn_sequencer_claim(&q, SN_CLAIM_MAX, &claim) == 0)
		;
	return ((atomic_load(&q.shared->next) - 1) >> q.ticks.bits) - before;
}

TEST(in_a_hold_ticks_open_by_elapsed_time)
{
	const struct setup settings = usual();
	make(&settings);
	OK(snowid_clock_advance(the_clock, 1000 * MS));
	OK(sn_sequencer_claim(&q, 1, &claim));
	OK(snowid_clock_step(the_clock, -500 * MS));

	/* What is left of the last tick at once, and no other. */
	OK(sn_sequencer_claim(&q, SN_CLAIM_MAX, &claim));
	expect_claim(((START_MS + 1000) << 12) + 1, 4095);
	EXPECT(sn_sequencer_claim(&q, 1, &claim), SNOWID_E_CLOCK);
	ck_assert_uint_eq(claim.wait_ns, MS);
	OK(snowid_clock_advance(the_clock, MS / 2));
	EXPECT(sn_sequencer_claim(&q, 1, &claim), SNOWID_E_CLOCK);
	ck_assert_uint_eq(claim.wait_ns, MS / 2);

	/* One tick of elapsed time opens one tick, for as long as the clock is behind its past. */
	for (int i = 0; i < 400; i++) {
		OK(snowid_clock_advance(the_clock, MS));
		const uint64_t opened = drain();
		ck_assert_msg(opened == 1, "%d: %llu", i, (unsigned long long)opened);
	}
	ck_assert_uint_eq(atomic_load(&q.shared->regressions), 1);
	/* Never further above the clock than when it stepped. */
	ck_assert_uint_le(atomic_load(&q.shared->max_lead), 501 * MS / 100);
	drop();
}

TEST(what_a_hold_has_left_is_worked_off_at_half_the_pace)
{
	const struct setup settings = usual();
	make(&settings);
	OK(snowid_clock_advance(the_clock, 1000 * MS));
	drain();
	OK(snowid_clock_step(the_clock, -500 * MS));
	uint64_t opened = 0;
	for (int i = 0; i < 500; i++) { /* until the clock stands where it was */
		drain();
		OK(snowid_clock_advance(the_clock, MS));
	}
	const uint64_t ahead = (atomic_load(&q.shared->next) >> 12) - (START_MS + 1000);
	ck_assert_uint_gt(ahead, 480);
	int ms = 0;
	for (;
	     ms < 2000 && (atomic_load(&q.shared->next) >> 12) > START_MS + 1000 + (uint64_t)ms + 6;
	     ms++) {
		opened += drain();
		OK(snowid_clock_advance(the_clock, MS));
	}
	ck_assert_int_ge(ms, 900);
	ck_assert_int_le(ms, 1050);
	ck_assert_uint_ge(opened, (uint64_t)ms / 2 - 20);
	ck_assert_uint_le(opened, (uint64_t)ms / 2 + 20);
	ck_assert_uint_eq(atomic_load(&q.shared->refused), 0);
	drop();
}

TEST(a_step_of_exactly_the_hold_is_held_and_more_is_refused)
{
	const struct setup settings = usual();
	make(&settings);
	OK(snowid_clock_advance(the_clock, 5000 * MS));
	OK(sn_sequencer_claim(&q, 1, &claim));
	OK(snowid_clock_step(the_clock, -1000 * MS)); /* a leap second */
	OK(sn_sequencer_claim(&q, 1, &claim));
	OK(snowid_clock_step(the_clock, -100));
	EXPECT(sn_sequencer_claim(&q, 1, &claim), SNOWID_E_CLOCK);
	EXPECT_DETAIL("went back by 1000.0001 ms");
	ck_assert_uint_eq(claim.wait_ns, 0);
	EXPECT(claim_for(1, UINT64_MAX), SNOWID_E_CLOCK);
	ck_assert_uint_eq(atomic_load(&q.shared->refused), 2);
	OK(snowid_clock_advance(the_clock, 100));
	OK(sn_sequencer_claim(&q, 1, &claim));
	ck_assert_uint_eq(atomic_load(&q.shared->regressions), 1);
	drop();
}

TEST(a_second_step_within_a_hold_stays_within_its_bound)
{
	const struct setup settings = usual();
	make(&settings);
	OK(snowid_clock_advance(the_clock, 5000 * MS));
	drain();
	OK(snowid_clock_step(the_clock, -600 * MS));
	for (int i = 0; i < 590; i++) {
		drain();
		OK(snowid_clock_advance(the_clock, MS));
	}
	OK(snowid_clock_step(the_clock, -600 * MS));
	for (int i = 0; i < 100; i++) {
		drain();
		OK(snowid_clock_advance(the_clock, MS));
	}
	ck_assert_uint_le(atomic_load(&q.shared->max_lead), 1000 * MS / 100);
	EXPECT(sn_sequencer_claim(&q, 1, &claim), SNOWID_E_CLOCK);
	EXPECT_DETAIL("as far ahead as hold allows");
	ck_assert_uint_gt(claim.wait_ns, 0);
	drop();
}

TEST(a_floor_far_ahead_is_refused)
{
	const struct setup settings = usual();
	make(&settings);
	atomic_store(&q.shared->next, (START_MS + 60000) << 12);
	EXPECT(sn_sequencer_claim(&q, 1, &claim), SNOWID_E_CLOCK);
	EXPECT_DETAIL("behind what has been issued by 60000.0000 ms");
	ck_assert_uint_eq(claim.wait_ns, 0);
	drop();
}

TEST(borrowed_ticks_are_bounded)
{
	struct setup settings = usual();
	settings.borrow_ns = 3 * MS;
	make(&settings);
	OK(snowid_clock_advance(the_clock, 10 * MS));
	OK(sn_sequencer_claim(&q, 1, &claim));
	ck_assert_uint_eq(drain(), 3);
	ck_assert_uint_eq(atomic_load(&q.shared->max_lead), 3 * MS / 100);
	EXPECT(sn_sequencer_claim(&q, 1, &claim), SNOWID_E_EXHAUSTED);
	ck_assert_uint_eq(claim.wait_ns, MS);
	/* After a small step back nothing is borrowed on top. */
	OK(snowid_clock_step(the_clock, -2 * MS));
	EXPECT(sn_sequencer_claim(&q, 1, &claim), SNOWID_E_CLOCK);
	ck_assert_uint_eq(claim.wait_ns, 2 * MS);
	drop();
}

TEST(fine_ticks_lag_by_up_to_a_millisecond)
{
	struct setup settings = usual();
	settings.bits = 0;
	sn_timebase_init(&settings.time, 0, 0, 100);
	make(&settings);
	const uint64_t tick = START_SEC * UINT64_C(10000000);
	OK(snowid_clock_advance(the_clock, 500 * MS));
	OK(sn_sequencer_claim(&q, SN_CLAIM_MAX, &claim));
	expect_claim(tick + 5000000 - 10000, 10001);
	EXPECT(sn_sequencer_claim(&q, 1, &claim), SNOWID_E_EXHAUSTED);
	ck_assert_uint_eq(claim.wait_ns, 100);
	OK(snowid_clock_advance(the_clock, 1000));
	OK(sn_sequencer_claim(&q, 100, &claim));
	expect_claim(tick + 5000001, 10);
	ck_assert_uint_eq(sn_sequencer_issued(&q), 10011);
	drop();
}

TEST(fine_ticks_go_on_in_a_hold)
{
	struct setup settings = usual();
	settings.bits = 0;
	sn_timebase_init(&settings.time, 0, 0, 100);
	make(&settings);
	OK(snowid_clock_advance(the_clock, 500 * MS));
	drain();
	OK(snowid_clock_step(the_clock, -100 * MS));
	EXPECT(sn_sequencer_claim(&q, 1, &claim), SNOWID_E_CLOCK);
	OK(snowid_clock_advance(the_clock, MS / 2));
	OK(sn_sequencer_claim(&q, SN_CLAIM_MAX, &claim));
	ck_assert_uint_eq(claim.count, 5000);
	EXPECT(sn_sequencer_claim(&q, 1, &claim), SNOWID_E_CLOCK);
	OK(snowid_clock_advance(the_clock, 50 * MS)); /* at most a millisecond's worth gathers */
	OK(sn_sequencer_claim(&q, SN_CLAIM_MAX, &claim));
	ck_assert_uint_eq(claim.count, 10000);
	drop();
}

TEST(a_random_start_is_for_ticks_that_the_clock_opens)
{
	struct setup settings = usual();
	uint64_t different = 0, last = 0;
	settings.start_bits = 11;
	settings.borrow_ns = 2 * MS;
	make(&settings);
	for (int i = 0; i < 200; i++) {
		OK(snowid_clock_advance(the_clock, 10 * MS));
		OK(sn_sequencer_claim(&q, 1, &claim));
		const uint64_t start = claim.start & 4095;
		ck_assert_uint_lt(start, 2048);
		different += start != last;
		last = start;
	}
	ck_assert_uint_gt(different, 190);
	ck_assert_uint_eq(sn_sequencer_issued(&q), 200);
	/* Also where the tick before was spent, and the clock has just come to this one. */
	different = 0;
	for (int i = 0; i < 20; i++) {
		OK(sn_sequencer_claim(&q, SN_CLAIM_MAX, &claim));
		OK(snowid_clock_advance(the_clock, MS));
		OK(sn_sequencer_claim(&q, 1, &claim));
		different += (claim.start & 4095) != 0;
	}
	ck_assert_uint_gt(different, 15);
	/* Carried into: no start is skipped. */
	OK(sn_sequencer_claim(&q, SN_CLAIM_MAX, &claim));
	OK(sn_sequencer_claim(&q, 1, &claim));
	ck_assert_uint_eq(claim.start & 4095, 0);
	drop();
}

/* 2^48 ticks of 16 bits: the last slots there are. */
TEST(at_the_last_slot_the_layout_has_ended)
{
	struct setup settings = usual();
	settings.bits = 16;
	settings.last_tick = (UINT64_C(1) << 48) - 1;
	sn_timebase_init(&settings.time, 0, 0, 100);
	const uint64_t last_hns = settings.last_tick;
	OK(snowid_clock_step(the_clock,
			     ((int64_t)last_hns - START_SEC * 10000000LL) * 100 - 5000000));
	make(&settings);
	OK(snowid_clock_advance(the_clock, 5000000));
	atomic_store(&q.shared->next, UINT64_MAX - 10);
	OK(sn_sequencer_claim(&q, SN_CLAIM_MAX, &claim));
	expect_claim(UINT64_MAX - 10, 9);
	for (int i = 0; i < 3; i++) {
		EXPECT(sn_sequencer_claim(&q, 1, &claim), SNOWID_E_ENDED);
		ck_assert_uint_eq(claim.wait_ns, 0);
		EXPECT(claim_for(1, UINT64_MAX), SNOWID_E_ENDED);
		OK(snowid_clock_advance(the_clock, 100));
	}
	OK(snowid_clock_step(the_clock, -100000));
	EXPECT(sn_sequencer_claim(&q, 1, &claim), SNOWID_E_ENDED);
	sn_seal(q.initial_shared);
	EXPECT(sn_sequencer_claim(&q, 1, &claim), SNOWID_E_CLOSED);
	drop();
}

TEST(a_clock_outside_the_layout_is_refused)
{
	struct setup settings = usual();
	settings.last_tick = START_MS + 10;
	make(&settings);
	OK(snowid_clock_step(the_clock, -1001 * (int64_t)(1000 * MS)));
	EXPECT(sn_sequencer_claim(&q, 1, &claim), SNOWID_E_EPOCH);
	EXPECT_DETAIL("1970-01-01T00:00:00.000Z");
	struct sn_store *const made = store;
	EXPECT(try_make(&settings), SNOWID_E_EPOCH);
	OK(snowid_clock_step(the_clock, 1001 * (int64_t)(1000 * MS) + 11 * MS));
	EXPECT(sn_sequencer_claim(&q, 1, &claim), SNOWID_E_ENDED);
	EXPECT_DETAIL("1970-01-01T00:16:40.010Z");
	EXPECT(try_make(&settings), SNOWID_E_ENDED);
	ck_assert_ptr_eq(store, made);
	OK(snowid_clock_step(the_clock, INT64_C(100) * 365 * 86400 * 1000000000));
	EXPECT(sn_sequencer_claim(&q, 1, &claim), SNOWID_E_ENDED);
	drop();
}

TEST(a_deadline_bounds_all_waits_of_a_call)
{
	const struct setup settings = usual();
	uint64_t before, after;
	make(&settings);
	OK(snowid_clock_advance(the_clock, 100 * MS));
	OK(sn_sequencer_claim(&q, SN_CLAIM_MAX, &claim));
	OK(snowid_clock_read(the_clock, NULL, NULL, &before));
	EXPECT(claim_for(1, MS / 10), SNOWID_E_EXHAUSTED);
	OK(snowid_clock_read(the_clock, NULL, NULL, &after));
	ck_assert_uint_eq(after - before, MS / 10);
	EXPECT(claim_for(1, 0), SNOWID_E_EXHAUSTED);
	ck_assert_uint_eq(atomic_load(&q.shared->waits), 1);
	drop();
}

TEST(available_is_what_a_claim_would_get)
{
	const struct setup settings = usual();
	uint64_t count, wait;
	make(&settings);
	EXPECT(sn_sequencer_available(&q, &count, &wait), SNOWID_E_EXHAUSTED);
	ck_assert_uint_eq(wait, MS);
	OK(snowid_clock_advance(the_clock, MS));
	OK(sn_sequencer_available(&q, &count, &wait));
	ck_assert_uint_eq(count, 4096);
	OK(sn_sequencer_claim(&q, 96, &claim));
	OK(sn_sequencer_available(&q, &count, &wait));
	ck_assert_uint_eq(count, 4000);
	drop();
}

static void *claim_many(void *unused)
{
	struct sn_claim c;
	struct sn_deadline deadline = {UINT64_MAX, 0};
	(void)unused;
	for (uint64_t got = 0; got < 50000; got += c.count) {
		const uint64_t left = 50000 - got;
		if (sn_sequencer_claim_until(&q, left < 7 ? left : 7, &deadline, &c) != 0)
			abort();
	}
	return NULL;
}

TEST(statistics_are_exact_over_threads)
{
	struct setup settings = usual();
	pthread_t threads[4];
	settings.clock = NULL;
	settings.bits = 8; /* full after 256: ticks are opened by clock and by carry all the time */
	settings.start_bits = 7;
	settings.last_tick = UINT64_C(1) << 50;
	sn_timebase_init(&settings.time, 0, 0, 10000);
	make(&settings);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, claim_many, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(sn_sequencer_issued(&q), 200000);
	ck_assert_uint_eq(atomic_load(&q.shared->regressions), 0);
	drop();
}

int main(void)
{
	return run_tests(NULL, NULL);
}
