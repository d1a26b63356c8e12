/* SPDX-License-Identifier: MIT
 *
 * Asks several hosts at once over the network.
 */
#include <stdlib.h>

#include "snowidd/base/buffer.h"
#include "snowidd/base/inquiry.h"
#include "snowidd/base/tls_stream.h"

#define INPUT_SIZE 4096

/* The host is looked up, the question sent, the answer received. Any of these may fail. */
struct question {
	struct inquiry *inquiry;
	union {
		uv_handle_t handle;
		uv_udp_t datagrams;
		uv_stream_t stream;
		uv_tcp_t connection;
	} socket;
	uv_getaddrinfo_t lookup;
	uv_udp_send_t datagram;
	uv_connect_t connect;
	uv_write_t write;
	bool looking_up, socket_open;
	SSL *tls;             /* NULL in the clear */
	struct buffer unsent; /* ciphertext that is being written */
	bool writing, asked;
	char text[INQUIRY_QUESTION_SIZE];
	char answer[INQUIRY_ANSWER_SIZE];
	size_t answer_length;
};

struct inquiry {
	uv_loop_t *loop;
	uv_timer_t timeout;
	enum inquiry_transport transport;
	const struct inquiry_handler *handler;
	void *user;
	struct question *questions; /* NULL when the loop has no handle or lookup of theirs */
	size_t question_count, unanswered;
	char input[INPUT_SIZE]; /* ciphertext that has arrived */
	size_t references;      /* from the loop: the timer, sockets and lookups */
	bool asking, closing;
};

/* ---- endings --------------------------------------------------------------------------------- */

static void inquiry_unref(struct inquiry *inquiry)
{
	const size_t timer = inquiry->closing ? 0 : 1; /* is open until then */

	if (--inquiry->references > timer)
		return;
	for (size_t i = 0; inquiry->questions && i < inquiry->question_count; i++) {
		SSL_free(inquiry->questions[i].tls);
		buffer_free(&inquiry->questions[i].unsent);
	}
	free(inquiry->questions);
	inquiry->questions = NULL;
	if (inquiry->closing)
		free(inquiry);
}

static void on_socket_closed(uv_handle_t *handle)
{
	const struct question *const question = handle->data;
	inquiry_unref(question->inquiry);
}

static void question_cancel(struct question *question)
{
	if (question->looking_up)
		uv_cancel((uv_req_t *)&question->lookup);
	if (question->socket_open)
		uv_close(&question->socket.handle, on_socket_closed);
	question->socket_open = false;
}

static void round_end(struct inquiry *inquiry)
{
	if (!inquiry->asking)
		return;
	inquiry->asking = false;
	uv_timer_stop(&inquiry->timeout);
	for (size_t i = 0; i < inquiry->question_count; i++)
		question_cancel(&inquiry->questions[i]);
	if (!inquiry->closing)
		inquiry->handler->end_round(inquiry->user);
}

static void on_round_timeout(uv_timer_t *timer)
{
	round_end(timer->data);
}

