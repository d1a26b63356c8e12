/* SPDX-License-Identifier: MIT
 *
 * Specs of layouts: presets, the parser, and the canonical text.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnowid/base/error.h"
#include "libsnowid/base/export.h"
#include "libsnowid/base/instant_text.h"
#include "libsnowid/base/output.h"
#include "libsnowid/base/suggest.h"
#include "libsnowid/id/layout.h"

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

/* ---- parts of a spec ------------------------------------------------------------------------- */

/* A part of a spec. It ends at a separator, not at a NUL. */
struct spec_part {
	const char *text;
	size_t length;
};

/* Moves the text before the first separator from *rest to *head. False if nothing is left. */
static bool spec_split(struct spec_part *rest, char separator, struct spec_part *head)
{
	if (!rest->text)
		return false;
	const char *const end = memchr(rest->text, separator, rest->length);
	*head = (struct spec_part){rest->text, end ? (size_t)(end - rest->text) : rest->length};
	*rest = end ? (struct spec_part){end + 1, rest->length - head->length - 1}
		    : (struct spec_part){NULL, 0};
	return true;
}

static bool spec_part_is(struct spec_part part, const char *text)
{
	return strlen(text) == part.length && memcmp(text, part.text, part.length) == 0;
}

/* The arguments of %.*s in an error, which shows at most 60 bytes of a part. */
#define SPEC_SHOWN(part) ((part).length > 60 ? 60 : (int)(part).length), (part).text

/* ---- fields ---------------------------------------------------------------------------------- */

/* A decoded ID is an object with its fields as keys, next to these three. */
static bool field_name_reserved(struct spec_part name)
{
	return spec_part_is(name, "id") || spec_part_is(name, "kind") ||
	       spec_part_is(name, "unix_ms");
}

static bool field_name_valid(struct spec_part name)
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

static int layout_parse_field(struct spec_part text, struct spec_part *name, unsigned *bits)
{
	struct spec_part rest = text, width;

	*bits = 0;
	if (!spec_split(&rest, ':', name) || !spec_split(&rest, '\0', &width) ||
	    width.length == 0 || width.length > 2)
		return sn_fail(SNOWID_E_SYNTAX,
			       "the field \"%.*s\" is not NAME:BITS, such as worker:5",
			       SPEC_SHOWN(text));
	for (size_t i = 0; i < width.length; i++) {
		if (width.text[i] < '0' || width.text[i] > '9')
			return sn_fail(SNOWID_E_SYNTAX,
				       "the width of the field \"%.*s\" is not a number",
				       SPEC_SHOWN(text));
		*bits = *bits * 10 + (unsigned)(width.text[i] - '0');
	}
	if (!field_name_valid(*name))
		return sn_fail(SNOWID_E_SYNTAX,
			       "the field name \"%.*s\" must be 1 to %d of a-z, 0-9 and _, "
			       "beginning with a letter",
			       SPEC_SHOWN(*name), SN_FIELD_NAME_SIZE - 1);
	if (field_name_reserved(*name))
		return sn_fail(SNOWID_E_SYNTAX,
			       "a field cannot be named \"%.*s\"; choose another name",
			       SPEC_SHOWN(*name));
	return 0;
}

static int layout_add_field(struct snowid_layout *layout, struct spec_part text)
{
	struct spec_part name;
	unsigned bits;

	const int error = layout_parse_field(text, &name, &bits);
	if (error)
		return error;
	if (bits == 0 || bits + layout->bits > 64)
		return sn_fail(
			SNOWID_E_RANGE,
			"the field \"%.*s\" has %u bits, but must have 1 to %d to stay within 64",
			SPEC_SHOWN(name), bits, 64 - layout->bits);
	if (layout->count == 0 && !spec_part_is(name, "time"))
		return sn_fail(SNOWID_E_SYNTAX, "the first field is \"%.*s\", but must be time",
			       SPEC_SHOWN(name));
	for (size_t i = 0; i < layout->count; i++)
		if (spec_part_is(name, layout->fields[i].name))
			return sn_fail(SNOWID_E_SYNTAX, "the field \"%.*s\" occurs twice",
				       SPEC_SHOWN(name));
	if (spec_part_is(name, "sequence"))
		layout->sequence = layout->count;
	struct sn_field *const field = &layout->fields[layout->count++];
	memcpy(field->name, name.text, name.length);
	field->bits = (uint8_t)bits;
	layout->bits = (uint8_t)(layout->bits + bits);
	return 0;
}

