/* SPDX-License-Identifier: MIT
 *
 * Text forms of 64-bit IDs. All are numbers in some radix, so a form is a row of a table.
 */
#include "libsnowid/id/text.h"

#include <stdbool.h>
#include <string.h>

#include "snowid.h"
#include "libsnowid/base/error.h"
#include "libsnowid/base/export.h"
#include "libsnowid/base/suggest.h"

/* Digits and values are as text.h describes them. Values have both cases if the form reads both. */
/* clang-format off */
static const char base36_digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
static const uint8_t base36_values[256] = {
	['0'] =  1,  2,  3,  4,  5,  6,  7,  8,  9, 10,
	['A'] = 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
	['N'] = 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36,
	['a'] = 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
	['n'] = 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36,
};

const char sn_base32_digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* no I, L, O, U */
const uint8_t sn_base32_values[256] = {
	['0'] =  1,  2,  3,  4,  5,  6,  7,  8,  9, 10,
	['A'] = 11, 12, 13, 14, 15, 16, 17, 18,  0, 19, 20,  0, 21,
	['N'] = 22,  0, 23, 24, 25, 26, 27,  0, 28, 29, 30, 31, 32,
	['a'] = 11, 12, 13, 14, 15, 16, 17, 18,  0, 19, 20,  0, 21,
	['n'] = 22,  0, 23, 24, 25, 26, 27,  0, 28, 29, 30, 31, 32,
};

