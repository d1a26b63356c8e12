/* SPDX-License-Identifier: MIT
 *
 * What a generator is asked to be.
 */
#ifndef SN_CONFIG_H
#define SN_CONFIG_H

#include <stdbool.h>

#include "libsnowid/id/layout.h"
#include "snowid.h"

enum sn_kind { SN_KIND_LAYOUT, SN_KIND_ULID, SN_KIND_UUID1, SN_KIND_UUID6, SN_KIND_UUID7 };

/* Places of the fields of uuid1 and uuid6. */
enum { SN_UUID_CLOCK_SEQ, SN_UUID_NODE };

struct snowid_config {
	enum sn_kind kind;
	char *kind_text;
	struct snowid_layout *layout;  /* NULL unless the kind is a layout */
	const struct sn_field *fields; /* of the layout, or those of a UUID */
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

/* The place of the field of a name; SNOWID_E_UNKNOWN, also for time and sequence. */
int sn_config_find(const struct snowid_config *config, const char *name, size_t *index);

#endif
