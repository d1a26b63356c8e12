/* SPDX-License-Identifier: MIT
 *
 * Generators whose worker a coordinator keeps: the thread that renews the lease, forks, closing.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libsnowid/base/error.h"
#include "libsnowid/coordinator/tenant.h"
#include "tests/unit/directory.h"
#include "tests/unit/fake_pid.h"
#include "tests/unit/generators.h"
#include "tests/unit/libsnowid/coordinator/managed_store.h"
#include "tests/unit/processes.h"

static void manager_setup(void)
{
	manual = manual_clock(START);
	fake_coordinator_init(&coordinator, manual);
	first_worker = 3;
	last_worker = 4;
}

static void manager_teardown(void)
{
	snowid_clock_free(manual);
}

static struct snowid_config *managed_config(void)
{
	struct snowid_config *config;
	OK(snowid_config_new(&config));
	OK(snowid_config_set_store(config, "test:"));
	OK(snowid_config_set_clock(config, manual));
	OK(snowid_config_set_field(config, "datacenter", 2));
	return config;
}

static int try_open_managed(struct snowid_generator **g)
{
	struct snowid_config *const config = managed_config();
	const int error = snowid_generator_new(config, g);
	snowid_config_free(config);
	return error;
}

static struct snowid_generator *open_managed(void)
{
	struct snowid_generator *g = NULL;
	OK(try_open_managed(&g));
	OK(snowid_clock_advance(manual, MS));
	return g;
}

/* Its worker must be that of the generator. */
static uint64_t next_managed_id(struct snowid_generator *g)
{
	const uint64_t id = next_id(g);
	ck_assert_uint_eq(id >> 12 & 31, field_of(g, "worker"));
	ck_assert_uint_eq(id >> 17 & 31, 2);
	return id;
}

static void run_in_child(void (*run)(struct snowid_generator *), struct snowid_generator *g)
{
	const pid_t child = fork();
	if (child == 0) {
		run(g);
		_exit(0);
	}
	expect_success(child);
}

/* ---- the parent ----------------------------------------------------------------------------- */

TEST(thread_renews_the_lease)
{
	struct snowid_generator *const g = open_managed();
	uint64_t again, before = 0;

	for (int i = 0; i < 50; i++) {
		const uint64_t id = next_managed_id(g);
		ck_assert_uint_gt(id, before);
		before = id;
		advance_in_steps(SEC);
	}
	OK(snowid_generator_maintain(g, &again));
	ck_assert_uint_le(again, TTL / 4 + TTL / 8);
	ck_assert_uint_eq(coordinator.records[field_of(g, "worker")].epoch, 1);
	snowid_generator_free(g);
	ck_assert(coordinator.closed && !coordinator.inherited);
}

/* To the tick. */
TEST(limit_holds_while_the_coordinator_is_silent)
{
	struct snowid_generator *const g = open_managed();
	const uint64_t limit = coordinator.records[field_of(g, "worker")].limit;
	uint64_t id, wait_ns;

	coordinator.silent = true;
	OK(snowid_clock_step(manual, 7499 * MS)); /* not elapsed time */
	OK(snowid_generator_try_next(g, &id, &wait_ns));
	OK(snowid_clock_step(manual, MS));
	EXPECT(snowid_generator_try_next(g, &id, &wait_ns), SNOWID_E_LIMIT);
	ck_assert_uint_gt(wait_ns, 0);
	EXPECT(snowid_generator_next_for(g, SEC, &id), SNOWID_E_LIMIT);
	ck_assert_uint_eq(coordinator.records[field_of(g, "worker")].limit, limit);
	snowid_generator_free(g);
}

static uint64_t left_ms(struct snowid_generator *g)
{
	uint64_t left_ns;
	OK(snowid_generator_stat(g, SNOWID_STAT_LEFT_NS, &left_ns));
	return left_ns / MS;
}

/* As long as something can be done about it: a renewal is due with 5 of 10 s left, and its answer
 * is late with 3.75 s left. */
