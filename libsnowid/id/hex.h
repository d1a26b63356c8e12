/* SPDX-License-Identifier: MIT
 *
 * Hexadecimal digits, eight at a time in the bytes of one 64-bit word. No table is looked up and
 * nothing branches on a value, so that a secret key can be read as well.
 */
#ifndef SN_HEX_H
#define SN_HEX_H

#include <stdbool.h>

#include "libsnowid/base/bytes.h"

#define SN_EACH_BYTE 0x0101010101010101u

/* Spreads the eight nibbles of 32 bits over eight bytes, and packs them again. */
static inline uint64_t sn_spread_nibbles(uint64_t x)
{
	x = (x | x << 16) & 0x0000ffff0000ffff;
	x = (x | x << 8) & 0x00ff00ff00ff00ff;
	return (x | x << 4) & 0x0f0f0f0f0f0f0f0f;
}

static inline uint64_t sn_pack_nibbles(uint64_t x)
{
	x = (x | x >> 4) & 0x00ff00ff00ff00ff;
	x = (x | x >> 8) & 0x0000ffff0000ffff;
	return (x | x >> 16) & 0x00000000ffffffff;
}

/* Turns bytes of 0 to 15 into the digits '0' to '9' and 'a' to 'f'. */
static inline uint64_t sn_hex_digits(uint64_t values)
{
	const uint64_t letters = (values + 6 * SN_EACH_BYTE) >> 4 & SN_EACH_BYTE;
	return values + '0' * SN_EACH_BYTE + letters * ('a' - '9' - 1);
}

/* Reads eight digits. Whatever was no digit does not come back when the values are written again
 * in lower case: the bits that differ are set in *bad. */
static inline uint64_t sn_hex_read8(uint64_t digits, uint64_t *bad)
{
	/* 0x40 is set in letters, and not in '0' to '9'. */
	const uint64_t letters = digits >> 6 & SN_EACH_BYTE;
	const uint64_t values =
		((digits & 0x0f * SN_EACH_BYTE) + letters * 9) & 0x0f * SN_EACH_BYTE;
	*bad |= sn_hex_digits(values) ^ (digits | letters << 5);
	return sn_pack_nibbles(values);
}

/* Reads 32 digits. False if they are not all digits. */
static inline bool sn_hex_read32(const char *text, uint64_t *high, uint64_t *low)
{
	uint64_t bad = 0;
	const uint64_t a = sn_hex_read8(sn_load64(text), &bad);
	const uint64_t b = sn_hex_read8(sn_load64(text + 8), &bad);
	const uint64_t c = sn_hex_read8(sn_load64(text + 16), &bad);
	const uint64_t d = sn_hex_read8(sn_load64(text + 24), &bad);
	*high = a << 32 | b;
	*low = c << 32 | d;
	return bad == 0;
}

#endif
