/* SPDX-License-Identifier: MIT
 *
 * A connection: bytes in and out, in the clear or through TLS, with deadlines. What the bytes mean is
 * its protocol's business.
 */
#ifndef SNOWIDD_CONNECTION_H
#define SNOWIDD_CONNECTION_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <uv.h>

#include "snowidd/base/buffer.h"
#include "snowidd/net/rate.h"
#include "snowidd/net/loop.h"

/* A protocol's state begins with its struct connection. What its functions write goes to
 * worker->output, and is sent when they return. */
struct protocol {
	size_t size;      /* of the state */
	const void *user; /* what the protocol needs beside it */
	const char *alpn; /* its name in TLS (RFC 7301) */
	const char *busy; /* what is sent in the clear to whom there is no room for */
	void (*open)(struct connection *connection);
	/* Returns how many bytes it took; fewer than length when it has to wait, as blocked says, or has
	 * used up its share, of which it takes one for each request. */
	size_t (*input)(struct connection *connection, const char *bytes, size_t length);
	/* Whether it can take no input now. */
	bool (*blocked)(struct connection *connection);
	/* Goes on with what it was blocked by, if it can. */
	void (*resume)(struct connection *connection);
	/* What it waits for. */
	enum phase (*phase)(const struct connection *connection);
	/* The time of the phase is over; the connection is closed after it, gracefully if asked to. */
	void (*timeout)(struct connection *connection, enum phase phase);
	void (*close)(struct connection *connection);
};

struct connection {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	};
	int socket;
	struct worker *worker;
	const struct protocol *protocol;
	SSL *tls;
	struct connection *previous, *next; /* in the queue of its phase */
	enum phase phase;
	uint64_t deadline; /* of the loop's clock, ms */
	bool reading, writing, ended /* by the peer */, finishing, closing;
	bool fresh;     /* set by the protocol: a request has begun */
	unsigned share; /* of this turn of the loop, in requests */
	uint64_t share_at;
	uv_write_t write;
	char *unsent;        /* being written */
	struct buffer rest;  /* input that waits */
	struct rate_key key; /* of the peer */
	bool has_key;
};

/* Takes over a socket that was accepted. */
void connection_open(struct worker *worker, int socket, const struct protocol *protocol);

/* For protocols: after what is in the output nothing follows; the connection is then closed. */
void connection_finish(struct connection *connection);

/* Ends a connection at once. */
void connection_close(struct connection *connection);

/* For workers: goes on with a connection that waited for an ID; with one whose turn it is; ends one that
 * has waited too long. */
void connection_resume(struct connection *connection);
void connection_turn(struct connection *connection);
void connection_expire(struct connection *connection);

/* For workers: ends one that waits for a request. False: one has arrived. */
bool connection_drain(struct connection *connection);

/* The peer's address as text. */
void connection_peer(const struct connection *connection, char *text, size_t size);

#endif
