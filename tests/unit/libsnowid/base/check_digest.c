/* SPDX-License-Identifier: MIT
 *
 * Expected values are those of RFC 1321, A.5, RFC 3174, 7.3, and FIPS 180-2, A.3.
 */
#include <stdio.h>

#include "libsnowid/base/digest.h"
#include "tests/unit/check.h"

typedef void digest_fn(const void *head, size_t head_size, const void *tail, size_t tail_size,
		       uint8_t *digest);

/* Splits the text at every place: the digest depends on the bytes alone. */
static void expect_digest(digest_fn *digest_of, size_t size, const char *text, size_t length,
			  const char *expected)
{
	for (size_t at = 0; at <= length; at += length > 1000 ? 9973 : 1) {
		uint8_t digest[SN_SHA1_SIZE];
		char digits[2 * SN_SHA1_SIZE + 1];

		digest_of(text, at, text + at, length - at, digest);
		for (size_t i = 0; i < size; i++)
			snprintf(digits + 2 * i, 3, "%02x", digest[i]);
		ck_assert_str_eq(digits, expected);
	}
}

TEST(md5_agrees_with_rfc_1321)
{
	static const char *const cases[][2] = {
		{"", "d41d8cd98f00b204e9800998ecf8427e"},
		{"a", "0cc175b9c0f1b6a831c399e269772661"},
		{"abc", "900150983cd24fb0d6963f7d28e17f72"},
		{"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
		{"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
		{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
		 "d174ab98d277d9f5a5611c2c9f419d9f"},
		{"1234567890123456789012345678901234567890123456789012345678901234567890123456789"
		 "0",
		 "57edf4a22be3c955ac49da2e2107b67a"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect_digest(sn_md5, SN_MD5_SIZE, cases[i][0], strlen(cases[i][0]), cases[i][1]);
}

TEST(sha1_agrees_with_rfc_3174)
{
	const char eight[] = "01234567";
	char repeated[640];

	expect_digest(sn_sha1, SN_SHA1_SIZE, "abc", 3, "a9993e364706816aba3e25717850c26c9cd0d89d");
	expect_digest(sn_sha1, SN_SHA1_SIZE,
		      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
		      "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
	expect_digest(sn_sha1, SN_SHA1_SIZE, "a", 1, "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8");
	for (size_t i = 0; i < sizeof repeated; i++)
		repeated[i] = eight[i % 8];
	expect_digest(sn_sha1, SN_SHA1_SIZE, repeated, sizeof repeated,
		      "dea356a2cddd90c7a7ecedc5ebb563934f460452");
}

TEST(sha1_agrees_with_fips_180_about_a_long_text)
{
	const size_t length = 1000000;
	char *const text = malloc(length);

	ck_assert_ptr_nonnull(text);
	memset(text, 'a', length);
	expect_digest(sn_sha1, SN_SHA1_SIZE, text, length,
		      "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
	free(text);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
