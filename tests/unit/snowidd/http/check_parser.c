/* SPDX-License-Identifier: MIT
 *
 * From bytes to requests: whole, and in pieces of each size.
 */
#include <stdio.h>

#include "snowidd/http/parser.h"
#include "snowidd/net/loop.h"
#include "tests/unit/check.h"

static struct settings settings = {.request_bytes = 1024};
static struct live live = {.settings = &settings};
static struct loop loop = {.live = &live};
static struct http_parser parser;
static struct http_thread *thread;

static void release_nothing(struct http_request *request)
{
	(void)request;
}

static const struct http_handler handler = {
	.request_size = sizeof(struct http_request),
	.release = release_nothing,
};

static void begin(void)
{
	thread = http_thread_new(&loop, &handler);
	parser = (struct http_parser){.request = NULL};
	http_parser_init(&parser, thread);
}

static void end(void)
{
	http_parser_clear(&parser);
	http_thread_free(thread);
}

/* Parses up to the end of one request, in pieces that lie in blocks of their own. */
static enum http_parsed parse_pieces(const char *bytes, size_t length, size_t piece)
{
	enum http_parsed parsed = HTTP_PARSED_PART;
	size_t used = 0;

	for (size_t at = 0; at < length && parsed == HTTP_PARSED_PART; at += used) {
		const size_t size = piece < length - at ? piece : length - at;
		char *const copy = malloc(size);
		memcpy(copy, bytes + at, size);
		parsed = http_parse(&parser, copy, size, &used);
		if (parsed == HTTP_PARSED_PART)
			ck_assert_uint_eq(used, size);
		free(copy);
	}
	return parsed;
}

static void expect_buffer(const struct buffer *buffer, const char *text)
{
	ck_assert_msg(buffer->length == strlen(text), "\"%.*s\" is not \"%s\"", (int)buffer->length,
		      buffer->data, text);
	if (buffer->length > 0) /* an empty buffer may have no memory */
		ck_assert_mem_eq(buffer->data, text, buffer->length);
}

TEST(a_request_is_the_same_in_pieces_of_any_size)
{
	static const char text[] = "GET /v1/next_id?kind=ulid HTTP/1.1\r\nHOST: example.org:80\r\n"
				   "Accept: text/plain\r\nX-Other: 1\r\nAccept: */*\r\n"
				   "Authorization:  Bearer abc\r\n\r\n";

	for (size_t piece = 1; piece <= sizeof text; piece++) {
		ck_assert_int_eq(parse_pieces(text, sizeof text - 1, piece), HTTP_PARSED_REQUEST);
		const struct http_request *const request = parser.request;
		ck_assert(parser.began && parser.keep_alive && request->is_get);
		expect_buffer(&request->target, "/v1/next_id?kind=ulid");
		expect_buffer(&request->headers[HTTP_HOST], "example.org:80");
		expect_buffer(&request->headers[HTTP_ACCEPT], "text/plain, */*");
		expect_buffer(&request->headers[HTTP_AUTHORIZATION], "Bearer abc");
		ck_assert_str_eq(http_parser_method(&parser), "GET");
		http_parser_clear(&parser);
		parser.began = false;
	}
}

TEST(blanks_around_a_value_are_no_part_of_it)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: \t a \t \r\nX-Trace:\r\nX:  \t\r\n"
				   "Accept: text/plain \r\nAccept:*/* \r\n"
				   "Authorization: \r\nAuthorization: Bearer a b\t\r\n"
				   "Content-Length: 2 \r\nExpect:\r\n\r\nok";

	for (size_t piece = 1; piece <= sizeof text; piece++) {
		ck_assert_int_eq(parse_pieces(text, sizeof text - 1, piece), HTTP_PARSED_REQUEST);
		const struct http_request *const request = parser.request;
		expect_buffer(&request->headers[HTTP_HOST], "a");
		expect_buffer(&request->headers[HTTP_ACCEPT], "text/plain, */*");
		expect_buffer(&request->headers[HTTP_AUTHORIZATION], "Bearer a b");
		expect_buffer(&request->headers[HTTP_EXPECT], "");
		ck_assert_uint_eq(request->body_bytes, 2);
		http_parser_clear(&parser);
	}
}

#define GET_HOST "GET / HTTP/1.1\r\nHost: a\r\n"

