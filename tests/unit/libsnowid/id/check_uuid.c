/* SPDX-License-Identifier: MIT
 *
 * Expected values come from tests/vectors/uuid.tsv, from libuuid, and from reordering the digits of
 * texts.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>
#include <uuid/uuid.h>

#include "libsnowid/id/uuid.h"
#include "tests/unit/check.h"
#include "tests/unit/fake_system.h"
#include "tests/unit/libsnowid/base/entropy_block.h"
#include "tests/unit/random.h"
#include "tests/unit/tsv.h"

#define LENGTH    36
#define V1        "c232ab00-9414-11ec-b3c8-9f6bdeced846" /* RFC 9562, appendix A.1 */
#define V1_DIGITS "c232ab00941411ecb3c89f6bdeced846"
#define V6        "1ec9414c-232a-6b00-b3c8-9f6bdeced846" /* A.5 */
#define V7        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f" /* A.6 */

static struct snowid_id128 parse_uuid(const char *text)
{
	struct snowid_id128 id;
	OK(snowid_uuid_parse(text, strlen(text), &id));
	return id;
}

static void expect_uuid_text(const struct snowid_id128 *id, const char *expected)
{
	char text[SNOWID_UUID_TEXT];
	OK(snowid_uuid_format(id, text));
	if (strcasecmp(text, expected) != 0)
		ck_abort_msg("%s, not %s", text, expected);
}

static void expect_uuid_time(const struct snowid_id128 *id, int64_t expected_sec,
			     uint32_t expected_nsec)
{
	int64_t sec = -1;
	uint32_t nsec = 1;
	OK(snowid_uuid_time(id, &sec, &nsec));
	ck_assert_int_eq(sec, expected_sec);
	ck_assert_uint_eq(nsec, expected_nsec);
}

static void expect_uuid_version(const struct snowid_id128 *id, unsigned expected_version)
{
	enum snowid_uuid_variant variant;
	unsigned version;
	OK(snowid_uuid_version(id, &version));
	OK(snowid_uuid_variant(id, &variant));
	ck_assert_uint_eq(version, expected_version);
	ck_assert_int_eq((int)variant, SNOWID_UUID_VARIANT_RFC9562);
}

static void expect_published_fields(const struct snowid_id128 *id, const char *expect)
{
	struct tm broken = {0};
	unsigned expected_seq, clock_seq;
	uint8_t expected[6], node[6];
	const char *const rest = strptime(expect, "time=%Y-%m-%dT%H:%M:%SZ", &broken);
	ck_assert_ptr_nonnull(rest);
	ck_assert_int_eq(sscanf(rest, " clock_seq=%x node=%hhx:%hhx:%hhx:%hhx:%hhx:%hhx",
				&expected_seq, &expected[0], &expected[1], &expected[2],
				&expected[3], &expected[4], &expected[5]),
			 7);
	expect_uuid_time(id, timegm(&broken), 0);
	OK(snowid_uuid_clock_seq(id, &clock_seq));
	ck_assert_uint_eq(clock_seq, expected_seq);
	OK(snowid_uuid_node(id, node));
	ck_assert_mem_eq(node, expected, sizeof node);
}

static void expect_published_uuid(char *column[])
{
	const char *const kind = column[0], *const expect = column[2];
	const struct snowid_id128 id = parse_uuid(column[1]);
	struct snowid_id128 other;
	char text[SNOWID_ULID_TEXT];
	int64_t ms;

	expect_uuid_text(&id, column[1]);
	if (strcmp(kind, "1<->6") == 0) {
		OK(snowid_uuid_1to6(&id, &other));
		expect_uuid_text(&other, expect);
		OK(snowid_uuid_6to1(&other, &other));
		expect_uuid_text(&other, column[1]);
	} else if (strcmp(kind, "7<->ulid") == 0) {
		OK(snowid_ulid_format(&id, text));
		ck_assert_str_eq(text, expect);
		OK(snowid_ulid_parse(expect, strlen(expect), &other));
		expect_uuid_text(&other, column[1]);
	} else if (strcmp(kind, "7") == 0) {
		expect_uuid_version(&id, 7);
		ck_assert_int_eq(sscanf(expect, "unix_ms=%" SCNd64, &ms), 1);
		expect_uuid_time(&id, ms / 1000, (uint32_t)(ms % 1000) * 1000000);
	} else {
		expect_uuid_version(&id, (unsigned)atoi(kind));
		expect_published_fields(&id, expect);
	}
}

