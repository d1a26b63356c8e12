/* SPDX-License-Identifier: MIT
 *
 * A connection: bytes in and out, in the clear or through TLS, with deadlines.
 *
 * Nothing is read while there is input that the protocol has not used, or while the peer does not
 * read what it was sent: a connection holds no more than the input of one read and what that asked
 * for. Input that is left over waits for the next turn of the loop, so that all other connections
 * come first. A connection whose protocol is blocked is read as far as that, since the loop would
 * not notice otherwise that it has been reset.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "snowidd/base/log.h"
#include "snowidd/base/tls_stream.h"
#include "snowidd/net/client_counts.h"
#include "snowidd/net/connection.h"
#include "snowidd/net/forwarded.h"
#include "snowidd/net/proxy_header.h"

#define LINGER_MS 2000
/* How many requests of one connection are served in one turn of the loop. */
#define SHARE 64

/* ---- deadlines ------------------------------------------------------------------------------- */

static uint64_t phase_ms(const struct loop *loop, enum phase phase)
{
	const struct settings *const settings = loop->live->settings;

	switch (phase) {
	case PHASE_FIRST:
	case PHASE_REQUEST:
		return settings->header_timeout / 1000000;
	case PHASE_IDLE:
	case PHASE_WRITING:
		return settings->idle_timeout / 1000000;
	case PHASE_LINGER:
		return LINGER_MS;
	case PHASE_WATCH:
	case PHASE_QUIET:
	case PHASE_PINGED:
	case PHASE_BLOCKED:
	case PHASE_PARKED:
	case PHASE_TURN:
	case PHASE_LANE:
	case PHASE_REFUSED:
	case PHASES:
		break;
	}
	return 0; /* a connection has no deadline in these */
}

/* A request has its time as a whole, however slowly it arrives, and so has the wait for one: bytes
 * that are no part of a request, as those of a TLS handshake, do not extend it. Nor does a request
 * that is resumed extend the time in which the peer has to read. */
static void set_phase(struct connection *c, enum phase phase)
{
	const bool same = c->waiter.next && phase == c->waiter.phase && phase <= PHASE_WRITING &&
			  !c->request_began;

	c->request_began = false;
	if (!same)
		loop_wait(c->loop, &c->waiter, phase, phase_ms(c->loop, phase));
}

/* ---- the end --------------------------------------------------------------------------------- */

static void free_closed_connection(uv_handle_t *handle)
{
	struct connection *const c = (struct connection *)handle;
	struct loop *const loop = c->loop;
	const bool is_admin = c->protocol->is_admin;

	SSL_free(c->tls);
	free(c->unsent);
	buffer_free(&c->rest);
	buffer_free(&c->proxy_bytes);
	free(c);
	loop_remove_connection(loop, is_admin);
}

static void forget_client(struct connection *c)
{
	struct rate_key key;

	if (c->is_counted && rate_key_of(&c->client, &key))
		client_counts_remove(c->loop->group->clients, &key);
	c->is_counted = false;
}

void connection_close(struct connection *c)
{
	if (c->closing)
		return;
	c->closing = true;
	waiting_remove(&c->waiter);
	c->protocol->close(c);
	forget_client(c);
	uv_close(&c->handle, free_closed_connection);
}

void connection_finish(struct connection *c)
{
	c->finishing = true;
}

/* ---- output ---------------------------------------------------------------------------------- */

static void wait_for_next(struct connection *c);

static void on_output_written(uv_write_t *write, int status)
{
	struct connection *const c = write->data;

	free(c->unsent);
	c->unsent = NULL;
	c->writing = false;
	waiting_remove(&c->waiter);
	if (c->closing)
		return;
	if (status < 0)
		connection_close(c);
	else
		wait_for_next(c);
}

/* Sends bytes at once, and later what the socket does not take now. */
static void send_bytes(struct connection *c, const char *bytes, size_t length)
{
	ssize_t sent;

	do
		sent = send(c->socket, bytes, length, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN) {
		connection_close(c);
		return;
	}
	const size_t done = sent < 0 ? 0 : (size_t)sent;
	if (done == length)
		return;
	c->unsent = malloc(length - done);
	if (!c->unsent) {
		connection_close(c);
		return;
	}
	memcpy(c->unsent, bytes + done, length - done);
	uv_buf_t part = uv_buf_init(c->unsent, (unsigned)(length - done));
	c->write.data = c;
	c->writing = true;
	if (uv_write(&c->write, &c->stream, &part, 1, on_output_written) != 0) {
		c->writing = false;
		connection_close(c);
	}
}

