/* SPDX-License-Identifier: MIT
 *
 * AES-128 in bit slices: each operation works on one bit of all 16 bytes at once.
 */
#include "libsnowid/base/aes.h"

#include <string.h>

#include "libsnowid/base/bytes.h"
#include "libsnowid/base/erase.h"

#define ALL_BYTES 0xffffu

/* ---- slices ---------------------------------------------------------------------------------- */

/* Bit i of byte k becomes bit k of byte i, counted from the least significant (Warren, Hacker's
 * Delight, 7-3). It is its own inverse. */
static uint64_t transpose8x8(uint64_t x)
{
	uint64_t swapped;

	swapped = (x ^ x >> 7) & 0x00aa00aa00aa00aa;
	x ^= swapped ^ swapped << 7;
	swapped = (x ^ x >> 14) & 0x0000cccc0000cccc;
	x ^= swapped ^ swapped << 14;
	swapped = (x ^ x >> 28) & 0x00000000f0f0f0f0;
	return x ^ swapped ^ swapped << 28;
}

static void slice_block(const uint8_t block[SN_AES_SIZE], sn_aes_slices slices)
{
	const uint64_t first = transpose8x8(__builtin_bswap64(sn_load64(block)));
	const uint64_t second = transpose8x8(__builtin_bswap64(sn_load64(block + 8)));

	for (unsigned i = 0; i < 8; i++)
		slices[i] = (uint32_t)((first >> 8 * i & 0xff) | (second >> 8 * i & 0xff) << 8);
}

static void join_slices(const sn_aes_slices slices, uint8_t block[SN_AES_SIZE])
{
	uint64_t first = 0, second = 0;

	for (unsigned i = 0; i < 8; i++) {
		first |= (uint64_t)(slices[i] & 0xff) << 8 * i;
		second |= (uint64_t)(slices[i] >> 8) << 8 * i;
	}
	sn_store64(block, __builtin_bswap64(transpose8x8(first)));
	sn_store64(block + 8, __builtin_bswap64(transpose8x8(second)));
}

/* ---- SubBytes -------------------------------------------------------------------------------- */

/* The circuit of 113 gates by Boyar, Matthews and Peralta (Logic Minimization Techniques with
 * Applications to Cryptology, Journal of Cryptology 26, 2013), with the names of its listing. x[0]
 * and the result s[0] are the most significant bits there. */
typedef uint32_t sbox_y[22];      /* y[1] to y[21]: linear in the input */
typedef uint32_t sbox_inverse[9]; /* t29, t33, t37, t40 to t45 */

static inline void sbox_top(const uint32_t x[8], sbox_y y)
{
	const uint32_t t0 = x[1] ^ x[2];

	y[14] = x[3] ^ x[5];
	y[13] = x[0] ^ x[6];
	y[9] = x[0] ^ x[3];
	y[8] = x[0] ^ x[5];
	y[1] = t0 ^ x[7];
	y[4] = y[1] ^ x[3];
	y[12] = y[13] ^ y[14];
	y[2] = y[1] ^ x[0];
	y[5] = y[1] ^ x[6];
	y[3] = y[5] ^ y[8];

	const uint32_t t1 = x[4] ^ y[12];

	y[15] = t1 ^ x[5];
	y[20] = t1 ^ x[1];
	y[6] = y[15] ^ x[7];
	y[10] = y[15] ^ t0;
	y[11] = y[20] ^ y[9];
	y[7] = x[7] ^ y[11];
	y[17] = y[10] ^ y[11];
	y[19] = y[10] ^ y[8];
	y[16] = t0 ^ y[11];
	y[21] = y[13] ^ y[16];
	y[18] = x[0] ^ y[16];
}

