/* SPDX-License-Identifier: MIT
 *
 * The methods that are served.
 */
#ifndef SNOWIDD_GRPC_METHODS_H
#define SNOWIDD_GRPC_METHODS_H

#include "snowidd/grpc/call.h"

/* NULL if there is no such path. */
const struct grpc_method *grpc_method_find(const char *path, size_t length);

/* Its index in the counters; 0 if it is NULL. */
size_t grpc_method_index(const struct grpc_method *method);

/* The paths by their index in the counters; NULL past the last. */
const char *grpc_method_at(size_t index);

#endif
