/* SPDX-License-Identifier: MIT
 *
 * Expected values come from tests/vectors/ulid.tsv, and from long division of bytes by 32.
 */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <strings.h>

#include "libsnowid/id/ulid.h"
#include "tests/unit/check.h"
#include "tests/unit/fake_system.h"
#include "tests/unit/libsnowid/base/entropy_block.h"
#include "tests/unit/random.h"
#include "tests/unit/tsv.h"

#define ALPHABET "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
#define LENGTH   26

static struct snowid_id128 parse_ulid(const char *text)
{
	struct snowid_id128 id;
	OK(snowid_ulid_parse(text, strlen(text), &id));
	return id;
}

/* Each digit, from the last to the first, is the remainder of a long division. */
static void divide_ulid_into_text(const uint8_t bytes[16], char text[LENGTH + 1])
{
	uint8_t digits[16];
	memcpy(digits, bytes, 16);
	text[LENGTH] = '\0';
	for (int i = LENGTH - 1; i >= 0; i--) {
		unsigned remainder = 0;
		for (int b = 0; b < 16; b++) {
			const unsigned part = remainder << 8 | digits[b];
			digits[b] = (uint8_t)(part / 32);
			remainder = part % 32;
		}
		text[i] = ALPHABET[remainder];
	}
}

static int64_t ulid_ms(const struct snowid_id128 *id)
{
	int64_t ms = -1;
	OK(snowid_ulid_time_ms(id, &ms));
	return ms;
}

static void expect_published_ulid(char *column[])
{
	const char *const kind = column[0], *const input = column[1], *const expect = column[2];
	struct snowid_id128 id, same;
	char text[64];
	int64_t ms;

	if (strcmp(kind, "invalid") == 0) {
		ck_assert_str_eq(expect, "overflow");
		EXPECT(snowid_ulid_parse(input, strlen(input), &id), SNOWID_E_OVERFLOW);
		return;
	}
	id = parse_ulid(input);
	OK(snowid_ulid_format(&id, text));
	ck_assert_int_eq(strcasecmp(text, input), 0);
	if (strcmp(kind, "as-uuid") == 0) {
		OK(snowid_uuid_parse(expect, strlen(expect), &same));
		ck_assert_mem_eq(id.bytes, same.bytes, sizeof id.bytes);
	} else if (strcmp(kind, "next") == 0 && strcmp(expect, "overflow") == 0) {
		EXPECT(snowid_ulid_increment(&id), SNOWID_E_OVERFLOW);
	} else if (strcmp(kind, "next") == 0) {
		OK(snowid_ulid_increment(&id));
		OK(snowid_ulid_format(&id, text));
		ck_assert_str_eq(text, expect);
	} else {
		ck_assert_int_eq(sscanf(expect, "unix_ms=%" SCNd64, &ms), 1);
		ck_assert_int_eq(ulid_ms(&id), ms);
	}
}

TEST(published_ulids_are_read_and_written)
{
	ck_assert_int_ge(tsv_read(VECTORS "/ulid.tsv", expect_published_ulid), 9);
}

TEST(ulid_texts_agree_with_long_division)
{
	uint64_t state = 1;
	for (int i = 0; i < 100000; i++) {
		struct snowid_id128 id, back;
		char text[SNOWID_ULID_TEXT], expected[LENGTH + 1];
		test_random_bytes(&state, id.bytes, sizeof id.bytes);
		if (i < 128 * 2) { /* one bit is 1, or one is 0 */
			memset(id.bytes, i & 1 ? 0xff : 0, sizeof id.bytes);
			id.bytes[i / 16] ^= (uint8_t)(1 << (i / 2 % 8));
		}
		divide_ulid_into_text(id.bytes, expected);
		if (snowid_ulid_format(&id, text) != 0 || strcmp(text, expected) != 0)
			ck_abort_msg("%s, not %s", text, expected);
		if (i & 2)
			for (char *c = text; *c; c++)
				*c = (char)(*c >= 'A' ? *c - 'A' + 'a' : *c);
		if (snowid_ulid_parse(text, LENGTH, &back) != 0 ||
		    memcmp(&id, &back, sizeof id) != 0)
			ck_abort_msg("%s was read as another", text);
	}
}

