/* SPDX-License-Identifier: MIT
 *
 * The methods of IDGenerator, the service in snowid.proto.
 */
#ifndef SNOWIDD_GRPC_ID_GENERATOR_H
#define SNOWIDD_GRPC_ID_GENERATOR_H

#include "snowidd/grpc/call.h"

enum grpc_next id_generator_one(struct grpc_call *call, const uint8_t *message, size_t length);
enum grpc_next id_generator_resume_one(struct grpc_call *call);
enum grpc_next id_generator_batch(struct grpc_call *call, const uint8_t *message, size_t length);
enum grpc_next id_generator_resume_batch(struct grpc_call *call);
enum grpc_next id_generator_stream(struct grpc_call *call, const uint8_t *message, size_t length);
enum grpc_next id_generator_resume_stream(struct grpc_call *call);
enum grpc_next id_generator_produce(struct grpc_call *call, size_t room);
enum grpc_next id_generator_parse(struct grpc_call *call, const uint8_t *message, size_t length);
enum grpc_next id_generator_health(struct grpc_call *call, const uint8_t *message, size_t length);

#endif
