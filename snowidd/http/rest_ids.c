/* SPDX-License-Identifier: MIT
 *
 * The paths that make IDs.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "snowidd/http/rest_ids.h"
#include "snowidd/net/admit.h"

/* A HEAD does not make an ID; the length of the body is then not known (RFC 9110, section 8.6). */
static bool reply_to_head(struct rest_call *call, const char *type)
{
	if (!call->request.is_head)
		return false;
	call->request.reply.type = type;
	call->request.reply.bodiless = true;
	return true;
}

/* Whether the client may have so many IDs; otherwise the reply is an error. */
static bool admit_count(struct rest_call *call)
{
	const struct ip_address client = http_request_client(&call->request);
	uint64_t wait_ns = 0;

	const enum refusal refusal = call->request.is_head ? SERVED
							   : admit_ids(rest_loop(call), &client,
								       call->ids.count, &wait_ns);
	if (refusal != SERVED)
		rest_reply_refusal(call, refusal, wait_ns);
	return refusal == SERVED;
}

/* The client gets no IDs, so that they do not count. */
static void refuse_ids(struct rest_call *call, enum refusal refusal)
{
	const struct ip_address client = http_request_client(&call->request);

	admit_return_ids(rest_loop(call), &client, call->ids.count);
	rest_reply_refusal(call, refusal, 0);
}

/* Whether IDs can be asked for; otherwise the reply is an error. */
static bool begin_ids(struct rest_call *call, uint64_t count)
{
	struct loop *const loop = rest_loop(call);
	const struct settings *const settings = loop->live->settings;
	const struct query_text *const kind = &call->query.kind;
	char why[80];

	const enum refusal refusal = service_begin(rest_service(call), &call->ids, kind->data,
						   kind->length, count, settings, loop->counters);
	if (refusal == SERVED)
		return rest_begin_form(call, call->ids.kind) && admit_count(call);
	rest_reply_refusal(call, refusal, 0);
	if (refusal == REFUSED_COUNT) {
		snprintf(why, sizeof why, "count must be a number from 1 to %" PRIu64,
			 settings->count);
		rest_reply_problem(call, 400, refusal_code(refusal), why);
	}
	return false;
}

enum http_outcome rest_fill_ids(struct rest_call *call)
{
	struct loop *const loop = rest_loop(call);
	uint64_t wait_ns;

	const enum refusal refusal =
		service_fill(rest_service(call), &call->ids, loop->live->settings->wait_timeout,
			     loop->counters, &wait_ns);
	if (refusal != SERVED && wait_ns > 0) {
		call->request.lane = id_request_lane(&call->ids);
		call->request.deadline_ns = call->ids.deadline_ns;
		return HTTP_WAITING;
	}
	if (refusal == SERVED)
		call->write_ids(call);
	else
		refuse_ids(call, refusal);
	return HTTP_REPLIED;
}

static bool ids_are_numbers(const struct rest_call *call)
{
	return rest_ids_are_numbers(call, call->ids.kind->type);
}

static size_t format_id(const struct rest_call *call, size_t i, char text[SNOWID_UUID_TEXT])
{
	const struct id_request *const ids = &call->ids;

	if (ids->kind->type == KIND_LAYOUT)
		return rest_format_id(call, KIND_LAYOUT, ids->ids[i], NULL, text);
	return rest_format_id(call, ids->kind->type, 0, &ids->ids128[i], text);
}

/* ---- one ID ---------------------------------------------------------------------------------- */

static void write_id_text(struct rest_call *call)
{
	char text[SNOWID_UUID_TEXT];

	call->request.reply.type = "text/plain";
	buffer_bytes(rest_body(call), text, format_id(call, 0, text));
}

