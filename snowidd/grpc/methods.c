/* SPDX-License-Identifier: MIT
 *
 * The methods that are served.
 */
#include <string.h>

#include "snowidd/grpc/id_generator.h"
#include "snowidd/grpc/methods.h"

static const struct grpc_method methods[] = {
	{.path = "other"}, /* the name under which other paths are counted */
	{"/IDGenerator/GenerateID", false, id_generator_one, id_generator_resume_one},
	{"/IDGenerator/GenerateBatch", false, id_generator_batch, id_generator_resume_batch},
	{"/IDGenerator/ParseID", false, id_generator_parse, NULL},
	{"/IDGenerator/HealthCheck", true, id_generator_health, NULL},
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
