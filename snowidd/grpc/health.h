/* SPDX-License-Identifier: MIT
 *
 * The methods of grpc.health.v1.Health.
 */
#ifndef SNOWIDD_GRPC_HEALTH_H
#define SNOWIDD_GRPC_HEALTH_H

#include "snowidd/grpc/call.h"

enum grpc_next health_check(struct grpc_call *call, const uint8_t *message, size_t length);
enum grpc_next health_list(struct grpc_call *call, const uint8_t *message, size_t length);
enum grpc_next health_watch(struct grpc_call *call, const uint8_t *message, size_t length);
enum grpc_next health_resume_watch(struct grpc_call *call);

#endif
