/* SPDX-License-Identifier: MIT
 *
 * The calls of a connection.
 *
 * nghttp2 takes care of frames, HPACK, flow control and the states of streams. A call is freed when
 * its stream closes; as nghttp2_session_del() does not report that, each connection has a list.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "snowidd/base/elapsed.h"
#include "snowidd/base/log.h"
#include "snowidd/grpc/gzip.h"
#include "snowidd/grpc/metadata.h"
#include "snowidd/grpc/methods.h"
#include "snowidd/grpc/session.h"
#include "snowidd/net/admit.h"

#define STREAMS_MAX    100
#define WATCH_MS       500 /* how often it is seen whether a stream has to go on or to end */
#define RESETS_MAX     (UINT64_C(1) << 40)
#define FIELD_OVERHEAD 32 /* of a header field, as RFC 9113, section 6.5.2, counts it */

/* The payload of the ping that follows the first GOAWAY. */
static const uint8_t leave_ping[8] = "leaving";

static struct grpc_thread *session_thread(const struct grpc_connection *grpc)
{
	return grpc->connection.protocol_state;
}

/* ---- responses ------------------------------------------------------------------------------- */

#define FIELD(name, value, value_length)                                                           \
	(nghttp2_nv)                                                                               \
	{                                                                                          \
		(uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), strlen(name),         \
			(value_length), NGHTTP2_NV_FLAG_NO_COPY_NAME                               \
	}

static nghttp2_nv header_field(const char *name, const char *value)
{
	return FIELD(name, value, strlen(value));
}

/* The fields that say how a call has ended. `texts` has the memory of their values. */
static size_t write_trailers(const struct grpc_call *call, nghttp2_nv fields[3],
			     struct buffer *texts)
{
	size_t count = 0;

	fields[count++] = header_field("grpc-status", grpc_status_digits(call->status));
	if (call->status == GRPC_OK)
		return count;
	grpc_status_add_message(texts, call->message);
	const size_t message = texts->length;
	if (call->retry_ns > 0)
		grpc_status_add_retry(texts, call->status, call->message, call->retry_ns);
	if (texts->failed)
		return count;
	fields[count++] = FIELD("grpc-message", texts->data, message);
	if (texts->length > message)
		fields[count++] = FIELD("grpc-status-details-bin", texts->data + message,
					texts->length - message);
	return count;
}

static void submit_trailers(struct grpc_connection *grpc, struct grpc_call *call)
{
	struct buffer texts = {.data = NULL};
	nghttp2_nv fields[3];
	const size_t count = write_trailers(call, fields, &texts);

	nghttp2_submit_trailer(grpc->session, call->stream, fields, count);
	buffer_free(&texts);
}

static void log_call(const struct grpc_connection *grpc, const struct grpc_call *call)
{
	char peer[64], us[24];

	connection_peer(&grpc->connection, peer, sizeof peer);
	snprintf(us, sizeof us, "%" PRIu64, (elapsed_ns() - call->began_ns) / 1000);
	log_event(LOG_LEVEL_INFO, "request", "peer", peer, "method", "gRPC", "target",
		  call->path.length > 0 ? call->path.data : "-", "status",
		  grpc_status_name(call->status), "us", us, NULL);
}

/* When a call has ended. */
static void count_call(const struct grpc_connection *grpc, struct grpc_call *call)
{
	struct loop *const loop = grpc->connection.loop;

	if (call->counted)
		return;
	call->counted = true;
	counter_add(&loop->counters->grpc_calls[grpc_method_index(call->method)][call->status], 1);
	if (loop->live->settings->log_access)
		log_call(grpc, call);
}

/* Leaves a connection that is older than grpc.connection_age. Returns whether it has been so for
 * grace_ns. */
static bool leave_when_old(struct grpc_connection *grpc, uint64_t now_ns, uint64_t grace_ns)
{
	const uint64_t most_ns = grpc->connection.loop->live->settings->grpc_connection_age;
	const uint64_t age_ns = now_ns - grpc->opened_ns;

	if (most_ns == 0 || age_ns < most_ns)
		return false;
	grpc_session_leave(grpc);
	return age_ns - most_ns >= grace_ns;
}

/* A stream goes on until something ends it. */
static void check_stream(struct grpc_connection *grpc, struct grpc_call *call)
{
	const struct settings *const settings = grpc->connection.loop->live->settings;
	const uint64_t now_ns = elapsed_ns();

	if (leave_when_old(grpc, now_ns, settings->stop_timeout))
		grpc_call_end(call, GRPC_UNAVAILABLE,
			      "the connection is older than grpc.connection_age");
	if (now_ns >= call->deadline_ns)
		grpc_call_end(call, GRPC_DEADLINE_EXCEEDED, "the deadline has passed");
	if (grpc->connection.loop->draining)
		grpc_call_refuse(call, REFUSED_STOPPING, 0);
}

