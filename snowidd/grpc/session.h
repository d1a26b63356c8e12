/* SPDX-License-Identifier: MIT
 *
 * The calls of a connection: frames of HTTP/2 in and out.
 */
#ifndef SNOWIDD_GRPC_SESSION_H
#define SNOWIDD_GRPC_SESSION_H

#include <nghttp2/nghttp2.h>

#include "snowidd/grpc/call.h"
#include "snowidd/grpc/flood.h"
#include "snowidd/net/connection.h"

/* With more output than this, calls wait until it has been sent. */
#define GRPC_OUTPUT_HIGH 262144

struct grpc_connection {
	struct connection connection;
	nghttp2_session *session;
	struct grpc_call *calls; /* that have not been freed */
	size_t call_count;
	struct grpc_flood flood;
	uint64_t opened_ns; /* elapsed time */
	bool established;   /* the client speaks HTTP/2 */
	bool leaving;       /* the client has been asked to make no more calls */
	bool left;          /* and it is known which was the last */
};

/* False if there is no memory. */
bool grpc_session_open(struct grpc_connection *grpc);
void grpc_session_close(struct grpc_connection *grpc);

/* Takes input. Returns 0, or the error of nghttp2 after which nothing more can be read. */
int grpc_session_receive(struct grpc_connection *grpc, const char *bytes, size_t length);

/* Writes frames to loop->output, as far as there is room. False if there is no memory. */
bool grpc_session_write(struct grpc_connection *grpc);
bool grpc_session_has_output(const struct grpc_connection *grpc);

/* Asks the client to make no more calls here; those that it has made are served. */
void grpc_session_leave(struct grpc_connection *grpc);

/* Likewise, and ends streams, which have no end of their own. */
void grpc_session_stop(struct grpc_connection *grpc);

#endif
