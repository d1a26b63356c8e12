/* SPDX-License-Identifier: MIT
 *
 * What a store says it keeps; copies that are adopted, and records that are reset.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/check.h"
#include "tests/unit/directory.h"

enum { SIZE = 16384, RESERVED_AT = 8192 };

static char path[4200], url[4300];
static struct snowid_clock *manual;

static void setup(void)
{
	directory_make();
	snprintf(path, sizeof path, "%s/state", directory);
	snprintf(url, sizeof url, "file:%s", path);
	OK(snowid_clock_new_manual(START, 0, &manual));
}

static void teardown(void)
{
	snowid_clock_free(manual);
	directory_remove();
}

static int try_open(const char *store, struct snowid_clock *clock, struct snowid_generator **g)
{
	struct snowid_config *config;
	OK(snowid_config_new(&config));
	OK(snowid_config_set_field(config, "datacenter", 3));
	if (strncmp(store, "slots:", 6) != 0)
		OK(snowid_config_set_field(config, "worker", 7));
	OK(snowid_config_set_store(config, store));
	OK(snowid_config_set(config, "block", "100ms"));
	OK(snowid_config_set_clock(config, clock));
	const int error = snowid_generator_new(config, g);
	snowid_config_free(config);
	return error;
}

static struct snowid_generator *open_on(const char *store, struct snowid_clock *clock)
{
	struct snowid_generator *g = NULL;
	OK(try_open(store, clock, &g));
	return g;
}

static uint64_t next(struct snowid_generator *g)
{
	uint64_t id;
	OK(snowid_generator_next(g, &id));
	return id;
}

/* A value of a record, "" where it has none. */
static const char *value(const struct snowid_store_info *info, size_t record, const char *key)
{
	const char *found, *text;
	for (size_t i = 0; snowid_store_info_at(info, record, i, &found, &text, NULL) == 0; i++)
		if (strcmp(found, key) == 0)
			return text;
	return "";
}

#define IS(info, record, key, wanted) ck_assert_str_eq(value(info, record, key), wanted)

static struct snowid_store_info *inspect(const char *store)
{
	struct snowid_store_info *info = NULL;
	OK(snowid_store_inspect(store, &info));
	return info;
}

static void expect_value(const char *key, const char *wanted)
{
	struct snowid_store_info *const info = inspect(url);
	IS(info, 0, key, wanted);
	snowid_store_info_free(info);
}

static void read_file(unsigned char *bytes)
{
	const int fd = open(path, O_RDONLY);
	ck_assert_int_eq(pread(fd, bytes, SIZE, 0), SIZE);
	close(fd);
}

static void write_file(const char *name, const unsigned char *bytes, size_t size)
{
	const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	close(fd);
}

/* Puts a copy in the place of the file: its bytes on another inode. */
static void make_copy(void)
{
	char aside[sizeof path + 8];
	unsigned char bytes[SIZE];
	read_file(bytes);
	snprintf(aside, sizeof aside, "%s.old", path);
	ck_assert_int_eq(rename(path, aside), 0); /* keeps the inode from being used again */
	write_file(path, bytes, SIZE);
	unlink(aside);
}

static int files_there(void)
{
	DIR *const entries = opendir(directory);
	struct dirent *entry;
	int count = 0;
	while ((entry = readdir(entries)))
		count += entry->d_name[0] != '.';
	closedir(entries);
	return count;
}

/* ---- looking --------------------------------------------------------------------------------- */

