/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/base64.h"

#include "tests/unit/check.h"

/* RFC 4648, section 10. */
static const struct {
	const char *data, *text;
} known[] = {
	{"", ""},
	{"f", "Zg=="},
	{"fo", "Zm8="},
	{"foo", "Zm9v"},
	{"foob", "Zm9vYg=="},
	{"fooba", "Zm9vYmE="},
	{"foobar", "Zm9vYmFy"},
};

TEST_EACH(known_texts_are_written_and_read, sizeof known / sizeof *known)
{
	size_t length;
	char *const text = sn_base64_encode(known[nth].data, strlen(known[nth].data));
	char *const data = sn_base64_decode(known[nth].text, &length);

	ck_assert_str_eq(text, known[nth].text);
	ck_assert_str_eq(data, known[nth].data);
	ck_assert_uint_eq(length, strlen(known[nth].data));
	free(text);
	free(data);
}

TEST(each_byte_comes_back)
{
	unsigned char bytes[256];
	size_t length;

	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)i;
	char *const text = sn_base64_encode(bytes, sizeof bytes);
	char *const data = sn_base64_decode(text, &length);
	ck_assert_uint_eq(length, sizeof bytes);
	ck_assert_mem_eq(data, bytes, sizeof bytes);
	free(text);
	free(data);
}

TEST(malformed_texts_are_refused)
{
	static const char *const texts[] = {
		"Z", "Zg", "Zg=", "Zg===", "=Zg=", "Z=g=", "Zm9*", "Zm-_", "Zm9v\n"};
	size_t length;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		ck_assert_msg(sn_base64_decode(texts[i], &length) == NULL, "%s", texts[i]);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