TEST(bytes_outside_the_alphabet_of_ulids_are_rejected)
{
	for (size_t at = 0; at < LENGTH; at++) {
		for (int byte = 0; byte < 256; byte++) {
			char text[LENGTH + 1] = "01ARZ3NDEKTSV4RRFFQ69G5FAV", where[32];
			const int upper = byte >= 'a' && byte <= 'z' ? byte - 'a' + 'A' : byte;
			const char *const digit = byte ? strchr(ALPHABET, upper) : NULL;
			struct snowid_id128 id, before;
			int result;

			memset(&before, 0xaa, sizeof before);
			id = before;
			text[at] = (char)byte;
			result = snowid_ulid_parse(text, LENGTH, &id);
			if (!digit) {
				ck_assert_int_eq(result, SNOWID_E_SYNTAX);
				snprintf(where, sizeof where,
					 byte >= ' ' && byte <= '~' ? "byte %zu is '%c'"
								    : "byte %zu is 0x%02x",
					 at + 1, byte);
				EXPECT_DETAIL(where);
			} else {
				const bool fits = at > 0 || digit - ALPHABET <= 7;
				ck_assert_int_eq(result, fits ? 0 : SNOWID_E_OVERFLOW);
				if (fits)
					continue;
			}
			ck_assert_mem_eq(&id, &before, sizeof id);
		}
	}
}

TEST(syntax_error_takes_precedence_over_overflow)
{
	struct snowid_id128 id;
	EXPECT(snowid_ulid_parse("8ZZZZZZZZZZZZZZZZZZZZZZZZ!", LENGTH, &id), SNOWID_E_SYNTAX);
	EXPECT_DETAIL("byte 26 is '!'");
	EXPECT(snowid_ulid_parse("Z0000000000000000000000000", LENGTH, &id), SNOWID_E_OVERFLOW);
	EXPECT_DETAIL("Z0000000000000000000000000");
}

TEST(ulids_of_other_lengths_are_rejected)
{
	const char text[] = "00000000000000000000000000000000000000000";
	struct snowid_id128 id;
	for (size_t length = 0; length < sizeof text; length++)
		EXPECT(snowid_ulid_parse(text, length, &id),
		       length == LENGTH ? 0 : SNOWID_E_SYNTAX);
	EXPECT_DETAIL("26");
	EXPECT(snowid_ulid_parse(text, SIZE_MAX, &id), SNOWID_E_SYNTAX);
}

TEST(time_of_ulids_has_48_bits)
{
	struct snowid_id128 id = {{0}};
	ck_assert_int_eq(ulid_ms(&id), 0);
	memset(id.bytes + 6, 0xff, 10);
	ck_assert_int_eq(ulid_ms(&id), 0);
	id.bytes[5] = 1;
	ck_assert_int_eq(ulid_ms(&id), 1);
	memset(id.bytes, 0xff, 6);
	ck_assert_int_eq(ulid_ms(&id), 281474976710655);
}

TEST(increment_carries_through_the_random_part)
{
	for (int ones = 0; ones <= 10; ones++) { /* how many bytes at the end are all ones */
		struct snowid_id128 id, expected;
		memset(&id, 0x5a, sizeof id);
		memset(id.bytes + 16 - ones, 0xff, (size_t)ones);
		expected = id;
		if (ones == 10) {
			EXPECT(snowid_ulid_increment(&id), SNOWID_E_OVERFLOW);
		} else {
			memset(expected.bytes + 16 - ones, 0, (size_t)ones);
			expected.bytes[15 - ones]++;
			OK(snowid_ulid_increment(&id));
		}
		ck_assert_mem_eq(&id, &expected, sizeof id);
	}
}

