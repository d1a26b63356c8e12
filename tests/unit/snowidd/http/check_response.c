/* SPDX-License-Identifier: MIT
 *
 * The HTTP response of another server. Each lies in a block of its own without a 0 behind it, so
 * that a sanitizer notices if more is read.
 */
#include "snowidd/http/response.h"
#include "tests/unit/check.h"

static struct buffer body;

static void free_body(void)
{
	buffer_free(&body);
}

static void expect_response(const char *text, unsigned status, const char *expected)
{
	const size_t length = strlen(text);
	char *const copy = malloc(length > 0 ? length : 1);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, text, length);
	buffer_clear(&body);
	ck_assert_msg(http_response_parse(copy, length, &body) == status, "%s", text);
	ck_assert_msg(body.length == strlen(expected), "%s", text);
	ck_assert(body.length == 0 || memcmp(body.data, expected, body.length) == 0);
	free(copy);
}

TEST(a_body_with_a_length)
{
	expect_response("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, "{}");
	expect_response("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\n{}", 503,
			"{}");
	expect_response("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", 401, "");
}

TEST(a_body_until_the_end)
{
	expect_response("HTTP/1.0 200 OK\r\n\r\nall of it", 200, "all of it");
	expect_response("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", 200, "{}");
}

TEST(a_body_in_chunks)
{
	expect_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			"4\r\n{\"a\"\r\n3;x=y\r\n:1}\r\n0\r\n\r\n",
			200, "{\"a\":1}");
}

TEST(a_response_that_breaks_off)
{
	expect_response("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf", 200, "half");
	expect_response("HTTP/1.1 200 OK\r\nContent-Le", 200, "");
	expect_response("", 0, "");
	expect_response("HTTP/1.1 ", 0, "");
}

TEST(what_is_not_http)
{
	expect_response("SSH-2.0-OpenSSH_9.2\r\n", 0, "");
	expect_response("\x15\x03\x01\x02\x02\x50", 0, "");
	expect_response("{\"status\":\"healthy\"}", 0, "");
}

int main(void)
{
	return run_tests(NULL, free_body);
}
