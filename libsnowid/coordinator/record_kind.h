/* SPDX-License-Identifier: MIT
 *
 * What the text of a kind in a record says about its workers and its ticks.
 */
#ifndef SN_RECORD_KIND_H
#define SN_RECORD_KIND_H

#include "libsnowid/id/layout.h"
#include "libsnowid/sequence/ticks.h"
#include "libsnowid/store/assigned.h"

struct sn_record_kind {
	struct snowid_layout *layout; /* NULL: not a layout */
	const struct sn_field *fields;
	size_t field_count;
	size_t worker_field;     /* the index of the one that is assigned; field_count: none */
	size_t datacenter_field; /* of the one that is in the path; field_count: none */
	struct sn_ticks ticks;
};

/* SNOWID_E_UNKNOWN, SNOWID_E_SYNTAX: this version does not know the kind. Free it otherwise. */
int sn_record_kind_init(struct sn_record_kind *kind, const char *text,
			const struct sn_assigned *assigned);
void sn_record_kind_free(struct sn_record_kind *kind);

#endif