/* github.com/bitcoin/bitcoin, src/base58.cpp: no 0, I, O, l. */
static const char base58_digits[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
static const uint8_t base58_values[256] = {
	['1'] =  1,  2,  3,  4,  5,  6,  7,  8,  9,
	['A'] = 10, 11, 12, 13, 14, 15, 16, 17,  0, 18, 19, 20, 21,
	['N'] = 22,  0, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33,
	['a'] = 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44,  0, 45,
	['n'] = 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58,
};

static const char base62_digits[] =
	"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
static const uint8_t base62_values[256] = {
	['0'] =  1,  2,  3,  4,  5,  6,  7,  8,  9, 10,
	['A'] = 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
	['N'] = 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36,
	['a'] = 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49,
	['n'] = 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
};

/* clang-format on */

static const struct text_form {
	const char *name;
	unsigned radix;
	unsigned width; /* length of the longest text */
	bool fixed;     /* every text has that length */
	const char *digits;
	const uint8_t *values;
} forms[] = {
	[SNOWID_FORM_DECIMAL] = {"decimal", 10, 20, false, base36_digits, base36_values},
	[SNOWID_FORM_PADDED] = {"padded", 10, 20, true, base36_digits, base36_values},
	[SNOWID_FORM_HEX] = {"hex", 16, 16, true, base36_digits, base36_values},
	[SNOWID_FORM_BASE32] = {"base32", 32, 13, true, sn_base32_digits, sn_base32_values},
	[SNOWID_FORM_BASE36] = {"base36", 36, 13, false, base36_digits, base36_values},
	[SNOWID_FORM_BASE58] = {"base58", 58, 11, false, base58_digits, base58_values},
	[SNOWID_FORM_BASE62] = {"base62", 62, 11, true, base62_digits, base62_values},
};
#define FORMS (sizeof forms / sizeof *forms)

static const struct text_form *form_find(enum snowid_form form)
{
	return (size_t)form < FORMS ? &forms[form] : NULL;
}

static int form_fail(enum snowid_form form)
{
	return sn_fail(SNOWID_E_INVALID, "form %d is not one of the %zu forms", (int)form, FORMS);
}

int sn_fail_byte(const char *text, size_t offset, const char *allowed, unsigned count)
{
	const unsigned char byte = (unsigned char)text[offset];
	const bool printable = byte >= 0x20 && byte < 0x7f; /* isprint() depends on the locale */
	return sn_fail(SNOWID_E_SYNTAX,
		       printable ? "byte %zu is '%c', which is not one of %.*s"
				 : "byte %zu is 0x%02x, which is not one of %.*s",
		       offset + 1, byte, (int)count, allowed);
}

SNOWID_EXPORT int snowid_id_format(uint64_t id, enum snowid_form form, char text[SNOWID_ID_TEXT])
{
	const struct text_form *const found = form_find(form);
	char digits[SNOWID_ID_TEXT] = "";
	char *at;

	if (!text)
		return sn_fail_null("text");
	if (!found)
		return form_fail(form);
	at = digits + found->width;
	do {
		*--at = found->digits[id % found->radix];
		id /= found->radix;
	} while (found->fixed ? at > digits : id > 0);
	memcpy(text, at, strlen(at) + 1);
	return 0;
}

/* Reads the digits from `start` on. */
static int form_read_digits(const struct text_form *found, const char *text, size_t length,
			    size_t start, uint64_t *number)
{
	uint64_t value = 0;
	bool overflow = false;

	for (size_t i = start; i < length; i++) {
		const unsigned digit = found->values[(unsigned char)text[i]] - 1u;
		if (digit >= found->radix)
			return sn_fail_byte(text, i, found->digits, found->radix);
		overflow |= __builtin_mul_overflow(value, found->radix, &value);
		overflow |= __builtin_add_overflow(value, digit, &value);
	}
	if (!found->fixed && length - start > 1 && text[start] == found->digits[0])
		return sn_fail(SNOWID_E_SYNTAX, "leading %c, which %s must not have",
			       found->digits[0], found->name);
	if (overflow)
		return sn_fail(SNOWID_E_OVERFLOW, "%.*s in %s is 2^64 or more", (int)length, text,
			       found->name);
	*number = value;
	return 0;
}

/* A signed column of a database shows IDs from 2^63 on as negative numbers. */
static int decimal_read_negative(const char *text, size_t length, uint64_t *id)
{
	uint64_t value = 0;
	const int error = form_read_digits(&forms[SNOWID_FORM_DECIMAL], text, length, 1, &value);

	if (error)
		return error;
	if (value == 0)
		return sn_fail(SNOWID_E_SYNTAX, "%.*s must be written without its sign",
			       (int)length, text);
	if (value > (uint64_t)INT64_MAX + 1)
		return sn_fail(SNOWID_E_OVERFLOW,
			       "%.*s is below -2^63, the lowest number of 64 bits", (int)length,
			       text);
	*id = 0 - value;
	return 0;
}

SNOWID_EXPORT int snowid_id_parse(const char *text, size_t length, enum snowid_form form,
				  uint64_t *id)
{
	const struct text_form *const found = form_find(form);

	if (!text)
		return sn_fail_null("text");
	if (!id)
		return sn_fail_null("id");
	if (!found)
		return form_fail(form);
	if (length == 0 || length > found->width || (found->fixed && length < found->width))
		return sn_fail(SNOWID_E_SYNTAX, "%zu bytes, but %s has %s%u", length, found->name,
			       found->fixed ? "" : "1 to ", found->width);
	if (form == SNOWID_FORM_DECIMAL && length > 1 && text[0] == '-')
		return decimal_read_negative(text, length, id);
	return form_read_digits(found, text, length, 0, id);
}

SNOWID_EXPORT int snowid_form_parse(const char *name, enum snowid_form *form)
{
	struct sn_suggestion suggestion;

	if (!name)
		return sn_fail_null("name");
	if (!form)
		return sn_fail_null("form");
	for (size_t i = 0; i < FORMS; i++) {
		if (strcmp(name, forms[i].name) == 0) {
			*form = (enum snowid_form)i;
			return 0;
		}
	}
	sn_suggestion_begin(&suggestion, name, strlen(name));
	for (size_t i = 0; i < FORMS; i++)
		sn_suggestion_offer(&suggestion, forms[i].name);
	return sn_fail(SNOWID_E_UNKNOWN, "there is no form \"%.60s\"%s", name,
		       sn_suggestion_or(&suggestion, "; the forms are decimal, padded, hex, "
						     "base32, base36, base58 and base62"));
}

SNOWID_EXPORT const char *snowid_form_name(enum snowid_form form)
{
	const struct text_form *const found = form_find(form);
	return found ? found->name : NULL;
}
