/* SPDX-License-Identifier: MIT
 *
 * Generators of every kind in memory, whose IDs can be compared as numbers.
 */
#ifndef TESTS_KINDS_H
#define TESTS_KINDS_H

#include <stdbool.h>

#include "tests/unit/generators.h"

#define WIDE_LAYOUT "time:41,worker:1,sequence:22;epoch=2021-01-01"

static const char *const all_kinds[] = {
	"snowflake", WIDE_LAYOUT, "instagram", "sonyflake;epoch=2021-01-01",
	"ulid",      "uuid7",     "uuid6",     "uuid1"};
enum { KINDS = sizeof all_kinds / sizeof all_kinds[0] };

static inline struct snowid_config *kind_config(const char *kind)
{
	static const char *const nodes[] = {"worker", "machine", "shard"};
	struct snowid_config *config;
	OK(snowid_config_new(&config));
	OK(snowid_config_set_kind(config, kind));
	for (size_t i = 0; i < 3; i++) /* whichever it has */
		MAY_FAIL(snowid_config_set_field(config, nodes[i], 1));
	return config;
}

/* Frees the config. */
static inline struct snowid_generator *open_config(struct snowid_config *config)
{
	struct snowid_generator *generator = NULL;
	OK(snowid_generator_new(config, &generator));
	snowid_config_free(config);
	return generator;
}

static inline struct snowid_generator *open_in_memory(const char *kind)
{
	return open_config(kind_config(kind));
}

/* On a manual clock that stands at START, one second after the generator was opened. */
static inline struct snowid_generator *open_on_manual_clock(const char *kind,
							    struct snowid_clock **clock)
{
	struct snowid_config *const config = kind_config(kind);
	*clock = manual_clock(START - 1);
	OK(snowid_config_set_clock(config, *clock));
	struct snowid_generator *const generator = open_config(config);
	OK(snowid_clock_advance(*clock, SEC));
	return generator;
}

/* ---- IDs of any kind ------------------------------------------------------------------------ */

/* An ID as a number of 128 bits that sorts by time. */
struct sortable_id {
	uint64_t high, low;
};

static inline int compare_sortable(const void *a, const void *b)
{
	const struct sortable_id *const x = a, *const y = b;
	if (x->high != y->high)
		return x->high < y->high ? -1 : 1;
	return x->low < y->low ? -1 : x->low > y->low;
}

static inline struct sortable_id sortable_from(const char *kind, const struct snowid_id128 *id)
{
	struct sortable_id sortable = {0, 0};
	struct snowid_id128 sorted = *id;
	if (strcmp(kind, "uuid1") == 0) /* its bytes do not sort */
		OK(snowid_uuid_1to6(id, &sorted));
	for (int i = 0; i < 8; i++) {
		sortable.high = sortable.high << 8 | sorted.bytes[i];
		sortable.low = sortable.low << 8 | sorted.bytes[8 + i];
	}
	return sortable;
}

/* Sorts them. */
static inline void expect_unique_sortable(struct sortable_id *ids, size_t count)
{
	qsort(ids, count, sizeof *ids, compare_sortable);
	for (size_t i = 1; i < count; i++)
		if (compare_sortable(&ids[i - 1], &ids[i]) == 0)
			ck_abort_msg("duplicate %llx %llx", (unsigned long long)ids[i].high,
				     (unsigned long long)ids[i].low);
}

static inline bool has_128_bits(const char *kind)
{
	return strcmp(kind, "ulid") == 0 || strncmp(kind, "uuid", 4) == 0;
}

static inline int next_sortable(struct snowid_generator *generator, const char *kind,
				struct sortable_id *sortable)
{
	struct snowid_id128 id;
	if (!has_128_bits(kind)) {
		sortable->high = 0;
		return snowid_generator_next_for(generator, UINT64_MAX, &sortable->low);
	}
	const int error = snowid_generator_next128_for(generator, UINT64_MAX, &id);
	if (!error)
		*sortable = sortable_from(kind, &id);
	return error;
}

#endif
