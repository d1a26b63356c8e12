/* SPDX-License-Identifier: MIT
 *
 * How long a connection lasts, and its streams: until it is old, its client has vanished, or the
 * server stops.
 *
 * Leaving has two steps (RFC 9113, section 6.8): a GOAWAY that names no call, and a ping. When the
 * client has answered the ping it has seen the GOAWAY, so that every call that it made before has
 * arrived: the second GOAWAY names the last one.
 */
#ifndef SNOWIDD_GRPC_LIFETIME_H
#define SNOWIDD_GRPC_LIFETIME_H

#include "snowidd/grpc/connection.h"

void grpc_lifetime_begin(struct grpc_connection *grpc);
void grpc_lifetime_end(struct grpc_connection *grpc);

/* Bytes have arrived. If none do for grpc.keepalive_time the client is sent a ping, and the
 * connection is closed if it has said nothing after grpc.keepalive_timeout either: streams have no
 * other sign that a client has lost its power or its way through a NAT. */
void grpc_lifetime_hear(struct grpc_connection *grpc);

/* Asks the client to make no more calls here; those that it has made are served. */
void grpc_lifetime_leave(struct grpc_connection *grpc);

/* The client has answered a ping with these 8 bytes. */
void grpc_lifetime_take_answer(struct grpc_connection *grpc, const uint8_t *payload);

/* Leaves a connection that is older than grpc.connection_age. */
void grpc_lifetime_check_age(struct grpc_connection *grpc);

/* Ends a stream whose time is over. */
void grpc_lifetime_check_stream(struct grpc_connection *grpc, struct grpc_call *call);

#endif
