/* SPDX-License-Identifier: MIT
 *
 * From bytes to requests.
 */
#include <string.h>
#include <strings.h>

#include "snowidd/base/elapsed.h"
#include "snowidd/http/parser.h"
#include "snowidd/net/loop.h"

static struct http_parser *parser_of(llhttp_t *llhttp)
{
	return llhttp->data;
}

/* Stops llhttp: the request is to be refused with this status. */
static int set_fault(struct http_parser *parser, unsigned status)
{
	parser->fault = status;
	return -1;
}

static const struct settings *settings_of(const struct http_parser *parser)
{
	return parser->thread->loop->live->settings;
}

static size_t request_limit(const struct http_parser *parser)
{
	return (size_t)settings_of(parser)->request_bytes;
}

/* ---- what llhttp calls ----------------------------------------------------------------------- */

static int on_begin(llhttp_t *llhttp)
{
	struct http_parser *const parser = parser_of(llhttp);

	parser->began = true;
	parser->request = http_request_new(parser->thread);
	if (!parser->request)
		return set_fault(parser, 503);
	parser->request->began_ns = settings_of(parser)->log_access ? elapsed_ns() : 0;
	return 0;
}

static int on_target(llhttp_t *llhttp, const char *bytes, size_t length)
{
	struct http_parser *const parser = parser_of(llhttp);
	struct buffer *const target = &parser->request->target;

	buffer_bytes(target, bytes, length);
	if (!buffer_reserve(target, 1))
		return set_fault(parser, 503);
	target->data[target->length] = '\0';
	return target->length > request_limit(parser) / 2 ? set_fault(parser, 414) : 0;
}

static int add_head_bytes(struct http_parser *parser, size_t length)
{
	parser->request->head_bytes += length;
	return parser->request->head_bytes > request_limit(parser) ? set_fault(parser, 431) : 0;
}

static int on_field(llhttp_t *llhttp, const char *bytes, size_t length)
{
	struct http_request *const request = parser_of(llhttp)->request;

	for (size_t i = 0; i < length && request->name_length < sizeof request->name; i++)
		request->name[request->name_length++] = bytes[i];
	parser_of(llhttp)->gap = GAP_NAME;
	parser_of(llhttp)->gap_from = bytes + length;
	return add_head_bytes(parser_of(llhttp), length);
}

static int header_of(const struct http_request *request)
{
	static const char *const names[HTTP_HEADERS] = {
		[HTTP_HOST] = "host",
		[HTTP_ACCEPT] = "accept",
		[HTTP_AUTHORIZATION] = "authorization",
		[HTTP_EXPECT] = "expect",
		[HTTP_TRANSFER_ENCODING] = "transfer-encoding",
		[HTTP_REQUEST_ID] = "x-request-id",
		[HTTP_TRACEPARENT] = "traceparent",
		[HTTP_FORWARDED_FOR] = "x-forwarded-for",
		[HTTP_ORIGIN] = "origin",
	};

	for (int i = 0; i < HTTP_HEADERS; i++)
		if (strlen(names[i]) == request->name_length &&
		    strncasecmp(names[i], request->name, request->name_length) == 0)
			return i;
	return -1;
}

static int on_field_complete(llhttp_t *llhttp)
{
	struct http_request *const request = parser_of(llhttp)->request;

	if (request->name_length == 0)
		return set_fault(parser_of(llhttp), 400); /* llhttp accepts it */
	/* A trailer may not change the meaning of a request (RFC 9110, section 6.5.1). */
	request->header = request->head_complete ? -1 : header_of(request);
	if (!request->head_complete)
		request->name_length = 0;
	if (request->header == HTTP_HOST)
		request->host_count++;
	if (request->header == HTTP_TRANSFER_ENCODING)
		request->has_coding = true;
	if (request->header >= 0 && request->headers[request->header].length > 0)
		buffer_text(&request->headers[request->header], ", ");
	return add_head_bytes(parser_of(llhttp), 4); /* the colon, the blank and the line end */
}