/* Has the method of a stream add to the output. */
static void produce_output(struct grpc_connection *grpc, struct grpc_call *call, size_t room)
{
	check_stream(grpc, call);
	if (call->ended)
		return;
	if (call->method->produce(call, room) == GRPC_PARKS)
		loop_wait(grpc->connection.loop, &call->waiter, PHASE_PARKED, 0);
}

/* nghttp2 asks for what fits into the windows and a frame. */
static ssize_t read_output(nghttp2_session *session, int32_t stream, uint8_t *to, size_t room,
			   uint32_t *flags, nghttp2_data_source *source, void *user)
{
	struct grpc_connection *const grpc = user;
	struct grpc_call *const call = source->ptr;

	(void)session;
	(void)stream;
	if (call->output.length == 0 && !call->ended && call->method->produce)
		produce_output(grpc, call, room);
	const size_t left = call->output.length - call->sent, length = left < room ? left : room;
	if (call->output.failed)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (length > 0)
		memcpy(to, call->output.data + call->sent, length);
	call->sent += length;
	if (call->sent == call->output.length) {
		buffer_clear(&call->output);
		call->sent = 0;
		if (call->ended) {
			count_call(grpc, call);
			*flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
			submit_trailers(grpc, call);
		} else if (length == 0) {
			return NGHTTP2_ERR_DEFERRED;
		}
	}
	return (ssize_t)length;
}

static void submit_response(struct grpc_connection *grpc, struct grpc_call *call)
{
	const nghttp2_data_provider messages = {.source.ptr = call, .read_callback = read_output};
	struct buffer texts = {.data = NULL};
	nghttp2_nv fields[6] = {
		header_field(":status", "200"),
		header_field("content-type", "application/grpc"),
		header_field("grpc-accept-encoding", "identity,gzip"),
	};
	size_t count = 3;
	const bool only_trailers = call->ended && call->output.length == 0;

	if (only_trailers)
		count += write_trailers(call, fields + count, &texts);
	nghttp2_submit_response(grpc->session, call->stream, fields, count,
				only_trailers ? NULL : &messages);
	buffer_free(&texts);
}

/* To what is no call of gRPC, so that its client would not look for trailers. */
static void submit_http_response(struct grpc_connection *grpc, const struct grpc_call *call)
{
	const nghttp2_nv fields[2] = {header_field(":status", call->http_status),
				      header_field("allow", "POST")};

	nghttp2_submit_response(grpc->session, call->stream, fields, call->is_post ? 1 : 2, NULL);
}

/* The rest of a request has limited time, also if nobody is interested in it. */
static void wait_for_input(struct grpc_connection *grpc, struct grpc_call *call)
{
	struct loop *const loop = grpc->connection.loop;

	loop_wait(loop, &call->waiter, PHASE_REQUEST,
		  loop->live->settings->header_timeout / 1000000);
}

/* Tells a client that has its answer not to send the rest of its request (RFC 9113, section 8.1).
 * Not before the answer is sent, as nothing can follow. Some clients take this for an error, and so
 * it is not said to those whose requests end soon by themselves. */
static void refuse_rest(struct grpc_connection *grpc, struct grpc_call *call)
{
	call->unwanted = true;
	if (call->answered)
		nghttp2_submit_rst_stream(grpc->session, NGHTTP2_FLAG_NONE, call->stream,
					  NGHTTP2_NO_ERROR);
}

/* Hands what a call has to say to nghttp2. */
static void respond_to_call(struct grpc_connection *grpc, struct grpc_call *call)
{
	if (call->ended)
		count_call(grpc, call);
	if (call->ended && !call->input_ended && !call->unwanted)
		wait_for_input(grpc, call);
	if (call->responded)
		nghttp2_session_resume_data(grpc->session, call->stream);
	else if (call->http_status)
		submit_http_response(grpc, call);
	else if (call->ended || call->output.length > 0 || call->method->produce)
		submit_response(grpc, call);
	else
		return;
	call->responded = true;
}

/* ---- serving --------------------------------------------------------------------------------- */

static void follow_call(struct grpc_connection *grpc, struct grpc_call *call, enum grpc_next next)
{
	if (next == GRPC_PARKS)
		loop_wait(grpc->connection.loop, &call->waiter, PHASE_PARKED, 0);
	else if (next == GRPC_HOLDS)
		loop_wait(grpc->connection.loop, &call->waiter, PHASE_WATCH, WATCH_MS);
	respond_to_call(grpc, call);
}