TEST(published_uuids_are_read_and_written)
{
	ck_assert_int_ge(tsv_read(VECTORS "/uuid.tsv", expect_published_uuid), 5);
}

TEST(uuid_texts_agree_with_libuuid)
{
	uint64_t state = 1;
	for (int i = 0; i < 100000; i++) {
		struct snowid_id128 id, back;
		char text[SNOWID_UUID_TEXT], theirs[SNOWID_UUID_TEXT];
		uuid_t uu;
		test_random_bytes(&state, id.bytes, sizeof id.bytes);
		uuid_unparse_lower(id.bytes, theirs);
		if (snowid_uuid_format(&id, text) != 0 || strcmp(text, theirs) != 0)
			ck_abort_msg("%s, not %s", text, theirs);
		if (uuid_parse(text, uu) != 0 || memcmp(uu, id.bytes, sizeof uu) != 0)
			ck_abort_msg("libuuid reads another %s", text);
		if (i & 1)
			uuid_unparse_upper(id.bytes, theirs);
		if (snowid_uuid_parse(theirs, LENGTH, &back) != 0 ||
		    memcmp(&back, &id, sizeof id) != 0)
			ck_abort_msg("%s was read as another", theirs);
	}
}

TEST(versions_and_variants_agree_with_libuuid)
{
	static const enum snowid_uuid_variant ours[] = {
		[UUID_VARIANT_NCS] = SNOWID_UUID_VARIANT_NCS,
		[UUID_VARIANT_DCE] = SNOWID_UUID_VARIANT_RFC9562,
		[UUID_VARIANT_MICROSOFT] = SNOWID_UUID_VARIANT_MICROSOFT,
		[UUID_VARIANT_OTHER] = SNOWID_UUID_VARIANT_FUTURE};
	for (unsigned a = 0; a < 256; a++) {
		for (unsigned b = 0; b < 256; b++) {
			struct snowid_id128 id = {{0}};
			enum snowid_uuid_variant variant;
			unsigned version;
			id.bytes[6] = (uint8_t)a;
			id.bytes[8] = (uint8_t)b;
			if (snowid_uuid_version(&id, &version) != 0 ||
			    version != (unsigned)uuid_type(id.bytes) ||
			    snowid_uuid_variant(&id, &variant) != 0 ||
			    variant != ours[uuid_variant(id.bytes)])
				ck_abort_msg("%02x, %02x", a, b);
		}
	}
}

TEST(order_agrees_with_libuuid)
{
	uint64_t state = 2;
	for (int i = 0; i < 100000; i++) {
		struct snowid_id128 a, b;
		int ours, theirs;
		test_random_bytes(&state, a.bytes, sizeof a.bytes);
		b = a;
		b.bytes[i % 16] = (uint8_t)test_random(&state);
		ours = snowid_id128_compare(&a, &b);
		theirs = uuid_compare(a.bytes, b.bytes);
		if ((ours > 0) - (ours < 0) != (theirs > 0) - (theirs < 0))
			ck_abort_msg("%d, not %d", ours, theirs);
	}
}

/* Version 6 has the same 60 bits of time, the highest digits first. */
static void reorder_text_1to6(const char *uuid1, char uuid6[LENGTH + 1])
{
	char time[16];
	snprintf(time, sizeof time, "%.3s%.4s%.8s", uuid1 + 15, uuid1 + 9, uuid1);
	snprintf(uuid6, LENGTH + 1, "%.8s-%.4s-6%.3s%s", time, time + 8, time + 12, uuid1 + 18);
}

