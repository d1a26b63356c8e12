/* SPDX-License-Identifier: MIT
 *
 * The paths that show the state of the server.
 */
#include <math.h>
#include <stdio.h>

#include "snowidd/http/json.h"
#include "snowidd/http/rest_status.h"
#include "snowidd/service/health.h"

static void write_clock_state(struct rest_call *call)
{
	struct buffer *const body = rest_body(call);
	struct clock_state clock;

	clockwatch_state(service_watch(rest_service(call)), &clock);
	buffer_text(body, "\"clock\":{");
	json_add_bool(body, "synchronised", clock.synchronised);
	buffer_printf(body, "\"drift_ms\":%.3f,", (double)clock.drift_ns / 1e6);
	if (clock.estimated_error_ns != CLOCK_ERROR_UNKNOWN)
		buffer_printf(body, "\"estimated_error_ms\":%.3f,",
			      (double)clock.estimated_error_ns / 1e6);
	json_add_text(body, "measured_by", clock.measured_by);
	json_add_number(body, "steps", clock.steps);
	json_end(body, "},");
}

static void write_kind_state(struct rest_call *call, struct served_kind *kind)
{
	struct buffer *const body = rest_body(call);
	struct owner owner;
	char layout[512], worker[KIND_WORKER_SIZE];

	buffer_text(body, "{");
	json_add_text(body, "name", kind->name);
	json_add_text(body, "store", kind->store);
	json_add_bool(body, "store_failing", atomic_load(&kind->store_error) != 0);
	service_owner(rest_service(call), kind, &owner);
	json_add_text(body, "state", owner_state_name(owner.state));
	if (*owner.reason)
		json_add_text(body, "reason", owner.reason);
	if (!isinf(owner.seconds_left))
		buffer_printf(body, "\"limit_ahead_seconds\":%.3f,", owner.seconds_left);
	kind_worker_text(kind, worker);
	if (*worker)
		json_add_text(body, "worker", worker);
	if (kind->layout && snowid_layout_format(kind->layout, layout, sizeof layout, NULL) == 0)
		json_add_text(body, "layout", layout);
	json_end(body, "},");
}

static void write_kind_states(struct rest_call *call)
{
	struct service *const service = rest_service(call);
	struct buffer *const body = rest_body(call);

	buffer_text(body, "\"kinds\":[");
	for (size_t i = 0; i < service_kinds(service); i++)
		write_kind_state(call, service_kind_at(service, i));
	json_end(body, "],");
}

enum http_outcome rest_get_health(struct rest_call *call)
{
	struct http_reply *const reply = &call->request.reply;
	struct buffer *const body = rest_body(call);
	struct health health;

	service_health(rest_service(call), &health);
	rest_reply_json(call);
	buffer_text(body, "{");
	json_add_text(body, "status", health_status(&health));
	if (health.refusal != SERVED) {
		reply->status = 503;
		snprintf(reply->fields, sizeof reply->fields, "Retry-After: 1\r\n");
		json_add_text(body, "error", refusal_code(health.refusal));
	}
	if (*health.reason)
		json_add_text(body, "reason", health.reason);
	if (health.degraded && !isinf(health.seconds_left))
		buffer_printf(body, "\"seconds_left\":%.3f,", health.seconds_left);
	json_add_bool(body, "ready", health.ready);
	json_add_text(body, "scope", health_scope(&health));
	for (size_t i = 0; i < health.field_count; i++)
		json_add_field(body, &health.fields[i]);
	json_add_text(body, "instance", health.instance);
	json_add_text(body, "version", snowid_version());
	json_add_number(body, "uptime_seconds", health.uptime_s);
	json_add_number(body, "ids_generated", health.ids);
	buffer_printf(body, "\"ids_per_second\":%.1f,", health.ids_per_second);
	write_clock_state(call);
	write_kind_states(call);
	json_end(body, "}\n");
	return HTTP_REPLIED;
}

enum http_outcome rest_get_live(struct rest_call *call)
{
	rest_reply_json(call);
	buffer_text(rest_body(call), "{\"status\":\"live\"}\n");
	return HTTP_REPLIED;
}

enum http_outcome rest_get_ready(struct rest_call *call)
{
	struct health health;

	service_health(rest_service(call), &health);
	if (health.ready) {
		rest_reply_json(call);
		buffer_text(rest_body(call), "{\"status\":\"ready\"}\n");
	} else {
		rest_reply_refusal(call,
				   health.refusal == SERVED ? REFUSED_STOPPING : health.refusal, 0);
	}
	return HTTP_REPLIED;
}
