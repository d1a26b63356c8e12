/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/record_json.h"

#include <stdio.h>

#include "tests/unit/check.h"

#define KEY "/id-generator/state/worker5"

static char why[512];
static char *kind;

static const struct sn_record example = {
	.epoch = 7,
	.limit = INT64_MAX,
	.limit_ms = UINT64_C(1700000000123),
	.last_tick = 9007199254740993, /* 2^53 + 1, which is no double */
	.released = true,
	.writes = 12,
	.incarnation = {UINT64_C(0x0123456789abcdef), 0xf},
	.owner = {.process = 4711, .since_ms = UINT64_C(1699999999001), .host = "host-a"},
	.fingerprint = UINT64_C(0xfedcba9876543210),
	.kind = "snowflake"};

static const char example_text[] =
	"{\"format\":1,\"epoch\":7,\"limit\":9223372036854775807,"
	"\"limit_time\":\"2023-11-14T22:13:20.123Z\",\"released\":true,"
	"\"last_tick\":9007199254740993,\"writes\":12,"
	"\"incarnation\":\"0123456789abcdef000000000000000f\","
	"\"owner\":{\"host\":\"host-a\",\"process\":4711,\"since\":\"2023-11-14T22:13:19.001Z\"},"
	"\"fingerprint\":\"fedcba9876543210\",\"kind\":\"snowflake\"}";

static bool reads(const char *text, struct sn_record *record)
{
	free(kind);
	kind = NULL;
	*why = 0;
	return sn_record_read(KEY, text, strlen(text), record, &kind, why, sizeof why);
}

/* The example, with one part of it replaced. */
static char *example_with(const char *part, const char *replacement)
{
	static char text[2 * SN_RECORD_TEXT_MAX];
	const char *const at = strstr(example_text, part);

	ck_assert_ptr_nonnull(at);
	(void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at - example_text), example_text,
		       replacement, at + strlen(part));
	return text;
}

TEST(a_record_is_written_as_documented)
{
	char *const text = sn_record_write(&example);
	ck_assert_str_eq(text, example_text);
	free(text);
}

TEST(a_record_is_read_as_it_was_written)
{
	struct sn_record record = {.version = 3, .held = true};

	ck_assert(reads(example_text, &record));
	ck_assert_uint_eq(record.epoch, example.epoch);
	ck_assert_uint_eq(record.limit, example.limit);
	ck_assert_uint_eq(record.limit_ms, example.limit_ms);
	ck_assert_uint_eq(record.last_tick, example.last_tick);
	ck_assert(record.released);
	ck_assert_uint_eq(record.writes, example.writes);
	ck_assert_mem_eq(record.incarnation, example.incarnation, sizeof record.incarnation);
	ck_assert_uint_eq(record.owner.process, example.owner.process);
	ck_assert_uint_eq(record.owner.since_ms, example.owner.since_ms);
	ck_assert_str_eq(record.owner.host, example.owner.host);
	ck_assert_uint_eq(record.fingerprint, example.fingerprint);
	ck_assert_str_eq(record.kind, example.kind);
	ck_assert_uint_eq(record.version, 3);
	ck_assert(record.held);
}

TEST(members_of_newer_versions_are_ignored)
{
	struct sn_record record;
	ck_assert(reads(example_with("{", "{\"region\":[{}],"), &record));
	ck_assert_uint_eq(record.epoch, example.epoch);
}

/* Each of them could otherwise pass for a record with a lower limit. */
TEST(what_cannot_be_read_is_named)
{
	static const struct {
		const char *part, *replacement, *error;
	} cases[] = {
		{"\"format\":1", "\"format\":2", "its format is 2, which a newer version"},
		{"\"format\":1,", "", "format is not an integer"},
		{"\"epoch\":7,", "", "epoch is not an integer from 0 to 9223372036854775807"},
		{"9223372036854775807", "9223372036854775808", "it is not JSON: too big integer"},
		{"9223372036854775807", "-1", "limit is not an integer"},
		{"9223372036854775807", "1e9", "limit is not an integer"},
		{"9223372036854775807", "\"5\"", "limit is not an integer"},
		{"9223372036854775807", "9007199254740992", "last_tick is above limit"},
		{"2023-11-14T22:13:20.123Z", "2023-11-14T22:13:20Z",
		 "limit_time is not an instant"},
		{"2023-11-14T22:13:20.123Z", "2023-02-29T22:13:20.123Z", "limit_time is not an"},
		{"2023-11-14T22:13:20.123Z", "2023-11-14T24:13:20.123Z", "limit_time is not an"},
		{"2023-11-14T22:13:20.123Z", "1969-12-31T23:59:59.999Z", "limit_time is not an"},
		{"\"released\":true", "\"released\":1", "released is neither true nor false"},
		{"\"writes\":12,", "", "writes is not an integer"},
		{"000000000000000f", "00000000000000f", "incarnation does not have 32"},
		{"000000000000000f", "000000000000000g", "incarnation does not have 32"},
		{"fedcba9876543210", "fedcba987654321", "fingerprint does not have 16"},
		{"fedcba9876543210", "fedcba98765432-0", "fingerprint does not have 16"},
		{"\"kind\":\"snowflake\"", "\"kind\":5", "kind is not a text"},
		{"\"owner\":{", "\"owner\":5,\"x\":{", "owner is not an object"},
		{"\"host-a\"", "null", "host is not a text of at most 64 bytes"},
		{"host-a", "0123456789012345678901234567890123456789012345678901234567890123456789",
		 "host is not a text of at most 64 bytes"},
		{"4711", "-4711", "process is not an integer"},
		{"2023-11-14T22:13:19.001Z", "yesterday", "since is not an instant"},
		{"\"limit\"", "\"limit\":1,\"limit\"", "it is not JSON: duplicate object key"},
		{"snowflake\"}", "snowflake\"} x", "it is not JSON: end of file expected"},
		{"snowflake", "a\\u0000b", "it is not JSON"},
		{"snowflake", "\xff", "it is not JSON"},
		{"snowflake\"}", "", "it is not JSON"},
		{example_text, "[]", "it is not a JSON object"},
		{example_text, "", "it is not JSON"},
	};
	struct sn_record record;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ck_assert(!reads(example_with(cases[i].part, cases[i].replacement), &record));
		ck_assert_ptr_null(kind);
		ck_assert_msg(strstr(why, cases[i].error) != NULL, "\"%s\" is not in: %s",
			      cases[i].error, why);
		ck_assert_msg(strncmp(why, KEY " cannot be read: ", strlen(KEY) + 17) == 0, "%s",
			      why);
	}
}

