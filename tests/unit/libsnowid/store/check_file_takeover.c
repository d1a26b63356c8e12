/* SPDX-License-Identifier: MIT
 *
 * State files after a reboot, a power cut, and a move to another host.
 */
#include <errno.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "tests/unit/libsnowid/store/fake_disk.h"
#include "tests/unit/processes.h"
#include "tests/unit/state_file.h"

TEST(ids_start_above_the_recorded_end_after_a_reboot)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *g = open_state(clock);
	const uint64_t last = next_id(g);
	uint64_t before, after, id;
	snowid_generator_free(g);
	disk.boot++;
	OK(snowid_clock_read(clock, NULL, NULL, &before));
	g = open_state(clock);
	OK(snowid_clock_read(clock, NULL, NULL, &after));
	ck_assert_uint_gt(after, before); /* waited for the rest of the reserve */
	id = next_id(g);
	ck_assert_uint_ge((id >> 22) - (last >> 22), 90);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(unreadable_boot_id_counts_as_a_reboot)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *g = open_state(clock);
	uint64_t last = next_id(g), id;
	snowid_generator_free(g);
	disk.boot = 0;
	for (int i = 0; i < 3; i++) {
		g = open_state(clock);
		id = next_id(g);
		ck_assert_uint_gt(id >> 22, (last >> 22) + 40);
		last = id;
		snowid_generator_free(g);
	}
	snowid_clock_free(clock);
}

enum { SECTOR = 512 };

/* Loses power when a subset of the sectors that have changed since the last sync has been
 * written. */
static void cut_power(const unsigned char *now, unsigned subset)
{
	unsigned char left[STATE_SIZE];
	unsigned changed = 0;
	memcpy(left, disk.durable, STATE_SIZE);
	for (int at = 0; at < STATE_SIZE; at += SECTOR)
		if (memcmp(disk.durable + at, now + at, SECTOR) != 0 && subset & 1u << changed++)
			memcpy(left + at, now + at, SECTOR);
	state_write(0, left, STATE_SIZE);
}

static unsigned changed_sectors(const unsigned char *now)
{
	unsigned changed = 0;
	for (int at = 0; at < STATE_SIZE; at += SECTOR)
		changed += memcmp(disk.durable + at, now + at, SECTOR) != 0;
	return changed;
}

/* Comes up at once after a power cut, with a clock that is 2 s behind. Returns the next ID. */
static uint64_t next_id_after_reboot(struct snowid_clock *clock)
{
	struct snowid_clock *behind;
	struct snowid_generator *g;
	int64_t sec;
	uint32_t nsec;
	disk.boot++;
	OK(snowid_clock_read(clock, &sec, &nsec, NULL));
	OK(snowid_clock_new_manual(sec - 2, nsec, &behind));
	OK(try_open_with("reserve", "3s", behind, &g)); /* waits as long */
	const uint64_t id = next_id(g);
	snowid_generator_free(g);
	snowid_clock_free(behind);
	return id;
}

TEST(recorded_end_survives_every_power_cut)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct statfs status;
	unsigned cuts = 0;
	for (int round = 0; round < 30; round++) {
		const unsigned before = disk.syncs;
		struct snowid_generator *const g = open_state(clock);
		uint64_t last = 0;
		ck_assert_int_eq(statfs(state_path, &status), 0);
		ck_assert_msg((unsigned long)status.f_type != TMPFS_MAGIC,
			      "the test needs a real disk");
		/* To any point of a reserve, just before and just after a renewal among them. */
		for (int i = 0; i < 20 + 7 * round; i++) {
			OK(snowid_clock_advance(clock, MS));
			last = next_id(g);
		}
		if (round % 3 == 0) { /* with a new end that is written and not synced */
			disk.failing = "msync";
			disk.failure = EIO;
			for (int i = 0; i < 120 && snowid_generator_next(g, &last) == 0; i++)
				OK(snowid_clock_advance(clock, MS));
			disk.failing = NULL;
		}
		/* Otherwise the fake disk has seen no sync, and `durable` is not of this round. */
		ck_assert_uint_gt(disk.syncs, before);
		snowid_generator_free(g);
		unsigned char now[STATE_SIZE], image[STATE_SIZE];
		state_read(now);
		memcpy(image, disk.durable, STATE_SIZE);
		const unsigned subsets = 1u << changed_sectors(now);
		ck_assert_uint_le(subsets, 64);
		for (unsigned subset = 0; subset < subsets; subset++, cuts++) {
			memcpy(disk.durable, image, STATE_SIZE);
			cut_power(now, subset);
			ck_assert_msg(next_id_after_reboot(clock) >> 22 > last >> 22,
				      "subset %u of round %d", subset, round);
		}
		unlink(state_path);
	}
	ck_assert_uint_ge(cuts, 60);
	snowid_clock_free(clock);
}

