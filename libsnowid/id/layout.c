/* SPDX-License-Identifier: MIT
 *
 * Layouts: the fields of their IDs, the times they stand for, and what follows from their bits.
 */
#include "libsnowid/id/layout.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "libsnowid/base/error.h"
#include "libsnowid/base/export.h"
#include "libsnowid/base/suggest.h"

SNOWID_EXPORT void snowid_layout_free(struct snowid_layout *layout)
{
	free(layout);
}

/* ---- fields ---------------------------------------------------------------------------------- */

const struct sn_field *sn_layout_find(const struct snowid_layout *layout, const char *name)
{
	for (size_t i = 0; i < layout->count; i++)
		if (strcmp(name, layout->fields[i].name) == 0)
			return &layout->fields[i];
	return NULL;
}

const struct sn_field *sn_layout_node_field(const struct snowid_layout *layout)
{
	static const char *const names[] = {"worker", "machine", "shard"};
	const struct sn_field *field = NULL;
	for (size_t i = 0; i < sizeof names / sizeof names[0] && !field; i++)
		field = sn_layout_find(layout, names[i]);
	return field;
}

int sn_fail_unknown_field(const char *owner, const char *name, const struct sn_field *fields,
			  size_t count)
{
	struct sn_suggestion suggestion;

	sn_suggestion_begin(&suggestion, name, strlen(name));
	for (size_t i = 0; i < count; i++)
		sn_suggestion_offer(&suggestion, fields[i].name);
	return sn_fail(SNOWID_E_UNKNOWN, "%.80s has no field \"%.60s\"%s", owner, name,
		       sn_suggestion_or(&suggestion, ""));
}

static int layout_require_field(const struct snowid_layout *layout, const char *name,
				const struct sn_field **field)
{
	*field = sn_layout_find(layout, name);
	if (!*field)
		return sn_fail_unknown_field("the layout", name, layout->fields, layout->count);
	return 0;
}

static int layout_check_id(const struct snowid_layout *layout, uint64_t id)
{
	if (id & ~sn_mask(layout->bits))
		return sn_fail(SNOWID_E_RANGE,
			       "the ID %" PRIu64 " does not fit the layout's %d bits", id,
			       layout->bits);
	return 0;
}

static uint64_t field_value(const struct sn_field *field, uint64_t id)
{
	return id >> field->shift & sn_mask(field->bits);
}

SNOWID_EXPORT int snowid_layout_field(const struct snowid_layout *layout, uint64_t id,
				      const char *name, uint64_t *value)
{
	const struct sn_field *field;

	if (!layout || !name || !value)
		return sn_fail_null(!layout ? "layout" : !name ? "name" : "value");
	int error = layout_require_field(layout, name, &field);
	if (!error)
		error = layout_check_id(layout, id);
	if (!error)
		*value = field_value(field, id);
	return error;
}

SNOWID_EXPORT int snowid_layout_set_field(const struct snowid_layout *layout, const char *name,
					  uint64_t value, uint64_t *id)
{
	const struct sn_field *field;

	if (!layout || !name || !id)
		return sn_fail_null(!layout ? "layout" : !name ? "name" : "id");
	int error = layout_require_field(layout, name, &field);
	if (!error)
		error = layout_check_id(layout, *id);
	if (error)
		return error;
	const uint64_t mask = sn_mask(field->bits);
	if (value > mask)
		return sn_fail(SNOWID_E_RANGE,
			       "the field %s must be from 0 to %" PRIu64 ", not %" PRIu64, name,
			       mask, value);
	*id = (*id & ~(mask << field->shift)) | value << field->shift;
	return 0;
}

SNOWID_EXPORT int snowid_layout_field_at(const struct snowid_layout *layout, size_t index,
					 const char **name, unsigned *bits, unsigned *shift)
{
	if (!layout)
		return sn_fail_null("layout");
	if (index >= layout->count)
		return sn_fail(SNOWID_E_RANGE, "the layout has %d fields: there is no field %zu",
			       layout->count, index);
	const struct sn_field *const field = &layout->fields[index];
	if (name)
		*name = field->name;
	if (bits)
		*bits = field->bits;
	if (shift)
		*shift = field->shift;
	return 0;
}

