/* SPDX-License-Identifier: MIT
 *
 * The service over HTTP.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "snowidd/net/admit.h"
#include "snowidd/http/assets.h"
#include "snowidd/service/metrics.h"
#include "snowidd/http/query.h"
#include "snowidd/http/rest.h"

/* ---- replies --------------------------------------------------------------------------------- */

struct call {
	struct http_request *request;
	struct http_reply *reply;
	struct query query;
	struct buffer *body;
};

static void problem(struct call *call, unsigned status, const char *code, const char *text)
{
	http_problem(call->request->worker, call->reply, status, code, text);
}

static void refused(struct call *call, enum refusal refusal, uint64_t wait_ns)
{
	static const unsigned statuses[REFUSALS] = {
		[REFUSED_KIND] = 404,     [REFUSED_COUNT] = 400,    [REFUSED_ID] = 400,
		[REFUSED_CLOCK] = 503,    [REFUSED_CONFLICT] = 503, [REFUSED_EXHAUSTED] = 503,
		[REFUSED_STORE] = 503,    [REFUSED_ENDED] = 503,    [REFUSED_STOPPING] = 503,
		[REFUSED_INTERNAL] = 500, [REFUSED_RATE] = 429,     [REFUSED_TOKEN] = 401,
	};
	const unsigned status = statuses[refusal];

	problem(call, status, refusal_code(refusal), refusal_text(refusal));
	if (status == 503 || status == 429)
		snprintf(call->reply->fields, sizeof call->reply->fields,
			 "Retry-After: %" PRIu64 "\r\n", wait_ns / 1000000000 + 1);
	if (status == 401)
		snprintf(call->reply->fields, sizeof call->reply->fields,
			 "WWW-Authenticate: Bearer\r\n");
}

static void add_json(struct buffer *body, const char *name, const char *value)
{
	buffer_json(body, name);
	buffer_text(body, ":");
	buffer_json(body, value);
	buffer_text(body, ",");
}

static void add_number(struct buffer *body, const char *name, uint64_t value)
{
	buffer_json(body, name);
	buffer_text(body, ":");
	buffer_number(body, value);
	buffer_text(body, ",");
}

static void add_bool(struct buffer *body, const char *name, bool value)
{
	buffer_json(body, name);
	buffer_text(body, value ? ":true," : ":false,");
}

/* Replaces the comma behind the last member. */
static void end_object(struct buffer *body, const char *end)
{
	if (body->length > 0 && body->data[body->length - 1] == ',')
		body->length--;
	buffer_text(body, end);
}

static void json(struct call *call)
{
	call->reply->type = "application/json";
}

/* ---- IDs ------------------------------------------------------------------------------------- */

/* A HEAD does not ask for an ID; the length of its body is then not known (RFC 9110, section 8.6). */
static bool is_head(struct call *call, const char *type)
{
	if (!call->request->head)
		return false;
	call->reply->type = type;
	call->reply->bodiless = true;
	return true;
}

/* Whether IDs can be asked for; otherwise the reply is an error. */
static bool ask(struct call *call, uint64_t want)
{
	struct worker *const worker = call->request->worker;
	const struct settings *const settings = worker->live->settings;
	const struct query_text *const kind = &call->query.kind;
	char why[80];

	if (call->request->take.kind) /* goes on after a wait */
		return true;
	const enum refusal refusal =
		service_ask(worker->server->service, &call->request->take, kind->data, kind->length,
			    want, settings, worker->counters);
	if (refusal == SERVED)
		return true;
	refused(call, refusal, 0);
	if (refusal == REFUSED_COUNT) {
		snprintf(why, sizeof why, "count must be a number from 1 to %" PRIu64,
			 settings->count);
		problem(call, 400, refusal_code(refusal), why);
	}
	return false;
}

/* Takes the IDs of a request. False: it has to wait. The reply is an error, or call->reply->status is
 * still 200. */
static bool take(struct call *call)
{
	struct worker *const worker = call->request->worker;
	uint64_t wait_ns;

	const enum refusal refusal =
		service_take(worker->server->service, &call->request->take,
			     worker->live->settings->wait_timeout, worker->counters, &wait_ns);
	if (refusal != SERVED && wait_ns > 0)
		return false;
	if (refusal != SERVED)
		refused(call, refusal, 0);
	return true;
}

static size_t id_text(const struct take *take, size_t i, char text[SNOWID_UUID_TEXT])
{
	if (take->kind->type == KIND_LAYOUT)
		return number_text(take->ids[i], text);
	if (take->kind->type == KIND_ULID)
		snowid_ulid_format(&take->wide[i], text);
	else
		snowid_uuid_format(&take->wide[i], text);
	return strlen(text);
}

