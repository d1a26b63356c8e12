/* SPDX-License-Identifier: MIT
 *
 * SHA-1 (RFC 3174). Its words are big-endian.
 */
#include "libsnowid/base/bytes.h"
#include "libsnowid/base/digest.h"

static const uint32_t sha1_constants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};

static uint32_t sha1_mix(unsigned round, uint32_t b, uint32_t c, uint32_t d)
{
	switch (round) {
	case 0:
		return (b & c) | (~b & d);
	case 2:
		return (b & c) | (b & d) | (c & d);
	default:
		return b ^ c ^ d;
	}
}

static void sha1_expand(const uint8_t *block, uint32_t words[80])
{
	for (size_t i = 0; i < 16; i++)
		words[i] = sn_load32(block + 4 * i);
	for (size_t i = 16; i < 80; i++)
		words[i] = sn_rotate_left32(
			words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
}

static void sha1_compress(uint32_t *state, const uint8_t *block)
{
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
	uint32_t words[80];

	sha1_expand(block, words);
	for (unsigned i = 0; i < 80; i++) {
		const unsigned round = i / 20;
		const uint32_t sum = sn_rotate_left32(a, 5) + sha1_mix(round, b, c, d) + e +
				     words[i] + sha1_constants[round];
		e = d;
		d = c;
		c = sn_rotate_left32(b, 30);
		b = a;
		a = sum;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
}

void sn_sha1(const void *head, size_t head_size, const void *tail, size_t tail_size,
	     uint8_t digest[SN_SHA1_SIZE])
{
	struct sn_digest sha1 = {
		.compress = sha1_compress,
		.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0},
	};
	uint8_t bit_count[8];

	sn_digest_add(&sha1, head, head_size);
	sn_digest_add(&sha1, tail, tail_size);
	sn_store64(bit_count, sha1.size << 3);
	sn_digest_end(&sha1, bit_count);
	for (size_t i = 0; i < 5; i++)
		sn_store32(digest + 4 * i, sha1.state[i]);
}
