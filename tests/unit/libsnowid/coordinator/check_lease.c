/* SPDX-License-Identifier: MIT
 *
 * The lease of a worker, step by step. Its safety is tested by tests/sim.
 */
#include <stdlib.h>

#include "libsnowid/coordinator/lease.h"
#include "tests/unit/generators.h"
#include "tests/unit/libsnowid/coordinator/fake_coordinator.h"

#define KIND  77
#define PAGES 3

static struct snowid_clock *manual;
static struct fake_coordinator coordinator;
static struct sn_shared_state pages[PAGES];
static struct sn_lease lease;
static struct sn_lease_settings settings;

static void lease_setup(void)
{
	struct sn_timebase time;

	manual = manual_clock(START);
	fake_coordinator_init(&coordinator, manual);
	memset(pages, 0, sizeof pages);
	sn_timebase_init(&time, 0, 0, 1000000);
	settings = (struct sn_lease_settings){
		.coordinator = &coordinator.base,
		.clock = manual,
		.ttl_ns = TTL,
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
	uint64_t again;
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
	ck_assert_uint_eq(lease.worker, worker);
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

static void expect_no_worker(const char *part)
{
	step_until(3 * TTL, SN_LEASE_OWNING);
	ck_assert_int_ne(lease.state, SN_LEASE_OWNING);
	EXPECT(sn_lease_fail(&lease.settings, lease.blocker), SNOWID_E_STORE);
	EXPECT_DETAIL(part);
}

/* ---- seeking -------------------------------------------------------------------------------- */

TEST(claim_writes_the_first_record)
{
	own_worker(5);
	const struct sn_record *const record = &coordinator.records[5];
	ck_assert_uint_eq(record->epoch, 1);
	ck_assert_uint_eq(record->limit, now_tick() + 7500); /* three quarters of the TTL */
	ck_assert_uint_eq(record->fingerprint, KIND);
	ck_assert(!record->released);
	ck_assert_ptr_eq(lease.shared, pages);
	ck_assert_uint_eq(pages[0].limit, record->limit);
	ck_assert_uint_eq(pages[0].identity, UINT64_C(1) << 17 | 5 << 12);
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
	ck_assert_uint_eq(lease.worker, 6);
	ck_assert_uint_eq(lease.floor, now_tick() - 5);
	ck_assert_uint_eq(pages[0].next, (now_tick() - 4) << 12);
	ck_assert_uint_eq(coordinator.records[6].epoch, 5);
}

TEST(worker_of_a_vanished_owner_is_claimed_after_a_while)
{
	const uint64_t limit = now_tick() - 1;
	leave_record_of_vanished_owner(2, limit);
	settings.first_worker = settings.last_worker = 2;
	begin_lease();
	step_until(TTL / 4 - 1, SN_LEASE_CLAIMING);
	ck_assert_int_eq(lease.state, SN_LEASE_SEEKING);
	step_until(TTL / 4, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_eq(lease.floor, limit);
}

TEST(worker_of_an_owner_that_returns_is_not_claimed)
{
	leave_record_of_vanished_owner(2, now_tick() - 1);
	settings.first_worker = settings.last_worker = 2;
	begin_lease();
	step_until(TTL / 4 - 1, SN_LEASE_CLAIMING);
	coordinator.records[2].version = ++coordinator.versions;
	coordinator.records[2].held = true;
	step_until(2 * TTL, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_SEEKING);
	coordinator.records[2].held = false; /* vanishes again, which starts a new wait */
	step_until(TTL / 4 - 1, SN_LEASE_CLAIMING);
	ck_assert_int_eq(lease.state, SN_LEASE_SEEKING);
}

TEST(claim_waits_while_all_workers_are_taken)
{
	for (int i = 0; i < WORKERS; i++) {
		leave_record_of_vanished_owner((uint64_t)i, 1);
		coordinator.records[i].held = true;
	}
	begin_lease();
	expect_no_worker("has no worker left");
	coordinator.records[3].held = false;
	step_until(TTL, SN_LEASE_OWNING);
	ck_assert_uint_eq(lease.worker, 3);
}

TEST(record_of_another_kind_is_rejected)
{
	settings.first_worker = settings.last_worker = 1;
	leave_record_of_vanished_owner(1, 1);
	coordinator.records[1].fingerprint = KIND + 1;
	coordinator.records[1].released = true;
	begin_lease();
	expect_no_worker("another kind");
}

TEST(worker_with_a_floor_ahead_of_the_clock_is_not_claimed)
{
	settings.first_worker = settings.last_worker = 1;
	leave_record_of_vanished_owner(1, now_tick() + 3600000);
	begin_lease();
	expect_no_worker("ahead of the clock");
	OK(snowid_clock_step(manual, 3600 * SEC));
	step_until(TTL, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
}

TEST(claim_waits_for_a_silent_coordinator)
{
	coordinator.silent = true;
	begin_lease();
	expect_no_worker("does not answer");
	coordinator.silent = false;
	step_until(TTL, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
}

/* Such a clock would record a limit that makes the worker useless for all others. */
TEST(clock_far_ahead_of_the_coordinator_claims_nothing)
{
	coordinator.unix_ms = START * UINT64_C(1000);
	OK(snowid_clock_step(manual, 86400 * SEC));
	settings.first_worker = settings.last_worker = 1;
	begin_lease();
	expect_no_worker("far behind this one");
	ck_assert_uint_eq(coordinator.records[1].version, 0);
	OK(snowid_clock_step(manual, -86400 * SEC));
	coordinator.unix_ms = now_tick();
	step_until(TTL, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
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
	step_until(TTL, SN_LEASE_ENDED);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_eq(lease.states_used, 1);
	ck_assert_uint_eq(pages[0].limit, coordinator.records[1].limit);
}

TEST(lease_ends_at_its_deadline_in_silence)
{
	own_worker(1);
	coordinator.silent = true;
	step_until(TTL - TTL / 4 - 1, SN_LEASE_SEEKING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_ne(pages[0].next, SN_SEALED);
	step_until(1, SN_LEASE_SEEKING);
	ck_assert_int_eq(lease.state, SN_LEASE_SEEKING);
	ck_assert_uint_eq(pages[0].next, SN_SEALED);
	ck_assert_uint_eq(pages[0].seal_reason, SN_SEAL_LOST);
}

/* The deadline is checked before the answers that have arrived: none of them can extend the
 * lease. */
TEST(owner_that_was_stopped_past_its_deadline_starts_a_new_epoch)
{
	own_worker(1);
	OK(snowid_clock_advance(manual, 3 * TTL));
	step_lease();
	ck_assert_uint_eq(pages[0].next, SN_SEALED);
	coordinator.records[1].held = false;
	step_until(2 * TTL, SN_LEASE_OWNING);
	ck_assert_ptr_eq(lease.shared, &pages[1]);
	ck_assert_uint_eq(pages[0].seal_reason, SN_SEAL_REPLACED);
	ck_assert_uint_eq(coordinator.records[1].epoch, 2);
}

TEST(owner_that_lost_its_worker_claims_another)
{
	settings.last_worker = 3;
	begin_lease();
	step_until(TTL, SN_LEASE_OWNING);
	const uint64_t lost = lease.worker;
	coordinator.records[lost].version = ++coordinator.versions;
	coordinator.records[lost].epoch++;
	coordinator.records[lost].incarnation[0]++;
	step_until(TTL / 2, SN_LEASE_SEEKING);
	step_until(TTL, SN_LEASE_OWNING);
	ck_assert_uint_ne(lease.worker, lost);
	ck_assert_uint_eq(pages[0].next, SN_SEALED);
	ck_assert_uint_eq(pages[1].identity, UINT64_C(1) << 17 | lease.worker << 12);
}

TEST(new_epoch_keeps_the_statistics)
{
	own_worker(1);
	pages[0].refused = 3;
	pages[0].waits = 4;
	pages[0].next += 10;
	coordinator.records[1].held = false;
	step_until(TTL, SN_LEASE_SEEKING);
	step_until(2 * TTL, SN_LEASE_OWNING);
	ck_assert_uint_eq(pages[1].refused, 3);
	ck_assert_uint_eq(pages[1].waits, 4);
	ck_assert_uint_eq(pages[1].counted + sn_ticks_low(&settings.ticks, pages[1].next), 10);
}

TEST(lease_ends_when_its_pages_are_used_up)
{
	own_worker(1);
	for (int i = 0; i < PAGES; i++) {
		coordinator.records[1].held = false;
		step_until(TTL, SN_LEASE_SEEKING);
		step_until(3 * TTL, SN_LEASE_OWNING);
	}
	ck_assert_int_eq(lease.state, SN_LEASE_ENDED);
	ck_assert_uint_eq(pages[PAGES - 1].next, SN_SEALED);
	ck_assert_uint_eq(pages[PAGES - 1].seal_reason, SN_SEAL_CLOSED);
	ck_assert_uint_eq(step_lease(), UINT64_MAX);
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
	leave_record_of_vanished_owner(1, now_tick() - 100);
	own_worker(1);
	sn_lease_release(&lease);
	step_until(TTL, SN_LEASE_ENDED);
	ck_assert_uint_eq(coordinator.records[1].last_tick, lease.floor);
}

TEST(release_during_a_renewal_keeps_the_new_limit)
{
	own_worker(1);
	const uint64_t limit = pages[0].limit;
	coordinator.lost_answers = 1;
	while (coordinator.lost_answers > 0) {
		OK(snowid_clock_advance(manual, SEC));
		step_lease();
	}
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

TEST(lease_survives_a_clock_outside_the_layout)
{
	uint64_t again = 0;
	own_worker(1);
	OK(snowid_clock_step(manual, -(START + 3600) * SEC));
	EXPECT(sn_lease_step(&lease, &again), SNOWID_E_EPOCH);
	ck_assert_uint_gt(again, 0);
	OK(snowid_clock_advance(manual, TTL));
	EXPECT(sn_lease_step(&lease, &again), SNOWID_E_EPOCH);
	ck_assert_uint_eq(pages[0].next, SN_SEALED);
	OK(snowid_clock_step(manual, (START + 3600) * SEC));
	coordinator.records[1].held = false;
	step_until(3 * TTL, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
}

int main(void)
{
	return run_tests(lease_setup, lease_teardown);
}