TEST(a_text_of_any_length_is_bounded)
{
	static char spaces[SN_RECORD_TEXT_MAX + 1];
	struct sn_record record;

	memset(spaces, ' ', sizeof spaces);
	memcpy(spaces, example_text, strlen(example_text));
	ck_assert(sn_record_read(KEY, spaces, sizeof spaces - 1, &record, &kind, why, sizeof why));
	free(kind);
	kind = NULL;
	ck_assert(!sn_record_read(KEY, spaces, sizeof spaces, &record, &kind, why, sizeof why));
	ck_assert_ptr_nonnull(strstr(why, "it has more than 8192 bytes"));
}

TEST(the_longest_record_can_be_read)
{
	static char layout[SN_STORE_KIND_SIZE + 1];
	struct sn_record record = example, found;

	memset(layout, 'x', sizeof layout - 1);
	record.kind = layout;
	memset(record.owner.host, 1, sizeof record.owner.host - 1); /* each becomes \u0001 */
	char *const text = sn_record_write(&record);
	ck_assert(reads(text, &found));
	ck_assert_str_eq(found.kind, layout);
	ck_assert_str_eq(found.owner.host, record.owner.host);
	free(text);
}

TEST(numbers_that_json_does_not_have_are_never_written)
{
	struct sn_record record = example;
	record.limit = (uint64_t)INT64_MAX + 1;
	ck_assert_ptr_null(sn_record_write(&record));
}

TEST(limits_after_the_year_9999_have_its_last_instant)
{
	struct sn_record record = example;
	record.limit_ms = UINT64_MAX;
	char *const text = sn_record_write(&record);
	ck_assert_ptr_nonnull(strstr(text, "\"limit_time\":\"9999-12-31T23:59:59.999Z\""));
	free(text);
}

TEST(a_host_name_that_is_not_utf8_is_written)
{
	struct sn_record record = example, found;
	memcpy(record.owner.host, "h\xff\xfe-a", 6);
	char *const text = sn_record_write(&record);
	ck_assert(reads(text, &found));
	ck_assert_str_eq(found.owner.host, "h?"
					   "?-a");
	free(text);
}

TEST(an_owner_is_written_and_read)
{
	uint64_t incarnation[2];
	char *const text = sn_record_write_owner(&example);

	ck_assert_str_eq(text, "{\"incarnation\":\"0123456789abcdef000000000000000f\","
			       "\"host\":\"host-a\",\"process\":4711,"
			       "\"since\":\"2023-11-14T22:13:19.001Z\"}");
	ck_assert(sn_record_read_owner(KEY, text, strlen(text), incarnation, why, sizeof why));
	ck_assert_mem_eq(incarnation, example.incarnation, sizeof incarnation);
	free(text);
	ck_assert(!sn_record_read_owner(KEY, "{}", 2, incarnation, why, sizeof why));
	ck_assert_ptr_nonnull(strstr(why, "incarnation does not have 32 hexadecimal digits"));
}

TEST(a_namespace_is_a_uuid)
{
	static const uint64_t number[2] = {UINT64_C(0x0123456789ab4def),
					   UINT64_C(0x8123456789abcdef)};
	static const char text[] = "01234567-89ab-4def-8123-456789abcdef";
	static const char *const others[] = {"",
					     "01234567-89ab-4def-8123-456789abcde",
					     "01234567-89ab-4def-8123-456789abcdef0",
					     "01234567089ab-4def-8123-456789abcdef",
					     "01234567-89ab-4def-8123-456789abcdeg",
					     "00000000-0000-0000-0000-000000000000"};
	char written[SN_UUID_TEXT_SIZE];
	uint64_t found[2];

	sn_namespace_write(number, written);
	ck_assert_str_eq(written, text);
	ck_assert(sn_namespace_read(KEY, text, strlen(text), found, why, sizeof why));
	ck_assert_mem_eq(found, number, sizeof found);
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		ck_assert(!sn_namespace_read(KEY, others[i], strlen(others[i]), found, why,
					     sizeof why));
		ck_assert_ptr_nonnull(strstr(why, KEY " cannot be read: it is not a UUID"));
	}
}

static void free_kind(void)
{
	free(kind);
	kind = NULL;
}

int main(void)
{
	return run_tests(NULL, free_kind);
}
