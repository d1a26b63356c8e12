/* SPDX-License-Identifier: MIT
 *
 * A connection: bytes in and out, in the clear or through TLS, with deadlines.
 *
 * While a protocol is blocked, or the peer does not read what it was sent, nothing is read either: what
 * a connection can hold is one read's worth of input and what that asked for. Input that is left over
 * waits for the next turn of the loop, so that all others come first.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "snowidd/net/connection.h"
#include "snowidd/base/log.h"

#define LINGER_MS 2000
/* Requests of one connection in one turn of the loop. */
#define SHARE 64
/* What the buffers of TLS may keep between two requests. */
#define TLS_BUFFER_KEPT 32768

/* ---- deadlines ------------------------------------------------------------------------------- */

static uint64_t phase_ms(const struct worker *worker, enum phase phase)
{
	const struct settings *const settings = worker->live->settings;

	switch (phase) {
	case PHASE_FIRST:
	case PHASE_REQUEST:
		return settings->header_timeout / 1000000;
	case PHASE_LINGER:
		return LINGER_MS;
	case PHASE_IDLE:
	case PHASE_WRITING:
		return settings->idle_timeout / 1000000;
	case PHASE_PARKED:
	case PHASE_TURN:
	case PHASES:
		break;
	}
	return UINT32_MAX; /* the service has a deadline of its own */
}

static void leave_queue(struct connection *c)
{
	struct queue *const queue = &c->worker->queues[c->phase];

	*(c->previous ? &c->previous->next : &queue->first) = c->next;
	*(c->next ? &c->next->previous : &queue->last) = c->previous;
}

static void enter_queue(struct connection *c, enum phase phase)
{
	struct queue *const queue = &c->worker->queues[phase];

	c->phase = phase;
	c->deadline = uv_now(&c->worker->loop) + phase_ms(c->worker, phase);
	c->previous = queue->last;
	c->next = NULL;
	*(queue->last ? &queue->last->next : &queue->first) = c;
	queue->last = c;
}

/* A request has its time in all, however it trickles in, and so has the wait for one: what arrives and
 * is no request, such as bytes of TLS, does not count. */
static void set_phase(struct connection *c, enum phase phase)
{
	const bool same = phase == c->phase && phase <= PHASE_REQUEST && !c->fresh;

	c->fresh = false;
	if (same)
		return;
	leave_queue(c);
	enter_queue(c, phase);
	worker_deadline(c->worker, c);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
	struct connection *const c = (struct connection *)handle;
	struct worker *const worker = c->worker;

	SSL_free(c->tls);
	free(c->unsent);
	buffer_free(&c->rest);
	free(c);
	worker->connection_count--;
	atomic_fetch_sub(&worker->server->connections, 1);
	atomic_store_explicit(&worker->counters->connections, worker->connection_count,
			      memory_order_relaxed);
	worker_connection_gone(worker);
}

void connection_close(struct connection *c)
{
	if (c->closing)
		return;
	c->closing = true;
	leave_queue(c);
	c->protocol->close(c);
	uv_close(&c->handle, on_closed);
}

void connection_finish(struct connection *c)
{
	c->finishing = true;
}

/* ---- output ---------------------------------------------------------------------------------- */

static void go_on(struct connection *c);

static void on_written(uv_write_t *write, int status)
{
	struct connection *const c = write->data;

	free(c->unsent);
	c->unsent = NULL;
	c->writing = false;
	if (c->closing)
		return;
	if (status < 0)
		connection_close(c);
	else
		go_on(c);
}

/* Sends bytes, and what the socket does not take at once when it does. */
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
	if (uv_write(&c->write, &c->stream, &part, 1, on_written) != 0) {
		c->writing = false;
		connection_close(c);
	}
}

/* What TLS has to send lies in its memory BIO. */
static void send_ciphertext(struct connection *c)
{
	BIO *const out = SSL_get_wbio(c->tls);
	char *bytes;
	const long length = BIO_get_mem_data(out, &bytes);

	if (length <= 0 || c->closing || c->writing)
		return;
	send_bytes(c, bytes, (size_t)length);
	BIO_reset(out);
	if (length > TLS_BUFFER_KEPT)
		SSL_set0_wbio(c->tls, BIO_new(BIO_s_mem()));
}

/* Says that nothing follows (RFC 8446, section 6.1). */
static void end_tls(struct connection *c)
{
	if (!c->tls || c->closing || c->writing || SSL_get_shutdown(c->tls) & SSL_SENT_SHUTDOWN)
		return;
	SSL_shutdown(c->tls);
	ERR_clear_error();
	send_ciphertext(c);
}

