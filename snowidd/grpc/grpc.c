/* SPDX-License-Identifier: MIT
 *
 * gRPC over HTTP/2 as a protocol of connections.
 */
#include "snowidd/base/elapsed.h"
#include "snowidd/grpc/grpc.h"
#include "snowidd/grpc/session.h"

/* Input is taken in pieces, and after each it is seen whether the connection has used up its share
 * of the turn: as many calls as fit into a piece may be served beyond it. */
#define PIECE 2048

static struct grpc_connection *grpc_of(const struct connection *c)
{
	return (struct grpc_connection *)(uintptr_t)c;
}

static void *grpc_begin(struct loop *loop, const struct protocol *protocol)
{
	return grpc_thread_new(loop, *(struct service *const *)protocol->user);
}

static void grpc_end(void *thread)
{
	grpc_thread_free(thread);
}

static void grpc_open(struct connection *c)
{
	if (!grpc_session_open(grpc_of(c)))
		connection_close(c);
}

static void grpc_close(struct connection *c)
{
	grpc_session_close(grpc_of(c));
}

/* Ends the connection when nothing is left to do on it. */
static void finish_if_done(struct grpc_connection *grpc)
{
	nghttp2_session *const session = grpc->session;
	const bool left = grpc->left && grpc->call_count == 0;

	if (!nghttp2_session_want_write(session) && (left || !nghttp2_session_want_read(session)))
		connection_finish(&grpc->connection);
}

static void grpc_write(struct connection *c)
{
	if (grpc_session_write(grpc_of(c)))
		finish_if_done(grpc_of(c));
	else
		connection_close(c);
}

/* For people with a browser, and for clients that are configured with the wrong port. */
static const char not_http2[] =
	"HTTP/1.1 505 HTTP Version Not Supported\r\nContent-Type: text/plain\r\n"
	"Content-Length: 55\r\nConnection: close\r\n\r\n"
	"This port serves gRPC; HTTP/1.1 is served on another.\r\n";

/* Says why nothing more can be read, and closes. */
static void refuse_input(struct grpc_connection *grpc, int error)
{
	if (error == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
		if (!grpc->connection.tls)
			buffer_text(&grpc->connection.loop->output, not_http2);
	} else {
		nghttp2_session_terminate_session(
			grpc->session, error == NGHTTP2_ERR_NOMEM ? NGHTTP2_INTERNAL_ERROR
								  : NGHTTP2_ENHANCE_YOUR_CALM);
		grpc_session_write(grpc);
	}
	connection_finish(&grpc->connection);
}

static size_t grpc_input(struct connection *c, const char *bytes, size_t length)
{
	struct grpc_connection *const grpc = grpc_of(c);
	size_t done = 0;

	while (done < length && !c->closing && !c->finishing && c->share > 0 &&
	       c->loop->output.length < GRPC_OUTPUT_HIGH) {
		const size_t piece = length - done < PIECE ? length - done : PIECE;
		const int error = grpc_session_receive(grpc, bytes + done, piece);
		if (error != 0) {
			refuse_input(grpc, error);
			return length;
		}
		done += piece;
		grpc_write(c);
	}
	return done;
}

/* After its last request a client may send nothing more and wait for the responses. */
static bool grpc_is_blocked(const struct connection *c)
{
	return c->peer_finished && grpc_of(c)->call_count > 0;
}

static bool grpc_has_output(const struct connection *c)
{
	return grpc_session_has_output(grpc_of(c));
}

static enum phase grpc_phase(const struct connection *c)
{
	const struct grpc_connection *const grpc = grpc_of(c);

	if (grpc->call_count > 0)
		return PHASE_BLOCKED; /* the calls have deadlines */
	return grpc->established ? PHASE_IDLE : PHASE_FIRST;
}

/* An idle client connects again for its next call. One that is on its way is above the number of
 * the last in GOAWAY, so that the client knows that it was not served, and repeats it. */
static void grpc_expire(struct connection *c, enum phase phase)
{
	struct grpc_connection *const grpc = grpc_of(c);

	if (phase != PHASE_IDLE)
		return;
	nghttp2_session_terminate_session(grpc->session, NGHTTP2_NO_ERROR);
	grpc_session_write(grpc);
	connection_finish(c);
}

static void grpc_stop(struct connection *c)
{
	grpc_session_stop(grpc_of(c));
}

/* SETTINGS without an entry, and GOAWAY with the last stream 0 and ENHANCE_YOUR_CALM (RFC 9113,
 * sections 6.5, 6.8 and 7). */
static const char busy[] = "\0\0\0\4\0\0\0\0\0"
			   "\0\0\10\7\0\0\0\0\0\0\0\0\0\0\0\0\13";

struct protocol grpc_protocol(struct service *const *service)
{
	return (struct protocol){
		.alpn = "h2",
		.busy = busy,
		.busy_length = sizeof busy - 1,
		.user = service,
		.begin = grpc_begin,
		.end = grpc_end,
		.connection_size = sizeof(struct grpc_connection),
		.open = grpc_open,
		.close = grpc_close,
		.input = grpc_input,
		.is_blocked = grpc_is_blocked,
		.has_output = grpc_has_output,
		.write = grpc_write,
		.phase = grpc_phase,
		.expire = grpc_expire,
		.stop = grpc_stop,
	};
}
