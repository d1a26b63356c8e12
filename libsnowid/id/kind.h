/* SPDX-License-Identifier: MIT
 *
 * Kinds of IDs: how many slots a kind has in which unit of time, and what it makes of a slot.
 *
 * The IDs of a layout have 64 bits. They are encoded inline (encoder.h), because their encoding is
 * part of the fast path. All other kinds have 128 bits, are described by a struct sn_kind, and are
 * listed in kinds.c.
 */
#ifndef SN_KIND_H
#define SN_KIND_H

#include <stdbool.h>

#include "libsnowid/id/layout.h"

/* The slots of a kind. A slot is (tick << sequence_bits) | sequence. */
struct sn_slots {
	struct sn_timebase time;
	uint64_t last_tick;
	unsigned sequence_bits;
	unsigned start_bits; /* a new tick starts at a random sequence of this many bits */
};

#define SN_KIND_RANDOM_MAX 8

struct sn_kind {
	const char *name;
	uint64_t fingerprint; /* state files record it, so it never changes; 0 is for layouts */
	int64_t epoch_sec;
	uint32_t unit_ns;
	unsigned time_bits;
	unsigned sequence_bits;
	unsigned start_bits;

	/* Fields that are the same in all IDs of a generator, at their places in its identity. */
	const struct sn_field *fields;
	size_t field_count;

	/* Chooses random values for the fields that are not set. NULL if there are no fields. */
	int (*draw_fields)(const bool *set, uint64_t *values);

	/* Encodes `count` consecutive slots with random_size (up to SN_KIND_RANDOM_MAX) random
	 * bytes for each. If there are any, the ticks are milliseconds. */
	size_t random_size;
	void (*encode)(uint64_t slot, uint64_t identity, const uint8_t *random, size_t count,
		       struct snowid_id128 *ids);
};

/* The first or the last ID of the tick of an instant. If there is none, that of the nearest tick
 * and SNOWID_E_RANGE. SNOWID_E_INVALID: as sn_tick_at(). */
int sn_kind_edge_at(const struct sn_kind *kind, int64_t sec, uint32_t nsec, bool last,
		    struct snowid_id128 *id);

/* The first and the last ID of a time: see sn_tick_range_of(). If it contains none, *first is above
 * *last. */
int sn_kind_range(const struct sn_kind *kind, int64_t from_sec, uint32_t from_nsec,
		  int64_t before_sec, uint32_t before_nsec, struct snowid_id128 *first,
		  struct snowid_id128 *last);

void sn_kind_slots(const struct sn_kind *kind, struct sn_slots *slots);

/* The slots of a layout. If spread is set, each tick starts in the lower half of its sequence. */
void sn_kind_layout_slots(const struct snowid_layout *layout, bool spread, struct sn_slots *slots);

#endif
