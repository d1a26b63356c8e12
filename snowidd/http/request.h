/* SPDX-License-Identifier: MIT
 *
 * A request for HTTP, the reply to it, and what serves it.
 */
#ifndef SNOWIDD_REQUEST_H
#define SNOWIDD_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snowidd/base/buffer.h"
#include "snowidd/base/ip_address.h"

struct connection;
struct loop;
struct http_request;

enum http_header {
	HTTP_HOST,
	HTTP_ACCEPT,
	HTTP_AUTHORIZATION,
	HTTP_EXPECT,
	HTTP_TRANSFER_ENCODING,
	HTTP_REQUEST_ID,
	HTTP_TRACEPARENT,
	HTTP_FORWARDED_FOR,
	HTTP_ORIGIN,
	HTTP_HEADERS
};

/* The body is in thread->body, unless it is given here. */
struct http_reply {
	unsigned status;
	size_t endpoint; /* its index in the counters; 0 if there is no such path */
	const char *type;
	const char *body;
	size_t length;
	char fields[160]; /* more header lines */
	const char *constant_fields;
	bool bodiless;      /* of a HEAD whose body is not known without making it */
	const char *origin; /* whose scripts may read it, without a 0; NULL: those of no other */
	size_t origin_length;
	bool depends_on_origin;
};

enum http_outcome {
	HTTP_REPLIED, /* the reply is complete */
	HTTP_WAITING  /* resume() is to be called when it is the turn of request->lane */
};

/* What serves requests. Its state of a request begins with the struct http_request. */
struct http_handler {
	size_t request_size;
	enum http_outcome (*serve)(struct http_request *request);
	enum http_outcome (*resume)(struct http_request *request);

	/* A request that waits cannot be replied to now, and is resumed later. */
	void (*leave)(struct http_request *request);

	/* Frees what its state holds when the request is over, whether it was replied to or not. */
	void (*release)(struct http_request *request);
	void *user; /* of the handler */
};

/* What is kept for each loop. */
struct http_thread {
	struct loop *loop;
	const struct http_handler *handler;
	struct http_request *spare; /* requests for later use, each with its memory */
	size_t spare_count;
	struct buffer body;     /* of one reply */
	struct buffer scratch;  /* of one request, for the handler */
	struct buffer common;   /* header lines that all replies have */
	uint64_t common_second; /* in which they were written, since 1970 */
};

struct http_request {
	/* These are kept for the next request. */
	struct http_request *next;
	struct http_thread *thread;
	struct buffer target;                /* with a 0 behind it */
	struct buffer headers[HTTP_HEADERS]; /* those of one name are joined by ", " */

	struct connection *connection;
	bool is_get, is_head, is_options; /* the method; none if it is another one */
	unsigned host_count;
	bool has_coding; /* a Transfer-Encoding */
	bool head_complete;
	char name[32]; /* of the header that is arriving */
	size_t name_length;
	int header; /* which it is; -1 if none of those above */
	size_t head_bytes, body_bytes;
	uint64_t began_ns; /* elapsed time; 0 if it is not logged */
	struct http_reply reply;
	size_t lane;          /* that it waits in */
	uint64_t deadline_ns; /* elapsed time, until when */
};

/* NULL if there is no memory. */
struct http_thread *http_thread_new(struct loop *loop, const struct http_handler *handler);
void http_thread_free(struct http_thread *thread);

/* NULL if there is no memory. */
struct http_request *http_request_new(struct http_thread *thread);
void http_request_free(struct http_request *request);

/* Who it is from. */
struct ip_address http_request_client(const struct http_request *request);

#endif
