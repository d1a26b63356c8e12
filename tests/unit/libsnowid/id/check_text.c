/* SPDX-License-Identifier: MIT
 *
 * Expected texts come from printf, strtoull, published examples, and long division of decimal
 * digits.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "tests/unit/check.h"
#include "tests/unit/random.h"

/* From snowid.h, and the sources that it names. */
static const struct {
	enum snowid_form form;
	const char *name;
	const char *alphabet;
	size_t shortest, longest;
	bool folds; /* reads both cases of letters */
	bool sorts;
} forms[] = {
	{SNOWID_FORM_DECIMAL, "decimal", "0123456789", 1, 20, false, false},
	{SNOWID_FORM_PADDED, "padded", "0123456789", 20, 20, false, true},
	{SNOWID_FORM_HEX, "hex", "0123456789abcdef", 16, 16, true, true},
	{SNOWID_FORM_BASE32, "base32", "0123456789ABCDEFGHJKMNPQRSTVWXYZ", 13, 13, true, true},
	{SNOWID_FORM_BASE36, "base36", "0123456789abcdefghijklmnopqrstuvwxyz", 1, 13, true, false},
	{SNOWID_FORM_BASE58, "base58", "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
	 1, 11, false, false},
	{SNOWID_FORM_BASE62, "base62",
	 "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", 11, 11, false, true},
};
#define FORMS (sizeof forms / sizeof *forms)

static const uint64_t edge_cases[] = {
	0,
	1,
	9,
	10,
	31,
	32,
	35,
	36,
	57,
	58,
	61,
	62,
	0x7fffffff,
	0x80000000,
	0xffffffff,
	0x100000000,
	INT64_MAX,
	(uint64_t)INT64_MAX + 1,
	UINT64_MAX - 1,
	UINT64_MAX,
	1541815603606036480 /* the example of Wikipedia */
};
#define EDGE_CASES (sizeof edge_cases / sizeof *edge_cases)

/* Writes a decimal number in form f by long division of its digits. `text` has room for 40
 * bytes. */
static void divide_into_text(const char *decimal, size_t f, char *text)
{
	const int radix = (int)strlen(forms[f].alphabet);
	char digits[40], reversed[40];
	size_t count = 0;
	int left;

	strcpy(digits, decimal);
	do {
		int remainder = 0;
		left = 0;
		for (char *d = digits; *d; d++) {
			const int part = remainder * 10 + (*d - '0');
			*d = (char)('0' + part / radix);
			remainder = part % radix;
			left |= *d - '0';
		}
		reversed[count++] = forms[f].alphabet[remainder];
	} while (left);
	while (count < forms[f].shortest)
		reversed[count++] = forms[f].alphabet[0];
	for (size_t i = 0; i < count; i++)
		text[i] = reversed[count - 1 - i];
	text[count] = '\0';
}

static bool is_digit_of_form(size_t f, int byte)
{
	const int other = (byte >= 'a' && byte <= 'z')   ? byte - 'a' + 'A'
			  : (byte >= 'A' && byte <= 'Z') ? byte - 'A' + 'a'
							 : byte;
	if (byte == 0)
		return false;
	return strchr(forms[f].alphabet, byte) ||
	       (forms[f].folds && strchr(forms[f].alphabet, other));
}

static void expect_text_both_ways(uint64_t id, size_t f, const char *expected)
{
	char text[SNOWID_ID_TEXT];
	uint64_t back = ~id;
	if (snowid_id_format(id, forms[f].form, text) != 0 || strcmp(text, expected) != 0)
		ck_abort_msg("%" PRIu64 " in %s is \"%s\", not \"%s\"", id, forms[f].name, text,
			     expected);
	if (snowid_id_parse(expected, strlen(expected), forms[f].form, &back) != 0 || back != id)
		ck_abort_msg("%s in %s is %" PRIu64 ", not %" PRIu64, expected, forms[f].name, back,
			     id);
}

static void expect_every_form(uint64_t id)
{
	char decimal[24], expected[40];
	snprintf(decimal, sizeof decimal, "%" PRIu64, id);
	for (size_t f = 0; f < FORMS; f++) {
		divide_into_text(decimal, f, expected);
		expect_text_both_ways(id, f, expected);
	}
	snprintf(expected, sizeof expected, "%" PRIu64, id);
	expect_text_both_ways(id, SNOWID_FORM_DECIMAL, expected);
	snprintf(expected, sizeof expected, "%020" PRIu64, id);
	expect_text_both_ways(id, SNOWID_FORM_PADDED, expected);
	snprintf(expected, sizeof expected, "%016" PRIx64, id);
	expect_text_both_ways(id, SNOWID_FORM_HEX, expected);
}