/* A volume moves to another host, which fails with it, and back to the first host, which is still
 * up: the disk still has the state that the first host left, with the ID of its boot. */
TEST(state_of_another_host_is_ignored)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *g = open_state(clock);
	uint64_t last = 0;
	next_id(g);
	snowid_generator_free(g);
	state_read(disk.durable); /* detached in good order */
	disk.boot++;
	g = open_state(clock);
	for (int i = 0; i < 300; i++) {
		OK(snowid_clock_advance(clock, MS));
		last = next_id(g);
	}
	snowid_generator_free(g);
	state_write(0, disk.durable, STATE_SIZE); /* failed before the state was written back */
	disk.boot--;
	OK(snowid_clock_step(clock, -SEC / 5)); /* the first host has another clock */
	g = open_state(clock);
	ck_assert_uint_gt(next_id(g), last);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(failed_takeover_leaves_the_file_as_it_was)
{
	struct snowid_clock *const clock = manual_clock(START);
	snowid_generator_free(open_state(clock));
	disk.boot++;
	disk.failing = "msync hot";
	disk.failure = EIO;
	expect_open_error(clock, -EIO, "cannot take over the state file");
	disk.failing = NULL;
	snowid_generator_free(open_state(clock));
	snowid_clock_free(clock);
}

/* A process that was stopped during a takeover holds its lock. */
TEST_EACH(stuck_takeover_times_out, 2)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1};
	uint64_t before, after;
	snowid_generator_free(open_state(clock));
	const int fd = open(state_path, O_RDWR);
	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
	snowid_generator_free(open_state(clock)); /* within a boot, no process needs it alone */
	lock.l_type = nth == 0 ? F_RDLCK : F_WRLCK;
	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
	disk.boot++;
	OK(snowid_clock_read(clock, NULL, NULL, &before));
	expect_open_error(clock, SNOWID_E_STORE, "is being taken over by another process");
	OK(snowid_clock_read(clock, NULL, NULL, &after));
	ck_assert_uint_ge(after - before, 10 * SEC);
	ck_assert_uint_le(after - before, 11 * SEC);
	close(fd);
	snowid_generator_free(open_state(clock));
	snowid_clock_free(clock);
}

static void end_process(void)
{
	_exit(0);
}

/* The boot ID is written last, so that no process takes what is half done for state of this
 * boot. */
TEST(killed_takeover_is_done_again)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *g = open_state(clock);
	const uint64_t last = next_id(g);
	snowid_generator_free(g);
	disk.boot++;
	const pid_t child = fork();
	if (child == 0) {
		disk.during_sync = end_process;
		open_state(clock);
		_exit(1);
	}
	expect_success(child);
	g = open_state(clock);
	ck_assert_uint_gt(next_id(g) >> 22, (last >> 22) + 40); /* above the record */
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

static struct snowid_clock *takeover_clock;
static bool opened_during_takeover;

static void open_during_takeover(void)
{
	expect_open_error(takeover_clock, SNOWID_E_STORE, "is being taken over by another process");
	opened_during_takeover = true;
}

TEST(file_cannot_be_opened_during_a_takeover)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *g = open_state(clock);
	const uint64_t last = next_id(g);
	snowid_generator_free(g);
	disk.boot++;
	takeover_clock = clock;
	disk.during_sync = open_during_takeover;
	g = open_state(clock);
	ck_assert(opened_during_takeover);
	ck_assert_uint_gt(next_id(g), last);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

/* ---- whose boot it is ---------------------------------------------------------------------- */

