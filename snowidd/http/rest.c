/* SPDX-License-Identifier: MIT
 *
 * The service over HTTP.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "snowidd/http/assets.h"
#include "snowidd/http/cors.h"
#include "snowidd/http/rest.h"
#include "snowidd/http/rest_ids.h"
#include "snowidd/http/rest_parse.h"
#include "snowidd/http/rest_status.h"
#include "snowidd/net/admit.h"
#include "snowidd/service/metrics.h"

/* ---- metrics, documents ---------------------------------------------------------------------- */

static enum http_outcome get_metrics(struct rest_call *call)
{
	call->request.reply.type = "text/plain; version=0.0.4; charset=utf-8";
	metrics_write(rest_body(call), rest_service(call), rest_loop(call)->live);
	return HTTP_REPLIED;
}

static enum http_outcome reply_asset(struct rest_call *call, const char *type,
				     const unsigned char *bytes, size_t size)
{
	call->request.reply.type = type;
	call->request.reply.body = (const char *)bytes;
	call->request.reply.length = size;
	return HTTP_REPLIED;
}

static enum http_outcome get_page(struct rest_call *call)
{
	/* It loads nothing but replies of this server, and may not be shown in a frame. */
	call->request.reply.constant_fields =
		"Content-Security-Policy: default-src 'none'; script-src 'unsafe-inline'; "
		"style-src 'unsafe-inline'; img-src data:; connect-src 'self'; base-uri 'none'; "
		"form-action 'none'; frame-ancestors 'none'\r\n"
		"X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n";
	return reply_asset(call, "text/html; charset=utf-8", page_html, page_html_size);
}

static enum http_outcome get_openapi(struct rest_call *call)
{
	return reply_asset(call, "application/json", openapi_json, openapi_json_size);
}

/* ---- routes ---------------------------------------------------------------------------------- */

enum rest_access {
	REST_WITH_TOKEN,
	REST_WITHOUT_TOKEN, /* it asks for one itself */
	REST_PROBE          /* without a token, and without a limit on its rate */
};

static const struct route {
	const char *path;
	enum http_outcome (*serve)(struct rest_call *call);
	unsigned parameters;
	enum rest_audience audience;
	enum rest_access access;
} routes[] = {
	{"other", NULL, 0, REST_ALL,
	 REST_WITH_TOKEN}, /* the name under which other paths are counted */
	{"/v1/next_id", rest_get_next_id, QUERY_KIND | QUERY_FORM | QUERY_FORMAT, REST_CLIENTS,
	 REST_WITH_TOKEN},
	{"/api/v1/id", rest_get_id, QUERY_KIND | QUERY_FORM | QUERY_FORMAT, REST_CLIENTS,
	 REST_WITH_TOKEN},
	{"/api/v1/ids", rest_get_ids, QUERY_KIND | QUERY_COUNT | QUERY_FORM | QUERY_FORMAT,
	 REST_CLIENTS, REST_WITH_TOKEN},
	{"/api/v1/parse", rest_get_parse, QUERY_KIND | QUERY_ID | QUERY_FORM | QUERY_FORMAT,
	 REST_ALL, REST_WITH_TOKEN},
	{"/api/v1/range", rest_get_range,
	 QUERY_KIND | QUERY_FORM | QUERY_FORMAT | QUERY_PERIOD | QUERY_FROM | QUERY_BEFORE |
		 QUERY_TO,
	 REST_ALL, REST_WITH_TOKEN},
	{"/api/v1/health", rest_get_health, 0, REST_ALL, REST_WITH_TOKEN},
	{"/api/v1/health/live", rest_get_live, 0, REST_ALL, REST_PROBE},
	{"/api/v1/health/ready", rest_get_ready, 0, REST_ALL, REST_PROBE},
	{"/api/v1/metrics", get_metrics, 0, REST_OPERATORS, REST_WITH_TOKEN},
	{"/metrics", get_metrics, 0, REST_OPERATORS, REST_WITH_TOKEN},
	{"/", get_page, 0, REST_OPERATORS, REST_WITHOUT_TOKEN},
	{"/openapi.json", get_openapi, 0, REST_ALL, REST_WITH_TOKEN},
};
#define ROUTES (sizeof routes / sizeof routes[0])
_Static_assert(ROUTES <= ENDPOINTS_MAX, "endpoints");

const char *rest_endpoint(size_t index)
{
	return index < ROUTES ? routes[index].path : NULL;
}

static const struct route *find_route(const char *path, size_t length)
{
	if (length == 0)
		return find_route("/", 1);
	for (size_t i = 1; i < ROUTES; i++)
		if (strlen(routes[i].path) == length && memcmp(routes[i].path, path, length) == 0)
			return &routes[i];
	return NULL;
}

/* The path of a target, which may also be http://host/path (RFC 9112, section 3.2.2), with a host
 * that is not empty (RFC 9110, section 4.2.1). */
