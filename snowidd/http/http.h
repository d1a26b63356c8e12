/* SPDX-License-Identifier: MIT
 *
 * HTTP/1.1 (RFC 9110, RFC 9112) as a protocol of connections.
 */
#ifndef SNOWIDD_HTTP_H
#define SNOWIDD_HTTP_H

#include <stdbool.h>

#include "snowidd/base/buffer.h"
#include "snowidd/net/connection.h"
#include "snowidd/service/service.h"

enum http_header { HTTP_HOST, HTTP_ACCEPT, HTTP_AUTHORIZATION, HTTP_EXPECT, HTTP_HEADERS };

/* A request that is arriving or being answered. Kept by the worker for the next one. */
struct http_request {
	struct http_request *next;
	struct worker *worker;
	struct connection *connection;
	bool get, head;                      /* the method; neither: another one */
	struct buffer target;                /* with a 0 behind it */
	struct buffer headers[HTTP_HEADERS]; /* several of one name are joined by ", " */
	unsigned host_count;
	bool head_complete;
	char name[32]; /* of the header that is arriving */
	size_t name_length;
	int header; /* which; -1: none of those above */
	size_t head_bytes, body_bytes;
	uint64_t began;   /* elapsed time, ns; 0: nobody wants to know */
	struct take take; /* of whoever serves it */
};

/* The body is in worker->body, unless it is set. */
struct http_reply {
	unsigned status;
	size_t endpoint; /* index for the counters; 0: none that there is */
	const char *type;
	const char *body;
	size_t length;
	char fields[160]; /* more header lines */
	const char *constant_fields;
	bool bodiless; /* of a HEAD whose body is not known without making it */
};

/* Answers a request. False: it has to wait, and wants to be called again. */
typedef bool (*http_serve_fn)(struct http_request *request, struct http_reply *reply);

/* HTTP whose requests are answered by `serve`. */
struct protocol http_protocol(const http_serve_fn *serve);

/* Frees the requests that a worker keeps. */
void http_forget_requests(struct worker *worker);

/* Makes the reply an error: JSON with a stable code and a sentence for people. */
void http_problem(struct worker *worker, struct http_reply *reply, unsigned status,
		  const char *code, const char *text);

#endif
