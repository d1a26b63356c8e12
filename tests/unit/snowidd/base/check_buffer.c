/* SPDX-License-Identifier: MIT
 *
 * A buffer of bytes that grows.
 */
#include <inttypes.h>
#include <stdio.h>

#include "snowidd/base/buffer.h"
#include "tests/unit/check.h"

static struct buffer buffer;

static void free_buffer(void)
{
	buffer_free(&buffer);
}

static void expect_content(const char *expected)
{
	ck_assert_uint_eq(buffer.length, strlen(expected));
	ck_assert_mem_eq(buffer.data, expected, buffer.length);
	ck_assert(!buffer.failed);
}

TEST(a_buffer_grows_and_keeps_its_memory_when_cleared)
{
	buffer_bytes(&buffer, "", 0);
	ck_assert_uint_eq(buffer.length, 0);
	for (size_t i = 0; i < 1000; i++)
		buffer_text(&buffer, "0123456789");
	ck_assert_uint_eq(buffer.length, 10000);
	for (size_t i = 0; i < buffer.length; i++)
		ck_assert_int_eq(buffer.data[i], (int)('0' + i % 10));
	const size_t size = buffer.size;
	buffer_clear(&buffer);
	buffer_text(&buffer, "again");
	expect_content("again");
	ck_assert_uint_eq(buffer.size, size);
}

TEST(numbers_are_as_printf_writes_them)
{
	uint64_t number = 0;
	char text[NUMBER_TEXT], expected[32];

	for (unsigned digits = 0; digits <= 20; digits++) {
		for (int i = -1; i <= 1; i++) {
			const uint64_t near = number + (uint64_t)i;
			const size_t length = number_text(near, text);
			snprintf(expected, sizeof expected, "%" PRIu64, near);
			ck_assert_uint_eq(length, strlen(expected));
			ck_assert_mem_eq(text, expected, length);
		}
		number = number ? number * 10 : 1;
	}
	buffer_number(&buffer, UINT64_MAX);
	expect_content("18446744073709551615");
}

TEST(printf_writes_more_than_fits_at_first)
{
	char text[2000];

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	buffer_printf(&buffer, "%s", "");
	buffer_printf(&buffer, "%s", text);
	expect_content(text);
}

TEST(json_strings_are_escaped_and_are_utf_8)
{
	static const struct {
		const char *text, *json;
	} cases[] = {
		{"", "\"\""},
		{"a \"b\\c\"", "\"a \\\"b\\\\c\\\"\""},
		{"\n\x1f\x7f", "\"\\u000a\\u001f\\u007f\""},
		{"\xc2\x80\xc2\x9f", "\"\\u0080\\u009f\""},
		{"\xc2\xa0\xdf\xbf", "\"\xc2\xa0\xdf\xbf\""},
		{"\xe0\xa0\x80\xef\xbf\xbf", "\"\xe0\xa0\x80\xef\xbf\xbf\""},
		{"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""},
		{"\x80", "\"\\ufffd\""},                                  /* a continuation alone */
		{"\xc3", "\"\\ufffd\""},                                  /* cut short */
		{"\xc0\xaf", "\"\\ufffd\\ufffd\""},                       /* too long a form */
		{"\xe0\x9f\xbf", "\"\\ufffd\\ufffd\\ufffd\""},            /* likewise */
		{"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},            /* a surrogate */
		{"\xf0\x8f\xbf\xbf", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""}, /* too long a form */
		{"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""}, /* above U+10FFFF */
		{"\xffz", "\"\\ufffdz\""},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		buffer_clear(&buffer);
		buffer_json(&buffer, cases[i].text);
		expect_content(cases[i].json);
	}
}

int main(void)
{
	return run_tests(NULL, free_buffer);
}