/* A clock that a test sets, and that calls it when the library sleeps. */
static struct {
	int64_t wall_ns;
	uint64_t elapsed_ns;
	void (*during_sleep)(void);
} set_clock;

static int set_clock_wall(void *user, int64_t *sec, uint32_t *nsec)
{
	(void)user;
	*sec = set_clock.wall_ns / SEC;
	*nsec = (uint32_t)(set_clock.wall_ns % SEC);
	return 0;
}

static int set_clock_elapsed(void *user, uint64_t *ns)
{
	(void)user;
	*ns = set_clock.elapsed_ns;
	return 0;
}

static int set_clock_sleep(void *user, uint64_t ns)
{
	void (*const hook)(void) = set_clock.during_sleep;
	(void)user;
	set_clock.during_sleep = NULL;
	if (hook)
		hook();
	set_clock.elapsed_ns += ns;
	set_clock.wall_ns += (int64_t)ns;
	return 0;
}

static struct snowid_clock *new_set_clock(void)
{
	struct snowid_clock *clock;
	set_clock.wall_ns = START * SEC;
	set_clock.elapsed_ns = 1000 * (uint64_t)SEC;
	set_clock.during_sleep = NULL;
	OK(snowid_clock_new(set_clock_wall, set_clock_elapsed, set_clock_sleep, NULL, &clock));
	return clock;
}

/* In a container, the boot ID can be another one, or there is none. What others do with the state
 * file must not depend on that. */
TEST_EACH(file_in_use_is_of_this_boot_whatever_the_boot_id_is, 2)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *const host = open_state(clock);
	const uint64_t last = next_id(host);
	uint64_t before, after, id;
	disk.boot = nth == 0 ? 0 : disk.boot + 1;
	OK(snowid_clock_read(clock, NULL, NULL, &before));
	struct snowid_generator *const container = open_state(clock);
	OK(snowid_clock_read(clock, NULL, NULL, &after));
	ck_assert_uint_eq(after, before);
	ck_assert_uint_eq(next_id(container), last + 1);
	ck_assert_uint_eq(next_id(host), last + 2);

	/* What is known of this boot stays known. */
	OK(snowid_clock_step(clock, 30 * 86400 * SEC));
	expect_open_error(clock, SNOWID_E_CLOCK, "jumped ahead");
	OK(snowid_clock_step(clock, -30 * 86400 * SEC));
	disk.failing = "msync";
	disk.failure = EIO;
	OK(snowid_clock_advance(clock, SEC));
	EXPECT(snowid_generator_next(container, &id), -EIO);
	disk.failing = NULL;
	expect_open_error(clock, -EIO, "what it wrote may be lost");
	snowid_generator_free(container);
	snowid_generator_free(host);
	snowid_clock_free(clock);
}

/* Some kernels have the same boot ID after each boot. */
TEST(less_elapsed_time_than_recorded_is_another_boot)
{
	struct snowid_clock *const clock = new_set_clock();
	struct snowid_generator *g = open_state(clock);
	uint64_t last = next_id(g), id;
	snowid_generator_free(g);
	for (int i = 0; i < 2; i++) {
		if (i == 0)
			set_clock.elapsed_ns -= 500 * (uint64_t)SEC;
		g = open_state(clock);
		id = next_id(g);
		if (i == 0) /* above the record; and then elapsed time of this boot is recorded */
			ck_assert_uint_gt(id >> 22, (last >> 22) + 40);
		else
			ck_assert_uint_eq(id, last + 1);
		last = id;
		snowid_generator_free(g);
	}
	snowid_clock_free(clock);
}