static bool is_field_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

static enum field_gap gap_after(enum field_gap gap, char byte)
{
	if (gap == GAP_NAME && byte == ':')
		return GAP_BLANKS;
	if (gap == GAP_BLANKS && is_field_blank(byte))
		return GAP_BLANKS;
	if (gap == GAP_BLANKS && byte == '\r')
		return GAP_CR;
	return gap == GAP_CR && byte == '\n' ? GAP_LINE_END : GAP_WRONG;
}

static void compare_gap(struct http_parser *parser, const char *to)
{
	if (parser->gap == GAP_NONE)
		return;
	for (; parser->gap_from < to; parser->gap_from++)
		parser->gap = gap_after(parser->gap, *parser->gap_from);
}

/* Whether a piece of a value begins in the line of its name. A value that continues on the next
 * line is refused, even if that has only blanks (RFC 9112, section 5.2): a proxy in front of us may
 * take that line for a header of its own, such as Content-Length. llhttp accepts it, and any byte
 * after a CR where a value could be. */
static bool is_in_line(struct http_parser *parser, const char *piece, size_t length)
{
	const char before = piece > parser->input ? piece[-1] : parser->before_input;

	compare_gap(parser, piece);
	const enum field_gap gap = parser->gap;
	parser->gap = GAP_NONE;
	if (gap == GAP_NONE)
		return length == 0 || before != '\n';
	return gap == (length > 0 ? GAP_BLANKS : GAP_LINE_END);
}

static int on_value(llhttp_t *llhttp, const char *bytes, size_t length)
{
	struct http_parser *const parser = parser_of(llhttp);
	struct http_request *const request = parser->request;

	if (!is_in_line(parser, bytes, length))
		return set_fault(parser, 400);
	if (request->header >= 0) {
		buffer_bytes(&request->headers[request->header], bytes, length);
		if (request->headers[request->header].failed)
			return set_fault(parser, 503);
	}
	return add_head_bytes(parser, length);
}

/* Blanks around a value are no part of it (RFC 9112, section 5.1). */
static int on_value_complete(llhttp_t *llhttp)
{
	struct http_request *const request = parser_of(llhttp)->request;

	if (request->header < 0)
		return 0;
	struct buffer *const value = &request->headers[request->header];
	while (value->length > 0 && is_field_blank(value->data[value->length - 1]))
		value->length--;
	return 0;
}

/* There must be one Host, which HTTP/1.0 may leave out, and it must be a host (RFC 9112, section
 * 3.2). */
static bool is_host_good(const struct http_request *request, bool needed)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		"-._~%!$&'()*+,;=:[]";
	const struct buffer *const host = &request->headers[HTTP_HOST];

	if (request->host_count != 1)
		return request->host_count == 0 && !needed;
	for (size_t i = 0; i < host->length; i++)
		if (!memchr(allowed, host->data[i], sizeof allowed - 1))
			return false;
	return true;
}

/* HTTP/1.0 has no chunks: they would be an attempt at request smuggling (RFC 9112, section 6.1).
 * Without "chunked" at the end of Transfer-Encoding the length of the body is unknown (section
 * 6.3); llhttp ignores one that is empty. */
static bool is_framing_good(const llhttp_t *llhttp, const struct http_request *request)
{
	return !request->has_coding || (llhttp->http_minor > 0 && (llhttp->flags & F_CHUNKED));
}

static bool expects_continue(const llhttp_t *llhttp, const struct http_request *request)
{
	static const char expectation[] = "100-continue";
	const struct buffer *const expect = &request->headers[HTTP_EXPECT];

	return llhttp->http_minor > 0 && (llhttp->flags & (F_CONTENT_LENGTH | F_CHUNKED)) &&
	       expect->length == sizeof expectation - 1 &&
	       strncasecmp(expect->data, expectation, expect->length) == 0;
}