TEST(late_renewal_is_reported_before_the_limit)
{
	struct snowid_generator *const g = open_managed();
	uint64_t again;

	ck_assert_uint_eq(left_ms(g), 7500);
	coordinator.silent = true;
	advance_in_steps(3600 * MS);
	OK(snowid_generator_maintain(g, &again));
	ck_assert_uint_ge(again, MS);
	advance_in_steps(200 * MS);
	EXPECT(snowid_generator_maintain(g, &again), SNOWID_E_STORE);
	EXPECT_DETAIL("does not answer");
	EXPECT_DETAIL("IDs can be made for 3.7 s more");
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_LEASE), SNOWID_LEASE_IN_DOUBT);
	ck_assert_uint_eq(left_ms(g), 3700);
	next_managed_id(g);
	advance_in_steps(4 * SEC);
	ck_assert_uint_eq(left_ms(g), 0);
	coordinator.silent = false;
	advance_in_steps(TTL);
	OK(snowid_generator_maintain(g, &again));
	ck_assert_uint_ge(left_ms(g), 4900);
	OK(snowid_generator_close(g, SEC));
	ck_assert_uint_eq(left_ms(g), 0);
	OK(snowid_generator_maintain(g, &again));
	ck_assert_uint_eq(again, UINT64_MAX);
	snowid_generator_free(g);
}

TEST(generator_continues_as_another_worker)
{
	struct snowid_generator *const g = open_managed();
	const uint64_t lost = field_of(g, "worker");
	uint64_t issued, after;

	next_managed_id(g);
	next_managed_id(g);
	OK(snowid_generator_stat(g, SNOWID_STAT_ISSUED, &issued));
	give_worker_to_another(lost);
	advance_in_steps(TTL);
	next_managed_id(g);
	ck_assert_uint_eq(field_of(g, "worker"), 7 - lost);
	OK(snowid_generator_stat(g, SNOWID_STAT_ISSUED, &after));
	ck_assert_uint_eq(after, issued + 1);
	snowid_generator_free(g);
}

TEST(statistics_tell_what_became_of_the_worker)
{
	struct snowid_generator *const g = open_managed();

	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_LEASE), SNOWID_LEASE_HELD);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_EPOCH), 1);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_LOSSES), 0);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_RENEWALS), 0);
	advance_in_steps(TTL);
	ck_assert_uint_ge(stat_of(g, SNOWID_STAT_RENEWALS), 3);
	coordinator.records[7 - field_of(g, "worker")].epoch = 6;
	give_worker_to_another(field_of(g, "worker"));
	advance_in_steps(TTL);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_LEASE), SNOWID_LEASE_HELD);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_EPOCH), 7);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_LOSSES), 1);
	give_worker_to_another(field_of(g, "worker"));
	advance_in_steps(TTL);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_LEASE), SNOWID_LEASE_LOST);
	OK(snowid_generator_close(g, SEC));
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_LEASE), SNOWID_LEASE_NONE);
	snowid_generator_free(g);
}

TEST(generator_without_a_worker_fails)
{
	first_worker = last_worker;
	struct snowid_generator *const g = open_managed();
	uint64_t id, wait_ns;

	next_managed_id(g);
	give_worker_to_another(last_worker);
	advance_in_steps(TTL);
	EXPECT(snowid_generator_try_next(g, &id, &wait_ns), SNOWID_E_LIMIT);
	EXPECT_DETAIL("has lost its worker");
	ck_assert_uint_gt(wait_ns, 0);
	EXPECT(snowid_generator_maintain(g, &wait_ns), SNOWID_E_STORE);
	EXPECT_DETAIL("has no worker left");
	EXPECT(snowid_generator_next_for(g, SEC, &id), SNOWID_E_LIMIT);
	OK(snowid_generator_close(g, SEC));
	EXPECT(snowid_generator_try_next(g, &id, &wait_ns), SNOWID_E_CLOSED);
	snowid_generator_free(g);
}

