/* SPDX-License-Identifier: MIT
 *
 * How a state file is created: whole, under its name, with its mode, or not at all.
 */
#include <errno.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "libsnowid/sequence/shared_state.h"
#include "tests/unit/libsnowid/store/fake_disk.h"
#include "tests/unit/state_file.h"

/* The reserve is 100 ms: at least three times hold and borrow, or not. */
TEST_EACH(new_file_starts_one_block_ahead_of_the_clock_or_more, 4)
{
	static const struct {
		const char *key, *value;
		uint64_t start_ms;
	} cases[] = {
		{"hold", "0", 100},
		{"hold", "33ms", 100},
		{"hold", "34ms", 168},
		{"borrow", "2s", 100 + 2000 + 2000},
	};
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *g = NULL;
	uint64_t before, after;
	struct stat status;
	OK(snowid_clock_read(clock, NULL, NULL, &before));
	OK(try_open_with(cases[nth].key, cases[nth].value, clock, &g));
	next_id(g);
	OK(snowid_clock_read(clock, NULL, NULL, &after)); /* opening waited for it */
	const uint64_t wait_ms = (after - before) / MS + (nth == 3 ? 2000 : 0); /* or borrows it */
	ck_assert_uint_ge(wait_ms, cases[nth].start_ms);
	ck_assert_uint_le(wait_ms, cases[nth].start_ms + 3);
	ck_assert_int_eq(stat(state_path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0600);
	ck_assert_int_eq(status.st_size, STATE_SIZE);
	ck_assert_int_eq((int)status.st_nlink, 1); /* the temporary name is gone */
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(new_file_has_the_mode_of_the_settings)
{
	static const char *const modes[] = {"0600", "640", "0660"};
	static const unsigned wanted[] = {0600, 0640, 0660};
	struct snowid_clock *const clock = manual_clock(START);
	const mode_t old = umask(0777);
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		struct snowid_generator *g;
		struct stat status;
		OK(try_open_with("mode", modes[i], clock, &g));
		snowid_generator_free(g);
		ck_assert_int_eq(stat(state_path, &status), 0);
		ck_assert_uint_eq(status.st_mode & 07777, wanted[i]);
		unlink(state_path);
	}
	umask(old);
	snowid_clock_free(clock);
}

TEST(impossible_path_gives_the_error_of_the_system)
{
	struct snowid_clock *const clock = manual_clock(START);
	strcat(state_url, "/state");
	expect_open_error(clock, -ENOENT, "create the state file");
	snprintf(state_url, sizeof state_url, "file:/proc/state");
	expect_open_error(clock, -ENOENT, "create the state file");
	snowid_clock_free(clock);
}

TEST(failed_creation_leaves_nothing_behind)
{
	static const struct {
		const char *call;
		int error;
		const char *detail;
	} cases[] = {
		{"open", EACCES, "cannot open the state file"},
		{"open", EROFS, "cannot open the state file"},
		{"mkostemp", EACCES, "cannot create the state file"},
		{"mkostemp", EROFS, "cannot create the state file"},
		{"mkostemp", ENOSPC, "cannot create the state file"},
		{"fchmod", EPERM, "cannot create the state file"},
		{"pwrite", ENOSPC, "cannot create the state file"},
		{"pwrite", EIO, "cannot create the state file"},
		{"fsync", EIO, "cannot create the state file"},
		{"fsync", ENOSPC, "cannot create the state file"},
		{"link", EPERM, "cannot create the state file"},
		{"open directory", EMFILE, "cannot sync the directory of the state file"},
		{"fsync directory", EIO, "cannot sync the directory of the state file"},
	};
	struct snowid_clock *const clock = manual_clock(START);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		disk.failing = cases[i].call;
		disk.failure = cases[i].error;
		expect_open_error(clock, -cases[i].error, cases[i].detail);
		expect_open_error(clock, -cases[i].error, state_path);
		disk.failing = NULL;
		const bool linked = strstr(cases[i].call, "directory") != NULL;
		ck_assert_int_eq(directory_count(), linked);
		snowid_generator_free(open_state(clock));
		ck_assert_int_eq(directory_count(), 1);
		unlink(state_path);
	}
	snowid_clock_free(clock);
}

/* The process that created the file may have been killed before the name was durable. */
TEST(opening_syncs_a_name_that_may_not_be_durable)
{
	struct snowid_clock *const clock = manual_clock(START);
	snowid_generator_free(open_state(clock));
	disk.failing = "fsync directory";
	disk.failure = EIO;
	snowid_generator_free(open_state(clock)); /* the name is known to be durable */
	disk.boot++;
	snowid_generator_free(open_state(clock));
	state_write(STATE_HOT + (off_t)sizeof(struct sn_shared_state) + 32, "\0\0\0\0\0\0\0", 8);
	expect_open_error(clock, -EIO, "sync the directory");
	disk.failing = NULL;
	snowid_generator_free(open_state(clock));
	snowid_clock_free(clock);
}

/* The signal would end the program, which may know nothing of state files. */
TEST(limit_of_file_size_is_an_error_and_not_a_signal)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct rlimit before, limit;
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = STATE_SIZE - 1;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	expect_open_error(clock, -EFBIG, "cannot create the state file");
	ck_assert_int_eq(directory_count(), 0);
	limit.rlim_cur = STATE_SIZE;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	snowid_generator_free(open_state(clock));
	limit.rlim_cur = STATE_SIZE - 1; /* an existing file can be used */
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	struct snowid_generator *const g = open_state(clock);
	OK(issue_for_blocks(g, clock));
	EXPECT(snowid_store_reset(state_url, START, 0), -EBUSY);
	snowid_generator_free(g);
	EXPECT(snowid_store_reset(state_url, START, 0), -EFBIG);
	EXPECT_DETAIL("cannot replace the state file");
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
	snowid_clock_free(clock);
}

int main(void)
{
	return run_tests(disk_setup, directory_remove);
}
