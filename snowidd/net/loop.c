/* SPDX-License-Identifier: MIT
 *
 * A worker: one thread, one event loop, its own listeners, connections and counters.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "snowidd/net/connection.h"
#include "snowidd/http/http.h"
#include "snowidd/net/listen.h"
#include "snowidd/base/elapsed.h"
#include "snowidd/base/log.h"
#include "snowidd/net/loop.h"

#define ACCEPTS  64 /* in one turn of the loop */
#define PARK_MS  1
#define PAUSE_MS 100

struct listener {
	uv_poll_t poll;
	struct worker *worker;
	const struct protocol *protocol;
	int socket;
	int reserve; /* a file descriptor to give up when there are no more */
};

/* ---- accepting ------------------------------------------------------------------------------- */

static void on_connection(uv_poll_t *poll, int status, int events);

/* Says at most every ten seconds that there is no room. */
static void tell_full(const char *event)
{
	static _Atomic uint64_t last_told;
	const uint64_t now = elapsed_ns();

	if (now - atomic_load(&last_told) > UINT64_C(10000000000)) {
		atomic_store(&last_told, now);
		log_event(LOG_LEVEL_ERROR, event, NULL);
	}
}

static void on_pause_over(uv_timer_t *timer)
{
	struct worker *const worker = timer->data;

	for (size_t i = 0; i < worker->listener_count; i++)
		uv_poll_start(&worker->listeners[i].poll, UV_READABLE, on_connection);
}

/* Who waits to be accepted and cannot be would wake the loop for ever. */
static void pause_accepting(struct worker *worker)
{
	if (worker->draining)
		return;
	for (size_t i = 0; i < worker->listener_count; i++)
		uv_poll_stop(&worker->listeners[i].poll);
	uv_timer_start(&worker->pause, on_pause_over, PAUSE_MS, 0);
}

/* Without a file descriptor a connection cannot even be closed: one is spared for that. Returns false
 * when nobody waits. */
static bool turn_away(struct listener *listener)
{
	tell_full("no file descriptor is left for connections; raise LimitNOFILE");
	if (listener->reserve >= 0)
		close(listener->reserve);
	const int socket = accept4(listener->socket, NULL, NULL, SOCK_CLOEXEC);
	if (socket >= 0) {
		count(&listener->worker->counters->refused, 1);
		close(socket);
	} else if (errno == EMFILE || errno == ENFILE) {
		pause_accepting(listener->worker);
	}
	listener->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return socket >= 0;
}

static void accept_or_refuse(struct listener *listener, int socket)
{
	struct worker *const worker = listener->worker;
	const char *const busy = listener->protocol->busy;
	char unread[1024];

	if (atomic_load(&worker->server->connections) < worker->live->settings->connections) {
		connection_open(worker, socket, listener->protocol);
		return;
	}
	count(&worker->counters->refused, 1);
	tell_full("no room for another connection; raise limits.connections");
	if (!worker->live->tls && send(socket, busy, strlen(busy), MSG_NOSIGNAL) > 0)
		shutdown(socket, SHUT_WR);
	/* Unread input would make a reset of the end, and the answer might be lost. */
	while (recv(socket, unread, sizeof unread, MSG_DONTWAIT) == (ssize_t)sizeof unread)
		;
	close(socket);
}