static void send_ciphertext(struct connection *c)
{
	const char *bytes;
	const size_t length = tls_stream_output(c->tls, &bytes);

	if (length == 0 || c->closing || c->writing)
		return;
	send_bytes(c, bytes, length);
	tls_stream_sent(c->tls);
}

static void finish_tls(struct connection *c)
{
	if (c->tls && !c->closing && !c->writing && tls_stream_finish(c->tls))
		send_ciphertext(c);
}

/* Closes one direction, and waits for the peer to close the other: closing with unread input would
 * reset the connection, and the peer might lose what it was sent (RFC 9112, section 9.6). */
static void begin_lingering(struct connection *c)
{
	finish_tls(c);
	if (c->closing || c->writing)
		return;
	if (c->peer_finished) {
		connection_close(c);
		return;
	}
	shutdown(c->socket, SHUT_WR);
	buffer_free(&c->rest);
	set_phase(c, PHASE_LINGER);
}

static void send_output(struct connection *c)
{
	struct buffer *const output = &c->loop->output;
	const bool failed =
		output->failed ||
		(c->tls && !c->closing && !tls_stream_write(c->tls, output->data, output->length));

	if (failed)
		connection_close(c);
	else if (c->tls)
		send_ciphertext(c);
	else if (output->length > 0 && !c->closing)
		send_bytes(c, output->data, output->length);
	buffer_clear(output);
}

/* ---- input ----------------------------------------------------------------------------------- */

static void on_input_room(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
	struct connection *const c = (struct connection *)handle;

	(void)suggested;
	*room = uv_buf_init(c->loop->input, sizeof c->loop->input);
}

/* Hands bytes to the protocol, and keeps what it does not use. */
static void feed_protocol(struct connection *c, const char *bytes, size_t length)
{
	const size_t done = c->protocol->input(c, bytes, length);

	send_output(c);
	if (done < length && !c->finishing && !c->closing) {
		buffer_bytes(&c->rest, bytes + done, length - done);
		if (c->rest.failed)
			connection_close(c);
	}
}

/* Decrypts what has arrived, as far as the protocol takes it. */
static void feed_decrypted(struct connection *c)
{
	char *const plain = c->loop->plain;
	size_t length;

	while (!c->closing && !c->finishing && !c->writing && c->rest.length == 0 && c->share > 0 &&
	       !c->protocol->is_blocked(c)) {
		const enum tls_result result = tls_stream_read(c->tls, plain, INPUT_SIZE, &length);
		if (result == TLS_BYTES) {
			feed_protocol(c, plain, length);
			continue;
		}
		send_ciphertext(c);
		if (result == TLS_CLOSED)
			c->peer_finished = true;
		else if (result == TLS_FAILED)
			connection_close(c);
		return;
	}
}

static void begin_turn(struct connection *c)
{
	c->share = SHARE;
	c->share_at = uv_now(&c->loop->uv);
}

static void feed_received(struct connection *c, const char *bytes, size_t length)
{
	if (!c->tls)
		feed_protocol(c, bytes, length);
	else if (tls_stream_receive(c->tls, bytes, length))
		feed_decrypted(c);
	else
		connection_close(c);
}

static size_t most_connections(const struct settings *settings)
{
	return (size_t)(settings->connections_per_client > 0 ? settings->connections_per_client
							     : (settings->connections + 1) / 2);
}

/* Closes the connection if its client has too many. A proxy has those of many clients. */
static void count_client(struct connection *c)
{
	static _Atomic uint64_t last_ns;
	struct live *const live = c->loop->live;
	struct rate_key key;
	char client[IP_ADDRESS_TEXT];

	if (c->protocol->is_admin || !rate_key_of(&c->client, &key) ||
	    trusted_proxies_have(&live->proxies, &c->client))
		return;
	c->is_counted =
		client_counts_add(c->loop->group->clients, &key, most_connections(live->settings));
	if (c->is_counted)
		return;
	ip_address_format(&c->client, client);
	if (log_is_due(&last_ns))
		log_event(LOG_LEVEL_WARNING,
			  "a client has too many connections; if it is a proxy, "
			  "name it in trusted_proxies, otherwise see "
			  "limits.connections_per_client",
			  "client", client, NULL);
	loop_refuse(c->loop, c->socket, c->protocol);
	connection_close(c);
}

