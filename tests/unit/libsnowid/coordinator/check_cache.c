/* SPDX-License-Identifier: MIT
 *
 * The cache of a worker that a service assigns.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsnowid/coordinator/cache.h"
#include "tests/unit/directory.h"
#include "tests/unit/generators.h"
#include "tests/unit/processes.h"

#define SEQUENCE_BITS 12
#define IDENTITY      (UINT64_C(3) << 17)
#define WORKER        5
#define IMAGE_SIZE    (4096 + 4 * 4096)

static struct snowid_clock *manual;
static struct sn_cache_subject subject;
static struct sn_cache *cache;
static char file[4200], other_file[4200];
static uint64_t boot;

bool wrap_boot_id(uint64_t id[2]) __asm__("__wrap_sn_system_boot_id");
bool wrap_boot_id(uint64_t id[2])
{
	id[0] = id[1] = boot;
	return boot != 0;
}

static const struct sn_tenure tenure = {.worker = WORKER,
					.epoch = 7,
					.incarnation = {11, 12},
					.namespace_id = {13, 14},
					.limit = 100};

static void cache_setup(void)
{
	struct sn_timebase time;

	directory_make();
	snprintf(file, sizeof file, "%s/cache", directory);
	snprintf(other_file, sizeof other_file, "%s/other", directory);
	manual = manual_clock(START);
	boot = 1;
	sn_timebase_init(&time, START, 0, 1000000);
	subject = (struct sn_cache_subject){
		.path = "/id-generator/datacenters/dc3",
		.clock = manual,
		.fingerprint = 77,
		.last_worker = 31,
		.identity = IDENTITY,
		.worker_shift = SEQUENCE_BITS,
	};
	sn_ticks_init(&subject.ticks, &time, (UINT64_C(1) << 42) - 1, SEQUENCE_BITS);
}

static void cache_teardown(void)
{
	snowid_clock_free(manual);
	directory_remove();
}

static const struct sn_tenure *open_cache(bool *resumes)
{
	OK(sn_cache_open(file, &subject, &cache));
	return sn_cache_previous(cache, resumes);
}

/* A tenure that begins in one of the shared states, and has issued so many IDs. */
static struct sn_shared_state *begin_tenure(size_t state, uint64_t issued)
{
	struct sn_shared_state *const shared = &sn_cache_states(cache)[state];

	sn_store_begin(&subject.ticks, shared, 10);
	atomic_store(&shared->identity, IDENTITY | WORKER << SEQUENCE_BITS);
	atomic_store(&shared->limit, tenure.limit);
	atomic_fetch_add(&shared->next, issued);
	return shared;
}

static uint64_t first_slot(void)
{
	return UINT64_C(11) << SEQUENCE_BITS;
}

/* A process that keeps the tenure, and ends without a word. */
static void keep_tenure(size_t state, uint64_t issued)
{
	bool resumes;

	ck_assert_ptr_null(open_cache(&resumes));
	sn_cache_keep(cache, &tenure, begin_tenure(state, issued));
	sn_cache_close(cache);
}

