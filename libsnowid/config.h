/* SPDX-License-Identifier: MIT
 *
 * A config: all that a generator is created from.
 */
#ifndef SN_CONFIG_H
#define SN_CONFIG_H

#include <stdbool.h>

#include "libsnowid/id/kind.h"
#include "snowid.h"

struct snowid_config {
	char *kind_text;
	const struct sn_kind *kind;    /* NULL for a layout */
	struct snowid_layout *layout;  /* NULL for another kind */
	const struct sn_field *fields; /* of the layout or the kind */
	size_t field_count;
	uint64_t values[SN_FIELDS_MAX]; /* of the fields that are set */
	bool set[SN_FIELDS_MAX];
	char *store;
	struct snowid_clock *clock;
	uint64_t timeout_ns, wait_ns, hold_ns, borrow_ns, reserve_ns, max_jump_ns;
	unsigned mode; /* of a new state file */
	bool spread;
	snowid_interrupt_fn interrupt; /* of the waits while a generator is opened; may be NULL */
	void *interrupt_user;
};

/* Copies all but the clock, which both then hold. -ENOMEM. */
int sn_config_copy(const struct snowid_config *config, struct snowid_config **copy);

void sn_config_slots(const struct snowid_config *config, struct sn_slots *slots);

/* The URL of the store: of the default one, unless the user has named one. */
const char *sn_config_store(const struct snowid_config *config);

/* Tells kinds apart in a store. */
uint64_t sn_config_fingerprint(const struct snowid_config *config);

/* The index of a field that can be set. SNOWID_E_UNKNOWN, or SNOWID_E_INVALID for time and
 * sequence. */
int sn_config_find_field(const struct snowid_config *config, const char *name, size_t *index);

#endif
