/* SPDX-License-Identifier: MIT
 *
 * A file of host: that is removed or replaced while it is in use: its generators continue, with the
 * file that has its name then, and no ID is issued twice.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>

#include "libsnowid/store/image.h"
#include "tests/unit/libsnowid/store/host.h"
#include "tests/unit/processes.h"

/* ---- one process ---------------------------------------------------------------------------- */

/* Two generators, of which the second is opened when the first has lost its file. The clock moves
 * on by `step` before each ID, which come from both. */
static void expect_unique_after_removal(int64_t step, int64_t set_back)
{
	enum { COUNT = 600 };
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_config *const config = host_config("snowflake", clock);
	struct snowid_generator *const g = host_open(config);
	uint64_t ids[2 * COUNT + 1];
	size_t count = 0;
	ids[count++] = next_id(g);
	OK(snowid_clock_step(clock, -set_back));
	ids[count++] = next_id(g);
	ck_assert_int_eq(unlink(host_path()), 0);
	struct snowid_generator *other = set_back ? NULL : host_open(config);
	for (int i = 0; i < COUNT - 1; i++) {
		OK(snowid_clock_advance(clock, (uint64_t)step));
		ids[count++] = next_id(g);
		if (!other)
			other = host_open(config);
		ids[count++] = next_id(other);
	}
	ck_assert_int_eq(directory_count(), 1);
	expect_unique(ids, count);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_REMOVALS), 1);
	ck_assert_uint_eq(stat_of(other, SNOWID_STAT_REMOVALS), 1);
	snowid_generator_free(g);
	snowid_generator_free(other);
	snowid_config_free(config);
	snowid_clock_free(clock);
	directory_clear();
}

TEST(generators_continue_when_the_file_is_removed)
{
	static const int64_t steps[] = {100, 10000, MS / 4, MS, 3 * MS, 10 * MS, SEC};
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
		expect_unique_after_removal(steps[i], 0);
}

/* The clock was set back, and IDs are far ahead of it. */
TEST(generators_continue_above_the_end_of_a_removed_file)
{
	expect_unique_after_removal(MS, 500 * MS);
}

/* A process was killed after it had sealed the file, and before it had noted the end. */
TEST(generators_continue_above_the_limit_of_a_file_whose_end_is_not_known)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_config *const config = host_config("snowflake", clock);
	struct snowid_generator *const g = host_open(config);
	next_id(g);
	const int fd = open(host_path(), O_RDWR);
	struct sn_image *const image =
		mmap(NULL, HOST_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(image, MAP_FAILED);
	struct sn_shared_state *const shared = &image->hot.shared;
	atomic_store(&shared->seal_reason, SN_SEAL_REMOVED);
	atomic_store(&shared->next, SN_SEALED);
	ck_assert_uint_eq(atomic_load(&shared->end), 0);
	ck_assert_uint_gt(next_id(g) >> 22, atomic_load(&shared->limit));
	munmap(image, HOST_SIZE);
	close(fd);
	snowid_generator_free(g);
	snowid_config_free(config);
	snowid_clock_free(clock);
}

/* All of a kind: removed, replaced by another process's, moved away and back. */
TEST(all_that_have_the_file_go_on_together)
{
	enum { REMOVED, MOVED_AND_BACK, DIRECTORY_REMOVED, WAYS };
	for (int way = 0; way < WAYS; way++) {
		struct snowid_clock *const clock = manual_clock(START);
		struct snowid_config *const config = host_config("snowflake", clock);
		struct snowid_generator *g[4];
		uint64_t ids[4 * 100];
		char path[8400], aside[8500];
		size_t count = 0;
		for (int i = 0; i < 4; i++)
			g[i] = host_open(config);
		snprintf(path, sizeof path, "%s", host_path());
		snprintf(aside, sizeof aside, "%s.aside", path);
		for (int round = 0; round < 100; round++) {
			if (round == 50 && way == MOVED_AND_BACK)
				ck_assert_int_eq(rename(path, aside), 0);
			else if (round == 50)
				ck_assert_int_eq(unlink(path), 0);
			if (round == 50 && way == DIRECTORY_REMOVED) {
				ck_assert_int_eq(rmdir(directory), 0);
				ck_assert_int_eq(mkdir(directory, 0700), 0);
			}
			for (int i = 0; i < 4; i++) {
				OK(snowid_clock_advance(clock, 2 * MS));
				ids[count++] = next_id(g[i]);
				if (round == 52 && i == 0 && way == MOVED_AND_BACK)
					ck_assert_int_eq(rename(aside, path), 0);
			}
		}
		expect_unique(ids, count);
		ck_assert_int_eq(directory_count(), 1);
		for (int i = 0; i < 4; i++)
			snowid_generator_free(g[i]);
		snowid_config_free(config);
		snowid_clock_free(clock);
		directory_clear();
	}
}

