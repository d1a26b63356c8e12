/* SPDX-License-Identifier: MIT
 *
 * A request for one of the paths.
 */
#include <inttypes.h>
#include <stdio.h>

#include "snowidd/http/reply.h"
#include "snowidd/http/rest_call.h"

void rest_reply_problem(struct rest_call *call, unsigned status, const char *code, const char *text)
{
	http_reply_problem(call->request.thread, &call->request.reply, status, code, text);
}

static bool fail_to_mask(struct rest_call *call, const char *why)
{
	rest_reply_problem(call, 400, "malformed_query", why);
	return false;
}

bool rest_begin_mask(struct rest_call *call, const struct served_kind *kind)
{
	const struct live *const live = rest_loop(call)->live;

	if (!call->query.form.data)
		return true;
	if (!query_text_equals(&call->query.form, "masked"))
		return fail_to_mask(call, "form can only be masked");
	if (!live->has_mask_key)
		return fail_to_mask(call, "this server has no mask_key_file to mask IDs with");
	if (!kind->layout)
		return fail_to_mask(call, "only numbers can be masked, and IDs of this kind are "
					  "ULIDs or UUIDs");
	switch (snowid_mask_new(live->mask_key, kind->layout, &call->mask)) {
	case 0:
		return true;
	case SNOWID_E_RANGE:
		return fail_to_mask(call, "IDs of less than 20 bits cannot be masked");
	default:
		rest_reply_refusal(call, REFUSED_INTERNAL, 0);
		return false;
	}
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
