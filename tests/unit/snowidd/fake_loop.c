/* SPDX-License-Identifier: MIT
 *
 * A loop without a thread and connections without sockets.
 */
#include <stdlib.h>

#include "snowidd/net/forwarded.h"
#include "tests/unit/snowidd/fake_loop.h"

/* ---- what protocols call --------------------------------------------------------------------- */

void loop_wait(struct loop *loop, struct waiter *waiter, enum phase phase, uint64_t ms)
{
	waiting_add(&loop->waiting, waiter, phase, ms);
}

void loop_queue(struct loop *loop, struct waiter *waiter, size_t lane, uint64_t deadline_ns)
{
	const enum phase phase = (enum phase)(PHASE_LANE + lane);

	if (!waiter->next || waiter->phase != phase)
		waiting_add(&loop->waiting, waiter, phase, deadline_ns);
}

bool fake_peer_is_gone;

bool connection_is_gone(const struct connection *connection)
{
	(void)connection;
	return fake_peer_is_gone;
}

void connection_finish(struct connection *connection)
{
	connection->finishing = true;
}

void connection_update(struct connection *connection)
{
	(void)connection;
}

void connection_close(struct connection *connection)
{
	if (!connection->closing)
		connection->protocol->close(connection);
	connection->closing = true;
}

struct ip_address connection_client(const struct connection *connection, const char *forwarded_for,
				    size_t length)
{
	return forwarded_client(&connection->loop->live->proxies, &connection->client,
				forwarded_for, length);
}

/* ---- what tests call ------------------------------------------------------------------------- */

void fake_loop_init(struct loop *loop, struct loop_group *group, struct live *live,
		    struct counters *counters)
{
	loop->group = group;
	loop->live = live;
	loop->counters = counters;
	waiting_init(&loop->waiting);
}

void fake_loop_free(struct loop *loop)
{
	for (size_t i = 0; i < loop->protocol_count; i++)
		loop->protocols[i].protocol->end(loop->protocols[i].state);
	loop->protocol_count = 0;
	buffer_free(&loop->output);
}

struct connection *fake_connection_new(struct loop *loop, const struct protocol *protocol)
{
	struct connection *const connection = calloc(1, protocol->connection_size);

	if (!connection)
		abort();
	if (loop->protocol_count == 0)
		loop->protocols[loop->protocol_count++] =
			(struct protocol_state){protocol, protocol->begin(loop, protocol)};
	connection->loop = loop;
	connection->protocol = protocol;
	connection->client = ip_address_of_ipv4((const uint8_t[]){192, 0, 2, 1});
	connection->protocol_state = loop->protocols[0].state;
	protocol->open(connection);
	return connection;
}

void fake_connection_free(struct connection *connection)
{
	connection_close(connection);
	free(connection);
}

static bool is_never_over(const void *user)
{
	(void)user;
	return false;
}

void fake_loop_serve(struct loop *loop)
{
	waiting_take_turns(&loop->waiting, PHASE_PARKED);
	waiting_serve_lanes(&loop->waiting, is_never_over, NULL);
	waiting_take_some(&loop->waiting, PHASE_REFUSED, UINT_MAX);
}

static void resume_waiting(struct connection *connection)
{
	while (!connection->closing && connection->protocol->is_blocked(connection))
		fake_loop_serve(connection->loop);
}

void fake_connection_feed(struct connection *connection, const char *bytes, size_t length,
			  unsigned share)
{
	size_t done = 0;

	while (done < length && !connection->finishing && !connection->closing) {
		connection->share = share;
		const size_t used =
			connection->protocol->input(connection, bytes + done, length - done);
		if (used > length - done)
			abort();
		done += used;
		resume_waiting(connection);
	}
}
