/* SPDX-License-Identifier: MIT
 *
 * The lease of a worker, step by step. Its safety is tested by tests/sim.
 */
#include <stdlib.h>

#include "libsnowid/coordinator/lease.h"
#include "tests/unit/generators.h"
#include "tests/unit/libsnowid/coordinator/fake_coordinator.h"

#define KIND    77
#define PAGES   3
#define RESERVE (TTL / 4 * 3)

static struct snowid_clock *manual;
static struct fake_coordinator coordinator;
static struct sn_shared_state pages[PAGES];
static struct sn_lease lease;
static struct sn_lease_settings settings;
static uint64_t next_serial;

static void lease_setup(void)
{
	struct sn_timebase time;

	manual = manual_clock(START);
	fake_coordinator_init(&coordinator, manual);
	memset(pages, 0, sizeof pages);
	sn_timebase_init(&time, 0, 0, 1000000);
	settings = (struct sn_lease_settings){
		.coordinator = &coordinator.base,
		.next_serial = &next_serial,
		.root = "/id-generator",
		.path = "/id-generator/datacenters/dc0",
		.clock = manual,
		.ttl_ns = TTL,
		.reserve_ns = RESERVE,
		.owner = {.process = 7, .since_ms = START * UINT64_C(1000), .host = "this-host"},
		.kind = "kind",
		.fingerprint = KIND,
		.last_worker = WORKERS - 1,
		.identity = UINT64_C(1) << 17,
		.worker_shift = 12,
		.states = pages,
		.state_count = PAGES,
	};
	sn_ticks_init(&settings.ticks, &time, (UINT64_C(1) << 42) - 1, 12);
}

static void lease_teardown(void)
{
	snowid_clock_free(manual);
}

static uint64_t step_lease(void)
{
	struct sn_answer answer;
	uint64_t again;

	while (fake_receive(&coordinator.base, &answer))
		sn_lease_answer(&lease, &answer);
	OK(sn_lease_step(&lease, &again));
	return again;
}

/* Steps the lease and advances the clock, until the lease is in a state or the time is over. */
static void step_until(uint64_t ns, enum sn_lease_state until)
{
	while (lease.state != until && ns > 0) {
		uint64_t again = step_lease();
		if (coordinator.answered || lease.state == until)
			continue;
		again = again < ns ? again : ns;
		OK(snowid_clock_advance(manual, again));
		ns -= again;
	}
	if (lease.state != until)
		step_lease();
}

static void begin_lease(void)
{
	OK(sn_lease_init(&lease, &settings));
}

