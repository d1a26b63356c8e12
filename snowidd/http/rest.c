/* SPDX-License-Identifier: MIT
 *
 * The service over HTTP.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "snowidd/http/assets.h"
#include "snowidd/http/json.h"
#include "snowidd/http/rest.h"
#include "snowidd/http/rest_ids.h"
#include "snowidd/http/rest_status.h"
#include "snowidd/net/admit.h"
#include "snowidd/service/decode.h"
#include "snowidd/service/metrics.h"

/* ---- parts of an ID -------------------------------------------------------------------------- */

static enum refusal decode_query(struct rest_call *call, const struct served_kind *kind,
				 struct decoded_id *decoded)
{
	struct service *const service = rest_service(call);
	const struct query_text *const id = &call->query.id;
	char text[NUMBER_TEXT];
	uint64_t number;

	if (!call->mask)
		return decode_id(service, kind, id->data, id->length, decoded);
	if (snowid_mask_parse(call->mask, id->data, id->length, &number) != 0)
		return REFUSED_ID;
	return decode_id(service, kind, text, number_text(number, text), decoded);
}

static void write_decoded(struct buffer *body, const struct decoded_id *decoded)
{
	char time[SNOWID_TIME_TEXT];

	buffer_text(body, "{\"id\":");
	if (decoded->is_number)
		buffer_text(body, decoded->text);
	else
		buffer_json(body, decoded->text);
	buffer_text(body, ",");
	json_add_text(body, "id_str", decoded->text);
	json_add_text(body, "kind", decoded->kind);
	if (decoded->variant)
		json_add_text(body, "variant", decoded->variant);
	if (decoded->has_time) {
		if (snowid_time_format(decoded->unix_sec, decoded->nsec, time) == 0)
			json_add_text(body, "timestamp", time);
		else
			buffer_text(body, "\"timestamp\":null,"); /* after the year 9999 */
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

static enum http_outcome get_parse(struct rest_call *call)
{
	struct service *const service = rest_service(call);
	const struct query_text *const name = &call->query.kind;
	const struct served_kind *kind = NULL; /* none: the ID says which */
	struct decoded_id decoded;

	if (!call->query.id.data) {
		rest_reply_problem(call, 400, "missing_parameter", "the parameter id is missing");
		return HTTP_REPLIED;
	}
	if (name->length > 0) {
		kind = service_kind(service, name->data, name->length);
		if (!kind)
			return refuse_parse(call, REFUSED_KIND);
	}
	if (!rest_begin_mask(call, kind ? kind : service_kind_at(service, 0)))
		return HTTP_REPLIED;
	const enum refusal refusal = decode_query(call, kind, &decoded);
	if (refusal != SERVED)
		return refuse_parse(call, refusal);
	rest_reply_json(call);
	write_decoded(rest_body(call), &decoded);
	return HTTP_REPLIED;
}

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

static const struct route {
	const char *path;
	enum http_outcome (*serve)(struct rest_call *call);
	unsigned parameters;
	enum rest_audience audience;
	bool is_open; /* needs no token, and has no limit on its rate */
} routes[] = {
	{"other", NULL, 0, REST_ALL, false}, /* the name under which other paths are counted */
	{"/v1/next_id", rest_get_next_id, QUERY_KIND | QUERY_FORM, REST_CLIENTS, false},
	{"/api/v1/id", rest_get_id, QUERY_KIND | QUERY_FORM, REST_CLIENTS, false},
	{"/api/v1/ids", rest_get_ids, QUERY_KIND | QUERY_COUNT | QUERY_FORM, REST_CLIENTS, false},
	{"/api/v1/parse", get_parse, QUERY_KIND | QUERY_ID | QUERY_FORM, REST_ALL, false},
	{"/api/v1/health", rest_get_health, 0, REST_ALL, false},
	{"/api/v1/health/live", rest_get_live, 0, REST_ALL, true},
	{"/api/v1/health/ready", rest_get_ready, 0, REST_ALL, true},
	{"/api/v1/metrics", get_metrics, 0, REST_OPERATORS, false},
	{"/metrics", get_metrics, 0, REST_OPERATORS, false},
	{"/", get_page, 0, REST_OPERATORS, false},
	{"/openapi.json", get_openapi, 0, REST_ALL, false},
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

static bool is_admitted(struct rest_call *call)
{
	const struct buffer *const token = &call->request.headers[HTTP_AUTHORIZATION];
	uint64_t wait_ns = 0;

	const struct ip_address client = http_request_client(&call->request);
	const enum refusal refusal =
		admit_client(rest_loop(call), &client, token->data, token->length, &wait_ns);
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

	buffer_clear(rest_body(call));
	request->reply.endpoint = route ? (size_t)(route - routes) : 0;
	if (audience != REST_OPERATORS && !(route && route->is_open) && !is_admitted(call))
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