TEST(close_releases_the_worker)
{
	struct snowid_generator *const g = open_managed();
	const struct sn_record *const record = &coordinator.records[field_of(g, "worker")];
	const uint64_t id = next_managed_id(g);
	uint64_t other;

	OK(snowid_generator_close(g, SEC));
	ck_assert(record->released && !record->held);
	ck_assert_uint_eq(record->last_tick, id >> 22);
	ck_assert_uint_eq(snowflake_ms(id), START * 1000 + 1);
	EXPECT(snowid_generator_next(g, &other), SNOWID_E_CLOSED);
	OK(snowid_generator_close(g, SEC));
	snowid_generator_free(g);
}

TEST(close_reports_a_silent_coordinator)
{
	struct snowid_generator *const g = open_managed();
	uint64_t id;

	coordinator.silent = true;
	EXPECT(snowid_generator_close(g, SEC), SNOWID_E_STORE);
	EXPECT_DETAIL("did not confirm");
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_CLOSED);
	snowid_generator_free(g);
}

TEST(opening_reports_a_silent_coordinator)
{
	struct snowid_generator *g = NULL;

	coordinator.silent = true;
	EXPECT(try_open_managed(&g), SNOWID_E_STORE);
	EXPECT_DETAIL("does not answer");
	ck_assert(coordinator.closed);
	ck_assert_ptr_null(g);
}

static int give_up(void *user)
{
	(void)user;
	return -ECANCELED;
}

TEST(opening_ends_with_its_timeout_or_when_the_program_gives_up)
{
	struct snowid_generator *g = NULL;
	struct snowid_config *const config = managed_config();
	uint64_t elapsed;

	coordinator.silent = true;
	EXPECT(snowid_generator_new_for(config, SEC, &g), SNOWID_E_STORE);
	EXPECT_DETAIL("does not answer");
	OK(snowid_clock_read(manual, NULL, NULL, &elapsed));
	ck_assert_uint_eq(elapsed, SEC);
	OK(snowid_config_set_interrupt(config, give_up, NULL));
	EXPECT(snowid_generator_new(config, &g), -ECANCELED);
	OK(snowid_clock_read(manual, NULL, NULL, &elapsed));
	ck_assert_uint_eq(elapsed, SEC);
	ck_assert_ptr_null(g);
	snowid_config_free(config);
}

/* ---- opening ends ---------------------------------------------------------------------------- */

TEST(opening_ends_at_once_when_the_coordinator_refuses)
{
	struct snowid_generator *g = NULL;
	uint64_t elapsed_ns;

	coordinator.why = "permission denied";
	EXPECT(try_open_managed(&g), SNOWID_E_STORE);
	EXPECT_DETAIL("permission denied");
	OK(snowid_clock_read(manual, NULL, NULL, &elapsed_ns));
	ck_assert_uint_eq(elapsed_ns, 0);
	ck_assert(coordinator.closed);
}

/* While nobody can have it, its worker would rest for a reserve. */
TEST(claim_of_an_opener_that_gives_up_is_taken_back)
{
	struct snowid_generator *g = NULL;
	struct snowid_config *const config = managed_config();
	const struct sn_record *record;

	first_worker = last_worker;
	record = &coordinator.records[last_worker];
	coordinator.lost_answers = 1000; /* from the claim on */
	coordinator.answered_reads = 1;
	EXPECT(snowid_generator_new_for(config, 100 * MS, &g), SNOWID_E_STORE);
	ck_assert(record->exists);
	ck_assert(!record->held);
	snowid_config_free(config);
}

TEST(opening_waits_until_the_lease_of_a_crashed_owner_has_ended)
{
	struct snowid_generator *g = NULL;
	uint64_t elapsed_ns;

	first_worker = last_worker;
	coordinator.expiry_ns = 2 * TTL;
	coordinator.records[last_worker].exists = true;
	give_worker_to_another(last_worker);
	EXPECT(try_open_managed(&g), SNOWID_E_STORE);
	EXPECT_DETAIL("has no worker left");
	OK(snowid_clock_read(manual, NULL, NULL, &elapsed_ns));
	ck_assert_uint_eq(elapsed_ns, 2 * TTL + TTL / 2 + SEC);
}

