/* SPDX-License-Identifier: MIT
 *
 * Generators, and the IDs that they issue.
 */
#ifndef TESTS_GENERATORS_H
#define TESTS_GENERATORS_H

#include "tests/unit/check.h"

static inline struct snowid_clock *manual_clock(int64_t sec)
{
	struct snowid_clock *clock = NULL;
	OK(snowid_clock_new_manual(sec, 0, &clock));
	return clock;
}

static inline uint64_t next_id(struct snowid_generator *generator)
{
	uint64_t id = 0;
	OK(snowid_generator_next(generator, &id));
	return id;
}

static inline uint64_t field_of(const struct snowid_generator *generator, const char *name)
{
	uint64_t value = 0;
	OK(snowid_generator_field(generator, name, &value));
	return value;
}

static inline uint64_t stat_of(const struct snowid_generator *generator, enum snowid_stat which)
{
	uint64_t value = 0;
	OK(snowid_generator_stat(generator, which, &value));
	return value;
}

/* The time of an ID of the preset snowflake, whose epoch is 2021-01-01. */
static inline uint64_t snowflake_ms(uint64_t id)
{
	return (id >> 22) + UINT64_C(1609459200000);
}

static inline int compare_ids(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* Sorts them. */
static inline void expect_unique(uint64_t *ids, size_t count)
{
	qsort(ids, count, sizeof *ids, compare_ids);
	for (size_t i = 1; i < count; i++)
		if (ids[i] == ids[i - 1])
			ck_abort_msg("duplicate %llx", (unsigned long long)ids[i]);
}

#endif
