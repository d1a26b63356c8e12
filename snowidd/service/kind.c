/* SPDX-License-Identifier: MIT
 *
 * A kind of ID that is served.
 */
#include <string.h>

#include "snowidd/service/kind.h"

bool kind_next_field(const struct served_kind *kind, size_t *index, const char **name,
		     uint64_t *value, unsigned *bits)
{
	while (kind->layout &&
	       snowid_layout_field_at(kind->layout, *index, name, bits, NULL) == 0) {
		++*index;
		if (strcmp(*name, "time") != 0 && strcmp(*name, "sequence") != 0 &&
		    snowid_generator_field(kind->generator, *name, value) == 0)
			return true;
	}
	return false;
}

bool kind_field_is_worker(const char *name)
{
	return strcmp(name, "worker_id") == 0 || strcmp(name, "machine_id") == 0 ||
	       strcmp(name, "shard_id") == 0;
}
