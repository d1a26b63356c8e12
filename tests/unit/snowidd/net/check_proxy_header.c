/* SPDX-License-Identifier: MIT
 *
 * The PROXY protocol.
 */
#include <stdlib.h>

#include "snowidd/net/proxy_header.h"
#include "tests/unit/check.h"

#define SIGNATURE   "\r\n\r\n\0\r\nQUIT\n"
#define BYTES(text) text, sizeof text - 1

static const struct ip_address unknown = {.known = false};

/* Every beginning of a header is a part of one, and what follows it is not looked at. */
static void expect_client(const char *bytes, size_t length, const char *wanted)
{
	struct ip_address client;
	char shown[IP_ADDRESS_TEXT];
	size_t used = 0;

	for (size_t part = 0; part < length; part++) {
		char *const exact = malloc(part + 1); /* reading behind it is noticed */
		client = unknown;
		ck_assert_ptr_nonnull(exact);
		memcpy(exact, bytes, part);
		ck_assert_int_eq(proxy_header_parse(exact, part, &used, &client),
				 PROXY_HEADER_PART);
		ck_assert(!client.known);
		free(exact);
	}
	char *const more = malloc(length + 3);
	ck_assert_ptr_nonnull(more);
	memcpy(more, bytes, length);
	memcpy(more + length, "GET", 3);
	client = unknown;
	ck_assert_int_eq(proxy_header_parse(more, length + 3, &used, &client), PROXY_HEADER_READ);
	ck_assert_uint_eq(used, length);
	ip_address_format(&client, shown);
	ck_assert_str_eq(shown, wanted);
	free(more);
}

static void expect_wrong(const char *bytes, size_t length)
{
	struct ip_address client = unknown;
	size_t used = 0;

	ck_assert_msg(proxy_header_parse(bytes, length, &used, &client) == PROXY_HEADER_WRONG, "%s",
		      bytes);
}

TEST(a_line_has_the_client)
{
	expect_client(BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 4711 80\r\n"), "192.0.2.1");
	expect_client(BYTES("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
		      "255.255.255.255");
	expect_client(BYTES("PROXY TCP6 2001:db8::1 2001:db8::2 0 1\r\n"), "2001:db8::1");
	expect_client(BYTES("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
			    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
		      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

TEST(a_line_may_know_no_client)
{
	expect_client(BYTES("PROXY UNKNOWN\r\n"), "unix");
	expect_client(BYTES("PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n"), "unix");
}

TEST(a_line_that_is_wrong_is_refused)
{
	static const char *const lines[] = {
		"GET / HTTP/1.1\r\n",
		"PROXY\r\n",
		"PROXY \r\n",
		"PROXY UNKNOWNX\r\n",
		"PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n",
		"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
		"proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
		"PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.256 1 2\r\n",
		"PROXY TCP4 192.0.2.256 192.0.2.1 1 2\r\n",
		"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
		"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
		"PROXY TCP4 192.0.2.1\r192.0.2.2 1 2\r\n",
		"\r\n\n",
		"\n",
	};

	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		expect_wrong(lines[i], strlen(lines[i]));
	expect_wrong(BYTES("PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2\r\n"));
	expect_wrong(BYTES("\x16\x03\x01"));
}

/* 107 bytes are the longest that a line can need. */
TEST(a_line_without_an_end_is_refused)
{
	char line[200];
	struct ip_address client = unknown;
	size_t used;

	memset(line, 'x', sizeof line);
	memcpy(line, "PROXY UNKNOWN ", 14);
	ck_assert_int_eq(proxy_header_parse(line, 106, &used, &client), PROXY_HEADER_PART);
	ck_assert_int_eq(proxy_header_parse(line, 107, &used, &client), PROXY_HEADER_WRONG);
	memcpy(line + 105, "\r\n", 2);
	ck_assert_int_eq(proxy_header_parse(line, 107, &used, &client), PROXY_HEADER_READ);
	memcpy(line + 105, "x\r\n", 3);
	ck_assert_int_eq(proxy_header_parse(line, 108, &used, &client), PROXY_HEADER_WRONG);
}

#define IPV4_BLOCK "\xc0\x00\x02\x01\xc6\x33\x64\x02\x12\x67\x00\x50"
#define IPV6_BLOCK                                                                                 \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2"         \
	"\x12\x67\x00\x50"

TEST(bytes_have_the_client)
{
	expect_client(BYTES(SIGNATURE "\x21\x11\0\x0c" IPV4_BLOCK), "192.0.2.1");
	expect_client(BYTES(SIGNATURE "\x21\x11\0\x10" IPV4_BLOCK "\x04\0\1x"), "192.0.2.1");
	expect_client(BYTES(SIGNATURE "\x21\x21\0\x24" IPV6_BLOCK), "2001:db8::1");
}

TEST(bytes_may_know_no_client)
{
	static const char path[16 + 0xd8] = SIGNATURE "\x21\x31\0\xd8";

	expect_client(BYTES(SIGNATURE "\x20\0\0\0"), "unix");
	expect_client(BYTES(SIGNATURE "\x20\x11\0\x0c" IPV4_BLOCK), "unix");
	expect_client(BYTES(SIGNATURE "\x20\x11\0\x01x"), "unix");
	expect_client(BYTES(SIGNATURE "\x21\0\0\0"), "unix");
	expect_client(BYTES(SIGNATURE "\x21\0\0\3abc"), "unix");
	expect_client(path, 16 + 0xd8, "unix");
}

TEST(bytes_that_are_wrong_are_refused)
{
	expect_wrong(BYTES(SIGNATURE "\x11\x11\0\x0c" IPV4_BLOCK)); /* version 1 */
	expect_wrong(BYTES(SIGNATURE "\x22\x11\0\x0c" IPV4_BLOCK)); /* a command */
	expect_wrong(BYTES(SIGNATURE "\x21\x12\0\x0c" IPV4_BLOCK)); /* UDP */
	expect_wrong(BYTES(SIGNATURE "\x21\x22\0\x24" IPV6_BLOCK));
	expect_wrong(BYTES(SIGNATURE "\x21\x41\0\x0c" IPV4_BLOCK));
	expect_wrong(BYTES(SIGNATURE "\x21\x11\0\x0b" IPV4_BLOCK)); /* too short */
	expect_wrong(BYTES(SIGNATURE "\x21\x21\0\x23" IPV6_BLOCK));
	expect_wrong(BYTES(SIGNATURE "\x21\x11\xff\xff" IPV4_BLOCK)); /* too long */
	expect_wrong(BYTES("\r\n\r\n\0\r\nQUIX"));
}

int main(void)
{
	return run_tests(NULL, NULL);
}
