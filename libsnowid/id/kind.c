/* SPDX-License-Identifier: MIT
 *
 * The slots of kinds and of layouts.
 */
#include "libsnowid/id/kind.h"

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
