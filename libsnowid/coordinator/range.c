/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/range.h"

#include <stdio.h>

#define READ_MAX 256 /* records in one request */

/* xorshift64: it only has to make processes choose differently. */
static uint64_t draw_below(struct sn_range *range, uint64_t bound)
{
	range->random ^= range->random << 13;
	range->random ^= range->random >> 7;
	range->random ^= range->random << 17;
	return range->random % bound;
}

void sn_range_init(struct sn_range *range, uint64_t first, uint64_t last, uint64_t random)
{
	*range = (struct sn_range){.first = first, .last = last, .random = random | 1};
	range->next = first + random % (last - first + 1);
	sn_range_begin(range);
}

void sn_range_begin(struct sn_range *range)
{
	range->unread = range->last - range->first + 1;
	range->usable = 0;
	range->blocker = (struct sn_blocker){.kind = SN_BLOCKER_FOREIGN};
	range->rests_t100ns = UINT64_MAX;
}

uint64_t sn_range_wants(const struct sn_range *range)
{
	const uint64_t to_last = range->last - range->next + 1;
	const uint64_t count = to_last < range->unread ? to_last : range->unread;
	return count < READ_MAX ? count : READ_MAX;
}

/* ---- one record ------------------------------------------------------------------------------ */

/* Of several reasons the one is told that ends first, or that the user can do most about. */
static unsigned blocker_rank(enum sn_blocker_kind kind)
{
	return kind == SN_BLOCKER_RESTS    ? 3
	       : kind == SN_BLOCKER_BEHIND ? 2
	       : kind == SN_BLOCKER_TAKEN  ? 1
					   : 0;
}

static void note_foreign(struct sn_range *range, const struct sn_record *record)
{
	if (range->blocker.kind == SN_BLOCKER_FOREIGN && record->kind)
		snprintf(range->blocker.why, sizeof range->blocker.why, "%s", record->kind);
}

static void note_taken(struct sn_range *range, const struct sn_record *record)
{
	if (blocker_rank(range->blocker.kind) < blocker_rank(SN_BLOCKER_TAKEN))
		range->blocker =
			(struct sn_blocker){.kind = SN_BLOCKER_TAKEN, .holder = record->owner};
}

/* The floor is ahead of the clock. */
static void note_floor(struct sn_range *range, uint64_t floor, const struct sn_range_view *view)
{
	const uint64_t last = floor < view->ticks->last_tick ? floor : view->ticks->last_tick;
	const uint64_t left = last * view->ticks->unit_t100ns - view->now.t100ns;
	const enum sn_blocker_kind kind =
		left <= view->longest_rest_ns / 100 ? SN_BLOCKER_RESTS : SN_BLOCKER_BEHIND;
	int64_t sec = 0;
	uint32_t nsec = 0;

	if (blocker_rank(kind) < blocker_rank(range->blocker.kind))
		return;
	if (kind == range->blocker.kind && left >= range->rests_t100ns)
		return;
	sn_timebase_start(&view->ticks->time, last, &sec, &nsec);
	range->blocker = (struct sn_blocker){
		.kind = kind, .until_ms = (uint64_t)sec * 1000 + (nsec + 999999) / 1000000};
	range->rests_t100ns = left;
}

bool sn_range_admits(struct sn_range *range, const struct sn_record *record,
		     const struct sn_range_view *view)
{
	const uint64_t floor = sn_record_floor(record);

	if (record->held)
		note_taken(range, record);
	else if (record->exists && record->fingerprint != view->fingerprint)
		note_foreign(range, record);
	else if (floor > view->now.tick)
		note_floor(range, floor, view);
	else
		return true;
	return false;
}

/* ---- many ------------------------------------------------------------------------------------ */

/* Each of those that were offered so far has the same chance to be the chosen one. */
static void offer_record(struct sn_range *range, uint64_t worker, const struct sn_record *record,
			 uint64_t offered)
{
	if (draw_below(range, offered) != 0)
		return;
	range->worker = worker;
	range->record = *record;
}

bool sn_range_examine(struct sn_range *range, const struct sn_record *records, uint64_t count,
		      const struct sn_range_view *view)
{
	uint64_t idle = 0;

	for (uint64_t i = 0; i < count; i++) {
		const struct sn_record *const record = &records[i];
		const bool never_owned = !record->exists || record->released;
		if (!sn_range_admits(range, record, view))
			continue;
		range->usable++;
		if (never_owned)
			offer_record(range, range->next + i, record, ++idle);
		else if (idle == 0)
			offer_record(range, range->next + i, record, range->usable);
	}
	range->unread -= count;
	range->next = range->next + count > range->last ? range->first : range->next + count;
	return idle > 0;
}