static void expect_killed(pid_t child)
{
	int status;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void expect_nothing_kept(void)
{
	bool resumes = true;

	ck_assert_ptr_null(open_cache(&resumes));
	ck_assert(!resumes);
	ck_assert_uint_eq(atomic_load(&sn_cache_states(cache)[0].next), 0);
	sn_cache_close(cache);
}

static void expect_worker_alone(void)
{
	bool resumes = true;
	const struct sn_tenure *const previous = open_cache(&resumes);

	ck_assert_ptr_nonnull(previous);
	ck_assert_uint_eq(previous->worker, WORKER);
	ck_assert(!resumes);
	ck_assert_uint_eq(atomic_load(&sn_cache_states(cache)[0].next), 0);
	sn_cache_close(cache);
}

TEST(new_cache_keeps_nothing)
{
	expect_nothing_kept();
	expect_nothing_kept();
}

TEST(next_process_goes_on_in_the_shared_state)
{
	bool resumes;

	keep_tenure(2, 5);
	const struct sn_tenure *const previous = open_cache(&resumes);
	ck_assert_ptr_nonnull(previous);
	ck_assert(resumes);
	ck_assert_int_eq(memcmp(previous, &tenure, sizeof tenure), 0);
	struct sn_shared_state *const states = sn_cache_states(cache);
	ck_assert_uint_eq(atomic_load(&states[0].next), first_slot() + 5);
	ck_assert_uint_eq(atomic_load(&states[0].limit), tenure.limit);
	ck_assert_uint_eq(atomic_load(&states[1].next), 0);
	ck_assert_uint_eq(atomic_load(&states[2].next), 0);
	atomic_fetch_add(&states[0].next, 3);
	sn_cache_close(cache);

	ck_assert_ptr_nonnull(open_cache(&resumes));
	ck_assert(resumes);
	ck_assert_uint_eq(atomic_load(&sn_cache_states(cache)[0].next), first_slot() + 8);
	sn_cache_close(cache);
}

TEST(shared_state_of_a_killed_process_is_exact)
{
	bool resumes;
	const pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		if (sn_cache_open(file, &subject, &cache) == 0) {
			sn_cache_keep(cache, &tenure, begin_tenure(0, 1000));
			raise(SIGKILL);
		}
		_exit(1);
	}
	expect_killed(child);
	ck_assert_ptr_nonnull(open_cache(&resumes));
	ck_assert(resumes);
	ck_assert_uint_eq(atomic_load(&sn_cache_states(cache)[0].next), first_slot() + 1000);
	sn_cache_close(cache);
}

/* Then IDs up to now may have been made by who used the file meanwhile. */
TEST(next_process_begins_at_the_clock)
{
	bool resumes;

	keep_tenure(0, 5);
	OK(snowid_clock_advance(manual, 50 * MS));
	ck_assert_ptr_nonnull(open_cache(&resumes));
	ck_assert(resumes);
	ck_assert_uint_eq(atomic_load(&sn_cache_states(cache)[0].next), UINT64_C(51)
										<< SEQUENCE_BITS);
	sn_cache_close(cache);
}

TEST(cache_is_used_by_one_process_and_its_children)
{
	struct sn_cache *second = NULL;
	bool resumes;

	open_cache(&resumes);
	EXPECT(sn_cache_open(file, &subject, &second), SNOWID_E_STORE);
	EXPECT_DETAIL("is in use by process");
	EXPECT_DETAIL("give each process its own path");
	const pid_t child = fork();
	if (child == 0)
		for (;;)
			pause();
	sn_cache_close(cache);
	EXPECT(sn_cache_open(file, &subject, &second), SNOWID_E_STORE);
	kill(child, SIGKILL);
	expect_killed(child);
	expect_nothing_kept();
}

TEST(cache_of_another_boot_says_which_worker_it_was)
{
	keep_tenure(0, 5);
	boot = 2;
	expect_worker_alone();
	boot = 1; /* it is of the second boot now */
	expect_worker_alone();
}

TEST(cache_of_an_unknown_boot_says_which_worker_it_was)
{
	boot = 0;
	keep_tenure(0, 5);
	expect_worker_alone();
}

TEST(sealed_state_says_which_worker_it_was)
{
	bool resumes;

	ck_assert_ptr_null(open_cache(&resumes));
	struct sn_shared_state *const shared = begin_tenure(0, 5);
	sn_cache_keep(cache, &tenure, shared);
	sn_seal(shared);
	sn_cache_close(cache);
	expect_worker_alone();
}

TEST(state_outside_the_file_says_which_worker_it_was)
{
	static struct sn_shared_state outside;
	bool resumes;

	ck_assert_ptr_null(open_cache(&resumes));
	sn_cache_keep(cache, &tenure, &outside);
	sn_cache_close(cache);
	expect_worker_alone();
}

TEST(tenure_that_has_ended_says_which_worker_it_was)
{
	bool resumes;

	keep_tenure(0, 5);
	open_cache(&resumes);
	OK(sn_cache_end(cache));
	OK(sn_cache_end(cache));
	sn_cache_close(cache);
	expect_worker_alone();
}