static int on_head(llhttp_t *llhttp)
{
	struct http_parser *const parser = parser_of(llhttp);
	struct http_request *const request = parser->request;
	const bool http10 = llhttp->http_minor == 0;

	request->head_complete = true;
	llhttp->upgrade = 0; /* no other protocol is spoken here (RFC 9110, section 7.8) */
	request->is_get = llhttp->method == HTTP_GET;
	request->is_head = llhttp->method == HTTP_HEAD;
	request->is_options = llhttp->method == HTTP_OPTIONS;
	if (llhttp->http_major != 1)
		return set_fault(parser, 505); /* llhttp accepts others */
	if (!is_host_good(request, !http10) || !is_framing_good(llhttp, request))
		return set_fault(parser, 400);
	if ((llhttp->flags & F_CONTENT_LENGTH) && llhttp->content_length > request_limit(parser))
		return set_fault(parser, 413);
	if (expects_continue(llhttp, request))
		parser->wants_continue = true;
	return 0;
}

static int on_body(llhttp_t *llhttp, const char *bytes, size_t length)
{
	struct http_parser *const parser = parser_of(llhttp);

	(void)bytes;
	parser->request->body_bytes += length;
	return parser->request->body_bytes > request_limit(parser) ? set_fault(parser, 413) : 0;
}

static int on_chunk_extension(llhttp_t *llhttp, const char *bytes, size_t length)
{
	(void)bytes;
	return add_head_bytes(parser_of(llhttp), length);
}

static int on_complete(llhttp_t *llhttp)
{
	parser_of(llhttp)->keep_alive = llhttp_should_keep_alive(llhttp);
	return HPE_PAUSED;
}

static const llhttp_settings_t callbacks = {
	.on_message_begin = on_begin,
	.on_url = on_target,
	.on_header_field = on_field,
	.on_header_field_complete = on_field_complete,
	.on_header_value = on_value,
	.on_header_value_complete = on_value_complete,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_chunk_extension_name = on_chunk_extension,
	.on_chunk_extension_value = on_chunk_extension,
	.on_message_complete = on_complete,
};

/* ---- the parser ------------------------------------------------------------------------------ */

void http_parser_init(struct http_parser *parser, struct http_thread *thread)
{
	llhttp_init(&parser->llhttp, HTTP_REQUEST, &callbacks);
	parser->llhttp.data = parser;
	parser->thread = thread;
}

/* Whether bytes begin like a request whose method is unknown. */
static bool begins_with_method(const char *bytes, size_t length)
{
	size_t i = 0;

	while (i < length && i < 24 && bytes[i] >= 'A' && bytes[i] <= 'Z')
		i++;
	return i > 0 && i + 1 < length && bytes[i] == ' ' && bytes[i + 1] == '/';
}

static unsigned status_of(llhttp_errno_t error, const char *bytes, size_t length)
{
	if (error == HPE_INVALID_VERSION)
		return 505;
	if (error == HPE_INVALID_METHOD && begins_with_method(bytes, length))
		return 405;
	return 400;
}

enum http_parsed http_parse(struct http_parser *parser, const char *bytes, size_t length,
			    size_t *used)
{
	parser->input = parser->gap_from = bytes;
	const llhttp_errno_t error = llhttp_execute(&parser->llhttp, bytes, length);
	switch (error) {
	case HPE_OK:
		compare_gap(parser, bytes + length);
		parser->before_input = bytes[length - 1];
		*used = length;
		return HTTP_PARSED_PART;
	case HPE_PAUSED:
		*used = (size_t)(llhttp_get_error_pos(&parser->llhttp) - bytes);
		llhttp_resume(&parser->llhttp);
		return HTTP_PARSED_REQUEST;
	default:
		if (!parser->fault)
			parser->fault = status_of(error, bytes, length);
		return HTTP_PARSED_FAULT;
	}
}

void http_parser_clear(struct http_parser *parser)
{
	if (parser->request)
		http_request_free(parser->request);
	parser->request = NULL;
}

const char *http_parser_method(const struct http_parser *parser)
{
	return llhttp_method_name((llhttp_method_t)parser->llhttp.method);
}
