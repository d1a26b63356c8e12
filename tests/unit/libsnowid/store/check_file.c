/* SPDX-License-Identifier: MIT
 *
 * State files within one boot: what their users share.
 */
#include <linux/magic.h>

#include "tests/unit/libsnowid/store/fake_disk.h"
#include "tests/unit/processes.h"
#include "tests/unit/state_file.h"

TEST(generators_on_one_file_share_its_state)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *const a = open_state(clock), *const b = open_state(clock);
	uint64_t last = 0;
	for (int i = 0; i < 20000; i++) {
		const uint64_t id = next_id(i % 2 ? a : b);
		if (id <= last)
			ck_abort_msg("an ID is not above the one before");
		last = id;
	}
	ck_assert_uint_eq(stat_of(a, SNOWID_STAT_ISSUED), 20000);
	OK(snowid_generator_close(a, 0)); /* does not close the other */
	EXPECT(snowid_generator_next(a, &(uint64_t){0}), SNOWID_E_CLOSED);
	ck_assert_uint_gt(next_id(b), last);
	snowid_generator_free(a);
	snowid_generator_free(b);
	snowid_clock_free(clock);
}

TEST(reopening_within_a_boot_continues_without_a_wait)
{
	struct snowid_clock *const clock = manual_clock(START);
	uint64_t last = 0, before, after;
	for (int i = 0; i < 20; i++) {
		OK(snowid_clock_read(clock, NULL, NULL, &before));
		struct snowid_generator *const g = open_state(clock);
		OK(snowid_clock_read(clock, NULL, NULL, &after));
		if (i > 0)
			ck_assert_uint_eq(before, after);
		for (int n = 0; n < 10; n++) {
			const uint64_t id = next_id(g);
			if (i > 0)
				ck_assert_uint_eq(id, last + 1); /* none is skipped */
			last = id;
			if (i == 0)
				break;
		}
		if (i % 2)
			OK(snowid_generator_close(g, 0));
		snowid_generator_free(g);
	}
	snowid_clock_free(clock);
}

TEST(clock_set_back_between_runs_causes_no_duplicate)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *g = open_state(clock);
	const uint64_t last = next_id(g);
	snowid_generator_free(g);
	OK(snowid_clock_step(clock, -SEC / 2));
	g = open_state(clock);
	ck_assert_uint_gt(next_id(g), last);
	snowid_generator_free(g);
	OK(snowid_clock_step(clock, -3600 * SEC));
	expect_open_error(clock, SNOWID_E_CLOCK, "behind what the store has recorded");
	OK(snowid_clock_step(clock, 3600 * SEC));
	g = open_state(clock);
	ck_assert_uint_gt(next_id(g), last);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(calls_that_wait_sync_once_per_half_block)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *const g = open_state(clock);
	next_id(g);
	disk.syncs = 0;
	for (int i = 0; i < 1000; i++) {
		OK(snowid_clock_advance(clock, MS));
		next_id(g);
	}
	ck_assert_uint_ge(disk.syncs, 15);
	ck_assert_uint_le(disk.syncs, 21);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(calls_that_do_not_wait_never_sync)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *const g = open_state(clock);
	uint64_t id, wait, again;
	int error = 0;
	next_id(g);
	disk.syncs = 0;
	for (int i = 0; i < 200 && !error; i++) {
		OK(snowid_clock_advance(clock, MS));
		error = i % 2 ? snowid_generator_try_next(g, &id, &wait)
			      : snowid_generator_next_for(g, 0, &id);
	}
	error = snowid_generator_try_next(g, &id, &wait);
	ck_assert_int_eq(error, SNOWID_E_LIMIT);
	ck_assert_uint_gt(wait, 0);
	EXPECT(snowid_generator_next_for(g, 0, &id), SNOWID_E_LIMIT);
	ck_assert_uint_eq(disk.syncs, 0);

	OK(snowid_generator_maintain(g, &again));
	ck_assert_uint_eq(disk.syncs, 1);
	ck_assert_uint_ge(again, 45 * MS);
	ck_assert_uint_le(again, 55 * MS);
	OK(snowid_generator_try_next(g, &id, &wait));
	OK(snowid_generator_maintain(g, &again)); /* not due yet */
	ck_assert_uint_eq(disk.syncs, 1);
	OK(snowid_clock_advance(clock, again));
	OK(snowid_generator_maintain(g, &again));
	ck_assert_uint_eq(disk.syncs, 2);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(every_kind_can_use_a_state_file)
{
	static const char *const kinds[] = {"js53", "ulid", "uuid1", "uuid6", "uuid7"};
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct snowid_clock *const clock = manual_clock(START);
		struct snowid_generator *a = open_state_of_kind(kinds[i], clock);
		struct snowid_id128 x, y;
		uint64_t node = 1, same = 2, v, w;
		if (i == 0) {
			OK(snowid_generator_next(a, &v));
		} else {
			OK(snowid_generator_next128(a, &x));
			MAY_FAIL(snowid_generator_field(a, "node", &node)); /* a ULID has none */
		}
		snowid_generator_free(a);
		a = open_state_of_kind(kinds[i], clock);
		if (i == 0) {
			OK(snowid_generator_next(a, &w));
			ck_assert_uint_gt(w, v);
		} else {
			OK(snowid_generator_next128(a, &y));
			if (strcmp(kinds[i], "uuid1") != 0)
				ck_assert_int_lt(snowid_id128_compare(&x, &y), 0);
			if (snowid_generator_field(a, "node", &same) == 0)
				ck_assert_uint_eq(node, same); /* the file keeps a random one */
		}
		snowid_generator_free(a);
		snowid_clock_free(clock);
		unlink(state_path);
	}
}

