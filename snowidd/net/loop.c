/* SPDX-License-Identifier: MIT
 *
 * A loop: one thread with an event loop, listening sockets, connections and counters of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "snowidd/base/elapsed.h"
#include "snowidd/base/log.h"
#include "snowidd/net/loop.h"

#define ACCEPTS           64 /* in one turn of the loop */
#define PARK_MS           1
#define ROUND_NS          1000000 /* for the lanes, before it is seen what else there is to do */
#define REFUSALS_IN_ROUND 64
#define PAUSE_MS          100

struct listener {
	uv_poll_t poll;
	struct loop *loop;
	const struct protocol_state *protocol;
	int socket;
	int spare; /* a file descriptor to give up when there are no more */
};

/* ---- accepting ------------------------------------------------------------------------------- */

static void on_pending_connection(uv_poll_t *poll, int status, int events);

static void log_full(const char *event)
{
	static _Atomic uint64_t last_ns;

	if (log_is_due(&last_ns))
		log_event(LOG_LEVEL_ERROR, event, NULL);
}

static void on_pause_over(uv_timer_t *timer)
{
	struct loop *const loop = timer->data;

	for (size_t i = 0; i < loop->listener_count; i++)
		uv_poll_start(&loop->listeners[i].poll, UV_READABLE, on_pending_connection);
}

/* A pending connection that cannot be accepted would wake the loop again and again, so stop polling
 * for a while. */
static void pause_accepting(struct loop *loop)
{
	if (loop->draining)
		return;
	for (size_t i = 0; i < loop->listener_count; i++)
		uv_poll_stop(&loop->listeners[i].poll);
	uv_timer_start(&loop->pause, on_pause_over, PAUSE_MS, 0);
}

/* Without a file descriptor a connection cannot even be closed, so one is kept for that. Returns
 * false if no connection is pending. */
static bool reject_without_descriptor(struct listener *listener)
{
	log_full("no file descriptor is left for connections; raise LimitNOFILE");
	if (listener->spare >= 0)
		close(listener->spare);
	const int socket = accept4(listener->socket, NULL, NULL, SOCK_CLOEXEC);
	if (socket >= 0) {
		counter_add(&listener->loop->counters->refused, 1);
		close(socket);
	} else if (errno == EMFILE || errno == ENFILE) {
		pause_accepting(listener->loop);
	}
	listener->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return socket >= 0;
}

/* Why there is no room for a connection; NULL if there is. The kernel gives a socket the lowest
 * descriptor that is free, so that all below it are in use. */
static const char *find_shortage(const struct loop *loop, const struct protocol *protocol,
				 int socket)
{
	struct loop_group *const group = loop->group;

	if (protocol->is_admin)
		return atomic_load(&group->admin_connections) < ADMIN_CONNECTIONS
			       ? NULL
			       : "no room for another connection to admin.listen";
	if ((uint64_t)socket >= group->descriptors)
		return "no file descriptor is left for connections; raise LimitNOFILE";
	if (atomic_load(&group->connections) >= loop->live->settings->connections)
		return "no room for another connection; raise limits.connections";
	return NULL;
}

void loop_refuse(struct loop *loop, int socket, const struct protocol *protocol)
{
	char unread[1024];

	counter_add(&loop->counters->refused, 1);
	if ((protocol->is_admin || !loop->live->tls) &&
	    send(socket, protocol->busy, protocol->busy_length, MSG_NOSIGNAL) > 0)
		shutdown(socket, SHUT_WR);
	/* Closing with unread input would reset the connection, and the reply might be lost. */
	while (recv(socket, unread, sizeof unread, MSG_DONTWAIT) == (ssize_t)sizeof unread)
		;
}

static void open_or_reject(struct listener *listener, int socket)
{
	struct loop *const loop = listener->loop;
	const struct protocol *const protocol = listener->protocol->protocol;
	const char *const shortage = find_shortage(loop, protocol, socket);

	if (!shortage) {
		loop->group->accept(loop, socket, protocol, listener->protocol->state);
		return;
	}
	log_full(shortage);
	loop_refuse(loop, socket, protocol);
	close(socket);
}

