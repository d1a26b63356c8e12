/* SPDX-License-Identifier: MIT
 *
 * Reads the HTTP/1.1 response of another server.
 */
#include <llhttp.h>

#include "snowidd/http/response.h"

static int append_body(llhttp_t *parser, const char *bytes, size_t length)
{
	buffer_bytes(parser->data, bytes, length);
	return 0;
}

unsigned http_response_parse(const char *bytes, size_t length, struct buffer *body)
{
	llhttp_settings_t callbacks;
	llhttp_t parser;

	llhttp_settings_init(&callbacks);
	callbacks.on_body = append_body;
	llhttp_init(&parser, HTTP_RESPONSE, &callbacks);
	parser.data = body;
	llhttp_execute(&parser, bytes, length);
	return parser.status_code;
}
