/* SPDX-License-Identifier: MIT
 *
 * The table of kinds.
 */
#include "libsnowid/id/kinds.h"

#include <stdbool.h>
#include <string.h>

#include "libsnowid/base/error.h"
#include "libsnowid/base/suggest.h"
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

/* UUIDs of RFC 9562 without a time. The name that is most like one of them would mislead. */
static bool is_kind_without_time(const char *name)
{
	return strncmp(name, "uuid", 4) == 0 && name[4] && strchr("3458", name[4]) && !name[5];
}

int sn_kind_fail_unknown(const char *name)
{
	struct sn_suggestion suggestion;
	const char *preset;

	if (is_kind_without_time(name))
		return sn_fail(SNOWID_E_UNKNOWN,
			       "the kind %s has no time, and needs no generator; see "
			       "snowid_uuid4_random(3)",
			       name);
	sn_suggestion_begin(&suggestion, name, strlen(name));
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		sn_suggestion_offer(&suggestion, kinds[i]->name);
	for (size_t i = 0; (preset = snowid_layout_preset(i)); i++)
		sn_suggestion_offer(&suggestion, preset);
	return sn_fail(SNOWID_E_UNKNOWN, "there is no kind \"%.60s\"%s", name,
		       sn_suggestion_or(&suggestion,
					"; use ulid, uuid1, uuid6, uuid7, a preset such as "
					"snowflake, or fields such as "
					"time:41,worker:10,sequence:12"));
}
