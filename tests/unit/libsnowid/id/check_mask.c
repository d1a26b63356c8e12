/* SPDX-License-Identifier: MIT
 *
 * Expected values come from tests/vectors/ff1.tsv, on which two other implementations agree.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "tests/unit/check.h"
#include "tests/unit/random.h"
#include "tests/unit/secret.h"
#include "tests/unit/tsv.h"
#include "tests/unit/wrap.h"

static const uint8_t some_key[SNOWID_MASK_KEY] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
						  0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};

static struct snowid_mask *mask_of_bits(const uint8_t key[SNOWID_MASK_KEY], unsigned bits)
{
	struct snowid_layout *layout = NULL;
	struct snowid_mask *mask = NULL;
	char spec[64];

	snprintf(spec, sizeof spec, "time:10,rest:%u", bits - 10);
	OK(snowid_layout_new(spec, &layout));
	OK(snowid_mask_new(key, bits == 64 ? NULL : layout, &mask));
	snowid_layout_free(layout);
	return mask;
}

/* ---- known answers --------------------------------------------------------------------------- */

static void expect_masked(const struct snowid_mask *mask, uint64_t id, uint64_t expected)
{
	char text[SNOWID_ID_TEXT], expected_text[SNOWID_ID_TEXT];
	uint64_t masked = ~expected, back = ~id;

	OK(snowid_mask_apply(mask, id, &masked));
	ck_assert_uint_eq(masked, expected);
	OK(snowid_mask_revert(mask, masked, &back));
	ck_assert_uint_eq(back, id);
	OK(snowid_mask_format(mask, id, text));
	OK(snowid_id_format(expected, SNOWID_FORM_BASE58, expected_text));
	ck_assert_str_eq(text, expected_text);
	back = ~id;
	OK(snowid_mask_parse(mask, text, strlen(text), &back));
	ck_assert_uint_eq(back, id);
}

static void expect_vector(char *column[TSV_COLUMNS])
{
	uint8_t key[SNOWID_MASK_KEY];

	OK(snowid_mask_key_parse(column[0], strlen(column[0]), key));
	struct snowid_mask *const mask = mask_of_bits(key, (unsigned)atoi(column[1]));
	expect_masked(mask, strtoull(column[2], NULL, 10), strtoull(column[3], NULL, 10));
	snowid_mask_free(mask);
}

TEST(masked_numbers_agree_with_two_other_implementations)
{
	ck_assert_int_ge(tsv_read(VECTORS "/ff1.tsv", expect_vector), 150);
}

/* For as many bits as there are, and so for halves of equal and of different widths. */
TEST(every_width_can_be_reverted)
{
	uint64_t state = 1;
	for (unsigned bits = 20; bits <= 64; bits++) {
		struct snowid_mask *const mask = mask_of_bits(some_key, bits);
		const uint64_t most = UINT64_MAX >> (64 - bits);
		for (int i = 0; i < 50; i++) {
			const uint64_t id = i == 0 ? 0 : i == 1 ? most : test_random(&state) & most;
			uint64_t masked = 0, back = 0;
			OK(snowid_mask_apply(mask, id, &masked));
			OK(snowid_mask_revert(mask, masked, &back));
			if (masked > most || back != id)
				ck_abort_msg("%" PRIu64 " of %u bits", id, bits);
		}
		snowid_mask_free(mask);
	}
}

/* ---- what a mask must not reveal ------------------------------------------------------------- */

/* Under valgrind, a branch or an address that depends on the key is an error. */
TEST(time_does_not_depend_on_the_key)
{
	uint8_t key[SNOWID_MASK_KEY];
	struct snowid_mask *mask = NULL;
	uint64_t masked = 0, id = 0;

	memcpy(key, some_key, sizeof key);
	secret_begin(key, sizeof key);
	OK(snowid_mask_new(key, NULL, &mask));
	OK(snowid_mask_apply(mask, 1, &masked));
	OK(snowid_mask_revert(mask, 1, &id));
	snowid_mask_free(mask);
	secret_end(&masked, sizeof masked);
	secret_end(&id, sizeof id);
	ck_assert_uint_ne(masked, id);
}

static size_t size_of_mask;
static void *mask_to_free;
static bool erased_when_freed;

void *real_malloc(size_t size) REAL("malloc");
void *wrap_malloc(size_t size) WRAP("malloc");
void *wrap_malloc(size_t size)
{
	size_of_mask = size;
	return real_malloc(size);
}

void real_free(void *memory) REAL("free");
void wrap_free(void *memory) WRAP("free");
void wrap_free(void *memory)
{
	if (memory && memory == mask_to_free) {
		const uint8_t *const bytes = memory;
		erased_when_freed = true;
		for (size_t i = 0; i < size_of_mask; i++)
			erased_when_freed = erased_when_freed && bytes[i] == 0;
		mask_to_free = NULL;
	}
	real_free(memory);
}

TEST(a_mask_is_erased_before_it_is_freed)
{
	struct snowid_mask *mask = NULL;

	OK(snowid_mask_new(some_key, NULL, &mask));
	ck_assert_uint_gt(size_of_mask, SNOWID_MASK_KEY);
	mask_to_free = mask;
	snowid_mask_free(mask);
	ck_assert_ptr_null(mask_to_free);
	ck_assert(erased_when_freed);
}

/* ---- errors ---------------------------------------------------------------------------------- */

