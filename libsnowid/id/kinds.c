/* SPDX-License-Identifier: MIT
 *
 * The table of kinds.
 */
#include "libsnowid/id/kinds.h"

#include <string.h>

#include "libsnowid/id/ulid.h"
#include "libsnowid/id/uuid.h"

static const struct sn_kind *const kinds[] = {
	&sn_kind_ulid,
	&sn_kind_uuid1,
	&sn_kind_uuid6,
	&sn_kind_uuid7,
};

const struct sn_kind *sn_kind_find(const char *name)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(name, kinds[i]->name) == 0)
			return kinds[i];
	return NULL;
}