static void own_worker(uint64_t worker)
{
	settings.first_worker = settings.last_worker = worker;
	begin_lease();
	step_until(TTL, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_eq(lease.tenure.worker, worker);
}

/* Long enough for several renewals. */
static void run_lease(uint64_t ns)
{
	step_until(ns, SN_LEASE_ENDED);
	while (coordinator.answered)
		step_lease();
}

static uint64_t elapsed_now(void)
{
	uint64_t ns;
	OK(sn_clock_elapsed(manual, &ns));
	return ns;
}

static uint64_t now_tick(void)
{
	int64_t sec;
	uint32_t nsec;
	OK(snowid_clock_read(manual, &sec, &nsec, NULL));
	return (uint64_t)sec * 1000 + nsec / 1000000;
}

/* The record of an owner that vanished without releasing its worker. */
static void leave_record_of_vanished_owner(uint64_t worker, uint64_t limit)
{
	coordinator.records[worker] = (struct sn_record){.exists = true,
							 .version = ++coordinator.versions,
							 .epoch = 4,
							 .limit = limit,
							 .fingerprint = KIND};
}

static void expect_blocker(const char *part)
{
	const struct sn_blocker_place place = {settings.path, settings.first_worker,
					       settings.last_worker};
	EXPECT(sn_blocker_fail(&lease.blocker, &place), SNOWID_E_STORE);
	EXPECT_DETAIL(part);
}

static void expect_no_worker(const char *part)
{
	step_until(3 * TTL, SN_LEASE_OWNING);
	ck_assert_int_ne(lease.state, SN_LEASE_OWNING);
	expect_blocker(part);
}

static void take_worker(uint64_t worker)
{
	coordinator.records[worker].version = ++coordinator.versions;
	coordinator.records[worker].epoch++;
	coordinator.records[worker].incarnation[0]++;
	coordinator.holders[worker][0]++;
}

/* ---- seeking -------------------------------------------------------------------------------- */

TEST(claim_writes_the_first_record)
{
	own_worker(5);
	const struct sn_record *const record = &coordinator.records[5];
	ck_assert_uint_eq(record->epoch, 1);
	ck_assert_uint_eq(record->limit, now_tick() + RESERVE / MS);
	ck_assert_uint_eq(record->limit_ms, record->limit);
	ck_assert_uint_eq(record->fingerprint, KIND);
	ck_assert_str_eq(record->kind, "kind");
	ck_assert_str_eq(record->owner.host, "this-host");
	ck_assert_uint_eq(record->writes, 1);
	ck_assert(!record->released);
	ck_assert_ptr_eq(lease.shared, pages);
	ck_assert_uint_eq(pages[0].limit, record->limit);
	ck_assert_uint_eq(pages[0].identity, UINT64_C(1) << 17 | 5 << 12);
	ck_assert_str_eq(coordinator.last.root, settings.root);
	ck_assert_str_eq(coordinator.last.path, settings.path);
	ck_assert_uint_eq(coordinator.last.ttl_ns, TTL);
	ck_assert_uint_eq(coordinator.last.timeout_ns, TTL / 8);
}

TEST(released_and_unused_workers_are_claimed_first)
{
	for (uint64_t worker = 0; worker < WORKERS; worker++)
		leave_record_of_vanished_owner(worker, now_tick() - 1);
	coordinator.records[6].released = true;
	coordinator.records[6].last_tick = now_tick() - 5;
	begin_lease();
	step_until(TTL / 8, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_eq(lease.tenure.worker, 6);
	ck_assert_uint_eq(pages[0].next, (now_tick() - 4) << 12);
	ck_assert_uint_eq(coordinator.records[6].epoch, 5);
}

TEST(worker_of_a_vanished_owner_rests_until_its_limit)
{
	const uint64_t limit = now_tick() + 3000;
	leave_record_of_vanished_owner(2, limit);
	settings.first_worker = settings.last_worker = 2;
	begin_lease();
	step_until(3000 * MS, SN_LEASE_CLAIMING);
	ck_assert_int_eq(lease.state, SN_LEASE_SEEKING);
	expect_blocker("rests until 2023-11-14T22:13:23");
	step_until(MS, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_gt(pages[0].next, limit << 12);
}

/* Owners that crash together are replaced by others that start together. The last of two neighbours
 * is the first that a search finds only if it begins there, which one in eight do. */
TEST(each_vacant_worker_has_the_same_chance)
{
	unsigned last_chosen = 0;

	for (int i = 0; i < 200; i++) {
		for (uint64_t worker = 0; worker < WORKERS; worker++) {
			leave_record_of_vanished_owner(worker, now_tick() - 1);
			coordinator.records[worker].held = worker < WORKERS - 2;
		}
		memset(pages, 0, sizeof pages);
		begin_lease();
		step_until(TTL, SN_LEASE_OWNING);
		last_chosen += lease.tenure.worker == WORKERS - 1;
	}
	ck_assert_uint_ge(last_chosen, 60);
	ck_assert_uint_le(last_chosen, 140);
}

TEST(claim_waits_while_all_workers_are_taken)
{
	for (int i = 0; i < WORKERS; i++) {
		leave_record_of_vanished_owner((uint64_t)i, 1);
		coordinator.records[i].held = true;
		coordinator.holders[i][0] = 9;
		coordinator.records[i].owner = (struct sn_holder){
			.process = 4711, .since_ms = START * UINT64_C(1000), .host = "other-host"};
	}
	begin_lease();
	expect_no_worker("has no worker left: process 4711 on other-host has one, since 2023");
	expect_blocker("/id-generator/datacenters/dc0");
	ck_assert(lease.counters.left_known && lease.counters.left == 0);
	coordinator.records[3].held = false;
	step_until(TTL, SN_LEASE_OWNING);
	ck_assert_uint_eq(lease.tenure.worker, 3);
}

TEST(record_of_another_kind_is_rejected)
{
	settings.first_worker = settings.last_worker = 1;
	leave_record_of_vanished_owner(1, 1);
	coordinator.records[1].fingerprint = KIND + 1;
	coordinator.records[1].kind = "other-kind";
	coordinator.records[1].released = true;
	begin_lease();
	expect_no_worker("another kind, layout or epoch (other-kind)");
	ck_assert(sn_lease_hopeless(&lease));
}

/* Further than any owner's reserve: the clock is wrong. */
TEST(worker_with_a_floor_ahead_of_the_clock_is_not_claimed)
{
	settings.first_worker = settings.last_worker = 1;
	leave_record_of_vanished_owner(1, now_tick() + 3600000);
	begin_lease();
	expect_no_worker("ahead of the clock, up to 2023-11-14T23:13:20");
	ck_assert(!sn_lease_hopeless(&lease));
	OK(snowid_clock_step(manual, 3600 * SEC));
	step_until(TTL, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
}

TEST(claim_waits_for_a_silent_coordinator)
{
	coordinator.silent = true;
	begin_lease();
	expect_no_worker("does not answer");
	ck_assert(!sn_lease_hopeless(&lease));
	coordinator.silent = false;
	step_until(TTL, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
}

TEST(coordinator_that_denies_is_told_with_its_words)
{
	coordinator.why = "wrong password for user ids";
	begin_lease();
	step_until(TTL / 8, SN_LEASE_OWNING);
	expect_blocker("refuses (wrong password for user ids); see to its credentials");
	ck_assert(sn_lease_hopeless(&lease));
	coordinator.why = NULL;
	step_until(TTL, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
}

/* Such a clock would record a limit that makes the worker useless for all others. */
TEST(clock_far_ahead_of_the_coordinator_claims_nothing)
{
	coordinator.tells_time = true;
	OK(snowid_clock_step(manual, 86400 * SEC));
	settings.first_worker = settings.last_worker = 1;
	begin_lease();
	expect_no_worker("far behind this one");
	ck_assert(!coordinator.records[1].exists);
	OK(snowid_clock_step(manual, -86400 * SEC));
	step_until(TTL, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
}

/* Consul: twice the TTL. */
TEST(patience_is_longer_than_a_lease_that_nobody_extends)
{
	begin_lease();
	ck_assert_uint_gt(sn_lease_patience(&lease), TTL + TTL / 2);
	coordinator.expiry_ns = 2 * TTL;
	step_until(TTL, SN_LEASE_OWNING);
	ck_assert_uint_gt(sn_lease_patience(&lease), 2 * TTL + TTL / 2);
}

/* ---- the worker that a process had before ---------------------------------------------------- */

static struct sn_tenure past;

/* What the cache of a process that was killed says. */
static void leave_past_tenure(uint64_t worker, uint64_t limit)
{
	leave_record_of_vanished_owner(worker, limit);
	past = (struct sn_tenure){.worker = worker, .epoch = 4, .limit = limit};
	past.incarnation[0] = coordinator.records[worker].incarnation[0] = 77;
	coordinator.holders[worker][0] = 77;
	coordinator.records[worker].held = true;
	settings.previous = &past;
}

TEST(worker_of_an_earlier_process_is_claimed_first)
{
	leave_past_tenure(3, now_tick() - 1);
	begin_lease();
	step_until(TTL / 8, SN_LEASE_OWNING);
	ck_assert_uint_eq(lease.tenure.worker, 3);
	ck_assert_uint_eq(coordinator.records[3].epoch, 5);
	ck_assert_uint_ge(coordinator.asked[SN_ASK_FORGET], 1);
}

TEST(worker_of_an_earlier_process_that_another_has_is_not_waited_for)
{
	leave_past_tenure(3, now_tick() - 1);
	take_worker(3);
	begin_lease();
	step_until(TTL / 8, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_ne(lease.tenure.worker, 3);
}

static void resume_worker(uint64_t worker)
{
	const uint64_t limit = now_tick() + 5000;

	leave_past_tenure(worker, limit);
	settings.resumes = true;
	pages[0].next = (now_tick() + 2) << 12;
	pages[0].limit = limit;
	pages[0].identity = worker << 12;
	begin_lease();
}

TEST(owner_that_resumes_issues_before_it_gets_an_answer)
{
	coordinator.silent = true;
	resume_worker(3);
	ck_assert(sn_lease_owns(&lease));
	run_lease(TTL);
	ck_assert(sn_lease_owns(&lease) && lease.shared == pages);
	ck_assert_uint_eq(pages[0].limit, past.limit);
	ck_assert_uint_ne(pages[0].next, SN_SEALED);
}

TEST(owner_that_resumes_claims_its_worker_again)
{
	resume_worker(3);
	const uint64_t next = pages[0].next;
	step_until(TTL / 8, SN_LEASE_ENDED);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_eq(coordinator.records[3].epoch, 5);
	ck_assert_uint_eq(coordinator.records[3].limit, pages[0].limit);
	ck_assert_uint_gt(pages[0].limit, past.limit);
	ck_assert_uint_eq(pages[0].next, next);
	ck_assert_uint_eq(lease.counters.losses, 0);
}

TEST(owner_that_resumes_is_silent_once_another_is_named)
{
	resume_worker(3);
	take_worker(3);
	step_until(TTL / 8, SN_LEASE_SEEKING);
	ck_assert_uint_eq(pages[0].next, SN_SEALED);
	step_until(TTL, SN_LEASE_OWNING);
	ck_assert_uint_ne(lease.tenure.worker, 3);
	ck_assert_ptr_eq(lease.shared, &pages[1]);
}

/* ---- claims without an answer --------------------------------------------------------------- */

TEST(claim_without_an_answer_is_found_by_reading)
{
	coordinator.lost_answers = 2; /* of the read and the claim; the next read finds the claim */
	own_worker(4);
	ck_assert_uint_eq(coordinator.records[4].epoch, 1);
	ck_assert_uint_eq(pages[0].limit, coordinator.records[4].limit);
}

TEST(late_copy_of_a_claim_is_refused)
{
	coordinator.lost_claims = 1;
	own_worker(4);
	ck_assert_int_eq(fake_write(&coordinator, &coordinator.claim), SN_REFUSED);
	ck_assert_uint_eq(coordinator.records[4].epoch, 1);
}

/* So that it does not matter which of the two arrives. */
TEST(repeated_claim_is_identical)
{
	coordinator.lost_claims = 1;
	settings.first_worker = settings.last_worker = 4;
	begin_lease();
	while (coordinator.lost_claims > 0)
		step_lease();
	const struct sn_request first = coordinator.claim;
	step_until(TTL, SN_LEASE_OWNING);
	ck_assert_int_eq(coordinator.last.ask, SN_ASK_CLAIM);
	ck_assert_mem_eq(&first.record, &coordinator.last.record, sizeof first.record);
}

/* A claim is abandoned after a TTL. */
TEST(claim_that_was_abandoned_is_refused)
{
	coordinator.lost_claims = 100;
	settings.first_worker = settings.last_worker = 4;
	begin_lease();
	step_until(3 * TTL, SN_LEASE_OWNING);
	ck_assert_int_ne(lease.state, SN_LEASE_OWNING);
	const struct sn_request given_up = coordinator.claim;
	coordinator.lost_claims = 0;
	step_until(TTL, SN_LEASE_OWNING);
	ck_assert_int_eq(fake_write(&coordinator, &given_up), SN_REFUSED);
}

/* ---- owning --------------------------------------------------------------------------------- */

TEST(lease_is_renewed_after_a_quarter_of_the_ttl)
{
	own_worker(1);
	const uint64_t limit = pages[0].limit;
	step_until(TTL / 4 - 1, SN_LEASE_ENDED);
	ck_assert_uint_eq(pages[0].limit, limit);
	step_until(2, SN_LEASE_ENDED);
	ck_assert_uint_eq(pages[0].limit, limit + 2500);
	ck_assert_uint_eq(coordinator.records[1].limit, limit + 2500);
	step_until(10 * TTL, SN_LEASE_ENDED);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_eq(coordinator.records[1].epoch, 1);
}

TEST(limit_never_falls_with_the_clock)
{
	own_worker(1);
	const uint64_t limit = pages[0].limit;
	OK(snowid_clock_step(manual, -3600 * SEC));
	step_until(2 * TTL, SN_LEASE_ENDED);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_eq(pages[0].limit, limit);
	ck_assert_uint_eq(coordinator.records[1].limit, limit);
}

TEST(renewal_without_an_answer_is_found_by_reading)
{
	own_worker(1);
	coordinator.lost_answers = 1;
	run_lease(TTL);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_eq(lease.states_used, 1);
	ck_assert_uint_eq(pages[0].limit, coordinator.records[1].limit);
}

/* Nobody else has IDs up to the limit. */
TEST(owner_without_answers_is_in_doubt_and_keeps_its_worker)
{
	own_worker(1);
	const uint64_t limit = pages[0].limit;
	coordinator.silent = true;
	run_lease(TTL - TTL / 4 - 1);
	ck_assert(!sn_lease_in_doubt(&lease, elapsed_now()));
	run_lease(1);
	ck_assert(sn_lease_in_doubt(&lease, elapsed_now()));
	run_lease(3 * TTL);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_ne(pages[0].next, SN_SEALED);
	ck_assert_uint_eq(pages[0].limit, limit);
	coordinator.silent = false;
	run_lease(TTL / 4);
	ck_assert(!sn_lease_in_doubt(&lease, elapsed_now()));
	ck_assert_uint_eq(coordinator.records[1].epoch, 1);
	ck_assert_uint_eq(pages[0].limit, coordinator.records[1].limit);
	ck_assert_uint_gt(pages[0].limit, limit);
	ck_assert_uint_eq(lease.counters.losses, 0);
}

TEST(reserve_is_apart_from_the_ttl)
{
	settings.reserve_ns = 60 * SEC;
	own_worker(1);
	ck_assert_uint_eq(pages[0].limit, now_tick() + 60000);
	run_lease(TTL);
	ck_assert_uint_ge(pages[0].limit, now_tick() + 57500);
}

TEST(granted_ttl_drives_the_renewals)
{
	settings.reserve_ns = 60 * SEC;
	coordinator.granted_ns = 4 * TTL;
	own_worker(1);
	coordinator.asked[SN_ASK_RAISE] = 0;
	run_lease(TTL - 1);
	ck_assert_uint_eq(coordinator.asked[SN_ASK_RAISE], 0);
	coordinator.granted_ns = TTL / 2;
	run_lease(2);
	ck_assert_uint_eq(coordinator.asked[SN_ASK_RAISE], 1);
	run_lease(TTL);
	ck_assert_uint_eq(coordinator.asked[SN_ASK_RAISE], 9);
	ck_assert_uint_eq(lease.counters.renewals, 9);
}

/* It was ended by hand, or has expired while the owner was stopped. The shared state continues:
 * no ID waits for it. */
TEST(own_record_without_a_lease_is_claimed_again)
{
	own_worker(1);
	pages[0].next += 10;
	const uint64_t next = pages[0].next, limit = pages[0].limit;
	coordinator.records[1].held = false;
	run_lease(TTL / 4 + TTL / 16);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert(coordinator.records[1].held);
	ck_assert_uint_eq(coordinator.records[1].epoch, 2);
	ck_assert_uint_eq(lease.tenure.epoch, 2);
	ck_assert_ptr_eq(lease.shared, pages);
	ck_assert_uint_eq(pages[0].next, next);
	ck_assert_uint_gt(pages[0].limit, limit);
	ck_assert_uint_eq(pages[0].limit, coordinator.records[1].limit);
	ck_assert_uint_eq(lease.counters.reclaims, 1);
	ck_assert_uint_eq(lease.counters.losses, 0);
}

TEST(owner_that_was_stopped_claims_its_worker_again)
{
	own_worker(1);
	coordinator.records[1].held = false;
	OK(snowid_clock_advance(manual, 3 * TTL));
	run_lease(TTL / 16);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_eq(coordinator.records[1].epoch, 2);
	ck_assert_uint_gt(pages[0].limit, now_tick());
}

/* However long that takes: once it is done, nobody else could continue its epoch. */
TEST(claim_of_the_own_record_is_repeated_until_it_is_answered)
{
	own_worker(1);
	coordinator.records[1].held = false;
	coordinator.lost_claims = 20;
	step_until(TTL, SN_LEASE_RECLAIMING);
	while (coordinator.lost_claims == 20)
		step_lease();
	const struct sn_request first = coordinator.claim;
	run_lease(10 * TTL);
	ck_assert_uint_eq(coordinator.lost_claims, 0);
	ck_assert_mem_eq(&first.record, &coordinator.claim.record, sizeof first.record);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_eq(coordinator.records[1].epoch, 2);
}

TEST(claim_of_the_own_record_ends_if_another_was_first)
{
	own_worker(1);
	coordinator.records[1].held = false;
	coordinator.lost_claims = 1;
	step_until(TTL, SN_LEASE_RECLAIMING);
	while (coordinator.lost_claims > 0)
		step_lease();
	take_worker(1);
	coordinator.records[1].held = true;
	run_lease(TTL);
	ck_assert_uint_eq(pages[0].next, SN_SEALED);
	ck_assert_uint_eq(pages[0].seal_reason, SN_SEAL_LOST);
	ck_assert_uint_eq(lease.counters.losses, 1);
}

TEST(owner_that_lost_its_worker_claims_another)
{
	settings.last_worker = 3;
	begin_lease();
	step_until(TTL, SN_LEASE_OWNING);
	const uint64_t lost = lease.tenure.worker;
	take_worker(lost);
	step_until(TTL / 2, SN_LEASE_SEEKING);
	step_until(TTL, SN_LEASE_OWNING);
	ck_assert_uint_ne(lease.tenure.worker, lost);
	ck_assert_uint_eq(pages[0].next, SN_SEALED);
	ck_assert_uint_eq(pages[0].seal_reason, SN_SEAL_REPLACED);
	ck_assert_uint_eq(pages[1].identity, UINT64_C(1) << 17 | lease.tenure.worker << 12);
	ck_assert_uint_eq(lease.counters.losses, 1);
}

static void lose_worker_and_own_another(void)
{
	const struct sn_shared_state *const before = lease.shared;

	take_worker(lease.tenure.worker);
	step_until(TTL, SN_LEASE_SEEKING);
	step_until(2 * TTL, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_ptr_ne(lease.shared, before);
}

TEST(new_tenure_keeps_the_statistics)
{
	begin_lease();
	step_until(TTL, SN_LEASE_OWNING);
	pages[0].refused = 3;
	pages[0].waits = 4;
	pages[0].next += 10;
	lose_worker_and_own_another();
	ck_assert_uint_eq(pages[1].refused, 3);
	ck_assert_uint_eq(pages[1].waits, 4);
	ck_assert_uint_eq(pages[1].counted + sn_ticks_low(&settings.ticks, pages[1].next), 10);
}

/* Of each thread, also if its clock was set back. */
TEST(ids_increase_when_the_worker_changes)
{
	begin_lease();
	step_until(TTL, SN_LEASE_OWNING);
	const uint64_t last = now_tick() + 20000;
	pages[0].next = (last << 12) + 1;
	lose_worker_and_own_another();
	ck_assert_uint_eq(pages[1].next, (last + 1) << 12);
	ck_assert_uint_ge(coordinator.records[lease.tenure.worker].limit, last);
}

TEST(deleted_record_is_claimed_above_what_was_issued)
{
	begin_lease();
	step_until(TTL, SN_LEASE_OWNING);
	const uint64_t worker = lease.tenure.worker, last = now_tick() + 1000;
	pages[0].next = (last << 12) + 1;
	OK(snowid_clock_step(manual, -4 * SEC));
	coordinator.records[worker] = (struct sn_record){.version = 0};
	step_until(TTL, SN_LEASE_SEEKING);
	step_until(TTL / 8, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_eq(lease.tenure.worker, worker);
	ck_assert_uint_eq(pages[1].next, (last + 1) << 12);
}

/* A backup of the time before its claim. */
TEST(older_record_is_claimed_above_the_clock)
{
	leave_record_of_vanished_owner(1, now_tick() - 5000);
	const struct sn_record older = coordinator.records[1];
	own_worker(1);
	coordinator.records[1] = older;
	coordinator.records[1].version = ++coordinator.versions;
	step_until(TTL, SN_LEASE_SEEKING);
	ck_assert_uint_eq(pages[0].next, SN_SEALED);
	const uint64_t tick = now_tick();
	step_until(TTL / 8, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_gt(pages[1].next, tick << 12);
}

/* A backup of this epoch: the record gets the limit again that it had. */
TEST(older_limit_of_the_own_record_is_raised_again)
{
	settings.reserve_ns = 60 * SEC;
	own_worker(1);
	const struct sn_record older = coordinator.records[1];
	run_lease(TTL);
	const uint64_t limit = pages[0].limit;
	coordinator.records[1] = older;
	coordinator.records[1].version = ++coordinator.versions;
	OK(snowid_clock_step(manual, -30 * SEC));
	run_lease(TTL);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_eq(pages[0].limit, limit);
	ck_assert_uint_eq(coordinator.records[1].limit, limit);
}

TEST(record_that_was_released_by_hand_is_lost)
{
	own_worker(1);
	const uint64_t last = now_tick() + 1000;
	pages[0].next = (last << 12) + 1;
	coordinator.records[1].version = ++coordinator.versions;
	coordinator.records[1].released = true;
	coordinator.records[1].last_tick = now_tick() - 1;
	coordinator.records[1].held = false;
	step_until(TTL, SN_LEASE_SEEKING);
	ck_assert_uint_eq(pages[0].next, SN_SEALED);
	step_until(TTL, SN_LEASE_OWNING);
	ck_assert_uint_eq(pages[1].next, (last + 1) << 12);
}

TEST(records_of_another_namespace_are_not_claimed)
{
	own_worker(1);
	const struct sn_record own = coordinator.records[1];
	coordinator.namespace_id[0]++;
	coordinator.records[1] = (struct sn_record){.version = 0};
	step_until(TTL, SN_LEASE_SEEKING);
	ck_assert_uint_eq(pages[0].next, SN_SEALED);
	expect_no_worker("has other records than before");
	ck_assert(sn_lease_hopeless(&lease));
	ck_assert(!coordinator.records[1].exists);
	coordinator.namespace_id[0]--;
	coordinator.records[1] = own;
	step_until(2 * TTL, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_gt(coordinator.records[1].epoch, 1);
}

/* For one renewal: 365 days ahead, and right again. */
TEST(clock_that_is_wrong_for_a_moment_leaves_nothing_in_the_record)
{
	settings.reserve_ns = 60 * SEC;
	coordinator.tells_time = true;
	own_worker(1);
	OK(snowid_clock_advance(manual, TTL / 4));
	OK(snowid_clock_step(manual, 365 * 86400 * SEC));
	step_lease();
	ck_assert_int_eq(coordinator.last.ask, SN_ASK_RAISE);
	OK(snowid_clock_step(manual, -365 * 86400 * SEC));
	step_lease();
	ck_assert_uint_ge(coordinator.records[1].limit, now_tick() + 60000);
	ck_assert_uint_le(coordinator.records[1].limit, now_tick() + 62500);
	expect_blocker("far behind this one");
	run_lease(TTL);
	expect_blocker("does not answer"); /* what would be said next */
}

/* Its request may have waited at the coordinator, which told the time after that. */
TEST(answer_that_was_found_late_tells_no_time)
{
	settings.reserve_ns = 60 * SEC;
	coordinator.tells_time = true;
	own_worker(1);
	OK(snowid_clock_advance(manual, TTL / 4));
	step_lease();
	ck_assert(coordinator.answered);
	OK(snowid_clock_advance(manual, 15 * SEC));
	coordinator.answers[coordinator.received % ANSWERS].answer.unix_ms += 15000;
	const uint64_t right_time = now_tick();
	OK(snowid_clock_step(manual, 16 * SEC));
	step_lease();
	run_lease(SEC);
	ck_assert_uint_le(coordinator.records[1].limit, right_time + 1000 + 62500);
}

TEST(owner_counts_the_workers_that_are_left)
{
	begin_lease();
	step_until(TTL, SN_LEASE_OWNING);
	run_lease(WORKERS * SEC);
	ck_assert(lease.counters.left_known);
	ck_assert_uint_eq(lease.counters.left, WORKERS - 1);
	for (uint64_t worker = 0; worker < WORKERS; worker++) {
		coordinator.records[worker].held = true;
		coordinator.holders[worker][1]++;
	}
	coordinator.holders[lease.tenure.worker][1]--;
	coordinator.asked[SN_ASK_READ] = 0;
	coordinator.lost_answers = 1; /* of whatever is asked first */
	run_lease(3 * 65 * SEC);
	ck_assert_uint_eq(lease.counters.left, 0);
	ck_assert_uint_le(coordinator.asked[SN_ASK_READ], 7);
	ck_assert_uint_eq(lease.counters.losses + lease.counters.reclaims, 0);
}

/* Somebody waits for IDs. */
TEST(renewal_is_made_in_a_hurry_but_not_all_the_time)
{
	own_worker(1);
	OK(snowid_clock_advance(manual, TTL / 64));
	coordinator.asked[SN_ASK_RAISE] = 0;
	for (int i = 0; i < 100; i++) {
		sn_lease_hurry(&lease);
		step_lease();
		OK(snowid_clock_advance(manual, TTL / 640));
	}
	ck_assert_uint_ge(coordinator.asked[SN_ASK_RAISE], 7);
	ck_assert_uint_le(coordinator.asked[SN_ASK_RAISE], 10);
}

TEST(owner_that_is_denied_keeps_its_worker)
{
	own_worker(1);
	coordinator.why = "token has expired";
	run_lease(2 * TTL);
	ck_assert(sn_lease_owns(&lease) && sn_lease_in_doubt(&lease, elapsed_now()));
	ck_assert(!sn_lease_hopeless(&lease));
	expect_blocker("token has expired");
}

/* ---- incarnations that were given up --------------------------------------------------------- */

static unsigned forgets_of(uint64_t worker, const uint64_t incarnation[2], uint64_t ns)
{
	unsigned count = 0, seen = coordinator.asked[SN_ASK_FORGET];

	while (ns > 0) {
		uint64_t again = step_lease();
		if (coordinator.asked[SN_ASK_FORGET] > seen) {
			seen = coordinator.asked[SN_ASK_FORGET];
			count += coordinator.last.worker == worker &&
				 memcmp(coordinator.last.record.incarnation, incarnation, 16) == 0;
		}
		if (coordinator.answered)
			continue;
		again = again < ns ? again : ns;
		OK(snowid_clock_advance(manual, again));
		ns -= again;
	}
	return count;
}

TEST(incarnation_of_a_lost_worker_is_forgotten)
{
	begin_lease();
	step_until(TTL, SN_LEASE_OWNING);
	const struct sn_tenure before = lease.tenure;
	take_worker(before.worker);
	ck_assert_uint_eq(forgets_of(before.worker, before.incarnation, 5 * TTL), 1);
}

TEST(incarnation_of_a_claim_that_was_refused_is_forgotten)
{
	settings.first_worker = settings.last_worker = 4;
	coordinator.lost_claims = 1;
	begin_lease();
	while (coordinator.lost_claims > 0)
		step_lease();
	const struct sn_request claim = coordinator.claim;
	leave_record_of_vanished_owner(4, now_tick() - 1);
	ck_assert_uint_eq(forgets_of(4, claim.record.incarnation, 5 * TTL), 1);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
}

TEST(incarnation_is_forgotten_until_that_is_answered)
{
	begin_lease();
	step_until(TTL, SN_LEASE_OWNING);
	const struct sn_tenure before = lease.tenure;
	take_worker(before.worker);
	coordinator.lost_forgets = 3;
	ck_assert_uint_eq(forgets_of(before.worker, before.incarnation, 5 * TTL), 4);
}

/* ---- shared states --------------------------------------------------------------------------- */

TEST(tenure_without_a_shared_state_waits_for_one)
{
	struct sn_shared_state more[2] = {{.next = 0}};

	settings.state_count = 1;
	begin_lease();
	step_until(TTL, SN_LEASE_OWNING);
	ck_assert(sn_lease_needs_states(&lease));
	run_lease(2 * TTL); /* it can be renewed */
	take_worker(lease.tenure.worker);
	run_lease(4 * TTL);
	ck_assert_int_eq(lease.state, SN_LEASE_SEEKING);
	ck_assert_uint_eq(pages[0].seal_reason, SN_SEAL_LOST);
	ck_assert_uint_gt(step_lease(), 0);
	sn_lease_add_states(&lease, more, 2);
	step_until(TTL, SN_LEASE_OWNING);
	ck_assert_ptr_eq(lease.shared, more);
	ck_assert_uint_eq(pages[0].seal_reason, SN_SEAL_REMOVED);
	ck_assert(!sn_lease_needs_states(&lease));
}

/* ---- release -------------------------------------------------------------------------------- */

TEST(release_records_the_exact_end)
{
	own_worker(1);
	const uint64_t last = now_tick() + 2;
	pages[0].next = (last << 12) + 7;
	sn_lease_release(&lease);
	ck_assert_uint_eq(pages[0].next, SN_SEALED);
	ck_assert_uint_eq(pages[0].seal_reason, SN_SEAL_CLOSED);
	step_until(TTL, SN_LEASE_ENDED);
	const struct sn_record *const record = &coordinator.records[1];
	ck_assert(record->released && !record->held);
	ck_assert_uint_eq(record->last_tick, last);
	ck_assert_uint_eq(record->limit, pages[0].limit);
}

TEST(release_without_ids_records_the_floor)
{
	const uint64_t floor = now_tick();
	leave_record_of_vanished_owner(1, floor - 100);
	own_worker(1);
	sn_lease_release(&lease);
	step_until(TTL, SN_LEASE_ENDED);
	ck_assert_uint_eq(coordinator.records[1].last_tick, floor);
}

TEST(release_during_a_renewal_keeps_the_new_limit)
{
	own_worker(1);
	const uint64_t limit = pages[0].limit;
	coordinator.lost_answers = 1;
	OK(snowid_clock_advance(manual, TTL / 4));
	step_lease();
	ck_assert_int_eq(coordinator.last.ask, SN_ASK_RAISE);
	ck_assert_uint_gt(coordinator.records[1].limit, limit);
	sn_lease_release(&lease);
	step_until(TTL, SN_LEASE_ENDED);
	ck_assert(coordinator.records[1].released);
	ck_assert_uint_gt(coordinator.records[1].limit, limit);
}

TEST(release_without_an_answer_is_found_by_reading)
{
	own_worker(1);
	sn_lease_release(&lease);
	coordinator.lost_answers = 1;
	step_until(TTL, SN_LEASE_ENDED);
	ck_assert_int_eq(lease.state, SN_LEASE_ENDED);
	ck_assert_uint_eq(coordinator.records[1].epoch, 1);
}

TEST(release_without_a_worker_ends_at_once)
{
	coordinator.silent = true;
	begin_lease();
	step_lease();
	sn_lease_release(&lease);
	ck_assert_int_eq(lease.state, SN_LEASE_ENDED);
	ck_assert_uint_eq(step_lease(), UINT64_MAX);
}

TEST(release_during_a_claim_forgets_it)
{
	settings.first_worker = settings.last_worker = 4;
	coordinator.lost_claims = 1;
	begin_lease();
	while (coordinator.lost_claims > 0)
		step_lease();
	sn_lease_release(&lease);
	step_until(TTL, SN_LEASE_ENDED);
	ck_assert_int_eq(lease.state, SN_LEASE_ENDED);
	ck_assert_int_eq(coordinator.last.ask, SN_ASK_FORGET);
	ck_assert_mem_eq(coordinator.last.record.incarnation, coordinator.claim.record.incarnation,
			 16);
}

TEST(release_of_a_worker_that_was_lost_ends)
{
	own_worker(1);
	take_worker(1);
	sn_lease_release(&lease);
	step_until(TTL, SN_LEASE_ENDED);
	ck_assert_int_eq(lease.state, SN_LEASE_ENDED);
	ck_assert(!coordinator.records[1].released);
}

TEST(lease_survives_a_clock_outside_the_layout)
{
	uint64_t again = 0;
	own_worker(1);
	OK(snowid_clock_step(manual, -(START + 3600) * SEC));
	EXPECT(sn_lease_step(&lease, &again), SNOWID_E_EPOCH);
	ck_assert_uint_gt(again, 0);
	OK(snowid_clock_advance(manual, TTL));
	EXPECT(sn_lease_step(&lease, &again), SNOWID_E_EPOCH);
	OK(snowid_clock_step(manual, (START + 3600) * SEC));
	coordinator.records[1].held = false;
	run_lease(TTL / 4);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_eq(coordinator.records[1].epoch, 2);
}

int main(void)
{
	return run_tests(lease_setup, lease_teardown);
}
