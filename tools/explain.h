/* SPDX-License-Identifier: MIT
 *
 * What the stores of a host say about an ID: shared by the files of snowid explain.
 */
#ifndef SNOWID_EXPLAIN_H
#define SNOWID_EXPLAIN_H

#include "snowid-tool.h"

/* A record of a store: what it keeps for one worker. */
struct witness {
	const struct snowid_store_info *info;
	size_t record;
	struct kind kind; /* named by its preset, if there is one */
};

/* All records that could be read. */
struct witnesses {
	struct witness *all;
	size_t count;
	struct snowid_store_info **infos;
	size_t info_count;
	int status; /* 1 if a store could not be read */
};

/* What a record says about an ID of its kind with its fields. */
enum verdict { VERDICT_NO, VERDICT_UNKNOWN, VERDICT_YES };

struct finding {
	enum verdict possible; /* that it was made with this store */
	char why[256];
};

/* Reads these stores, or the default ones if there are none. Reports those that cannot be read. */
void witnesses_open(struct witnesses *witnesses, char *const urls[], size_t count);
void witnesses_close(struct witnesses *witnesses);

/* The text of a value of a record; NULL if it has none. */
const char *witness_value(const struct witness *witness, const char *key);

/* Whether the record is of this ID's kind and fields. `asked` is NULL if the kind is not known. */
bool witness_matches(const struct witness *witness, const struct kind *asked, const struct id *id);

struct finding witness_finding(const struct witness *witness, const struct id *id);

/* What is known about an ID when the advice is given. */
struct knowledge {
	const struct id *id;
	const struct kind *kind; /* NULL: not known */
	size_t matching;         /* records of its kind and fields */
	size_t possible;         /* those that may have made it */
	bool json;
};

/* Adds what to do next to a record. */
void record_advice(const struct knowledge *knowledge);

#endif