TEST(a_file_is_described)
{
	struct snowid_generator *const g = open_on(url, manual);
	struct snowid_store_info *info = inspect(url);
	char host[65] = "", text[32];
	size_t count;
	gethostname(host, sizeof host - 1);
	OK(snowid_store_info_count(info, &count));
	ck_assert_uint_eq(count, 1);
	IS(info, 0, "store", url);
	IS(info, 0, "error", "");
	IS(info, 0, "use", "shared");
	snprintf(text, sizeof text, "%ld", (long)getpid());
	IS(info, 0, "holder_pid", text);
	IS(info, 0, "holder_host", host);
	IS(info, 0, "holder_since", "2023-11-14T22:13:20.000Z");
	IS(info, 0, "kind",
	   "time:41,datacenter:5,worker:5,sequence:12;epoch=2021-01-01T00:00:00.000Z;unit=1ms");
	ck_assert_uint_eq(strlen(value(info, 0, "fingerprint")), 16);
	IS(info, 0, "field.datacenter", "3");
	IS(info, 0, "field.worker", "7");
	IS(info, 0, "field.sequence", "");
	IS(info, 0, "last", ""); /* nothing was made */
	IS(info, 0, "last_id", "");
	IS(info, 0, "issued", "0");
	IS(info, 0, "floor", "2023-11-14T22:13:20.101Z"); /* a block and a tick from creation */
	IS(info, 0, "this_boot", "true");
	IS(info, 0, "failed", "");
	IS(info, 0, "durable", "true");
	IS(info, 0, "mode", "0600");
	snprintf(text, sizeof text, "%ld", (long)geteuid());
	IS(info, 0, "owner", text);
	IS(info, 0, "created", "2023-11-14T22:13:20.000Z");
	IS(info, 0, "version", "1");
	snowid_store_info_free(info);

	const uint64_t id = next(g);
	const uint64_t sequence = id & 4095;
	info = inspect(url);
	snprintf(text, sizeof text, "%llu", (unsigned long long)id);
	IS(info, 0, "last_id", text);
	IS(info, 0, "last", "2023-11-14T22:13:20.101Z");
	IS(info, 0, "floor",
	   sequence < 4095 ? "2023-11-14T22:13:20.101Z" : "2023-11-14T22:13:20.102Z");
	IS(info, 0, "issued", "1");
	ck_assert_str_gt(value(info, 0, "limit"), value(info, 0, "last"));
	snowid_store_info_free(info);
	snowid_generator_free(g);
	expect_value("use", "free");
}

TEST(looking_changes_nothing_and_makes_nothing)
{
	struct snowid_store_info *info = NULL;
	unsigned char before[SIZE], after[SIZE];
	EXPECT(snowid_store_inspect(url, &info), -ENOENT);
	EXPECT_DETAIL("cannot open the state file");
	EXPECT(snowid_store_inspect("slots:/not/there", &info), -ENOENT);
	EXPECT_DETAIL("cannot read the directory of slots:/not/there");
	EXPECT(snowid_store_inspect("frob:", &info), SNOWID_E_STORE);
	EXPECT(snowid_store_inspect("file", &info), SNOWID_E_SYNTAX);
	EXPECT(snowid_store_inspect(NULL, &info), SNOWID_E_INVALID);
	EXPECT(snowid_store_inspect(url, NULL), SNOWID_E_INVALID);
	ck_assert_ptr_null(info);
	ck_assert_int_eq(files_there(), 0);
	snowid_generator_free(open_on(url, manual));
	ck_assert_int_eq(chmod(path, 0400), 0);
	read_file(before);
	snowid_store_info_free(inspect(url));
	read_file(after);
	ck_assert_mem_eq(before, after, SIZE);
	ck_assert_int_eq(files_there(), 1);
}

