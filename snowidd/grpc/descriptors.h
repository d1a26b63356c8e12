/* SPDX-License-Identifier: MIT
 *
 * The .proto files that are served, as a google.protobuf.FileDescriptorSet.
 */
#ifndef SNOWIDD_GRPC_DESCRIPTORS_H
#define SNOWIDD_GRPC_DESCRIPTORS_H

#include <stddef.h>

extern const unsigned char grpc_descriptors[];
extern const size_t grpc_descriptors_size;

#endif