TEST(texts_agree_with_long_division)
{
	uint64_t state = 1;
	for (size_t i = 0; i < EDGE_CASES; i++)
		expect_every_form(edge_cases[i]);
	for (int bit = 0; bit < 64; bit++) {
		expect_every_form((UINT64_C(1) << bit) - 1);
		expect_every_form(UINT64_C(1) << bit);
	}
	for (size_t f = 0; f < FORMS; f++) { /* where the number of digits changes */
		const uint64_t radix = strlen(forms[f].alphabet);
		for (uint64_t power = radix; power <= UINT64_MAX / radix; power *= radix) {
			expect_every_form(power - 1);
			expect_every_form(power);
		}
	}
	for (int i = 0; i < 20000; i++) {
		const uint64_t id = test_random(&state);
		expect_every_form(id >> (id & 63));
	}
}

TEST(numbers_agree_with_strtoull)
{
	static const struct {
		enum snowid_form form;
		int radix;
	} same[] = {{SNOWID_FORM_DECIMAL, 10}, {SNOWID_FORM_HEX, 16}, {SNOWID_FORM_BASE36, 36}};
	uint64_t state = 2;
	for (int i = 0; i < 100000; i++) {
		const uint64_t random = test_random(&state);
		const uint64_t id = random >> (random & 63);
		for (size_t s = 0; s < sizeof same / sizeof *same; s++) {
			char text[SNOWID_ID_TEXT];
			uint64_t back = 0;
			if (snowid_id_format(id, same[s].form, text) != 0 ||
			    strtoull(text, NULL, same[s].radix) != id)
				ck_abort_msg("%" PRIu64 " became %s", id, text);
			if (i & 1)
				for (char *c = text; *c; c++)
					*c = (char)(*c >= 'a' ? *c - 'a' + 'A' : *c);
			if (snowid_id_parse(text, strlen(text), same[s].form, &back) != 0 ||
			    back != id)
				ck_abort_msg("%s was read as %" PRIu64, text, back);
		}
	}
}

/* github.com/bitcoin/bitcoin, src/test/data/base58_encode_decode.json: those of up to 8 bytes. */
TEST(base58_agrees_with_bitcoin)
{
	expect_text_both_ways(0x61, SNOWID_FORM_BASE58, "2g");
	expect_text_both_ways(0x626262, SNOWID_FORM_BASE58, "a3gV");
	expect_text_both_ways(0x636363, SNOWID_FORM_BASE58, "aPEr");
	expect_text_both_ways(0x516b6fcd0f, SNOWID_FORM_BASE58, "ABnLTmg");
	expect_text_both_ways(0x572e4794, SNOWID_FORM_BASE58, "3EFU7m");
	expect_text_both_ways(0x10c8511e, SNOWID_FORM_BASE58, "Rt5zm");
}

TEST(sortable_texts_sort_like_their_ids)
{
	uint64_t state = 3;
	for (int i = 0; i < 20000; i++) {
		const uint64_t a = test_random(&state) >> (i & 63);
		const uint64_t b = (i & 64) ? a + 1 : test_random(&state) >> (i & 63);
		for (size_t f = 0; f < FORMS; f++) {
			char one[SNOWID_ID_TEXT], other[SNOWID_ID_TEXT];
			snowid_id_format(a, forms[f].form, one);
			snowid_id_format(b, forms[f].form, other);
			if (forms[f].sorts && (strcmp(one, other) < 0) != (a < b))
				ck_abort_msg("%s: %s and %s", forms[f].name, one, other);
		}
	}
}

/* Tries every byte in every place of texts of every length. */
TEST(bytes_outside_the_alphabet_are_rejected)
{
	for (size_t f = 0; f < FORMS; f++) {
		for (size_t length = forms[f].shortest; length <= forms[f].longest; length++) {
			for (size_t at = 0; at < length; at++) {
				for (int byte = 0; byte < 256; byte++) {
					char text[24], where[32];
					uint64_t id = 77;
					memset(text, forms[f].alphabet[1], length);
					text[at] = (char)byte;
					const int result =
						snowid_id_parse(text, length, forms[f].form, &id);
					const bool minus_first =
						at == 0 && length > 1 && byte == '-' &&
						forms[f].form == SNOWID_FORM_DECIMAL;
					const bool zero_first = at == 0 && length > 1 &&
								byte == forms[f].alphabet[0] &&
								forms[f].shortest == 1;
					if (minus_first) {
						ck_assert_int_eq(result, 0);
						continue;
					}
					if (!is_digit_of_form(f, byte)) {
						ck_assert_int_eq(result, SNOWID_E_SYNTAX);
						snprintf(where, sizeof where,
							 byte >= ' ' && byte <= '~'
								 ? "byte %zu is '%c'"
								 : "byte %zu is 0x%02x",
							 at + 1, byte);
						EXPECT_DETAIL(where);
					} else if (zero_first) {
						ck_assert_int_eq(result, SNOWID_E_SYNTAX);
						EXPECT_DETAIL("leading");
					} else if (result != SNOWID_E_OVERFLOW) {
						ck_assert_int_eq(result, 0);
						continue;
					}
					ck_assert_uint_eq(id, 77);
				}
			}
		}
	}
}

