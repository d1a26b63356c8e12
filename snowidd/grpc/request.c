/* SPDX-License-Identifier: MIT
 *
 * The request of a call as it arrives.
 */
#include <inttypes.h>
#include <string.h>

#include "snowidd/grpc/metadata.h"
#include "snowidd/grpc/methods.h"
#include "snowidd/grpc/request.h"
#include "snowidd/grpc/response.h"
#include "snowidd/grpc/serving.h"
#include "snowidd/net/admit.h"

#define FIELD_OVERHEAD 32 /* of a header field, as RFC 9113, section 6.5.2, counts it */

/* ---- the header ------------------------------------------------------------------------------ */

static bool field_is(const uint8_t *name, size_t length, const char *text)
{
	return length == strlen(text) && memcmp(name, text, length) == 0;
}

static void read_known_field(struct grpc_call *call, const uint8_t *name, size_t name_length,
			     const char *value, size_t length)
{
	uint64_t timeout_ns;

	if (field_is(name, name_length, ":path")) {
		call->method = grpc_method_find(value, length);
		buffer_bytes(&call->path, value, length);
	} else if (field_is(name, name_length, ":method")) {
		call->is_post = length == 4 && memcmp(value, "POST", 4) == 0;
		call->is_head = length == 4 && memcmp(value, "HEAD", 4) == 0;
	} else if (field_is(name, name_length, "content-type")) {
		call->type_is_served = grpc_type_is_served(value, length);
	} else if (field_is(name, name_length, "authorization")) {
		buffer_clear(&call->authorization);
		buffer_bytes(&call->authorization, value, length);
	} else if (field_is(name, name_length, "x-forwarded-for")) {
		buffer_text(&call->forwarded_for, call->forwarded_for.length > 0 ? "," : "");
		buffer_bytes(&call->forwarded_for, value, length);
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

void grpc_request_read_field(struct grpc_connection *grpc, struct grpc_call *call,
			     const uint8_t *name, size_t name_length, const char *value,
			     size_t length)
{
	call->header_bytes += name_length + length + FIELD_OVERHEAD;
	if (call->header_bytes <= grpc->connection.loop->live->settings->request_bytes)
		read_known_field(call, name, name_length, value, length);
}

static bool is_call_admitted(struct grpc_connection *grpc, struct grpc_call *call)
{
	uint64_t wait_ns = 0;

	if (call->method && call->method->is_open)
		return true;
	const struct ip_address client = grpc_client_of(grpc, call);
	const enum refusal refusal =
		admit_client(grpc->connection.loop, &client, call->authorization.data,
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

void grpc_request_begin(struct grpc_connection *grpc, struct grpc_call *call)
{
	grpc_serving_use_share(grpc);
	buffer_bytes(&call->path, "", 1);
	if (call->path.failed || call->authorization.failed || call->forwarded_for.failed)
		grpc_call_refuse(call, REFUSED_INTERNAL, 0);
	else
		check_header(grpc, call);
	if (call->ended)
		grpc_response_send(grpc, call);
	else
		grpc_call_await_input(call);
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
	grpc_serving_use_share(grpc);
	grpc_serving_message(grpc, call);
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
		if (call->input.length < wanted || call->ended)
			continue;
		if (in_prefix && !check_prefix(call, limit))
			return;
		if (call->input.length == GRPC_PREFIX + prefix_length(&call->input))
			end_message(grpc, call);
	}
}

void grpc_request_receive(struct grpc_connection *grpc, struct grpc_call *call, const char *bytes,
			  size_t length)
{
	receive_bytes(grpc, call, bytes, length);
	if (call->ended)
		grpc_response_send(grpc, call);
}

void grpc_request_end(struct grpc_connection *grpc, struct grpc_call *call)
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
		grpc_response_send(grpc, call);
	else
		grpc_serving_message(grpc, call);
}
