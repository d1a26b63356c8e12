/* SPDX-License-Identifier: MIT
 *
 * AES-128 (FIPS 197), encryption of single blocks.
 *
 * It takes the same time for all keys and blocks: there is no branch and no look-up in a table that
 * depends on them, since what these leave in the caches of the processor has revealed keys
 * (Bernstein, Cache-timing attacks on AES, 2005).
 */
#ifndef SN_AES_H
#define SN_AES_H

#include <stdint.h>

#define SN_AES_SIZE   16 /* of a key, and of a block */
#define SN_AES_ROUNDS 10

/* Eight slices of a block: bit k of slice i is bit i of byte k. */
typedef uint32_t sn_aes_slices[8];

struct sn_aes {
	sn_aes_slices round_keys[SN_AES_ROUNDS + 1];
};

void sn_aes_init(struct sn_aes *aes, const uint8_t key[SN_AES_SIZE]);
void sn_aes_encrypt(const struct sn_aes *aes, uint8_t block[SN_AES_SIZE]);

#endif