static int layout_parse_fields(struct snowid_layout *layout, struct spec_part list)
{
	struct spec_part field;
	uint8_t shift;

	layout->count = layout->bits = layout->sequence = 0;
	while (spec_split(&list, ',', &field)) {
		const int error = layout_add_field(layout, field);
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

/* ---- time ------------------------------------------------------------------------------------ */

/* The options of a spec, or what the preset in it says. */
struct time_options {
	int64_t epoch_sec;
	uint32_t epoch_nsec;
	uint64_t unit_ns;
};

static int parse_epoch(struct time_options *time, struct spec_part value)
{
	const int error =
		sn_epoch_parse(value.text, value.length, &time->epoch_sec, &time->epoch_nsec);
	if (!error && time->epoch_nsec % 100 != 0)
		return sn_fail(SNOWID_E_RANGE, "the epoch \"%.*s\" is not a multiple of 100 ns",
			       SPEC_SHOWN(value));
	return error;
}

static int parse_unit(struct time_options *time, struct spec_part value)
{
	const int error = snowid_span_parse(value.text, value.length, &time->unit_ns);
	if (error == SNOWID_E_SYNTAX)
		return sn_fail(SNOWID_E_SYNTAX,
			       "the unit \"%.*s\" is not a span of time such as 1ms",
			       SPEC_SHOWN(value));
	if (error || time->unit_ns == 0 || time->unit_ns % 100 != 0 ||
	    time->unit_ns > SN_NSEC_PER_SEC)
		return sn_fail(SNOWID_E_RANGE,
			       "the unit \"%.*s\" is not a multiple of 100ns up to 1s",
			       SPEC_SHOWN(value));
	return 0;
}

static int parse_time_option(struct time_options *time, struct spec_part text)
{
	struct spec_part value = text, key;

	spec_split(&value, '=', &key);
	if (spec_part_is(key, "epoch") && value.text)
		return parse_epoch(time, value);
	if (spec_part_is(key, "unit") && value.text)
		return parse_unit(time, value);
	return sn_fail(SNOWID_E_UNKNOWN,
		       "there is no layout option \"%.*s\"; the options are epoch=… and unit=…",
		       SPEC_SHOWN(text));
}

/* ---- layouts --------------------------------------------------------------------------------- */

static int fail_unknown_preset(struct spec_part name)
{
	struct sn_suggestion suggestion;

	sn_suggestion_begin(&suggestion, name.text, name.length);
	for (size_t i = 0; i < PRESETS; i++)
		sn_suggestion_offer(&suggestion, presets[i].name);
	return sn_fail(SNOWID_E_UNKNOWN, "there is no preset \"%.*s\"%s", SPEC_SHOWN(name),
		       sn_suggestion_or(&suggestion, "; use another, or fields such as "
						     "time:41,worker:10,sequence:12"));
}

static int parse_spec(struct snowid_layout *layout, struct time_options *time,
		      struct spec_part spec)
{
	struct spec_part part;

	spec_split(&spec, ';', &part);
	if (memchr(part.text, ':', part.length)) {
		const int error = layout_parse_fields(layout, part);
		if (error)
			return error;
	} else {
		size_t i = 0;
		while (i < PRESETS && !spec_part_is(part, presets[i].name))
			i++;
		if (i == PRESETS)
			return fail_unknown_preset(part);
		/* The spec of a preset begins with fields, so this call is the only recursion. */
		const int error = parse_spec(
			layout, time, (struct spec_part){presets[i].spec, strlen(presets[i].spec)});
		if (error)
			return error;
	}
	while (spec_split(&spec, ';', &part)) {
		const int error = parse_time_option(time, part);
		if (error)
			return error;
	}
	return 0;
}

SNOWID_EXPORT int snowid_layout_new(const char *spec, struct snowid_layout **layout)
{
	struct time_options time = {0, 0, 1000000};

	if (!spec || !layout)
		return sn_fail_null(!spec ? "spec" : "layout");
	struct snowid_layout *const made = calloc(1, sizeof *made);
	if (!made)
		return sn_fail_nomem();
	const int error = parse_spec(made, &time, (struct spec_part){spec, strlen(spec)});
	if (error) {
		free(made);
		return error;
	}
	sn_timebase_init(&made->time, time.epoch_sec, time.epoch_nsec, (uint32_t)time.unit_ns);
	made->last_tick = sn_layout_last_tick(&made->time, made->fields[0].bits);
	*layout = made;
	return 0;
}

SNOWID_EXPORT int snowid_layout_format(const struct snowid_layout *layout, char *text, size_t size,
				       size_t *length)
{
	char all[SN_FIELDS_MAX * (SN_FIELD_NAME_SIZE + 4) + 80], epoch[SNOWID_TIME_TEXT];
	char unit[SNOWID_SPAN_TEXT];
	size_t used = 0;

	if (!layout)
		return sn_fail_null("layout");
	for (size_t i = 0; i < layout->count; i++)
		used += (size_t)snprintf(all + used, sizeof all - used, "%s%s:%d", i ? "," : "",
					 layout->fields[i].name, layout->fields[i].bits);
	sn_instant_show(layout->time.epoch_sec, layout->time.epoch_nsec, epoch);
	snowid_span_format(layout->time.unit_ns, unit);
	used += (size_t)snprintf(all + used, sizeof all - used, ";epoch=%s;unit=%s", epoch, unit);
	return sn_output(all, used, text, size, length);
}