/* Goes on with a call that has waited. */
static void continue_call(struct grpc_connection *grpc, struct grpc_call *call)
{
	enum grpc_next next = GRPC_HOLDS;

	if (call->method->resume)
		next = call->method->resume(call);
	if (call->method->is_stream)
		check_stream(grpc, call);
	follow_call(grpc, call, call->ended ? GRPC_ENDS : next);
}

static void resume_call(struct waiter *waiter, enum wake wake)
{
	struct grpc_call *const call = WAITER_OWNER(waiter, struct grpc_call, waiter);
	struct grpc_connection *const grpc = call->connection;

	switch (wake) {
	case WAKE_STOP:
	case WAKE_DRAIN:
		return;
	case WAKE_END:
		connection_close(&grpc->connection);
		return;
	case WAKE_DUE:
	case WAKE_TURN:
		if (waiter->phase != PHASE_REQUEST) {
			continue_call(grpc, call);
			break;
		}
		grpc_call_end(call, GRPC_DEADLINE_EXCEEDED,
			      "the message did not arrive within limits.header_timeout");
		refuse_rest(grpc, call);
		respond_to_call(grpc, call);
		break;
	}
	connection_update(&grpc->connection);
}

static bool is_call_admitted(struct grpc_connection *grpc, struct grpc_call *call)
{
	uint64_t wait_ns = 0;

	if (call->method && call->method->is_open)
		return true;
	const enum refusal refusal = admit_client(&grpc->connection, call->authorization.data,
						  call->authorization.length, &wait_ns);
	if (refusal != SERVED)
		grpc_call_refuse(call, refusal, wait_ns);
	return refusal == SERVED;
}

/* What can be said about a request when its header has arrived. Ends the call if it is not to be
 * served. */
static void check_header(struct grpc_connection *grpc, struct grpc_call *call)
{
	const struct settings *const settings = grpc->connection.loop->live->settings;

	if (call->header_bytes > settings->request_bytes) {
		grpc_call_end(call, GRPC_RESOURCE_EXHAUSTED,
			      "the header has more than %" PRIu64 " bytes (limits.request_bytes)",
			      settings->request_bytes);
	} else if (!call->is_post || !call->type_is_served) {
		call->http_status = call->is_post ? "415" : "405";
		grpc_call_end(call, GRPC_UNKNOWN, "this is not a call of gRPC");
	} else if (!is_call_admitted(grpc, call)) {
		return;
	} else if (!call->method) {
		grpc_call_end(call, GRPC_UNIMPLEMENTED, "there is no method %.150s",
			      call->path.length > 0 ? call->path.data : "");
	} else if (call->encoding_is_unknown) {
		grpc_call_end(call, GRPC_UNIMPLEMENTED, "grpc-encoding must be identity or gzip");
	} else if (call->timeout_is_malformed) {
		grpc_call_end(call, GRPC_INVALID_ARGUMENT,
			      "grpc-timeout must be up to 8 digits and one of H, M, S, m, u, n");
	}
}

/* Each call, served or not, and each message uses up some of the connection's share of this turn of
 * the loop. */
static void use_up_share(struct grpc_connection *grpc)
{
	if (grpc->connection.share > 0)
		grpc->connection.share--;
	leave_when_old(grpc, elapsed_ns(), 0);
}

static void begin_call(struct grpc_connection *grpc, struct grpc_call *call)
{
	use_up_share(grpc);
	buffer_bytes(&call->path, "", 1);
	if (call->path.failed || call->authorization.failed)
		grpc_call_refuse(call, REFUSED_INTERNAL, 0);
	else
		check_header(grpc, call);
	if (call->ended)
		respond_to_call(grpc, call);
	else
		wait_for_input(grpc, call);
}

/* The message without its prefix, and without its compression. NULL if it cannot be read, and the
 * call has ended. */
static const uint8_t *expand_message(struct grpc_connection *grpc, struct grpc_call *call,
				     size_t *length)
{
	const size_t limit = grpc->connection.loop->live->settings->request_bytes;
	struct buffer *const expanded = &session_thread(grpc)->expanded;
	const char *const message = call->input.data + GRPC_PREFIX;

	*length = call->input.length - GRPC_PREFIX;
	if (call->input.data[0] == 0)
		return (const uint8_t *)message;
	buffer_clear(expanded);
	switch (gzip_expand(expanded, message, *length, limit)) {
	case GZIP_DONE:
		*length = expanded->length;
		return (const uint8_t *)expanded->data;
	case GZIP_TOO_LARGE:
		grpc_call_end(call, GRPC_RESOURCE_EXHAUSTED,
			      "the message has more than %zu bytes (limits.request_bytes)", limit);
		break;
	case GZIP_MALFORMED:
		grpc_call_end(call, GRPC_INTERNAL, "the message is not compressed with gzip");
		break;
	}
	return NULL;
}

