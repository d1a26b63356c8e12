/* SPDX-License-Identifier: MIT
 *
 * The status of a call: its codes
 * (https://github.com/grpc/grpc/blob/master/doc/statuscodes.md), and how it is sent
 * (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
 */
#ifndef SNOWIDD_GRPC_STATUS_H
#define SNOWIDD_GRPC_STATUS_H

#include <stddef.h>
#include <stdint.h>

#include "snowidd/base/buffer.h"
#include "snowidd/service/refusal.h"

enum grpc_status {
	GRPC_OK,
	GRPC_CANCELLED,
	GRPC_UNKNOWN,
	GRPC_INVALID_ARGUMENT,
	GRPC_DEADLINE_EXCEEDED,
	GRPC_NOT_FOUND,
	GRPC_ALREADY_EXISTS,
	GRPC_PERMISSION_DENIED,
	GRPC_RESOURCE_EXHAUSTED,
	GRPC_FAILED_PRECONDITION,
	GRPC_ABORTED,
	GRPC_OUT_OF_RANGE,
	GRPC_UNIMPLEMENTED,
	GRPC_INTERNAL,
	GRPC_UNAVAILABLE,
	GRPC_DATA_LOSS,
	GRPC_UNAUTHENTICATED,
	GRPC_STATUSES
};

/* "RESOURCE_EXHAUSTED"; NULL past the last. */
const char *grpc_status_name(size_t status);

/* The value of the field grpc-status. */
const char *grpc_status_digits(enum grpc_status status);

enum grpc_status grpc_status_of_refusal(enum refusal refusal);

/* Adds a text as the field grpc-message has it. */
void grpc_status_add_message(struct buffer *to, const char *text);

/* Adds the value of grpc-status-details-bin that tells a client after which time to try again. */
void grpc_status_add_retry(struct buffer *to, enum grpc_status status, const char *text,
			   uint64_t wait_ns);

#endif
