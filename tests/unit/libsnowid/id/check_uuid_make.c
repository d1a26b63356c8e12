/* SPDX-License-Identifier: MIT
 *
 * Expected values come from tests/vectors/uuid_names.tsv and from libuuid.
 */
#include <stdbool.h>
#include <uuid/uuid.h>

#include "tests/unit/check.h"
#include "tests/unit/fake_system.h"
#include "tests/unit/libsnowid/base/entropy_block.h"
#include "tests/unit/random.h"
#include "tests/unit/tsv.h"

static void expect_uuid(const struct snowid_id128 *id, const char *expected)
{
	char text[SNOWID_UUID_TEXT];
	OK(snowid_uuid_format(id, text));
	ck_assert_str_eq(text, expected);
}

/* ---- names ----------------------------------------------------------------------------------- */

static void expect_published_name(char *column[TSV_COLUMNS])
{
	const bool version3 = strcmp(column[0], "3") == 0;
	const char *const name = column[2];
	struct snowid_id128 name_space, id;

	if (strlen(column[1]) == SNOWID_UUID_TEXT - 1)
		OK(snowid_uuid_parse(column[1], strlen(column[1]), &name_space));
	else
		OK(snowid_uuid_namespace(column[1], &name_space));
	OK((version3 ? snowid_uuid3_from_name : snowid_uuid5_from_name)(&name_space, name,
									strlen(name), &id));
	expect_uuid(&id, column[3]);
	ck_assert_str_eq(snowid_uuid_kind(&id), version3 ? "uuid3" : "uuid5");
}

TEST(uuids_of_published_names)
{
	ck_assert_int_ge(tsv_read(VECTORS "/uuid_names.tsv", expect_published_name), 12);
}

TEST(namespaces_agree_with_libuuid)
{
	static const char *const names[] = {"dns", "url", "oid", "x500"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct snowid_id128 id;
		OK(snowid_uuid_namespace(names[i], &id));
		ck_assert_mem_eq(id.bytes, uuid_get_template(names[i]), 16);
	}
}

TEST(names_of_any_length_and_content_agree_with_libuuid)
{
	uint64_t state = 1;
	char name[300];

	test_random_bytes(&state, (uint8_t *)name, sizeof name);
	for (size_t length = 0; length <= sizeof name; length++) {
		struct snowid_id128 name_space, id;
		uuid_t theirs;
		test_random_bytes(&state, name_space.bytes, sizeof name_space.bytes);
		OK(snowid_uuid3_from_name(&name_space, name, length, &id));
		uuid_generate_md5(theirs, name_space.bytes, name, length);
		ck_assert_mem_eq(id.bytes, theirs, sizeof theirs);
		OK(snowid_uuid5_from_name(&name_space, name, length, &id));
		uuid_generate_sha1(theirs, name_space.bytes, name, length);
		ck_assert_mem_eq(id.bytes, theirs, sizeof theirs);
	}
}

TEST(a_uuid_of_a_name_can_be_its_own_namespace)
{
	struct snowid_id128 id, expected;
	OK(snowid_uuid_namespace("dns", &id));
	OK(snowid_uuid5_from_name(&id, "a", 1, &expected));
	OK(snowid_uuid5_from_name(&id, "a", 1, &id));
	ck_assert_mem_eq(&id, &expected, sizeof id);
}

TEST(unknown_namespaces_are_rejected)
{
	static const char *const names[] = {"", "DNS", "dns ", "uri"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct snowid_id128 id = {{1}};
		EXPECT(snowid_uuid_namespace(names[i], &id), SNOWID_E_UNKNOWN);
		EXPECT_DETAIL("dns, url, oid and x500");
		ck_assert_uint_eq(id.bytes[0], 1);
	}
}

/* ---- random bits and bytes ------------------------------------------------------------------- */

static uint8_t next_byte;
static int getrandom_calls;

static ssize_t count_up(void *out, size_t size, unsigned flags)
{
	(void)flags;
	memset(out, next_byte++, size);
	getrandom_calls++;
	return (ssize_t)size;
}

/* In clones of a virtual machine, bytes that were read before would be the same. */
TEST(each_uuid_of_version_4_is_read_from_the_kernel)
{
	struct snowid_id128 id;

	entropy_block()->bytes_left = 64;
	getrandom_calls = 0;
	next_byte = 0xff;
	fake_getrandom = count_up;
	OK(snowid_uuid4_random(&id));
	expect_uuid(&id, "ffffffff-ffff-4fff-bfff-ffffffffffff");
	OK(snowid_uuid4_random(&id));
	expect_uuid(&id, "00000000-0000-4000-8000-000000000000");
	fake_getrandom = NULL;
	ck_assert_int_eq(getrandom_calls, 2);
}

