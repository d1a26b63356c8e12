/* SPDX-License-Identifier: MIT
 *
 * What a protocol is to the event loops and connections that it is spoken on.
 */
#ifndef SNOWIDD_PROTOCOL_H
#define SNOWIDD_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>

#include "snowidd/net/waiting.h"

struct connection;
struct loop;

/* A listening socket has one protocol, and so have the connections that it accepts. What the
 * functions of a connection write goes to loop->output, and is sent when they return. */
struct protocol {
	const char *alpn; /* its name in TLS (RFC 7301) */
	const char *busy; /* sent in the clear when the server is full */
	size_t busy_length;
	const void *user; /* of the protocol */
	bool is_admin;    /* for operators: never TLS, and room when there is none for clients */
	bool is_proxied;  /* connections are those of proxies, and begin with a PROXY header */

	/* Makes and frees what the protocol keeps for each loop. begin() returns NULL if there is
	 * no memory. */
	void *(*begin)(struct loop *loop, const struct protocol *protocol);
	void (*end)(void *state);

	/* The state of a connection begins with its struct connection. */
	size_t connection_size;
	void (*open)(struct connection *connection);
	void (*close)(struct connection *connection);

	/* Returns how many bytes it used: fewer than length if it is blocked, or has used up the
	 * connection's share of this turn, of which each request takes one. */
	size_t (*input)(struct connection *connection, const char *bytes, size_t length);

	/* Whether it can take no input now. When it can again, it calls connection_update(). */
	bool (*is_blocked)(const struct connection *connection);

	/* Whether there is more to send than loop->output has room for, and adds some of it. Both
	 * are NULL for a protocol that answers input at once. */
	bool (*has_output)(const struct connection *connection);
	void (*write)(struct connection *connection);

	/* What a connection waits for that is not blocked. */
	enum phase (*phase)(const struct connection *connection);

	/* The time for the phase is over. The connection is closed afterwards, gracefully if this
	 * has called connection_finish(). */
	void (*expire)(struct connection *connection, enum phase phase);

	/* The loop has begun to stop. NULL if it is enough to close connections that are idle. */
	void (*stop)(struct connection *connection);
};

#endif
