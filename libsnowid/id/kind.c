/* SPDX-License-Identifier: MIT
 *
 * The slots of kinds and of layouts, and the first and last IDs of times.
 */
#include "libsnowid/id/kind.h"

#include <string.h>

#include "libsnowid/base/error.h"

void sn_kind_slots(const struct sn_kind *kind, struct sn_slots *slots)
{
	sn_timebase_init(&slots->time, kind->epoch_sec, 0, kind->unit_ns);
	slots->last_tick = sn_layout_last_tick(&slots->time, kind->time_bits);
	slots->sequence_bits = kind->sequence_bits;
	slots->start_bits = kind->start_bits;
}

void sn_kind_layout_slots(const struct snowid_layout *layout, bool spread, struct sn_slots *slots)
{
	const unsigned bits = sn_layout_sequence_bits(layout);
	/* A sequencer takes at most 31 random bits. */
	const unsigned lower_half = bits > 32 ? 31 : bits > 0 ? bits - 1 : 0;

	slots->time = layout->time;
	slots->last_tick = layout->last_tick;
	slots->sequence_bits = bits;
	slots->start_bits = spread ? lower_half : 0;
}

/* ---- the first and last IDs of times --------------------------------------------------------- */

static struct sn_tick_span kind_ticks(const struct sn_kind *kind)
{
	struct sn_slots slots;
	sn_kind_slots(kind, &slots);
	return (struct sn_tick_span){slots.time, slots.last_tick, kind->name};
}

/* All bits but those of the time are 0, or all are 1; those that every ID of the kind has aside. */
static void kind_encode_edge(const struct sn_kind *kind, uint64_t tick, bool last,
			     struct snowid_id128 *id)
{
	uint8_t random[SN_KIND_RANDOM_MAX];
	uint64_t identity = 0;

	memset(random, last ? 0xff : 0, sizeof random);
	for (size_t i = 0; last && i < kind->field_count; i++)
		identity |= sn_mask(kind->fields[i].bits) << kind->fields[i].shift;
	const uint64_t sequence = last ? sn_mask(kind->sequence_bits) : 0;
	kind->encode(tick << kind->sequence_bits | sequence, identity, random, 1, id);
}

int sn_kind_edge_at(const struct sn_kind *kind, int64_t sec, uint32_t nsec, bool last,
		    struct snowid_id128 *id)
{
	const struct sn_tick_span ticks = kind_ticks(kind);
	uint64_t tick = 0;

	if (!id)
		return sn_fail_null("id");
	const int error = sn_tick_at(&ticks, sec, nsec, &tick);
	if (error == 0 || error == SNOWID_E_RANGE)
		kind_encode_edge(kind, tick, last, id);
	return error;
}

int sn_kind_range(const struct sn_kind *kind, int64_t from_sec, uint32_t from_nsec,
		  int64_t before_sec, uint32_t before_nsec, struct snowid_id128 *first,
		  struct snowid_id128 *last)
{
	const struct sn_tick_span ticks = kind_ticks(kind);
	struct sn_tick_range range;

	if (!first || !last)
		return sn_fail_null(!first ? "first" : "last");
	const int error =
		sn_tick_range_of(&ticks, from_sec, from_nsec, before_sec, before_nsec, &range);
	if (error)
		return error;
	kind_encode_edge(kind, range.first, false, first);
	if (range.endless) {
		kind_encode_edge(kind, sn_mask(kind->time_bits), true, last);
	} else if (range.end > 0) {
		kind_encode_edge(kind, range.end - 1, true, last);
	} else { /* before the first ID, which may be 0 */
		*last = (struct snowid_id128){{0}};
		first->bytes[sizeof first->bytes - 1] |= 1;
	}
	return 0;
}
