/* SPDX-License-Identifier: MIT
 *
 * snowid layout: shows what the bits of a kind mean, and how many IDs it can make.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "snowid-tool.h"

#define SPEC_SIZE 4096

static uint64_t layout_number(const struct snowid_layout *layout, enum snowid_layout_info which)
{
	uint64_t value = 0;
	snowid_layout_info(layout, which, &value);
	return value;
}

/* Writes the full spec of a layout. Returns the unit at its end, such as "1ms". */
static const char *full_spec(const struct snowid_layout *layout, char spec[SPEC_SIZE])
{
	if (snowid_layout_format(layout, spec, SPEC_SIZE, NULL) != 0)
		exit_failure("%s", error_detail());
	return strstr(spec, ";unit=") + strlen(";unit=");
}

/* Records until when IDs fit into this many bits. Returns whether they always do. */
static bool record_until(const char *key, const struct snowid_layout *layout, unsigned bits)
{
	int64_t sec, last_sec = 0;
	uint32_t nsec, last_nsec = 0;

	if (snowid_layout_fits_until(layout, bits, &sec, &nsec) != 0) {
		record_null(key);
		return false;
	}
	record_time(key, sec, nsec);
	snowid_layout_last_time(layout, &last_sec, &last_nsec);
	return sec == last_sec && nsec == last_nsec;
}

static void record_layout(const struct kind *kind)
{
	const struct snowid_layout *const layout = kind->layout;
	const uint64_t per_tick = layout_number(layout, SNOWID_LAYOUT_IDS_PER_TICK);
	const uint64_t unit_ns = layout_number(layout, SNOWID_LAYOUT_UNIT_NS);
	char spec[SPEC_SIZE];
	int64_t sec = 0;
	uint32_t nsec = 0;

	record_text("unit", "%s", full_spec(layout, spec));
	record_number("bits", "%" PRIu64, layout_number(layout, SNOWID_LAYOUT_BITS));
	record_number("ids_per_tick", "%" PRIu64, per_tick);
	record_number("ids_per_second", "%.0f", (double)per_tick * (1e9 / (double)unit_ns));
	record_number("nodes", "%" PRIu64, layout_number(layout, SNOWID_LAYOUT_NODES));
	snowid_layout_first_time(layout, &sec, &nsec);
	record_time("first", sec, nsec);
	snowid_layout_last_time(layout, &sec, &nsec);
	record_time("last", sec, nsec);
	record_until("signed_until", layout, 63);
	const bool safe = record_until("javascript_until", layout, 53);
	record_number("javascript_safe", "%s", safe ? "true" : "false");
	record_text("spec", "%s", spec);
}

static void record_wide_kind(const struct kind *kind)
{
	struct part parts[PARTS_MAX];
	const size_t count = kind_parts(kind, parts);
	char fields[SPEC_SIZE];
	size_t used = 0;

	for (size_t i = 0; i < count; i++)
		used += (size_t)snprintf(fields + used, sizeof fields - used, "%s%s:%u",
					 i ? "," : "", parts[i].name, parts[i].bits);
	if (kind->wide->unit)
		record_text("unit", "%s", kind->wide->unit);
	record_number("bits", "128");
	if (kind->wide->unit) {
		record_text("first", "%s", kind->wide->first);
		record_text("last", "%s", kind->wide->last);
	}
	record_text("fields", "%s", fields);
}

static void record_kind(const char *name, bool json)
{
	struct kind kind = kind_open(name);

	record_begin(json);
	if (!json)
		draw_boxes(&kind);
	record_text("kind", "%s", kind.name);
	if (kind.layout)
		record_layout(&kind);
	else
		record_wide_kind(&kind);
	record_end();
	kind_close(&kind);
}

/* The length of the date in an instant: the bytes before its T. */
static int date_length(const char *instant)
{
	return (int)strcspn(instant, "T");
}

#define TABLE "%-10s %-10.*s %-5s %8s %6s  %-11.*s %.*s\n"

static void print_table_row(const struct snowid_layout *layout, const char *name)
{
	char spec[SPEC_SIZE], first[SNOWID_TIME_TEXT], last[SNOWID_TIME_TEXT];
	char per_tick[24], nodes[24];
	int64_t sec = 0;
	uint32_t nsec = 0;

	const char *const unit = full_spec(layout, spec);
	snprintf(per_tick, sizeof per_tick, "%" PRIu64,
		 layout_number(layout, SNOWID_LAYOUT_IDS_PER_TICK));
	snprintf(nodes, sizeof nodes, "%" PRIu64, layout_number(layout, SNOWID_LAYOUT_NODES));
	snowid_layout_first_time(layout, &sec, &nsec);
	time_text(sec, nsec, first);
	snowid_layout_last_time(layout, &sec, &nsec);
	time_text(sec, nsec, last);
	out_printf(TABLE, name, date_length(first), first, unit, per_tick, nodes, date_length(last),
		   last, (int)strcspn(spec, ";"), spec);
}

static void print_table(void)
{
	out_bold();
	out_printf(TABLE, "KIND", 10, "EPOCH", "UNIT", "IDS/TICK", "NODES", 10, "LAST", 10,
		   "FIELDS");
	out_reset_style();
	for (size_t i = 0; snowid_layout_preset(i); i++) {
		struct kind kind = kind_open(snowid_layout_preset(i));
		print_table_row(kind.layout, kind.name);
		kind_close(&kind);
	}
	for (size_t i = 0; kind_wide(i); i++) {
		const struct wide *const wide = kind_wide(i);
		const char *const first = wide->unit ? wide->first : "-";
		const char *const last = wide->unit ? wide->last : "-";
		out_printf(TABLE, wide->name, date_length(first), first,
			   wide->unit ? wide->unit : "-", "-", "-", date_length(last), last, 10,
			   "128 bits");
	}
}

int cmd_layout(const struct options *options)
{
	if (options->operand_count > 0) {
		record_kind(options->operands[0], options->json);
	} else if (!options->json) {
		print_table();
	} else {
		for (size_t i = 0; snowid_layout_preset(i); i++)
			record_kind(snowid_layout_preset(i), true);
		for (size_t i = 0; kind_wide(i); i++)
			record_kind(kind_wide(i)->name, true);
	}
	return 0;
}
