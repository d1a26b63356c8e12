/* SPDX-License-Identifier: MIT
 *
 * What stores say of themselves.
 */
#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "libsnowid/store/image.h"
#include "tests/unit/store_info.h"

TEST(inspecting_a_file_shows_all_it_keeps)
{
	struct snowid_generator *const g = open_on_store(state_url, manual);
	struct snowid_store_info *info = inspect_store(state_url);
	char host[65] = "", text[32];
	size_t count;
	gethostname(host, sizeof host - 1);
	OK(snowid_store_info_count(info, &count));
	ck_assert_uint_eq(count, 1);
	EXPECT_INFO(info, 0, "store", state_url);
	EXPECT_INFO(info, 0, "error", "");
	EXPECT_INFO(info, 0, "use", "shared");
	snprintf(text, sizeof text, "%ld", (long)getpid());
	EXPECT_INFO(info, 0, "holder_pid", text);
	EXPECT_INFO(info, 0, "holder_host", host);
	EXPECT_INFO(info, 0, "holder_since", "2023-11-14T22:13:20.000Z");
	EXPECT_INFO(info, 0, "kind",
		    "time:41,datacenter:5,worker:5,sequence:12;epoch=2021-01-01T00:00:00.000Z;unit="
		    "1ms");
	ck_assert_uint_eq(strlen(stored_value(info, 0, "fingerprint")), 16);
	EXPECT_INFO(info, 0, "field.datacenter", "3");
	EXPECT_INFO(info, 0, "field.worker", "7");
	EXPECT_INFO(info, 0, "field.sequence", "");
	EXPECT_INFO(info, 0, "last", ""); /* no ID was issued */
	EXPECT_INFO(info, 0, "last_id", "");
	EXPECT_INFO(info, 0, "issued", "0");
	EXPECT_INFO(info, 0, "floor",
		    "2023-11-14T22:13:20.101Z"); /* a reserve and a tick after its creation */
	EXPECT_INFO(info, 0, "this_boot", "true");
	EXPECT_INFO(info, 0, "failed", "");
	EXPECT_INFO(info, 0, "durable", "true");
	EXPECT_INFO(info, 0, "mode", "0600");
	snprintf(text, sizeof text, "%ld", (long)geteuid());
	EXPECT_INFO(info, 0, "owner", text);
	EXPECT_INFO(info, 0, "created", "2023-11-14T22:13:20.000Z");
	EXPECT_INFO(info, 0, "version", "1");
	snowid_store_info_free(info);

	const uint64_t id = next_id(g);
	const uint64_t sequence = id & 4095;
	info = inspect_store(state_url);
	snprintf(text, sizeof text, "%llu", (unsigned long long)id);
	EXPECT_INFO(info, 0, "last_id", text);
	EXPECT_INFO(info, 0, "last", "2023-11-14T22:13:20.101Z");
	EXPECT_INFO(info, 0, "floor",
		    sequence < 4095 ? "2023-11-14T22:13:20.101Z" : "2023-11-14T22:13:20.102Z");
	EXPECT_INFO(info, 0, "issued", "1");
	ck_assert_str_gt(stored_value(info, 0, "limit"), stored_value(info, 0, "last"));
	snowid_store_info_free(info);
	snowid_generator_free(g);
	expect_state_info("use", "free");
}

TEST(inspecting_changes_and_creates_nothing)
{
	struct snowid_store_info *info = NULL;
	unsigned char before[STATE_SIZE], after[STATE_SIZE];
	EXPECT(snowid_store_inspect(state_url, &info), -ENOENT);
	EXPECT_DETAIL("cannot open the state file");
	EXPECT(snowid_store_inspect("slots:/not/there", &info), -ENOENT);
	EXPECT_DETAIL("cannot read the directory of slots:/not/there");
	EXPECT(snowid_store_inspect("frob:", &info), SNOWID_E_STORE);
	EXPECT(snowid_store_inspect("file", &info), SNOWID_E_SYNTAX);
	EXPECT(snowid_store_inspect(NULL, &info), SNOWID_E_INVALID);
	EXPECT(snowid_store_inspect(state_url, NULL), SNOWID_E_INVALID);
	ck_assert_ptr_null(info);
	ck_assert_int_eq(directory_count(), 0);
	snowid_generator_free(open_on_store(state_url, manual));
	ck_assert_int_eq(chmod(state_path, 0400), 0);
	state_read(before);
	snowid_store_info_free(inspect_store(state_url));
	state_read(after);
	ck_assert_mem_eq(before, after, STATE_SIZE);
	ck_assert_int_eq(directory_count(), 1);
}

