/* SPDX-License-Identifier: MIT
 *
 * Expected values are those of FIPS 197 and of NIST SP 800-38A, F.1.1.
 */
#include <stdio.h>

#include "libsnowid/base/aes.h"
#include "tests/unit/check.h"

static void read_block(const char *digits, uint8_t block[SN_AES_SIZE])
{
	for (size_t i = 0; i < SN_AES_SIZE; i++)
		ck_assert_int_eq(sscanf(digits + 2 * i, "%2hhx", &block[i]), 1);
}

static const struct {
	const char *key, *plain, *encrypted;
} published_blocks[] = {
	/* FIPS 197, appendix B, and C.1 */
	{"2b7e151628aed2a6abf7158809cf4f3c", "3243f6a8885a308d313198a2e0370734",
	 "3925841d02dc09fbdc118597196a0b32"},
	{"000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff",
	 "69c4e0d86a7b0430d8cdb78070b4c55a"},
	/* SP 800-38A, F.1.1 */
	{"2b7e151628aed2a6abf7158809cf4f3c", "6bc1bee22e409f96e93d7e117393172a",
	 "3ad77bb40d7a3660a89ecaf32466ef97"},
	{"2b7e151628aed2a6abf7158809cf4f3c", "ae2d8a571e03ac9c9eb76fac45af8e51",
	 "f5d3d58503b9699de785895a96fdbaaf"},
	{"2b7e151628aed2a6abf7158809cf4f3c", "30c81c46a35ce411e5fbc1191a0a52ef",
	 "43b1cd7f598ece23881b00e3ed030688"},
	{"2b7e151628aed2a6abf7158809cf4f3c", "f69f2445df4f9b17ad2b417be66c3710",
	 "7b0c785e27e8ad3f8223207104725dd4"},
};

TEST_EACH(published_blocks_are_encrypted, sizeof published_blocks / sizeof *published_blocks)
{
	uint8_t key[SN_AES_SIZE], block[SN_AES_SIZE], expected[SN_AES_SIZE];
	struct sn_aes aes;

	read_block(published_blocks[nth].key, key);
	read_block(published_blocks[nth].plain, block);
	read_block(published_blocks[nth].encrypted, expected);
	sn_aes_init(&aes, key);
	sn_aes_encrypt(&aes, block);
	ck_assert_mem_eq(block, expected, sizeof block);
}

/* The last round key of FIPS 197, A.1: encrypting does not need each bit of the schedule. */
TEST(round_keys_are_those_of_fips_197)
{
	uint8_t key[SN_AES_SIZE], last[SN_AES_SIZE];
	struct sn_aes aes;

	read_block("2b7e151628aed2a6abf7158809cf4f3c", key);
	read_block("d014f9a8c9ee2589e13f0cc8b6630ca6", last);
	sn_aes_init(&aes, key);
	for (unsigned bit = 0; bit < 8 * SN_AES_SIZE; bit++)
		ck_assert_uint_eq(aes.round_keys[SN_AES_ROUNDS][bit % 8] >> bit / 8 & 1,
				  (unsigned)last[bit / 8] >> bit % 8 & 1);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
