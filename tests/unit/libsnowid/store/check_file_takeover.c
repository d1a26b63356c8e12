/* SPDX-License-Identifier: MIT
 *
 * State files after a reboot, a power cut, and a move to another host.
 */
#include <errno.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "tests/unit/libsnowid/store/fake_disk.h"
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
	ck_assert_uint_gt(after, before); /* waited for the rest of the block */
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
	OK(try_open_with("block", "3s", behind, &g)); /* waits as long */
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
		/* To any point of a block, just before and just after a renewal among them. */
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
TEST(stuck_takeover_times_out)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	uint64_t before, after;
	snowid_generator_free(open_state(clock));
	const int fd = open(state_path, O_RDWR);
	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
	snowid_generator_free(open_state(clock)); /* within a boot the lock is not needed */
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

static struct snowid_clock *takeover_clock;
static bool opened_during_takeover;

static void open_during_takeover(void)
{
	expect_open_error(takeover_clock, SNOWID_E_STORE, "is being taken over by another process");
	opened_during_takeover = true;
}

/* The boot ID is written last, so that no process takes old state for that of this boot. */
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

int main(void)
{
	return run_tests(disk_setup, directory_remove);
}