TEST(text_out_of_a_file_cannot_control_a_terminal)
{
	struct snowid_store_info *info;
	strcat(state_path, "\x1b[2J");
	strcat(state_url, "\x1b[2J");
	snowid_generator_free(open_on_store(state_url, manual));
	state_write(offsetof(struct sn_image, hot.host), "a\x1b[2J\nb\xc2\x9b", 10);
	info = inspect_store(state_url);
	EXPECT_INFO(info, 0, "holder_host", "a?[2J?b??");
	EXPECT_INFO(info, 0, "store", state_url); /* which can be opened */
	snowid_store_info_free(info);
	ck_assert_int_eq(truncate(state_path, 100), 0);
	info = inspect_store(state_url);
	ck_assert_ptr_nonnull(strstr(stored_value(info, 0, "error"), "/state?[2J is truncated"));
	snowid_store_info_free(info);
}

TEST(memory_has_no_records)
{
	struct snowid_store_info *const info = inspect_store("memory:");
	size_t count = 1;
	OK(snowid_store_info_count(info, &count));
	ck_assert_uint_eq(count, 0);
	EXPECT(snowid_store_info_at(info, 0, 0, NULL, NULL, NULL), SNOWID_E_RANGE);
	EXPECT(snowid_store_info_at(NULL, 0, 0, NULL, NULL, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_store_info_count(info, NULL), SNOWID_E_INVALID);
	snowid_store_info_free(info);
	snowid_store_info_free(NULL);
	EXPECT(snowid_store_adopt("memory:"), SNOWID_E_STORE);
	EXPECT_DETAIL("memory: has no file to adopt; only file: and slots: have");
	EXPECT(snowid_store_reset("memory:", START, 0), SNOWID_E_STORE);
	EXPECT_DETAIL("memory: has no file to reset; only host:, file: and slots: have");
	EXPECT(snowid_store_adopt(NULL), SNOWID_E_INVALID);
	EXPECT(snowid_store_reset("frob:", START, 0), SNOWID_E_STORE);
}

TEST(inspecting_slots_shows_each_worker)
{
	struct snowid_generator *held[12];
	char slots[4300], text[4300];
	struct snowid_store_info *info;
	size_t count;
	snprintf(slots, sizeof slots, "slots:%s", directory);
	for (int i = 0; i < 12; i++)
		held[i] = open_on_store(slots, manual);
	snowid_generator_free(held[10]);
	snprintf(text, sizeof text, "%s/worker-x.state", directory);
	close(open(text, O_WRONLY | O_CREAT, 0600)); /* is ignored */

	info = inspect_store(slots);
	OK(snowid_store_info_count(info, &count));
	ck_assert_uint_eq(count, 12);
	for (size_t i = 0; i < count; i++) { /* sorted by number, not by name */
		snprintf(text, sizeof text, "%zu", i);
		EXPECT_INFO(info, i, "field.worker", text);
		EXPECT_INFO(info, i, "use", i == 10 ? "free" : "alone");
		snprintf(text, sizeof text, "file:%s/worker-%zu.state", directory, i);
		EXPECT_INFO(info, i, "store", text);
	}
	snowid_store_info_free(info);
	strcat(slots, "?workers=2-4&field=worker");
	info = inspect_store(slots);
	OK(snowid_store_info_count(info, &count));
	ck_assert_uint_eq(count, 3);
	EXPECT_INFO(info, 0, "field.worker", "2");
	snowid_store_info_free(info);
	snprintf(slots, sizeof slots, "slots:%s?field=shard", directory);
	info = inspect_store(slots);
	OK(snowid_store_info_count(info, &count));
	ck_assert_uint_eq(count, 0);
	snowid_store_info_free(info);
	for (int i = 0; i < 12; i++)
		if (i != 10)
			snowid_generator_free(held[i]);
}

TEST(inspecting_shows_every_kind)
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
		MAY_FAIL(snowid_config_set_field(config, "node", 99));
		MAY_FAIL(snowid_config_set_field(config, "worker", 9));
		OK(snowid_config_set_store(config, state_url));
		OK(snowid_config_set_clock(config, manual));
		OK(snowid_generator_new(config, &g));
		if (snowid_generator_next128(g, &wide) != 0)
			OK(snowid_generator_next(g, &id));
		info = inspect_store(state_url);
		ck_assert_msg(strncmp(stored_value(info, 0, "kind"),
				      i == 4 ? "time:41,worker" : kinds[i], strlen(kinds[i])) == 0,
			      "%s", stored_value(info, 0, "kind"));
		if (id)
			snprintf(text, sizeof text, "%llu", (unsigned long long)id);
		EXPECT_INFO(info, 0, "last_id", text);
		EXPECT_INFO(info, 0, "field.node",
			    strncmp(kinds[i], "uuid", 4) || i == 3 ? "" : "99");
		ck_assert_int_eq(strncmp(stored_value(info, 0, "last"), "2023-11-14T22:13:", 17),
				 0);
		EXPECT_INFO(info, 0, "issued", "1");
		snowid_store_info_free(info);
		snowid_generator_free(g);
		snowid_config_free(config);
		unlink(state_path);
	}
}