static const char *path_of(const char *target)
{
	const size_t scheme = strncasecmp(target, "http://", 7) == 0    ? 7
			      : strncasecmp(target, "https://", 8) == 0 ? 8
									: 0;
	const size_t host = scheme > 0 ? strcspn(target + scheme, "/?#") : 0;

	return host > 0 ? target + scheme + host : target;
}

static bool is_admitted(struct rest_call *call, enum rest_access access)
{
	const struct buffer *const token = &call->request.headers[HTTP_AUTHORIZATION];
	uint64_t wait_ns = 0;

	const struct ip_address client = http_request_client(&call->request);
	const enum refusal refusal =
		access == REST_WITHOUT_TOKEN
			? admit_without_token(rest_loop(call), &client, &wait_ns)
			: admit_client(rest_loop(call), &client, token->data, token->length,
				       &wait_ns);
	if (refusal != SERVED)
		rest_reply_refusal(call, refusal, wait_ns);
	return refusal == SERVED;
}

/* A copy that can be decoded in place: the log shows the target as it was sent. */
static char *copy_query(struct rest_call *call, const char *query)
{
	struct buffer *const copy = &call->request.thread->scratch;

	buffer_clear(copy);
	buffer_bytes(copy, query, strlen(query) + 1);
	return copy->failed ? NULL : copy->data;
}

/* Reverting a mask takes the key, which is for clients with a token, if there is one. */
static unsigned parameters_for(enum rest_audience audience, const struct route *route)
{
	return audience == REST_OPERATORS ? route->parameters & ~(unsigned)QUERY_FORM
					  : route->parameters;
}

static enum http_outcome serve_route(struct rest_call *call, enum rest_audience audience,
				     const struct route *route, const char *query)
{
	struct http_reply *const reply = &call->request.reply;

	if (!call->request.is_get && !call->request.is_head) {
		rest_reply_problem(call, 405, "method_not_allowed",
				   "only GET and HEAD are supported");
		snprintf(reply->fields, sizeof reply->fields, "Allow: GET, HEAD\r\n");
		return HTTP_REPLIED;
	}
	char *const copy = copy_query(call, query);
	if (!copy) {
		rest_reply_refusal(call, REFUSED_INTERNAL, 0);
		return HTTP_REPLIED;
	}
	const char *const problem = query_read(copy, parameters_for(audience, route), &call->query);
	if (problem) {
		rest_reply_problem(call, 400, "malformed_query", problem);
		return HTTP_REPLIED;
	}
	return route->serve(call);
}

/* ---- the handler ----------------------------------------------------------------------------- */

static const char *not_found_text(enum rest_audience audience, const struct route *route)
{
	if (!route)
		return "there is no such path; see /openapi.json";
	return audience == REST_OPERATORS
		       ? "this address is for operators; IDs are made at those of the setting "
			 "listen"
		       : "metrics and the page are at the addresses of the setting admin.listen";
}

static enum http_outcome serve_audience(struct http_request *request, enum rest_audience audience)
{
	struct rest_call *const call = (struct rest_call *)request;
	const char *const path = path_of(request->target.data);
	const size_t length = strcspn(path, "?#");
	const struct route *const route = find_route(path, length);
	const enum rest_access access = route ? route->access : REST_WITH_TOKEN;

	buffer_clear(rest_body(call));
	request->reply.endpoint = route ? (size_t)(route - routes) : 0;
	if (audience != REST_OPERATORS &&
	    cors_allow(request, &rest_loop(call)->live->settings->cors_origins))
		return HTTP_REPLIED;
	if (audience != REST_OPERATORS && access != REST_PROBE && !is_admitted(call, access))
		return HTTP_REPLIED;
	if (!route || !(route->audience & audience)) {
		rest_reply_problem(call, 404, "not_found", not_found_text(audience, route));
		return HTTP_REPLIED;
	}
	return serve_route(call, audience, route,
			   path[length] == '?' ? path + length + 1 : path + length);
}

static enum http_outcome serve_clients(struct http_request *request)
{
	return serve_audience(request, REST_CLIENTS);
}

static enum http_outcome serve_operators(struct http_request *request)
{
	return serve_audience(request, REST_OPERATORS);
}

static enum http_outcome serve_all(struct http_request *request)
{
	return serve_audience(request, REST_ALL);
}

static enum http_outcome rest_resume(struct http_request *request)
{
	struct rest_call *const call = (struct rest_call *)request;

	buffer_clear(rest_body(call));
	return rest_fill_ids(call);
}

static void rest_leave(struct http_request *request)
{
	id_request_leave(&((struct rest_call *)request)->ids);
}

static void rest_release(struct http_request *request)
{
	struct rest_call *const call = (struct rest_call *)request;

	id_request_free(&call->ids);
	snowid_mask_free(call->mask);
}

struct http_handler rest_handler(struct service *service, enum rest_audience audience)
{
	return (struct http_handler){
		.request_size = sizeof(struct rest_call),
		.serve = audience == REST_CLIENTS     ? serve_clients
			 : audience == REST_OPERATORS ? serve_operators
						      : serve_all,
		.resume = rest_resume,
		.leave = rest_leave,
		.release = rest_release,
		.user = service,
	};
}
