/* SPDX-License-Identifier: MIT
 *
 * How long a connection lasts, and its streams.
 */
#include <string.h>

#include "snowidd/base/elapsed.h"
#include "snowidd/grpc/lifetime.h"

/* The payloads of the ping that follows the first GOAWAY, and of others. */
static const uint8_t leave_ping[8] = "leaving", alive_ping[8] = "alive?";

/* ---- clients that have vanished -------------------------------------------------------------- */

static void resume_keepalive(struct waiter *waiter, enum wake wake)
{
	struct grpc_connection *const grpc =
		WAITER_OWNER(waiter, struct grpc_connection, keepalive);
	struct loop *const loop = grpc->connection.loop;

	if (wake == WAKE_STOP || wake == WAKE_DRAIN)
		return;
	if (wake == WAKE_END || waiter->phase == PHASE_PINGED) {
		connection_close(&grpc->connection);
		return;
	}
	nghttp2_submit_ping(grpc->session, NGHTTP2_FLAG_NONE, alive_ping);
	loop_wait(loop, waiter, PHASE_PINGED,
		  loop->live->settings->grpc_keepalive_timeout / 1000000);
	connection_update(&grpc->connection);
}

void grpc_lifetime_hear(struct grpc_connection *grpc)
{
	struct loop *const loop = grpc->connection.loop;
	const uint64_t quiet_ns = loop->live->settings->grpc_keepalive_time;

	if (quiet_ns > 0)
		loop_wait(loop, &grpc->keepalive, PHASE_QUIET, quiet_ns / 1000000);
}

void grpc_lifetime_begin(struct grpc_connection *grpc)
{
	grpc->opened_ns = elapsed_ns();
	grpc->keepalive.resume = resume_keepalive;
	grpc_lifetime_hear(grpc);
}

void grpc_lifetime_end(struct grpc_connection *grpc)
{
	waiting_remove(&grpc->keepalive);
}

/* ---- leaving --------------------------------------------------------------------------------- */

/* The client has seen the first GOAWAY, and so all its calls are known. */
static void finish_leaving(struct grpc_connection *grpc)
{
	nghttp2_submit_goaway(grpc->session, NGHTTP2_FLAG_NONE,
			      nghttp2_session_get_last_proc_stream_id(grpc->session),
			      NGHTTP2_NO_ERROR, NULL, 0);
	grpc->left = true;
}

void grpc_lifetime_leave(struct grpc_connection *grpc)
{
	if (grpc->leaving)
		return;
	grpc->leaving = true;
	nghttp2_submit_shutdown_notice(grpc->session);
	nghttp2_submit_ping(grpc->session, NGHTTP2_FLAG_NONE, leave_ping);
}

void grpc_lifetime_take_answer(struct grpc_connection *grpc, const uint8_t *payload)
{
	if (grpc->leaving && !grpc->left && memcmp(payload, leave_ping, sizeof leave_ping) == 0)
		finish_leaving(grpc);
}

/* Leaves a connection that is too old. Returns whether it has been so for grace_ns. */
static bool leave_when_old(struct grpc_connection *grpc, uint64_t now_ns, uint64_t grace_ns)
{
	const uint64_t most_ns = grpc->connection.loop->live->settings->grpc_connection_age;
	const uint64_t age_ns = now_ns - grpc->opened_ns;

	if (most_ns == 0 || age_ns < most_ns)
		return false;
	grpc_lifetime_leave(grpc);
	return age_ns - most_ns >= grace_ns;
}

void grpc_lifetime_check_age(struct grpc_connection *grpc)
{
	leave_when_old(grpc, elapsed_ns(), 0);
}

void grpc_lifetime_check_stream(struct grpc_connection *grpc, struct grpc_call *call)
{
	const struct settings *const settings = grpc->connection.loop->live->settings;
	const uint64_t now_ns = elapsed_ns();

	if (leave_when_old(grpc, now_ns, settings->stop_timeout))
		grpc_call_end(call, GRPC_UNAVAILABLE,
			      "the connection is older than grpc.connection_age");
	if (now_ns >= call->deadline_ns)
		grpc_call_end(call, GRPC_DEADLINE_EXCEEDED, "the deadline has passed");
	if (grpc->connection.loop->draining)
		grpc_call_refuse(call, REFUSED_STOPPING, 0);
}