TEST(memory_keeps_nothing)
{
	struct snowid_store_info *const info = inspect("memory:");
	size_t count = 1;
	OK(snowid_store_info_count(info, &count));
	ck_assert_uint_eq(count, 0);
	EXPECT(snowid_store_info_at(info, 0, 0, NULL, NULL, NULL), SNOWID_E_RANGE);
	EXPECT(snowid_store_info_at(NULL, 0, 0, NULL, NULL, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_store_info_count(info, NULL), SNOWID_E_INVALID);
	snowid_store_info_free(info);
	snowid_store_info_free(NULL);
	EXPECT(snowid_store_adopt("memory:"), SNOWID_E_STORE);
	EXPECT_DETAIL("memory: has no file to adopt");
	EXPECT(snowid_store_reset("memory:", START, 0), SNOWID_E_STORE);
	EXPECT(snowid_store_adopt(NULL), SNOWID_E_INVALID);
	EXPECT(snowid_store_reset("frob:", START, 0), SNOWID_E_STORE);
}

TEST(each_worker_of_slots_is_described)
{
	struct snowid_generator *held[12];
	char slots[4300], text[4300];
	struct snowid_store_info *info;
	size_t count;
	snprintf(slots, sizeof slots, "slots:%s", directory);
	for (int i = 0; i < 12; i++)
		held[i] = open_on(slots, manual);
	snowid_generator_free(held[10]);
	snprintf(text, sizeof text, "%s/worker-x.state", directory);
	write_file(text, (const unsigned char *)"", 0); /* is none of a worker's */

	info = inspect(slots);
	OK(snowid_store_info_count(info, &count));
	ck_assert_uint_eq(count, 12);
	for (size_t i = 0; i < count; i++) { /* by number, not by name */
		snprintf(text, sizeof text, "%zu", i);
		IS(info, i, "field.worker", text);
		IS(info, i, "use", i == 10 ? "free" : "alone");
		snprintf(text, sizeof text, "file:%s/worker-%zu.state", directory, i);
		IS(info, i, "store", text);
	}
	snowid_store_info_free(info);
	strcat(slots, "?workers=2-4&field=worker");
	info = inspect(slots);
	OK(snowid_store_info_count(info, &count));
	ck_assert_uint_eq(count, 3);
	IS(info, 0, "field.worker", "2");
	snowid_store_info_free(info);
	snprintf(slots, sizeof slots, "slots:%s?field=shard", directory);
	info = inspect(slots);
	OK(snowid_store_info_count(info, &count));
	ck_assert_uint_eq(count, 0);
	snowid_store_info_free(info);
	for (int i = 0; i < 12; i++)
		if (i != 10)
			snowid_generator_free(held[i]);
}

TEST(every_kind_is_described)
{
	static const char *const kinds[] = {"ulid", "uuid1", "uuid6", "uuid7", "js53"};
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct snowid_config *config;
		struct snowid_generator *g;
		struct snowid_store_info *info;
		struct snowid_id128 wide;
		uint64_t id = 0;
		char text[64] = "";
		OK(snowid_config_new(&config));
		OK(snowid_config_set_kind(config, kinds[i]));
		snowid_config_set_field(config, "node", 99);
		snowid_config_set_field(config, "worker", 9);
		OK(snowid_config_set_store(config, url));
		OK(snowid_config_set_clock(config, manual));
		OK(snowid_generator_new(config, &g));
		if (snowid_generator_next128(g, &wide) != 0)
			OK(snowid_generator_next(g, &id));
		info = inspect(url);
		ck_assert_msg(strncmp(value(info, 0, "kind"), i == 4 ? "time:41,worker" : kinds[i],
				      strlen(kinds[i])) == 0,
			      "%s", value(info, 0, "kind"));
		if (id)
			snprintf(text, sizeof text, "%llu", (unsigned long long)id);
		IS(info, 0, "last_id", text);
		IS(info, 0, "field.node", strncmp(kinds[i], "uuid", 4) || i == 3 ? "" : "99");
		ck_assert_int_eq(strncmp(value(info, 0, "last"), "2023-11-14T22:13:", 17), 0);
		IS(info, 0, "issued", "1");
		snowid_store_info_free(info);
		snowid_generator_free(g);
		snowid_config_free(config);
		unlink(path);
	}
}

