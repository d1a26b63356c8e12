/* SPDX-License-Identifier: MIT
 *
 * From a reply to bytes (RFC 9112).
 */
#ifndef SNOWIDD_REPLY_H
#define SNOWIDD_REPLY_H

#include "snowidd/http/request.h"

/* Makes the reply an error: JSON with a stable code and a sentence for people. */
void http_reply_problem(struct http_thread *thread, struct http_reply *reply, unsigned status,
			const char *code, const char *text);

/* What a reply says about its connection. */
enum http_persistence {
	HTTP_KEEPS,        /* nothing: in HTTP/1.1 it is kept */
	HTTP_KEEPS_HTTP10, /* that it is kept, which in HTTP/1.0 has to be said */
	HTTP_CLOSES        /* that it is closed */
};

/* Adds a reply to the output of the loop. False if there is no memory for its body. */
bool http_reply_write(struct http_thread *thread, const struct http_reply *reply,
		      enum http_persistence persistence, bool with_body);

#endif