static void refuse_proxy(struct connection *c, const char *event)
{
	static _Atomic uint64_t last_ns;
	char peer[IP_ADDRESS_TEXT];

	ip_address_format(&c->client, peer);
	if (log_is_due(&last_ns))
		log_event(LOG_LEVEL_WARNING, event, "peer", peer, NULL);
	connection_close(c);
}

static void feed_proxy_header(struct connection *c, const char *bytes, size_t length)
{
	struct buffer *const header = &c->proxy_bytes;
	size_t used;

	buffer_bytes(header, bytes, length);
	if (header->failed) {
		connection_close(c);
		return;
	}
	switch (proxy_header_parse(header->data, header->length, &used, &c->client)) {
	case PROXY_HEADER_PART:
		break;
	case PROXY_HEADER_WRONG:
		refuse_proxy(c, "a connection without a PROXY header is closed (proxy_protocol)");
		break;
	case PROXY_HEADER_READ:
		c->awaits_proxy = false;
		count_client(c);
		if (used < header->length && !c->closing)
			feed_received(c, header->data + used, header->length - used);
		buffer_free(header);
		*header = (struct buffer){.data = NULL};
		break;
	}
}

static void on_input(uv_stream_t *stream, ssize_t length, const uv_buf_t *room)
{
	struct connection *const c = (struct connection *)stream;

	if (length == 0)
		return;
	if (c->share_at != uv_now(&c->loop->uv))
		begin_turn(c);
	if (length < 0) {
		if (length != UV_EOF || c->finishing) {
			connection_close(c);
			return;
		}
		c->peer_finished = true;
	} else if (c->finishing) {
		return; /* lingering */
	} else if (c->awaits_proxy) {
		feed_proxy_header(c, room->base, (size_t)length);
	} else {
		feed_received(c, room->base, (size_t)length);
	}
	wait_for_next(c);
}

static void set_reading(struct connection *c, bool reading)
{
	if (reading == c->reading)
		return;
	c->reading = reading;
	if (!reading)
		uv_read_stop(&c->stream);
	else if (uv_read_start(&c->stream, on_input_room, on_input) != 0)
		connection_close(c);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static bool has_input(const struct connection *c)
{
	return c->rest.length > 0 || (c->tls && tls_stream_has_input(c->tls));
}

/* Nothing can be sent through TLS before its handshake is over, and nothing is to whom we do not
 * know. */
static bool has_output(const struct connection *c)
{
	return c->protocol->has_output && !c->awaits_proxy &&
	       (!c->tls || tls_stream_is_open(c->tls)) && c->protocol->has_output(c);
}

static enum phase next_phase(const struct connection *c, bool blocked, bool more)
{
	if (c->writing)
		return PHASE_WRITING;
	if (more)
		return PHASE_TURN;
	return blocked ? PHASE_BLOCKED : c->protocol->phase(c);
}

/* After each event: decides what the connection waits for now. */
static void wait_for_next(struct connection *c)
{
	if (c->closing)
		return;
	const bool blocked = c->writing || c->protocol->is_blocked(c);
	const bool more = has_output(c) || (has_input(c) && !blocked);
	if (c->finishing && !c->writing) {
		set_reading(c, true);
		if (c->waiter.phase != PHASE_LINGER && !c->closing)
			begin_lingering(c);
		return;
	}
	if (c->peer_finished && !blocked && !more) {
		finish_tls(c);
		connection_close(c);
		return;
	}
	set_reading(c, !c->writing && !has_output(c) && !has_input(c) && !c->peer_finished);
	if (!c->closing)
		set_phase(c, next_phase(c, blocked, more));
}

void connection_update(struct connection *c)
{
	send_output(c);
	wait_for_next(c);
}

static void feed_rest(struct connection *c)
{
	struct buffer rest = c->rest;

	c->rest = (struct buffer){.data = NULL};
	if (rest.length > 0)
		feed_protocol(c, rest.data, rest.length);
	buffer_free(&rest);
	if (c->tls)
		feed_decrypted(c);
}

/* Goes on with output and input that was left over. */
static void take_turn(struct connection *c)
{
	begin_turn(c);
	if (has_output(c)) {
		c->protocol->write(c);
		send_output(c);
	}
	if (!c->closing && !c->finishing && !c->writing && !c->protocol->is_blocked(c))
		feed_rest(c);
	wait_for_next(c);
}

static void stop_connection(struct connection *c)
{
	if (!c->protocol->stop || c->finishing)
		return;
	c->protocol->stop(c);
	connection_update(c);
}

static void finish_and_close(struct connection *c)
{
	finish_tls(c);
	connection_close(c);
}

static void expire_connection(struct connection *c)
{
	const enum phase phase = c->waiter.phase;

	if (phase == PHASE_WRITING || phase == PHASE_LINGER) {
		connection_close(c);
		return;
	}
	c->protocol->expire(c, phase);
	send_output(c);
	if (c->finishing)
		wait_for_next(c);
	else
		finish_and_close(c);
}

/* When the loop is stopping: closes unless a request has arrived. */
static void drain_connection(struct connection *c)
{
	char byte;

	if (recv(c->socket, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) <= 0)
		finish_and_close(c);
}

static void resume_connection(struct waiter *waiter, enum wake wake)
{
	struct connection *const c = WAITER_OWNER(waiter, struct connection, waiter);

	switch (wake) {
	case WAKE_DUE:
		expire_connection(c);
		break;
	case WAKE_TURN:
		take_turn(c);
		break;
	case WAKE_STOP:
		stop_connection(c);
		break;
	case WAKE_DRAIN:
		drain_connection(c);
		break;
	case WAKE_END:
		connection_close(c);
		break;
	}
}

/* ---- the beginning --------------------------------------------------------------------------- */

static struct ip_address peer_of(int socket)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof peer;

	peer.ss_family = AF_UNSPEC;
	getpeername(socket, (struct sockaddr *)&peer, &size);
	return ip_address_of((struct sockaddr *)&peer);
}