TEST(what_is_wrong_is_told_with_what_can_be_read)
{
	static const struct {
		off_t at;
		const char *bytes;
		size_t size;
		const char *error;
		bool readable;
	} cases[] = {
		{0, "X", 1, "is not a state file", false},
		{12, "\x02", 1, "newer version", false},
		{24, "\x01", 1, "newer version", false},
		{64, "\xff", 1, "corrupt", false},
		{RESERVED_AT, "\xff\xff", 2, "has lost how far IDs went", true},
		{0, "", 0, "is a copy", true},
	};
	unsigned char good[SIZE], bad[SIZE];
	struct snowid_store_info *info;
	snowid_generator_free(open_on(url, manual));
	read_file(good);
	make_copy();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		memcpy(bad, good, SIZE);
		memcpy(bad + cases[i].at, cases[i].bytes, cases[i].size);
		if (cases[i].at == RESERVED_AT)
			memset(bad + RESERVED_AT + 4096, 0, 8);
		write_file(path, bad, SIZE);
		info = inspect(url);
		ck_assert_msg(strstr(value(info, 0, "error"), cases[i].error), "%s is not in %s",
			      cases[i].error, value(info, 0, "error"));
		ck_assert_int_eq(value(info, 0, "kind")[0] != '\0', cases[i].readable);
		ck_assert_int_eq(value(info, 0, "limit")[0] != '\0',
				 cases[i].readable && cases[i].at == 0);
		snowid_store_info_free(info);
	}
	for (off_t size = 0; size < SIZE; size += SIZE - 1) {
		ck_assert_int_eq(truncate(path, size), 0);
		info = inspect(url);
		ck_assert_ptr_nonnull(strstr(value(info, 0, "error"), "truncated"));
		snowid_store_info_free(info);
	}
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0); /* is not waited for */
	info = inspect(url);
	ck_assert_ptr_nonnull(strstr(value(info, 0, "error"), "not a regular file"));
	snowid_store_info_free(info);
	unlink(path);
	ck_assert_int_eq(symlink("elsewhere", path), 0);
	EXPECT(snowid_store_inspect(url, &info), SNOWID_E_STORE);
	EXPECT_DETAIL("symbolic link");
}

/* ---- adopting -------------------------------------------------------------------------------- */

TEST(a_copy_that_is_adopted_begins_above_record_and_clock)
{
	struct snowid_generator *g = open_on(url, manual);
	unsigned char before[SIZE], after[SIZE];
	struct snowid_clock *late;
	struct stat status;
	int64_t sec;
	next(g);
	snowid_generator_free(g);
	make_copy();
	ck_assert_int_eq(chmod(path, 0640), 0);
	EXPECT(try_open(url, manual, &g), SNOWID_E_STORE);
	EXPECT_DETAIL("see snowid store --adopt");
	read_file(before);
	OK(snowid_clock_read(NULL, &sec, NULL, NULL));
	OK(snowid_store_adopt(url));
	read_file(after);
	ck_assert_mem_eq(before, after, 40); /* up to its place, and after it up to the CRC */
	ck_assert_mem_eq(before + 56, after + 56, 4092 - 56);
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0640);
	ck_assert_int_eq(files_there(), 1);
	/* The original may have gone on until now. */
	OK(snowid_clock_new_manual(sec + 3, 0, &late));
	g = open_on(url, late);
	ck_assert_uint_ge((next(g) >> 22) + 1609459200000, (uint64_t)sec * 1000);
	snowid_generator_free(g);
	snowid_clock_free(late);
	read_file(before);
	OK(snowid_store_adopt(url)); /* it is none any more */
	read_file(after);
	ck_assert_mem_eq(before, after, SIZE);
}

