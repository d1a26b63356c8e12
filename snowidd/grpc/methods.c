/* SPDX-License-Identifier: MIT
 *
 * The methods that are served.
 */
#include <string.h>

#include "snowidd/grpc/health.h"
#include "snowidd/grpc/id_generator.h"
#include "snowidd/grpc/methods.h"
#include "snowidd/grpc/reflection.h"

static const struct grpc_method methods[] = {
	{.path = "other"}, /* the name under which other paths are counted */
	{
		.path = "/IDGenerator/GenerateID",
		.serve = id_generator_one,
		.resume = id_generator_resume_one,
	},
	{
		.path = "/IDGenerator/GenerateBatch",
		.serve = id_generator_batch,
		.resume = id_generator_resume_batch,
	},
	{
		.path = "/IDGenerator/StreamIDs",
		.serve = id_generator_stream,
		.resume = id_generator_resume_stream,
		.is_stream = true,
		.produce = id_generator_produce,
	},
	{.path = "/IDGenerator/ParseID", .serve = id_generator_parse},
	{.path = "/IDGenerator/HealthCheck", .is_open = true, .serve = id_generator_health},
	{.path = "/grpc.health.v1.Health/Check", .is_open = true, .serve = health_check},
	{.path = "/grpc.health.v1.Health/List", .is_open = true, .serve = health_list},
	{
		.path = "/grpc.health.v1.Health/Watch",
		.is_open = true,
		.serve = health_watch,
		.resume = health_resume_watch,
		.is_stream = true,
	},
	{
		.path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
		.serve = reflection_info,
		.takes_many = true,
		.is_stream = true,
	},
	{
		.path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
		.serve = reflection_info,
		.takes_many = true,
		.is_stream = true,
	},
};
#define METHODS (sizeof methods / sizeof methods[0])
_Static_assert(METHODS <= METHODS_MAX, "methods");
_Static_assert(GRPC_STATUSES == GRPC_CODES, "codes");

const struct grpc_method *grpc_method_find(const char *path, size_t length)
{
	for (size_t i = 1; i < METHODS; i++)
		if (strlen(methods[i].path) == length && memcmp(methods[i].path, path, length) == 0)
			return &methods[i];
	return NULL;
}

size_t grpc_method_index(const struct grpc_method *method)
{
	return method ? (size_t)(method - methods) : 0;
}

const char *grpc_method_at(size_t index)
{
	return index < METHODS ? methods[index].path : NULL;
}
