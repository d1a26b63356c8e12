/* SPDX-License-Identifier: MIT
 *
 * The response to a call: its header, its messages and how it has ended, handed to nghttp2.
 */
#ifndef SNOWIDD_GRPC_RESPONSE_H
#define SNOWIDD_GRPC_RESPONSE_H

#include "snowidd/grpc/connection.h"

/* Hands what a call has to say to nghttp2. */
void grpc_response_send(struct grpc_connection *grpc, struct grpc_call *call);

/* Ends a call whose client does not read its response. */
void grpc_response_cancel(struct grpc_connection *grpc, struct grpc_call *call);

/* Counts and logs a call that has ended, once. */
void grpc_response_count(const struct grpc_connection *grpc, struct grpc_call *call);

/* Tells a client that has its answer not to send the rest of its request (RFC 9113, section 8.1).
 * Not before the answer is sent, as nothing can follow. Some clients take this for an error, and so
 * it is not said to those whose requests end soon by themselves. */
void grpc_response_refuse_rest(struct grpc_connection *grpc, struct grpc_call *call);

#endif