TEST(end_of_no_tenure_keeps_nothing)
{
	bool resumes;

	open_cache(&resumes);
	OK(sn_cache_end(cache));
	sn_cache_close(cache);
	expect_nothing_kept();
}

/* A process that was killed while it wrote. */
TEST(incomplete_entry_keeps_nothing)
{
	static const off_t epoch = 5; /* a byte in the middle of the tenure, wherever it begins */
	uint8_t page[4096];
	size_t at = 0;

	keep_tenure(0, 5);
	const int fd = open(file, O_RDWR);
	ck_assert_int_eq(pread(fd, page, sizeof page, 0), sizeof page);
	while (memcmp(page + at, &tenure, sizeof tenure) != 0)
		at++;
	ck_assert_int_eq(pwrite(fd, "\1", 1, (off_t)at + epoch), 1);
	close(fd);
	expect_nothing_kept();
}

TEST_EACH(what_others_have_kept_is_not_used, 5)
{
	keep_tenure(0, 5);
	switch (nth) {
	case 0:
		subject.path = "/id-generator/datacenters/dc4";
		break;
	case 1:
		subject.fingerprint++;
		break;
	case 2:
		subject.first_worker = WORKER + 1;
		break;
	case 3:
		subject.last_worker = WORKER - 1;
		break;
	default:
		subject.identity++;
	}
	expect_nothing_kept();
}

static void copy_file(const char *from, const char *to)
{
	static uint8_t bytes[IMAGE_SIZE];
	const int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	const ssize_t size = read(in, bytes, sizeof bytes);

	ck_assert_int_gt(size, 0);
	ck_assert_int_eq(write(out, bytes, (size_t)size), size);
	close(in);
	close(out);
}

TEST(copy_of_a_cache_is_not_used)
{
	keep_tenure(0, 5);
	copy_file(file, other_file);
	ck_assert_int_eq(rename(other_file, file), 0);
	expect_nothing_kept();
}

static void expect_rejected(const char *why)
{
	struct sn_cache *none = NULL;

	ck_assert_int_ne(sn_cache_open(file, &subject, &none), 0);
	EXPECT_DETAIL(why);
	ck_assert_ptr_null(none);
}

static void make_file(size_t size)
{
	static const uint8_t bytes[2 * IMAGE_SIZE] = {'#', '!'};
	const int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	close(fd);
}

TEST(file_that_is_no_cache_is_left_as_it_is)
{
	struct stat status;

	keep_tenure(0, 0);
	ck_assert_int_eq(stat(file, &status), 0);
	make_file((size_t)status.st_size);
	expect_rejected("is not a cache");
	make_file((size_t)status.st_size - 1);
	expect_rejected("is not a cache");
	ck_assert_int_eq(stat(file, &status), 0);
	const int fd = open(file, O_RDONLY);
	char first = '\0';
	ck_assert_int_eq(read(fd, &first, 1), 1);
	ck_assert_int_eq(first, '#');
	close(fd);
}

TEST(cache_of_another_version_is_left_as_it_is)
{
	keep_tenure(0, 0);
	const int fd = open(file, O_WRONLY);
	ck_assert_int_eq(pwrite(fd, "\2", 1, 12), 1);
	close(fd);
	expect_rejected("is of another version of libsnowid");
}

TEST(cache_in_a_dangerous_place_is_rejected)
{
	ck_assert_int_eq(symlink(other_file, file), 0);
	expect_rejected("is a symbolic link");
	ck_assert_int_eq(unlink(file), 0);
	ck_assert_int_eq(mkfifo(file, 0600), 0);
	expect_rejected("is not a regular file");
	ck_assert_int_eq(unlink(file), 0);
	keep_tenure(0, 0);
	ck_assert_int_eq(chmod(file, 0622), 0);
	expect_rejected("can be written by others");
	snprintf(file, sizeof file, "%s/missing/cache", directory);
	expect_rejected("cannot open the cache");
}

int main(void)
{
	return run_tests(cache_setup, cache_teardown);
}