/* Half-closes, and waits for the peer to do so: closing with input unread would reset the connection,
 * and the peer might lose what it was sent (RFC 9112, section 9.6). */
static void linger(struct connection *c)
{
	end_tls(c);
	if (c->closing || c->writing)
		return;
	if (c->ended) {
		connection_close(c);
		return;
	}
	shutdown(c->socket, SHUT_WR);
	buffer_free(&c->rest);
	set_phase(c, PHASE_LINGER);
}

static void flush(struct connection *c)
{
	struct buffer *const output = &c->worker->output;
	const bool failed = output->failed;

	if (c->tls) {
		size_t done = 0, written;
		while (done < output->length && SSL_write_ex(c->tls, output->data + done,
							     output->length - done, &written) == 1)
			done += written;
		if (done < output->length)
			connection_close(c);
		else
			send_ciphertext(c);
	} else if (output->length > 0) {
		send_bytes(c, output->data, output->length);
	}
	output->length = 0;
	output->failed = false;
	if (failed)
		connection_close(c);
}

/* ---- input ----------------------------------------------------------------------------------- */

static BIO *new_input(void)
{
	BIO *const in = BIO_new(BIO_s_mem());

	if (in)
		BIO_set_mem_eof_return(in, -1); /* empty means: later */
	return in;
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
	struct connection *const c = (struct connection *)handle;

	(void)suggested;
	*room = uv_buf_init(c->worker->input, sizeof c->worker->input);
}

/* Hands bytes to the protocol, and keeps what it does not take. */
static void feed(struct connection *c, const char *bytes, size_t length)
{
	const size_t done = c->protocol->input(c, bytes, length);

	flush(c);
	if (done < length && !c->finishing && !c->closing) {
		buffer_bytes(&c->rest, bytes + done, length - done);
		if (c->rest.failed)
			connection_close(c);
	}
}

/* Decrypts what has arrived, as far as the protocol takes it. */
static void feed_tls(struct connection *c)
{
	char *const plain = c->worker->plain;
	size_t length;

	while (!c->closing && !c->finishing && !c->writing && c->rest.length == 0 && c->share > 0 &&
	       !c->protocol->blocked(c)) {
		ERR_clear_error();
		if (SSL_read_ex(c->tls, plain, INPUT_SIZE, &length) == 1) {
			feed(c, plain, length);
			continue;
		}
		const int error = SSL_get_error(c->tls, 0);
		send_ciphertext(c); /* of a handshake, or an alert */
		if (error == SSL_ERROR_ZERO_RETURN)
			c->ended = true;
		else if (error != SSL_ERROR_WANT_READ)
			connection_close(c);
		return;
	}
}

/* Hands over what has been encrypted. False: no memory. */
static bool take_ciphertext(struct connection *c, const char *bytes, size_t length)
{
	BIO *const in = SSL_get_rbio(c->tls);
	const BUF_MEM *held;

	BIO_get_mem_ptr(in, &held);
	if (held->length == 0 && held->max > TLS_BUFFER_KEPT)
		SSL_set0_rbio(c->tls, new_input());
	return BIO_write(SSL_get_rbio(c->tls), bytes, (int)length) == (int)length;
}

/* Each turn of the loop a connection has its share of requests. */
static void begin_turn(struct connection *c)
{
	c->share = SHARE;
	c->share_at = uv_now(&c->worker->loop);
}

static void on_input(uv_stream_t *stream, ssize_t length, const uv_buf_t *room)
{
	struct connection *const c = (struct connection *)stream;

	if (length == 0)
		return;
	if (c->share_at != uv_now(&c->worker->loop))
		begin_turn(c);
	if (length < 0) {
		if (length != UV_EOF || c->finishing) {
			connection_close(c);
			return;
		}
		c->ended = true;
	} else if (c->finishing) {
		return; /* lingering */
	} else if (!c->tls) {
		feed(c, room->base, (size_t)length);
	} else if (take_ciphertext(c, room->base, (size_t)length)) {
		feed_tls(c);
	} else {
		connection_close(c);
	}
	go_on(c);
}

static void set_reading(struct connection *c, bool reading)
{
	if (reading == c->reading)
		return;
	c->reading = reading;
	if (!reading)
		uv_read_stop(&c->stream);
	else if (uv_read_start(&c->stream, on_room, on_input) != 0)
		connection_close(c);
}

static bool has_input(const struct connection *c)
{
	return c->rest.length > 0 ||
	       (c->tls && (SSL_pending(c->tls) > 0 || BIO_pending(SSL_get_rbio(c->tls)) > 0));
}

