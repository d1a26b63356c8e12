/* SPDX-License-Identifier: MIT
 *
 * snowid range: shows the first and the last ID of a period.
 */
#include <stdint.h>
#include <string.h>

#include "snowid-tool.h"

struct limits {
	int64_t from_sec, before_sec; /* INT64_MIN and INT64_MAX: endless */
	uint32_t from_nsec, before_nsec;
	bool whole_ticks; /* the tick in which the last nanosecond is belongs to the period */
};

struct id_range {
	struct id first, last;
};

/* Reads all the time that a text means. `option` is empty for the operand. */
static struct limits parse_period(const char *option, const char *text)
{
	struct limits period = {.from_sec = 0};

	if (snowid_period_parse(text, strlen(text), &period.from_sec, &period.from_nsec,
				&period.before_sec, &period.before_nsec) != 0)
		exit_usage("%s%s", option, error_detail());
	return period;
}

static struct limits parse_limits(const struct options *options)
{
	struct limits limits = {.from_sec = INT64_MIN, .before_sec = INT64_MAX};

	if (options->operand_count > 0 && (options->from || options->before || options->to))
		exit_usage("PERIOD cannot be used together with --from, --before and --to");
	if (options->before && options->to)
		exit_usage("--before and --to cannot be used together");
	if (options->operand_count > 0)
		return parse_period("", options->operands[0]);
	if (!options->from && !options->before && !options->to)
		exit_usage("the period is missing: PERIOD, or --from, and --before or --to");
	if (options->from) {
		const struct limits from = parse_period("--from: ", options->from);
		limits.from_sec = from.from_sec;
		limits.from_nsec = from.from_nsec;
	}
	if (options->before) {
		const struct limits before = parse_period("--before: ", options->before);
		limits.before_sec = before.from_sec;
		limits.before_nsec = before.from_nsec;
	} else if (options->to) {
		const struct limits to = parse_period("--to: ", options->to);
		limits.before_sec = to.before_sec;
		limits.before_nsec = to.before_nsec;
		limits.whole_ticks = true;
	}
	return limits;
}

static int find_range(const struct kind *kind, const struct limits *limits, struct id_range *range)
{
	const int64_t from = limits->from_sec, before = limits->before_sec;
	const uint32_t from_nsec = limits->from_nsec, before_nsec = limits->before_nsec;
	struct id *const first = &range->first, *const last = &range->last;

	first->type = last->type = kind_id_type(kind);
	if (kind->layout)
		return snowid_layout_range(kind->layout, from, from_nsec, before, before_nsec,
					   &first->number, &last->number);
	if (kind_is_ulid(kind))
		return snowid_ulid_range(from, from_nsec, before, before_nsec, &first->wide,
					 &last->wide);
	return snowid_uuid_range(kind->wide->version, from, from_nsec, before, before_nsec,
				 &first->wide, &last->wide);
}

/* The range of a period that includes its last tick: 1 ms may be within a tick of 10 ms. */
static int find_range_of_whole_ticks(const struct kind *kind, const struct limits *limits,
				     struct id_range *range)
{
	const uint32_t nsec = limits->before_nsec > 0 ? limits->before_nsec - 1 : 999999999;
	const int64_t sec = limits->before_sec - (limits->before_nsec == 0);
	struct limits from = *limits;
	int error;

	from.before_sec = INT64_MAX;
	error = id_at(kind, sec, nsec, true, &range->last);
	if (!error) {
		const struct id last = range->last;
		error = find_range(kind, &from, range);
		range->last = last;
	}
	return error;
}

int cmd_range(const struct options *options)
{
	struct kind kind = kind_open(options->kind ? options->kind : DEFAULT_KIND);
	const int form = parse_form_for_kind("--form", options->form, &kind);
	char first[ID_TEXT], last[ID_TEXT];
	struct id_range range;

	if (form == FORM_MASKED)
		exit_usage("--form masked: masked IDs do not sort by time, so that they have no "
			   "range");
	if (kind.wide && !kind.wide->unit)
		exit_usage("--kind %s: these IDs contain no time", kind.name);
	const struct limits limits = parse_limits(options);
	if ((limits.whole_ticks ? find_range_of_whole_ticks : find_range)(&kind, &limits, &range))
		exit_usage("%s", error_detail());
	if (limits.whole_ticks && id_compare(&range.first, &range.last) > 0)
		exit_usage("--to %s is before --from %s", options->to, options->from);
	id_write(&range.first, form, first);
	id_write(&range.last, form, last);
	if (options->json) {
		record_begin(true);
		record_text("kind", "%s", kind.name);
		record_text("first", "%s", first);
		record_text("last", "%s", last);
		record_end();
	} else {
		out_printf("%s\n%s\n", first, last);
	}
	kind_close(&kind);
	return 0;
}
