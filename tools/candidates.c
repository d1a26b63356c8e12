/* SPDX-License-Identifier: MIT
 *
 * What an ID of 64 bits would be in every preset. The number alone does not show its kind, but the
 * time that it would have tells most of them apart.
 */
#include <inttypes.h>

#include "snowid-tool.h"

enum likelihood { LIKELY, FUTURE, IMPOSSIBLE };

/* Times are never before the epoch of a layout, so only those after the present are unlikely. */
static enum likelihood candidate_likelihood(const struct kind *kind, const struct id *id)
{
	int64_t sec;
	uint32_t nsec;

	if (id_time(kind, id, &sec, &nsec) != 0)
		return IMPOSSIBLE;
	return id_is_of_future(kind, id) ? FUTURE : LIKELY;
}

static void record_candidate(const struct kind *kind, const struct id *id, bool future)
{
	record_item_begin();
	record_text("kind", "%s", kind->name);
	record_number("future", future ? "true" : "false");
	record_id_parts(kind, id);
	record_item_end();
}

#define TABLE "%-10s %-25s %-14s "

static void print_candidate_fields(const struct kind *kind, uint64_t id)
{
	struct part parts[PARTS_MAX];
	const size_t count = kind_parts(kind, parts);
	uint64_t value = 0;

	for (size_t i = 1; i < count; i++) {
		if (snowid_layout_field(kind->layout, id, parts[i].name, &value) != 0)
			continue;
		out_printf("%s%s %" PRIu64, i > 1 ? ", " : "", parts[i].name, value);
	}
	out_text("\n");
}

static void print_candidate(const struct kind *kind, const struct id *id, bool future)
{
	char time[SNOWID_TIME_TEXT];
	int64_t sec = 0;
	uint32_t nsec = 0;

	id_time(kind, id, &sec, &nsec);
	time_text(sec, nsec, time);
	out_printf(TABLE, kind->name, time, future ? "in the future" : age_text(sec));
	print_candidate_fields(kind, id->number);
}

static void print_impossible(const struct kind *kind)
{
	uint64_t bits = 0;

	snowid_layout_info(kind->layout, SNOWID_LAYOUT_BITS, &bits);
	out_printf(TABLE "the ID has more than %" PRIu64 " bits\n", kind->name, "-", "impossible",
		   bits);
}

static void show_candidate(const struct kind *kind, const struct id *id, enum likelihood likelihood,
			   bool json)
{
	if (json && likelihood != IMPOSSIBLE)
		record_candidate(kind, id, likelihood == FUTURE);
	else if (!json && likelihood != IMPOSSIBLE)
		print_candidate(kind, id, likelihood == FUTURE);
	else if (!json)
		print_impossible(kind);
}

static void show_candidates_of(const struct id *id, enum likelihood wanted, bool json)
{
	for (size_t i = 0; snowid_layout_preset(i); i++) {
		struct kind kind = kind_open(snowid_layout_preset(i));
		if (candidate_likelihood(&kind, id) == wanted)
			show_candidate(&kind, id, wanted, json);
		kind_close(&kind);
	}
}

void record_candidates(const struct id *id, bool json)
{
	record_list_begin("candidates");
	if (!json) {
		out_bold();
		out_printf("\n" TABLE "FIELDS\n", "KIND", "TIME", "WHEN");
		out_reset_style();
	}
	for (int likelihood = LIKELY; likelihood <= IMPOSSIBLE; likelihood++)
		show_candidates_of(id, (enum likelihood)likelihood, json);
	record_list_end();
}
