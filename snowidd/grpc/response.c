/* SPDX-License-Identifier: MIT
 *
 * The response to a call.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "snowidd/base/elapsed.h"
#include "snowidd/base/log.h"
#include "snowidd/grpc/lifetime.h"
#include "snowidd/grpc/methods.h"
#include "snowidd/grpc/response.h"

/* ---- how a call has ended -------------------------------------------------------------------- */

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
	const struct ip_address address = grpc_client_of(grpc, call);
	char client[IP_ADDRESS_TEXT], us[24];

	ip_address_format(&address, client);
	snprintf(us, sizeof us, "%" PRIu64, (elapsed_ns() - call->began_ns) / 1000);
	log_event(LOG_LEVEL_INFO, "request", "client", client, "method", "gRPC", "target",
		  call->path.length > 0 ? call->path.data : "-", "status",
		  grpc_status_name(call->status), "us", us, NULL);
}

void grpc_response_count(const struct grpc_connection *grpc, struct grpc_call *call)
{
	struct loop *const loop = grpc->connection.loop;

	if (call->counted)
		return;
	call->counted = true;
	counter_add(&loop->counters->grpc_calls[grpc_method_index(call->method)][call->status], 1);
	if (loop->live->settings->log_access)
		log_call(grpc, call);
}

/* ---- header and messages --------------------------------------------------------------------- */

/* Has the method of a stream add to the output. */
static void produce_output(struct grpc_connection *grpc, struct grpc_call *call, size_t room)
{
	grpc_lifetime_check_stream(grpc, call);
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
			grpc_response_count(grpc, call);
			*flags |= NGHTTP2_DATA_FLAG_EOF;
			if (!call->http_status) {
				*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
				submit_trailers(grpc, call);
			}
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
static void submit_http_response(struct grpc_connection *grpc, struct grpc_call *call)
{
	const nghttp2_data_provider text = {.source.ptr = call, .read_callback = read_output};
	const nghttp2_nv fields[3] = {header_field(":status", call->http_status),
				      header_field("content-type", "text/plain"),
				      header_field("allow", "POST")};

	if (!call->is_head)
		buffer_text(&call->output, "This port serves gRPC: requests are POST, with the "
					   "content-type application/grpc.\n");
	nghttp2_submit_response(grpc->session, call->stream, fields, call->is_post ? 2 : 3,
				call->is_head ? NULL : &text);
}

void grpc_response_refuse_rest(struct grpc_connection *grpc, struct grpc_call *call)
{
	call->unwanted = true;
	if (call->answered)
		nghttp2_submit_rst_stream(grpc->session, NGHTTP2_FLAG_NONE, call->stream,
					  NGHTTP2_NO_ERROR);
}

/* What a call that has ended waits for: the rest of its request, or room for its response. */
static void await_end(struct grpc_connection *grpc, struct grpc_call *call)
{
	struct loop *const loop = grpc->connection.loop;

	if (!call->input_ended && !call->unwanted)
		grpc_call_await_input(call);
	else if (!call->answered)
		loop_wait(loop, &call->waiter, PHASE_WRITING,
			  loop->live->settings->idle_timeout / 1000000);
}

void grpc_response_cancel(struct grpc_connection *grpc, struct grpc_call *call)
{
	nghttp2_submit_rst_stream(grpc->session, NGHTTP2_FLAG_NONE, call->stream, NGHTTP2_CANCEL);
}

void grpc_response_send(struct grpc_connection *grpc, struct grpc_call *call)
{
	if (call->ended) {
		grpc_response_count(grpc, call);
		await_end(grpc, call);
	}
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
