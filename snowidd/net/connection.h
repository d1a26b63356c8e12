/* SPDX-License-Identifier: MIT
 *
 * A connection: bytes in and out, in the clear or through TLS, with deadlines. What the bytes mean
 * is up to its protocol.
 */
#ifndef SNOWIDD_CONNECTION_H
#define SNOWIDD_CONNECTION_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <uv.h>

#include "snowidd/base/buffer.h"
#include "snowidd/base/ip_address.h"
#include "snowidd/net/loop.h"
#include "snowidd/net/protocol.h"
#include "snowidd/net/waiting.h"

struct connection {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	};
	int socket;
	struct loop *loop;
	const struct protocol *protocol;
	void *protocol_state; /* what the protocol keeps for the loop */
	SSL *tls;             /* NULL in the clear */
	struct waiter waiter;
	bool reading, writing;
	bool peer_finished;
	bool finishing; /* nothing follows what is being sent */
	bool closing;
	bool request_began; /* set by the protocol, so that the request has the whole time */
	unsigned share;     /* requests left in this turn of the loop */
	uint64_t share_at;  /* the turn, as the loop's time in ms */
	uv_write_t write;
	char *unsent;       /* is being written */
	struct buffer rest; /* input that waits for its turn */
	struct ip_address client;
	bool is_counted;           /* among the connections of the client */
	bool awaits_proxy;         /* a PROXY header has to arrive, and until it has: */
	struct buffer proxy_bytes; /* what there is of it */
};

/* Takes over a socket that was accepted: the `accept` of a loop group. */
void connection_open(struct loop *loop, int socket, const struct protocol *protocol, void *state);

/* For protocols: after what is in the output nothing follows; the connection is then closed. */
void connection_finish(struct connection *connection);

/* For protocols, after something else than input from the peer: sends the output, and goes on. */
void connection_update(struct connection *connection);

/* Ends a connection at once. */
void connection_close(struct connection *connection);

/* Whether the peer has reset or closed the connection, so that nothing can be sent any more. That
 * is seen even while nothing is read. */
bool connection_is_gone(const struct connection *connection);

/* Who a request with this X-Forwarded-For, which may be empty, is from. */
struct ip_address connection_client(const struct connection *connection, const char *forwarded_for,
				    size_t length);

#endif
