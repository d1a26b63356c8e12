/* SPDX-License-Identifier: MIT
 *
 * Messages that are compressed with gzip (RFC 1952).
 */
#ifndef SNOWIDD_GRPC_GZIP_H
#define SNOWIDD_GRPC_GZIP_H

#include <stddef.h>

#include "snowidd/base/buffer.h"

enum gzip_result {
	GZIP_DONE,
	GZIP_MALFORMED,
	GZIP_TOO_LARGE /* more than the limit */
};

/* Adds what `bytes` decompress to. */
enum gzip_result gzip_expand(struct buffer *to, const char *bytes, size_t length, size_t limit);

#endif