static bool reports_durable(void)
{
	struct snowid_store_info *info;
	const char *key = "", *text = "";
	OK(snowid_store_inspect(state_url, &info));
	for (size_t i = 0; strcmp(key, "durable") != 0; i++)
		OK(snowid_store_info_at(info, 0, i, &key, &text, NULL));
	const bool yes = strcmp(text, "true") == 0;
	snowid_store_info_free(info);
	return yes;
}

TEST(tmpfs_is_accepted_and_reported_as_not_durable)
{
	struct snowid_clock *const clock = manual_clock(START);
	disk.file_system = TMPFS_MAGIC;
	struct snowid_generator *const g = open_state(clock);
	OK(issue_for_blocks(g, clock));
	snowid_generator_free(g);
	ck_assert(!reports_durable());
	disk.file_system = EXT4_SUPER_MAGIC;
	ck_assert(reports_durable());
	snowid_clock_free(clock);
}

/* ---- descriptors --------------------------------------------------------------------------- */

enum { DESCRIPTORS = 256 };

static int count_descriptors(void)
{
	int count = 0;
	for (int fd = 0; fd < DESCRIPTORS; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void close_descriptors_from(int first)
{
	for (int fd = first; fd < DESCRIPTORS; fd++)
		close(fd);
}

/* Its output must not go to the state file. The fake disk checks the numbers while it is opened. */
static void use_without_standard_streams(struct snowid_clock *clock)
{
	close_descriptors_from(0);
	struct snowid_generator *const g = open_state(clock);
	if (count_descriptors() > 0 || issue_for_blocks(g, clock) != 0)
		_exit(1);
	snowid_generator_free(g);
	_exit(count_descriptors());
}

/* As daemons do with closefrom(3), before they open descriptors of their own. */
static void use_after_descriptors_were_closed(struct snowid_clock *clock)
{
	struct snowid_generator *const g = open_state(clock);
	close_descriptors_from(STDERR_FILENO + 1);
	while (open("/dev/null", O_RDWR) < 20)
		;
	const int before = count_descriptors();
	if (issue_for_blocks(g, clock) != 0)
		_exit(1);
	snowid_generator_free(g);
	_exit(count_descriptors() != before);
}

TEST_EACH(descriptors_of_the_program_are_left_alone, 2)
{
	struct snowid_clock *const clock = manual_clock(START);
	const pid_t child = fork();
	if (child == 0)
		(nth == 0 ? use_without_standard_streams
			  : use_after_descriptors_were_closed)(clock);
	expect_success(child);
	const int before = count_descriptors();
	struct snowid_generator *const g = open_state(clock);
	ck_assert_int_eq(count_descriptors(), before);
	OK(issue_for_blocks(g, clock));
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

int main(void)
{
	return run_tests(disk_setup, directory_remove);
}
