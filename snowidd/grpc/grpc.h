/* SPDX-License-Identifier: MIT
 *
 * gRPC over HTTP/2 (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, RFC 9113) as a
 * protocol of connections.
 */
#ifndef SNOWIDD_GRPC_H
#define SNOWIDD_GRPC_H

#include "snowidd/net/protocol.h"
#include "snowidd/service/service.h"

/* gRPC to a service, which may be made later: `service` is where its address will be. */
struct protocol grpc_protocol(struct service *const *service);

#endif
