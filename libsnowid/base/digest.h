/* SPDX-License-Identifier: MIT
 *
 * MD5 and SHA-1, for the UUIDs whose definition needs them (RFC 9562, 5.3 and 5.5). Neither is safe
 * against an attacker who chooses what is hashed, so nothing else may use them.
 */
#ifndef SN_DIGEST_H
#define SN_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define SN_MD5_SIZE  16
#define SN_SHA1_SIZE 20

/* Hash the bytes of `head` followed by those of `tail`. */
void sn_md5(const void *head, size_t head_size, const void *tail, size_t tail_size,
	    uint8_t digest[SN_MD5_SIZE]);
void sn_sha1(const void *head, size_t head_size, const void *tail, size_t tail_size,
	     uint8_t digest[SN_SHA1_SIZE]);

/* What both are built of: 64-byte blocks go through `compress` in turn. The state is that of the
 * algorithm, in its first 4 or 5 words. */
#define SN_DIGEST_BLOCK 64
struct sn_digest {
	void (*compress)(uint32_t *state, const uint8_t *block);
	uint32_t state[5];
	uint64_t size; /* of all bytes so far */
	uint8_t block[SN_DIGEST_BLOCK];
};

void sn_digest_add(struct sn_digest *digest, const void *bytes, size_t size);

/* Adds a 1 bit, zeros up to 8 bytes before the end of a block, and these 8 bytes. */
void sn_digest_end(struct sn_digest *digest, const uint8_t bit_count[8]);

static inline uint32_t sn_rotate_left32(uint32_t word, unsigned count)
{
	return word << count | word >> (32 - count);
}

#endif
