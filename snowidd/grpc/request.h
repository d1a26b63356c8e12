/* SPDX-License-Identifier: MIT
 *
 * The request of a call as it arrives: its header, the bytes of its messages, and its end.
 */
#ifndef SNOWIDD_GRPC_REQUEST_H
#define SNOWIDD_GRPC_REQUEST_H

#include "snowidd/grpc/connection.h"

void grpc_request_read_field(struct grpc_connection *grpc, struct grpc_call *call,
			     const uint8_t *name, size_t name_length, const char *value,
			     size_t length);

/* The header has arrived. */
void grpc_request_begin(struct grpc_connection *grpc, struct grpc_call *call);
void grpc_request_receive(struct grpc_connection *grpc, struct grpc_call *call, const char *bytes,
			  size_t length);

/* Nothing follows. */
void grpc_request_end(struct grpc_connection *grpc, struct grpc_call *call);

#endif
