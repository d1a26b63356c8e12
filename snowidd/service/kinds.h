/* SPDX-License-Identifier: MIT
 *
 * The kinds of ID that are served: from settings to generators.
 */
#ifndef SNOWIDD_KINDS_H
#define SNOWIDD_KINDS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snowid.h"
#include "snowidd/config/settings.h"
#include "snowidd/service/counters.h"

#define KIND_FIELDS 16 /* that are neither time nor sequence */

enum kind_type { KIND_LAYOUT, KIND_ULID, KIND_UUID };

/* A field with its value, as it is shown. */
struct kind_field {
	char name[64];
	uint64_t value;
};

struct kind {
	char name[32];
	size_t index;
	enum kind_type type;
	struct snowid_layout *layout; /* of KIND_LAYOUT */
	char spec[512];               /* as snowid_config_set_kind() takes it */
	struct snowid_generator *generator;
	char store[512];
	uint64_t half_block_ns;
	_Atomic uint64_t
		limit_at; /* elapsed time at which the store's limit is reached; UINT64_MAX: never */
	_Atomic int store_error; /* of the last renewal; 0: none */
};

/* Reads the settings of all kinds, and opens their generators if asked to, which may wait for stores.
 * False with *error; what was opened is then closed. */
bool kinds_open(struct kind kinds[KINDS_MAX], size_t *count, const struct settings *settings,
		bool generators, struct settings_error *error);
void kinds_free(struct kind kinds[KINDS_MAX], size_t count);

/* Whether nobody said which worker this is: the IDs are then unique on this host alone. */
bool kinds_host_scope(const struct settings *settings);

/* The next field of a layout, from *index on, that is neither time nor sequence, with its value. False past
 * the last. */
bool kind_next_field(const struct kind *kind, size_t *index, const char **name, uint64_t *value);

#endif
