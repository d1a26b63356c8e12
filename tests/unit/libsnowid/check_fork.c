/* SPDX-License-Identifier: MIT
 *
 * Generators across fork: whoever of a family of processes lives longest, closes or frees, no two get
 * the same ID, and no worker is given away while one of them has it.
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

#define COUNT  300 /* IDs that each member takes */
#define BLOCK  UINT64_C(10000000)
#define FAMILY 4

/* What all members share. */
struct shared {
	uint64_t ids[FAMILY * 4 * COUNT];
	_Atomic uint32_t count;
	_Atomic uint32_t finished; /* members that came to their end without a failure */
};

static struct shared *shared;
static struct snowid_clock *the_clock;
static int alive[2]; /* a pipe that all members hold, so that its end is theirs */

static const struct {
	const char *scheme, *rest; /* with the directory in between, unless it is memory: */
} stores[] = {{"memory:", ""}, {"file:", "/state"}, {"slots:", "?workers=0-0"}};
enum { STORES = sizeof stores / sizeof stores[0] };

static void set_up(void)
{
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	directory_make();
	OK(snowid_clock_new_manual(START, 0, &the_clock));
	ck_assert_int_eq(pipe(alive), 0);
}

static void tear_down(void)
{
	snowid_clock_free(the_clock);
	directory_remove();
	munmap(shared, sizeof *shared);
}

static int try_open(int store, struct snowid_generator **g)
{
	struct snowid_config *config;
	char url[4200];

	snprintf(url, sizeof url, "%s%s%s", stores[store].scheme, store == 0 ? "" : directory,
		 stores[store].rest);
	OK(snowid_config_new(&config));
	OK(snowid_config_set_store(config, url));
	OK(snowid_config_set_clock(config, the_clock));
	OK(snowid_config_set(config, "block", "10ms"));
	if (store < 2)
		OK(snowid_config_set_field(config, "worker", 0));
	const int error = snowid_generator_new(config, g);
	snowid_config_free(config);
	return error;
}

static struct snowid_generator *open_generator(int store)
{
	struct snowid_generator *g = NULL;
	OK(try_open(store, &g));
	return g;
}

/* Time goes on meanwhile, over more than one block, so that limits are renewed as well. */
static void take(struct snowid_generator *g)
{
	for (int i = 0; i < COUNT; i++) {
		uint64_t id;
		OK(snowid_generator_next(g, &id));
		shared->ids[atomic_fetch_add(&shared->count, 1)] = id;
		if (i % 10 == 0)
			OK(snowid_clock_advance(the_clock, BLOCK / 10));
	}
}

__attribute__((noreturn)) static void finish(void)
{
	atomic_fetch_add(&shared->finished, 1);
	_exit(0);
}

static void wait_until_gone(pid_t parent)
{
	while (getppid() == parent)
		usleep(500);
}