static void question_end(struct question *question)
{
	struct inquiry *const inquiry = question->inquiry;

	question_cancel(question);
	if (inquiry->asking && --inquiry->unanswered == 0)
		round_end(inquiry);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void reserve_answer(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
	struct question *const question = handle->data;

	(void)suggested;
	*room = uv_buf_init(question->answer + question->answer_length,
			    (unsigned)(sizeof question->answer - 1 - question->answer_length));
}

static bool question_read_answer(struct question *question, size_t length)
{
	const struct inquiry *const inquiry = question->inquiry;

	question->answer[length] = '\0';
	return inquiry->handler->read_answer(inquiry->user, (size_t)(question - inquiry->questions),
					     question->answer, length);
}

/* Errors are ignored, as anybody can send an ICMP message: the host may still answer until the
 * deadline. */
static void on_datagram(uv_udp_t *socket, ssize_t length, const uv_buf_t *room,
			const struct sockaddr *sender, unsigned flags)
{
	struct question *const question = socket->data;

	(void)room;
	(void)flags;
	if (length > 0 && sender && question_read_answer(question, (size_t)length))
		question_end(question);
}

static void question_end_answer(struct question *question)
{
	question_read_answer(question, question->answer_length);
	question_end(question);
}

static void on_stream_data(uv_stream_t *stream, ssize_t length, const uv_buf_t *room)
{
	struct question *const question = stream->data;

	(void)room;
	if (length > 0)
		question->answer_length += (size_t)length;
	/* UV_ENOBUFS: the answer is longer than any we can read. */
	if (length == UV_EOF || length == UV_ENOBUFS)
		question_end_answer(question);
	else if (length < 0)
		question_end(question);
}

/* ---- questions ------------------------------------------------------------------------------- */

static bool question_write(struct question *question, uv_buf_t *text)
{
	const struct inquiry *const inquiry = question->inquiry;
	const size_t length = inquiry->handler->write_question(
		inquiry->user, (size_t)(question - inquiry->questions), question->text,
		sizeof question->text);

	*text = uv_buf_init(question->text, (unsigned)length);
	return length > 0;
}

static void on_question_written(uv_write_t *write, int status)
{
	(void)write;
	(void)status; /* without a question there will be no answer */
}

static void on_question_sent(uv_udp_send_t *datagram, int status)
{
	(void)datagram;
	(void)status; /* likewise */
}

/* ---- through TLS ----------------------------------------------------------------------------- */

static void question_send_ciphertext(struct question *question);

static void on_ciphertext_written(uv_write_t *write, int status)
{
	struct question *const question = write->data;

	question->writing = false;
	buffer_clear(&question->unsent);
	if (status == 0 && question->socket_open)
		question_send_ciphertext(question);
}

static void question_send_ciphertext(struct question *question)
{
	const char *bytes;
	const size_t length = tls_stream_output(question->tls, &bytes);

	if (question->writing || length == 0)
		return;
	buffer_bytes(&question->unsent, bytes, length);
	tls_stream_sent(question->tls);
	uv_buf_t part = uv_buf_init(question->unsent.data, (unsigned)question->unsent.length);
	question->write.data = question;
	question->writing = true;
	if (question->unsent.failed || uv_write(&question->write, &question->socket.stream, &part,
						1, on_ciphertext_written) != 0)
		question_end(question);
}

static enum tls_result question_decrypt(struct question *question)
{
	enum tls_result result;
	size_t length;

	do {
		const size_t room = sizeof question->answer - 1 - question->answer_length;
		if (room == 0)
			return TLS_CLOSED;
		result = tls_stream_read(question->tls, question->answer + question->answer_length,
					 room, &length);
		if (result == TLS_BYTES)
			question->answer_length += length;
	} while (result == TLS_BYTES);
	return result;
}

/* Sends the question as soon as the host has been verified. */
static bool question_ask_verified(struct question *question)
{
	uv_buf_t text;

	if (question->asked || !tls_stream_is_open(question->tls))
		return true;
	question->asked = true;
	return question_write(question, &text) &&
	       tls_stream_write(question->tls, text.base, text.len);
}

/* Goes on with the handshake or the answer. */
static void question_advance_tls(struct question *question)
{
	const struct inquiry *const inquiry = question->inquiry;
	const enum tls_result result = question_decrypt(question);

	if (result == TLS_FAILED && inquiry->handler->reject_host)
		inquiry->handler->reject_host(inquiry->user,
					      (size_t)(question - inquiry->questions),
					      tls_stream_problem(question->tls));
	if (result == TLS_CLOSED)
		question_end_answer(question);
	else if (result == TLS_FAILED || !question_ask_verified(question))
		question_end(question);
	else
		question_send_ciphertext(question);
}

static void reserve_input(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
	const struct question *const question = handle->data;

	(void)suggested;
	*room = uv_buf_init(question->inquiry->input, sizeof question->inquiry->input);
}

static void on_ciphertext(uv_stream_t *stream, ssize_t length, const uv_buf_t *room)
{
	struct question *const question = stream->data;

	if (length < 0)
		question_end(question);
	else if (length > 0 && tls_stream_receive(question->tls, room->base, (size_t)length))
		question_advance_tls(question);
}

static void question_begin_tls(struct question *question)
{
	if (uv_read_start(&question->socket.stream, reserve_input, on_ciphertext) == 0)
		question_advance_tls(question);
	else
		question_end(question);
}

/* ---- connections ----------------------------------------------------------------------------- */

static void on_connected(uv_connect_t *connect, int status)
{
	struct question *const question = connect->data;
	uv_stream_t *const stream = &question->socket.stream;
	uv_buf_t text;

	if (status == UV_ECANCELED)
		return;
	if (status == 0 && question->tls)
		question_begin_tls(question);
	else if (status != 0 || !question_write(question, &text) ||
		 uv_write(&question->write, stream, &text, 1, on_question_written) != 0 ||
		 uv_read_start(stream, reserve_answer, on_stream_data) != 0)
		question_end(question);
}

static bool question_open_socket(struct question *question)
{
	struct inquiry *const inquiry = question->inquiry;
	const int error = inquiry->transport == INQUIRY_DATAGRAM
				  ? uv_udp_init(inquiry->loop, &question->socket.datagrams)
				  : uv_tcp_init(inquiry->loop, &question->socket.connection);

	if (error)
		return false;
	question->socket_open = true;
	question->socket.handle.data = question->connect.data = question;
	inquiry->references++;
	return true;
}

/* The socket is connected, so that the kernel drops what others send. */
static bool question_send_datagram(struct question *question, const struct sockaddr *host)
{
	uv_udp_t *const socket = &question->socket.datagrams;
	uv_buf_t text;

	return uv_udp_connect(socket, host) == 0 &&
	       uv_udp_recv_start(socket, reserve_answer, on_datagram) == 0 &&
	       question_write(question, &text) &&
	       uv_udp_send(&question->datagram, socket, &text, 1, NULL, on_question_sent) == 0;
}

static bool question_send(struct question *question, const struct sockaddr *host)
{
	if (!question_open_socket(question))
		return false;
	if (question->inquiry->transport == INQUIRY_DATAGRAM)
		return question_send_datagram(question, host);
	return uv_tcp_connect(&question->connect, &question->socket.connection, host,
			      on_connected) == 0;
}

static void on_looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
	struct question *const question = lookup->data;
	struct inquiry *const inquiry = question->inquiry;

	question->looking_up = false;
	if (inquiry->asking && (status != 0 || !question_send(question, found->ai_addr)))
		question_end(question);
	uv_freeaddrinfo(found);
	inquiry_unref(inquiry);
}