TEST(ulid_is_tick_counter_and_random_bytes)
{
	static const uint8_t random[8] = {0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8};
	static const uint8_t expected[16] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0xf7, 0xf8,
					     0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8};
	struct snowid_id128 id;
	sn_ulid_encode(0x010203040506, 0xf7f8, random, &id);
	ck_assert_mem_eq(id.bytes, expected, sizeof expected);
}

TEST(random_ulids_have_the_time_of_the_system)
{
	static const struct {
		struct timespec clock;
		int64_t ms;
	} cases[] = {
		{{0, 0}, 0},
		{{0, 999999}, 0},
		{{0, 1000000}, 1},
		{{1469922850, 259999999}, 1469922850259},
		{{253402300799, 999999999}, 253402300799999}, /* the end of 9999 */
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct snowid_id128 id;
		fake_realtime = &cases[i].clock;
		OK(snowid_ulid_random(&id));
		ck_assert_int_eq(ulid_ms(&id), cases[i].ms);
	}
	fake_realtime = NULL;
}

TEST(random_ulids_fail_before_1970_and_after_9999)
{
	static const struct timespec clocks[] = {
		{-1, 999999999}, {253402300800, 0}, {INT64_MIN, 0}};
	for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
		struct snowid_id128 id = {{1}};
		fake_realtime = &clocks[i];
		EXPECT(snowid_ulid_random(&id), SNOWID_E_RANGE);
		EXPECT_DETAIL("1970");
		ck_assert_uint_eq(id.bytes[0], 1);
	}
	fake_realtime = NULL;
}

TEST(random_ulids_fail_without_getrandom)
{
	struct snowid_id128 id = {{1}};
	empty_entropy_block();
	fake_getrandom = fail_getrandom;
	EXPECT(snowid_ulid_random(&id), -ENOSYS);
	EXPECT_DETAIL("getrandom");
	ck_assert_uint_eq(id.bytes[0], 1);
	fake_getrandom = NULL;
	OK(snowid_ulid_random(&id));
}

static int compare_random_parts(const void *a, const void *b)
{
	const struct snowid_id128 *const one = a, *const other = b;
	return memcmp(one->bytes + 6, other->bytes + 6, 10);
}

static void expect_different_random_parts(struct snowid_id128 *ids, size_t count)
{
	static const uint8_t zeros[10];
	qsort(ids, count, sizeof *ids, compare_random_parts);
	for (size_t i = 0; i < count; i++) {
		if (memcmp(ids[i].bytes + 6, zeros, 10) == 0)
			ck_abort_msg("a random part of zeros");
		if (i > 0 && compare_random_parts(&ids[i - 1], &ids[i]) == 0)
			ck_abort_msg("a random part twice");
	}
}

TEST(random_ulids_have_80_random_bits)
{
	enum { COUNT = 100000 };
	struct snowid_id128 *const ids = calloc(COUNT, sizeof *ids);
	uint8_t ones[10] = {0}, zeros[10] = {0};
	ck_assert_ptr_nonnull(ids);
	for (size_t i = 0; i < COUNT; i++) {
		if (snowid_ulid_random(&ids[i]) != 0)
			ck_abort_msg("failed");
		for (int b = 0; b < 10; b++) {
			ones[b] |= ids[i].bytes[6 + b];
			zeros[b] |= (uint8_t)~ids[i].bytes[6 + b];
		}
	}
	for (int b = 0; b < 10; b++)
		ck_assert_uint_eq(ones[b] & zeros[b], 0xff);
	expect_different_random_parts(ids, COUNT);
	free(ids);
}

/* The main thread makes ULIDs, and so do the signal handlers that interrupt it. */
enum { MADE = 50000, SIGNALS = 3000 };
static struct snowid_id128 made[MADE + SIGNALS];
static atomic_int ulids_in_handler;
static atomic_bool enough;