/* A clock that is read by one generator: a call that reads it can be stopped there, while others go
 * on. */
struct stopping_clock {
	struct snowid_clock *clock;
	int readings; /* before it stops its caller; negative: never */
	bool after;   /* it stops after it has been read */
	void (*others)(void);
};

/* What it shows, and what the others do. */
static struct {
	struct snowid_clock *clock;
	struct snowid_config *config;
	struct snowid_generator *other, *renewing;
	uint64_t ids[3];
} stopped;

static int read_stopping_wall(void *user, int64_t *sec, uint32_t *nsec)
{
	struct stopping_clock *const self = user;
	const bool stops = self->readings-- == 0;
	if (stops && !self->after)
		self->others();
	const int error = snowid_clock_read(stopped.clock, sec, nsec, NULL);
	if (stops && self->after)
		self->others();
	return error;
}

static int read_stopping_elapsed(void *user, uint64_t *ns)
{
	int64_t sec;
	uint32_t nsec;
	(void)user;
	return snowid_clock_read(stopped.clock, &sec, &nsec, ns);
}

static int sleep_stopping(void *user, uint64_t ns)
{
	(void)user;
	return snowid_clock_advance(stopped.clock, ns);
}

static struct snowid_generator *open_stopping(const char *kind, struct stopping_clock *self)
{
	OK(snowid_clock_new(read_stopping_wall, read_stopping_elapsed, sleep_stopping, self,
			    &self->clock));
	struct snowid_config *const config = host_config(kind, self->clock);
	struct snowid_generator *const g = host_open(config);
	snowid_config_free(config);
	return g;
}

static void stopped_setup(const char *kind)
{
	memset(&stopped, 0, sizeof stopped);
	stopped.clock = manual_clock(START);
	stopped.config = host_config(kind, stopped.clock);
}

static void stopped_teardown(void)
{
	snowid_generator_free(stopped.other);
	snowid_config_free(stopped.config);
	snowid_clock_free(stopped.clock);
}

/* Another process removes the file and makes it again, and issues an ID while time passes. */
static void replace_file(void)
{
	ck_assert_int_eq(unlink(host_path()), 0);
	stopped.other = host_open(stopped.config);
	OK(snowid_clock_advance(stopped.clock, 40 * MS));
	stopped.ids[0] = next_id(stopped.other);
}

/* Wherever a call is stopped, it gets no ID that the new file may issue. */
TEST_EACH(file_can_be_replaced_while_a_call_is_stopped, 8)
{
	struct stopping_clock clock = {.readings = -1, .others = replace_file};
	stopped_setup("snowflake");
	struct snowid_generator *const g = open_stopping("snowflake", &clock);
	uint64_t ids[42];
	size_t count = 0;
	ids[count++] = next_id(g);
	OK(snowid_clock_advance(stopped.clock, 30 * MS));
	clock.readings = nth;
	for (int i = 0; i < 20; i++) {
		ids[count++] = next_id(g);
		if (stopped.other)
			ids[count++] = next_id(stopped.other);
		OK(snowid_clock_advance(stopped.clock, MS / 2));
	}
	ck_assert_ptr_nonnull(stopped.other);
	ids[count++] = stopped.ids[0];
	expect_unique(ids, count);
	snowid_generator_free(g);
	snowid_clock_free(clock.clock);
	stopped_teardown();
}

