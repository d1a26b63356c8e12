/* SPDX-License-Identifier: MIT
 *
 * State files that are not opened: damaged ones, those of others, and copies.
 */
#include <errno.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/stat.h>

#include "tests/unit/libsnowid/store/fake_disk.h"
#include "tests/unit/state_file.h"

/* ---- damage --------------------------------------------------------------------------------- */

/* The byte order mark of a machine with the other byte order. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OTHER_ORDER "\x01\x02\x03\x04"
#else
#define OTHER_ORDER "\x04\x03\x02\x01"
#endif

TEST(damaged_files_are_rejected_and_left_unchanged)
{
	struct snowid_clock *const clock = manual_clock(START);
	unsigned char good[STATE_SIZE], bad[STATE_SIZE], left[STATE_SIZE];
	snowid_generator_free(open_state(clock));
	state_read(good);
	static const struct {
		off_t at;
		const char *bytes;
		size_t size;
		const char *detail;
	} cases[] = {
		{0, "X", 1, "is not a state file"}, {8, OTHER_ORDER, 4, "another byte order"},
		{12, "\x02", 1, "newer version"},   {24, "\x02", 1, "newer version"},
		{32, "\xff", 1, "corrupt"},         {64, "\xff", 1, "corrupt"},
		{4000, "\xff", 1, "corrupt"}, /* unused bytes are 0, and covered by the CRC */
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		memcpy(bad, good, STATE_SIZE);
		memcpy(bad + cases[i].at, cases[i].bytes, cases[i].size);
		state_write(0, bad, STATE_SIZE);
		expect_open_error(clock, SNOWID_E_STORE, cases[i].detail);
		state_read(left);
		ck_assert_mem_eq(left, bad, STATE_SIZE);
	}
	snowid_clock_free(clock);
}

TEST(one_of_two_copies_of_the_recorded_end_suffices)
{
	struct snowid_clock *const clock = manual_clock(START);
	unsigned char bad[STATE_SIZE];
	snowid_generator_free(open_state(clock));
	state_read(bad);
	memset(bad + STATE_RESERVED, 0, 8);
	state_write(0, bad, STATE_SIZE);
	disk.boot++;
	snowid_generator_free(open_state(clock));
	memset(bad + STATE_RESERVED + 4096, 0xff, 8);
	state_write(0, bad, STATE_SIZE);
	disk.boot++;
	expect_open_error(clock, SNOWID_E_STORE, "has lost how far IDs went");

	snowid_clock_free(clock);
}

TEST(damaged_copy_of_the_recorded_end_is_replaced)
{
	struct snowid_clock *const clock = manual_clock(START);
	unsigned char bad[STATE_SIZE], left[STATE_SIZE];
	uint64_t id;
	snowid_generator_free(open_state(clock));
	state_read(bad);
	memset(bad + STATE_RESERVED, 0xff, 8);
	state_write(0, bad, STATE_SIZE);
	struct snowid_generator *const g = open_state(clock);
	next_id(g);
	OK(snowid_clock_advance(clock, 500 * MS));
	EXPECT(snowid_generator_next_for(g, 0, &id), SNOWID_E_LIMIT);
	snowid_generator_free(g);
	state_read(left);
	ck_assert_mem_eq(left + STATE_RESERVED, left + STATE_RESERVED + 4096, 8);
	snowid_clock_free(clock);
}

TEST(what_is_not_a_whole_regular_file_is_rejected)
{
	struct snowid_clock *const clock = manual_clock(START);
	snowid_generator_free(open_state(clock));
	ck_assert_int_eq(truncate(state_path, STATE_SIZE - 1), 0);
	expect_open_error(clock, SNOWID_E_STORE, "truncated");
	ck_assert_int_eq(truncate(state_path, 0), 0);
	expect_open_error(clock, SNOWID_E_STORE, "truncated");
	unlink(state_path);
	ck_assert_int_eq(symlink("elsewhere", state_path), 0);
	expect_open_error(clock, SNOWID_E_STORE, "symbolic link");
	unlink(state_path);
	ck_assert_int_eq(mkdir(state_path, 0700), 0);
	expect_open_error(clock, -EISDIR, "open the state file");
	rmdir(state_path);
	snowid_clock_free(clock);
}