static void make_ulid_in_handler(int number)
{
	const int index = atomic_load(&ulids_in_handler);
	(void)number;
	if (index < SIGNALS && snowid_ulid_random(&made[MADE + index]) == 0)
		atomic_store(&ulids_in_handler, index + 1);
}

static void *send_signals(void *to)
{
	for (int i = 0; i < SIGNALS && !atomic_load(&enough); i++) {
		const int before = atomic_load(&ulids_in_handler);
		pthread_kill(*(pthread_t *)to, SIGUSR1);
		for (int tries = 0; tries < 200 && atomic_load(&ulids_in_handler) == before;
		     tries++)
			sched_yield();
	}
	atomic_store(&enough, true);
	return NULL;
}

TEST(signal_handlers_make_different_ulids)
{
	struct sigaction action = {.sa_handler = make_ulid_in_handler};
	pthread_t self = pthread_self(), sender;
	size_t count = 0, in_handler;

	OK(snowid_ulid_random(&made[count++])); /* async-signal-safe from here on */
	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	ck_assert_int_eq(pthread_create(&sender, NULL, send_signals, &self), 0);
	for (int i = 0; i < 1000000 && !atomic_load(&enough); i++) {
		struct snowid_id128 id;
		if (snowid_ulid_random(&id) != 0)
			ck_abort_msg("failed");
		if (count < MADE)
			made[count++] = id;
	}
	atomic_store(&enough, true);
	pthread_join(sender, NULL);
	in_handler = (size_t)atomic_load(&ulids_in_handler);
	ck_assert_uint_gt(in_handler, 0);
	memmove(made + count, made + MADE, in_handler * sizeof *made);
	expect_different_random_parts(made, count + in_handler);
}

TEST(first_and_last_ulid_enclose_a_millisecond)
{
	char text[SNOWID_ULID_TEXT];
	struct snowid_id128 id;
	/* 1469922850259 ms is 01ARZ3NDEK in the specification of ULIDs. */
	OK(snowid_ulid_first_at(1469922850, 259000000, &id));
	OK(snowid_ulid_format(&id, text));
	ck_assert_str_eq(text, "01ARZ3NDEK0000000000000000");
	OK(snowid_ulid_last_at(1469922850, 259999999, &id));
	OK(snowid_ulid_format(&id, text));
	ck_assert_str_eq(text, "01ARZ3NDEKZZZZZZZZZZZZZZZZ");
}

