/* SPDX-License-Identifier: MIT
 *
 * State files whose users are killed, anywhere.
 */
#include <time.h>

#include "tests/unit/libsnowid/store/fake_disk.h"
#include "tests/unit/processes.h"
#include "tests/unit/random.h"
#include "tests/unit/state_file.h"

/* A clock that runs, and is off by no more than a hold allows for. */
static int read_wall_with_error(void *user, int64_t *sec, uint32_t *nsec)
{
	const int64_t *const error_ns = user;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	const int64_t ns = now.tv_nsec + *error_ns + SEC;
	*sec = now.tv_sec - 1 + ns / SEC;
	*nsec = (uint32_t)(ns % SEC);
	return 0;
}

static int read_boottime(void *user, uint64_t *ns)
{
	struct timespec now;
	(void)user;
	clock_gettime(CLOCK_BOOTTIME, &now);
	*ns = (uint64_t)(now.tv_sec * SEC + now.tv_nsec);
	return 0;
}

static int sleep_really(void *user, uint64_t ns)
{
	const struct timespec span = {(time_t)((int64_t)ns / SEC), (long)((int64_t)ns % SEC)};
	(void)user;
	nanosleep(&span, NULL);
	return 0;
}

/* Writes its IDs to a pipe until it is killed. */
static void write_ids_to_pipe(int out, int64_t clock_error_ns)
{
	struct snowid_clock *clock;
	struct snowid_generator *g;
	uint64_t ids[16];
	size_t made;
	if (snowid_clock_new(read_wall_with_error, read_boottime, sleep_really, &clock_error_ns,
			     &clock) != 0 ||
	    try_open_with_reserve("snowflake", "10ms", "100ms", clock, &g) != 0)
		_exit(1);
	for (;;) {
		if (snowid_generator_next_batch(g, ids, 16, UINT64_MAX, &made) != 0 ||
		    write(out, ids, sizeof ids) != (ssize_t)sizeof ids)
			_exit(1);
	}
}

static size_t read_ids_from_pipe(int from, uint64_t *ids, size_t most)
{
	size_t count = 0;
	ssize_t got;
	while (count < most && (got = read(from, ids + count, 16 * sizeof *ids)) > 0)
		count += (size_t)got / sizeof *ids;
	return count;
}

/* Two processes at a time, on clocks that differ, and are set back and forth between runs. */
TEST(processes_that_are_killed_and_restarted_never_share_an_id)
{
	enum { RUNS = 120, WORKERS = 2, MOST = RUNS * 12000 }; /* a full pipe holds 8192 */
	uint64_t *const ids = calloc(MOST, sizeof *ids);
	uint64_t random = 88172645463325252u;
	size_t count = 0;
	for (int run = 0; run < RUNS; run++) {
		int ends[2], status;
		pid_t workers[WORKERS];
		ck_assert_int_eq(pipe(ends), 0);
		for (int w = 0; w < WORKERS; w++) {
			const int64_t error_ns =
				-(int64_t)(test_random(&random) % 90) * (SEC / 1000);
			workers[w] = fork();
			if (workers[w] == 0) {
				close(ends[0]);
				write_ids_to_pipe(ends[1], error_ns);
			}
		}
		close(ends[1]);
		for (int w = 0; w < WORKERS; w++) { /* after a random number of batches */
			count += read_ids_from_pipe(ends[0], ids + count,
						    (size_t)(16 * (test_random(&random) % 100)));
			kill(workers[w], SIGKILL);
			ck_assert_int_eq(waitpid(workers[w], &status, 0), workers[w]);
			ck_assert(WIFSIGNALED(status));
		}
		count += read_ids_from_pipe(ends[0], ids + count, MOST - count);
		close(ends[0]);
	}
	ck_assert_uint_gt(count, RUNS * WORKERS * 100);
	expect_unique(ids, count);
	free(ids);
}

struct file_user {
	struct snowid_clock *clock;
	uint64_t *last; /* the ID it has taken last */
};

/* All that a process does with a file: opens it, renews, closes it. */
static void use_file(void *argument)
{
	struct file_user *const user = argument;
	struct snowid_generator *g;
	if (try_open_state("snowflake", user->clock, &g) != 0)
		_exit(1);
	for (int i = 0; i < 80; i++) {
		if (snowid_clock_advance(user->clock, MS) != 0 ||
		    snowid_generator_next(g, user->last) != 0)
			_exit(1);
	}
	snowid_generator_close(g, 0);
	snowid_generator_free(g);
	_exit(0);
}

TEST(kill_at_any_system_call_leaves_a_file_that_continues)
{
	enum { NEW_FILE, THIS_BOOT, ANOTHER_BOOT, WAYS };
	struct snowid_clock *const clock = manual_clock(START);
	uint64_t *const last = shared_memory(sizeof *last);
	struct file_user user = {clock, last};
	uint64_t highest = 0;
	int kills = 0;
	for (int way = 0; way < WAYS && can_trace(); way++) {
		bool killed = true;
		for (int stop = 1; killed; stop++, kills += killed) {
			if (way == NEW_FILE)
				unlink(state_path);
			*last = 0;
			disk.boot += way == ANOTHER_BOOT;
			killed = kill_at_system_call(stop, use_file, &user);
			highest = *last > highest ? *last : highest;
			struct snowid_generator *const g = open_state(clock);
			const uint64_t id = next_id(g);
			if (id <= highest)
				ck_abort_msg("way %d, stop %d", way, stop);
			highest = id;
			snowid_generator_free(g);
		}
	}
	ck_assert_int_ge(kills, can_trace() ? 60 : 0);
	munmap(last, sizeof *last);
	snowid_clock_free(clock);
}

int main(void)
{
	return run_tests(disk_setup, directory_remove);
}
