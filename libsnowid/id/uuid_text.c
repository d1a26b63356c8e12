/* SPDX-License-Identifier: MIT
 *
 * The text of UUIDs (RFC 9562, section 4).
 */
#include <stdbool.h>
#include <string.h>

#include "libsnowid/base/bytes.h"
#include "libsnowid/base/error.h"
#include "libsnowid/base/export.h"
#include "libsnowid/id/hex.h"
#include "libsnowid/id/text.h"

#define UUID_LENGTH (SNOWID_UUID_TEXT - 1)

SNOWID_EXPORT int snowid_uuid_format(const struct snowid_id128 *id, char text[SNOWID_UUID_TEXT])
{
	uint64_t a, b, c, d;

	if (!id)
		return sn_fail_null("id");
	if (!text)
		return sn_fail_null("text");
	a = sn_hex_digits(sn_spread_nibbles(sn_load32(id->bytes)));
	b = sn_hex_digits(sn_spread_nibbles(sn_load32(id->bytes + 4)));
	c = sn_hex_digits(sn_spread_nibbles(sn_load32(id->bytes + 8)));
	d = sn_hex_digits(sn_spread_nibbles(sn_load32(id->bytes + 12)));
	sn_store64(text, a);
	sn_store32(text + 9, (uint32_t)(b >> 32));
	sn_store32(text + 14, (uint32_t)b);
	sn_store32(text + 19, (uint32_t)(c >> 32));
	sn_store32(text + 24, (uint32_t)c);
	sn_store64(text + 28, d);
	text[8] = text[13] = text[18] = text[23] = '-';
	text[UUID_LENGTH] = '\0';
	return 0;
}

/* Reads 36 characters. False if they are not the plain form. */
static bool uuid_read_plain(const char *text, uint64_t *high, uint64_t *low)
{
	uint64_t bad = (uint64_t)((text[8] ^ '-') | (text[13] ^ '-') | (text[18] ^ '-') |
				  (text[23] ^ '-'));
	const uint64_t a = sn_hex_read8(sn_load64(text), &bad);
	const uint64_t b =
		sn_hex_read8((uint64_t)sn_load32(text + 9) << 32 | sn_load32(text + 14), &bad);
	const uint64_t c =
		sn_hex_read8((uint64_t)sn_load32(text + 19) << 32 | sn_load32(text + 24), &bad);
	const uint64_t d = sn_hex_read8(sn_load64(text + 28), &bad);
	*high = a << 32 | b;
	*low = c << 32 | d;
	return bad == 0;
}

/* The texts that are read. x stands for a hexadecimal digit; other letters stand for themselves in
 * either case, since the scheme and namespace of a URN have no case (RFC 8141, 3.1). */
#define UUID_PLAIN "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
static const struct uuid_pattern {
	const char *pattern;
	size_t start; /* of the plain form in the text */
} uuid_patterns[] = {{UUID_PLAIN, 0}, {"{" UUID_PLAIN "}", 1}, {"urn:uuid:" UUID_PLAIN, 9}};

#define UUID_DIGITS "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" /* without hyphens */

static int uuid_check_pattern(const char *pattern, const char *text)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	for (size_t i = 0; pattern[i] != '\0'; i++) {
		const char wanted = pattern[i];
		const bool letter = wanted >= 'a' && wanted <= 'z';
		const char both_cases[] = {wanted, (char)(letter ? wanted - 'a' + 'A' : wanted)};
		const char *const allowed = wanted == 'x' ? digits : both_cases;
		const unsigned count = wanted == 'x' ? sizeof digits - 1 : letter ? 2 : 1;
		if (!memchr(allowed, text[i], count))
			return sn_fail_byte(text, i, allowed, count);
	}
	return 0;
}

/* The slow path of parsing: other forms, and errors that name the wrong byte. */
static int uuid_read_any_form(const char *text, size_t length, uint64_t *high, uint64_t *low)
{
	for (size_t i = 0; i < sizeof uuid_patterns / sizeof *uuid_patterns; i++) {
		if (length == strlen(uuid_patterns[i].pattern)) {
			const int error = uuid_check_pattern(uuid_patterns[i].pattern, text);
			if (error)
				return error;
			uuid_read_plain(text + uuid_patterns[i].start, high, low);
			return 0;
		}
	}
	if (length == strlen(UUID_DIGITS))
		return sn_hex_read32(text, high, low) ? 0 : uuid_check_pattern(UUID_DIGITS, text);
	return sn_fail(SNOWID_E_SYNTAX,
		       "%zu bytes, but a UUID has 36, 32 without hyphens, 38 with braces, or 45 "
		       "with urn:uuid:",
		       length);
}

SNOWID_EXPORT int snowid_uuid_parse(const char *text, size_t length, struct snowid_id128 *id)
{
	uint64_t high, low;

	if (!text)
		return sn_fail_null("text");
	if (!id)
		return sn_fail_null("id");
	if (length != UUID_LENGTH || !uuid_read_plain(text, &high, &low)) {
		const int error = uuid_read_any_form(text, length, &high, &low);
		if (error)
			return error;
	}
	sn_store64(id->bytes, high);
	sn_store64(id->bytes + 8, low);
	return 0;
}