TEST(versions_1_and_6_agree_with_libuuid_and_each_other)
{
	uint64_t state = 3;
	for (int i = 0; i < 100000; i++) {
		const uint64_t unix_epoch = 0x01b21dd213814000; /* in 100 ns from 1582 (RFC 9562) */
		const uint64_t random = test_random(&state), node = test_random(&state) >> 16;
		const uint64_t tick = unix_epoch + random % ((UINT64_C(1) << 60) - unix_epoch);
		const unsigned seq = test_random(&state) & 0x3fff;
		struct snowid_id128 uuid1, uuid6, other;
		char text1[LENGTH + 1], text6[LENGTH + 1];
		struct timeval tv;
		uint8_t node_bytes[6];
		unsigned got_seq;
		int64_t sec1, sec6;
		uint32_t nsec1, nsec6;
		uint64_t got_node = 0;

		sn_kind_uuid1.encode(tick, (uint64_t)seq << 48 | node, NULL, 1, &uuid1);
		snprintf(text1, sizeof text1,
			 "%08" PRIx64 "-%04" PRIx64 "-1%03" PRIx64 "-%04x-%012" PRIx64,
			 tick & 0xffffffff, tick >> 32 & 0xffff, tick >> 48, 0x8000 | seq, node);
		expect_uuid_text(&uuid1, text1);
		reorder_text_1to6(text1, text6);
		sn_kind_uuid6.encode(tick, (uint64_t)seq << 48 | node, NULL, 1, &uuid6);
		expect_uuid_text(&uuid6, text6);
		if (snowid_uuid_1to6(&uuid1, &other) != 0 ||
		    memcmp(&other, &uuid6, sizeof other) != 0 ||
		    snowid_uuid_6to1(&uuid6, &other) != 0 ||
		    memcmp(&other, &uuid1, sizeof other) != 0)
			ck_abort_msg("%s <-> %s", text1, text6);

		if (snowid_uuid_time(&uuid1, &sec1, &nsec1) != 0 ||
		    snowid_uuid_time(&uuid6, &sec6, &nsec6) != 0 || sec1 != sec6 ||
		    nsec1 != nsec6 || sec1 != (int64_t)((tick - unix_epoch) / 10000000) ||
		    nsec1 != tick % 10000000 * 100)
			ck_abort_msg("time of %s", text1);
		/* The time_t of libuuid is a long. */
		if (sizeof(long) == sizeof sec1 &&
		    (uuid_time(uuid1.bytes, &tv) != sec1 || tv.tv_usec != nsec1 / 1000))
			ck_abort_msg("time of %s by libuuid", text1);
		if (snowid_uuid_clock_seq(i & 1 ? &uuid1 : &uuid6, &got_seq) != 0 || got_seq != seq)
			ck_abort_msg("clock_seq of %s", text1);
		if (snowid_uuid_node(i & 1 ? &uuid1 : &uuid6, node_bytes) != 0)
			ck_abort_msg("node of %s", text1);
		for (int b = 0; b < 6; b++)
			got_node = got_node << 8 | node_bytes[b];
		ck_assert_uint_eq(got_node, node);
	}
}

TEST(conversions_work_in_place)
{
	struct snowid_id128 id = parse_uuid(V1);
	OK(snowid_uuid_1to6(&id, &id));
	expect_uuid_text(&id, V6);
	OK(snowid_uuid_6to1(&id, &id));
	expect_uuid_text(&id, V1);
}

TEST(time_of_versions_1_and_6_starts_in_1582)
{
	struct snowid_id128 id = parse_uuid("00000000-0000-1000-8000-000000000000");
	struct tm begin = {.tm_year = 1582 - 1900, .tm_mon = 9, .tm_mday = 15};
	expect_uuid_time(&id, timegm(&begin), 0);
	id = parse_uuid("00000000-0000-6001-8000-000000000000");
	expect_uuid_time(&id, timegm(&begin), 100);
	id = parse_uuid("ffffffff-ffff-1fff-8000-000000000000"); /* 2^60 - 1 */
	expect_uuid_time(&id, timegm(&begin) + 115292150460, 684697500);
}

TEST(time_of_version_7_has_48_bits)
{
	struct snowid_id128 id = parse_uuid("00000000-0000-7fff-bfff-ffffffffffff");
	expect_uuid_time(&id, 0, 0);
	id = parse_uuid("00000000-03e7-7000-8000-000000000000");
	expect_uuid_time(&id, 0, 999000000);
	id = parse_uuid("ffffffff-ffff-7000-8000-000000000000");
	expect_uuid_time(&id, 281474976710, 655000000);
}

