/* SPDX-License-Identifier: MIT
 *
 * host:/DIRECTORY, with clocks of the tests: who shares a file, where its IDs begin, and which
 * files are not used.
 */
#include "libsnowid/store/image.h"
#include "tests/unit/libsnowid/store/host.h"
#include "tests/unit/processes.h"

/* ---- who shares ----------------------------------------------------------------------------- */

TEST(generators_of_one_identity_share_a_file)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_config *const config = host_config("snowflake", clock);
	struct snowid_generator *const g = host_open(config);
	OK(snowid_config_set_field(config, "datacenter", 0)); /* as if it were not given */
	struct snowid_generator *const other = host_open(config);
	const uint64_t id = next_id(g);
	ck_assert_uint_eq(next_id(other), id + 1);
	ck_assert_uint_eq(next_id(g), id + 2);
	ck_assert_int_eq(directory_count(), 1);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_ISSUED), 3);
	OK(snowid_config_set_field(config, "datacenter", 1));
	struct snowid_generator *const datacenter = host_open(config);
	OK(snowid_config_set_field(config, "datacenter", 0));
	OK(snowid_config_set_field(config, "worker", 2));
	struct snowid_generator *const worker = host_open(config);
	ck_assert_int_eq(directory_count(), 3);
	snowid_generator_free(g);
	snowid_generator_free(other);
	snowid_generator_free(datacenter);
	snowid_generator_free(worker);
	ck_assert_int_eq(directory_count(), 3);
	snowid_config_free(config);
	snowid_clock_free(clock);
}

/* Each makes its own generator, as programs do that know nothing of one another. */
TEST(processes_share_a_file)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_config *const config = host_config("snowflake", clock);
	struct snowid_generator *const g = host_open(config);
	const uint64_t before = next_id(g);
	const pid_t child = fork();
	if (child == 0) {
		struct snowid_generator *const other = host_open(config);
		const bool shared = next_id(other) == before + 1;
		snowid_generator_free(other);
		snowid_generator_free(g);
		snowid_config_free(config);
		snowid_clock_free(clock);
		_exit(shared ? 0 : 1);
	}
	expect_success(child);
	ck_assert_uint_eq(next_id(g), before + 2);
	snowid_generator_free(g);
	snowid_config_free(config);
	snowid_clock_free(clock);
}

/* A UUIDv1 whose node and clock_seq nobody has set. */
TEST(fields_that_are_drawn_are_those_of_the_file)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_config *const config = host_config("uuid1", clock);
	struct snowid_generator *const g = host_open(config), *const other = host_open(config);
	ck_assert_uint_eq(field_of(g, "node"), field_of(other, "node"));
	ck_assert_uint_eq(field_of(g, "clock_seq"), field_of(other, "clock_seq"));
	ck_assert_int_eq(directory_count(), 1);
	snowid_generator_free(g);
	snowid_generator_free(other);
	snowid_config_free(config);
	snowid_clock_free(clock);
}

/* ---- the default ---------------------------------------------------------------------------- */

TEST(host_is_the_default_for_layouts_on_the_clock_of_the_system)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_config *config;
	char text[64];
	unsetenv("SNOWID_STORE");
	OK(snowid_config_new(&config));
	OK(snowid_config_get(config, "store", text, sizeof text, NULL));
	ck_assert_str_eq(text, "host:");
	OK(snowid_config_set_kind(config, "ulid"));
	OK(snowid_config_get(config, "store", text, sizeof text, NULL));
	ck_assert_str_eq(text, "memory:");
	OK(snowid_config_set_kind(config, "instagram"));
	OK(snowid_config_set_clock(config, clock));
	OK(snowid_config_get(config, "store", text, sizeof text, NULL));
	ck_assert_str_eq(text, "memory:");
	snowid_config_free(config);
	snowid_clock_free(clock);
}