TEST(version_4_fails_without_getrandom)
{
	struct snowid_id128 id = {{1}};
	fake_getrandom = fail_getrandom;
	EXPECT(snowid_uuid4_random(&id), -ENOSYS);
	EXPECT_DETAIL("getrandom");
	fake_getrandom = NULL;
	ck_assert_uint_eq(id.bytes[0], 1);
}

TEST(version_8_keeps_all_bits_but_version_and_variant)
{
	static const struct snowid_id128 nil = SNOWID_UUID_NIL, max = SNOWID_UUID_MAX;
	struct snowid_id128 id;

	OK(snowid_uuid8_from_bytes(nil.bytes, &id));
	expect_uuid(&id, "00000000-0000-8000-8000-000000000000");
	OK(snowid_uuid8_from_bytes(max.bytes, &id));
	expect_uuid(&id, "ffffffff-ffff-8fff-bfff-ffffffffffff");
	/* RFC 9562, appendix B.1 is one already. */
	OK(snowid_uuid_parse("2489e9ad-2ee2-8e00-8ec9-32d5f69181c0", 36, &id));
	OK(snowid_uuid8_from_bytes(id.bytes, &id));
	expect_uuid(&id, "2489e9ad-2ee2-8e00-8ec9-32d5f69181c0");
}

/* ---- kinds ----------------------------------------------------------------------------------- */

TEST(each_version_and_variant_has_a_kind)
{
	static const char *const versions[16] = {
		"uuid",  "uuid1", "uuid2", "uuid3", "uuid4", "uuid5", "uuid6", "uuid7",
		"uuid8", "uuid",  "uuid",  "uuid",  "uuid",  "uuid",  "uuid",  "uuid"};
	static const char *const variants[4] = {"ncs", NULL, "microsoft", "future"};

	for (unsigned version = 0; version < 16; version++) {
		for (unsigned top = 0; top < 16; top++) {
			struct snowid_id128 id = {{1}};
			const unsigned variant = top < 8 ? 0 : top < 12 ? 1 : top < 14 ? 2 : 3;
			id.bytes[6] = (uint8_t)(version << 4);
			id.bytes[8] = (uint8_t)(top << 4);
			ck_assert_str_eq(snowid_uuid_kind(&id),
					 variant == 1 ? versions[version] : variants[variant]);
		}
	}
}

TEST(only_all_zeros_are_nil_and_only_all_ones_are_max)
{
	const struct snowid_id128 nil = SNOWID_UUID_NIL, max = SNOWID_UUID_MAX;

	expect_uuid(&nil, "00000000-0000-0000-0000-000000000000");
	expect_uuid(&max, "ffffffff-ffff-ffff-ffff-ffffffffffff");
	ck_assert_str_eq(snowid_uuid_kind(&nil), "nil");
	ck_assert_str_eq(snowid_uuid_kind(&max), "max");
	for (size_t bit = 0; bit < 128; bit++) {
		struct snowid_id128 low = nil, high = max;
		low.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		high.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_str_ne(snowid_uuid_kind(&low), "nil");
		ck_assert_str_ne(snowid_uuid_kind(&high), "max");
	}
}

TEST(makers_reject_null)
{
	const struct snowid_id128 nil = SNOWID_UUID_NIL;
	struct snowid_id128 id;
#define REFUSES(call, argument)                                                                    \
	do {                                                                                       \
		EXPECT(call, SNOWID_E_INVALID);                                                    \
		EXPECT_DETAIL(argument " is NULL");                                                \
	} while (0)
	REFUSES(snowid_uuid3_from_name(NULL, "", 0, &id), "name_space");
	REFUSES(snowid_uuid3_from_name(&nil, NULL, 0, &id), "name");
	REFUSES(snowid_uuid3_from_name(&nil, "", 0, NULL), "id");
	REFUSES(snowid_uuid5_from_name(NULL, "", 0, &id), "name_space");
	REFUSES(snowid_uuid5_from_name(&nil, NULL, 0, &id), "name");
	REFUSES(snowid_uuid5_from_name(&nil, "", 0, NULL), "id");
	REFUSES(snowid_uuid_namespace(NULL, &id), "name");
	REFUSES(snowid_uuid_namespace("dns", NULL), "id");
	REFUSES(snowid_uuid4_random(NULL), "id");
	REFUSES(snowid_uuid8_from_bytes(NULL, &id), "bytes");
	REFUSES(snowid_uuid8_from_bytes(nil.bytes, NULL), "id");
	ck_assert_ptr_null(snowid_uuid_kind(NULL));
	EXPECT_DETAIL("id is NULL");
}

int main(void)
{
	return run_tests(NULL, NULL);
}