/* Puts a file of tests/vectors in the place of the file. */
static void write_vector(const char *name)
{
	unsigned char bytes[SIZE];
	const int fd = open(name, O_RDONLY);
	ck_assert_int_eq(read(fd, bytes, SIZE), SIZE);
	close(fd);
	write_file(path, bytes, SIZE);
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OWN_ORDER   "little"
#define OTHER_ORDER "big"
#else
#define OWN_ORDER   "big"
#define OTHER_ORDER "little"
#endif

/* As all later versions must. Its place is nowhere, and it has recorded 2040. */
TEST(a_file_of_version_1_is_opened_and_written)
{
	const int64_t recorded = 2209233600;
	struct snowid_clock *clock;
	struct snowid_generator *g = NULL;
	uint64_t datacenter, worker;
	write_vector(VECTORS "/state-v1." OTHER_ORDER);
	struct snowid_store_info *info = inspect(url);
	ck_assert_ptr_nonnull(strstr(value(info, 0, "error"), "another byte order"));
	snowid_store_info_free(info);
	EXPECT(try_open(url, manual, &g), SNOWID_E_STORE);
	write_vector(VECTORS "/state-v1." OWN_ORDER);
	expect_value("limit", "2040-01-03T20:00:00.000Z");
	OK(snowid_store_adopt(url));
	expect_value("limit", "2040-01-03T20:00:00.000Z");
	EXPECT(try_open(url, manual, &g), SNOWID_E_CLOCK); /* 16 years behind */
	EXPECT_DETAIL("2040-01-03T20:00:00.000Z");
	OK(snowid_clock_new_manual(recorded, 0, &clock));
	g = open_on(url, clock);
	OK(snowid_generator_field(g, "datacenter", &datacenter));
	OK(snowid_generator_field(g, "worker", &worker));
	ck_assert_uint_eq(datacenter << 8 | worker, 3 << 8 | 7);
	uint64_t last = next(g);
	ck_assert_uint_ge((last >> 22) + 1609459200000, (uint64_t)recorded * 1000);
	for (int i = 0; i < 50; i++) { /* for some blocks */
		OK(snowid_clock_advance(clock, 20 * MS));
		const uint64_t id = next(g);
		ck_assert_uint_gt(id, last);
		last = id;
	}
	snowid_generator_free(g);
	expect_value("version", "1");
	expect_value("error", "");
	info = inspect(url);
	ck_assert_str_gt(value(info, 0, "limit"), "2040-01-03T20:00:01.000Z");
	snowid_store_info_free(info);
	snowid_clock_free(clock);
}

/* CRC-32 of ISO-HDLC, as in the header. */
static uint32_t crc(const unsigned char *bytes, size_t size)
{
	uint32_t value = UINT32_MAX;
	for (size_t i = 0; i < size; i++) {
		value ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			value = value >> 1 ^ (value & 1 ? 0xedb88320 : 0);
	}
	return ~value;
}

/* What a later version puts where this one has zeros, and calls compatible. */
TEST(what_is_compatible_and_not_known_is_kept)
{
	unsigned char bytes[SIZE], after[SIZE];
	snowid_generator_free(open_on(url, manual));
	read_file(bytes);
	bytes[16] = 5;
	memset(bytes + 3000, 'x', 1000);
	const uint32_t sum = crc(bytes, 4092);
	memcpy(bytes + 4092, &sum, sizeof sum);
	write_file(path, bytes, SIZE);
	struct snowid_generator *const g = open_on(url, manual);
	next(g);
	snowid_generator_free(g);
	make_copy();
	OK(snowid_store_adopt(url));
	OK(snowid_store_reset(url, START, 0));
	read_file(after);
	ck_assert_mem_eq(bytes, after, 40);
	ck_assert_mem_eq(bytes + 56, after + 56, 4092 - 56);
	expect_value("error", "");
}

/* ---- resetting ------------------------------------------------------------------------------- */

TEST(a_record_is_reset_up_and_down)
{
	struct snowid_generator *g = open_on(url, manual);
	struct snowid_clock *early;
	next(g);
	snowid_generator_free(g);
	/* The clock was years ahead when the file was made: it is of no use now. */
	OK(snowid_clock_new_manual(START - 86400 * 1000, 0, &early));
	EXPECT(try_open(url, early, &g), SNOWID_E_CLOCK);
	EXPECT_DETAIL("see snowid store --reset");
	OK(snowid_store_reset(url, START - 86400 * 1000, 1));
	expect_value("limit", "2021-02-17T22:13:20.001Z");
	expect_value("floor", "2021-02-17T22:13:20.001Z");
	g = open_on(url, early);
	const uint64_t down = next(g);
	ck_assert_uint_eq((down >> 22) + 1609459200000, (START - 86400 * 1000) * 1000ull + 1);
	snowid_generator_free(g);
	OK(snowid_store_reset(url, START + 5, 0));
	OK(snowid_clock_advance(manual, 4000 * MS)); /* and waits for the rest */
	g = open_on(url, manual);
	ck_assert_uint_eq((next(g) >> 22) + 1609459200000, (START + 5) * 1000ull);
	snowid_generator_free(g);
	snowid_clock_free(early);
	ck_assert_int_eq(files_there(), 1);
}

/* Before the floor of 1970 there is no time in the file, and before the epoch none in the layout. */
TEST(a_record_is_reset_to_the_epoch_and_ids_begin_by_the_clock)
{
	static const char *const kinds[] = {"snowflake", "ulid", "uuid1"};
	static const int64_t floors[] = {1609459200, 0, 0};
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct snowid_config *config;
		struct snowid_generator *g;
		OK(snowid_config_new(&config));
		OK(snowid_config_set_kind(config, kinds[i]));
		snowid_config_set_field(config, "worker", 7);
		OK(snowid_config_set_store(config, url));
		OK(snowid_config_set_clock(config, manual));
		OK(snowid_generator_new(config, &g));
		snowid_generator_free(g);
		OK(snowid_store_reset(url, floors[i], 0));
		OK(snowid_generator_new(config, &g)); /* and is not ended, nor centuries ahead */
		snowid_generator_free(g);
		snowid_config_free(config);
		unlink(path);
	}
}