/* When a message has arrived and is to be served. */
static void serve_message(struct grpc_connection *grpc, struct grpc_call *call)
{
	const uint8_t *message = NULL;
	size_t length;

	waiting_remove(&call->waiter);
	if (elapsed_ns() >= call->deadline_ns)
		grpc_call_end(call, GRPC_DEADLINE_EXCEEDED, "the deadline has passed");
	else
		message = expand_message(grpc, call, &length);
	if (message)
		follow_call(grpc, call, call->method->serve(call, message, length));
	else
		respond_to_call(grpc, call);
	buffer_clear(&call->input);
}

/* ---- messages -------------------------------------------------------------------------------- */

static size_t prefix_length(const struct buffer *input)
{
	size_t length = 0;

	for (size_t i = 1; i < GRPC_PREFIX; i++)
		length = length << 8 | (unsigned char)input->data[i];
	return length;
}

/* Whether the message behind a prefix is to be read; otherwise the call has ended. */
static bool check_prefix(struct grpc_call *call, size_t limit)
{
	const unsigned char compressed = (unsigned char)call->input.data[0];

	if (prefix_length(&call->input) > limit)
		grpc_call_end(call, GRPC_RESOURCE_EXHAUSTED,
			      "the message has %zu bytes, more than %zu (limits.request_bytes)",
			      prefix_length(&call->input), limit);
	else if (compressed > 1 || (compressed == 1 && !call->is_gzip))
		grpc_call_end(call, GRPC_INTERNAL,
			      "the message is compressed, and grpc-encoding does not say how");
	return !call->ended;
}

/* Adds bytes to the message that is arriving, up to its end. Returns how many it used. */
static size_t add_input(struct grpc_call *call, const char *bytes, size_t length, size_t wanted)
{
	const size_t missing = wanted - call->input.length,
		     used = length < missing ? length : missing;

	buffer_bytes(&call->input, bytes, used);
	return used;
}

/* A message is complete. Those of a method that takes one are served when the request ends. */
static void end_message(struct grpc_connection *grpc, struct grpc_call *call)
{
	call->messages++;
	if (!call->method->takes_many)
		return;
	use_up_share(grpc);
	serve_message(grpc, call);
}

static void receive_bytes(struct grpc_connection *grpc, struct grpc_call *call, const char *bytes,
			  size_t length)
{
	const size_t limit = grpc->connection.loop->live->settings->request_bytes;

	while (length > 0 && !call->ended) {
		if (call->messages > 0 && !call->method->takes_many) {
			grpc_call_end(call, GRPC_UNIMPLEMENTED, "the method needs one message");
			return;
		}
		const bool in_prefix = call->input.length < GRPC_PREFIX;
		const size_t wanted = GRPC_PREFIX + (in_prefix ? 0 : prefix_length(&call->input));
		const size_t used = add_input(call, bytes, length, wanted);
		if (call->input.failed)
			grpc_call_refuse(call, REFUSED_INTERNAL, 0);
		bytes += used;
		length -= used;
		if (in_prefix && call->input.length == GRPC_PREFIX && !check_prefix(call, limit))
			return;
		if (call->input.length == GRPC_PREFIX + prefix_length(&call->input))
			end_message(grpc, call);
	}
}

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
	struct grpc_call *const call = grpc_call_new(session_thread(grpc));
	if (!call)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	call->connection = grpc;
	call->stream = frame->hd.stream_id;
	call->waiter.resume = resume_call;
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

static bool field_is(const uint8_t *name, size_t length, const char *text)
{
	return length == strlen(text) && memcmp(name, text, length) == 0;
}