TEST(texts_of_other_lengths_are_rejected)
{
	for (size_t f = 0; f < FORMS; f++) {
		for (size_t length = 0; length < 40; length++) {
			char text[40];
			uint64_t id = 77;
			if (length >= forms[f].shortest && length <= forms[f].longest)
				continue;
			memset(text, forms[f].alphabet[1], sizeof text);
			EXPECT(snowid_id_parse(text, length, forms[f].form, &id), SNOWID_E_SYNTAX);
			EXPECT_DETAIL(forms[f].name);
			ck_assert_uint_eq(id, 77);
		}
		uint64_t id;
		EXPECT(snowid_id_parse("1", SIZE_MAX, forms[f].form, &id), SNOWID_E_SYNTAX);
	}
}

TEST(text_ends_at_its_length)
{
	uint64_t id;
	OK(snowid_id_parse("123456", 3, SNOWID_FORM_DECIMAL, &id));
	ck_assert_uint_eq(id, 123);
	EXPECT(snowid_id_parse("123\0", 4, SNOWID_FORM_DECIMAL, &id), SNOWID_E_SYNTAX);
	EXPECT_DETAIL("byte 4 is 0x00");
}

TEST(texts_from_2_to_the_64_overflow)
{
	for (size_t f = 0; f < FORMS; f++) {
		char text[40];
		uint64_t id = 77;
		divide_into_text("18446744073709551616", f, text);
		if (strlen(text) <= forms[f].longest) { /* too long in hex */
			EXPECT(snowid_id_parse(text, strlen(text), forms[f].form, &id),
			       SNOWID_E_OVERFLOW);
			EXPECT_DETAIL(text);
		} else {
			ck_assert_uint_eq(forms[f].form, SNOWID_FORM_HEX);
		}
		divide_into_text("18446744073709551617", f, text);
		ck_assert_int_ne(snowid_id_parse(text, strlen(text), forms[f].form, &id), 0);
		ck_assert_uint_eq(id, 77);
		divide_into_text("18446744073709551615", f, text);
		OK(snowid_id_parse(text, strlen(text), forms[f].form, &id));
		ck_assert_uint_eq(id, UINT64_MAX);
	}
}

TEST(longest_texts_overflow)
{
	for (size_t f = 0; f < FORMS; f++) {
		const size_t length = forms[f].longest;
		char text[40];
		uint64_t id = 77;
		memset(text, forms[f].alphabet[strlen(forms[f].alphabet) - 1], length);
		EXPECT(snowid_id_parse(text, length, forms[f].form, &id),
		       forms[f].form == SNOWID_FORM_HEX ? 0 : SNOWID_E_OVERFLOW);
		text[length - 1] = '!'; /* a syntax error takes precedence */
		EXPECT(snowid_id_parse(text, length, forms[f].form, &id), SNOWID_E_SYNTAX);
	}
}

TEST(zero_is_one_digit_if_the_length_varies)
{
	uint64_t id = 77;
	expect_text_both_ways(0, SNOWID_FORM_DECIMAL, "0");
	expect_text_both_ways(0, SNOWID_FORM_BASE36, "0");
	expect_text_both_ways(0, SNOWID_FORM_BASE58, "1");
	EXPECT(snowid_id_parse("00", 2, SNOWID_FORM_DECIMAL, &id), SNOWID_E_SYNTAX);
	EXPECT(snowid_id_parse("01", 2, SNOWID_FORM_DECIMAL, &id), SNOWID_E_SYNTAX);
	EXPECT(snowid_id_parse("00z", 3, SNOWID_FORM_BASE36, &id), SNOWID_E_SYNTAX);
	EXPECT(snowid_id_parse("12", 2, SNOWID_FORM_BASE58, &id), SNOWID_E_SYNTAX);
	EXPECT_DETAIL("leading 1");
	ck_assert_uint_eq(id, 77);
}

TEST(decimal_reads_the_numbers_of_a_signed_column)
{
	uint64_t state = 4;
	for (int i = 0; i < 100000; i++) {
		const uint64_t id =
			(uint64_t)INT64_MAX + 1 + (test_random(&state) >> 1 >> (i & 63));
		char text[24];
		uint64_t back = 0;
		snprintf(text, sizeof text, "%" PRId64,
			 (int64_t)(i & 1 ? id : ~id | UINT64_C(1) << 63));
		if (snowid_id_parse(text, strlen(text), SNOWID_FORM_DECIMAL, &back) != 0 ||
		    back != (uint64_t)strtoll(text, NULL, 10))
			ck_abort_msg("%s was read as %" PRIu64, text, back);
	}
}