/* ---- several generators ---------------------------------------------------------------------- */

TEST(generators_of_a_process_share_a_connection)
{
	struct snowid_generator *const first = open_managed(), *const second = open_managed();

	ck_assert_int_eq(times_opened, 1);
	ck_assert_uint_ne(field_of(first, "worker"), field_of(second, "worker"));
	for (int i = 0; i < 30; i++) {
		next_managed_id(first);
		next_managed_id(second);
		advance_in_steps(SEC);
	}
	ck_assert_uint_ge(stat_of(first, SNOWID_STAT_RENEWALS), 10);
	ck_assert_uint_ge(stat_of(second, SNOWID_STAT_RENEWALS), 10);
	OK(snowid_generator_close(first, SEC));
	snowid_generator_free(first);
	ck_assert(!coordinator.closed);
	next_managed_id(second);
	snowid_generator_free(second);
	ck_assert(coordinator.closed);
}

/* The records of a coordinator that was emptied or restored say nothing about the IDs of those
 * before. */
TEST(other_records_are_noticed_by_a_generator_that_is_opened_later)
{
	struct snowid_generator *const first = open_managed(), *second = NULL;

	pthread_mutex_lock(&coordinator.mutex);
	coordinator.namespace_id[0]++;
	pthread_mutex_unlock(&coordinator.mutex);
	EXPECT(try_open_managed(&second), SNOWID_E_STORE);
	EXPECT_DETAIL("has other records than before");
	snowid_generator_free(first);
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* A loop of try_next would otherwise wake the thread thousands of times a second. */
TEST(retry_after_a_loss_or_at_the_limit_is_not_too_soon)
{
	first_worker = last_worker;
	struct snowid_generator *const g = open_managed();
	uint64_t id, wait_ns;

	coordinator.silent = true;
	OK(snowid_clock_step(manual, TTL));
	EXPECT(snowid_generator_try_next(g, &id, &wait_ns), SNOWID_E_LIMIT);
	ck_assert_uint_eq(wait_ns, MS);
	OK(snowid_clock_step(manual, -TTL));
	coordinator.silent = false;
	give_worker_to_another(last_worker);
	advance_in_steps(TTL);
	EXPECT(snowid_generator_try_next(g, &id, &wait_ns), SNOWID_E_LIMIT);
	EXPECT_DETAIL("has lost its worker");
	ck_assert_uint_eq(wait_ns, 10 * MS);
	snowid_generator_free(g);
}

/* After a step of the clock the next renewal by itself would come seconds later. */
TEST(caller_at_the_limit_makes_a_renewal_due)
{
	struct snowid_generator *const g = open_managed();
	uint64_t id;

	next_managed_id(g);
	OK(snowid_clock_advance(manual, 200 * MS)); /* after which another is not too soon */
	OK(snowid_clock_step(manual, TTL));
	MAY_FAIL(snowid_generator_next_for(g, 1, &id)); /* the answer may come in time */
	fake_let_manager_run(&coordinator);
	OK(snowid_generator_try_next(g, &id, NULL));
	snowid_generator_free(g);
}

/* ---- more workers than there is room for at once --------------------------------------------- */

#define MANY_LOSSES (2 * SN_TENANT_STATES + 10)

static void lose_often(struct snowid_generator *g)
{
	for (int i = 0; i < MANY_LOSSES; i++) {
		const uint64_t lost = field_of(g, "worker");
		pthread_mutex_lock(&coordinator.mutex);
		coordinator.records[7 - lost].held = false;
		coordinator.records[7 - lost].released = true;
		pthread_mutex_unlock(&coordinator.mutex);
		give_worker_to_another(lost);
		advance_in_steps(TTL / 2);
		ck_assert_uint_eq(stat_of(g, SNOWID_STAT_LOSSES), (uint64_t)i + 1);
		OK(snowid_generator_maintain(g, &(uint64_t){0}));
		ck_assert_uint_eq(field_of(g, "worker"), 7 - lost);
	}
}

TEST(generator_can_have_any_number_of_workers)
{
	struct snowid_generator *const g = open_managed();
	uint64_t id, issued;

	const uint64_t before = next_managed_id(g);
	lose_often(g);
	OK(snowid_generator_try_next(g, &id, NULL));
	ck_assert_uint_gt(id >> 22, before >> 22);
	OK(snowid_generator_stat(g, SNOWID_STAT_ISSUED, &issued));
	ck_assert_uint_eq(issued, 2);
	snowid_generator_free(g);
}

TEST(child_that_cannot_follow_any_more_gets_an_error)
{
	struct snowid_generator *const g = open_managed();
	int go[2];

	ck_assert_int_eq(pipe(go), 0);
	const pid_t child = fork();
	if (child == 0) {
		char byte;
		uint64_t id;
		close(go[1]);
		while (read(go[0], &byte, 1) > 0)
			;
		EXPECT(snowid_generator_try_next(g, &id, NULL), SNOWID_E_STORE);
		EXPECT_DETAIL("open the generator after the last fork");
		EXPECT(snowid_generator_next(g, &id), SNOWID_E_STORE);
		EXPECT(snowid_generator_maintain(g, &id), SNOWID_E_STORE);
		snowid_generator_free(g);
		_exit(0);
	}
	lose_often(g);
	close(go[0]);
	close(go[1]);
	expect_success(child);
	snowid_generator_free(g);
}

/* ---- children ------------------------------------------------------------------------------- */

static void use_and_free(struct snowid_generator *g)
{
	uint64_t id;

	for (int i = 0; i < 5; i++)
		next_managed_id(g);
	OK(snowid_generator_close(g, SEC));
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_CLOSED);
	snowid_generator_free(g);
	if (!coordinator.closed || !coordinator.inherited)
		_exit(1);
}