/* The inversion in GF(2^8), by way of GF(2^4). */
static inline void sbox_invert(const sbox_y y, uint32_t x7, sbox_inverse inverse)
{
	const uint32_t t2 = y[12] & y[15];
	const uint32_t t4 = (y[3] & y[6]) ^ t2;
	const uint32_t t6 = (y[4] & x7) ^ t2;
	const uint32_t t7 = y[13] & y[16];
	const uint32_t t9 = (y[5] & y[1]) ^ t7;
	const uint32_t t11 = (y[2] & y[7]) ^ t7;
	const uint32_t t12 = y[9] & y[11];
	const uint32_t t14 = (y[14] & y[17]) ^ t12;
	const uint32_t t16 = (y[8] & y[10]) ^ t12;
	const uint32_t t21 = t4 ^ t14 ^ y[20];
	const uint32_t t22 = t6 ^ t16 ^ y[19];
	const uint32_t t23 = t9 ^ t14 ^ y[21];
	const uint32_t t24 = t11 ^ t16 ^ y[18];
	const uint32_t t25 = t21 ^ t22;
	const uint32_t t26 = t21 & t23;
	const uint32_t t27 = t24 ^ t26;
	const uint32_t t29 = (t25 & t27) ^ t22;
	const uint32_t t33 = ((t22 ^ t26) & (t23 ^ t24)) ^ t24;
	const uint32_t t36 = t24 & (t27 ^ t33);
	const uint32_t t37 = t36 ^ t23 ^ t33;
	const uint32_t t40 = t25 ^ (t29 & (t27 ^ t36));

	inverse[0] = t29;
	inverse[1] = t33;
	inverse[2] = t37;
	inverse[3] = t40;
	inverse[4] = t40 ^ t37;
	inverse[5] = t29 ^ t33;
	inverse[6] = t29 ^ t40;
	inverse[7] = t33 ^ t37;
	inverse[8] = inverse[5] ^ inverse[4];
}

static inline void sbox_bottom(const uint32_t z[18], uint32_t s[8])
{
	const uint32_t t46 = z[15] ^ z[16], t48 = z[5] ^ z[13];
	const uint32_t t57 = z[2] ^ z[12] ^ z[0] ^ z[3];
	const uint32_t t58 = z[4] ^ t46, t59 = z[3] ^ z[6] ^ z[7];
	const uint32_t t60 = t46 ^ t57;
	const uint32_t t62 = z[7] ^ z[8] ^ t58, t63 = z[9] ^ z[10] ^ t58;
	const uint32_t t64 = z[4] ^ t59, t65 = z[14] ^ t57 ^ t62;
	const uint32_t t66 = z[1] ^ t63, t67 = t64 ^ t65;

	s[0] = t59 ^ t63;
	s[3] = z[0] ^ z[3] ^ t66;
	s[4] = z[2] ^ z[5] ^ t66;
	s[5] = z[10] ^ z[11] ^ t65;
	s[6] = z[12] ^ t48 ^ t62 ^ ALL_BYTES;
	s[7] = t48 ^ t60 ^ ALL_BYTES;
	s[1] = t64 ^ s[3] ^ ALL_BYTES;
	s[2] = z[16] ^ z[17] ^ t67 ^ ALL_BYTES;
}

static inline void sub_bytes(sn_aes_slices slices)
{
	uint32_t x[8], s[8];
	sbox_y y;
	sbox_inverse v;

	for (unsigned i = 0; i < 8; i++)
		x[i] = slices[7 - i];
	sbox_top(x, y);
	sbox_invert(y, x[7], v);
	const uint32_t z[18] = {
		v[7] & y[15], v[2] & y[6],  v[1] & x[7],  v[6] & y[16], v[3] & y[1],  v[0] & y[7],
		v[5] & y[11], v[8] & y[17], v[4] & y[10], v[7] & y[12], v[2] & y[3],  v[1] & y[4],
		v[6] & y[13], v[3] & y[5],  v[0] & y[2],  v[5] & y[9],  v[8] & y[14], v[4] & y[8],
	};
	sbox_bottom(z, s);
	for (unsigned i = 0; i < 8; i++)
		slices[7 - i] = s[i];
}

/* ---- rounds ---------------------------------------------------------------------------------- */

