/* SPDX-License-Identifier: MIT
 *
 * A request for one of the paths.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "snowidd/http/reply.h"
#include "snowidd/http/rest_call.h"

void rest_reply_problem(struct rest_call *call, unsigned status, const char *code, const char *text)
{
	http_reply_problem(call->request.thread, &call->request.reply, status, code, text);
}

static bool refuse_form(struct rest_call *call, const char *why)
{
	rest_reply_problem(call, 400, "malformed_query", why);
	return false;
}

static bool begin_mask(struct rest_call *call, const struct served_kind *kind)
{
	const struct live *const live = rest_loop(call)->live;

	if (!live->has_mask_key)
		return refuse_form(call, "this server has no mask_key_file to mask IDs with");
	if (!kind->layout)
		return refuse_form(call, "only numbers can be masked, and IDs of this kind are "
					 "ULIDs or UUIDs");
	switch (snowid_mask_new(live->mask_key, kind->layout, &call->mask)) {
	case 0:
		return true;
	case SNOWID_E_RANGE:
		return refuse_form(call, "IDs of less than 20 bits cannot be masked");
	default:
		rest_reply_refusal(call, REFUSED_INTERNAL, 0);
		return false;
	}
}

bool rest_begin_form(struct rest_call *call, const struct served_kind *kind)
{
	const struct query_text *const form = &call->query.form, *const format =
									 &call->query.format;
	char name[16], why[200];

	call->as_text = query_text_equals(format, "string");
	if (format->data && !call->as_text && !query_text_equals(format, "number"))
		return refuse_form(call, "format can be number or string");
	if (!form->data)
		return true;
	if (query_text_equals(form, "masked"))
		return begin_mask(call, kind);
	snprintf(name, sizeof name, "%.*s", (int)form->length, form->data);
	if (snowid_form_parse(name, &call->form) != 0) {
		snowid_error_detail(why, sizeof why);
		return refuse_form(call, why);
	}
	if (!kind->layout)
		return refuse_form(call, "only numbers have forms, and IDs of this kind are ULIDs "
					 "or UUIDs");
	call->as_text |= call->form != SNOWID_FORM_DECIMAL;
	return true;
}

size_t rest_format_id(const struct rest_call *call, enum kind_type type, uint64_t number,
		      const struct snowid_id128 *wide, char text[SNOWID_UUID_TEXT])
{
	if (type == KIND_LAYOUT && !call->mask && call->form == SNOWID_FORM_DECIMAL)
		return number_text(number, text);
	text[0] = '\0'; /* stays if it fails */
	if (type == KIND_ULID)
		snowid_ulid_format(wide, text);
	else if (type == KIND_UUID)
		snowid_uuid_format(wide, text);
	else if (call->mask)
		return snowid_mask_format(call->mask, number, text) == 0 ? strlen(text) : 0;
	else
		snowid_id_format(number, call->form, text);
	return strlen(text);
}

void rest_reply_refusal(struct rest_call *call, enum refusal refusal, uint64_t wait_ns)
{
	static const unsigned statuses[REFUSALS] = {
		[REFUSED_KIND] = 404,     [REFUSED_COUNT] = 400,    [REFUSED_ID] = 400,
		[REFUSED_CLOCK] = 503,    [REFUSED_CONFLICT] = 503, [REFUSED_EXHAUSTED] = 429,
		[REFUSED_STORE] = 503,    [REFUSED_ENDED] = 503,    [REFUSED_STOPPING] = 503,
		[REFUSED_INTERNAL] = 500, [REFUSED_RATE] = 429,     [REFUSED_TOKEN] = 401,
	};
	struct http_reply *const reply = &call->request.reply;
	const unsigned status = statuses[refusal];

	rest_reply_problem(call, status, refusal_code(refusal), refusal_text(refusal));
	if (status == 503 || status == 429)
		snprintf(reply->fields, sizeof reply->fields, "Retry-After: %" PRIu64 "\r\n",
			 wait_ns / 1000000000 + 1);
	if (status == 401)
		snprintf(reply->fields, sizeof reply->fields, "WWW-Authenticate: Bearer\r\n");
}