TEST_EACH(child_shares_ids_but_never_calls_the_coordinator, 2)
{
	all_have_pid_1 = nth == 1;
	struct snowid_generator *const g = open_managed();
	const uint64_t before = next_managed_id(g);

	/* A child that locked it too would hang. */
	pthread_mutex_lock(&coordinator.mutex);
	run_in_child(use_and_free, g);
	pthread_mutex_unlock(&coordinator.mutex);
	ck_assert_uint_eq(next_managed_id(g), before + 6);
	ck_assert(!coordinator.closed);
	snowid_generator_free(g);
	all_have_pid_1 = false;
}

/* The child is forked before the worker is lost. */
TEST(child_follows_its_parent_to_another_worker)
{
	struct snowid_generator *const g = open_managed();
	const uint64_t lost = field_of(g, "worker");
	int go[2], status;

	ck_assert_int_eq(pipe(go), 0);
	const pid_t pid = fork();
	if (pid == 0) {
		char byte;
		close(go[1]);
		while (read(go[0], &byte, 1) > 0)
			;
		next_managed_id(g);
		const uint64_t worker = field_of(g, "worker");
		snowid_generator_free(g); /* or valgrind calls it lost */
		_exit(worker == 7 - lost ? 0 : 1);
	}
	give_worker_to_another(lost);
	advance_in_steps(TTL);
	close(go[1]);
	close(go[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	snowid_generator_free(g);
}

static void expect_closed(struct snowid_generator *g)
{
	uint64_t id;
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_CLOSED);
}

TEST(children_of_a_closed_generator_get_an_error)
{
	struct snowid_generator *const g = open_managed();
	OK(snowid_generator_close(g, SEC));
	run_in_child(expect_closed, g);
	snowid_generator_free(g);
}

/* As in a program that opens its generator before it daemonizes. */
TEST(child_of_an_ended_opener_continues_up_to_the_limit)
{
	int report[2];
	char verdict = 0;

	ck_assert_int_eq(pipe(report), 0);
	const pid_t child = fork();
	if (child == 0) {
		const pid_t opener = getpid();
		coordinator.test = pthread_self();
		static struct snowid_generator *g; /* not a leak in the opener */
		g = open_managed();
		if (fork() != 0)
			_exit(0);
		while (kill(opener, 0) == 0) /* until it has been reaped */
			usleep(1000);
		uint64_t id;
		next_managed_id(g);
		OK(snowid_clock_advance(manual, TTL)); /* as a suspension, which makes both late */
		EXPECT(snowid_generator_next_for(g, SEC / 2, &id), SNOWID_E_LIMIT);
		EXPECT(snowid_generator_next(g, &id), SNOWID_E_STORE);
		EXPECT_DETAIL("after daemonizing");
		snowid_generator_free(g);
		verdict = 'y';
		_exit(write(report[1], &verdict, 1) == 1 ? 0 : 1);
	}
	close(report[1]);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq(read(report[0], &verdict, 1), 1);
	close(report[0]);
	ck_assert_int_eq(verdict, 'y');
}

/* ---- a cache --------------------------------------------------------------------------------- */

static void use_cache(void)
{
	static char path[4200];

	directory_make();
	snprintf(path, sizeof path, "%s/cache", directory);
	cache_file = path;
	reserve_ns = 60 * SEC;
}

static void end_cache(void)
{
	directory_remove();
	cache_file = NULL;
	reserve_ns = TTL / 4 * 3;
}

/* Makes IDs in a process that is then killed. Returns the last of them. */
static uint64_t make_ids_and_be_killed(void)
{
	volatile uint64_t *const last = shared_memory(sizeof *last);
	int status;

	const pid_t child = fork();
	if (child == 0) {
		coordinator.test = pthread_self();
		struct snowid_generator *const g = open_managed();
		for (int i = 0; i < 5000; i++)
			*last = next_managed_id(g);
		fake_let_manager_run(&coordinator);
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %x", status);
	return *last;
}

/* The coordinator of this test is in memory, and so forgets what the child has told it: like one
 * that does not answer, it says nothing of the child. */
TEST(process_goes_on_after_one_that_was_killed_although_nobody_answers)
{
	struct snowid_generator *g = NULL;

	use_cache();
	const uint64_t last = make_ids_and_be_killed();
	coordinator.silent = true;
	OK(try_open_managed(&g));
	const uint64_t first = next_managed_id(g);
	ck_assert_uint_gt(first, last);
	ck_assert_uint_eq(first >> 12 & 31, last >> 12 & 31);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_LEASE), SNOWID_LEASE_IN_DOUBT);
	OK(snowid_clock_step(manual, 61 * SEC));
	EXPECT(snowid_generator_next_for(g, 0, &(uint64_t){0}), SNOWID_E_LIMIT);
	snowid_generator_free(g);
	end_cache();
}

TEST(no_process_goes_on_as_a_worker_that_was_released)
{
	struct snowid_generator *g = NULL;

	use_cache();
	OK(try_open_managed(&g));
	next_managed_id(g);
	OK(snowid_generator_close(g, SEC));
	snowid_generator_free(g);
	coordinator.silent = true;
	EXPECT(try_open_managed(&g), SNOWID_E_STORE);
	EXPECT_DETAIL("does not answer");
	end_cache();
}

TEST(no_process_goes_on_as_a_worker_that_was_lost)
{
	struct snowid_generator *g = NULL;

	use_cache();
	OK(try_open_managed(&g));
	next_managed_id(g);
	give_worker_to_another(first_worker);
	give_worker_to_another(last_worker);
	advance_in_steps(TTL / 2);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_LEASE), SNOWID_LEASE_LOST);
	snowid_generator_free(g);
	coordinator.silent = true;
	EXPECT(try_open_managed(&g), SNOWID_E_STORE);
	EXPECT_DETAIL("does not answer");
	end_cache();
}

int main(void)
{
	return run_tests(manager_setup, manager_teardown);
}