uint64_t sn_layout_last_tick(const struct sn_timebase *time, unsigned time_bits)
{
	const uint64_t by_bits = sn_mask(time_bits);
	const uint64_t by_calendar = sn_timebase_last_tick(time);
	return by_bits < by_calendar ? by_bits : by_calendar;
}

/* ---- time ------------------------------------------------------------------------------------ */

static int layout_tick_time(const struct snowid_layout *layout, uint64_t tick, int64_t *unix_sec,
			    uint32_t *nsec)
{
	if (!layout || !unix_sec || !nsec)
		return sn_fail_null(!layout ? "layout" : !unix_sec ? "unix_sec" : "nsec");
	int64_t sec;
	if (!sn_timebase_start(&layout->time, tick, &sec, nsec))
		return sn_fail(SNOWID_E_RANGE,
			       "tick %" PRIu64 " of the layout is more than 2^63 seconds from 1970",
			       tick);
	*unix_sec = sec;
	return 0;
}

SNOWID_EXPORT int snowid_layout_time(const struct snowid_layout *layout, uint64_t id,
				     int64_t *unix_sec, uint32_t *nsec)
{
	if (!layout)
		return sn_fail_null("layout");
	const int error = layout_check_id(layout, id);
	return error ? error
		     : layout_tick_time(layout, field_value(&layout->fields[0], id), unix_sec,
					nsec);
}

SNOWID_EXPORT int snowid_layout_time_ms(const struct snowid_layout *layout, uint64_t id,
					int64_t *unix_ms)
{
	int64_t sec = 0;
	uint32_t nsec = 0;

	if (!unix_ms)
		return sn_fail_null("unix_ms");
	const int error = snowid_layout_time(layout, id, &sec, &nsec);
	if (error)
		return error;
	if (__builtin_mul_overflow(sec, 1000, &sec) ||
	    __builtin_add_overflow(sec, nsec / 1000000, &sec))
		return sn_fail(SNOWID_E_RANGE,
			       "the ID %" PRIu64 " is more than 2^63 milliseconds from 1970", id);
	*unix_ms = sec;
	return 0;
}

SNOWID_EXPORT int snowid_layout_first_time(const struct snowid_layout *layout, int64_t *unix_sec,
					   uint32_t *nsec)
{
	return layout_tick_time(layout, 0, unix_sec, nsec);
}

SNOWID_EXPORT int snowid_layout_last_time(const struct snowid_layout *layout, int64_t *unix_sec,
					  uint32_t *nsec)
{
	return layout_tick_time(layout, layout ? layout->last_tick : 0, unix_sec, nsec);
}

SNOWID_EXPORT int snowid_layout_fits_until(const struct snowid_layout *layout, unsigned bits,
					   int64_t *unix_sec, uint32_t *nsec)
{
	if (!layout)
		return sn_fail_null("layout");
	const unsigned shift = layout->fields[0].shift;
	if (bits < 1 || bits > 64 || bits < shift)
		return sn_fail(
			SNOWID_E_RANGE,
			"even the IDs of the layout's first tick have up to %u bits, more than %u",
			shift, bits);
	const uint64_t tick = sn_mask(bits - shift);
	return layout_tick_time(layout, tick < layout->last_tick ? tick : layout->last_tick,
				unix_sec, nsec);
}

static struct sn_tick_span layout_ticks(const struct snowid_layout *layout)
{
	return (struct sn_tick_span){layout->time, layout->last_tick, "the layout"};
}

