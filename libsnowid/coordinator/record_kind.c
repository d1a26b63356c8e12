/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/record_kind.h"

#include <string.h>

#include "libsnowid/coordinator/service_url.h"
#include "libsnowid/id/kinds.h"

static size_t record_kind_worker_field(const struct sn_record_kind *kind,
				       const struct sn_assigned *assigned)
{
	const struct sn_field *const node =
		kind->layout ? sn_layout_node_field(kind->layout) : NULL;
	size_t i = 0;

	if (assigned->field[0] == '\0')
		return node ? (size_t)(node - kind->fields) : kind->field_count;
	while (i < kind->field_count && strcmp(kind->fields[i].name, assigned->field) != 0)
		i++;
	return i;
}

static size_t record_kind_datacenter_field(const struct sn_record_kind *kind)
{
	size_t i = 0;

	while (i < kind->field_count &&
	       (i == kind->worker_field || !sn_service_is_datacenter(kind->fields[i].name)))
		i++;
	return i;
}

int sn_record_kind_init(struct sn_record_kind *kind, const char *text,
			const struct sn_assigned *assigned)
{
	const struct sn_kind *const found = sn_kind_find(text);
	struct sn_slots slots;

	*kind = (struct sn_record_kind){.layout = NULL};
	const int error = found ? 0 : snowid_layout_new(text, &kind->layout);
	if (error)
		return error;
	if (found)
		sn_kind_slots(found, &slots);
	else
		sn_kind_layout_slots(kind->layout, false, &slots);
	sn_ticks_init(&kind->ticks, &slots.time, slots.last_tick, slots.sequence_bits);
	kind->fields = found ? found->fields : kind->layout->fields;
	kind->field_count = found ? found->field_count : kind->layout->count;
	kind->worker_field = record_kind_worker_field(kind, assigned);
	kind->datacenter_field = record_kind_datacenter_field(kind);
	return 0;
}

void sn_record_kind_free(struct sn_record_kind *kind)
{
	snowid_layout_free(kind->layout);
	kind->layout = NULL;
}