TEST(another_clock_needs_a_directory)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_config *const config = host_config("snowflake", clock);
	struct snowid_generator *g;
	OK(snowid_config_set_store(config, "host:"));
	EXPECT(snowid_generator_new(config, &g), SNOWID_E_STORE);
	EXPECT_DETAIL("name a directory (host:/path)");
	EXPECT(snowid_config_set_store(config, "host:state"), SNOWID_E_SYNTAX);
	EXPECT_DETAIL("must be the path of a directory");
	snowid_config_free(config);
	snowid_clock_free(clock);
}

/* ---- where IDs begin ------------------------------------------------------------------------ */

/* The tick of a new file's first ID is above that of the clock plus a reserve of 10 ms or a tick,
 * and what may be borrowed; opening waits for that and no longer. */
TEST(new_file_begins_above_the_reserve_and_what_may_be_borrowed)
{
	static const struct {
		const char *kind;
		int64_t unit, reserve;
	} kinds[] = {
		{"time:60,sequence:3;unit=100ns", 100, 10 * MS},
		{"snowflake", MS, 10 * MS},
		{"sonyflake", 10 * MS, 10 * MS},
		{"time:32,worker:16,sequence:15;unit=1s", SEC, SEC},
	};
	for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
		for (int borrow = 0; borrow <= 40; borrow += 40) {
			struct snowid_clock *const clock = manual_clock(START);
			struct snowid_config *const config = host_config(kinds[k].kind, clock);
			char text[16];
			uint64_t begun, now, id;
			snprintf(text, sizeof text, "%dms", borrow);
			OK(snowid_config_set(config, "borrow", text));
			begun = clock_ns(clock);
			struct snowid_generator *const g = host_open(config);
			now = clock_ns(clock);
			id = next_id(g);
			const int64_t start = kinds[k].reserve + borrow * MS;
			const int64_t made = (int64_t)(layout_ns(kinds[k].kind, id) - begun);
			ck_assert_int_gt(made, start - (borrow ? 0 : 1));
			ck_assert_int_le(made, start + kinds[k].unit);
			ck_assert_int_le((int64_t)(now - begun),
					 kinds[k].reserve + 2 * kinds[k].unit);
			snowid_generator_free(g);
			snowid_config_free(config);
			snowid_clock_free(clock);
			directory_clear();
		}
}

/* Those that borrow less find IDs further ahead than they expect, and are told why. */
TEST(errors_say_that_another_program_borrows_more)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_config *const config = host_config("time:41,worker:10,sequence:2", clock);
	OK(snowid_config_set(config, "hold", "20ms"));
	struct snowid_generator *const g = host_open(config);
	OK(snowid_config_set(config, "borrow", "1h"));
	struct snowid_generator *const borrower = host_open(config);
	uint64_t id, last = 0;
	for (int i = 0; i < 4000; i++) {
		id = next_id(borrower);
		ck_assert_uint_gt(id, last);
		last = id;
	}
	OK(snowid_config_set(config, "borrow", "0s"));
	struct snowid_generator *late = NULL;
	EXPECT(snowid_generator_try_next(g, &id, NULL), SNOWID_E_CLOCK);
	EXPECT_DETAIL("another program that uses the store borrows more");
	EXPECT(snowid_generator_new(config, &late), SNOWID_E_CLOCK);
	EXPECT_DETAIL("another program that uses it borrows more");
	snowid_generator_free(g);
	snowid_generator_free(borrower);
	snowid_config_free(config);
	snowid_clock_free(clock);
}

/* ---- renewals ------------------------------------------------------------------------------- */