static void add_wide(struct buffer *body, const struct take *take, size_t i)
{
	char text[SNOWID_UUID_TEXT];
	const size_t length = id_text(take, i, text);

	buffer_text(body, "\"");
	buffer_bytes(body, text, length);
	buffer_text(body, "\"");
}

/* IDs of 128 bits are strings in any case. */
static void id_as_json(struct call *call)
{
	const struct take *const take = &call->request->take;
	const bool number = take->kind->type == KIND_LAYOUT;
	char text[SNOWID_UUID_TEXT];
	const size_t length = id_text(take, 0, text);

	json(call);
	buffer_text(call->body, number ? "{\"id\":" : "{\"id\":\"");
	buffer_bytes(call->body, text, length);
	buffer_text(call->body, number ? ",\"id_str\":\"" : "\",\"id_str\":\"");
	buffer_bytes(call->body, text, length);
	buffer_text(call->body, "\"}\n");
}

static bool get_id(struct call *call)
{
	if (!ask(call, 1) || is_head(call, "application/json"))
		return true;
	if (!take(call))
		return false;
	if (call->reply->status == 200)
		id_as_json(call);
	return true;
}

static bool get_next_id(struct call *call)
{
	const struct buffer *const accept = &call->request->headers[HTTP_ACCEPT];
	const bool as_json = query_prefers_json(accept->data, accept->length);
	char text[SNOWID_UUID_TEXT];

	snprintf(call->reply->fields, sizeof call->reply->fields, "Vary: Accept\r\n");
	if (!ask(call, 1) || is_head(call, as_json ? "application/json" : "text/plain"))
		return true;
	if (!take(call))
		return false;
	if (call->reply->status != 200)
		return true;
	if (as_json) {
		id_as_json(call);
		return true;
	}
	call->reply->type = "text/plain";
	buffer_bytes(call->body, text, id_text(&call->request->take, 0, text));
	return true;
}

