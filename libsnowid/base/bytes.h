/* SPDX-License-Identifier: MIT
 *
 * Integers as bytes, most significant first, whatever the byte order of the machine.
 */
#ifndef SN_BYTES_H
#define SN_BYTES_H

#include <stdint.h>
#include <string.h>

static inline uint64_t sn_big_endian64(uint64_t word)
{
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? word : __builtin_bswap64(word);
}

static inline uint32_t sn_big_endian32(uint32_t word)
{
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? word : __builtin_bswap32(word);
}

static inline uint64_t sn_load64(const void *from)
{
	uint64_t word;
	memcpy(&word, from, sizeof word);
	return sn_big_endian64(word);
}

static inline uint32_t sn_load32(const void *from)
{
	uint32_t word;
	memcpy(&word, from, sizeof word);
	return sn_big_endian32(word);
}

static inline void sn_store64(void *to, uint64_t word)
{
	word = sn_big_endian64(word);
	memcpy(to, &word, sizeof word);
}

static inline void sn_store32(void *to, uint32_t word)
{
	word = sn_big_endian32(word);
	memcpy(to, &word, sizeof word);
}

#endif
