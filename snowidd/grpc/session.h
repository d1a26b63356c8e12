/* SPDX-License-Identifier: MIT
 *
 * The frames of HTTP/2 on a connection, in and out.
 */
#ifndef SNOWIDD_GRPC_SESSION_H
#define SNOWIDD_GRPC_SESSION_H

#include "snowidd/grpc/connection.h"

/* With more output than this, calls wait until it has been sent. */
#define GRPC_OUTPUT_HIGH 262144

/* False if there is no memory. */
bool grpc_session_open(struct grpc_connection *grpc);
void grpc_session_close(struct grpc_connection *grpc);

/* Takes input. Returns 0, or the error of nghttp2 after which nothing more can be read. */
int grpc_session_receive(struct grpc_connection *grpc, const char *bytes, size_t length);

/* Writes frames to loop->output, as far as there is room. False if there is no memory. */
bool grpc_session_write(struct grpc_connection *grpc);
bool grpc_session_has_output(const struct grpc_connection *grpc);

/* Asks the client to make no more calls, and ends streams, which have no end of their own. */
void grpc_session_stop(struct grpc_connection *grpc);

#endif
