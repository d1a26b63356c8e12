/* SPDX-License-Identifier: MIT
 *
 * Layouts: their specs and presets, and the arithmetic of their IDs.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnowid/base/error.h"
#include "libsnowid/base/export.h"
#include "libsnowid/id/layout.h"
#include "libsnowid/base/output.h"
#include "libsnowid/base/span.h"

static const struct {
	const char *name;
	const char *spec;
} presets[] = {
	{"snowflake", "time:41,datacenter:5,worker:5,sequence:12;epoch=1609459200000"},
	{"twitter", "time:41,datacenter:5,worker:5,sequence:12;epoch=1288834974657"},
	{"discord", "time:42,worker:5,process:5,sequence:12;epoch=1420070400000"},
	{"instagram", "time:41,shard:13,sequence:10;epoch=1314220021721"},
	{"sonyflake", "time:39,sequence:8,machine:16;epoch=1409529600000;unit=10ms"},
	{"js53", "time:41,worker:6,sequence:6;epoch=1609459200000"},
};
#define PRESETS (sizeof presets / sizeof presets[0])

SNOWID_EXPORT const char *snowid_layout_preset(size_t index)
{
	return index < PRESETS ? presets[index].name : NULL;
}

/* ---- specs ----------------------------------------------------------------------------------- */

/* A piece of a spec, which ends at a separator and not at a 0. */
struct piece {
	const char *text;
	size_t length;
};

/* Cuts what precedes the first separator off *rest. False when nothing is left. */
static bool cut(struct piece *rest, char separator, struct piece *head)
{
	if (!rest->text)
		return false;
	const char *const at = memchr(rest->text, separator, rest->length);
	*head = (struct piece){rest->text, at ? (size_t)(at - rest->text) : rest->length};
	*rest = at ? (struct piece){at + 1, rest->length - head->length - 1}
		   : (struct piece){NULL, 0};
	return true;
}

static bool equals(struct piece piece, const char *text)
{
	return strlen(text) == piece.length && memcmp(text, piece.text, piece.length) == 0;
}

/* For %.*s: enough of a piece to recognise it by. */
#define SHOWN(piece) ((piece).length > 60 ? 60 : (int)(piece).length), (piece).text

/* Whether a description of an ID, which has its fields beside these, would say two things at once. */
static bool field_name_reserved(struct piece name)
{
	return equals(name, "id") || equals(name, "kind") || equals(name, "unix_ms");
}

static bool field_name_valid(struct piece name)
{
	if (name.length == 0 || name.length >= SN_FIELD_NAME_SIZE)
		return false;
	for (size_t i = 0; i < name.length; i++) {
		const char c = name.text[i];
		const bool letter = c >= 'a' && c <= 'z';
		if (!letter && (i == 0 || (c != '_' && (c < '0' || c > '9'))))
			return false;
	}
	return true;
}

static int add_field(struct snowid_layout *layout, struct piece text)
{
	struct piece rest = text, name, width;
	unsigned bits = 0;

	if (!cut(&rest, ':', &name) || !cut(&rest, '\0', &width) || width.length == 0 ||
	    width.length > 2)
		return sn_fail(SNOWID_E_SYNTAX,
			       "the field \"%.*s\" is not NAME:BITS, such as worker:5",
			       SHOWN(text));
	for (size_t i = 0; i < width.length; i++) {
		if (width.text[i] < '0' || width.text[i] > '9')
			return sn_fail(SNOWID_E_SYNTAX,
				       "the width of the field \"%.*s\" is not a number",
				       SHOWN(text));
		bits = bits * 10 + (unsigned)(width.text[i] - '0');
	}
	if (!field_name_valid(name))
		return sn_fail(SNOWID_E_SYNTAX,
			       "the field name \"%.*s\" must be 1 to %d of a-z, 0-9 and _, "
			       "beginning with a letter",
			       SHOWN(name), SN_FIELD_NAME_SIZE - 1);
	if (field_name_reserved(name))
		return sn_fail(SNOWID_E_SYNTAX,
			       "a field cannot be named \"%.*s\"; choose another name",
			       SHOWN(name));
	if (bits == 0 || bits + layout->bits > 64)
		return sn_fail(
			SNOWID_E_RANGE,
			"the field \"%.*s\" has %u bits, but must have 1 to %d to stay within 64",
			SHOWN(name), bits, 64 - layout->bits);
	if (layout->count == 0 && !equals(name, "time"))
		return sn_fail(SNOWID_E_SYNTAX, "the first field is \"%.*s\", but must be time",
			       SHOWN(name));
	for (size_t i = 0; i < layout->count; i++)
		if (equals(name, layout->fields[i].name))
			return sn_fail(SNOWID_E_SYNTAX, "the field \"%.*s\" occurs twice",
				       SHOWN(name));
	if (equals(name, "sequence"))
		layout->sequence = layout->count;
	struct sn_field *const field = &layout->fields[layout->count++];
	memcpy(field->name, name.text, name.length);
	field->bits = (uint8_t)bits;
	layout->bits = (uint8_t)(layout->bits + bits);
	return 0;
}