/* Returns false when nobody waits to be accepted, or can be. */
static bool accept_one(struct listener *listener)
{
	const int socket = accept4(listener->socket, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (socket >= 0) {
		accept_or_refuse(listener, socket);
		return true;
	}
	switch (errno) {
	case EAGAIN:
		return false;
	case EMFILE: /* the kernel says so before it looks for a connection */
	case ENFILE:
		return turn_away(listener);
	case ENOBUFS:
	case ENOMEM:
		pause_accepting(listener->worker);
		return false;
	default: /* of this connection, accept(2) */
		return true;
	}
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct listener *const listener = poll->data;

	(void)events;
	for (int i = 0; status == 0 && i < ACCEPTS && accept_one(listener); i++)
		;
}

/* ---- deadlines ------------------------------------------------------------------------------- */

static void on_deadline(uv_timer_t *timer)
{
	struct worker *const worker = timer->data;
	const uint64_t now = uv_now(&worker->loop);
	uint64_t next = UINT64_MAX;

	for (enum phase phase = PHASE_FIRST; phase < PHASE_PARKED; phase++) {
		struct queue *const queue = &worker->queues[phase];
		while (queue->first && queue->first->deadline <= now)
			connection_expire(queue->first);
		if (queue->first && queue->first->deadline < next)
			next = queue->first->deadline;
	}
	if (next != UINT64_MAX)
		uv_timer_start(timer, on_deadline, next - now, 0);
}

/* Calls for each that is in a queue; who still waits goes to its end. */
static void go_through(struct queue *queue, void (*call)(struct connection *c))
{
	struct connection *const last = queue->last;
	struct connection *c = queue->first, *next;

	for (bool more = c; more; c = next) {
		next = c->next;
		more = c != last;
		call(c);
	}
}

static void on_parked(uv_timer_t *timer)
{
	struct worker *const worker = timer->data;

	go_through(&worker->queues[PHASE_PARKED], connection_resume);
	if (worker->queues[PHASE_PARKED].first)
		uv_timer_start(timer, on_parked, PARK_MS, 0);
}

static void on_turns(uv_idle_t *turns)
{
	struct worker *const worker = turns->data;

	go_through(&worker->queues[PHASE_TURN], connection_turn);
	if (!worker->queues[PHASE_TURN].first)
		uv_idle_stop(turns);
}

void worker_deadline(struct worker *worker, const struct connection *c)
{
	if (c->phase == PHASE_TURN) {
		uv_idle_start(&worker->turns, on_turns);
		return;
	}
	if (c->phase == PHASE_PARKED) {
		if (!uv_is_active((uv_handle_t *)&worker->parked))
			uv_timer_start(&worker->parked, on_parked, PARK_MS, 0);
		return;
	}
	const uint64_t now = uv_now(&worker->loop);
	const uint64_t left = c->deadline > now ? c->deadline - now : 0;
	if (!uv_is_active((uv_handle_t *)&worker->deadlines) ||
	    uv_timer_get_due_in(&worker->deadlines) > left)
		uv_timer_start(&worker->deadlines, on_deadline, left, 0);
}

/* ---- stopping -------------------------------------------------------------------------------- */

static void close_handle(uv_handle_t *handle, void *user)
{
	const struct worker *const worker = user;

	if (handle == (const uv_handle_t *)&worker->wake)
		uv_unref(handle); /* other threads may still use it */
	else if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* With nothing left to wait for, the loop ends. */
static void leave(struct worker *worker)
{
	uv_walk(&worker->loop, close_handle, worker);
}

void worker_connection_gone(struct worker *worker)
{
	if (worker->draining && worker->connection_count == 0)
		leave(worker);
}

/* How long one without a request is kept when stopping: a request may be on its way. */
static uint64_t drain_ms(const struct worker *worker)
{
	return worker->live->settings->stop_timeout / 1000000 / 20;
}

static void on_drained(uv_timer_t *timer)
{
	struct worker *const worker = timer->data;

	for (enum phase phase = PHASE_FIRST; phase <= PHASE_IDLE; phase++) {
		struct connection *c = worker->queues[phase].first, *next;
		for (; c; c = next) {
			next = c->next;
			connection_drain(c);
		}
	}
	if (worker->connection_count > 0)
		uv_timer_start(timer, on_drained, drain_ms(worker) / 10 + 1, 0);
}

static void stop_listening(struct worker *worker)
{
	for (size_t i = 0; i < worker->listener_count; i++) {
		struct listener *const listener = &worker->listeners[i];
		/* Closing it would reset those who are in its queue; more will not be. */
		for (int k = 0; k <= LISTEN_BACKLOG && accept_one(listener); k++)
			;
		uv_poll_stop(&listener->poll);
		close(listener->socket);
		if (listener->reserve >= 0)
			close(listener->reserve);
	}
	uv_timer_stop(&worker->pause);
}

static void stop(struct worker *worker)
{
	worker->draining = true;
	stop_listening(worker);
	if (worker->connection_count == 0)
		leave(worker);
	else
		uv_timer_start(&worker->drain, on_drained, drain_ms(worker), 0);
}

static void on_wake(uv_async_t *async)
{
	struct worker *const worker = async->data;
	struct live *const live = atomic_exchange(&worker->next_live, NULL);

	atomic_fetch_add(&worker->alive, 1);
	if (live) {
		live_unref(worker->live);
		worker->live = live;
	}
	if (atomic_load(&worker->stop_asked) && !worker->draining)
		stop(worker);
	if (atomic_load(&worker->end_asked))
		for (enum phase phase = PHASE_FIRST; phase < PHASES; phase++)
			while (worker->queues[phase].first)
				connection_close(worker->queues[phase].first);
}

void worker_wake(struct worker *worker)
{
	uv_async_send(&worker->wake);
}

void worker_reload(struct worker *worker, struct live *live)
{
	live_unref(atomic_exchange(&worker->next_live, live_ref(live)));
	worker_wake(worker);
}

void worker_stop(struct worker *worker)
{
	atomic_store(&worker->stop_asked, true);
	worker_wake(worker);
}

void worker_end(struct worker *worker)
{
	atomic_store(&worker->end_asked, true);
	worker_stop(worker);
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void run(void *user)
{
	struct worker *const worker = user;
	char name[16]; /* as many as the kernel keeps */

	snprintf(name, sizeof name, "worker %zu", worker->index);
	pthread_setname_np(pthread_self(), name);
	uv_run(&worker->loop, UV_RUN_DEFAULT);
	worker->server->ended(worker->server->user);
}

static bool listen_on(struct worker *worker, const int *sockets, size_t count,
		      const struct protocol *protocol)
{
	worker->listeners = calloc(count, sizeof *worker->listeners);
	if (!worker->listeners)
		return false;
	for (size_t i = 0; i < count; i++) {
		struct listener *const listener = &worker->listeners[i];
		listener->worker = worker;
		listener->protocol = protocol;
		listener->socket = sockets[i];
		listener->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
		listener->poll.data = listener;
		if (uv_poll_init(&worker->loop, &listener->poll, sockets[i]) != 0 ||
		    uv_poll_start(&listener->poll, UV_READABLE, on_connection) != 0)
			return false;
		worker->listener_count++;
	}
	return true;
}

bool worker_start(struct worker *worker, struct server *server, size_t index, struct live *live,
		  const int *sockets, size_t count, const struct protocol *protocol,
		  struct settings_error *error)
{
	worker->server = server;
	worker->index = index;
	worker->counters = service_counters(server->service, index);
	worker->live = live_ref(live);
	if (uv_loop_init(&worker->loop) != 0)
		return settings_fail(error, "cannot make an event loop");
	worker->wake.data = worker->deadlines.data = worker->parked.data = worker->drain.data =
		worker->pause.data = worker->turns.data = worker;
	uv_timer_init(&worker->loop, &worker->deadlines);
	uv_timer_init(&worker->loop, &worker->parked);
	uv_timer_init(&worker->loop, &worker->drain);
	uv_timer_init(&worker->loop, &worker->pause);
	uv_idle_init(&worker->loop, &worker->turns);
	if (uv_async_init(&worker->loop, &worker->wake, on_wake) != 0 ||
	    !listen_on(worker, sockets, count, protocol) ||
	    uv_thread_create(&worker->thread, run, worker) != 0)
		return settings_fail(error, "cannot start a worker thread");
	return true;
}

void worker_join(struct worker *worker)
{
	uv_thread_join(&worker->thread);
	uv_close((uv_handle_t *)&worker->wake, NULL);
	uv_run(&worker->loop, UV_RUN_DEFAULT);
	uv_loop_close(&worker->loop);
	live_unref(worker->live);
	live_unref(atomic_load(&worker->next_live));
	buffer_free(&worker->output);
	buffer_free(&worker->body);
	buffer_free(&worker->common);
	buffer_free(&worker->query);
	http_forget_requests(worker);
	free(worker->listeners);
}
