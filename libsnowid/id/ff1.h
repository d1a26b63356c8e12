/* SPDX-License-Identifier: MIT
 *
 * FF1 of NIST SP 800-38G, with AES-128, radix 2 and an empty tweak: a permutation of the numbers of
 * 20 to 64 bits, whose most significant bit is the first numeral. With fewer bits there are fewer
 * than 10^6 numbers, which the standard refuses (revision 1, 5.1).
 */
#ifndef SN_FF1_H
#define SN_FF1_H

#include "libsnowid/base/aes.h"

#define SN_FF1_BITS_MIN 20
#define SN_FF1_BITS_MAX 64

struct sn_ff1 {
	struct sn_aes aes;
	uint8_t chain[SN_AES_SIZE]; /* the first block of each round, encrypted: it is constant */
	unsigned bits;
};

void sn_ff1_init(struct sn_ff1 *ff1, const uint8_t key[SN_AES_SIZE], unsigned bits);
uint64_t sn_ff1_encrypt(const struct sn_ff1 *ff1, uint64_t number);
uint64_t sn_ff1_decrypt(const struct sn_ff1 *ff1, uint64_t number);

#endif