static int parse_fields(struct snowid_layout *layout, struct piece list)
{
	struct piece field;
	uint8_t shift;

	layout->count = layout->bits = layout->sequence = 0;
	while (cut(&list, ',', &field)) {
		const int error = add_field(layout, field);
		if (error)
			return error;
	}
	shift = layout->bits;
	for (size_t i = 0; i < layout->count; i++) {
		shift = (uint8_t)(shift - layout->fields[i].bits);
		layout->fields[i].shift = shift;
	}
	return 0;
}

/* What a spec says of time, before it is made into a timebase. */
struct time_options {
	int64_t epoch_sec;
	uint32_t epoch_nsec;
	uint64_t unit_ns;
};

static int parse_option(struct time_options *time, struct piece text)
{
	struct piece value = text, key;

	cut(&value, '=', &key);
	if (equals(key, "epoch") && value.text) {
		const int error = snowid_time_parse(value.text, value.length, &time->epoch_sec,
						    &time->epoch_nsec);
		if (!error && time->epoch_nsec % 100 != 0)
			return sn_fail(SNOWID_E_RANGE,
				       "the epoch \"%.*s\" is not a multiple of 100 ns",
				       SHOWN(value));
		return error;
	}
	if (equals(key, "unit") && value.text) {
		if (!sn_span_parse(value.text, value.length, &time->unit_ns))
			return sn_fail(SNOWID_E_SYNTAX,
				       "the unit \"%.*s\" is not a span of time such as 1ms",
				       SHOWN(value));
		if (time->unit_ns == 0 || time->unit_ns % 100 != 0 ||
		    time->unit_ns > SN_NSEC_PER_SEC)
			return sn_fail(SNOWID_E_RANGE,
				       "the unit \"%.*s\" is not a multiple of 100ns up to 1s",
				       SHOWN(value));
		return 0;
	}
	return sn_fail(SNOWID_E_UNKNOWN,
		       "there is no layout option \"%.*s\"; the options are epoch=… and unit=…",
		       SHOWN(text));
}

static int parse_spec(struct snowid_layout *layout, struct time_options *time, struct piece spec)
{
	struct piece part;

	cut(&spec, ';', &part);
	if (memchr(part.text, ':', part.length)) {
		const int error = parse_fields(layout, part);
		if (error)
			return error;
	} else {
		size_t i = 0;
		while (i < PRESETS && !equals(part, presets[i].name))
			i++;
		if (i == PRESETS)
			return sn_fail(
				SNOWID_E_UNKNOWN,
				"there is no preset \"%.*s\"; use another, or fields such as "
				"time:41,worker:10,sequence:12",
				SHOWN(part));
		/* A preset is made of fields, so that this goes one level deep. */
		const int error = parse_spec(
			layout, time, (struct piece){presets[i].spec, strlen(presets[i].spec)});
		if (error)
			return error;
	}
	while (cut(&spec, ';', &part)) {
		const int error = parse_option(time, part);
		if (error)
			return error;
	}
	return 0;
}

