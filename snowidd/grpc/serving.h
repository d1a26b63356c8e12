/* SPDX-License-Identifier: MIT
 *
 * Serving a call: its method is given messages, and goes on when it has waited.
 */
#ifndef SNOWIDD_GRPC_SERVING_H
#define SNOWIDD_GRPC_SERVING_H

#include "snowidd/grpc/connection.h"

/* Each call, served or not, and each message uses up some of the connection's share of this turn of
 * the loop. */
void grpc_serving_use_share(struct grpc_connection *grpc);

/* A message has arrived and is to be served. */
void grpc_serving_message(struct grpc_connection *grpc, struct grpc_call *call);

/* Goes on with a call that has waited. */
void grpc_serving_continue(struct grpc_connection *grpc, struct grpc_call *call);

/* What a waiter of a call is resumed with. */
void grpc_serving_resume(struct waiter *waiter, enum wake wake);

#endif
