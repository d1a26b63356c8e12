/* SPDX-License-Identifier: MIT
 *
 * Serving a call.
 */
#include "snowidd/base/elapsed.h"
#include "snowidd/grpc/gzip.h"
#include "snowidd/grpc/lifetime.h"
#include "snowidd/grpc/response.h"
#include "snowidd/grpc/serving.h"

#define WATCH_MS 500 /* how often it is seen whether a stream has to go on or to end */

void grpc_serving_use_share(struct grpc_connection *grpc)
{
	if (grpc->connection.share > 0)
		grpc->connection.share--;
	grpc_lifetime_check_age(grpc);
}

static void follow_call(struct grpc_connection *grpc, struct grpc_call *call, enum grpc_next next)
{
	struct loop *const loop = grpc->connection.loop;

	switch (next) {
	case GRPC_ENDS:
		waiting_remove(&call->waiter);
		break;
	case GRPC_PARKS:
		loop_wait(loop, &call->waiter, PHASE_PARKED, 0);
		break;
	case GRPC_QUEUES:
		loop_queue(loop, &call->waiter, id_request_lane(&call->ids), call->ids.deadline_ns);
		break;
	case GRPC_HOLDS:
		loop_wait(loop, &call->waiter, PHASE_WATCH, WATCH_MS);
		break;
	}
	grpc_response_send(grpc, call);
}

void grpc_serving_continue(struct grpc_connection *grpc, struct grpc_call *call)
{
	enum grpc_next next = GRPC_HOLDS;

	if (call->method->resume)
		next = call->method->resume(call);
	if (call->method->is_stream)
		grpc_lifetime_check_stream(grpc, call);
	follow_call(grpc, call, call->ended ? GRPC_ENDS : next);
}

/* The rest of it has not arrived in time. */
static void give_up_request(struct grpc_connection *grpc, struct grpc_call *call)
{
	grpc_call_end(call, GRPC_DEADLINE_EXCEEDED,
		      "the message did not arrive within limits.header_timeout");
	grpc_response_refuse_rest(grpc, call);
	grpc_response_send(grpc, call);
}

void grpc_serving_resume(struct waiter *waiter, enum wake wake)
{
	struct grpc_call *const call = WAITER_OWNER(waiter, struct grpc_call, waiter);
	struct grpc_connection *const grpc = call->connection;

	switch (wake) {
	case WAKE_STOP:
	case WAKE_DRAIN:
		return;
	case WAKE_END:
		connection_close(&grpc->connection);
		return;
	case WAKE_DUE:
	case WAKE_TURN:
		break;
	}
	/* No IDs are made for a client that has gone. */
	if (waiter->phase >= PHASE_LANE && connection_is_gone(&grpc->connection)) {
		connection_close(&grpc->connection);
		return;
	}
	if (waiter->phase == PHASE_REQUEST)
		give_up_request(grpc, call);
	else if (waiter->phase == PHASE_WRITING)
		grpc_response_cancel(grpc, call);
	else
		grpc_serving_continue(grpc, call);
	connection_update(&grpc->connection);
}

/* The message without its prefix, and without its compression. NULL if it cannot be read, and the
 * call has ended. */
static const uint8_t *expand_message(struct grpc_connection *grpc, struct grpc_call *call,
				     size_t *length)
{
	const size_t limit = grpc->connection.loop->live->settings->request_bytes;
	struct buffer *const expanded = &call->thread->expanded;
	const char *const message = call->input.data + GRPC_PREFIX;

	*length = call->input.length - GRPC_PREFIX;
	if (call->input.data[0] == 0)
		return (const uint8_t *)message;
	buffer_clear(expanded);
	switch (gzip_expand(expanded, message, *length, limit)) {
	case GZIP_DONE:
		*length = expanded->length;
		return (const uint8_t *)expanded->data;
	case GZIP_TOO_LARGE:
		grpc_call_end(call, GRPC_RESOURCE_EXHAUSTED,
			      "the message has more than %zu bytes (limits.request_bytes)", limit);
		break;
	case GZIP_MALFORMED:
		grpc_call_end(call, GRPC_INTERNAL, "the message is not compressed with gzip");
		break;
	}
	return NULL;
}

void grpc_serving_message(struct grpc_connection *grpc, struct grpc_call *call)
{
	const uint8_t *message = NULL;
	size_t length;

	waiting_remove(&call->waiter);
	if (elapsed_ns() >= call->deadline_ns)
		grpc_call_end(call, GRPC_DEADLINE_EXCEEDED, "the deadline has passed");
	else
		message = expand_message(grpc, call, &length);
	if (message)
		follow_call(grpc, call, call->method->serve(call, message, length));
	else
		grpc_response_send(grpc, call);
	buffer_clear(&call->input);
}
