/* SPDX-License-Identifier: MIT
 *
 * The frames of HTTP/2 on a connection.
 *
 * nghttp2 takes care of frames, HPACK, flow control and the states of streams. A call is freed when
 * its stream closes; as nghttp2_session_del() does not report that, each connection has a list.
 */
#include "snowidd/base/elapsed.h"
#include "snowidd/grpc/lifetime.h"
#include "snowidd/grpc/request.h"
#include "snowidd/grpc/response.h"
#include "snowidd/grpc/serving.h"
#include "snowidd/grpc/session.h"

#define STREAMS_MAX 100
#define RESETS_MAX  (UINT64_C(1) << 40)

/* ---- events of nghttp2 ----------------------------------------------------------------------- */

/* Each frame, of whatever type. */
static int on_frame_header(nghttp2_session *session, const nghttp2_frame_hd *header, void *user)
{
	struct grpc_connection *const grpc = user;

	if (header->type == NGHTTP2_HEADERS)
		grpc_flood_give(&grpc->flood, FLOOD_PER_CALL);
	else if (header->type == NGHTTP2_DATA && header->length > 0)
		grpc_flood_give(&grpc->flood, 1);
	if (!grpc_flood_take(&grpc->flood, elapsed_ns()))
		nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM);
	return 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct grpc_connection *const grpc = user;

	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	struct grpc_call *const call = grpc_call_new(grpc->connection.protocol_state);
	if (!call)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	call->connection = grpc;
	call->stream = frame->hd.stream_id;
	call->waiter.resume = grpc_serving_resume;
	call->began_ns = elapsed_ns();
	call->deadline_ns = UINT64_MAX;
	call->next = grpc->calls;
	if (grpc->calls)
		grpc->calls->previous = call;
	grpc->calls = call;
	grpc->call_count++;
	grpc->connection.request_began = true;
	nghttp2_session_set_stream_user_data(session, call->stream, call);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_length, const uint8_t *value, size_t length, uint8_t flags,
		     void *user)
{
	struct grpc_connection *const grpc = user;
	struct grpc_call *const call =
		nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	(void)flags;
	if (!call || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	grpc_request_read_field(grpc, call, name, name_length, (const char *)value, length);
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *bytes,
		   size_t length, void *user)
{
	struct grpc_connection *const grpc = user;
	struct grpc_call *const call = nghttp2_session_get_stream_user_data(session, stream);

	(void)flags;
	if (!call || call->ended)
		return 0;
	grpc_request_receive(grpc, call, (const char *)bytes, length);
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct grpc_connection *const grpc = user;
	struct grpc_call *const call =
		frame->hd.stream_id > 0
			? nghttp2_session_get_stream_user_data(session, frame->hd.stream_id)
			: NULL;

	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		if (call && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
			grpc_request_begin(grpc, call);
		break;
	case NGHTTP2_SETTINGS:
		grpc->established = true;
		break;
	case NGHTTP2_PING:
		if (frame->hd.flags & NGHTTP2_FLAG_ACK)
			grpc_lifetime_take_answer(grpc, frame->ping.opaque_data);
		break;
	default:
		break;
	}
	if (call && (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
	    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		grpc_request_end(grpc, call);
	else if (call && call->ended && frame->hd.type == NGHTTP2_DATA)
		grpc_response_refuse_rest(grpc, call);
	return 0;
}

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct grpc_connection *const grpc = user;

	if (frame->hd.type == NGHTTP2_DATA)
		grpc_flood_give(&grpc->flood, FLOOD_PER_DATA);
	if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) ||
	    !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	struct grpc_call *const call =
		nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (!call)
		return 0;
	call->answered = true;
	if (call->unwanted)
		grpc_response_refuse_rest(grpc, call);
	return 0;
}

static void forget_call(struct grpc_connection *grpc, struct grpc_call *call)
{
	grpc_call_end(call, GRPC_CANCELLED, "the client has cancelled the call");
	grpc_response_count(grpc, call);
	if (call->previous)
		call->previous->next = call->next;
	else
		grpc->calls = call->next;
	if (call->next)
		call->next->previous = call->previous;
	grpc->call_count--;
	grpc_call_free(call);
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t error, void *user)
{
	struct grpc_call *const call = nghttp2_session_get_stream_user_data(session, stream);

	(void)error;
	if (call)
		forget_call(user, call);
	return 0;
}

/* ---- the session ----------------------------------------------------------------------------- */

static nghttp2_session_callbacks *new_callbacks(void)
{
	nghttp2_session_callbacks *callbacks;

	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		return NULL;
	nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_frame_header);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	return callbacks;
}

bool grpc_session_open(struct grpc_connection *grpc)
{
	const struct settings *const settings = grpc->connection.loop->live->settings;
	const nghttp2_settings_entry entries[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS_MAX},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)settings->request_bytes},
	};
	nghttp2_session_callbacks *const callbacks = new_callbacks();
	nghttp2_option *option = NULL;
	int error = callbacks ? nghttp2_option_new(&option) : NGHTTP2_ERR_NOMEM;

	if (error == 0) {
		/* Clients may cancel each of their calls: see flood.h. */
		nghttp2_option_set_stream_reset_rate_limit(option, RESETS_MAX, RESETS_MAX);
		/* What grpc-java has for an authority on a Unix socket, its path, is none for
		 * nghttp2. Nobody stands between the ends of such a socket who could be misled. */
		if (grpc->connection.handle.type == UV_NAMED_PIPE)
			nghttp2_option_set_no_http_messaging(option, 1);
		error = nghttp2_session_server_new2(&grpc->session, callbacks, grpc, option);
	}
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(callbacks);
	if (error == 0)
		error = nghttp2_submit_settings(grpc->session, NGHTTP2_FLAG_NONE, entries,
						sizeof entries / sizeof entries[0]);
	grpc_lifetime_begin(grpc);
	grpc_flood_init(&grpc->flood, grpc->opened_ns);
	return error == 0;
}

void grpc_session_close(struct grpc_connection *grpc)
{
	grpc_lifetime_end(grpc);
	while (grpc->calls)
		forget_call(grpc, grpc->calls);
	nghttp2_session_del(grpc->session);
	grpc->session = NULL;
}

int grpc_session_receive(struct grpc_connection *grpc, const char *bytes, size_t length)
{
	grpc_lifetime_hear(grpc);
	const ssize_t used =
		nghttp2_session_mem_recv(grpc->session, (const uint8_t *)bytes, length);

	return used < 0 ? (int)used : 0;
}

bool grpc_session_write(struct grpc_connection *grpc)
{
	struct buffer *const output = &grpc->connection.loop->output;
	const uint8_t *bytes;
	ssize_t length = 0;

	while (output->length < GRPC_OUTPUT_HIGH &&
	       (length = nghttp2_session_mem_send(grpc->session, &bytes)) > 0)
		buffer_bytes(output, (const char *)bytes, (size_t)length);
	return length >= 0;
}

bool grpc_session_has_output(const struct grpc_connection *grpc)
{
	return nghttp2_session_want_write(grpc->session);
}

void grpc_session_stop(struct grpc_connection *grpc)
{
	struct grpc_call *next;

	grpc_lifetime_leave(grpc);
	for (struct grpc_call *call = grpc->calls; call; call = next) {
		next = call->next;
		if (call->method && call->method->is_stream && !call->ended && call->messages > 0)
			grpc_serving_continue(grpc, call);
	}
}
