/* SPDX-License-Identifier: MIT
 *
 * Copies that are adopted, and recorded ends that are reset.
 */
#include <errno.h>
#include <sys/stat.h>

#include "tests/unit/processes.h"
#include "tests/unit/store_info.h"

/* ---- adoption ------------------------------------------------------------------------------- */

TEST(adopted_copy_starts_above_its_recorded_end_and_the_clock)
{
	struct snowid_generator *g = open_on_store(state_url, manual);
	unsigned char before[STATE_SIZE], after[STATE_SIZE];
	struct snowid_clock *late;
	struct stat status;
	int64_t sec;
	next_id(g);
	snowid_generator_free(g);
	state_copy();
	ck_assert_int_eq(chmod(state_path, 0640), 0);
	EXPECT(try_open_store(state_url, manual, &g), SNOWID_E_STORE);
	EXPECT_DETAIL("see snowid store --adopt");
	state_read(before);
	OK(snowid_clock_read(NULL, &sec, NULL, NULL));
	OK(snowid_store_adopt(state_url));
	state_read(after);
	ck_assert_mem_eq(before, after, 40); /* all but its identity and the CRC stays */
	ck_assert_mem_eq(before + 56, after + 56, 4092 - 56);
	ck_assert_int_eq(stat(state_path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0640);
	ck_assert_int_eq(directory_count(), 1);
	/* The original may have issued IDs until now. */
	OK(snowid_clock_new_manual(sec + 4, 0, &late));
	g = open_on_store(state_url, late);
	ck_assert_uint_ge(snowflake_ms(next_id(g)), (uint64_t)sec * 1000);
	snowid_generator_free(g);
	snowid_clock_free(late);
	state_read(before);
	OK(snowid_store_adopt(state_url)); /* is no longer a copy */
	state_read(after);
	ck_assert_mem_eq(before, after, STATE_SIZE);
}

/* Replaces the file by one of tests/vectors. */
static void state_create_from(const char *name)
{
	unsigned char bytes[STATE_SIZE];
	const int fd = open(name, O_RDONLY);
	ck_assert_int_eq(read(fd, bytes, STATE_SIZE), STATE_SIZE);
	close(fd);
	state_create(bytes);
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OWN_ORDER   "little"
#define OTHER_ORDER "big"
#else
#define OWN_ORDER   "big"
#define OTHER_ORDER "little"
#endif

/* All later versions must do so too. The file is a copy everywhere, and its recorded end is in
 * 2040. */
TEST(file_of_version_1_can_be_opened_and_written)
{
	const int64_t recorded = 2209233600;
	struct snowid_clock *clock;
	struct snowid_generator *g = NULL;
	state_create_from(VECTORS "/state-v1." OTHER_ORDER);
	struct snowid_store_info *info = inspect_store(state_url);
	ck_assert_ptr_nonnull(strstr(stored_value(info, 0, "error"), "another byte order"));
	snowid_store_info_free(info);
	EXPECT(try_open_store(state_url, manual, &g), SNOWID_E_STORE);
	state_create_from(VECTORS "/state-v1." OWN_ORDER);
	expect_state_info("limit", "2040-01-03T20:00:00.000Z");
	OK(snowid_store_adopt(state_url));
	expect_state_info("limit", "2040-01-03T20:00:00.000Z");
	EXPECT(try_open_store(state_url, manual, &g), SNOWID_E_CLOCK); /* 16 years behind */
	EXPECT_DETAIL("2040-01-03T20:00:00.000Z");
	OK(snowid_clock_new_manual(recorded, 0, &clock));
	g = open_on_store(state_url, clock);
	ck_assert_uint_eq(field_of(g, "datacenter"), 3);
	ck_assert_uint_eq(field_of(g, "worker"), 7);
	uint64_t last = next_id(g);
	ck_assert_uint_ge(snowflake_ms(last), (uint64_t)recorded * 1000);
	for (int i = 0; i < 50; i++) { /* for 10 reserves */
		OK(snowid_clock_advance(clock, 20 * MS));
		const uint64_t id = next_id(g);
		ck_assert_uint_gt(id, last);
		last = id;
	}
	snowid_generator_free(g);
	expect_state_info("version", "1");
	expect_state_info("error", "");
	info = inspect_store(state_url);
	ck_assert_str_gt(stored_value(info, 0, "limit"), "2040-01-03T20:00:01.000Z");
	snowid_store_info_free(info);
	snowid_clock_free(clock);
}

/* CRC-32/ISO-HDLC, as in the header. */
static uint32_t header_checksum(const unsigned char *bytes, size_t size)
{
	uint32_t value = UINT32_MAX;
	for (size_t i = 0; i < size; i++) {
		value ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			value = value >> 1 ^ (value & 1 ? 0xedb88320 : 0);
	}
	return ~value;
}

/* A later version may use bytes that are 0 in this one, and set a compatible bit. */
TEST(compatible_data_of_later_versions_is_kept)
{
	unsigned char bytes[STATE_SIZE], after[STATE_SIZE];
	snowid_generator_free(open_on_store(state_url, manual));
	state_read(bytes);
	bytes[16] = 5;
	memset(bytes + 3000, 'x', 1000);
	const uint32_t sum = header_checksum(bytes, 4092);
	memcpy(bytes + 4092, &sum, sizeof sum);
	state_create(bytes);
	struct snowid_generator *const g = open_on_store(state_url, manual);
	next_id(g);
	snowid_generator_free(g);
	state_copy();
	OK(snowid_store_adopt(state_url));
	OK(snowid_store_reset(state_url, START, 0));
	state_read(after);
	ck_assert_mem_eq(bytes, after, 40);
	ck_assert_mem_eq(bytes + 56, after + 56, 4092 - 56);
	expect_state_info("error", "");
}

/* ---- reset ---------------------------------------------------------------------------------- */

TEST(recorded_end_can_be_reset_up_and_down)
{
	struct snowid_generator *g = open_on_store(state_url, manual);
	struct snowid_clock *early;
	next_id(g);
	snowid_generator_free(g);
	/* As if the clock had been years ahead when the file was created. */
	OK(snowid_clock_new_manual(START - 86400 * 1000, 0, &early));
	EXPECT(try_open_store(state_url, early, &g), SNOWID_E_CLOCK);
	EXPECT_DETAIL("see snowid store --reset");
	OK(snowid_store_reset(state_url, START - 86400 * 1000, 1));
	expect_state_info("limit", "2021-02-17T22:13:20.001Z");
	expect_state_info("floor", "2021-02-17T22:13:20.001Z");
	g = open_on_store(state_url, early);
	const uint64_t down = next_id(g);
	ck_assert_uint_eq(snowflake_ms(down), (START - 86400 * 1000) * 1000ull + 1);
	snowid_generator_free(g);
	OK(snowid_store_reset(state_url, START + 5, 0));
	OK(snowid_clock_advance(manual, 4800 * MS)); /* opening waits for the rest */
	g = open_on_store(state_url, manual);
	ck_assert_uint_eq(snowflake_ms(next_id(g)), (START + 5) * 1000ull);
	snowid_generator_free(g);
	snowid_clock_free(early);
	ck_assert_int_eq(directory_count(), 1);
}

TEST(recorded_end_can_be_reset_to_the_epoch)
{
	static const char *const kinds[] = {"snowflake", "ulid", "uuid1"};
	static const int64_t floors[] = {1609459200, 0, 0};
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct snowid_config *config;
		struct snowid_generator *g;
		OK(snowid_config_new(&config));
		OK(snowid_config_set_kind(config, kinds[i]));
		MAY_FAIL(snowid_config_set_field(config, "worker", 7));
		OK(snowid_config_set_store(config, state_url));
		OK(snowid_config_set_clock(config, manual));
		OK(snowid_generator_new(config, &g));
		snowid_generator_free(g);
		OK(snowid_store_reset(state_url, floors[i], 0));
		OK(snowid_generator_new(config, &g));
		snowid_generator_free(g);
		snowid_config_free(config);
		unlink(state_path);
	}
}

TEST(impossible_resets_are_rejected)
{
	unsigned char bytes[STATE_SIZE], after[STATE_SIZE];
	EXPECT(snowid_store_reset(state_url, START, 0), -ENOENT);
	ck_assert_int_eq(directory_count(), 0);
	snowid_generator_free(open_on_store(state_url, manual));
	EXPECT(snowid_store_reset(state_url, -1, 0), SNOWID_E_RANGE);
	EXPECT(snowid_store_reset(state_url, START, 1000000000), SNOWID_E_RANGE);
	EXPECT(snowid_store_reset(state_url, 1609459199, 0), SNOWID_E_RANGE); /* before 2021 */
	EXPECT_DETAIL("outside the layout");
	EXPECT(snowid_store_reset(state_url, 253402300799, 0), SNOWID_E_RANGE);
	state_copy();
	state_read(bytes);
	EXPECT(snowid_store_reset(state_url, START, 0), SNOWID_E_STORE);
	EXPECT_DETAIL("is a copy");
	bytes[64] ^= 1;
	state_create(bytes);
	EXPECT(snowid_store_reset(state_url, START, 0), SNOWID_E_STORE);
	EXPECT_DETAIL("corrupt");
	EXPECT(snowid_store_adopt(state_url), SNOWID_E_STORE);
	EXPECT_DETAIL("corrupt");
	state_read(after);
	ck_assert_mem_eq(bytes, after, STATE_SIZE);
}

static void lose_recorded_end(void)
{
	static const unsigned char zeros[STATE_SIZE - STATE_RESERVED];
	state_write(STATE_RESERVED, zeros, sizeof zeros);
}

TEST(lost_recorded_end_can_be_reset)
{
	snowid_generator_free(open_on_store(state_url, manual));
	lose_recorded_end();
	struct snowid_generator *g = NULL;
	EXPECT(try_open_store(state_url, manual, &g), SNOWID_E_STORE);
	EXPECT_DETAIL("see snowid store --reset");
	OK(snowid_store_reset(state_url, START, 0));
	OK(snowid_clock_advance(manual, 1000 * MS));
	g = open_on_store(state_url, manual);
	next_id(g);
	snowid_generator_free(g);
}

TEST(copy_without_a_recorded_end_is_not_adopted)
{
	snowid_generator_free(open_on_store(state_url, manual));
	lose_recorded_end();
	state_copy();
	EXPECT(snowid_store_adopt(state_url), SNOWID_E_STORE);
	EXPECT_DETAIL("has lost how far IDs went");
}

TEST(file_in_use_is_neither_reset_nor_adopted)
{
	struct snowid_generator *const g = open_on_store(state_url, manual);
	int status;
	EXPECT(snowid_store_reset(state_url, START, 0), -EBUSY);
	EXPECT_DETAIL("in use, last opened by process");
	/* A child alone keeps it in use. */
	const pid_t child = fork();
	if (child == 0)
		for (;;)
			pause();
	snowid_generator_free(g);
	EXPECT(snowid_store_reset(state_url, START, 0), -EBUSY);
	kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	OK(snowid_store_reset(state_url, START, 0));
}

TEST(slot_in_use_is_not_reset)
{
	char slots[4300], name[4300];
	snprintf(slots, sizeof slots, "slots:%s?workers=7-7", directory);
	struct snowid_generator *const slot = open_on_store(slots, manual);
	EXPECT(snowid_store_reset(slots, START, 0), -EBUSY);
	snprintf(name, sizeof name, "file:%s/worker-7.state", directory);
	EXPECT(snowid_store_reset(name, START, 0), -EBUSY);
	struct snowid_generator *other = NULL;
	EXPECT(try_open_store(name, manual, &other), -EBUSY); /* slots: holds it exclusively */
	snowid_generator_free(slot);
	OK(snowid_store_reset(slots, START + 1, 0));
	struct snowid_store_info *const info = inspect_store(name);
	EXPECT_INFO(info, 0, "limit", "2023-11-14T22:13:21.000Z");
	snowid_store_info_free(info);
}

TEST(slot_in_use_is_not_adopted)
{
	char slots[4300];
	snprintf(slots, sizeof slots, "slots:%s?workers=7-7", directory);
	snowid_generator_free(open_on_store(slots, manual));
	snprintf(state_path, sizeof state_path, "%s/worker-7.state", directory);
	state_copy();
	const int fd = open(state_path, O_RDONLY);
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 1, .l_len = 1};
	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
	EXPECT(snowid_store_adopt(slots), -EBUSY);
	close(fd);
	OK(snowid_store_adopt(slots));
	snprintf(state_url, sizeof state_url, "file:%s", state_path);
	expect_state_info("error", "");
}

