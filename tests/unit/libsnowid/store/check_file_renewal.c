/* SPDX-License-Identifier: MIT
 *
 * How the limit of a state file rises, and when it must not.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "tests/unit/fake_pid.h"
#include "tests/unit/libsnowid/store/fake_disk.h"
#include "tests/unit/processes.h"
#include "tests/unit/state_file.h"

/* ---- failed syncs --------------------------------------------------------------------------- */

static void expect_final(struct snowid_generator *generator, int error)
{
	uint64_t id, count, wait = 1;
	EXPECT(snowid_generator_try_next(generator, &id, &wait), error);
	EXPECT_DETAIL("what it wrote may be lost");
	ck_assert_uint_eq(wait, 0);
	EXPECT(snowid_generator_available(generator, &count), error);
}

TEST_EACH(limit_is_frozen_until_a_reboot_after_a_failed_sync, 2)
{
	const int number = nth == 0 ? EIO : ENOSPC;
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *const g = open_state(clock), *const other = open_state(clock);
	uint64_t id, again;
	int error = 0;
	next_id(g);
	disk.failing = "msync";
	disk.failure = number;
	for (int i = 0; i < 300 && !error; i++) {
		OK(snowid_clock_advance(clock, MS));
		error = snowid_generator_next(g, &id);
	}
	ck_assert_int_eq(error, -number);
	EXPECT_DETAIL("what it wrote may be lost");
	disk.failing = NULL; /* Linux now calls the page clean */
	EXPECT(snowid_generator_next(g, &id), -number);
	expect_final(g, -number); /* also for calls that do not wait */
	expect_final(other, -number);
	EXPECT(snowid_generator_maintain(g, &again), -number);
	EXPECT(snowid_generator_next(other, &id), -number); /* so do all users of the file */
	expect_open_error(clock, -number, "what it wrote may be lost");
	snowid_generator_free(g);
	snowid_generator_free(other);
	disk.boot++;
	struct snowid_generator *const after = open_state(clock);
	OK(issue_for_blocks(after, clock));
	snowid_generator_free(after);
	snowid_clock_free(clock);
}

/* ---- when a renewal is due ----------------------------------------------------------------- */

static struct snowid_generator *open_with_settings(const char *kind, const char *const settings[3],
						   struct snowid_clock *clock)
{
	struct snowid_config *const config = state_config(kind, clock);
	struct snowid_generator *generator = NULL;
	OK(snowid_config_set(config, "reserve", settings[0]));
	OK(snowid_config_set(config, "hold", settings[1]));
	OK(snowid_config_set(config, "borrow", settings[2]));
	OK(snowid_generator_new(config, &generator));
	snowid_config_free(config);
	return generator;
}

/* A thread that calls maintain when it is told to keeps the limit ahead of threads that do not
 * wait. */
