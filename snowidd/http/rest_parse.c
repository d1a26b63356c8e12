/* SPDX-License-Identifier: MIT
 *
 * The parts of an ID.
 */
#include <inttypes.h>

#include "snowidd/http/json.h"
#include "snowidd/http/rest_parse.h"
#include "snowidd/service/decode.h"

static enum refusal decode_query(struct rest_call *call, const struct served_kind *kind,
				 struct decoded_id *decoded)
{
	struct service *const service = rest_service(call);
	const struct query_text *const id = &call->query.id;
	char text[NUMBER_TEXT];
	uint64_t number;

	if (!call->mask && call->form == SNOWID_FORM_DECIMAL)
		return decode_id(service, kind, id->data, id->length, decoded);
	if (call->mask ? snowid_mask_parse(call->mask, id->data, id->length, &number) != 0
		       : snowid_id_parse(id->data, id->length, call->form, &number) != 0)
		return REFUSED_ID;
	return decode_id(service, kind, text, number_text(number, text), decoded);
}

static void write_decoded(struct rest_call *call, const struct decoded_id *decoded)
{
	struct buffer *const body = rest_body(call);
	char time[SNOWID_TIME_TEXT];

	buffer_text(body, "{\"id\":");
	if (decoded->is_number && !query_text_equals(&call->query.format, "string"))
		buffer_text(body, decoded->text);
	else
		buffer_json(body, decoded->text);
	buffer_text(body, ",");
	json_add_text(body, "id_str", decoded->text);
	json_add_text(body, "kind", decoded->kind);
	if (*decoded->layout)
		json_add_text(body, "layout", decoded->layout);
	if (decoded->variant)
		json_add_text(body, "variant", decoded->variant);
	if (decoded->has_time) {
		/* It cannot after the year 9999. */
		if (snowid_time_format(decoded->unix_sec, decoded->nsec, time) == 0)
			json_add_text(body, "timestamp", time);
		buffer_printf(body, "\"timestamp_ms\":%" PRId64 ",", decoded->unix_ms);
	}
	for (size_t i = 0; i < decoded->field_count; i++)
		json_add_field(body, &decoded->fields[i]);
	json_end(body, "}\n");
}

static enum http_outcome refuse_parse(struct rest_call *call, enum refusal refusal)
{
	char why[300];

	counter_add(&rest_loop(call)->counters->errors[refusal], 1);
	rest_reply_refusal(call, refusal, 0);
	if (refusal == REFUSED_ID && snowid_error_detail(why, sizeof why) > 0)
		rest_reply_problem(call, 400, refusal_code(refusal), why);
	return HTTP_REPLIED;
}

/* Without the name of a kind, the ID says which it is. */
static enum http_outcome parse_as(struct rest_call *call, const struct served_kind *kind)
{
	struct decoded_id decoded;

	if (!rest_begin_form(call, kind))
		return HTTP_REPLIED;
	const enum refusal refusal =
		decode_query(call, call->query.kind.length > 0 ? kind : NULL, &decoded);
	if (refusal != SERVED)
		return refuse_parse(call, refusal);
	rest_reply_json(call);
	write_decoded(call, &decoded);
	return HTTP_REPLIED;
}

enum http_outcome rest_get_parse(struct rest_call *call)
{
	const struct query_text *const name = &call->query.kind;
	struct served_kind unserved;

	if (!call->query.id.data) {
		rest_reply_problem(call, 400, "missing_parameter", "the parameter id is missing");
		return HTTP_REPLIED;
	}
	const struct served_kind *const kind =
		service_kind_to_read(rest_service(call), name->data, name->length, &unserved);
	const enum http_outcome outcome =
		kind ? parse_as(call, kind) : refuse_parse(call, REFUSED_KIND);
	kind_close_to_read(&unserved);
	return outcome;
}
