/* SPDX-License-Identifier: MIT
 *
 * What a generator is asked to be.
 */
#ifndef SN_CONFIG_H
#define SN_CONFIG_H

#include <stdbool.h>

#include "libsnowid/id/kind.h"
#include "snowid.h"

struct snowid_config {
	char *kind_text;
	const struct sn_kind *kind;    /* NULL for a layout */
	struct snowid_layout *layout;  /* NULL for any other kind */
	const struct sn_field *fields; /* of the layout or the kind */
	size_t field_count;
	uint64_t values[SN_FIELDS_MAX]; /* of the fields that are set */
	bool set[SN_FIELDS_MAX];
	char *store;
	struct snowid_clock *clock;
	uint64_t timeout_ns, wait_ns, hold_ns, borrow_ns, block_ns, jump_ns;
	unsigned mode; /* of a new state file */
	bool spread;
};

/* -ENOMEM. */
int sn_config_copy(const struct snowid_config *config, struct snowid_config **copy);

void sn_config_slots(const struct snowid_config *config, struct sn_slots *slots);

/* Tells kinds apart in a store. */
uint64_t sn_config_fingerprint(const struct snowid_config *config);

/* The place of the field of a name; SNOWID_E_UNKNOWN, also for time and sequence. */
int sn_config_find(const struct snowid_config *config, const char *name, size_t *index);

#endif
