/* SPDX-License-Identifier: MIT
 *
 * Generators across fork, on every store: whichever process of a family ends last, closes or frees,
 * none gets an ID of another, and no other process gets their worker.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/check.h"
#include "tests/unit/directory.h"
#include "tests/unit/fake_pid.h"
#include "tests/unit/generators.h"
#include "tests/unit/processes.h"

#define COUNT   300 /* IDs that a process takes at a time */
#define RESERVE (10 * MS)
#define FAMILY  4

/* What the processes of a family share. */
struct fork_results {
	uint64_t ids[FAMILY * 4 * COUNT];
	_Atomic uint32_t count;
	_Atomic uint32_t finished; /* processes that reached their end */
};

static struct fork_results *results;
static struct snowid_clock *the_clock;
static int liveness[2]; /* a pipe that all processes hold open, to wait for the last of them */

static const struct {
	const char *scheme, *rest; /* the directory is between them, except for memory: */
} stores[] = {{"memory:", ""}, {"file:", "/state"}, {"slots:", "?workers=0-0"}};
enum { STORES = sizeof stores / sizeof stores[0] };

static void fork_setup(void)
{
	results = shared_memory(sizeof *results);
	directory_make();
	OK(snowid_clock_new_manual(START, 0, &the_clock));
	ck_assert_int_eq(pipe(liveness), 0);
}

static void fork_teardown(void)
{
	snowid_clock_free(the_clock);
	directory_remove();
	munmap(results, sizeof *results);
}

static int try_open_in(int store, struct snowid_generator **g)
{
	struct snowid_config *config;
	char url[4200];

	snprintf(url, sizeof url, "%s%s%s", stores[store].scheme, store == 0 ? "" : directory,
		 stores[store].rest);
	OK(snowid_config_new(&config));
	OK(snowid_config_set_store(config, url));
	OK(snowid_config_set_clock(config, the_clock));
	OK(snowid_config_set(config, "reserve", "10ms"));
	if (store < 2)
		OK(snowid_config_set_field(config, "worker", 0));
	const int error = snowid_generator_new(config, g);
	snowid_config_free(config);
	return error;
}

static struct snowid_generator *open_in(int store)
{
	struct snowid_generator *g = NULL;
	OK(try_open_in(store, &g));
	return g;
}

/* Advances the clock by more than one reserve, so that limits are renewed too. */
static void issue_ids(struct snowid_generator *g)
{
	for (int i = 0; i < COUNT; i++) {
		uint64_t id;
		OK(snowid_generator_next(g, &id));
		results->ids[atomic_fetch_add(&results->count, 1)] = id;
		if (i % 10 == 0)
			OK(snowid_clock_advance(the_clock, RESERVE / 10));
	}
}

__attribute__((noreturn)) static void exit_member(void)
{
	atomic_fetch_add(&results->finished, 1);
	_exit(0);
}

static void wait_until_gone(pid_t parent)
{
	while (getppid() == parent)
		usleep(500);
}