TEST(version_7_has_a_counter_and_random_bits)
{
	static const uint8_t random[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t none[8];
	struct snowid_id128 id;
	sn_uuid7_encode(0x123456789abc, 0xdef5, none, &id);
	expect_uuid_text(&id, "12345678-9abc-7def-9400-000000000000");
	sn_uuid7_encode(0x123456789abc, 0xdef5, random, &id);
	expect_uuid_text(&id, "12345678-9abc-7def-97ff-ffffffffffff");
	sn_uuid7_encode(0, 0, random, &id);
	expect_uuid_text(&id, "00000000-0000-7000-83ff-ffffffffffff");
	sn_uuid7_encode(0xffffffffffff, 0xffff, none, &id);
	expect_uuid_text(&id, "ffffffff-ffff-7fff-bc00-000000000000");
}

TEST(fields_that_a_version_lacks_are_rejected)
{
	for (unsigned version = 0; version < 16; version++) {
		for (unsigned variant = 0; variant < 16; variant++) {
			const bool rfc = variant >> 2 == 2;
			const bool v1 = rfc && version == 1, v6 = rfc && version == 6;
			const bool v7 = rfc && version == 7;
			struct snowid_id128 id, out = {{1}};
			unsigned seq = 77;
			uint8_t node[6] = {1};
			int64_t sec = 77;
			uint32_t nsec = 77;

			memset(&id, 0, sizeof id);
			id.bytes[6] = (uint8_t)(version << 4);
			id.bytes[8] = (uint8_t)(variant << 4);
			EXPECT(snowid_uuid_time(&id, &sec, &nsec),
			       v1 || v6 || v7 ? 0 : SNOWID_E_KIND);
			EXPECT(snowid_uuid_node(&id, node), v1 || v6 ? 0 : SNOWID_E_KIND);
			EXPECT(snowid_uuid_clock_seq(&id, &seq), v1 || v6 ? 0 : SNOWID_E_KIND);
			EXPECT(snowid_uuid_1to6(&id, &out), v1 ? 0 : SNOWID_E_KIND);
			EXPECT(snowid_uuid_6to1(&id, &out), v6 ? 0 : SNOWID_E_KIND);
			if (!v1 && !v6 && !v7) {
				ck_assert(sec == 77 && nsec == 77 && seq == 77 && node[0] == 1);
				ck_assert(out.bytes[0] == 1);
			}
		}
	}
	EXPECT_DETAIL("version");
}

static void add_hyphens(const char *digits, char text[SNOWID_UUID_TEXT])
{
	snprintf(text, SNOWID_UUID_TEXT, "%.8s-%.4s-%.4s-%.4s-%.12s", digits, digits + 8,
		 digits + 12, digits + 16, digits + 20);
}

/* Tries every byte in every place of the four forms of a UUID. */
TEST(bytes_in_the_wrong_place_are_rejected)
{
	static const struct {
		const char *text;
		size_t start; /* of the digits */
		size_t digits;
	} forms[] = {{V1, 0, LENGTH},
		     {"{" V1 "}", 1, LENGTH},
		     {"urn:uuid:" V1, 9, LENGTH},
		     {V1_DIGITS, 0, 32}};
	const struct snowid_id128 expected = parse_uuid(V1);
	for (size_t p = 0; p < sizeof forms / sizeof *forms; p++) {
		const size_t length = strlen(forms[p].text);
		for (size_t at = 0; at < length; at++) {
			const bool prefix = p == 2 && at < forms[p].start;
			for (int byte = 0; byte < 256; byte++) {
				const bool hyphen_or_brace =
					strchr("{}-", forms[p].text[at]) != NULL;
				char text[64], where[32], theirs[SNOWID_UUID_TEXT];
				struct snowid_id128 id = {{1}};
				uuid_t uu;
				bool good;
				int result;

				memcpy(text, forms[p].text, length);
				text[at] = (char)byte;
				if (hyphen_or_brace)
					good = byte == forms[p].text[at];
				else if (prefix)
					good = byte > 0 && strchr("urn:idURNID", byte) &&
					       (byte | 0x20) == (forms[p].text[at] | 0x20);
				else
					good = byte > 0 && strchr("0123456789abcdefABCDEF", byte);
				result = snowid_uuid_parse(text, length, &id);
				if (!good) {
					ck_assert_int_eq(result, SNOWID_E_SYNTAX);
					snprintf(where, sizeof where,
						 byte >= ' ' && byte <= '~' ? "byte %zu is '%c'"
									    : "byte %zu is 0x%02x",
						 at + 1, byte);
					EXPECT_DETAIL(where);
					ck_assert_uint_eq(id.bytes[0], 1);
					continue;
				}
				ck_assert_int_eq(result, 0);
				if (forms[p].digits == LENGTH)
					memcpy(theirs, text + forms[p].start, LENGTH);
				else
					add_hyphens(text, theirs);
				theirs[LENGTH] = '\0';
				ck_assert_int_eq(uuid_parse(theirs, uu), 0);
				ck_assert_mem_eq(id.bytes, uu, sizeof uu);
				if (hyphen_or_brace || prefix)
					ck_assert_mem_eq(&id, &expected, sizeof id);
			}
		}
	}
}

TEST(uuids_of_other_lengths_are_rejected)
{
	const char text[] = "00000000-0000-0000-0000-000000000000000000000000000000";
	struct snowid_id128 id;
	for (size_t length = 0; length < sizeof text; length++)
		EXPECT(snowid_uuid_parse(text, length, &id),
		       length == LENGTH ? 0 : SNOWID_E_SYNTAX);
	EXPECT(snowid_uuid_parse(text, SIZE_MAX, &id), SNOWID_E_SYNTAX);
	EXPECT_DETAIL("36");
	EXPECT_DETAIL("32");
	EXPECT(snowid_uuid_parse("{" V1_DIGITS "}", 34, &id), SNOWID_E_SYNTAX);
	EXPECT(snowid_uuid_parse("urn:uuid:{" V1 "}", 47, &id), SNOWID_E_SYNTAX);
}

TEST(random_uuids_have_version_7_and_the_time_of_the_system)
{
	static const struct {
		struct timespec clock;
		int64_t sec;
		uint32_t nsec;
	} cases[] = {
		{{0, 0}, 0, 0},
		{{1645557742, 1999999}, 1645557742, 1000000},
		{{253402300799, 999999999}, 253402300799, 999000000}, /* the end of 9999 */
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct snowid_id128 id;
		fake_realtime = &cases[i].clock;
		OK(snowid_uuid7_random(&id));
		expect_uuid_version(&id, 7);
		expect_uuid_time(&id, cases[i].sec, cases[i].nsec);
	}
	fake_realtime = NULL;
}

TEST(random_uuids_fail_before_1970_and_after_9999)
{
	static const struct timespec clocks[] = {{-1, 999999999}, {253402300800, 0}};
	for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
		struct snowid_id128 id = {{1}};
		fake_realtime = &clocks[i];
		EXPECT(snowid_uuid7_random(&id), SNOWID_E_RANGE);
		ck_assert_uint_eq(id.bytes[0], 1);
	}
	fake_realtime = NULL;
}