static void renew_and_issue(void)
{
	OK(snowid_clock_advance(stopped.clock, 6 * MS));
	stopped.ids[1] = next_id(stopped.renewing);
}

/* A renewal that is stopped while the file is replaced does not raise the limit of a call that is
 * stopped as well, and would go on at the time of the new file. */
TEST(renewal_that_is_stopped_raises_no_limit_of_a_file_that_was_replaced)
{
	const char *const kind = "time:41,worker:10,sequence:2";
	struct stopping_clock first = {.readings = -1, .others = renew_and_issue},
			      second = {.readings = -1, .others = replace_file};
	stopped_setup(kind);
	struct snowid_generator *const g = open_stopping(kind, &first);
	stopped.renewing = open_stopping(kind, &second);
	for (int i = 0; i < 4; i++) /* all of this tick */
		next_id(i % 2 ? g : stopped.renewing);
	first.readings = 1;  /* the next tick has to be planned by the clock */
	second.readings = 1; /* the reading of its renewal */
	stopped.ids[2] = next_id(g);
	ck_assert_ptr_nonnull(stopped.other);
	expect_unique(stopped.ids, 3);
	snowid_generator_free(g);
	snowid_generator_free(stopped.renewing);
	snowid_clock_free(first.clock);
	snowid_clock_free(second.clock);
	stopped_teardown();
}

/* Another process makes the file, uses it and removes it. */
static void use_and_remove_file(void)
{
	stopped.other = host_open(stopped.config);
	OK(snowid_clock_advance(stopped.clock, 40 * MS));
	stopped.ids[0] = next_id(stopped.other);
	unlink(host_path());
}

/* Wherever the opening of a new file is stopped: where its IDs begin is decided when it has its
 * name. */
TEST_EACH(file_can_be_made_and_removed_by_another_before_a_new_one_has_its_name, 6)
{
	struct stopping_clock clock = {
		.readings = nth, .after = true, .others = use_and_remove_file};
	stopped_setup("snowflake");
	struct snowid_generator *const g = open_stopping("snowflake", &clock);
	ck_assert_ptr_nonnull(stopped.other);
	stopped.ids[1] = next_id(g);
	stopped.ids[2] = next_id(g);
	expect_unique(stopped.ids, 3);
	snowid_generator_free(g);
	snowid_clock_free(clock.clock);
	stopped_teardown();
}

static void issue_later(void)
{
	OK(snowid_clock_advance(stopped.clock, 5 * SEC));
	next_id(stopped.other);
}

/* It compares the time of the last ID with a clock that it read before others made that ID. */
TEST_EACH(opening_can_be_stopped_while_others_go_on, 6)
{
	struct stopping_clock clock = {.readings = nth, .after = true, .others = issue_later};
	stopped_setup("snowflake");
	stopped.other = host_open(stopped.config);
	struct snowid_generator *const g = open_stopping("snowflake", &clock);
	next_id(g);
	snowid_generator_free(g);
	snowid_clock_free(clock.clock);
	stopped_teardown();
}

/* It goes to no other file or directory, and says so at every call. */
TEST(process_that_cannot_use_the_new_file_ends)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_config *const config = host_config("snowflake", clock);
	struct snowid_generator *const g = host_open(config);
	uint64_t id, count, wait = 1;
	next_id(g);
	char path[8400];
	snprintf(path, sizeof path, "%s", host_path());
	ck_assert_int_eq(unlink(path), 0);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	OK(snowid_clock_advance(clock, 20 * MS));
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_STORE);
	EXPECT_DETAIL("is truncated, or not a state file");
	EXPECT(snowid_generator_try_next(g, &id, &wait), SNOWID_E_STORE);
	EXPECT_DETAIL("open the generator again");
	ck_assert_uint_eq(wait, 0);
	EXPECT(snowid_generator_available(g, &count), SNOWID_E_STORE);
	OK(snowid_generator_close(g, 0));
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_CLOSED);
	snowid_generator_free(g);
	snowid_config_free(config);
	snowid_clock_free(clock);
}