static void read_field(struct grpc_call *call, const uint8_t *name, size_t name_length,
		       const char *value, size_t length)
{
	uint64_t timeout_ns;

	if (field_is(name, name_length, ":path")) {
		call->method = grpc_method_find(value, length);
		buffer_bytes(&call->path, value, length);
	} else if (field_is(name, name_length, ":method")) {
		call->is_post = length == 4 && memcmp(value, "POST", 4) == 0;
	} else if (field_is(name, name_length, "content-type")) {
		call->type_is_served = grpc_type_is_served(value, length);
	} else if (field_is(name, name_length, "authorization")) {
		buffer_clear(&call->authorization);
		buffer_bytes(&call->authorization, value, length);
	} else if (field_is(name, name_length, "grpc-encoding")) {
		call->is_gzip = length == 4 && memcmp(value, "gzip", 4) == 0;
		call->encoding_is_unknown =
			!call->is_gzip && (length != 8 || memcmp(value, "identity", 8) != 0);
	} else if (field_is(name, name_length, "grpc-timeout")) {
		call->timeout_is_malformed = !grpc_timeout_parse(value, length, &timeout_ns);
		if (!call->timeout_is_malformed &&
		    __builtin_add_overflow(call->began_ns, timeout_ns, &call->deadline_ns))
			call->deadline_ns = UINT64_MAX;
	}
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
	call->header_bytes += name_length + length + FIELD_OVERHEAD;
	if (call->header_bytes <= grpc->connection.loop->live->settings->request_bytes)
		read_field(call, name, name_length, (const char *)value, length);
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
	receive_bytes(grpc, call, (const char *)bytes, length);
	if (call->ended)
		respond_to_call(grpc, call);
	return 0;
}

static void end_input(struct grpc_connection *grpc, struct grpc_call *call)
{
	call->input_ended = true;
	waiting_remove(&call->waiter);
	if (call->ended)
		return;
	if (call->input.length > 0 && (call->messages == 0 || call->method->takes_many))
		grpc_call_end(call, GRPC_INTERNAL, "the request ends within a message");
	else if (call->method->takes_many)
		grpc_call_end(call, GRPC_OK, NULL);
	else if (call->messages == 0)
		grpc_call_end(call, GRPC_UNIMPLEMENTED, "the method needs one message");
	if (call->ended)
		respond_to_call(grpc, call);
	else
		serve_message(grpc, call);
}

/* The client has seen the first GOAWAY, and so all its calls are known. */
static void finish_leaving(struct grpc_connection *grpc)
{
	nghttp2_submit_goaway(grpc->session, NGHTTP2_FLAG_NONE,
			      nghttp2_session_get_last_proc_stream_id(grpc->session),
			      NGHTTP2_NO_ERROR, NULL, 0);
	grpc->left = true;
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
			begin_call(grpc, call);
		break;
	case NGHTTP2_SETTINGS:
		grpc->established = true;
		break;
	case NGHTTP2_PING:
		if ((frame->hd.flags & NGHTTP2_FLAG_ACK) && grpc->leaving && !grpc->left &&
		    memcmp(frame->ping.opaque_data, leave_ping, sizeof leave_ping) == 0)
			finish_leaving(grpc);
		break;
	default:
		break;
	}
	if (call && (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
	    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		end_input(grpc, call);
	else if (call && call->ended && frame->hd.type == NGHTTP2_DATA)
		refuse_rest(grpc, call);
	return 0;
}

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct grpc_connection *const grpc = user;

	if (frame->hd.type == NGHTTP2_DATA)
		grpc_flood_give(&grpc->flood, FLOOD_PER_DATA);
	if (frame->hd.type != NGHTTP2_HEADERS || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	struct grpc_call *const call =
		nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (!call)
		return 0;
	call->answered = true;
	if (call->unwanted)
		refuse_rest(grpc, call);
	return 0;
}

static void forget_call(struct grpc_connection *grpc, struct grpc_call *call)
{
	grpc_call_end(call, GRPC_CANCELLED, "the client has cancelled the call");
	count_call(grpc, call);
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
	grpc->opened_ns = elapsed_ns();
	grpc_flood_init(&grpc->flood, grpc->opened_ns);
	return error == 0;
}

void grpc_session_close(struct grpc_connection *grpc)
{
	while (grpc->calls)
		forget_call(grpc, grpc->calls);
	nghttp2_session_del(grpc->session);
	grpc->session = NULL;
}

int grpc_session_receive(struct grpc_connection *grpc, const char *bytes, size_t length)
{
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

	grpc_session_leave(grpc);
	for (struct grpc_call *call = grpc->calls; call; call = next) {
		next = call->next;
		if (call->method && call->method->is_stream && !call->ended && call->messages > 0)
			continue_call(grpc, call);
	}
}

void grpc_session_leave(struct grpc_connection *grpc)
{
	if (grpc->leaving)
		return;
	grpc->leaving = true;
	nghttp2_submit_shutdown_notice(grpc->session);
	nghttp2_submit_ping(grpc->session, NGHTTP2_FLAG_NONE, leave_ping);
}