TEST(first_and_last_ulid_are_clamped_to_1970_and_9999)
{
	static const struct snowid_id128 zeros;
	struct snowid_id128 id;
	int64_t ms;
	EXPECT(snowid_ulid_first_at(-1, 999999999, &id), SNOWID_E_RANGE);
	ck_assert_mem_eq(&id, &zeros, sizeof id);
	EXPECT(snowid_ulid_last_at(INT64_MIN, 0, &id), SNOWID_E_RANGE);
	OK(snowid_ulid_time_ms(&id, &ms));
	ck_assert_int_eq(ms, 0);
	OK(snowid_ulid_last_at(253402300799, 999999999, &id));
	OK(snowid_ulid_time_ms(&id, &ms));
	ck_assert_int_eq(ms, 253402300799999);
	EXPECT(snowid_ulid_first_at(253402300800, 0, &id), SNOWID_E_RANGE);
	OK(snowid_ulid_time_ms(&id, &ms));
	ck_assert_int_eq(ms, 253402300799999);
	EXPECT(snowid_ulid_last_at(INT64_MAX, 0, &id), SNOWID_E_RANGE);
	EXPECT(snowid_ulid_first_at(0, 1000000000, &id), SNOWID_E_INVALID);
	EXPECT(snowid_ulid_first_at(0, 0, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_ulid_last_at(0, 0, NULL), SNOWID_E_INVALID);
}

TEST(ulid_calls_reject_null)
{
	const struct snowid_id128 id = {{0}};
	struct snowid_id128 out;
	char text[SNOWID_ULID_TEXT];
	int64_t ms;
	EXPECT(snowid_ulid_random(NULL), SNOWID_E_INVALID);
	EXPECT_DETAIL("id is NULL");
	EXPECT(snowid_ulid_format(NULL, text), SNOWID_E_INVALID);
	EXPECT_DETAIL("id is NULL");
	EXPECT(snowid_ulid_format(&id, NULL), SNOWID_E_INVALID);
	EXPECT_DETAIL("text is NULL");
	EXPECT(snowid_ulid_parse(NULL, LENGTH, &out), SNOWID_E_INVALID);
	EXPECT_DETAIL("text is NULL");
	EXPECT(snowid_ulid_parse(text, LENGTH, NULL), SNOWID_E_INVALID);
	EXPECT_DETAIL("id is NULL");
	EXPECT(snowid_ulid_time_ms(NULL, &ms), SNOWID_E_INVALID);
	EXPECT_DETAIL("id is NULL");
	EXPECT(snowid_ulid_time_ms(&id, NULL), SNOWID_E_INVALID);
	EXPECT_DETAIL("unix_ms is NULL");
	EXPECT(snowid_ulid_increment(NULL), SNOWID_E_INVALID);
	EXPECT_DETAIL("id is NULL");
}

TEST(clock_that_cannot_be_read_is_an_error)
{
	struct snowid_id128 id;
	fake_realtime_failure = EPERM;
	EXPECT(snowid_ulid_random(&id), -EPERM);
	EXPECT_DETAIL("cannot read the clock");
	EXPECT(snowid_uuid7_random(&id), -EPERM);
	fake_realtime_failure = 0;
	OK(snowid_ulid_random(&id));
}

static void check_range(int64_t from_sec, int64_t before_sec, const char *first, const char *last)
{
	char text[SNOWID_ULID_TEXT];
	struct snowid_id128 ids[2];
	OK(snowid_ulid_range(from_sec, 0, before_sec, 0, &ids[0], &ids[1]));
	OK(snowid_ulid_format(&ids[0], text));
	ck_assert_str_eq(text, first);
	OK(snowid_ulid_format(&ids[1], text));
	ck_assert_str_eq(text, last);
}

TEST(ranges_of_ulids_are_half_open)
{
	/* 2^0 and 2^2 times 1000 ms are Z8 and 3X0 in base 32. */
	check_range(1, 4, "00000000Z80000000000000000", "00000003WZZZZZZZZZZZZZZZZZ");
	check_range(1, 1, "00000000Z80000000000000000", "00000000Z7ZZZZZZZZZZZZZZZZ");
	check_range(0, 0, "00000000000000000000000001", "00000000000000000000000000");
	check_range(INT64_MIN, INT64_MAX, "00000000000000000000000000",
		    "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
}

TEST(ranges_of_ulids_outside_their_years_are_refused)
{
	struct snowid_id128 first, last;
	OK(snowid_ulid_range(0, 0, 253402300800, 0, &first, &last));
	EXPECT(snowid_ulid_range(0, 0, 253402300800, 1, &first, &last), SNOWID_E_RANGE);
	EXPECT(snowid_ulid_range(-1, 0, 1, 0, &first, &last), SNOWID_E_RANGE);
	EXPECT(snowid_ulid_range(2, 0, 1, 0, &first, &last), SNOWID_E_RANGE);
	EXPECT(snowid_ulid_range(0, 0, 1, 1000000000, &first, &last), SNOWID_E_INVALID);
	EXPECT(snowid_ulid_range(0, 0, 1, 0, NULL, &last), SNOWID_E_INVALID);
	EXPECT(snowid_ulid_range(0, 0, 1, 0, &first, NULL), SNOWID_E_INVALID);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
