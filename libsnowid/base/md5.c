/* SPDX-License-Identifier: MIT
 *
 * MD5 (RFC 1321). Its words are little-endian.
 */
#include "libsnowid/base/bytes.h"
#include "libsnowid/base/digest.h"

static uint32_t load_little32(const uint8_t *from)
{
	return __builtin_bswap32(sn_load32(from));
}

static void store_little32(uint8_t *to, uint32_t word)
{
	sn_store32(to, __builtin_bswap32(word));
}

/* The table T: 2^32 |sin(i)| for i from 1 (RFC 1321, 3.4). */
static const uint32_t md5_sines[64] = {
	0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613,
	0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193,
	0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d,
	0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed,
	0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122,
	0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa,
	0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244,
	0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
	0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb,
	0xeb86d391,
};

static const uint8_t md5_rotations[4][4] = {
	{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

static uint32_t md5_mix(unsigned round, uint32_t b, uint32_t c, uint32_t d)
{
	switch (round) {
	case 0:
		return (b & c) | (~b & d);
	case 1:
		return (b & d) | (c & ~d);
	case 2:
		return b ^ c ^ d;
	default:
		return c ^ (b | ~d);
	}
}

static void md5_compress(uint32_t *state, const uint8_t *block)
{
	static const uint8_t step[4] = {1, 5, 3, 7}, first[4] = {0, 1, 5, 0}; /* which word */
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];

	for (unsigned i = 0; i < 64; i++) {
		const unsigned round = i / 16;
		const unsigned word = (first[round] + i * step[round]) % 16;
		const uint32_t sum = a + md5_mix(round, b, c, d) + md5_sines[i] +
				     load_little32(block + 4 * (size_t)word);
		a = d;
		d = c;
		c = b;
		b += sn_rotate_left32(sum, md5_rotations[round][i % 4]);
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
}

void sn_md5(const void *head, size_t head_size, const void *tail, size_t tail_size,
	    uint8_t digest[SN_MD5_SIZE])
{
	struct sn_digest md5 = {
		.compress = md5_compress,
		.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476},
	};
	uint8_t bit_count[8];

	sn_digest_add(&md5, head, head_size);
	sn_digest_add(&md5, tail, tail_size);
	store_little32(bit_count, (uint32_t)(md5.size << 3));
	store_little32(bit_count + 4, (uint32_t)(md5.size >> 29));
	sn_digest_end(&md5, bit_count);
	for (size_t i = 0; i < 4; i++)
		store_little32(digest + 4 * i, md5.state[i]);
}