/* ---- files of others ------------------------------------------------------------------------ */

TEST(file_of_another_kind_or_worker_is_rejected)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *g = NULL;
	snowid_generator_free(open_state(clock));
	EXPECT(try_open_state("twitter", clock, &g), SNOWID_E_STORE);
	EXPECT_DETAIL("another kind, layout or epoch");
	EXPECT(try_open_state("ulid", clock, &g), SNOWID_E_STORE);
	struct snowid_config *const config = state_config("snowflake", clock);
	OK(snowid_config_set_field(config, "worker", 2));
	EXPECT(snowid_generator_new(config, &g), SNOWID_E_STORE);
	EXPECT_DETAIL("belongs to worker 1, not 2");
	snowid_config_free(config);
	snowid_clock_free(clock);
}

TEST(file_systems_that_hosts_share_are_rejected)
{
	struct snowid_clock *const clock = manual_clock(START);
	static const struct {
		long type;
		const char *name;
	} shared_by_hosts[] = {{NFS_SUPER_MAGIC, "is on NFS"}, {0x65735546, "is on FUSE"},
			       {V9FS_MAGIC, "is on 9P"},       {(int)0xff534d42, "is on CIFS"},
			       {0x00c36400, "is on Ceph"},     {0x786f4256, "is on vboxsf"}};
	for (int exists = 0; exists < 2; exists++) {
		for (size_t i = 0; i < sizeof shared_by_hosts / sizeof shared_by_hosts[0]; i++) {
			disk.file_system = shared_by_hosts[i].type;
			disk.failing = "pread"; /* a read would give another error */
			disk.failure = EIO;
			expect_open_error(clock, SNOWID_E_STORE, shared_by_hosts[i].name);
			ck_assert_int_eq(directory_count(), exists); /* none was made */
		}
		disk.file_system = 0;
		disk.failing = NULL;
		snowid_generator_free(open_state(clock));
	}
	snowid_clock_free(clock);
}

/* A page that cannot be read or written to is an error, not a SIGBUS. */
TEST(failing_disk_is_an_error_of_opening)
{
	struct snowid_clock *const clock = manual_clock(START);
	snowid_generator_free(open_state(clock));
	disk.failing = "pread";
	disk.failure = EIO;
	expect_open_error(clock, -EIO, "cannot read the state file");
	disk.failing = "madvise";
	disk.failure = EFAULT;
	expect_open_error(clock, -EIO, "its disk is failing or full");
	disk.failure = ENOMEM;
	expect_open_error(clock, -ENOMEM, "into memory");
	disk.failure = EINVAL; /* an older kernel */
	snowid_generator_free(open_state(clock));
	snowid_clock_free(clock);
}

/* btrfs would write each page elsewhere, and has no room for it when the disk is full. */
TEST(file_on_btrfs_is_written_in_place)
{
	struct snowid_clock *const clock = manual_clock(START);
	disk.file_system = (long)BTRFS_SUPER_MAGIC;
	disk.inode_flags = FS_COMPR_FL; /* as in a directory that is compressed */
	disk.failing = "ioctl";
	disk.failure = EPERM;
	expect_open_error(clock, -EPERM, "cannot create the state file");
	ck_assert_int_eq(directory_count(), 0);
	disk.failing = NULL;
	snowid_generator_free(open_state(clock));
	ck_assert_int_eq(disk.inode_flags, FS_NOCOW_FL);
	snowid_generator_free(open_state(clock));
	disk.inode_flags = 0; /* restored by another program */
	expect_open_error(clock, SNOWID_E_STORE, "without the attribute No_COW");
	OK(snowid_store_adopt(state_url));
	ck_assert_int_eq(disk.inode_flags, FS_NOCOW_FL);
	OK(snowid_clock_step(clock, 30 * 365 * 86400 * SEC)); /* adopting has used the real clock */
	snowid_generator_free(open_state(clock));
	snowid_clock_free(clock);
}