TEST(other_negative_numbers_are_rejected)
{
	static const struct {
		const char *text;
		int error;
		const char *detail;
	} cases[] = {
		{"-", SNOWID_E_SYNTAX, "-"},
		{"-0", SNOWID_E_SYNTAX, "-0"},
		{"--1", SNOWID_E_SYNTAX, "byte 2 is '-'"},
		{"-01", SNOWID_E_SYNTAX, "leading 0"},
		{"1-", SNOWID_E_SYNTAX, "byte 2 is '-'"},
		{"-9223372036854775809", SNOWID_E_OVERFLOW, "-2^63"},
		{"-9999999999999999999", SNOWID_E_OVERFLOW, "-2^63"},
		{"-18446744073709551615", SNOWID_E_SYNTAX, "21 bytes"},
	};
	uint64_t id = 77;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		EXPECT(snowid_id_parse(cases[i].text, strlen(cases[i].text), SNOWID_FORM_DECIMAL,
				       &id),
		       cases[i].error);
		EXPECT_DETAIL(cases[i].detail);
	}
	EXPECT(snowid_id_parse("-0000000000000000001", 20, SNOWID_FORM_PADDED, &id),
	       SNOWID_E_SYNTAX);
	EXPECT(snowid_id_parse("-1", 2, SNOWID_FORM_BASE36, &id), SNOWID_E_SYNTAX);
	ck_assert_uint_eq(id, 77);
	OK(snowid_id_parse("-9223372036854775808", 20, SNOWID_FORM_DECIMAL, &id));
	ck_assert_uint_eq(id, (uint64_t)INT64_MAX + 1);
	OK(snowid_id_parse("-1", 2, SNOWID_FORM_DECIMAL, &id));
	ck_assert_uint_eq(id, UINT64_MAX);
}

TEST(forms_have_names)
{
	for (size_t f = 0; f < FORMS; f++) {
		enum snowid_form form = (enum snowid_form)99;
		ck_assert_str_eq(snowid_form_name(forms[f].form), forms[f].name);
		OK(snowid_form_parse(forms[f].name, &form));
		ck_assert_int_eq((int)form, (int)forms[f].form);
	}
}

TEST(a_misspelt_form_is_suggested)
{
	enum snowid_form form;
	EXPECT(snowid_form_parse("Decimals", &form), SNOWID_E_UNKNOWN);
	EXPECT_DETAIL("no form \"Decimals\"; did you mean decimal?");
}

TEST(unknown_names_and_forms_are_rejected)
{
	static const char *const names[] = {"", "base64", "Decimal", "hex ", "base3", "decimals"};
	static const int none[] = {(int)FORMS, 99, -1, INT_MAX, INT_MIN};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		enum snowid_form form = SNOWID_FORM_BASE58;
		EXPECT(snowid_form_parse(names[i], &form), SNOWID_E_UNKNOWN);
		EXPECT_DETAIL("there is no form");
		ck_assert_int_eq((int)form, SNOWID_FORM_BASE58);
	}
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		const enum snowid_form form = (enum snowid_form)none[i];
		char text[SNOWID_ID_TEXT] = "as it was";
		uint64_t id = 77;
		ck_assert_ptr_null(snowid_form_name(form));
		EXPECT(snowid_id_format(1, form, text), SNOWID_E_INVALID);
		ck_assert_str_eq(text, "as it was");
		EXPECT(snowid_id_parse("1", 1, form, &id), SNOWID_E_INVALID);
		ck_assert_uint_eq(id, 77);
	}
}

TEST(text_calls_reject_null)
{
	enum snowid_form form;
	uint64_t id;
	EXPECT(snowid_id_format(1, SNOWID_FORM_HEX, NULL), SNOWID_E_INVALID);
	EXPECT_DETAIL("text is NULL");
	EXPECT(snowid_id_parse(NULL, 0, SNOWID_FORM_HEX, &id), SNOWID_E_INVALID);
	EXPECT_DETAIL("text is NULL");
	EXPECT(snowid_id_parse("1", 1, SNOWID_FORM_DECIMAL, NULL), SNOWID_E_INVALID);
	EXPECT_DETAIL("id is NULL");
	EXPECT(snowid_form_parse(NULL, &form), SNOWID_E_INVALID);
	EXPECT_DETAIL("name is NULL");
	EXPECT(snowid_form_parse("hex", NULL), SNOWID_E_INVALID);
	EXPECT_DETAIL("form is NULL");
}

int main(void)
{
	return run_tests(NULL, NULL);
}