static void write_id_json(struct rest_call *call)
{
	struct buffer *const body = rest_body(call);
	const bool is_number = ids_are_numbers(call);
	char text[SNOWID_UUID_TEXT];
	const size_t length = format_id(call, 0, text);

	rest_reply_json(call);
	buffer_text(body, is_number ? "{\"id\":" : "{\"id\":\"");
	buffer_bytes(body, text, length);
	buffer_text(body, is_number ? ",\"id_str\":\"" : "\",\"id_str\":\"");
	buffer_bytes(body, text, length);
	buffer_text(body, "\"}\n");
}

enum http_outcome rest_get_id(struct rest_call *call)
{
	if (!begin_ids(call, 1) || reply_to_head(call, "application/json"))
		return HTTP_REPLIED;
	call->write_ids = write_id_json;
	return rest_fill_ids(call);
}

enum http_outcome rest_get_next_id(struct rest_call *call)
{
	const struct buffer *const accept = &call->request.headers[HTTP_ACCEPT];
	const bool as_json = query_prefers_json(accept->data, accept->length);

	call->request.reply.constant_fields = "Vary: Accept\r\n";
	if (!begin_ids(call, 1) || reply_to_head(call, as_json ? "application/json" : "text/plain"))
		return HTTP_REPLIED;
	call->write_ids = as_json ? write_id_json : write_id_text;
	return rest_fill_ids(call);
}

/* ---- many IDs -------------------------------------------------------------------------------- */

static const char between_lists[] = "],\"ids_str\":[";

/* Numbers are formatted once, and then copied into quotes. */
static void write_numbers(struct buffer *body, const uint64_t *ids, size_t count)
{
	char *const start = buffer_reserve(body,
					   count * (2 * NUMBER_TEXT + 4) + sizeof between_lists),
		    *to = start;

	if (!start)
		return;
	for (size_t i = 0; i < count; i++) {
		to += number_text(ids[i], to);
		*to++ = ',';
	}
	const char *from = start, *const end = to;
	to--; /* the bracket replaces the last comma */
	memcpy(to, between_lists, sizeof between_lists - 1);
	to += sizeof between_lists - 1;
	while (from < end) {
		const size_t length = strcspn(from, ",]");
		*to++ = '"';
		memcpy(to, from, length);
		to += length;
		*to++ = '"';
		*to++ = ',';
		from += length + 1;
	}
	body->length += (size_t)(to - 1 - start);
}

static void write_strings(struct rest_call *call)
{
	struct buffer *const body = rest_body(call);
	char text[SNOWID_UUID_TEXT];

	for (size_t i = 0; i < call->ids.count; i++) {
		const size_t length = format_id(call, i, text);
		buffer_text(body, i > 0 ? ",\"" : "\"");
		buffer_bytes(body, text, length);
		buffer_text(body, "\"");
	}
}

/* Formatted IDs are copied too: masking one takes longer than making it. */
static void repeat_bytes(struct buffer *body, size_t start, size_t length)
{
	char *const to = buffer_reserve(body, length);

	if (!to)
		return;
	memcpy(to, body->data + start, length);
	body->length += length;
}

static void write_ids_json(struct rest_call *call)
{
	struct buffer *const body = rest_body(call);

	rest_reply_json(call);
	buffer_text(body, "{\"ids\":[");
	if (ids_are_numbers(call)) {
		write_numbers(body, call->ids.ids, call->ids.count);
	} else {
		const size_t start = body->length;
		write_strings(call);
		const size_t length = body->length - start;
		buffer_text(body, between_lists);
		repeat_bytes(body, start, length);
	}
	buffer_text(body, "]}\n");
}

enum http_outcome rest_get_ids(struct rest_call *call)
{
	const struct query_text *const text = &call->query.count;
	uint64_t count = 1;

	if (text->data &&
	    snowid_id_parse(text->data, text->length, SNOWID_FORM_DECIMAL, &count) != 0)
		count = 0; /* which is refused */
	if (!begin_ids(call, count) || reply_to_head(call, "application/json"))
		return HTTP_REPLIED;
	call->write_ids = write_ids_json;
	return rest_fill_ids(call);
}