static int layout_edge_at(const struct snowid_layout *layout, int64_t sec, uint32_t nsec, bool last,
			  uint64_t *id)
{
	uint64_t tick = 0;

	if (!layout || !id)
		return sn_fail_null(!layout ? "layout" : "id");
	const struct sn_tick_span ticks = layout_ticks(layout);
	const int error = sn_tick_at(&ticks, sec, nsec, &tick);
	if (error == 0 || error == SNOWID_E_RANGE) {
		const unsigned shift = layout->fields[0].shift;
		*id = tick << shift | (last ? sn_mask(shift) : 0);
	}
	return error;
}

SNOWID_EXPORT int snowid_layout_first_at(const struct snowid_layout *layout, int64_t unix_sec,
					 uint32_t nsec, uint64_t *id)
{
	return layout_edge_at(layout, unix_sec, nsec, false, id);
}

SNOWID_EXPORT int snowid_layout_last_at(const struct snowid_layout *layout, int64_t unix_sec,
					uint32_t nsec, uint64_t *id)
{
	return layout_edge_at(layout, unix_sec, nsec, true, id);
}

SNOWID_EXPORT int snowid_layout_range(const struct snowid_layout *layout, int64_t from_sec,
				      uint32_t from_nsec, int64_t before_sec, uint32_t before_nsec,
				      uint64_t *first, uint64_t *last)
{
	struct sn_tick_range range;

	if (!layout)
		return sn_fail_null("layout");
	if (!first || !last)
		return sn_fail_null(!first ? "first" : "last");
	const struct sn_tick_span ticks = layout_ticks(layout);
	const int error =
		sn_tick_range_of(&ticks, from_sec, from_nsec, before_sec, before_nsec, &range);
	if (error)
		return error;
	const unsigned shift = layout->fields[0].shift;
	const bool below_first = !range.endless && range.end == 0;
	*first = below_first ? 1 : range.first << shift;
	*last = below_first     ? 0
		: range.endless ? sn_mask(layout->bits)
				: (range.end - 1) << shift | sn_mask(shift);
	return 0;
}

/* ---- capacity -------------------------------------------------------------------------------- */

/* FNV-1a (draft-eastlake-fnv) of a number, low byte first. */
static uint64_t hash_number(uint64_t hash, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		hash = (hash ^ (value >> (8 * i) & 0xff)) * UINT64_C(0x100000001b3);
	return hash;
}

uint64_t sn_layout_fingerprint(const struct snowid_layout *layout)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	hash = hash_number(hash, (uint64_t)layout->time.epoch_sec);
	hash = hash_number(hash, layout->time.epoch_nsec);
	hash = hash_number(hash, layout->time.unit_ns);
	hash = hash_number(hash, layout->sequence);
	for (size_t i = 0; i < layout->count; i++)
		hash = hash_number(hash, layout->fields[i].bits);
	return hash;
}

SNOWID_EXPORT int snowid_layout_info(const struct snowid_layout *layout,
				     enum snowid_layout_info which, uint64_t *value)
{
	if (!layout || !value)
		return sn_fail_null(!layout ? "layout" : "value");
	const unsigned sequence_bits = sn_layout_sequence_bits(layout);
	switch (which) {
	case SNOWID_LAYOUT_BITS:
		*value = layout->bits;
		return 0;
	case SNOWID_LAYOUT_FIELDS:
		*value = layout->count;
		return 0;
	case SNOWID_LAYOUT_UNIT_NS:
		*value = layout->time.unit_ns;
		return 0;
	case SNOWID_LAYOUT_IDS_PER_TICK:
		*value = UINT64_C(1) << sequence_bits;
		return 0;
	case SNOWID_LAYOUT_NODES:
		*value = UINT64_C(1) << (layout->fields[0].shift - sequence_bits);
		return 0;
	case SNOWID_LAYOUT_LAST_TICK:
		*value = layout->last_tick;
		return 0;
	case SNOWID_LAYOUT_FINGERPRINT:
		*value = sn_layout_fingerprint(layout);
		return 0;
	}
	return sn_fail(SNOWID_E_INVALID, "there is no layout info %d", (int)which);
}
