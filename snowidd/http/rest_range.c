/* SPDX-License-Identifier: MIT
 *
 * The IDs of a period. Its words and limits are those of the tool's command range.
 */
#include <stdio.h>
#include <string.h>

#include "snowidd/http/json.h"
#include "snowidd/http/rest_parse.h"

struct time_limits {
	int64_t from_sec, before_sec; /* INT64_MIN and INT64_MAX: endless */
	uint32_t from_nsec, before_nsec;
	bool whole_ticks; /* the tick in which the last nanosecond is belongs to the period */
};

struct range_end {
	uint64_t number;
	struct snowid_id128 wide;
};

/* ---- time ------------------------------------------------------------------------------------ */

static bool refuse_time(struct rest_call *call, const char *parameter)
{
	char detail[300], text[320];

	snowid_error_detail(detail, sizeof detail);
	snprintf(text, sizeof text, "%s%s", parameter, detail);
	rest_reply_problem(call, 400, "malformed_time", text);
	return false;
}

static bool refuse_period(struct rest_call *call, const char *code, const char *text)
{
	rest_reply_problem(call, 400, code, text);
	return false;
}

/* Reads all the time that a parameter means: "2024-01" is a month. */
static bool read_period(struct rest_call *call, const char *parameter,
			const struct query_text *text, struct time_limits *period)
{
	return snowid_period_parse(text->data, text->length, &period->from_sec, &period->from_nsec,
				   &period->before_sec, &period->before_nsec) == 0 ||
	       refuse_time(call, parameter);
}

static bool read_ends(struct rest_call *call, struct time_limits *limits)
{
	const struct query *const query = &call->query;
	struct time_limits part;

	if (query->from.data) {
		if (!read_period(call, "from: ", &query->from, &part))
			return false;
		limits->from_sec = part.from_sec;
		limits->from_nsec = part.from_nsec;
	}
	if (query->before.data) {
		if (!read_period(call, "before: ", &query->before, &part))
			return false;
		limits->before_sec = part.from_sec;
		limits->before_nsec = part.from_nsec;
	} else if (query->to.data) {
		if (!read_period(call, "to: ", &query->to, &part))
			return false;
		limits->before_sec = part.before_sec;
		limits->before_nsec = part.before_nsec;
		limits->whole_ticks = true;
	}
	return true;
}

static bool read_limits(struct rest_call *call, struct time_limits *limits)
{
	const struct query *const query = &call->query;
	const bool has_ends = query->from.data || query->before.data || query->to.data;

	*limits = (struct time_limits){.from_sec = INT64_MIN, .before_sec = INT64_MAX};
	if (query->period.data && has_ends)
		return refuse_period(call, "malformed_query",
				     "period cannot be used together with from, before and to");
	if (query->before.data && query->to.data)
		return refuse_period(call, "malformed_query",
				     "before and to cannot be used together");
	if (query->period.data)
		return read_period(call, "period: ", &query->period, limits);
	if (!has_ends)
		return refuse_period(call, "missing_parameter",
				     "the period is missing: period, or from, and before or to");
	return read_ends(call, limits);
}

/* ---- IDs ------------------------------------------------------------------------------------- */

static unsigned uuid_version_of(const struct served_kind *kind)
{
	const char *const digits = kind->spec + strlen("uuid");

	return *digits ? (unsigned)(*digits - '0') : 0;
}

static int range_between(const struct served_kind *kind, const struct time_limits *limits,
			 struct range_end *first, struct range_end *last)
{
	const int64_t from = limits->from_sec, before = limits->before_sec;
	const uint32_t from_nsec = limits->from_nsec, before_nsec = limits->before_nsec;

	if (kind->type == KIND_LAYOUT)
		return snowid_layout_range(kind->layout, from, from_nsec, before, before_nsec,
					   &first->number, &last->number);
	if (kind->type == KIND_ULID)
		return snowid_ulid_range(from, from_nsec, before, before_nsec, &first->wide,
					 &last->wide);
	return snowid_uuid_range(uuid_version_of(kind), from, from_nsec, before, before_nsec,
				 &first->wide, &last->wide);
}

static int last_id_at(const struct served_kind *kind, int64_t sec, uint32_t nsec,
		      struct range_end *last)
{
	if (kind->type == KIND_LAYOUT)
		return snowid_layout_last_at(kind->layout, sec, nsec, &last->number);
	if (kind->type == KIND_ULID)
		return snowid_ulid_last_at(sec, nsec, &last->wide);
	return snowid_uuid_last_at(uuid_version_of(kind), sec, nsec, &last->wide);
}

/* The range of a period that includes its last tick: 1 ms may be within a tick of 10 ms. */
static int range_of_whole_ticks(const struct served_kind *kind, const struct time_limits *limits,
				struct range_end *first, struct range_end *last)
{
	const uint32_t nsec = limits->before_nsec > 0 ? limits->before_nsec - 1 : 999999999;
	const int64_t sec = limits->before_sec - (limits->before_nsec == 0);
	struct time_limits from = *limits;
	struct range_end end, ignored;

	from.before_sec = INT64_MAX;
	const int error = last_id_at(kind, sec, nsec, &end);
	if (error)
		return error;
	*last = end;
	return range_between(kind, &from, first, &ignored);
}

static bool is_after(const struct served_kind *kind, const struct range_end *a,
		     const struct range_end *b)
{
	return kind->type == KIND_LAYOUT ? a->number > b->number
					 : snowid_id128_compare(&a->wide, &b->wide) > 0;
}

/* ---- the reply ------------------------------------------------------------------------------- */

static void write_end(struct rest_call *call, const struct served_kind *kind, const char *name,
		      const struct range_end *end)
{
	struct buffer *const body = rest_body(call);
	const char *const quote = rest_ids_are_numbers(call, kind->type) ? "" : "\"";
	char text[SNOWID_UUID_TEXT];
	const int length = (int)rest_format_id(call, kind->type, end->number, &end->wide, text);

	buffer_printf(body, "\"%s\":%s%.*s%s,\"%s_str\":\"%.*s\",", name, quote, length, text,
		      quote, name, length, text);
}

static void reply_range(struct rest_call *call, const struct served_kind *kind)
{
	struct range_end first, last;
	struct time_limits limits;

	if (!rest_begin_form(call, kind))
		return;
	if (call->mask) {
		refuse_period(call, "malformed_query",
			      "masked IDs do not sort by time, so that they have no range");
		return;
	}
	if (!read_limits(call, &limits))
		return;
	if ((limits.whole_ticks ? range_of_whole_ticks : range_between)(kind, &limits, &first,
									&last) != 0) {
		refuse_time(call, "");
		return;
	}
	if (limits.whole_ticks && is_after(kind, &first, &last)) {
		refuse_period(call, "malformed_time", "to is before from");
		return;
	}
	rest_reply_json(call);
	buffer_text(rest_body(call), "{");
	json_add_text(rest_body(call), "kind", kind->name);
	write_end(call, kind, "first", &first);
	write_end(call, kind, "last", &last);
	json_end(rest_body(call), "}\n");
}

enum http_outcome rest_get_range(struct rest_call *call)
{
	const struct query_text *const name = &call->query.kind;
	struct served_kind unserved;

	const struct served_kind *const kind =
		service_kind_to_read(rest_service(call), name->data, name->length, &unserved);
	if (kind)
		reply_range(call, kind);
	else
		rest_reply_refusal(call, REFUSED_KIND, 0);
	kind_close_to_read(&unserved);
	return HTTP_REPLIED;
}