TEST(a_reset_is_refused_where_it_makes_no_sense)
{
	unsigned char bytes[SIZE], after[SIZE];
	EXPECT(snowid_store_reset(url, START, 0), -ENOENT);
	ck_assert_int_eq(files_there(), 0);
	snowid_generator_free(open_on(url, manual));
	EXPECT(snowid_store_reset(url, -1, 0), SNOWID_E_RANGE);
	EXPECT(snowid_store_reset(url, START, 1000000000), SNOWID_E_RANGE);
	EXPECT(snowid_store_reset(url, 1609459199, 0), SNOWID_E_RANGE); /* before 2021 */
	EXPECT_DETAIL("outside the layout");
	EXPECT(snowid_store_reset(url, 253402300799, 0), SNOWID_E_RANGE);
	make_copy();
	read_file(bytes);
	EXPECT(snowid_store_reset(url, START, 0), SNOWID_E_STORE);
	EXPECT_DETAIL("is a copy");
	bytes[64] ^= 1;
	write_file(path, bytes, SIZE);
	EXPECT(snowid_store_reset(url, START, 0), SNOWID_E_STORE);
	EXPECT_DETAIL("corrupt");
	EXPECT(snowid_store_adopt(url), SNOWID_E_STORE);
	EXPECT_DETAIL("corrupt");
	read_file(after);
	ck_assert_mem_eq(bytes, after, SIZE);
}

TEST(a_lost_record_is_set_anew_and_a_copy_without_one_is_not_adopted)
{
	static const unsigned char zeros[8192];
	snowid_generator_free(open_on(url, manual));
	const int fd = open(path, O_WRONLY);
	ck_assert_int_eq(pwrite(fd, zeros, sizeof zeros, RESERVED_AT), (ssize_t)sizeof zeros);
	close(fd);
	struct snowid_generator *g = NULL;
	EXPECT(try_open(url, manual, &g), SNOWID_E_STORE);
	EXPECT_DETAIL("see snowid store --reset");
	OK(snowid_store_reset(url, START, 0));
	OK(snowid_clock_advance(manual, 1000 * MS));
	g = open_on(url, manual);
	next(g);
	snowid_generator_free(g);
	const int again = open(path, O_WRONLY);
	ck_assert_int_eq(pwrite(again, zeros, sizeof zeros, RESERVED_AT), (ssize_t)sizeof zeros);
	close(again);
	make_copy();
	EXPECT(snowid_store_adopt(url), SNOWID_E_STORE);
	EXPECT_DETAIL("has lost how far IDs went");
}

