/* SPDX-License-Identifier: MIT
 *
 * Stores that choose the value of a field: the options workers=A-B and field=NAME of their URLs,
 * and what they mean for a kind.
 */
#ifndef SN_ASSIGNED_H
#define SN_ASSIGNED_H

#include "libsnowid/store/store.h"

struct sn_assigned {
	char field[32]; /* "": the one that tells nodes apart: worker, machine or shard */
	bool has_range;
	uint64_t first_worker, last_worker;
};

/* Reads the value of an option, which need not end in 0; false if it is malformed. */
bool sn_assigned_set_workers(struct sn_assigned *assigned, const char *value, size_t length);
bool sn_assigned_set_field(struct sn_assigned *assigned, const char *value, size_t length);

/* Reads a number at the beginning of a text, and moves the text to what follows it. */
bool sn_assigned_read_number(const char **text, uint64_t *value);

/* Finds the field whose value is assigned. `store` stands in errors, as below. */
int sn_assigned_find_field(const struct sn_assigned *assigned, const char *store,
			   const struct sn_store_settings *settings, size_t *index);

/* The workers to choose from: the range in the URL or else all of them, or the one that the user
 * has set. */
int sn_assigned_find_range(const struct sn_assigned *assigned, const char *store,
			   const struct sn_store_field *field, uint64_t *first, uint64_t *last);

#endif