/* A disk that is full or a limit of the process may pass. */
TEST(what_may_pass_is_an_error_of_one_call)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_config *const config = host_config("snowflake", clock);
	struct snowid_generator *const g = host_open(config);
	uint64_t id, last = next_id(g);
	ck_assert_int_eq(unlink(host_path()), 0);
	OK(snowid_clock_advance(clock, 20 * MS));
	disk.failing = "fchmod";
	disk.failure = ENOSPC;
	EXPECT(snowid_generator_next(g, &id), -ENOSPC);
	EXPECT_DETAIL("cannot create the state file");
	EXPECT(snowid_generator_try_next(g, &id, NULL), -ENOSPC);
	disk.failing = NULL;
	ck_assert_uint_gt(next_id(g), last);
	snowid_generator_free(g);
	snowid_config_free(config);
	snowid_clock_free(clock);
}

/* ---- descriptors ---------------------------------------------------------------------------- */

static int count_descriptors(void)
{
	int count = 0;
	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

TEST(generators_of_a_directory_share_one_descriptor)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_config *const config = host_config("snowflake", clock);
	struct snowid_generator *g[100];
	const int before = count_descriptors();
	for (size_t i = 0; i < 100; i++) {
		OK(snowid_config_set_field(config, "worker", i % 32));
		g[i] = host_open(config);
	}
	ck_assert_int_eq(count_descriptors(), before + 1);
	for (int i = 0; i < 100; i++)
		snowid_generator_free(g[i]);
	snowid_config_free(config);
	snowid_clock_free(clock);
}

/* The descriptor that leads to the directory; -1: there is none. */
static int find_descriptor(void)
{
	struct stat status, wanted;
	ck_assert_int_eq(stat(directory, &wanted), 0);
	for (int fd = 3; fd < 1024; fd++)
		if (fstat(fd, &status) == 0 && status.st_ino == wanted.st_ino &&
		    status.st_dev == wanted.st_dev)
			return fd;
	return -1;
}

/* Issues IDs while the clock advances by half a second. Returns 0 or the error that ends it. */
static int issue_for_half_a_second(struct snowid_generator *g, struct snowid_clock *clock)
{
	uint64_t id, last = 0;
	int error = 0;
	for (int i = 0; i < 50 && !error; i++) {
		OK(snowid_clock_advance(clock, 10 * MS));
		error = snowid_generator_next(g, &id);
		if (!error)
			ck_assert_uint_gt(id, last);
		last = id;
	}
	return error;
}

/* A program may close what it did not open, and use the number for something else. */
TEST(descriptor_of_the_program_is_not_taken_for_that_of_the_directory)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_config *const config = host_config("snowflake", clock);
	struct snowid_generator *const g = host_open(config);
	const ino_t inode = host_inode();
	const int fd = find_descriptor();
	ck_assert_int_ge(fd, 3);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	OK(issue_for_half_a_second(g, clock));
	ck_assert_int_ge(find_descriptor(), 3);
	/* a directory where the name is missing */
	const int program_fd = open("/", O_RDONLY);
	ck_assert_int_eq(dup2(program_fd, find_descriptor()), fd);
	OK(issue_for_half_a_second(g, clock));
	ck_assert_int_ne(find_descriptor(), fd);
	ck_assert_int_eq(fcntl(fd, F_GETFD), 0);
	ck_assert_uint_eq(host_inode(), inode);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_REMOVALS), 0);
	/* the path leads elsewhere now, and the directory cannot be found any more */
	char aside[sizeof directory + 8];
	close(find_descriptor());
	snprintf(aside, sizeof aside, "%s.aside", directory);
	ck_assert_int_eq(rename(directory, aside), 0);
	ck_assert_int_eq(mkdir(directory, 0700), 0);
	EXPECT(issue_for_half_a_second(g, clock), SNOWID_E_STORE);
	ck_assert_int_eq(directory_count(), 0);
	ck_assert_int_eq(rmdir(directory), 0);
	ck_assert_int_eq(rename(aside, directory), 0);
	close(fd);
	close(program_fd);
	snowid_generator_free(g);
	snowid_config_free(config);
	snowid_clock_free(clock);
}