TEST_EACH(maintainer_in_time_keeps_the_limit_ahead, 9)
{
	static const char small[] = "time:45,worker:10,sequence:2";
	static const char seconds[] = "time:35,worker:10,sequence:8;unit=1s";
	static const char fine[] = "time:54,worker:8,sequence:1;unit=100us";
	static const struct {
		const char *kind, *settings[3]; /* reserve, hold, borrow */
		int64_t step_ms;
		unsigned most_syncs; /* in 4 s */
	} cases[] = {
		{small, {"500ms", "1s", "0"}, -900, 20},     {small, {"500ms", "0", "2s"}, 0, 18},
		{small, {"500ms", "160ms", "0"}, -150, 30},  {small, {"3s", "1s", "0"}, -900, 10},
		{small, {"3s", "500ms", "500ms"}, -400, 10}, {seconds, {"10ms", "0", "0"}, 0, 5},
		{seconds, {"10ms", "1s", "0"}, -900, 6},     {seconds, {"3s", "1s", "0"}, -900, 10},
		{fine, {"10ms", "3ms", "0"}, -2, 1300},
	};
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *const g =
		open_with_settings(cases[nth].kind, cases[nth].settings, clock);
	uint64_t ids[64], again_ns = 0;
	unsigned issued = 0;
	size_t made;
	disk.syncs = 0;
	for (int i = 0; i < 20000; i++) { /* steps of 200 us */
		if (again_ns < (uint64_t)MS / 5) {
			OK(snowid_generator_maintain(g, &again_ns));
			ck_assert_uint_gt(again_ns, 0);
		} else {
			again_ns -= (uint64_t)MS / 5;
		}
		const int error = snowid_generator_next_batch(g, ids, 64, 0, &made);
		if (error == SNOWID_E_LIMIT)
			ck_abort_msg("the limit is reached after %d steps", i);
		issued += (unsigned)made;
		OK(snowid_clock_advance(clock, MS / 5));
		if (i == 7000)
			OK(snowid_clock_step(clock, cases[nth].step_ms * MS));
	}
	ck_assert_uint_gt(issued, 500);
	ck_assert_uint_le(disk.syncs, cases[nth].most_syncs);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST_EACH(calls_never_sync_while_another_thread_maintains_the_limit, 2)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *g = NULL;
	uint64_t again_ns = 0;
	unsigned by_calls = 0;
	OK(try_open_with("hold", nth == 0 ? "1s" : "33ms", clock, &g));
	disk.syncs = 0;
	for (int i = 0; i < 1000; i++) {
		const unsigned before = disk.syncs;
		next_id(g);
		by_calls += disk.syncs - before;
		if (again_ns < (uint64_t)MS)
			OK(snowid_generator_maintain(g, &again_ns));
		else
			again_ns -= (uint64_t)MS;
		OK(snowid_clock_advance(clock, MS));
	}
	ck_assert_uint_gt(disk.syncs, 10);
	ck_assert_uint_eq(by_calls, 0);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(closed_generator_need_not_be_maintained)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *const g = open_state(clock);
	uint64_t again = 0;
	OK(snowid_generator_close(g, 0));
	OK(snowid_clock_advance(clock, SEC));
	disk.syncs = 0;
	OK(snowid_generator_maintain(g, &again));
	ck_assert_uint_eq(again, UINT64_MAX);
	ck_assert_uint_eq(disk.syncs, 0);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

/* ---- other users during a renewal ----------------------------------------------------------- */

static struct {
	struct snowid_generator *generator;
	struct snowid_clock *clock;
	uint64_t last;
	bool done;
} renewal;

static void *issue_during_renewal(void *unused)
{
	(void)unused;
	for (int i = 0; i < 100; i++)
		renewal.last = next_id(renewal.generator);
	return NULL;
}

/* Another thread continues up to the limit, and then waits without a sync of its own. */
static void start_thread_during_renewal(void)
{
	const unsigned before = disk.syncs;
	pthread_t thread;
	uint64_t id;
	pthread_create(&thread, NULL, issue_during_renewal, NULL);
	pthread_join(thread, NULL);
	OK(snowid_clock_advance(renewal.clock, 200 * MS));
	EXPECT(snowid_generator_next_for(renewal.generator, 5 * MS, &id), SNOWID_E_LIMIT);
	ck_assert_uint_eq(disk.syncs, before);
	renewal.done = true;
}

/* A child that is forked during a renewal renews by itself, whatever its PID. */
static void fork_during_renewal(void)
{
	const pid_t child = fork();
	if (child == 0) {
		if (snowid_clock_advance(renewal.clock, 200 * MS) != 0)
			_exit(2);
		_exit(snowid_generator_next(renewal.generator, &renewal.last) != 0);
	}
	expect_success(child);
	renewal.done = true;
}

TEST_EACH(others_continue_while_one_thread_renews, 3)
{
	all_have_pid_1 = nth == 2;
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *const g = open_state(clock);
	renewal.generator = g;
	renewal.clock = clock;
	renewal.done = false;
	disk.during_sync = nth == 0 ? start_thread_during_renewal : fork_during_renewal;
	for (int i = 0; i < 80; i++) {
		OK(snowid_clock_advance(clock, MS));
		next_id(g);
	}
	ck_assert(renewal.done);
	ck_assert_uint_gt(next_id(g), renewal.last);
	snowid_generator_free(g);
	snowid_clock_free(clock);
	all_have_pid_1 = false;
}

/* ---- ways to leave a renewal --------------------------------------------------------------- */

enum leaving { CANCELLED, JUMPED, JUMPED_FROM_CLOCK, LEAVINGS };

static struct {
	jmp_buf out;
	struct snowid_clock *behind; /* the custom clock passes its calls on to this one */
	_Atomic bool clock_jumps;
	bool jumped, went_on;
} leave;

static int leave_wall(void *user, int64_t *sec, uint32_t *nsec)
{
	(void)user;
	return snowid_clock_read(leave.behind, sec, nsec, NULL);
}

/* Only a renewal asks for elapsed time. */
static int leave_elapsed(void *user, uint64_t *ns)
{
	(void)user;
	if (atomic_exchange(&leave.clock_jumps, false))
		longjmp(leave.out, 1);
	return snowid_clock_read(leave.behind, NULL, NULL, ns);
}

static int leave_sleep(void *user, uint64_t ns)
{
	(void)user;
	return snowid_clock_advance(leave.behind, ns);
}

static void jump_from_handler(int number)
{
	(void)number;
	longjmp(leave.out, 1);
}

static void cancel_during_sync(void)
{
	pthread_cancel(pthread_self());
	pthread_testcancel();
}

static void raise_during_sync(void)
{
	raise(SIGUSR1);
}

/* The main thread has set up how. */
static void *renew_and_leave(void *generator)
{
	uint64_t again;
	if (setjmp(leave.out) != 0)
		leave.jumped = true;
	else
		leave.went_on = snowid_generator_maintain(generator, &again) == 0;
	return NULL;
}

/* Whichever way a thread leaves, others go on to renew. */
TEST_EACH(thread_that_leaves_a_renewal_does_not_end_renewal, LEAVINGS)
{
	struct snowid_clock *const manual = manual_clock(START);
	struct snowid_clock *clock = NULL;
	pthread_t thread;

	leave.behind = manual;
	OK(snowid_clock_new(leave_wall, leave_elapsed, leave_sleep, NULL, &clock));
	handle_signal(SIGUSR1, jump_from_handler);
	struct snowid_generator *const g = open_state(clock);
	OK(snowid_clock_advance(manual, 80 * MS)); /* a renewal is due */
	disk.during_sync = nth == CANCELLED ? cancel_during_sync
			   : nth == JUMPED  ? raise_during_sync
					    : NULL;
	const unsigned before = disk.syncs;
	leave.clock_jumps = nth == JUMPED_FROM_CLOCK;
	pthread_create(&thread, NULL, renew_and_leave, g);
	pthread_join(thread, NULL);
	ck_assert_int_eq(leave.went_on, nth == CANCELLED);
	ck_assert_int_eq(leave.jumped, nth != CANCELLED);
	ck_assert_uint_eq(disk.syncs, before + (nth != JUMPED_FROM_CLOCK));
	OK(issue_for_blocks(g, manual));
	snowid_generator_free(g);
	snowid_clock_free(clock);
	snowid_clock_free(manual);
}

/* ---- children ------------------------------------------------------------------------------ */

/* The parent is told that the write is lost, and has not noted it yet. */
static void renew_in_child(void)
{
	const pid_t child = fork();
	if (child == 0) {
		if (snowid_clock_advance(renewal.clock, 200 * MS) != 0)
			_exit(2);
		_exit(snowid_generator_next(renewal.generator, &renewal.last) != -EIO);
	}
	expect_success(child);
	renewal.done = true;
}

TEST(child_is_told_of_a_lost_write_too)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *const g = open_state(clock);
	uint64_t id;
	next_id(g);
	renewal.generator = g;
	renewal.clock = clock;
	renewal.done = false;
	disk.write_lost = true;
	disk.after_told = renew_in_child;
	OK(snowid_clock_advance(clock, 200 * MS));
	EXPECT(snowid_generator_next(g, &id), -EIO);
	ck_assert(renewal.done);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

/* It has given up the right to. */
static void issue_without_opening(struct snowid_generator *g, int to_parent, int from_parent)
{
	uint64_t id;
	char byte = 0;
	disk.failing = "open";
	disk.failure = EACCES;
	EXPECT(snowid_generator_next(g, &id), -EACCES);
	EXPECT_DETAIL("this child cannot open the state file");
	EXPECT_DETAIL("leaves it to others");
	if (write(to_parent, &byte, 1) != 1 || read(from_parent, &byte, 1) != 1)
		_exit(1);
	OK(snowid_generator_next(g, &id)); /* its parent has renewed */
	disk.failing = NULL;
	OK(issue_for_blocks(g, renewal.clock));
	snowid_generator_free(g);
	_exit(0);
}

TEST(child_that_cannot_open_the_file_leaves_renewal_to_others)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *const g = open_state(clock);
	int to_parent[2], to_child[2];
	char byte = 0;
	ck_assert_int_eq(pipe(to_parent) | pipe(to_child), 0);
	next_id(g);
	renewal.clock = clock;
	OK(snowid_clock_advance(clock, 200 * MS));
	const pid_t child = fork();
	if (child == 0)
		issue_without_opening(g, to_parent[1], to_child[0]);
	close(to_parent[1]); /* so that the end of the child is noticed */
	ck_assert_int_eq(read(to_parent[0], &byte, 1), 1);
	next_id(g);
	ck_assert_int_eq(write(to_child[1], &byte, 1), 1);
	expect_success(child);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

/* ---- clocks that jump ----------------------------------------------------------------------- */

TEST(clock_jump_ahead_is_not_recorded)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *g = open_state(clock), *other = NULL;
	unsigned char before[STATE_SIZE], after[STATE_SIZE];
	uint64_t id, again;
	next_id(g);
	OK(snowid_clock_step(clock, 3599 * SEC)); /* the bound is an hour */
	OK(issue_for_blocks(g, clock));
	state_read(before);
	OK(snowid_clock_step(clock, 3601 * SEC));
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_CLOCK);
	EXPECT_DETAIL("jumped ahead by 3601.000 s");
	EXPECT_DETAIL("raise the setting max_jump (1h)");
	EXPECT(snowid_generator_maintain(g, &again), SNOWID_E_CLOCK);
	expect_open_error(clock, SNOWID_E_CLOCK, "jumped ahead");
	state_read(after);
	ck_assert_mem_eq(before + STATE_RESERVED, after + STATE_RESERVED,
			 STATE_SIZE - STATE_RESERVED);
	/* A clock that has been corrected is used again. */
	OK(snowid_clock_step(clock, -3601 * SEC));
	OK(issue_for_blocks(g, clock));

	/* A process whose setting allows the jump records it for all. */
	OK(snowid_clock_step(clock, 30 * 86400 * SEC));
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_CLOCK);
	OK(try_open_with("max_jump", "8760h", clock, &other));
	next_id(other);
	OK(issue_for_blocks(g, clock));
	snowid_generator_free(other);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(elapsed_time_is_not_a_jump)
{
	struct snowid_clock *clock = manual_clock(START);
	struct snowid_generator *g = open_state(clock);
	int64_t sec;
	next_id(g);
	OK(snowid_clock_advance(clock, 400 * 86400 * SEC)); /* suspended for a year */
	OK(issue_for_blocks(g, clock));
	OK(snowid_clock_read(clock, &sec, NULL, NULL));
	snowid_generator_free(g);
	snowid_clock_free(clock);

	OK(snowid_clock_new_manual(sec + 400 * 86400, 0, &clock)); /* switched off */
	disk.boot++;
	g = open_state(clock);
	OK(issue_for_blocks(g, clock));
	snowid_generator_free(g);

	/* Set back and then forward again: the highest time of boot counts. */
	OK(snowid_clock_step(clock, -SEC / 2));
	g = open_state(clock);
	OK(issue_for_blocks(g, clock));
	OK(snowid_clock_step(clock, 3600 * SEC));
	OK(issue_for_blocks(g, clock));
	snowid_generator_free(g);

	/* The elapsed time of another clock begins elsewhere, and cannot be compared. */
	OK(snowid_clock_read(clock, &sec, NULL, NULL));
	snowid_clock_free(clock);
	OK(snowid_clock_new_manual(sec + 86400, 0, &clock));
	g = open_state(clock);
	OK(issue_for_blocks(g, clock));
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(record_far_ahead_of_the_clock_is_reported_without_a_wait)
{
	struct snowid_clock *const clock = manual_clock(START);
	unsigned char before[STATE_SIZE], after[STATE_SIZE];
	uint64_t elapsed;
	snowid_generator_free(open_state(clock));
	for (int again = 0; again < 2; again++) {
		OK(snowid_clock_step(clock, again ? -SEC : -86400 * SEC)); /* longer than hold */
		disk.boot += again ? 1 : 0;
		state_read(before);
		OK(snowid_clock_read(clock, NULL, NULL, &elapsed));
		expect_open_error(clock, SNOWID_E_CLOCK, "86400.");
		EXPECT_DETAIL("2023-11-14T22:13:22.");
		EXPECT_DETAIL("snowid store --reset");
		uint64_t now;
		OK(snowid_clock_read(clock, NULL, NULL, &now));
		ck_assert_uint_eq(now, elapsed);
		state_read(after);
		for (int at = STATE_RESERVED; at < STATE_SIZE; at += 4096)
			ck_assert_mem_eq(before + at, after + at, sizeof(uint64_t));
		if (!again)
			OK(snowid_clock_step(clock, SEC));
	}
	snowid_clock_free(clock);
}

int main(void)
{
	return run_tests(disk_setup, directory_remove);
}