static int open_stream(struct connection *c, int socket)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof address;

	address.ss_family = AF_UNSPEC;
	getsockname(socket, (struct sockaddr *)&address, &size);
	if (address.ss_family == AF_UNIX) {
		uv_pipe_init(&c->loop->uv, &c->pipe, 0);
		return uv_pipe_open(&c->pipe, socket);
	}
	uv_tcp_init(&c->loop->uv, &c->tcp);
	const int error = uv_tcp_open(&c->tcp, socket);
	if (!error)
		uv_tcp_nodelay(&c->tcp, 1);
	return error;
}

static bool open_tls(struct connection *c)
{
	SSL_CTX *const context = c->protocol->is_admin ? NULL : c->loop->live->tls;

	if (context)
		c->tls = tls_stream_accept(context, c->protocol->alpn);
	return c->tls || !context;
}

void connection_open(struct loop *loop, int socket, const struct protocol *protocol, void *state)
{
	struct connection *const c = calloc(1, protocol->connection_size);

	if (!c) {
		close(socket);
		return;
	}
	c->loop = loop;
	c->protocol = protocol;
	c->protocol_state = state;
	c->socket = socket;
	c->client = peer_of(socket);
	c->awaits_proxy = protocol->is_proxied;
	c->waiter.resume = resume_connection;
	loop_add_connection(loop, protocol->is_admin);
	const int error = open_stream(c, socket);
	if (error)
		close(socket);
	set_phase(c, PHASE_FIRST);
	protocol->open(c);
	if (error || !open_tls(c))
		connection_close(c);
	else if (c->awaits_proxy && !trusted_proxies_have(&loop->live->proxies, &c->client))
		refuse_proxy(c, "a connection from outside of trusted_proxies is closed "
				"(proxy_protocol)");
	else if (!c->awaits_proxy)
		count_client(c);
	if (!c->closing)
		set_reading(c, true);
}

/* A peer that has only finished sending, with shutdown(2), still reads: its half does not count as
 * POLLHUP. */
bool connection_is_gone(const struct connection *c)
{
	struct pollfd peer = {.fd = c->socket};

	return poll(&peer, 1, 0) > 0 && (peer.revents & (POLLERR | POLLHUP));
}

struct ip_address connection_client(const struct connection *c, const char *forwarded_for,
				    size_t length)
{
	return forwarded_client(&c->loop->live->proxies, &c->client, forwarded_for, length);
}