/* Runs the first process of a family, and waits for the last. */
static void run_processes(void (*head)(struct snowid_generator *), int store, uint32_t members,
			  uint32_t takes)
{
	char byte;
	const pid_t pid = fork();

	if (pid == 0) {
		close(liveness[0]);
		head(open_in(store));
		exit_member();
	}
	close(liveness[1]);
	ck_assert_int_eq(read(liveness[0], &byte, 1), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_uint_eq(results->finished, members);
	ck_assert_uint_eq(results->count, takes * COUNT);
	expect_unique(results->ids, results->count);
}

/* ---- which one ends last -------------------------------------------------------------------- */

static void end_before_child(struct snowid_generator *g)
{
	const pid_t self = getpid();
	if (fork() == 0) {
		issue_ids(g);
		wait_until_gone(self);
		issue_ids(g);
		exit_member();
	}
	issue_ids(g);
}

static void end_after_child(struct snowid_generator *g)
{
	const pid_t child = fork();
	if (child == 0) {
		issue_ids(g);
		exit_member();
	}
	issue_ids(g);
	waitpid(child, NULL, 0);
	issue_ids(g);
}

static void have_grandchild(struct snowid_generator *g)
{
	if (fork() == 0) {
		if (fork() == 0) {
			issue_ids(g);
			exit_member();
		}
		issue_ids(g);
		exit_member();
	}
	issue_ids(g);
}

/* As daemon(3) twice: the process that opened it and the first child have ended before any ID is
 * taken. */
static void become_daemon(struct snowid_generator *g)
{
	const pid_t self = getpid();
	if (fork() == 0) {
		const pid_t child = getpid();
		wait_until_gone(self);
		setsid();
		if (fork() == 0) {
			wait_until_gone(child);
			issue_ids(g);
			snowid_generator_free(g);
			exit_member();
		}
		exit_member();
	}
}

/* ---- which one closes or frees -------------------------------------------------------------- */

static void close_and_free_in_child(struct snowid_generator *g)
{
	uint64_t id;
	const pid_t child = fork();

	if (child == 0) {
		issue_ids(g);
		OK(snowid_generator_close(g, 0));
		EXPECT(snowid_generator_next(g, &id), SNOWID_E_CLOSED);
		snowid_generator_free(g);
		exit_member();
	}
	waitpid(child, NULL, 0);
	issue_ids(g);
}

static void free_in_parent(struct snowid_generator *g)
{
	int freed[2];
	char byte;

	ck_assert_int_eq(pipe(freed), 0);
	if (fork() == 0) {
		close(freed[1]);
		if (read(freed[0], &byte, 1) == 0) /* after the parent has freed it */
			issue_ids(g);
		exit_member();
	}
	issue_ids(g);
	snowid_generator_free(g);
	close(freed[1]);
}

TEST_EACH(processes_never_share_an_id_whoever_ends_first, 6 * STORES)
{
	static const struct {
		void (*head)(struct snowid_generator *);
		uint32_t members, takes;
	} cases[] = {
		{end_before_child, 2, 3}, {end_after_child, 2, 3},         {have_grandchild, 3, 3},
		{become_daemon, 3, 1},    {close_and_free_in_child, 2, 2}, {free_in_parent, 2, 2},
	};
	const int which = nth / STORES, store = nth % STORES;
	run_processes(cases[which].head, store, cases[which].members, cases[which].takes);
}

TEST_EACH(child_of_a_closed_generator_gets_an_error, STORES)
{
	struct snowid_generator *const g = open_in(nth);
	uint64_t id;

	OK(snowid_generator_close(g, 0));
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_CLOSED);
	const pid_t child = fork();
	if (child == 0)
		_exit(snowid_generator_next(g, &id) == SNOWID_E_CLOSED ? 0 : 1);
	expect_success(child);
	snowid_generator_free(g);
}

/* A child that calls unshare(CLONE_NEWPID) first may have the PID of its parent. */
TEST_EACH(child_with_the_pid_of_its_parent_closes_only_for_itself, STORES)
{
	struct snowid_generator *g;

	all_have_pid_1 = true;
	g = open_in(nth);
	const pid_t child = fork();
	if (child == 0) {
		issue_ids(g);
		OK(snowid_generator_close(g, 0));
		snowid_generator_free(g);
		exit_member();
	}
	expect_success(child);
	issue_ids(g);
	expect_unique(results->ids, results->count);
	snowid_generator_free(g);
	all_have_pid_1 = false;
}

/* ---- workers that are assigned -------------------------------------------------------------- */

TEST(worker_stays_in_use_while_a_child_lives)
{
	enum { SLOTS = 2 }; /* in stores */
	struct snowid_generator *g = open_in(SLOTS), *other = NULL;
	int go[2];
	char byte;

	ck_assert_int_eq(pipe(go), 0);
	const pid_t child = fork();
	if (child == 0) {
		close(go[1]);
		if (read(go[0], &byte, 1) != 0)
			_exit(1);
		issue_ids(g);
		exit_member();
	}
	close(go[0]);
	snowid_generator_free(g);
	EXPECT(try_open_in(SLOTS, &other), SNOWID_E_STORE); /* the child still has it */
	EXPECT_DETAIL("are taken");
	close(go[1]);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_uint_eq(results->finished, 1);
	g = open_in(SLOTS);
	issue_ids(g);
	for (uint32_t i = COUNT; i < 2 * COUNT; i++)
		ck_assert_uint_gt(results->ids[i], results->ids[COUNT - 1]);
	snowid_generator_free(g);
}

int main(void)
{
	return run_tests(fork_setup, fork_teardown);
}