static void question_ask(struct question *question, struct inquiry *inquiry,
			 const struct address *host, SSL_CTX *tls)
{
	const struct addrinfo hints = {
		.ai_socktype = inquiry->transport == INQUIRY_DATAGRAM ? SOCK_DGRAM : SOCK_STREAM};

	question->inquiry = inquiry;
	question->lookup.data = question;
	question->tls = tls ? tls_stream_connect(tls, host->host) : NULL;
	if (tls && !question->tls)
		return;
	if (uv_getaddrinfo(inquiry->loop, &question->lookup, on_looked_up, host->host,
			   *host->port ? host->port : NULL, &hints) != 0)
		return;
	question->looking_up = true;
	inquiry->references++;
	inquiry->unanswered++;
}

bool inquiry_ask(struct inquiry *inquiry, const struct address *hosts, size_t count, SSL_CTX *tls)
{
	if (inquiry->questions || inquiry->closing)
		return false;
	inquiry->questions = calloc(count > 0 ? count : 1, sizeof *inquiry->questions);
	if (!inquiry->questions)
		return false;
	inquiry->asking = true;
	inquiry->question_count = count;
	inquiry->unanswered = 0;
	inquiry->references++; /* so that the round is not freed within this function */
	uv_timer_start(&inquiry->timeout, on_round_timeout, INQUIRY_TIMEOUT_MS, 0);
	for (size_t i = 0; i < count; i++)
		question_ask(&inquiry->questions[i], inquiry, &hosts[i], tls);
	if (inquiry->unanswered == 0)
		round_end(inquiry);
	inquiry_unref(inquiry);
	return true;
}

bool inquiry_is_asking(const struct inquiry *inquiry)
{
	return inquiry->asking;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct inquiry *inquiry_new(uv_loop_t *loop, enum inquiry_transport transport,
			    const struct inquiry_handler *handler, void *user)
{
	struct inquiry *const inquiry = calloc(1, sizeof *inquiry);

	if (!inquiry)
		return NULL;
	inquiry->loop = loop;
	inquiry->transport = transport;
	inquiry->handler = handler;
	inquiry->user = user;
	inquiry->timeout.data = inquiry;
	uv_timer_init(loop, &inquiry->timeout);
	inquiry->references = 1;
	return inquiry;
}

static void on_timeout_closed(uv_handle_t *handle)
{
	inquiry_unref(handle->data);
}

void inquiry_close(struct inquiry *inquiry)
{
	if (!inquiry)
		return;
	inquiry->closing = true;
	round_end(inquiry);
	uv_close((uv_handle_t *)&inquiry->timeout, on_timeout_closed);
}
