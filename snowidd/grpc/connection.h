/* SPDX-License-Identifier: MIT
 *
 * A connection that gRPC is spoken on, as the files that serve it share it.
 */
#ifndef SNOWIDD_GRPC_CONNECTION_H
#define SNOWIDD_GRPC_CONNECTION_H

#include <nghttp2/nghttp2.h>

#include "snowidd/grpc/call.h"
#include "snowidd/grpc/flood.h"
#include "snowidd/net/connection.h"

struct grpc_connection {
	struct connection connection;
	nghttp2_session *session;
	struct grpc_call *calls; /* that have not been freed */
	size_t call_count;
	struct grpc_flood flood;
	uint64_t opened_ns;      /* elapsed time */
	struct waiter keepalive; /* for the client to say anything */
	bool established;        /* the client speaks HTTP/2 */
	bool leaving;            /* the client has been asked to make no more calls */
	bool left;               /* and it is known which was the last */
};

/* Who a call is from. */
static inline struct ip_address grpc_client_of(const struct grpc_connection *grpc,
					       const struct grpc_call *call)
{
	return connection_client(&grpc->connection, call->forwarded_for.data,
				 call->forwarded_for.length);
}

#endif