/* No call waits for a limit or fails for want of one, however far the clock moves. */
TEST(every_call_renews_the_limit)
{
	static const uint64_t steps[] = {1, 100, MS, 4 * MS, 11 * MS, 3 * SEC, 86400 * SEC};
	for (size_t s = 0; s < sizeof steps / sizeof steps[0]; s++) {
		struct snowid_clock *const clock = manual_clock(START);
		struct snowid_config *const config = host_config("snowflake", clock);
		struct snowid_generator *const g = host_open(config);
		uint64_t id, last = next_id(g), again = 0, count, ids[8];
		size_t made;
		for (int i = 0; i < 200; i++) {
			OK(snowid_clock_advance(clock, steps[s]));
			OK(snowid_generator_available(g, &count));
			OK(snowid_clock_advance(clock, steps[s]));
			OK(snowid_generator_try_next(g, &id, NULL));
			ck_assert_uint_gt(id, last);
			OK(snowid_clock_advance(clock, steps[s]));
			OK(snowid_generator_next_batch(g, ids, 8, 0, &made));
			ck_assert_uint_eq(made, 8);
			ck_assert_uint_gt(ids[0], id);
			last = ids[7];
		}
		OK(snowid_generator_maintain(g, &again));
		ck_assert_uint_eq(again, UINT64_MAX);
		ck_assert_uint_eq(stat_of(g, SNOWID_STAT_WAITS), 0);
		snowid_generator_free(g);
		snowid_config_free(config);
		snowid_clock_free(clock);
		directory_clear();
	}
}

TEST(clock_that_jumps_ahead_is_not_followed)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_config *const config = host_config("snowflake", clock);
	struct snowid_generator *const g = host_open(config);
	uint64_t id, before = next_id(g);
	OK(snowid_clock_step(clock, 7200 * SEC));
	EXPECT(snowid_generator_try_next(g, &id, NULL), SNOWID_E_CLOCK);
	EXPECT_DETAIL("has jumped ahead");
	OK(snowid_clock_step(clock, -7200 * SEC));
	OK(snowid_generator_try_next(g, &id, NULL));
	ck_assert_uint_gt(id, before);
	snowid_generator_free(g);
	snowid_config_free(config);
	snowid_clock_free(clock);
}

TEST(clock_far_behind_the_file_is_an_error_that_names_reset)
{
	struct snowid_clock *const clock = manual_clock(START), *const late =
									manual_clock(START - 60);
	struct snowid_config *const config = host_config("snowflake", clock);
	struct snowid_generator *const g = host_open(config), *other = NULL;
	const uint64_t last = next_id(g);
	OK(snowid_config_set_clock(config, late));
	EXPECT(snowid_generator_new(config, &other), SNOWID_E_CLOCK);
	EXPECT_DETAIL("snowid store --reset");
	EXPECT(snowid_store_reset(host_url, START - 30, 0), -EBUSY);
	snowid_generator_free(g);
	OK(snowid_store_reset(host_url, START - 50, 0));
	OK(snowid_config_set(config, "hold", "20s"));
	struct snowid_generator *const corrected = host_open(config);
	const uint64_t id = next_id(corrected);
	ck_assert_uint_lt(id, last);
	ck_assert_uint_gt(snowflake_ms(id), (uint64_t)(START - 50) * 1000);
	snowid_generator_free(corrected);
	snowid_config_free(config);
	snowid_clock_free(late);
	snowid_clock_free(clock);
}

/* ---- files that are not used, or begun again ------------------------------------------------ */

#define LOW_BYTE_OF_INCOMPATIBLE                                                                   \
	(offsetof(struct sn_header, incompatible) +                                                \
	 (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? sizeof(uint64_t) - 1 : 0))

static void expect_rejected(struct snowid_config *config, int error, const char *detail)
{
	struct snowid_generator *g = NULL;
	EXPECT(snowid_generator_new(config, &g), error);
	EXPECT_DETAIL(detail);
	ck_assert_ptr_null(g);
}

