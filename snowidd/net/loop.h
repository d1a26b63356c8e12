/* SPDX-License-Identifier: MIT
 *
 * A worker: one thread, one event loop, its own listeners, connections and counters.
 */
#ifndef SNOWIDD_WORKER_H
#define SNOWIDD_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

#include "snowidd/base/buffer.h"
#include "snowidd/clock/clockwatch.h"
#include "snowidd/service/metrics.h"
#include "snowidd/net/rate.h"
#include "snowidd/service/service.h"
#include "snowidd/config/live.h"

/* What the workers have in common. */
struct server {
	struct service *service;
	struct clockwatch *watch;
	struct rate *rate;
	_Atomic uint64_t connections;
	struct rates rates;
	void (*ended)(void *user); /* a worker has, in its thread */
	void *user;
};

struct connection;
struct protocol;

/* What a connection waits for, which says how long it may. */
enum phase {
	PHASE_FIRST,   /* for the first request, after TLS's handshake */
	PHASE_IDLE,    /* for the next request */
	PHASE_REQUEST, /* for the rest of one */
	PHASE_WRITING, /* for the peer to read */
	PHASE_LINGER,  /* for the peer to close */
	PHASE_PARKED,  /* for an ID */
	PHASE_TURN,    /* for others to have theirs */
	PHASES
};

/* Connections in the order of their deadlines: those of one phase have equally long. */
struct queue {
	struct connection *first, *last;
};

#define INPUT_SIZE 65536

struct worker {
	uv_loop_t loop;
	uv_thread_t thread;
	uv_async_t wake;
	uv_timer_t deadlines, parked, drain, pause;
	uv_idle_t turns;
	struct server *server;
	size_t index;
	struct counters *counters;
	struct live *live;
	_Atomic(struct live *) next_live; /* to be taken over */
	atomic_bool stop_asked, end_asked;
	_Atomic uint64_t alive; /* raised at each wake, for the watchdog */
	bool draining;

	struct listener *listeners;
	size_t listener_count;
	struct queue queues[PHASES];
	size_t connection_count;

	char input[INPUT_SIZE], plain[INPUT_SIZE]; /* of one read; after TLS */
	struct buffer output;                      /* of what one read brought */
	struct buffer body;                        /* of one response */
	struct http_request *requests;             /* not in use */
	size_t request_count;
	uint64_t date_at;     /* unix time of the date in: */
	struct buffer query;  /* of one request */
	struct buffer common; /* header lines of every HTTP response */
};

/* Starts a thread that serves the sockets, each of which is the worker's own, with a protocol. Takes a
 * reference to live. False with *error. */
bool worker_start(struct worker *worker, struct server *server, size_t index, struct live *live,
		  const int *sockets, size_t count, const struct protocol *protocol,
		  struct settings_error *error);

/* MT-Safe: replaces `live`; stops listening and ends the connections as they become idle; ends them
 * at once; has `alive` raised. */
void worker_reload(struct worker *worker, struct live *live);
void worker_stop(struct worker *worker);
void worker_end(struct worker *worker);
void worker_wake(struct worker *worker);

/* For connections: one has a new deadline; one is no more. */
void worker_deadline(struct worker *worker, const struct connection *connection);
void worker_connection_gone(struct worker *worker);

/* Waits for the thread, which ends after worker_stop() with its last connection. */
void worker_join(struct worker *worker);

#endif