/* ---- many processes ------------------------------------------------------------------------- */

/* 32 IDs a millisecond, so that renewals come in between. */
#define SLOW_KIND "time:41,worker:10,sequence:5"

static char removed_path[8400];

/* Each removes the file after every so many of its IDs: 104 times in all. */
enum { PROCESSES = 8, THREADS = 4, REMOVALS = 13, IDS_PER_REMOVAL = 400 };
enum { IDS_EACH = REMOVALS * IDS_PER_REMOVAL };

static bool issue_and_remove(struct snowid_generator *g, uint64_t ids[IDS_EACH])
{
	for (size_t i = 0; i < IDS_EACH; i++) {
		if (snowid_generator_next_for(g, UINT64_MAX, &ids[i]) != 0)
			return false;
		if (i % IDS_PER_REMOVAL == IDS_PER_REMOVAL - 1)
			unlink(removed_path); /* none may have made it again by now */
	}
	return true;
}

/* With a generator of its own if it has a config. */
static bool issue_in_child(struct snowid_config *config, struct snowid_generator *inherited,
			   uint64_t ids[IDS_EACH])
{
	struct snowid_generator *const own = config ? host_open(config) : NULL;
	const bool issued = issue_and_remove(own ? own : inherited, ids);
	snowid_generator_free(own);
	return issued;
}

/* At least so many, as far as this process knows: others may have seen more. */
static void expect_removals(struct snowid_generator *g, uint64_t count)
{
	next_id(g);
	ck_assert_uint_ge(stat_of(g, SNOWID_STAT_REMOVALS), count);
}

/* Four have a generator from before they were forked, four make their own. */
TEST(processes_get_no_id_twice_while_the_file_is_removed_again_and_again)
{
	struct snowid_config *const config = host_config(SLOW_KIND, NULL);
	struct snowid_generator *const g = host_open(config);
	uint64_t(*const ids)[IDS_EACH] = shared_memory(PROCESSES * sizeof *ids);
	pid_t children[PROCESSES];
	snprintf(removed_path, sizeof removed_path, "%s", host_path());
	for (int p = 0; p < PROCESSES; p++) {
		children[p] = fork();
		if (children[p] == 0)
			_exit(issue_in_child(p % 2 ? NULL : config, g, ids[p]) ? 0 : 1);
	}
	for (int p = 0; p < PROCESSES; p++)
		expect_success(children[p]);
	expect_unique(ids[0], PROCESSES * IDS_EACH);
	expect_removals(g, 1);
	munmap(ids, PROCESSES * sizeof *ids);
	snowid_generator_free(g);
	snowid_config_free(config);
}

struct removing_thread {
	pthread_t thread;
	struct snowid_generator *generator;
	uint64_t *ids;
	bool failed;
};

static void *issue_in_thread(void *argument)
{
	struct removing_thread *const self = argument;
	self->failed = !issue_and_remove(self->generator, self->ids);
	return NULL;
}

TEST(threads_get_no_id_twice_while_the_file_is_removed_again_and_again)
{
	struct snowid_config *const config = host_config(SLOW_KIND, NULL);
	struct snowid_generator *const g = host_open(config);
	uint64_t *const ids = calloc(THREADS * IDS_EACH, sizeof *ids);
	struct removing_thread threads[THREADS];
	snprintf(removed_path, sizeof removed_path, "%s", host_path());
	for (size_t t = 0; t < THREADS; t++) {
		threads[t] = (struct removing_thread){.generator = g, .ids = ids + t * IDS_EACH};
		pthread_create(&threads[t].thread, NULL, issue_in_thread, &threads[t]);
	}
	for (size_t t = 0; t < THREADS; t++) {
		pthread_join(threads[t].thread, NULL);
		ck_assert(!threads[t].failed);
	}
	expect_unique(ids, THREADS * IDS_EACH);
	expect_removals(g, 2);
	free(ids);
	snowid_generator_free(g);
	snowid_config_free(config);
}

int main(void)
{
	return run_tests(host_setup, directory_remove);
}