/* After each event: decides what the connection waits for now. */
static void go_on(struct connection *c)
{
	if (c->closing)
		return;
	const bool waits = c->writing || c->protocol->blocked(c), more = has_input(c);
	if (c->finishing && !c->writing) {
		set_reading(c, true);
		if (c->phase != PHASE_LINGER && !c->closing)
			linger(c);
		return;
	}
	if (c->ended && !waits && !more) {
		end_tls(c);
		connection_close(c);
		return;
	}
	set_reading(c, !waits && !more && !c->ended);
	if (!c->closing)
		set_phase(c, c->writing       ? PHASE_WRITING
			     : more && !waits ? PHASE_TURN
					      : c->protocol->phase(c));
}

void connection_turn(struct connection *c)
{
	struct buffer rest = c->rest;

	begin_turn(c);
	c->rest = (struct buffer){.data = NULL};
	if (rest.length > 0)
		feed(c, rest.data, rest.length);
	buffer_free(&rest);
	if (c->tls)
		feed_tls(c);
	go_on(c);
}

void connection_resume(struct connection *c)
{
	c->protocol->resume(c);
	flush(c);
	go_on(c);
}

void connection_expire(struct connection *c)
{
	const enum phase phase = c->phase;

	if (phase == PHASE_WRITING || phase == PHASE_LINGER) {
		connection_close(c);
		return;
	}
	c->protocol->timeout(c, phase);
	flush(c);
	if (c->finishing) {
		go_on(c);
		return;
	}
	end_tls(c);
	connection_close(c);
}

bool connection_drain(struct connection *c)
{
	char byte;

	if (recv(c->socket, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) > 0)
		return false;
	end_tls(c);
	connection_close(c);
	return true;
}

/* ---- the beginning --------------------------------------------------------------------------- */

static bool open_tls(struct connection *c)
{
	BIO *const in = new_input(), *const out = BIO_new(BIO_s_mem());

	c->tls = SSL_new(c->worker->live->tls);
	if (!c->tls || !in || !out) {
		BIO_free(in);
		BIO_free(out);
		return false;
	}
	SSL_set_app_data(c->tls, (void *)(uintptr_t)c->protocol->alpn);
	SSL_set_bio(c->tls, in, out);
	SSL_set_accept_state(c->tls);
	return true;
}

static int peer_name(const struct connection *c, struct sockaddr_storage *address)
{
	socklen_t size = sizeof *address;

	address->ss_family = AF_UNSPEC;
	return getpeername(c->socket, (struct sockaddr *)address, &size);
}

static int open_stream(struct connection *c, int socket)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof address;

	address.ss_family = AF_UNSPEC;
	getsockname(socket, (struct sockaddr *)&address, &size);
	if (address.ss_family == AF_UNIX) {
		uv_pipe_init(&c->worker->loop, &c->pipe, 0);
		return uv_pipe_open(&c->pipe, socket);
	}
	uv_tcp_init(&c->worker->loop, &c->tcp);
	const int error = uv_tcp_open(&c->tcp, socket);
	if (!error)
		uv_tcp_nodelay(&c->tcp, 1);
	return error;
}

void connection_open(struct worker *worker, int socket, const struct protocol *protocol)
{
	struct connection *const c = calloc(1, protocol->size);
	struct sockaddr_storage peer;

	if (!c) {
		close(socket);
		return;
	}
	c->worker = worker;
	c->protocol = protocol;
	c->socket = socket;
	atomic_fetch_add(&worker->server->connections, 1);
	worker->connection_count++;
	count(&worker->counters->accepted, 1);
	atomic_store_explicit(&worker->counters->connections, worker->connection_count,
			      memory_order_relaxed);
	const int error = open_stream(c, socket);
	if (error)
		close(socket);
	enter_queue(c, PHASE_FIRST);
	worker_deadline(worker, c);
	protocol->open(c);
	if (peer_name(c, &peer) == 0)
		c->has_key = rate_key((struct sockaddr *)&peer, &c->key);
	if (error || (worker->live->tls && !open_tls(c)))
		connection_close(c);
	else
		set_reading(c, true);
}

void connection_peer(const struct connection *c, char *text, size_t size)
{
	struct sockaddr_storage peer;

	snprintf(text, size, "unix");
	if (peer_name(c, &peer) != 0)
		return;
	if (peer.ss_family == AF_INET)
		inet_ntop(AF_INET, &((struct sockaddr_in *)&peer)->sin_addr, text, (socklen_t)size);
	else if (peer.ss_family == AF_INET6)
		inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&peer)->sin6_addr, text,
			  (socklen_t)size);
}