/* Returns false if no connection is pending, or none can be accepted now. */
static bool accept_one(struct listener *listener)
{
	const int socket = accept4(listener->socket, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (socket >= 0) {
		open_or_reject(listener, socket);
		return true;
	}
	switch (errno) {
	case EAGAIN:
		return false;
	case EMFILE: /* the kernel checks this before it looks for a connection */
	case ENFILE:
		return reject_without_descriptor(listener);
	case ENOBUFS:
	case ENOMEM:
		pause_accepting(listener->loop);
		return false;
	default: /* an error of this one connection (accept(2)) */
		return true;
	}
}

static void on_pending_connection(uv_poll_t *poll, int status, int events)
{
	struct listener *const listener = poll->data;

	(void)events;
	for (int i = 0; status == 0 && i < ACCEPTS && accept_one(listener); i++)
		;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void on_deadline(uv_timer_t *timer)
{
	struct loop *const loop = timer->data;
	const uint64_t now = uv_now(&loop->uv), next = waiting_expire(&loop->waiting, now);

	if (next != UINT64_MAX)
		uv_timer_start(timer, on_deadline, next - now, 0);
}

static void on_turns(uv_idle_t *turns);

/* Streams that were parked draw their IDs in on_turns(), before the lanes. */
static void on_parked(uv_timer_t *timer)
{
	struct loop *const loop = timer->data;

	waiting_take_turns(&loop->waiting, PHASE_PARKED);
	if (!waiting_is_empty(&loop->waiting, PHASE_PARKED))
		uv_timer_start(timer, on_parked, PARK_MS, 0);
	if (waiting_has_lanes(&loop->waiting)) {
		loop->lanes_wait = true;
		uv_idle_start(&loop->turns, on_turns);
	}
}

static bool is_round_over(const void *user)
{
	const struct loop *const loop = user;

	return uv_hrtime() - loop->round_ns > ROUND_NS;
}

/* Starts a timer unless it already comes at least as soon. */
static void start_timer(uv_timer_t *timer, uv_timer_cb callback, uint64_t ms)
{
	if (!uv_is_active((uv_handle_t *)timer) || uv_timer_get_due_in(timer) > ms)
		uv_timer_start(timer, callback, ms, 0);
}

/* What is still in a lane after a round waits for the next tick. Clients that are refused, and ask
 * again at once, do not keep others waiting: a round has few of them. */
static void serve_lanes(struct loop *loop)
{
	loop->round_ns = uv_hrtime();
	loop->lanes_wait = false;
	waiting_expire_lanes(&loop->waiting, uv_now(&loop->uv));
	if (!waiting_serve_lanes(&loop->waiting, is_round_over, loop))
		loop->lanes_wait = true;
	else if (waiting_has_lanes(&loop->waiting))
		start_timer(&loop->parked, on_parked, PARK_MS);
	waiting_take_some(&loop->waiting, PHASE_REFUSED, REFUSALS_IN_ROUND);
	if (!waiting_is_empty(&loop->waiting, PHASE_REFUSED))
		loop->lanes_wait = true;
}

static void on_turns(uv_idle_t *turns)
{
	struct loop *const loop = turns->data;

	waiting_take_turns(&loop->waiting, PHASE_TURN);
	if (loop->lanes_wait)
		serve_lanes(loop);
	if (waiting_is_empty(&loop->waiting, PHASE_TURN) && !loop->lanes_wait)
		uv_idle_stop(turns);
}

void loop_wait(struct loop *loop, struct waiter *waiter, enum phase phase, uint64_t ms)
{
	waiting_add(&loop->waiting, waiter, phase, uv_now(&loop->uv) + ms);
	if (phase == PHASE_TURN)
		uv_idle_start(&loop->turns, on_turns);
	else if (phase == PHASE_PARKED)
		start_timer(&loop->parked, on_parked, PARK_MS);
	else if (phase != PHASE_BLOCKED)
		start_timer(&loop->deadlines, on_deadline, ms);
}

void loop_queue(struct loop *loop, struct waiter *waiter, size_t lane, uint64_t deadline_ns)
{
	const enum phase phase = (enum phase)(PHASE_LANE + lane);
	const uint64_t now_ns = elapsed_ns(),
		       ms = deadline_ns > now_ns ? (deadline_ns - now_ns) / 1000000 + 1 : 0;

	if (waiter->next && waiter->phase == phase)
		return;
	waiting_add(&loop->waiting, waiter, phase, uv_now(&loop->uv) + ms);
	loop->lanes_wait = true;
	uv_idle_start(&loop->turns, on_turns);
}

/* ---- stopping -------------------------------------------------------------------------------- */

static void close_loop_handle(uv_handle_t *handle, void *user)
{
	const struct loop *const loop = user;

	if (handle == (const uv_handle_t *)&loop->wake)
		uv_unref(handle); /* other threads may still use it */
	else if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* With no handle left that is active, uv_run() returns. */
static void end_if_empty(struct loop *loop)
{
	if (loop->draining && loop->connection_count == 0)
		uv_walk(&loop->uv, close_loop_handle, loop);
}

static void update_connection_counter(struct loop *loop)
{
	atomic_store_explicit(&loop->counters->connections,
			      loop->connection_count - loop->admin_connection_count,
			      memory_order_relaxed);
}

void loop_add_connection(struct loop *loop, bool is_admin)
{
	struct loop_group *const group = loop->group;

	atomic_fetch_add(is_admin ? &group->admin_connections : &group->connections, 1);
	loop->connection_count++;
	loop->admin_connection_count += is_admin;
	counter_add(&loop->counters->accepted, !is_admin);
	update_connection_counter(loop);
}

void loop_remove_connection(struct loop *loop, bool is_admin)
{
	struct loop_group *const group = loop->group;

	atomic_fetch_sub(is_admin ? &group->admin_connections : &group->connections, 1);
	loop->connection_count--;
	loop->admin_connection_count -= is_admin;
	update_connection_counter(loop);
	end_if_empty(loop);
}

/* How long a connection without a request is kept when stopping: one may be on its way. */
static uint64_t drain_ms(const struct loop *loop)
{
	return loop->live->settings->stop_timeout / 1000000 / 20;
}

static void on_drained(uv_timer_t *timer)
{
	struct loop *const loop = timer->data;

	waiting_drain(&loop->waiting);
	if (loop->connection_count > 0)
		uv_timer_start(timer, on_drained, drain_ms(loop) / 10 + 1, 0);
}

static void stop_listening(struct loop *loop)
{
	for (size_t i = 0; i < loop->listener_count; i++) {
		struct listener *const listener = &loop->listeners[i];
		/* Closing the socket would reset the connections that are pending; no more than
		 * these can be. */
		for (int k = 0; k <= LISTEN_BACKLOG && accept_one(listener); k++)
			;
		uv_poll_stop(&listener->poll);
		close(listener->socket);
		if (listener->spare >= 0)
			close(listener->spare);
	}
	uv_timer_stop(&loop->pause);
}

static void begin_draining(struct loop *loop)
{
	loop->draining = true;
	stop_listening(loop);
	waiting_stop(&loop->waiting);
	uv_timer_start(&loop->drain, on_drained, drain_ms(loop), 0);
	end_if_empty(loop);
}

static void on_wake(uv_async_t *async)
{
	struct loop *const loop = async->data;
	struct live *const live = atomic_exchange(&loop->next_live, NULL);

	atomic_fetch_add(&loop->alive, 1);
	if (live) {
		live_unref(loop->live);
		loop->live = live;
	}
	if (atomic_load(&loop->stop_asked) && !loop->draining)
		begin_draining(loop);
	if (atomic_load(&loop->end_asked))
		waiting_end(&loop->waiting);
}

void loop_wake(struct loop *loop)
{
	uv_async_send(&loop->wake);
}

void loop_reload(struct loop *loop, struct live *live)
{
	live_unref(atomic_exchange(&loop->next_live, live_ref(live)));
	loop_wake(loop);
}

void loop_stop(struct loop *loop)
{
	atomic_store(&loop->stop_asked, true);
	loop_wake(loop);
}

void loop_end(struct loop *loop)
{
	atomic_store(&loop->end_asked, true);
	loop_stop(loop);
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void run_loop(void *user)
{
	struct loop *const loop = user;
	char name[16]; /* the kernel keeps no more of it */

	snprintf(name, sizeof name, "loop %zu", loop->index);
	pthread_setname_np(pthread_self(), name);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	loop->group->ended(loop->group->user);
}

/* The state of a protocol, made for the first socket that it is spoken on. NULL if there is no
 * memory. */
static const struct protocol_state *find_or_begin_protocol(struct loop *loop,
							   const struct protocol *protocol)
{
	for (size_t i = 0; i < loop->protocol_count; i++)
		if (loop->protocols[i].protocol == protocol)
			return &loop->protocols[i];
	void *const state =
		loop->protocol_count < PROTOCOLS_MAX ? protocol->begin(loop, protocol) : NULL;
	if (!state)
		return NULL;
	loop->protocols[loop->protocol_count] = (struct protocol_state){protocol, state};
	return &loop->protocols[loop->protocol_count++];
}

static bool add_listener(struct loop *loop, int socket, const struct protocol *protocol)
{
	struct listener *const listener = &loop->listeners[loop->listener_count];

	listener->loop = loop;
	listener->protocol = find_or_begin_protocol(loop, protocol);
	listener->socket = socket;
	listener->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	listener->poll.data = listener;
	if (!listener->protocol || uv_poll_init(&loop->uv, &listener->poll, socket) != 0 ||
	    uv_poll_start(&listener->poll, UV_READABLE, on_pending_connection) != 0)
		return false;
	loop->listener_count++;
	return true;
}

static bool add_listeners(struct loop *loop, const struct sockets *sockets)
{
	bool added = true;

	loop->listeners = calloc(sockets->count, sizeof *loop->listeners);
	for (size_t i = 0; loop->listeners && added && i < sockets->count; i++)
		added = add_listener(loop, sockets->fds[loop->index][i], sockets->protocols[i]);
	return loop->listeners && added;
}

bool loop_start(struct loop *loop, struct loop_group *group, size_t index,
		struct counters *counters, struct live *live, const struct sockets *sockets,
		struct settings_error *error)
{
	uv_timer_t *const timers[] = {&loop->deadlines, &loop->parked, &loop->drain, &loop->pause};

	loop->group = group;
	loop->index = index;
	loop->counters = counters;
	loop->live = live_ref(live);
	waiting_init(&loop->waiting);
	if (uv_loop_init(&loop->uv) != 0)
		return settings_fail(error, "cannot make an event loop");
	for (size_t i = 0; i < sizeof timers / sizeof timers[0]; i++) {
		uv_timer_init(&loop->uv, timers[i]);
		timers[i]->data = loop;
	}
	uv_idle_init(&loop->uv, &loop->turns);
	loop->turns.data = loop->wake.data = loop;
	if (uv_async_init(&loop->uv, &loop->wake, on_wake) != 0 || !add_listeners(loop, sockets) ||
	    uv_thread_create(&loop->thread, run_loop, loop) != 0)
		return settings_fail(error, "cannot start a thread with an event loop");
	return true;
}

void loop_join(struct loop *loop)
{
	uv_thread_join(&loop->thread);
	uv_close((uv_handle_t *)&loop->wake, NULL);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	uv_loop_close(&loop->uv);
	live_unref(loop->live);
	live_unref(atomic_load(&loop->next_live));
	for (size_t i = 0; i < loop->protocol_count; i++)
		loop->protocols[i].protocol->end(loop->protocols[i].state);
	buffer_free(&loop->output);
	free(loop->listeners);
}