TEST(a_file_in_use_is_neither_reset_nor_adopted)
{
	struct snowid_generator *const g = open_on(url, manual);
	unsigned char bytes[SIZE];
	char slots[4300], name[4300];
	int status;
	EXPECT(snowid_store_reset(url, START, 0), -EBUSY);
	EXPECT_DETAIL("in use, last opened by process");
	/* Also by a child alone. */
	const pid_t child = fork();
	if (child == 0)
		for (;;)
			pause();
	snowid_generator_free(g);
	EXPECT(snowid_store_reset(url, START, 0), -EBUSY);
	kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	OK(snowid_store_reset(url, START, 0));

	snprintf(slots, sizeof slots, "slots:%s?workers=7-7", directory);
	struct snowid_generator *const slot = open_on(slots, manual);
	EXPECT(snowid_store_reset(slots, START, 0), -EBUSY);
	snprintf(name, sizeof name, "file:%s/worker-7.state", directory);
	EXPECT(snowid_store_reset(name, START, 0), -EBUSY);
	struct snowid_generator *other = NULL;
	EXPECT(try_open(name, manual, &other), -EBUSY); /* it is held alone */
	snowid_generator_free(slot);
	OK(snowid_store_reset(slots, START + 1, 0));
	struct snowid_store_info *const info = inspect(name);
	IS(info, 0, "limit", "2023-11-14T22:13:21.000Z");
	snowid_store_info_free(info);

	/* All of a directory that was copied. */
	snprintf(path, sizeof path, "%s/worker-7.state", directory);
	make_copy();
	read_file(bytes);
	const int fd = open(path, O_RDONLY);
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 1, .l_len = 1};
	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
	EXPECT(snowid_store_adopt(slots), -EBUSY);
	close(fd);
	OK(snowid_store_adopt(slots));
	snprintf(url, sizeof url, "file:%s", path);
	expect_value("error", "");
}

/* ---- whenever it ends ------------------------------------------------------------------------ */

/* Lets a child run up to its system call `stop`, and kills it there. False: it ended before. */
static bool killed_at(int stop, bool adopt)
{
	int status;
	const pid_t child = fork();
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit((adopt ? snowid_store_adopt(url) : snowid_store_reset(url, START + 60, 0)) !=
		      0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSTOPPED(status));
	for (int stops = 0; stops < stop; stops++) {
		ck_assert_int_eq(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		if (WIFEXITED(status)) {
			ck_assert_int_eq(WEXITSTATUS(status), 0);
			return false;
		}
	}
	kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return true;
}

TEST(killed_at_any_system_call_it_leaves_the_old_or_the_new)
{
	if (getenv("WITHOUT_PTRACE")) /* qemu-user has none */
		return;
	for (int adopt = 0; adopt < 2; adopt++) {
		bool killed = true;
		int old = 0, new = 0;
		for (int stop = 1; killed; stop++) {
			snowid_generator_free(open_on(url, manual));
			OK(snowid_store_reset(url, START + 30, 0));
			if (adopt)
				make_copy();
			killed = killed_at(stop, adopt);
			struct snowid_store_info *const info = inspect(url);
			const bool is_old =
				adopt ? strstr(value(info, 0, "error"), "is a copy") != NULL
				      : strcmp(value(info, 0, "limit"),
					       "2023-11-14T22:13:50.000Z") == 0;
			const bool is_new =
				value(info, 0, "error")[0] == '\0' &&
				strcmp(value(info, 0, "limit"), "2023-11-14T22:14:20.000Z") >= 0;
			ck_assert_msg(is_old != is_new, "%d, stop %d: %s", adopt, stop,
				      value(info, 0, "error"));
			old += is_old;
			new += is_new;
			snowid_store_info_free(info);
			directory_remove();
			ck_assert_int_eq(mkdir(directory, 0700), 0);
		}
		ck_assert_int_ge(old, 10);
		ck_assert_int_ge(new, 3);
	}
}

int main(void)
{
	return run_tests(setup, teardown);
}
