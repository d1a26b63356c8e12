/* SPDX-License-Identifier: MIT
 *
 * From bytes to requests (RFC 9110, RFC 9112).
 */
#ifndef SNOWIDD_PARSER_H
#define SNOWIDD_PARSER_H

#include <llhttp.h>

#include "snowidd/http/request.h"

/* How much of what may lie between the name of a field and its value has arrived: a colon, blanks,
 * and, if the value is empty, the end of the line (RFC 9112, section 5). */
enum field_gap { GAP_NONE, GAP_NAME, GAP_BLANKS, GAP_CR, GAP_LINE_END, GAP_WRONG };

struct http_parser {
	llhttp_t llhttp;
	struct http_thread *thread;
	struct http_request *request; /* that is arriving or being served; NULL between two */
	unsigned fault;               /* the status for what is wrong with it */
	const char *input;
	char before_input; /* the last byte of the input before */
	enum field_gap gap;
	const char *gap_from; /* in the input: what has not been compared yet */
	bool began;           /* set when a request begins, for the caller to reset */
	bool wants_continue; /* set when a client waits for 100 Continue, for the caller to reset */
	bool keep_alive;     /* after the last request that was complete */
};

enum http_parsed {
	HTTP_PARSED_PART,    /* all bytes are used, and more have to arrive */
	HTTP_PARSED_REQUEST, /* a request is complete */
	HTTP_PARSED_FAULT    /* there is a fault, and nothing more can be parsed */
};

void http_parser_init(struct http_parser *parser, struct http_thread *thread);

/* Reads bytes up to the end of a request. *used says how many are part of it when it is
 * complete. */
enum http_parsed http_parse(struct http_parser *parser, const char *bytes, size_t length,
			    size_t *used);

/* Frees the request. */
void http_parser_clear(struct http_parser *parser);

/* The name of the method of the request, "GET". */
const char *http_parser_method(const struct http_parser *parser);

#endif