TEST(file_that_others_may_write_is_rejected)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *g = NULL;
	snowid_generator_free(open_state(clock));
	ck_assert_int_eq(chmod(state_path, 0602), 0);
	expect_open_error(clock, SNOWID_E_STORE, "can be written by everyone");
	ck_assert_int_eq(chmod(state_path, 0664), 0);
	snowid_generator_free(open_state(clock));
	/* Another user's file is trusted if the setting mode says so and the group may write it. */
	disk.other_user = true;
	expect_open_error(clock, SNOWID_E_STORE, "is another user's");
	OK(try_open_with("mode", "0660", clock, &g));
	snowid_generator_free(g);
	ck_assert_int_eq(chmod(state_path, 0640), 0);
	EXPECT(try_open_with("mode", "0660", clock, &g), SNOWID_E_STORE);
	EXPECT_DETAIL("is another user's");
	snowid_clock_free(clock);
}

/* ---- copies --------------------------------------------------------------------------------- */

TEST(copy_is_rejected_and_the_original_is_not)
{
	struct snowid_clock *const clock = manual_clock(START);
	char aside[sizeof state_path + 8], command[2 * sizeof state_path + 32];
	snowid_generator_free(open_state(clock));
	snprintf(aside, sizeof aside, "%s.old", state_path);
	snprintf(command, sizeof command, "cp -a '%s' '%s'", aside, state_path);
	ck_assert_int_eq(rename(state_path, aside), 0);
	ck_assert_int_eq(system(command), 0);
	expect_open_error(clock, SNOWID_E_STORE, "is a copy");
	ck_assert_int_eq(rename(aside, state_path), 0);
	snowid_generator_free(open_state(clock));
	snowid_clock_free(clock);
}

/* A copy can get the inode number of an original that was removed, but not its birth time. */
TEST(copy_with_the_inode_number_of_the_original_is_rejected)
{
	struct snowid_clock *const clock = manual_clock(START);
	snowid_generator_free(open_state(clock));
	disk.birth = BIRTH_LATER;
	expect_open_error(clock, SNOWID_E_STORE, "is a copy");
	disk.birth = BIRTH_UNKNOWN; /* as on older kernels: the inode number decides */
	snowid_generator_free(open_state(clock));
	unlink(state_path);
	snowid_generator_free(open_state(clock)); /* created there */
	disk.birth = BIRTH_TRUE;
	snowid_generator_free(open_state(clock));
	snowid_clock_free(clock);
}

/* A volume gets another number when it is attached or mounted again, or found in another order. */
TEST(device_number_may_change)
{
	struct snowid_clock *const clock = manual_clock(START);
	snowid_generator_free(open_state(clock));
	disk.other_device = true;
	disk.boot++;
	struct snowid_generator *const g = open_state(clock);
	OK(issue_for_blocks(g, clock));
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

/* ---- resources that are used up -------------------------------------------------------------- */

TEST(error_says_what_to_do_when_a_resource_is_used_up)
{
	static const struct {
		int number;
		const char *remedy;
	} cases[] = {{EMFILE, "ulimit -n"}, {ENFILE, "fs.file-max"}, {ENOMEM, "vm.max_map_count"}};
	struct snowid_clock *const clock = manual_clock(START);

	disk.failing = "open";
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		disk.failure = cases[i].number;
		expect_open_error(clock, -cases[i].number, cases[i].remedy);
	}
	disk.failing = NULL;
	snowid_clock_free(clock);
}

int main(void)
{
	return run_tests(disk_setup, directory_remove);
}
