/* SPDX-License-Identifier: MIT
 *
 * HTTP/1.1 (RFC 9110, RFC 9112) as a protocol of connections.
 */
#ifndef SNOWIDD_HTTP_H
#define SNOWIDD_HTTP_H

#include "snowidd/http/request.h"
#include "snowidd/net/protocol.h"

/* HTTP whose requests are served by `handler`, for clients or for operators. */
struct protocol http_protocol(const struct http_handler *handler);
struct protocol http_admin_protocol(const struct http_handler *handler);

#endif