TEST(files_that_cannot_be_relied_on_are_errors)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_config *const config = host_config("snowflake", clock);
	snowid_generator_free(host_open(config));
	unsigned char good[HOST_SIZE], bytes[HOST_SIZE];
	host_read(good);
	/* damaged, of a newer version, of another store */
	const struct {
		size_t at;
		unsigned char bits;
		const char *detail;
	} changes[] = {
		{0, 1, "is not a state file"},
		{100, 1, "is corrupt"},
		{LOW_BYTE_OF_INCOMPATIBLE, 2, "newer version"},
		{LOW_BYTE_OF_INCOMPATIBLE, 1, "is corrupt"},
	};
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		memcpy(bytes, good, sizeof bytes);
		bytes[changes[i].at] ^= changes[i].bits;
		host_write(bytes, HOST_SIZE);
		expect_rejected(config, SNOWID_E_STORE, changes[i].detail);
	}
	host_write(good, HOST_SIZE - 1);
	expect_rejected(config, SNOWID_E_STORE, "is truncated");
	host_write(good, HOST_SIZE);
	ck_assert_int_eq(chmod(host_path(), 0602), 0);
	expect_rejected(config, SNOWID_E_STORE, "can be written by everyone");
	ck_assert_int_eq(chmod(host_path(), 0600), 0);
	disk.other_user = true;
	expect_rejected(config, SNOWID_E_STORE, "is another user's");
	disk.other_user = false;
	disk.birth = BIRTH_LATER;
	expect_rejected(config, SNOWID_E_STORE, "is a copy");
	disk.birth = BIRTH_TRUE;
	ck_assert_int_eq(chmod(directory, 0707), 0);
	expect_rejected(config, SNOWID_E_STORE, "everyone can write to the directory");
	ck_assert_int_eq(chmod(directory, 0700), 0);
	snowid_generator_free(host_open(config));
	snowid_config_free(config);
	snowid_clock_free(clock);
}

TEST(two_users_can_share_a_file_of_mode_0660)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_config *const config = host_config("snowflake", clock);
	OK(snowid_config_set(config, "mode", "0660"));
	struct snowid_generator *const g = host_open(config);
	const uint64_t id = next_id(g);
	disk.other_user = true;
	struct snowid_generator *const other = host_open(config);
	ck_assert_uint_eq(next_id(other), id + 1);
	snowid_generator_free(g);
	snowid_generator_free(other);
	snowid_config_free(config);
	snowid_clock_free(clock);
}

/* On a disk, the file of another boot says nothing; while somebody has it open, it is of this one,
 * although its boot ID is that of another container. */
TEST(file_of_another_boot_is_begun_as_new)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_config *const config = host_config("snowflake", clock);
	struct snowid_generator *g = host_open(config);
	next_id(g);
	const ino_t inode = host_inode();
	disk.boot++;
	struct snowid_generator *other = host_open(config);
	ck_assert_uint_eq(host_inode(), inode);
	snowid_generator_free(other);
	snowid_generator_free(g);
	OK(snowid_clock_step(clock, -3600 * SEC)); /* nobody knows how far IDs went */
	g = host_open(config);
	ck_assert_uint_ne(host_inode(), inode);
	ck_assert_uint_gt(next_id(g), 0);
	ck_assert_int_eq(directory_count(), 1);
	snowid_generator_free(g);
	snowid_config_free(config);
	snowid_clock_free(clock);
}

/* A process that was killed after it had made the file has not begun it. */
TEST(file_that_was_made_and_not_started_begins_with_its_first_user)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_config *const config = host_config("snowflake", clock);
	snowid_generator_free(host_open(config));
	struct sn_image *const image = aligned_alloc(4096, sizeof *image);
	host_read((unsigned char *)image);
	memset(&image->hot.shared, 0, sizeof image->hot.shared);
	atomic_store(&image->hot.started, 0);
	host_write(image, HOST_SIZE);
	OK(snowid_clock_advance(clock, 60 * SEC));
	const uint64_t now_ms = clock_ns(clock) / (uint64_t)MS;
	struct snowid_generator *const g = host_open(config);
	ck_assert_uint_eq(snowflake_ms(next_id(g)), now_ms + 11);
	snowid_generator_free(g);
	free(image);
	snowid_config_free(config);
	snowid_clock_free(clock);
}

int main(void)
{
	return run_tests(host_setup, directory_remove);
}