/* Many numbers are written once, and then copied into their quotes. */
static void add_numbers(struct buffer *body, const uint64_t *ids, size_t count)
{
	static const char between[] = "],\"ids_str\":[";
	char *const start = buffer_reserve(body, count * (2 * NUMBER_TEXT + 4) + sizeof between),
		    *to = start;

	if (!start)
		return;
	for (size_t i = 0; i < count; i++) {
		to += number_text(ids[i], to);
		*to++ = ',';
	}
	const char *from = start, *const end = to;
	to--; /* the last comma */
	memcpy(to, between, sizeof between - 1);
	to += sizeof between - 1;
	/* The list has lost its last comma to the bracket. */
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

static void add_wides(struct buffer *body, const struct take *take)
{
	for (int i = 0; i < 2; i++) {
		for (size_t k = 0; k < take->want; k++) {
			if (k > 0)
				buffer_text(body, ",");
			add_wide(body, take, k);
		}
		if (i == 0)
			buffer_text(body, "],\"ids_str\":[");
	}
}

static bool get_ids(struct call *call)
{
	const struct query_text *const text = &call->query.count;
	uint64_t wanted = 1;

	if (text->data &&
	    snowid_id_parse(text->data, text->length, SNOWID_FORM_DECIMAL, &wanted) != 0)
		wanted = 0; /* a count that cannot be */
	if (!ask(call, wanted) || is_head(call, "application/json"))
		return true;
	if (!take(call))
		return false;
	if (call->reply->status != 200)
		return true;
	json(call);
	buffer_text(call->body, "{\"ids\":[");
	if (call->request->take.kind->type == KIND_LAYOUT)
		add_numbers(call->body, call->request->take.ids, call->request->take.want);
	else
		add_wides(call->body, &call->request->take);
	buffer_text(call->body, "]}\n");
	return true;
}

/* ---- parse ----------------------------------------------------------------------------------- */

static bool get_parse(struct call *call)
{
	struct service *const service = call->request->worker->server->service;
	struct buffer *const body = call->body;
	char time[SNOWID_TIME_TEXT], why[300];
	struct parts parts;
	const struct kind *kind = NULL;
	enum refusal refusal = SERVED;

	if (!call->query.id.data) {
		problem(call, 400, "missing_parameter", "the parameter id is missing");
		return true;
	}
	if (call->query.kind.length > 0) {
		kind = service_kind(service, call->query.kind.data, call->query.kind.length);
		refusal = kind ? SERVED : REFUSED_KIND;
	}
	if (refusal == SERVED)
		refusal = service_parse(service, kind, call->query.id.data, call->query.id.length,
					&parts);
	if (refusal != SERVED) {
		count(&call->request->worker->counters->errors[refusal], 1);
		refused(call, refusal, 0);
		if (refusal == REFUSED_ID && snowid_error_detail(why, sizeof why) > 0)
			problem(call, 400, refusal_code(refusal), why);
		return true;
	}
	json(call);
	buffer_text(body, "{\"id\":");
	if (parts.number)
		buffer_text(body, parts.text);
	else
		buffer_json(body, parts.text);
	buffer_text(body, ",");
	add_json(body, "id_str", parts.text);
	add_json(body, "kind", parts.name);
	if (parts.variant)
		add_json(body, "variant", parts.variant);
	if (parts.dated && snowid_time_format(parts.sec, parts.nsec, time) == 0)
		add_json(body, "timestamp", time); /* after the year 9999 there is none */
	if (parts.dated)
		buffer_printf(body, "\"timestamp_ms\":%" PRId64 ",", parts.unix_ms);
	for (size_t i = 0; i < parts.field_count; i++)
		add_number(body, parts.fields[i].name, parts.fields[i].value);
	end_object(body, "}\n");
	return true;
}

/* ---- health, metrics, documents -------------------------------------------------------------- */

static void add_clock(struct call *call)
{
	struct clock_state clock;

	clockwatch_state(call->request->worker->server->watch, &clock);
	buffer_text(call->body, "\"clock\":{");
	add_bool(call->body, "synchronised", clock.synchronised);
	buffer_printf(call->body, "\"drift_ms\":%.3f,\"estimated_error_ms\":%.3f,",
		      (double)clock.drift_ns / 1e6, (double)clock.estimated_error_ns / 1e6);
	add_json(call->body, "measured_by", clock.measured_by);
	add_number(call->body, "steps", clock.steps);
	end_object(call->body, "},");
}

static void add_kinds(struct call *call)
{
	struct service *const service = call->request->worker->server->service;
	char layout[512];

	buffer_text(call->body, "\"kinds\":[");
	for (size_t i = 0; i < service_kinds(service); i++) {
		const struct kind *const kind = service_kind_at(service, i);
		buffer_text(call->body, "{");
		add_json(call->body, "name", kind->name);
		add_json(call->body, "store", kind->store);
		add_bool(call->body, "store_failing", atomic_load(&kind->store_error) != 0);
		const double ahead = service_limit_ahead(kind);
		if (!isinf(ahead))
			buffer_printf(call->body, "\"limit_ahead_seconds\":%.3f,", ahead);
		if (kind->layout &&
		    snowid_layout_format(kind->layout, layout, sizeof layout, NULL) == 0)
			add_json(call->body, "layout", layout);
		end_object(call->body, "},");
	}
	end_object(call->body, "],");
}

static bool get_health(struct call *call)
{
	struct worker *const worker = call->request->worker;
	struct buffer *const body = call->body;
	struct health health;

	service_health(worker->server->service, &health);
	json(call);
	buffer_text(body, "{");
	add_json(body, "status",
		 health.refusal != SERVED ? "unhealthy"
		 : health.degraded        ? "degraded"
					  : "healthy");
	if (health.refusal != SERVED) {
		call->reply->status = 503;
		snprintf(call->reply->fields, sizeof call->reply->fields, "Retry-After: 1\r\n");
		add_json(body, "error", refusal_code(health.refusal));
	}
	if (*health.reason)
		add_json(body, "reason", health.reason);
	add_bool(body, "ready", health.ready);
	add_json(body, "scope", health.host_scope ? "host" : "fleet");
	for (size_t i = 0; i < health.field_count; i++)
		add_number(body, health.fields[i].name, health.fields[i].value);
	add_json(body, "instance", health.instance);
	add_json(body, "version", snowid_version());
	add_number(body, "uptime_seconds", health.uptime_s);
	add_number(body, "ids_generated", health.ids);
	buffer_printf(body, "\"ids_per_second\":%.1f,", atomic_load(&worker->server->rates.ids));
	add_clock(call);
	add_kinds(call);
	end_object(body, "}\n");
	return true;
}

static bool get_live(struct call *call)
{
	json(call);
	buffer_text(call->body, "{\"status\":\"live\"}\n");
	return true;
}

static bool get_ready(struct call *call)
{
	struct health health;

	service_health(call->request->worker->server->service, &health);
	if (health.ready) {
		json(call);
		buffer_text(call->body, "{\"status\":\"ready\"}\n");
		return true;
	}
	refused(call, health.refusal == SERVED ? REFUSED_STOPPING : health.refusal, 0);
	return true;
}

static bool get_metrics(struct call *call)
{
	call->reply->type = "text/plain; version=0.0.4; charset=utf-8";
	metrics_write(call->body, call->request->worker, rest_endpoint);
	return true;
}

static bool asset(struct call *call, const char *type, const unsigned char *bytes, size_t size)
{
	call->reply->type = type;
	call->reply->body = (const char *)bytes;
	call->reply->length = size;
	return true;
}

static bool get_page(struct call *call)
{
	/* It fetches nothing but what this server says, and stands in no frame. */
	call->reply->constant_fields =
		"Content-Security-Policy: default-src 'none'; script-src 'unsafe-inline'; "
		"style-src 'unsafe-inline'; img-src data:; connect-src 'self'; base-uri 'none'; "
		"form-action 'none'; frame-ancestors 'none'\r\n"
		"X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n";
	return asset(call, "text/html; charset=utf-8", page_html, page_html_size);
}

static bool get_openapi(struct call *call)
{
	return asset(call, "application/json", openapi_json, openapi_json_size);
}

/* ---- routes ---------------------------------------------------------------------------------- */

static const struct route {
	const char *path;
	bool (*serve)(struct call *call);
	unsigned parameters;
	bool open; /* to all, also where a token is asked for, and not bounded in rate */
} routes[] = {
	{"other", NULL, 0, false}, /* no route: what is counted for the rest */
	{"/v1/next_id", get_next_id, QUERY_KIND, false},
	{"/api/v1/id", get_id, QUERY_KIND, false},
	{"/api/v1/ids", get_ids, QUERY_KIND | QUERY_COUNT, false},
	{"/api/v1/parse", get_parse, QUERY_KIND | QUERY_ID, false},
	{"/api/v1/health", get_health, 0, false},
	{"/api/v1/health/live", get_live, 0, true},
	{"/api/v1/health/ready", get_ready, 0, true},
	{"/api/v1/metrics", get_metrics, 0, false},
	{"/metrics", get_metrics, 0, false},
	{"/", get_page, 0, false},
	{"/openapi.json", get_openapi, 0, false},
};
#define ROUTES (sizeof routes / sizeof routes[0])
_Static_assert(ROUTES <= ENDPOINTS_MAX, "endpoints");
_Static_assert(REFUSALS <= CAUSES_MAX, "causes");

const char *rest_endpoint(size_t index)
{
	return index < ROUTES ? routes[index].path : NULL;
}

static const struct route *find(const char *path, size_t length)
{
	for (size_t i = 1; i < ROUTES; i++)
		if (strlen(routes[i].path) == length && memcmp(routes[i].path, path, length) == 0)
			return &routes[i];
	return NULL;
}

/* The path of a target, which may be "http://host/path" too (RFC 9112, section 3.2.2); a host there is not
 * empty (RFC 9110, section 4.2.1). */
static char *path_of(char *target)
{
	const size_t scheme = strncasecmp(target, "http://", 7) == 0    ? 7
			      : strncasecmp(target, "https://", 8) == 0 ? 8
									: 0;
	const size_t host = scheme > 0 ? strcspn(target + scheme, "/?#") : 0;

	return host > 0 ? target + scheme + host : target;
}

static bool is_admitted(struct call *call)
{
	const struct http_request *const request = call->request;
	const struct buffer *const token = &request->headers[HTTP_AUTHORIZATION];
	uint64_t wait_ns = 0;

	const enum refusal refusal =
		admit(request->connection, token->data, token->length, &wait_ns);
	if (refusal != SERVED)
		refused(call, refusal, wait_ns);
	return refusal == SERVED;
}

/* A copy that can be decoded in place: the log shows the target as it was sent. */
static char *copy_query(struct call *call, const char *query)
{
	struct buffer *const copy = &call->request->worker->query;

	buffer_clear(copy);
	buffer_bytes(copy, query, strlen(query) + 1);
	return copy->failed ? NULL : copy->data;
}

static bool serve_route(struct call *call, const struct route *route, const char *query)
{
	if (!call->request->get && !call->request->head) {
		problem(call, 405, "method_not_allowed", "only GET and HEAD are supported");
		snprintf(call->reply->fields, sizeof call->reply->fields, "Allow: GET, HEAD\r\n");
		return true;
	}
	char *const copy = copy_query(call, query);
	const char *const wrong = copy ? query_read(copy, route->parameters, &call->query) : NULL;
	if (!copy)
		refused(call, REFUSED_INTERNAL, 0);
	else if (wrong)
		problem(call, 400, "malformed_query", wrong);
	else
		return route->serve(call);
	return true;
}

bool rest_serve(struct http_request *request, struct http_reply *reply)
{
	struct call call = {.request = request, .reply = reply, .body = &request->worker->body};
	char *const path = path_of(request->target.data);
	const size_t length = strcspn(path, "?#");

	buffer_clear(call.body);
	const struct route *const route = length > 0 ? find(path, length) : find("/", 1);
	reply->endpoint = route ? (size_t)(route - routes) : 0;
	if (route && request->take.kind) /* goes on after a wait */
		return route->serve(&call);
	if (!(route && route->open) && !is_admitted(&call))
		return true;
	if (!route) {
		problem(&call, 404, "not_found", "there is no such path; see /openapi.json");
		return true;
	}
	return serve_route(&call, route, path[length] == '?' ? path + length + 1 : path + length);
}