TEST(random_uuids_fail_without_getrandom)
{
	struct snowid_id128 id = {{1}};
	empty_entropy_block();
	fake_getrandom = fail_getrandom;
	EXPECT(snowid_uuid7_random(&id), -ENOSYS);
	EXPECT_DETAIL("getrandom");
	ck_assert_uint_eq(id.bytes[0], 1);
	fake_getrandom = NULL;
	OK(snowid_uuid7_random(&id));
}

static int compare_uuids(const void *a, const void *b)
{
	return snowid_id128_compare(a, b);
}

TEST(random_uuids_have_74_random_bits)
{
	static const uint8_t expected[16] = {0,    0,    0,    0,    0,    0,    0x0f, 0xff,
					     0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const struct timespec now = {1645557742, 0};
	enum { COUNT = 100000 };
	struct snowid_id128 *const ids = calloc(COUNT, sizeof *ids);
	struct snowid_id128 ones = {{0}}, zeros = {{0}};
	ck_assert_ptr_nonnull(ids);
	fake_realtime = &now;
	for (size_t i = 0; i < COUNT; i++) {
		if (snowid_uuid7_random(&ids[i]) != 0)
			ck_abort_msg("failed");
		for (int b = 0; b < 16; b++) {
			ones.bytes[b] |= ids[i].bytes[b];
			zeros.bytes[b] |= (uint8_t)~ids[i].bytes[b];
		}
	}
	fake_realtime = NULL;
	for (int b = 0; b < 16; b++)
		ck_assert_uint_eq(ones.bytes[b] & zeros.bytes[b], expected[b]);
	qsort(ids, COUNT, sizeof *ids, compare_uuids);
	for (size_t i = 1; i < COUNT; i++)
		if (snowid_id128_compare(&ids[i - 1], &ids[i]) >= 0)
			ck_abort_msg("a duplicate");
	free(ids);
}

static void expect_first_and_last(unsigned version, int64_t sec, uint32_t nsec, const char *first,
				  const char *last)
{
	char text[SNOWID_UUID_TEXT];
	struct snowid_id128 id;
	OK(snowid_uuid_first_at(version, sec, nsec, &id));
	OK(snowid_uuid_format(&id, text));
	ck_assert_str_eq(text, first);
	OK(snowid_uuid_last_at(version, sec, nsec, &id));
	OK(snowid_uuid_format(&id, text));
	ck_assert_str_eq(text, last);
}

/* The times of RFC 9562, appendix A: 2022-02-22T19:22:22Z. */
TEST(first_and_last_uuid_enclose_a_tick)
{
	expect_first_and_last(1, 1645557742, 0, "c232ab00-9414-11ec-8000-000000000000",
			      "c232ab00-9414-11ec-bfff-ffffffffffff");
	expect_first_and_last(6, 1645557742, 99, "1ec9414c-232a-6b00-8000-000000000000",
			      "1ec9414c-232a-6b00-bfff-ffffffffffff");
	expect_first_and_last(7, 1645557742, 999999, "017f22e2-79b0-7000-8000-000000000000",
			      "017f22e2-79b0-7fff-bfff-ffffffffffff");
}

TEST(first_and_last_uuid_are_clamped)
{
	static const struct {
		unsigned version;
		int64_t sec;
		int64_t clamped;
	} cases[] = {
		{1, -12219292801, -12219292800},
		{6, INT64_MIN, -12219292800},
		{6, 103072857661, 103072857660},
		{1, INT64_MAX, 103072857660},
		{7, -1, 0},
		{7, 253402300800, 253402300799},
	};
	struct snowid_id128 id;
	int64_t sec;
	uint32_t nsec;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		EXPECT(snowid_uuid_first_at(cases[i].version, cases[i].sec, 0, &id),
		       SNOWID_E_RANGE);
		OK(snowid_uuid_time(&id, &sec, &nsec));
		ck_assert_int_eq(sec, cases[i].clamped);
		EXPECT(snowid_uuid_last_at(cases[i].version, cases[i].sec, 0, &id), SNOWID_E_RANGE);
		OK(snowid_uuid_time(&id, &sec, &nsec));
		ck_assert_int_eq(sec, cases[i].clamped);
	}
	/* 60 bits of 100 ns end during this second. */
	OK(snowid_uuid_first_at(6, 103072857660, 684697500, &id));
	EXPECT(snowid_uuid_first_at(6, 103072857660, 684697600, &id), SNOWID_E_RANGE);
	EXPECT(snowid_uuid_first_at(4, 0, 0, &id), SNOWID_E_KIND);
	EXPECT(snowid_uuid_first_at(7, 0, 1000000000, &id), SNOWID_E_INVALID);
	EXPECT(snowid_uuid_first_at(7, 0, 0, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_uuid_last_at(1, 0, 0, NULL), SNOWID_E_INVALID);
}

TEST(node_and_clock_sequence_can_be_replaced)
{
	static const uint8_t node[] = {0x9f, 0x6b, 0xde, 0xce, 0xd8, 0x46};
	char text[SNOWID_UUID_TEXT];
	struct snowid_id128 id;
	OK(snowid_uuid_last_at(6, 1645557742, 0, &id));
	OK(snowid_uuid_set_node(&id, node));
	OK(snowid_uuid_set_clock_seq(&id, 0x33c8));
	OK(snowid_uuid_format(&id, text));
	ck_assert_str_eq(text, "1ec9414c-232a-6b00-b3c8-9f6bdeced846"); /* RFC 9562, A.5 */
	EXPECT(snowid_uuid_set_clock_seq(&id, 0x4000), SNOWID_E_RANGE);
	EXPECT(snowid_uuid_set_clock_seq(NULL, 0), SNOWID_E_INVALID);
	EXPECT(snowid_uuid_set_node(NULL, node), SNOWID_E_INVALID);
	EXPECT(snowid_uuid_set_node(&id, NULL), SNOWID_E_INVALID);
	OK(snowid_uuid_first_at(7, 0, 0, &id));
	EXPECT(snowid_uuid_set_node(&id, node), SNOWID_E_KIND);
	EXPECT(snowid_uuid_set_clock_seq(&id, 0), SNOWID_E_KIND);
}

TEST(uuid_calls_reject_null)
{
	const struct snowid_id128 id = parse_uuid(V1);
	struct snowid_id128 out;
	enum snowid_uuid_variant variant;
	char text[SNOWID_UUID_TEXT] = V1;
	uint8_t node[6];
	unsigned number;
	int64_t sec;
	uint32_t nsec;
#define REFUSES(call, argument)                                                                    \
	do {                                                                                       \
		EXPECT(call, SNOWID_E_INVALID);                                                    \
		EXPECT_DETAIL(argument " is NULL");                                                \
	} while (0)
	REFUSES(snowid_uuid7_random(NULL), "id");
	REFUSES(snowid_uuid_format(NULL, text), "id");
	REFUSES(snowid_uuid_format(&id, NULL), "text");
	REFUSES(snowid_uuid_parse(NULL, LENGTH, &out), "text");
	REFUSES(snowid_uuid_parse(text, LENGTH, NULL), "id");
	REFUSES(snowid_uuid_version(NULL, &number), "id");
	REFUSES(snowid_uuid_version(&id, NULL), "version");
	REFUSES(snowid_uuid_variant(NULL, &variant), "id");
	REFUSES(snowid_uuid_variant(&id, NULL), "variant");
	REFUSES(snowid_uuid_time(NULL, &sec, &nsec), "id");
	REFUSES(snowid_uuid_time(&id, NULL, &nsec), "unix_sec");
	REFUSES(snowid_uuid_time(&id, &sec, NULL), "nsec");
	REFUSES(snowid_uuid_node(NULL, node), "id");
	REFUSES(snowid_uuid_node(&id, NULL), "node");
	REFUSES(snowid_uuid_clock_seq(NULL, &number), "id");
	REFUSES(snowid_uuid_clock_seq(&id, NULL), "clock_seq");
	REFUSES(snowid_uuid_1to6(NULL, &out), "uuid1");
	REFUSES(snowid_uuid_1to6(&id, NULL), "uuid6");
	REFUSES(snowid_uuid_6to1(NULL, &out), "uuid6");
	REFUSES(snowid_uuid_6to1(&id, NULL), "uuid1");
	REFUSES(snowid_id128_compare(NULL, &id), "a");
	REFUSES(snowid_id128_compare(&id, NULL), "b");
}

static void check_range(unsigned version, int64_t from_sec, int64_t before_sec, const char *first,
			const char *last)
{
	char text[SNOWID_UUID_TEXT];
	struct snowid_id128 ids[2];
	OK(snowid_uuid_range(version, from_sec, 0, before_sec, 0, &ids[0], &ids[1]));
	OK(snowid_uuid_format(&ids[0], text));
	ck_assert_str_eq(text, first);
	OK(snowid_uuid_format(&ids[1], text));
	ck_assert_str_eq(text, last);
}

TEST(ranges_of_uuids_are_half_open)
{
	check_range(7, 1, 4, "00000000-03e8-7000-8000-000000000000",
		    "00000000-0f9f-7fff-bfff-ffffffffffff");
	check_range(7, 0, 0, "00000000-0000-7000-8000-000000000001",
		    "00000000-0000-0000-0000-000000000000");
	check_range(7, INT64_MIN, INT64_MAX, "00000000-0000-7000-8000-000000000000",
		    "ffffffff-ffff-7fff-bfff-ffffffffffff");
	/* 1970-01-01 is 0x1b21dd213814000 times 100 ns after 1582-10-15 (RFC 9562, 5.1). */
	check_range(6, 0, 1, "1b21dd21-3814-6000-8000-000000000000",
		    "1b21dd21-419d-667f-bfff-ffffffffffff");
	check_range(6, INT64_MIN, INT64_MAX, "00000000-0000-6000-8000-000000000000",
		    "ffffffff-ffff-6fff-bfff-ffffffffffff");
}

TEST(ranges_that_uuids_do_not_have_are_refused)
{
	struct snowid_id128 first, last;
	EXPECT(snowid_uuid_range(1, 0, 0, 1, 0, &first, &last), SNOWID_E_KIND);
	EXPECT_DETAIL("convert them to version 6");
	EXPECT(snowid_uuid_range(4, 0, 0, 1, 0, &first, &last), SNOWID_E_KIND);
	EXPECT(snowid_uuid_range(7, -1, 0, 1, 0, &first, &last), SNOWID_E_RANGE);
	EXPECT(snowid_uuid_range(6, 0, 0, 200000000000, 0, &first, &last), SNOWID_E_RANGE);
	EXPECT(snowid_uuid_range(7, 0, 0, 1, 0, NULL, &last), SNOWID_E_INVALID);
	EXPECT(snowid_uuid_range(7, 0, 0, 1, 0, &first, NULL), SNOWID_E_INVALID);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
