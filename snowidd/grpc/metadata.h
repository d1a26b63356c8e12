/* SPDX-License-Identifier: MIT
 *
 * The header fields of a call
 * (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
 */
#ifndef SNOWIDD_GRPC_METADATA_H
#define SNOWIDD_GRPC_METADATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads the value of grpc-timeout, such as 500m. One that is too long for *ns is UINT64_MAX. */
bool grpc_timeout_parse(const char *text, size_t length, uint64_t *ns);

/* Whether a content-type is that of gRPC with Protocol Buffers. */
bool grpc_type_is_served(const char *text, size_t length);

#endif
