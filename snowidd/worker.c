/* SPDX-License-Identifier: MIT
 *
 * A worker: one thread, one event loop, its own listeners, connections and counters.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "snowidd/connection.h"
#include "snowidd/http.h"
#include "snowidd/log.h"
#include "snowidd/worker.h"

#define ACCEPTS 64 /* in one turn of the loop */
#define PARK_MS 1
/* How long an idle connection is kept when stopping: a request may be on its way to it. */
#define DRAIN_MS 500

struct listener {
	uv_poll_t poll;
	struct worker *worker;
	const struct protocol *protocol;
	int socket;
	int reserve; /* a file descriptor to give up when there are no more */
};

/* ---- accepting ------------------------------------------------------------------------------- */

/* Without a file descriptor the connection would stay in the queue and wake the loop for ever: one is
 * spared to accept it, and to close it. Returns false when nobody waits. */
static bool turn_away(struct listener *listener)
{
	static _Atomic uint64_t last_told;
	const uint64_t now = elapsed_ns();

	if (now - atomic_load(&last_told) > UINT64_C(10000000000)) {
		atomic_store(&last_told, now);
		log_event(LOG_LEVEL_ERROR,
			  "no file descriptor is left for connections; raise LimitNOFILE", NULL);
	}
	close(listener->reserve);
	const int socket = accept4(listener->socket, NULL, NULL, SOCK_CLOEXEC);
	if (socket >= 0) {
		count(&listener->worker->counters->refused, 1);
		close(socket);
	}
	listener->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return socket >= 0;
}

static void accept_or_refuse(struct listener *listener, int socket)
{
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
				   "Retry-After: 1\r\nConnection: close\r\n\r\n";
	struct worker *const worker = listener->worker;

	if (atomic_load(&worker->server->connections) < worker->setup->settings->connections) {
		connection_open(worker, socket, listener->protocol);
		return;
	}
	count(&worker->counters->refused, 1);
	if (!worker->setup->tls && send(socket, busy, sizeof busy - 1, MSG_NOSIGNAL) < 0)
		log_event(LOG_LEVEL_DEBUG, "a connection was turned away", NULL);
	close(socket);
}

/* Returns false when nobody waits to be accepted. */
static bool accept_one(struct listener *listener)
{
	const int socket = accept4(listener->socket, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (socket >= 0)
		accept_or_refuse(listener, socket);
	else if (errno == EMFILE || errno == ENFILE)
		return turn_away(
			listener); /* the kernel says so before it looks for a connection */
	else if (errno != ECONNABORTED && errno != EINTR)
		return false;
	return true;
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

	for (enum phase phase = PHASE_IDLE; phase < PHASE_PARKED; phase++) {
		struct queue *const queue = &worker->queues[phase];
		while (queue->first && queue->first->deadline <= now)
			connection_expire(queue->first);
		if (queue->first && queue->first->deadline < next)
			next = queue->first->deadline;
	}
	if (next != UINT64_MAX)
		uv_timer_start(timer, on_deadline, next - now, 0);
}

static void on_parked(uv_timer_t *timer)
{
	struct worker *const worker = timer->data;
	struct connection *const last = worker->queues[PHASE_PARKED].last;
	struct connection *c = worker->queues[PHASE_PARKED].first, *next;
	bool more = c;

	for (; more; c = next) {
		next = c->next;
		more = c != last; /* who still waits goes to the end */
		connection_resume(c);
	}
	if (worker->queues[PHASE_PARKED].first)
		uv_timer_start(timer, on_parked, PARK_MS, 0);
}

void worker_deadline(struct worker *worker, const struct connection *c)
{
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

static void close_queue(struct worker *worker, enum phase phase)
{
	while (worker->queues[phase].first)
		connection_close(worker->queues[phase].first);
}

static void on_drained(uv_timer_t *timer)
{
	struct worker *const worker = timer->data;

	close_queue(worker, PHASE_IDLE);
	if (worker->connection_count > 0)
		uv_timer_start(timer, on_drained, DRAIN_MS / 10, 0);
}

static void stop_listening(struct worker *worker)
{
	for (size_t i = 0; i < worker->listener_count; i++) {
		struct listener *const listener = &worker->listeners[i];
		/* Closing it would reset those who are in its queue. */
		while (accept_one(listener))
			;
		uv_poll_stop(&listener->poll);
		close(listener->socket);
		close(listener->reserve);
	}
}

static void stop(struct worker *worker)
{
	worker->draining = true;
	stop_listening(worker);
	if (worker->connection_count == 0)
		leave(worker);
	else
		uv_timer_start(&worker->drain, on_drained, DRAIN_MS, 0);
}

static void on_wake(uv_async_t *async)
{
	struct worker *const worker = async->data;
	struct setup *const setup = atomic_exchange(&worker->next_setup, NULL);

	atomic_fetch_add(&worker->alive, 1);
	if (setup) {
		setup_release(worker->setup);
		worker->setup = setup;
	}
	if (atomic_load(&worker->stop_asked) && !worker->draining)
		stop(worker);
	if (atomic_load(&worker->end_asked))
		for (enum phase phase = PHASE_IDLE; phase < PHASES; phase++)
			close_queue(worker, phase);
}

void worker_wake(struct worker *worker)
{
	uv_async_send(&worker->wake);
}

void worker_reload(struct worker *worker, struct setup *setup)
{
	setup_release(atomic_exchange(&worker->next_setup, setup_hold(setup)));
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

bool worker_start(struct worker *worker, struct server *server, size_t index, struct setup *setup,
		  const int *sockets, size_t count, const struct protocol *protocol,
		  struct settings_error *error)
{
	worker->server = server;
	worker->index = index;
	worker->counters = service_counters(server->service, index);
	worker->setup = setup_hold(setup);
	if (uv_loop_init(&worker->loop) != 0)
		return settings_fail(error, "cannot make an event loop");
	worker->wake.data = worker->deadlines.data = worker->parked.data = worker->drain.data =
		worker;
	uv_timer_init(&worker->loop, &worker->deadlines);
	uv_timer_init(&worker->loop, &worker->parked);
	uv_timer_init(&worker->loop, &worker->drain);
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
	setup_release(worker->setup);
	setup_release(atomic_load(&worker->next_setup));
	buffer_free(&worker->output);
	buffer_free(&worker->body);
	buffer_free(&worker->common);
	http_forget_requests(worker);
	free(worker->listeners);
}
