/* SPDX-License-Identifier: MIT
 *
 * The method of grpc.reflection.v1.ServerReflection, and of v1alpha.
 */
#ifndef SNOWIDD_GRPC_REFLECTION_H
#define SNOWIDD_GRPC_REFLECTION_H

#include "snowidd/grpc/call.h"

enum grpc_next reflection_info(struct grpc_call *call, const uint8_t *message, size_t length);

#endif
