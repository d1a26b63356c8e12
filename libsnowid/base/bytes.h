/* SPDX-License-Identifier: MIT
 *
 * Words as bytes, most significant first, whatever the machine's own order.
 */
#ifndef SN_BYTES_H
#define SN_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t sn_load64(const void *from)
{
	uint64_t word;
	memcpy(&word, from, sizeof word);
	return be64toh(word);
}

static inline uint32_t sn_load32(const void *from)
{
	uint32_t word;
	memcpy(&word, from, sizeof word);
	return be32toh(word);
}

static inline void sn_store64(void *to, uint64_t word)
{
	word = htobe64(word);
	memcpy(to, &word, sizeof word);
}

static inline void sn_store32(void *to, uint32_t word)
{
	word = htobe32(word);
	memcpy(to, &word, sizeof word);
}

#endif