TEST(numbers_above_the_bits_are_rejected)
{
	struct snowid_mask *const mask = mask_of_bits(some_key, 20);
	char text[SNOWID_ID_TEXT] = "as it was";
	uint64_t number = 77;

	EXPECT(snowid_mask_apply(mask, 1 << 20, &number), SNOWID_E_RANGE);
	EXPECT_DETAIL("1048576 has bits set above the 20");
	EXPECT(snowid_mask_revert(mask, UINT64_MAX, &number), SNOWID_E_RANGE);
	EXPECT(snowid_mask_format(mask, 1 << 20, text), SNOWID_E_RANGE);
	EXPECT(snowid_mask_parse(mask, "jpXCZedGfVQ", 11, &number), SNOWID_E_RANGE);
	EXPECT(snowid_mask_parse(mask, "0", 1, &number), SNOWID_E_SYNTAX);
	EXPECT(snowid_mask_parse(mask, "", 0, &number), SNOWID_E_SYNTAX);
	EXPECT(snowid_mask_parse(mask, "jpXCZedGfVR", 11, &number), SNOWID_E_OVERFLOW);
	ck_assert_uint_eq(number, 77);
	ck_assert_str_eq(text, "as it was");
	snowid_mask_free(mask);
}

TEST(layouts_of_less_than_20_bits_are_rejected)
{
	struct snowid_layout *layout = NULL;
	struct snowid_mask *mask = NULL;

	OK(snowid_layout_new("time:10,sequence:9", &layout));
	EXPECT(snowid_mask_new(some_key, layout, &mask), SNOWID_E_RANGE);
	EXPECT_DETAIL("19 bits");
	ck_assert_ptr_null(mask);
	snowid_layout_free(layout);
}

TEST(a_key_is_32_digits_in_either_case)
{
	static const char upper[] = "2B7E151628AED2A6ABF7158809CF4F3C";
	static const char lower[] = "2b7e151628aed2a6abf7158809cf4f3c";
	uint8_t key[SNOWID_MASK_KEY] = {0};

	OK(snowid_mask_key_parse(upper, 32, key));
	ck_assert_mem_eq(key, some_key, sizeof key);
	memset(key, 0, sizeof key);
	OK(snowid_mask_key_parse(lower, 32, key));
	ck_assert_mem_eq(key, some_key, sizeof key);
	for (size_t length = 0; length < 40; length++)
		if (length != 32)
			EXPECT(snowid_mask_key_parse("00000000000000000000000000000000000000000",
						     length, key),
			       SNOWID_E_SYNTAX);
	for (size_t at = 0; at < 32; at++) {
		for (int byte = 0; byte < 256; byte++) {
			char text[33];
			memcpy(text, lower, sizeof text);
			text[at] = (char)byte;
			EXPECT(snowid_mask_key_parse(text, 32, key),
			       byte < 0x80 && isxdigit(byte) ? 0 : SNOWID_E_SYNTAX);
		}
	}
}

TEST(errors_about_a_key_do_not_show_it)
{
	char detail[512];
	uint8_t key[SNOWID_MASK_KEY] = {1};

	EXPECT(snowid_mask_key_parse("2b7e151628aed2a6abf7158809cf4f3x", 32, key), SNOWID_E_SYNTAX);
	snowid_error_detail(detail, sizeof detail);
	ck_assert_ptr_null(strstr(detail, "2b7e"));
	ck_assert_ptr_null(strstr(detail, "'x'"));
	EXPECT(snowid_mask_key_parse("2b7e151628aed2a6", 16, key), SNOWID_E_SYNTAX);
	EXPECT_DETAIL("16 bytes");
	snowid_error_detail(detail, sizeof detail);
	ck_assert_ptr_null(strstr(detail, "2b7e"));
	ck_assert_uint_eq(key[0], 1);
}

TEST(mask_calls_reject_null)
{
	struct snowid_mask *mask = NULL;
	uint8_t key[SNOWID_MASK_KEY];
	char text[SNOWID_ID_TEXT];
	uint64_t number;
#define REFUSES(call, argument)                                                                    \
	do {                                                                                       \
		EXPECT(call, SNOWID_E_INVALID);                                                    \
		EXPECT_DETAIL(argument " is NULL");                                                \
	} while (0)
	REFUSES(snowid_mask_new(NULL, NULL, &mask), "key");
	REFUSES(snowid_mask_new(some_key, NULL, NULL), "mask");
	REFUSES(snowid_mask_key_parse(NULL, 32, key), "text");
	REFUSES(snowid_mask_key_parse("", 0, NULL), "key");
	REFUSES(snowid_mask_apply(NULL, 1, &number), "mask");
	REFUSES(snowid_mask_revert(NULL, 1, &number), "mask");
	REFUSES(snowid_mask_format(NULL, 1, text), "mask");
	REFUSES(snowid_mask_parse(NULL, "2", 1, &number), "mask");
	OK(snowid_mask_new(some_key, NULL, &mask));
	REFUSES(snowid_mask_apply(mask, 1, NULL), "masked");
	REFUSES(snowid_mask_revert(mask, 1, NULL), "id");
	REFUSES(snowid_mask_format(mask, 1, NULL), "text");
	REFUSES(snowid_mask_parse(mask, NULL, 1, &number), "text");
	REFUSES(snowid_mask_parse(mask, "2", 1, NULL), "id");
	snowid_mask_free(mask);
	snowid_mask_free(NULL);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