static void adopt_and_exit(void *unused)
{
	(void)unused;
	_exit(snowid_store_adopt(state_url) != 0);
}

static void reset_and_exit(void *unused)
{
	(void)unused;
	_exit(snowid_store_reset(state_url, START + 60, 0) != 0);
}

TEST_EACH(kill_at_any_system_call_leaves_the_old_or_the_new_file, 2)
{
	const bool adopt = nth == 1;
	bool killed = can_trace();
	int old = 0, new = 0;
	for (int stop = 1; killed; stop++) {
		snowid_generator_free(open_on_store(state_url, manual));
		OK(snowid_store_reset(state_url, START + 30, 0));
		if (adopt)
			state_copy();
		killed = kill_at_system_call(stop, adopt ? adopt_and_exit : reset_and_exit, NULL);
		struct snowid_store_info *const info = inspect_store(state_url);
		const bool is_old =
			adopt ? strstr(stored_value(info, 0, "error"), "is a copy") != NULL
			      : strcmp(stored_value(info, 0, "limit"),
				       "2023-11-14T22:13:50.000Z") == 0;
		const bool is_new =
			stored_value(info, 0, "error")[0] == '\0' &&
			strcmp(stored_value(info, 0, "limit"), "2023-11-14T22:14:20.000Z") >= 0;
		ck_assert_msg(is_old != is_new, "stop %d: %s", stop,
			      stored_value(info, 0, "error"));
		old += is_old;
		new += is_new;
		snowid_store_info_free(info);
		directory_remove();
		ck_assert_int_eq(mkdir(directory, 0700), 0);
	}
	ck_assert_int_ge(old, can_trace() ? 10 : 0);
	ck_assert_int_ge(new, can_trace() ? 3 : 0);
}

int main(void)
{
	return run_tests(store_setup, store_teardown);
}
