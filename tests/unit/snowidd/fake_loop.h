/* SPDX-License-Identifier: MIT
 *
 * A loop without a thread and connections without sockets, so that a protocol can be tested by what
 * goes in and out. Linked instead of net/loop.c and net/connection.c.
 */
#ifndef TESTS_FAKE_LOOP_H
#define TESTS_FAKE_LOOP_H

#include "snowidd/net/connection.h"

/* What connection_is_gone() says, of each connection. */
extern bool fake_peer_is_gone;

/* Takes over `live`, or the settings in it, which may change them between requests. */
void fake_loop_init(struct loop *loop, struct loop_group *group, struct live *live,
		    struct counters *counters);
void fake_loop_free(struct loop *loop);

/* Resumes once what is parked, and serves a round of the lanes. */
void fake_loop_serve(struct loop *loop);

/* Makes a connection, and what the protocol keeps for the loop if it is the first. */
struct connection *fake_connection_new(struct loop *loop, const struct protocol *protocol);
void fake_connection_free(struct connection *connection);

/* Gives it input in one piece, as far as it is used, in turns of `share` requests, and resumes what
 * waits. What it sends is appended to loop->output. */
void fake_connection_feed(struct connection *connection, const char *bytes, size_t length,
			  unsigned share);

#endif
