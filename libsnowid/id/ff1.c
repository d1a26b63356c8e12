/* SPDX-License-Identifier: MIT
 *
 * FF1 (NIST SP 800-38G, algorithms 7 and 8), a Feistel network of ten rounds. The names are those
 * of the standard: the left half A has u bits, the right half B has v = n - u, and b bytes hold
 * either.
 */
#include "libsnowid/id/ff1.h"

#include <string.h>

#include "libsnowid/base/bytes.h"
#include "libsnowid/id/layout.h"

#define RADIX      2
#define FF1_ROUNDS 10

static unsigned left_bits(const struct sn_ff1 *ff1)
{
	return ff1->bits / 2;
}

static unsigned right_bits(const struct sn_ff1 *ff1)
{
	return ff1->bits - left_bits(ff1);
}

void sn_ff1_init(struct sn_ff1 *ff1, const uint8_t key[SN_AES_SIZE], unsigned bits)
{
	sn_aes_init(&ff1->aes, key);
	ff1->bits = bits;
	const uint8_t first[SN_AES_SIZE] = {
		/* P, in step 5 */
		1, 2, 1, 0, 0, RADIX, FF1_ROUNDS, (uint8_t)left_bits(ff1), 0, 0, 0, (uint8_t)bits};
	memcpy(ff1->chain, first, sizeof first);
	sn_aes_encrypt(&ff1->aes, ff1->chain);
}

/* The number y of a round, of which the caller needs the low bits (steps 6.i to 6.iv). d is 8. */
static uint64_t ff1_round(const struct sn_ff1 *ff1, unsigned round, uint64_t half)
{
	const unsigned half_bytes = (right_bits(ff1) + 7) / 8;
	uint8_t block[SN_AES_SIZE] = {0};

	sn_store64(block + 8, half);
	block[SN_AES_SIZE - 1 - half_bytes] = (uint8_t)round;
	for (size_t i = 0; i < sizeof block; i++)
		block[i] ^= ff1->chain[i];
	sn_aes_encrypt(&ff1->aes, block);
	return sn_load64(block);
}

static uint64_t bits_of_round(const struct sn_ff1 *ff1, unsigned round)
{
	return sn_mask(round % 2 == 0 ? left_bits(ff1) : right_bits(ff1));
}

uint64_t sn_ff1_encrypt(const struct sn_ff1 *ff1, uint64_t number)
{
	uint64_t a = number >> right_bits(ff1), b = number & sn_mask(right_bits(ff1));

	for (unsigned i = 0; i < FF1_ROUNDS; i++) {
		const uint64_t c = (a + ff1_round(ff1, i, b)) & bits_of_round(ff1, i);
		a = b;
		b = c;
	}
	return a << right_bits(ff1) | b;
}

uint64_t sn_ff1_decrypt(const struct sn_ff1 *ff1, uint64_t number)
{
	uint64_t a = number >> right_bits(ff1), b = number & sn_mask(right_bits(ff1));

	for (unsigned i = FF1_ROUNDS; i-- > 0;) {
		const uint64_t c = (b - ff1_round(ff1, i, a)) & bits_of_round(ff1, i);
		b = a;
		a = c;
	}
	return a << right_bits(ff1) | b;
}