/* Byte k is in row k % 4 and column k / 4 (FIPS 197, 3.4). */
static inline uint32_t rotate_columns(uint32_t slice, unsigned columns)
{
	return (slice >> 4 * columns | slice << (16 - 4 * columns)) & ALL_BYTES;
}

static inline uint32_t rotate_rows_1(uint32_t slice)
{
	return (slice >> 1 & 0x7777) | (slice << 3 & 0x8888);
}

static inline uint32_t rotate_rows_2(uint32_t slice)
{
	return (slice >> 2 & 0x3333) | (slice << 2 & 0xcccc);
}

static inline void shift_rows(sn_aes_slices slices)
{
	for (unsigned i = 0; i < 8; i++)
		slices[i] = (slices[i] & 0x1111) | rotate_columns(slices[i] & 0x2222, 1) |
			    rotate_columns(slices[i] & 0x4444, 2) |
			    rotate_columns(slices[i] & 0x8888, 3);
}

/* With t = a[r] ^ a[r + 1], a byte becomes 2 t ^ a[r + 1] ^ a[r + 2] ^ a[r + 3] (FIPS 197, 5.1.3).
 * Doubling moves each bit up, and the highest to bits 0, 1, 3 and 4. */
static inline void mix_columns(sn_aes_slices slices)
{
	sn_aes_slices sum;

	for (unsigned i = 0; i < 8; i++)
		sum[i] = slices[i] ^ rotate_rows_1(slices[i]);
	for (unsigned i = 0; i < 8; i++) {
		const uint32_t carried = i == 0 || i == 1 || i == 3 || i == 4 ? sum[7] : 0;
		const uint32_t doubled = (i > 0 ? sum[i - 1] : 0) ^ carried;
		slices[i] = doubled ^ rotate_rows_1(slices[i]) ^ rotate_rows_2(sum[i]);
	}
}

static inline void add_round_key(sn_aes_slices slices, const sn_aes_slices key)
{
	for (unsigned i = 0; i < 8; i++)
		slices[i] ^= key[i];
}

void sn_aes_encrypt(const struct sn_aes *aes, uint8_t block[SN_AES_SIZE])
{
	sn_aes_slices slices;

	slice_block(block, slices);
	add_round_key(slices, aes->round_keys[0]);
	for (unsigned round = 1; round <= SN_AES_ROUNDS; round++) {
		sub_bytes(slices);
		shift_rows(slices);
		if (round < SN_AES_ROUNDS)
			mix_columns(slices);
		add_round_key(slices, aes->round_keys[round]);
	}
	join_slices(slices, block);
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* Turns a round key into the next one (FIPS 197, 5.2). */
static void expand_key(uint8_t key[SN_AES_SIZE], uint8_t round_constant)
{
	uint8_t substituted[SN_AES_SIZE];
	sn_aes_slices slices;

	slice_block(key, slices);
	sub_bytes(slices);
	join_slices(slices, substituted);
	for (unsigned i = 0; i < 4; i++)
		key[i] ^= substituted[12 + (i + 1) % 4];
	key[0] ^= round_constant;
	for (unsigned i = 4; i < SN_AES_SIZE; i++)
		key[i] ^= key[i - 4];
	sn_erase(substituted, sizeof substituted);
	sn_erase(slices, sizeof slices);
}

void sn_aes_init(struct sn_aes *aes, const uint8_t key[SN_AES_SIZE])
{
	static const uint8_t round_constants[SN_AES_ROUNDS] = {0x01, 0x02, 0x04, 0x08, 0x10,
							       0x20, 0x40, 0x80, 0x1b, 0x36};
	uint8_t round_key[SN_AES_SIZE];

	memcpy(round_key, key, sizeof round_key);
	slice_block(round_key, aes->round_keys[0]);
	for (unsigned i = 0; i < SN_AES_ROUNDS; i++) {
		expand_key(round_key, round_constants[i]);
		slice_block(round_key, aes->round_keys[i + 1]);
	}
	sn_erase(round_key, sizeof round_key);
}