TEST(inspecting_a_damaged_file_shows_what_can_be_read)
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
		{24, "\x02", 1, "newer version", false},
		{64, "\xff", 1, "corrupt", false},
		{STATE_RESERVED, "\xff\xff", 2, "has lost how far IDs went", true},
		{0, "", 0, "is a copy", true},
	};
	unsigned char good[STATE_SIZE], bad[STATE_SIZE];
	struct snowid_store_info *info;
	snowid_generator_free(open_on_store(state_url, manual));
	state_read(good);
	state_copy();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		memcpy(bad, good, STATE_SIZE);
		memcpy(bad + cases[i].at, cases[i].bytes, cases[i].size);
		if (cases[i].at == STATE_RESERVED)
			memset(bad + STATE_RESERVED + 4096, 0, 8);
		state_create(bad);
		info = inspect_store(state_url);
		ck_assert_msg(strstr(stored_value(info, 0, "error"), cases[i].error),
			      "%s is not in %s", cases[i].error, stored_value(info, 0, "error"));
		ck_assert_int_eq(stored_value(info, 0, "kind")[0] != '\0', cases[i].readable);
		ck_assert_int_eq(stored_value(info, 0, "limit")[0] != '\0',
				 cases[i].readable && cases[i].at == 0);
		snowid_store_info_free(info);
	}
	for (off_t size = 0; size < STATE_SIZE; size += STATE_SIZE - 1) {
		ck_assert_int_eq(truncate(state_path, size), 0);
		info = inspect_store(state_url);
		ck_assert_ptr_nonnull(strstr(stored_value(info, 0, "error"), "truncated"));
		snowid_store_info_free(info);
	}
	unlink(state_path);
	ck_assert_int_eq(mkfifo(state_path, 0600), 0); /* opening it must not wait for a writer */
	info = inspect_store(state_url);
	ck_assert_ptr_nonnull(strstr(stored_value(info, 0, "error"), "not a regular file"));
	snowid_store_info_free(info);
	unlink(state_path);
	ck_assert_int_eq(symlink("elsewhere", state_path), 0);
	EXPECT(snowid_store_inspect(state_url, &info), SNOWID_E_STORE);
	EXPECT_DETAIL("symbolic link");
}

int main(void)
{
	return run_tests(store_setup, store_teardown);
}