uint64_t sn_layout_last_tick(const struct sn_timebase *time, unsigned time_bits)
{
	const uint64_t by_bits = sn_mask(time_bits);
	const uint64_t by_calendar = sn_timebase_last_tick(time);
	return by_bits < by_calendar ? by_bits : by_calendar;
}

SNOWID_EXPORT int snowid_layout_new(const char *spec, struct snowid_layout **layout)
{
	struct time_options time = {0, 0, 1000000};

	if (!spec || !layout)
		return sn_fail_null(!spec ? "spec" : "layout");
	struct snowid_layout *const made = calloc(1, sizeof *made);
	if (!made)
		return sn_fail_nomem();
	const int error = parse_spec(made, &time, (struct piece){spec, strlen(spec)});
	if (error) {
		free(made);
		return error;
	}
	sn_timebase_init(&made->time, time.epoch_sec, time.epoch_nsec, (uint32_t)time.unit_ns);
	made->last_tick = sn_layout_last_tick(&made->time, made->fields[0].bits);
	*layout = made;
	return 0;
}

SNOWID_EXPORT void snowid_layout_free(struct snowid_layout *layout)
{
	free(layout);
}

SNOWID_EXPORT int snowid_layout_format(const struct snowid_layout *layout, char *text, size_t size,
				       size_t *length)
{
	char all[SN_FIELDS_MAX * (SN_FIELD_NAME_SIZE + 4) + 80], epoch[SNOWID_TIME_TEXT];
	char unit[SN_SPAN_TEXT];
	size_t used = 0;

	if (!layout)
		return sn_fail_null("layout");
	for (size_t i = 0; i < layout->count; i++)
		used += (size_t)snprintf(all + used, sizeof all - used, "%s%s:%d", i ? "," : "",
					 layout->fields[i].name, layout->fields[i].bits);
	snowid_time_format(layout->time.epoch_sec, layout->time.epoch_nsec, epoch);
	sn_span_format(layout->time.unit_ns, unit);
	used += (size_t)snprintf(all + used, sizeof all - used, ";epoch=%s;unit=%s", epoch, unit);
	return sn_output(all, used, text, size, length);
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

static int find(const struct snowid_layout *layout, const char *name, const struct sn_field **field)
{
	*field = sn_layout_find(layout, name);
	if (!*field)
		return sn_fail(SNOWID_E_UNKNOWN, "the layout has no field \"%.60s\"", name);
	return 0;
}

static int check_id(const struct snowid_layout *layout, uint64_t id)
{
	if (id & ~sn_mask(layout->bits))
		return sn_fail(SNOWID_E_RANGE,
			       "the ID %" PRIu64 " does not fit the layout's %d bits", id,
			       layout->bits);
	return 0;
}

static uint64_t get_field(const struct sn_field *field, uint64_t id)
{
	return id >> field->shift & sn_mask(field->bits);
}

SNOWID_EXPORT int snowid_layout_field(const struct snowid_layout *layout, uint64_t id,
				      const char *name, uint64_t *value)
{
	const struct sn_field *field;

	if (!layout || !name || !value)
		return sn_fail_null(!layout ? "layout" : !name ? "name" : "value");
	int error = find(layout, name, &field);
	if (!error)
		error = check_id(layout, id);
	if (!error)
		*value = get_field(field, id);
	return error;
}

SNOWID_EXPORT int snowid_layout_set_field(const struct snowid_layout *layout, const char *name,
					  uint64_t value, uint64_t *id)
{
	const struct sn_field *field;

	if (!layout || !name || !id)
		return sn_fail_null(!layout ? "layout" : !name ? "name" : "id");
	int error = find(layout, name, &field);
	if (!error)
		error = check_id(layout, *id);
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

/* ---- time ------------------------------------------------------------------------------------ */

static int tick_time(const struct snowid_layout *layout, uint64_t tick, int64_t *unix_sec,
		     uint32_t *nsec)
{
	if (!layout || !unix_sec || !nsec)
		return sn_fail_null(!layout ? "layout" : !unix_sec ? "unix_sec" : "nsec");
	if (!sn_timebase_start(&layout->time, tick, unix_sec, nsec))
		return sn_fail(SNOWID_E_RANGE,
			       "tick %" PRIu64 " of the layout is after the year 9999", tick);
	return 0;
}

SNOWID_EXPORT int snowid_layout_time(const struct snowid_layout *layout, uint64_t id,
				     int64_t *unix_sec, uint32_t *nsec)
{
	if (!layout)
		return sn_fail_null("layout");
	const int error = check_id(layout, id);
	return error ? error : tick_time(layout, get_field(&layout->fields[0], id), unix_sec, nsec);
}

SNOWID_EXPORT int snowid_layout_time_ms(const struct snowid_layout *layout, uint64_t id,
					int64_t *unix_ms)
{
	int64_t sec;
	uint32_t nsec;

	if (!unix_ms)
		return sn_fail_null("unix_ms");
	const int error = snowid_layout_time(layout, id, &sec, &nsec);
	if (!error)
		*unix_ms = sec * 1000 + nsec / 1000000;
	return error;
}

SNOWID_EXPORT int snowid_layout_first_time(const struct snowid_layout *layout, int64_t *unix_sec,
					   uint32_t *nsec)
{
	return tick_time(layout, 0, unix_sec, nsec);
}

SNOWID_EXPORT int snowid_layout_last_time(const struct snowid_layout *layout, int64_t *unix_sec,
					  uint32_t *nsec)
{
	return tick_time(layout, layout ? layout->last_tick : 0, unix_sec, nsec);
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
	return tick_time(layout, tick < layout->last_tick ? tick : layout->last_tick, unix_sec,
			 nsec);
}

/* The tick of an instant, clamped to the layout. */
static int tick_at(const struct snowid_layout *layout, int64_t sec, uint32_t nsec, uint64_t *tick)
{
	char first[SNOWID_TIME_TEXT], last[SNOWID_TIME_TEXT];
	char set_by_user[SNOWID_TIME_TEXT] = "given"; /* where its year has no text */
	const struct sn_timebase *const time = &layout->time;

	if (nsec >= SN_NSEC_PER_SEC)
		return sn_fail(SNOWID_E_INVALID, "nsec is %u, but must be from 0 to 999999999",
			       nsec);
	const bool early =
		sec < time->epoch_sec || (sec == time->epoch_sec && nsec < time->epoch_nsec);
	*tick = early ? 0 : layout->last_tick;
	if (!early && sec <= SN_TIME_MAX) {
		const uint64_t at = sn_timebase_tick(time, sec, nsec);
		if (at <= layout->last_tick) {
			*tick = at;
			return 0;
		}
	}
	snowid_time_format(sec, nsec, set_by_user);
	sn_timebase_start(time, layout->last_tick, &sec, &nsec);
	snowid_time_format(time->epoch_sec, time->epoch_nsec, first);
	snowid_time_format(sec, nsec, last);
	return sn_fail(SNOWID_E_RANGE, "the instant %s is %s the layout, which is from %s to %s",
		       set_by_user, early ? "before" : "after", first, last);
}

static int edge_at(const struct snowid_layout *layout, int64_t sec, uint32_t nsec, bool last,
		   uint64_t *id)
{
	uint64_t tick = 0;

	if (!layout || !id)
		return sn_fail_null(!layout ? "layout" : "id");
	const int error = tick_at(layout, sec, nsec, &tick);
	if (error == 0 || error == SNOWID_E_RANGE) {
		const unsigned shift = layout->fields[0].shift;
		*id = tick << shift | (last ? sn_mask(shift) : 0);
	}
	return error;
}

SNOWID_EXPORT int snowid_layout_first_at(const struct snowid_layout *layout, int64_t unix_sec,
					 uint32_t nsec, uint64_t *id)
{
	return edge_at(layout, unix_sec, nsec, false, id);
}

SNOWID_EXPORT int snowid_layout_last_at(const struct snowid_layout *layout, int64_t unix_sec,
					uint32_t nsec, uint64_t *id)
{
	return edge_at(layout, unix_sec, nsec, true, id);
}

/* ---- capacity -------------------------------------------------------------------------------- */

/* FNV-1a (draft-eastlake-fnv) over numbers, low byte first. */
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
