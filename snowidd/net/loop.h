/* SPDX-License-Identifier: MIT
 *
 * A loop: one thread with an event loop, listening sockets, connections and counters of its own.
 */
#ifndef SNOWIDD_LOOP_H
#define SNOWIDD_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

#include "snowidd/base/buffer.h"
#include "snowidd/config/live.h"
#include "snowidd/net/listen.h"
#include "snowidd/net/protocol.h"
#include "snowidd/net/rate.h"
#include "snowidd/net/waiting.h"
#include "snowidd/service/counters.h"

struct client_counts;
struct listener;
struct loop;

/* What all loops have in common. */
struct loop_group {
	_Atomic uint64_t connections;       /* of clients, that are open */
	_Atomic uint64_t admin_connections; /* likewise, of operators */
	uint64_t descriptors;               /* for connections of clients; set before the start */
	struct rate_limiter *limiter;
	struct client_counts *clients;

	/* Takes over a socket that was accepted. `state` is what the protocol keeps for this
	 * loop. */
	void (*accept)(struct loop *loop, int socket, const struct protocol *protocol, void *state);

	/* Called in the thread of a loop that has ended. */
	void (*ended)(void *user);
	void *user;
};

/* What a protocol keeps for a loop. */
struct protocol_state {
	const struct protocol *protocol;
	void *state;
};

#define PROTOCOLS_MAX 4

/* Connections of operators: probes, Prometheus, browsers. */
#define ADMIN_CONNECTIONS 64

/* Descriptors that clients cannot take: for operators, and for the files and sockets that the
 * daemon itself opens. */
#define DESCRIPTORS_RESERVED 128
#define INPUT_SIZE           65536

struct loop {
	uv_loop_t uv;
	uv_thread_t thread;
	uv_async_t wake;
	uv_timer_t deadlines, parked, drain, pause;
	uv_idle_t turns;
	bool lanes_wait;   /* for a round */
	uint64_t round_ns; /* when the round began, as uv_hrtime() */
	struct loop_group *group;
	size_t index;
	struct counters *counters;
	struct live *live;
	_Atomic(struct live *)
		next_live; /* set by loop_reload(), for this thread to use from now on */
	atomic_bool stop_asked, end_asked;
	_Atomic uint64_t alive; /* increased at each wake-up, for the watchdog */
	bool draining;

	struct listener *listeners;
	size_t listener_count;
	struct protocol_state protocols[PROTOCOLS_MAX];
	size_t protocol_count;
	struct waiting waiting;
	size_t connection_count, admin_connection_count;

	char input[INPUT_SIZE], plain[INPUT_SIZE]; /* of one read, as it arrived and decrypted */
	struct buffer output;                      /* the answer to one read */
};

/* Starts a thread that serves its sockets. Takes a reference to `live`. False with *error. */
bool loop_start(struct loop *loop, struct loop_group *group, size_t index,
		struct counters *counters, struct live *live, const struct sockets *sockets,
		struct settings_error *error);

/* MT-Safe. loop_reload() replaces `live`. loop_stop() stops listening, and ends the connections as
 * they become idle; loop_end() ends them at once. loop_wake() has `alive` increased. */
void loop_reload(struct loop *loop, struct live *live);
void loop_stop(struct loop *loop);
void loop_end(struct loop *loop);
void loop_wake(struct loop *loop);

/* Waits for the thread, which ends with its last connection after loop_stop(). */
void loop_join(struct loop *loop);

/* Adds a waiter to the queue of a phase; ms is until its deadline, where the phase has one. */
void loop_wait(struct loop *loop, struct waiter *waiter, enum phase phase, uint64_t ms);

/* Adds a waiter to a lane, or, if that is LANES, to those that are refused, unless it is there: it
 * then keeps its place. */
void loop_queue(struct loop *loop, struct waiter *waiter, size_t lane, uint64_t deadline_ns);

/* Says on a socket that there is no room, and counts that. The socket is then to be closed. */
void loop_refuse(struct loop *loop, int socket, const struct protocol *protocol);

/* Counts the connections of the loop, which ends after the last. Those of operators are counted
 * apart. */
void loop_add_connection(struct loop *loop, bool is_admin);
void loop_remove_connection(struct loop *loop, bool is_admin);

#endif