/* The elapsed time of another clock has another zero point, so the boot ID decides. */
TEST(elapsed_time_of_another_domain_proves_nothing)
{
	struct snowid_clock *clock = new_set_clock();
	struct snowid_generator *g = open_state(clock);
	const uint64_t last = next_id(g);
	snowid_generator_free(g);
	snowid_clock_free(clock);
	clock = manual_clock(START);
	OK(snowid_clock_advance(clock, SEC / 10));
	g = open_state(clock);
	ck_assert_uint_eq(next_id(g), last + 1);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

static struct snowid_clock *worker_clock;
static struct snowid_generator *second_worker;
static int takeover_lock;

static void release_takeover(void)
{
	close(takeover_lock);
}

static void start_second_worker(void)
{
	set_clock.during_sleep = release_takeover;
	second_worker = open_state(worker_clock);
}

/* Both have opened the file, and wait for the lock of takeovers, before one gets it. */
TEST(workers_that_start_together_after_a_reboot_do_not_believe_each_other)
{
	struct snowid_clock *const clock = new_set_clock();
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	struct snowid_generator *g = open_state(clock);
	const uint64_t last = next_id(g);
	snowid_generator_free(g);
	disk.boot++;
	takeover_lock = open(state_path, O_RDWR);
	ck_assert_int_eq(fcntl(takeover_lock, F_OFD_SETLK, &lock), 0);
	worker_clock = clock;
	set_clock.during_sleep = start_second_worker;
	g = open_state(clock);
	ck_assert_ptr_nonnull(second_worker);
	ck_assert_uint_gt(next_id(second_worker) >> 22, (last >> 22) + 40); /* above the record */
	ck_assert_uint_gt(next_id(g) >> 22, (last >> 22) + 40);
	snowid_generator_free(second_worker);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

/* As cp(1) does, in the same boot. A backup shows no IDs that were issued after it was made. */
TEST(backup_that_is_written_onto_the_file_is_not_believed)
{
	unsigned char backup[STATE_SIZE];
	struct snowid_generator *g;
	struct stat status;
	uint64_t id;
	OK(try_open_with_reserve("snowflake", "10ms", "3ms", NULL, &g));
	id = next_id(g);
	state_read(backup);
	const uint64_t begin = id >> 22;
	while (id >> 22 < begin + 50) /* later than the backup has recorded */
		id = next_id(g);
	snowid_generator_free(g);
	state_write(0, backup, STATE_SIZE);
	ck_assert_int_eq(stat(state_path, &status), 0);
	const uint64_t written_ms =
		(uint64_t)status.st_ctim.tv_sec * 1000 + (uint64_t)status.st_ctim.tv_nsec / 1000000;
	/* Begins where a new file does. */
	OK(try_open_with_reserve("snowflake", "300ms", "100ms", NULL, &g));
	ck_assert_uint_ge(snowflake_ms(next_id(g)), written_ms + 300);
	snowid_generator_free(g);
}

TEST(memory_pages_may_be_larger_than_those_of_the_file)
{
	static const long sizes[] = {8192, 16384, 65536};
	struct snowid_clock *const clock = manual_clock(START);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		disk.page_size = sizes[i];
		disk.boot++;
		struct snowid_generator *const g = open_state(clock);
		OK(issue_for_blocks(g, clock));
		snowid_generator_free(g);
	}
	snowid_clock_free(clock);
}

/* ---- statistics ------------------------------------------------------------------------------ */

static void expect_statistics(const struct snowid_generator *g, bool zero)
{
	static const enum snowid_stat which[] = {SNOWID_STAT_ISSUED,      SNOWID_STAT_REGRESSIONS,
						 SNOWID_STAT_REFUSED,     SNOWID_STAT_WAITS,
						 SNOWID_STAT_MAX_LEAD_NS, SNOWID_STAT_MAX_LAG_NS};
	for (size_t i = 0; i < sizeof which / sizeof which[0]; i++)
		ck_assert_msg((stat_of(g, which[i]) == 0) == zero, "statistic %zu", i);
}

TEST(statistics_begin_at_0_after_a_reboot)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *g = NULL;
	uint64_t id;
	OK(try_open_with("borrow", "1ms", clock, &g));
	for (int i = 0; i < 10000; i++)
		next_id(g);
	OK(snowid_clock_step(clock, -4 * MS));
	next_id(g);
	OK(snowid_clock_step(clock, -10 * SEC));
	EXPECT(snowid_generator_try_next(g, &id, NULL), SNOWID_E_CLOCK);
	expect_statistics(g, false);
	snowid_generator_free(g);
	OK(snowid_clock_step(clock, 20 * SEC));
	g = open_state(clock);
	expect_statistics(g, false);
	snowid_generator_free(g);
	disk.boot++;
	g = open_state(clock);
	expect_statistics(g, true);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

int main(void)
{
	return run_tests(disk_setup, directory_remove);
}
