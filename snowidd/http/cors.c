/* SPDX-License-Identifier: MIT
 *
 * Whether scripts of another web site may read a reply.
 *
 * A token has to be sent by the script itself, which knows it then. Credentials that a browser
 * sends of its own accord are never allowed.
 */
#include <string.h>

#include "snowidd/http/cors.h"

/* Makes the reply one to a request that asks what it may do. */
static void reply_to_preflight(struct http_reply *reply)
{
	reply->type = "text/plain";
	reply->body = "";
	reply->length = 0;
	reply->constant_fields =
		"Access-Control-Allow-Methods: GET, HEAD\r\n"
		"Access-Control-Allow-Headers: Authorization, X-Request-Id, traceparent\r\n"
		"Access-Control-Max-Age: 600\r\n";
}

static void allow_origin(struct http_reply *reply, const char *origin, size_t length)
{
	reply->origin = origin;
	reply->origin_length = length;
}

static bool is_same_origin(const char *item, const struct buffer *origin)
{
	return strlen(item) == origin->length && memcmp(item, origin->data, origin->length) == 0;
}

bool cors_allow(struct http_request *request, const struct text_list *origins)
{
	const struct buffer *const origin = &request->headers[HTTP_ORIGIN];
	struct http_reply *const reply = &request->reply;
	bool all = false;

	for (size_t i = 0; i < origins->count; i++) {
		const char *const item = origins->items[i];
		all = all || strcmp(item, "*") == 0;
		if (is_same_origin(item, origin))
			allow_origin(reply, origin->data, origin->length);
	}
	if (all)
		allow_origin(reply, "*", 1);
	reply->depends_on_origin = origins->count > 0 && !all;
	if (!request->is_options || origin->length == 0 || !reply->origin)
		return false;
	reply_to_preflight(reply);
	return true;
}
