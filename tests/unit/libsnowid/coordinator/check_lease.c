/* SPDX-License-Identifier: MIT
 *
 * The lease of a worker, step by step. tests/sim is the test of its safety.
 */
#include <stdlib.h>

#include "libsnowid/coordinator/lease.h"
#include "tests/unit/check.h"
#include "tests/unit/coordinator.h"

#define TTL   (10 * SEC)
#define KIND  77
#define PAGES 3

static struct snowid_clock *the_clock;
static struct test_coordinator server;
static struct sn_shared_state pages[PAGES];
static struct sn_lease lease;
static struct sn_lease_settings settings;

static void set_up(void)
{
	struct sn_timebase time;

	OK(snowid_clock_new_manual(START, 0, &the_clock));
	test_coordinator_init(&server, the_clock);
	memset(pages, 0, sizeof pages);
	sn_timebase_init(&time, 0, 0, 1000000);
	settings = (struct sn_lease_settings){
		.coordinator = &server.base,
		.clock = the_clock,
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

static void tear_down(void)
{
	snowid_clock_free(the_clock);
}

static uint64_t step(void)
{
	uint64_t again;
	OK(sn_lease_step(&lease, &again));
	return again;
}

/* Steps, and lets time go on, for so long or until the lease is in a state. */
static void go_on(uint64_t ns, enum sn_lease_state until)
{
	while (lease.state != until && ns > 0) {
		uint64_t again = step();
		if (server.answered || lease.state == until)
			continue;
		again = again < ns ? again : ns;
		OK(snowid_clock_advance(the_clock, again));
		ns -= again;
	}
	if (lease.state != until)
		step();
}

static void begin(void)
{
	OK(sn_lease_init(&lease, &settings));
}

static void own_worker(uint64_t worker)
{
	settings.first_worker = settings.last_worker = worker;
	begin();
	go_on(TTL, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_eq(lease.worker, worker);
}

static uint64_t now_tick(void)
{
	int64_t sec;
	uint32_t nsec;
	OK(snowid_clock_read(the_clock, &sec, &nsec, NULL));
	return (uint64_t)sec * 1000 + nsec / 1000000;
}

/* A record of an owner that issued up to a tick and then vanished. */
static void leave_record(uint64_t worker, uint64_t limit)
{
	server.records[worker] = (struct sn_record){
		.version = ++server.versions, .epoch = 4, .limit = limit, .fingerprint = KIND};
}

static void expect_trouble(const char *part)
{
	go_on(3 * TTL, SN_LEASE_OWNING);
	ck_assert_int_ne(lease.state, SN_LEASE_OWNING);
	EXPECT(sn_lease_fail(&lease), SNOWID_E_STORE);
	EXPECT_DETAIL(part);
}

/* ---- seeking --------------------------------------------------------------------------------- */

TEST(first_claim)
{
	own_worker(5);
	const struct sn_record *const record = &server.records[5];
	ck_assert_uint_eq(record->epoch, 1);
	ck_assert_uint_eq(record->limit, now_tick() + 7500); /* TTL less a quarter of it */
	ck_assert_uint_eq(record->fingerprint, KIND);
	ck_assert(!record->released);
	ck_assert_ptr_eq(lease.shared, pages);
	ck_assert_uint_eq(pages[0].limit, record->limit);
	ck_assert_uint_eq(pages[0].identity, UINT64_C(1) << 17 | 5 << 12);
}

TEST(released_and_unused_come_first)
{
	for (uint64_t worker = 0; worker < WORKERS; worker++)
		leave_record(worker, now_tick() - 1);
	server.records[6].released = true;
	server.records[6].last_tick = now_tick() - 5;
	begin();
	go_on(TTL / 8, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_eq(lease.worker, 6);
	ck_assert_uint_eq(lease.floor, now_tick() - 5);
	ck_assert_uint_eq(pages[0].next, (now_tick() - 4) << 12);
	ck_assert_uint_eq(server.records[6].epoch, 5);
}

TEST(vanished_owner_has_a_while)
{
	const uint64_t limit = now_tick() - 1;
	leave_record(2, limit);
	settings.first_worker = settings.last_worker = 2;
	begin();
	go_on(TTL / 4 - 1, SN_LEASE_CLAIMING);
	ck_assert_int_eq(lease.state, SN_LEASE_SEEKING);
	go_on(TTL / 4, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_eq(lease.floor, limit);
}

TEST(vanished_owner_comes_back)
{
	leave_record(2, now_tick() - 1);
	settings.first_worker = settings.last_worker = 2;
	begin();
	go_on(TTL / 4 - 1, SN_LEASE_CLAIMING);
	server.records[2].version = ++server.versions;
	server.records[2].held = true;
	go_on(2 * TTL, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_SEEKING);
	server.records[2].held = false; /* and goes again: its while begins anew */
	go_on(TTL / 4 - 1, SN_LEASE_CLAIMING);
	ck_assert_int_eq(lease.state, SN_LEASE_SEEKING);
}

TEST(all_taken)
{
	for (int i = 0; i < WORKERS; i++) {
		leave_record((uint64_t)i, 1);
		server.records[i].held = true;
	}
	begin();
	expect_trouble("has no worker left");
	server.records[3].held = false;
	go_on(TTL, SN_LEASE_OWNING);
	ck_assert_uint_eq(lease.worker, 3);
}

TEST(foreign_record)
{
	settings.first_worker = settings.last_worker = 1;
	leave_record(1, 1);
	server.records[1].fingerprint = KIND + 1;
	server.records[1].released = true;
	begin();
	expect_trouble("another kind");
}

TEST(floor_ahead_of_the_clock)
{
	settings.first_worker = settings.last_worker = 1;
	leave_record(1, now_tick() + 3600000);
	begin();
	expect_trouble("ahead of the clock");
	OK(snowid_clock_step(the_clock, 3600 * SEC));
	go_on(TTL, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
}

TEST(silence)
{
	server.silent = true;
	begin();
	expect_trouble("does not answer");
	server.silent = false;
	go_on(TTL, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
}

/* A clock that is far ahead of the coordinator's would put a limit on record that bars the worker. */
TEST(clock_far_ahead)
{
	server.unix_ms = START * UINT64_C(1000);
	OK(snowid_clock_step(the_clock, 86400 * SEC));
	settings.first_worker = settings.last_worker = 1;
	begin();
	expect_trouble("far behind this one");
	ck_assert_uint_eq(server.records[1].version, 0);
	OK(snowid_clock_step(the_clock, -86400 * SEC));
	server.unix_ms = now_tick();
	go_on(TTL, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
}

/* ---- claims without an answer ---------------------------------------------------------------- */

TEST(claim_done_but_not_answered)
{
	server.lost_answers =
		2; /* the reading's and the claim's, and then the next reading tells */
	own_worker(4);
	ck_assert_uint_eq(server.records[4].epoch, 1);
	ck_assert_uint_eq(pages[0].limit, server.records[4].limit);
}

TEST(claim_that_comes_late)
{
	server.lost_claims = 1;
	own_worker(4);
	ck_assert_int_eq(test_write(&server, &server.claim), SN_REFUSED);
	ck_assert_uint_eq(server.records[4].epoch, 1);
}

/* The same claim again, so that it does not matter which of them arrives. */
TEST(claim_is_repeated_word_for_word)
{
	server.lost_claims = 1;
	settings.first_worker = settings.last_worker = 4;
	begin();
	while (server.lost_claims > 0)
		step();
	const struct sn_request first = server.claim;
	go_on(TTL, SN_LEASE_OWNING);
	ck_assert_int_eq(server.last.ask, SN_ASK_CLAIM);
	ck_assert_mem_eq(&first.record, &server.last.record, sizeof first.record);
}

/* After a TTL it is given up, and what lands of it then belongs to nobody. */
TEST(claim_that_is_given_up)
{
	server.lost_claims = 100;
	settings.first_worker = settings.last_worker = 4;
	begin();
	go_on(3 * TTL, SN_LEASE_OWNING);
	ck_assert_int_ne(lease.state, SN_LEASE_OWNING);
	const struct sn_request given_up = server.claim;
	server.lost_claims = 0;
	go_on(TTL, SN_LEASE_OWNING);
	ck_assert_int_eq(test_write(&server, &given_up), SN_REFUSED);
}

/* ---- owning ---------------------------------------------------------------------------------- */

TEST(renewal)
{
	own_worker(1);
	const uint64_t limit = pages[0].limit;
	go_on(TTL / 4 - 1, SN_LEASE_ENDED);
	ck_assert_uint_eq(pages[0].limit, limit);
	go_on(2, SN_LEASE_ENDED);
	ck_assert_uint_eq(pages[0].limit, limit + 2500);
	ck_assert_uint_eq(server.records[1].limit, limit + 2500);
	go_on(10 * TTL, SN_LEASE_ENDED);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_eq(server.records[1].epoch, 1);
}

TEST(limit_does_not_follow_the_clock_back)
{
	own_worker(1);
	const uint64_t limit = pages[0].limit;
	OK(snowid_clock_step(the_clock, -3600 * SEC));
	go_on(2 * TTL, SN_LEASE_ENDED);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_eq(pages[0].limit, limit);
	ck_assert_uint_eq(server.records[1].limit, limit);
}

TEST(renewal_done_but_not_answered)
{
	own_worker(1);
	server.lost_answers = 1;
	go_on(TTL, SN_LEASE_ENDED);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_eq(lease.states_used, 1);
	ck_assert_uint_eq(pages[0].limit, server.records[1].limit);
}

TEST(deadline_in_silence)
{
	own_worker(1);
	server.silent = true;
	go_on(TTL - TTL / 4 - 1, SN_LEASE_SEEKING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
	ck_assert_uint_ne(pages[0].next, SN_SEALED);
	go_on(1, SN_LEASE_SEEKING);
	ck_assert_int_eq(lease.state, SN_LEASE_SEEKING);
	ck_assert_uint_eq(pages[0].next, SN_SEALED);
	ck_assert_uint_eq(pages[0].seal_reason, SN_SEAL_LOST);
}

/* What answers have come is looked at only after the deadline was: a read or an old answer does not
 * bring a lease back. */
TEST(stopped_and_woken)
{
	own_worker(1);
	OK(snowid_clock_advance(the_clock, 3 * TTL));
	step();
	ck_assert_uint_eq(pages[0].next, SN_SEALED);
	server.records[1].held = false;
	go_on(2 * TTL, SN_LEASE_OWNING);
	ck_assert_ptr_eq(lease.shared, &pages[1]);
	ck_assert_uint_eq(pages[0].seal_reason, SN_SEAL_REPLACED);
	ck_assert_uint_eq(server.records[1].epoch, 2);
}

TEST(lost_to_another)
{
	settings.last_worker = 3;
	begin();
	go_on(TTL, SN_LEASE_OWNING);
	const uint64_t lost = lease.worker;
	server.records[lost].version = ++server.versions;
	server.records[lost].epoch++;
	server.records[lost].incarnation[0]++;
	go_on(TTL / 2, SN_LEASE_SEEKING);
	go_on(TTL, SN_LEASE_OWNING);
	ck_assert_uint_ne(lease.worker, lost);
	ck_assert_uint_eq(pages[0].next, SN_SEALED);
	ck_assert_uint_eq(pages[1].identity, UINT64_C(1) << 17 | lease.worker << 12);
}

TEST(statistics_are_carried_over)
{
	own_worker(1);
	pages[0].refused = 3;
	pages[0].waits = 4;
	pages[0].next += 10;
	server.records[1].held = false;
	go_on(TTL, SN_LEASE_SEEKING);
	go_on(2 * TTL, SN_LEASE_OWNING);
	ck_assert_uint_eq(pages[1].refused, 3);
	ck_assert_uint_eq(pages[1].waits, 4);
	ck_assert_uint_eq(pages[1].counted + sn_ticks_low(&settings.ticks, pages[1].next), 10);
}

TEST(pages_run_out)
{
	own_worker(1);
	for (int i = 0; i < PAGES; i++) {
		server.records[1].held = false;
		go_on(TTL, SN_LEASE_SEEKING);
		go_on(3 * TTL, SN_LEASE_OWNING);
	}
	ck_assert_int_eq(lease.state, SN_LEASE_ENDED);
	ck_assert_uint_eq(pages[PAGES - 1].next, SN_SEALED);
	ck_assert_uint_eq(pages[PAGES - 1].seal_reason, SN_SEAL_CLOSED);
	ck_assert_uint_eq(step(), UINT64_MAX);
}

/* ---- release --------------------------------------------------------------------------------- */

TEST(release_is_exact)
{
	own_worker(1);
	const uint64_t last = now_tick() + 2;
	pages[0].next = (last << 12) + 7;
	sn_lease_release(&lease);
	ck_assert_uint_eq(pages[0].next, SN_SEALED);
	ck_assert_uint_eq(pages[0].seal_reason, SN_SEAL_CLOSED);
	go_on(TTL, SN_LEASE_ENDED);
	const struct sn_record *const record = &server.records[1];
	ck_assert(record->released && !record->held);
	ck_assert_uint_eq(record->last_tick, last);
	ck_assert_uint_eq(record->limit, pages[0].limit);
}

TEST(release_of_nothing_issued)
{
	leave_record(1, now_tick() - 100);
	own_worker(1);
	sn_lease_release(&lease);
	go_on(TTL, SN_LEASE_ENDED);
	ck_assert_uint_eq(server.records[1].last_tick, lease.floor);
}

TEST(release_while_a_renewal_is_out)
{
	own_worker(1);
	const uint64_t limit = pages[0].limit;
	server.lost_answers = 1;
	while (server.lost_answers > 0) {
		OK(snowid_clock_advance(the_clock, SEC));
		step();
	}
	ck_assert_uint_gt(server.records[1].limit, limit);
	sn_lease_release(&lease);
	go_on(TTL, SN_LEASE_ENDED);
	ck_assert(server.records[1].released);
	ck_assert_uint_gt(server.records[1].limit, limit);
}

TEST(release_done_but_not_answered)
{
	own_worker(1);
	sn_lease_release(&lease);
	server.lost_answers = 1;
	go_on(TTL, SN_LEASE_ENDED);
	ck_assert_int_eq(lease.state, SN_LEASE_ENDED);
	ck_assert_uint_eq(server.records[1].epoch, 1);
}

TEST(release_without_a_worker)
{
	server.silent = true;
	begin();
	step();
	sn_lease_release(&lease);
	ck_assert_int_eq(lease.state, SN_LEASE_ENDED);
	ck_assert_uint_eq(step(), UINT64_MAX);
}

TEST(clock_outside_the_layout)
{
	uint64_t again = 0;
	own_worker(1);
	OK(snowid_clock_step(the_clock, -(START + 3600) * SEC));
	EXPECT(sn_lease_step(&lease, &again), SNOWID_E_EPOCH);
	ck_assert_uint_gt(again, 0);
	OK(snowid_clock_advance(the_clock, TTL));
	EXPECT(sn_lease_step(&lease, &again), SNOWID_E_EPOCH);
	ck_assert_uint_eq(pages[0].next, SN_SEALED);
	OK(snowid_clock_step(the_clock, (START + 3600) * SEC));
	server.records[1].held = false;
	go_on(3 * TTL, SN_LEASE_OWNING);
	ck_assert_int_eq(lease.state, SN_LEASE_OWNING);
}

int main(void)
{
	return run_tests(set_up, tear_down);
}