static int compare_ids(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* Lets the head of a family run, and waits for the last of it. */
static void run_family(void (*head)(struct snowid_generator *), int store, uint32_t members,
		       uint32_t takes)
{
	char byte;
	const pid_t pid = fork();

	if (pid == 0) {
		close(alive[0]);
		head(open_generator(store));
		finish();
	}
	close(alive[1]);
	ck_assert_int_eq(read(alive[0], &byte, 1), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_uint_eq(shared->finished, members);
	ck_assert_uint_eq(shared->count, takes * COUNT);
	qsort(shared->ids, shared->count, sizeof *shared->ids, compare_ids);
	for (uint32_t i = 1; i < shared->count; i++)
		ck_assert_uint_ne(shared->ids[i - 1], shared->ids[i]);
}

/* ---- who lives longest ----------------------------------------------------------------------- */

static void leave_child_behind(struct snowid_generator *g)
{
	const pid_t self = getpid();
	if (fork() == 0) {
		take(g);
		wait_until_gone(self);
		take(g);
		finish();
	}
	take(g);
}

static void outlive_child(struct snowid_generator *g)
{
	const pid_t child = fork();
	if (child == 0) {
		take(g);
		finish();
	}
	take(g);
	waitpid(child, NULL, 0);
	take(g);
}

static void have_grandchild(struct snowid_generator *g)
{
	if (fork() == 0) {
		if (fork() == 0) {
			take(g);
			finish();
		}
		take(g);
		finish();
	}
	take(g);
}

/* As daemon(3) twice: the opener and the first child are gone before anything is taken. */
static void become_daemon(struct snowid_generator *g)
{
	const pid_t self = getpid();
	if (fork() == 0) {
		const pid_t child = getpid();
		wait_until_gone(self);
		setsid();
		if (fork() == 0) {
			wait_until_gone(child);
			take(g);
			snowid_generator_free(g);
			finish();
		}
		finish();
	}
}

/* ---- who closes, who frees ------------------------------------------------------------------- */

static void close_and_free_in_child(struct snowid_generator *g)
{
	uint64_t id;
	const pid_t child = fork();

	if (child == 0) {
		take(g);
		OK(snowid_generator_close(g, 0));
		EXPECT(snowid_generator_next(g, &id), SNOWID_E_CLOSED);
		snowid_generator_free(g);
		finish();
	}
	waitpid(child, NULL, 0);
	take(g);
}

static void free_in_parent(struct snowid_generator *g)
{
	int freed[2];
	char byte;

	ck_assert_int_eq(pipe(freed), 0);
	if (fork() == 0) {
		close(freed[1]);
		if (read(freed[0], &byte, 1) == 0) /* the parent has freed it */
			take(g);
		finish();
	}
	take(g);
	snowid_generator_free(g);
	close(freed[1]);
}

TEST_EACH(families, 6 * STORES)
{
	static const struct {
		void (*head)(struct snowid_generator *);
		uint32_t members, takes;
	} cases[] = {
		{leave_child_behind, 2, 3},      {outlive_child, 2, 3},
		{have_grandchild, 3, 3},         {become_daemon, 3, 1},
		{close_and_free_in_child, 2, 2}, {free_in_parent, 2, 2},
	};
	const int which = nth / STORES, store = nth % STORES;
	run_family(cases[which].head, store, cases[which].members, cases[which].takes);
}

/* Closing a memory: generator in the process that made it ends it for all; a child on a file: goes on,
 * as others on that file do. */
TEST_EACH(close_in_parent, STORES)
{
	int status;
	struct snowid_generator *const g = open_generator(nth);
	uint64_t id;

	OK(snowid_generator_close(g, 0));
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_CLOSED);
	const pid_t child = fork();
	if (child == 0)
		_exit(snowid_generator_next(g, &id) == SNOWID_E_CLOSED ? 0 : 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	snowid_generator_free(g);
}

/* ---- a worker is nobody else's while one of a family has it ---------------------------------- */

TEST(no_worker_is_given_away)
{
	enum { SLOTS = 2 };
	struct snowid_generator *g = open_generator(SLOTS), *other = NULL;
	int go[2];
	char byte;

	ck_assert_int_eq(pipe(go), 0);
	const pid_t child = fork();
	if (child == 0) {
		close(go[1]);
		if (read(go[0], &byte, 1) != 0)
			_exit(1);
		take(g);
		finish();
	}
	close(go[0]);
	snowid_generator_free(g);
	EXPECT(try_open(SLOTS, &other), SNOWID_E_STORE); /* the child has it still */
	EXPECT_DETAIL("are taken");
	close(go[1]);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_uint_eq(shared->finished, 1);
	g = open_generator(SLOTS);
	take(g);
	for (uint32_t i = COUNT; i < 2 * COUNT; i++)
		ck_assert_uint_gt(shared->ids[i], shared->ids[COUNT - 1]);
	snowid_generator_free(g);
}

int main(void)
{
	return run_tests(set_up, tear_down);
}
