/* SPDX-License-Identifier: MIT
 *
 * Masks: 64-bit IDs as numbers that tell nothing without the key.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "libsnowid/base/erase.h"
#include "libsnowid/base/error.h"
#include "libsnowid/base/export.h"
#include "libsnowid/id/ff1.h"
#include "libsnowid/id/hex.h"
#include "libsnowid/id/layout.h"

#define MASK_KEY_DIGITS (2 * SNOWID_MASK_KEY)

struct snowid_mask {
	struct sn_ff1 ff1;
};

/* The detail shows nothing of the text, which is a secret even if it is not a key. */
SNOWID_EXPORT int snowid_mask_key_parse(const char *text, size_t length,
					uint8_t key[SNOWID_MASK_KEY])
{
	uint64_t high, low;

	if (!text)
		return sn_fail_null("text");
	if (!key)
		return sn_fail_null("key");
	if (length != MASK_KEY_DIGITS)
		return sn_fail(SNOWID_E_SYNTAX, "%zu bytes, but a key has %d hexadecimal digits",
			       length, MASK_KEY_DIGITS);
	if (!sn_hex_read32(text, &high, &low))
		return sn_fail(SNOWID_E_SYNTAX,
			       "a key has %d hexadecimal digits, and one of these bytes is none",
			       MASK_KEY_DIGITS);
	sn_store64(key, high);
	sn_store64(key + 8, low);
	return 0;
}

SNOWID_EXPORT int snowid_mask_new(const uint8_t key[SNOWID_MASK_KEY],
				  const struct snowid_layout *layout, struct snowid_mask **mask)
{
	const unsigned bits = layout ? layout->bits : 64;
	struct snowid_mask *made;

	if (!key)
		return sn_fail_null("key");
	if (!mask)
		return sn_fail_null("mask");
	if (bits < SN_FF1_BITS_MIN)
		return sn_fail(SNOWID_E_RANGE,
			       "the layout has %u bits, and a mask needs at least %d: so few "
			       "numbers could be tried one by one",
			       bits, SN_FF1_BITS_MIN);
	made = malloc(sizeof *made);
	if (!made)
		return sn_fail_nomem();
	sn_ff1_init(&made->ff1, key, bits);
	*mask = made;
	return 0;
}

SNOWID_EXPORT void snowid_mask_free(struct snowid_mask *mask)
{
	if (!mask)
		return;
	sn_erase(mask, sizeof *mask);
	free(mask);
}

static int mask_check(const struct snowid_mask *mask, uint64_t number)
{
	if (!mask)
		return sn_fail_null("mask");
	if (number & ~sn_mask(mask->ff1.bits))
		return sn_fail(SNOWID_E_RANGE,
			       "%" PRIu64 " has bits set above the %u that the mask was made for",
			       number, mask->ff1.bits);
	return 0;
}

SNOWID_EXPORT int snowid_mask_apply(const struct snowid_mask *mask, uint64_t id, uint64_t *masked)
{
	const int error = mask_check(mask, id);

	if (error)
		return error;
	if (!masked)
		return sn_fail_null("masked");
	*masked = sn_ff1_encrypt(&mask->ff1, id);
	return 0;
}

SNOWID_EXPORT int snowid_mask_revert(const struct snowid_mask *mask, uint64_t masked, uint64_t *id)
{
	const int error = mask_check(mask, masked);

	if (error)
		return error;
	if (!id)
		return sn_fail_null("id");
	*id = sn_ff1_decrypt(&mask->ff1, masked);
	return 0;
}

SNOWID_EXPORT int snowid_mask_format(const struct snowid_mask *mask, uint64_t id,
				     char text[SNOWID_ID_TEXT])
{
	uint64_t masked;
	const int error = snowid_mask_apply(mask, id, &masked);

	return error ? error : snowid_id_format(masked, SNOWID_FORM_BASE58, text);
}

SNOWID_EXPORT int snowid_mask_parse(const struct snowid_mask *mask, const char *text, size_t length,
				    uint64_t *id)
{
	uint64_t masked = 0;
	const int error = snowid_id_parse(text, length, SNOWID_FORM_BASE58, &masked);

	return error ? error : snowid_mask_revert(mask, masked, id);
}