static const struct {
	const char *text;
	unsigned status;
} faults[] = {
	{"GET / HTTP/1.1\r\n\r\n", 400},                       /* no Host */
	{"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400}, /* two */
	{"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
	{GET_HOST "X: a\r\n b\r\n\r\n", 400}, /* a folded line */
	{GET_HOST "X: a\r\n\tb\r\n\r\n", 400},
	{GET_HOST "X:\r\n a\r\n\r\n", 400},
	{GET_HOST "X:\r\n \r\n\r\n", 400},
	{GET_HOST "X: \r\n\t\r\nY: a\r\n\r\n", 400},
	{GET_HOST "X: a\r\n \r\n\r\n", 400},
	{GET_HOST "X:\rYContent-Length: 5\r\n\r\n", 400}, /* a CR alone */
	{GET_HOST "X: \r\r\n\r\n", 400},
	{GET_HOST "X:\n\r\n", 400},
	{GET_HOST "Content-Length:\r\n\r\n", 400},
	{GET_HOST "Transfer-Encoding:\r\n\r\n", 400},
	{GET_HOST "Transfer-Encoding: gzip\r\n\r\n", 400},
	{GET_HOST ": a\r\n\r\n", 400},
	{GET_HOST "X : a\r\n\r\n", 400},
	{GET_HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	{GET_HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
	{"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	{"get / HTTP/1.1\r\n", 400},
	{"\x16\x03\x01\x02\x00", 400}, /* TLS */
	{"GET / HTTP/2.0\r\n\r\n", 505},
	{"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505},
	{GET_HOST "Content-Length: 1025\r\n\r\n", 413},
};

TEST_EACH(a_malformed_request_has_a_status, (int)(sizeof faults / sizeof faults[0]))
{
	const char *const text = faults[nth].text;

	ck_assert_int_eq(parse_pieces(text, strlen(text), SIZE_MAX), HTTP_PARSED_FAULT);
	ck_assert_msg(parser.fault == faults[nth].status, "%u: %s", parser.fault, text);
	/* In pieces the method is not whole when it is looked at, and so 400 is right for all. */
	http_parser_clear(&parser);
	parser = (struct http_parser){.request = NULL};
	http_parser_init(&parser, thread);
	ck_assert_int_eq(parse_pieces(text, strlen(text), 1), HTTP_PARSED_FAULT);
	ck_assert(parser.fault == faults[nth].status);
}

TEST(an_unknown_method_is_told_from_bytes_that_are_no_request)
{
	ck_assert_int_eq(parse_pieces("BREW /pot HTTP/1.1\r\n", 20, SIZE_MAX), HTTP_PARSED_FAULT);
	ck_assert_uint_eq(parser.fault, 405);
}

TEST(targets_headers_and_bodies_are_limited)
{
	static const struct {
		const char *before, *after;
		size_t limit;
		unsigned status;
	} cases[] = {
		{"GET /", " HTTP/1.1\r\nHost: a\r\n\r\n", 511, 414},
		{GET_HOST "X: ", "\r\n\r\n", 1024 - 14, 431},
		{GET_HOST "", ": x\r\n\r\n", 1024 - 14, 431},
	};
	char text[2000];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (size_t over = 0; over < 2; over++) {
			snprintf(text, sizeof text, "%s%0*d%s", cases[i].before,
				 (int)(cases[i].limit + over), 0, cases[i].after);
			parser = (struct http_parser){.request = NULL};
			http_parser_init(&parser, thread);
			const enum http_parsed parsed = parse_pieces(text, strlen(text), 100);
			ck_assert_msg((parsed == HTTP_PARSED_FAULT) == over, "%s", text);
			if (over)
				ck_assert_uint_eq(parser.fault, cases[i].status);
			http_parser_clear(&parser);
		}
	}
}

TEST(a_body_is_read_and_ignored)
{
	static const char text[] = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n"
				   "3;x=y\r\nabc\r\n0\r\nHost: trailer\r\n\r\n" GET_HOST "\r\n";
	const size_t second = sizeof text - 1 - strlen(GET_HOST "\r\n");
	size_t used;

	ck_assert_int_eq(http_parse(&parser, text, sizeof text - 1, &used), HTTP_PARSED_REQUEST);
	ck_assert_uint_eq(used, second);
	ck_assert(parser.wants_continue && !parser.request->is_get && !parser.request->is_head);
	ck_assert_uint_eq(parser.request->body_bytes, 3);
	expect_buffer(&parser.request->headers[HTTP_HOST], "a");
	http_parser_clear(&parser);
	ck_assert_int_eq(http_parse(&parser, text + used, sizeof text - 1 - used, &used),
			 HTTP_PARSED_REQUEST);
	ck_assert(parser.request->is_get);
}

TEST(connections_are_kept_as_the_version_has_it)
{
	static const struct {
		const char *text;
		bool keep_alive;
	} cases[] = {
		{GET_HOST "\r\n", true},
		{GET_HOST "Connection: close\r\n\r\n", false},
		{"GET / HTTP/1.0\r\n\r\n", false},
		{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		parser = (struct http_parser){.request = NULL};
		http_parser_init(&parser, thread);
		parse_pieces(cases[i].text, strlen(cases[i].text), SIZE_MAX);
		ck_assert_msg(parser.keep_alive == cases[i].keep_alive, "%s", cases[i].text);
		http_parser_clear(&parser);
	}
}

TEST(requests_are_used_again_and_are_clean)
{
	parse_pieces(GET_HOST "Accept: x\r\n\r\n", strlen(GET_HOST) + 13, SIZE_MAX);
	struct http_request *const first = parser.request;
	first->reply.status = 404;
	http_parser_clear(&parser);
	ck_assert_uint_eq(thread->spare_count, 1);
	parse_pieces(GET_HOST "\r\n", strlen(GET_HOST) + 2, SIZE_MAX);
	ck_assert_ptr_eq(parser.request, first);
	ck_assert_uint_eq(first->reply.status, 0);
	expect_buffer(&first->headers[HTTP_ACCEPT], "");
	ck_assert_uint_eq(first->host_count, 1);
	ck_assert_uint_eq(thread->spare_count, 0);
}

int main(void)
{
	return run_tests(begin, end);
}
