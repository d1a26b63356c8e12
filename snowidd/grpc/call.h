/* SPDX-License-Identifier: MIT
 *
 * A call: what is known of its request, its messages in both directions, and its status. Knows
 * nothing of frames.
 */
#ifndef SNOWIDD_GRPC_CALL_H
#define SNOWIDD_GRPC_CALL_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snowidd/base/buffer.h"
#include "snowidd/grpc/status.h"
#include "snowidd/net/loop.h"
#include "snowidd/net/waiting.h"
#include "snowidd/service/service.h"

#define GRPC_PREFIX 5 /* of a message: whether it is compressed, and its length */

struct grpc_call;
struct grpc_connection;

/* What a call does next. */
enum grpc_next {
	GRPC_ENDS,   /* grpc_call_end() has been called */
	GRPC_PARKS,  /* resume() is to be called in a millisecond */
	GRPC_QUEUES, /* it waits for its IDs: resume() is to be called when it is its turn */
	GRPC_HOLDS   /* a stream: resume(), if there is one, is to be called now and then */
};

struct grpc_method {
	const char *path;
	bool is_open; /* needs no token, and has no limit on its rate */

	/* Serves a message of the client. */
	enum grpc_next (*serve)(struct grpc_call *call, const uint8_t *message, size_t length);
	enum grpc_next (*resume)(struct grpc_call *call);

	bool takes_many; /* messages, each of which is served when it arrives */
	bool is_stream;  /* it may go on for ever, and ends when the server stops */

	/* Adds a message to the output, which is empty, when `room` bytes can be sent at once. NULL
	 * if the method has no more than what it has added before. */
	enum grpc_next (*produce)(struct grpc_call *call, size_t room);
};

/* What is kept for each loop. */
struct grpc_thread {
	struct loop *loop;
	struct service *service;
	struct grpc_call *spare; /* calls for later use, each with its memory */
	size_t spare_count;
	struct buffer expanded; /* a message that was compressed */
};

struct grpc_call {
	/* These are kept for the next call. */
	struct grpc_thread *thread;
	struct buffer path, authorization, forwarded_for;
	struct buffer input;  /* the message that arrives, with its prefix */
	struct buffer output; /* messages to be sent, with theirs */

	/* The rest begins as 0. */
	struct grpc_call *previous, *next; /* of the connection, or spare */
	struct grpc_connection *connection;
	int32_t stream;
	const struct grpc_method *method;
	struct waiter waiter;
	uint64_t began_ns, deadline_ns; /* elapsed time; UINT64_MAX: no deadline */

	/* Of the header of the request. */
	size_t header_bytes;
	bool is_post, is_head, type_is_served, is_gzip, encoding_is_unknown, timeout_is_malformed;

	size_t messages;         /* that have arrived */
	bool input_ended;        /* nothing follows from the client */
	size_t sent;             /* of the output */
	bool responded;          /* the header of the response is on its way */
	bool answered;           /* the end of the response has been sent */
	bool unwanted;           /* the client goes on sending after the end of the call */
	const char *http_status; /* of what is no call of gRPC; otherwise NULL */
	bool ended, counted;
	enum grpc_status status;
	char message[256];
	uint64_t retry_ns; /* after which the client may try again; 0: it is not told */

	struct id_request ids;
	uint64_t stream_left;    /* IDs of a stream; UINT64_MAX: there is no end */
	unsigned stream_pending; /* messages that it may still send before it parks */
	uint64_t streamed_ns;    /* elapsed time of its last turn */
	int watched;             /* the health that was sent last */
};

/* NULL if there is no memory. */
struct grpc_thread *grpc_thread_new(struct loop *loop, struct service *service);
void grpc_thread_free(struct grpc_thread *thread);

/* NULL if there is no memory. */
struct grpc_call *grpc_call_new(struct grpc_thread *thread);
void grpc_call_free(struct grpc_call *call);

/* Ends it with a status and, unless that is GRPC_OK, a text for people. Does nothing if it has
 * ended before. Returns GRPC_ENDS, so that the caller can. */
enum grpc_next grpc_call_end(struct grpc_call *call, enum grpc_status status, const char *format,
			     ...) __attribute__((format(printf, 3, 4)));

/* Ends it with the status of a refusal. wait_ns is after which time a client may try again. */
enum grpc_next grpc_call_refuse(struct grpc_call *call, enum refusal refusal, uint64_t wait_ns);

/* Gives the rest of its request limited time, also if nobody is interested in it. */
void grpc_call_await_input(struct grpc_call *call);

/* Adds a message to the output. */
void grpc_call_send(struct grpc_call *call, const ProtobufCMessage *message);

/* Reads a message, which the caller frees with protobuf_c_message_free_unpacked(). If it cannot be
 * read, ends the call and returns NULL. */
void *grpc_call_unpack(struct grpc_call *call, const ProtobufCMessageDescriptor *type,
		       const uint8_t *message, size_t length);

#endif
