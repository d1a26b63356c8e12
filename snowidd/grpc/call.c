/* SPDX-License-Identifier: MIT
 *
 * A call.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snowidd/grpc/call.h"

#define SPARE_CALLS 256
#define BUFFER_KEPT 32768 /* the memory that a spare call may keep for its messages */

struct grpc_thread *grpc_thread_new(struct loop *loop, struct service *service)
{
	struct grpc_thread *const thread = calloc(1, sizeof *thread);

	if (!thread)
		return NULL;
	thread->loop = loop;
	thread->service = service;
	return thread;
}

static void destroy_call(struct grpc_call *call)
{
	buffer_free(&call->path);
	buffer_free(&call->authorization);
	buffer_free(&call->forwarded_for);
	buffer_free(&call->input);
	buffer_free(&call->output);
	free(call);
}

void grpc_thread_free(struct grpc_thread *thread)
{
	while (thread->spare) {
		struct grpc_call *const call = thread->spare;
		thread->spare = call->next;
		destroy_call(call);
	}
	buffer_free(&thread->expanded);
	free(thread);
}

struct grpc_call *grpc_call_new(struct grpc_thread *thread)
{
	struct grpc_call *call = thread->spare;

	if (call) {
		thread->spare = call->next;
		thread->spare_count--;
		call->next = NULL;
		return call;
	}
	call = calloc(1, sizeof *call);
	if (call)
		call->thread = thread;
	return call;
}

void grpc_call_free(struct grpc_call *call)
{
	struct grpc_thread *const thread = call->thread;
	const size_t kept = offsetof(struct grpc_call, previous);

	waiting_remove(&call->waiter);
	id_request_free(&call->ids);
	if (thread->spare_count >= SPARE_CALLS || call->input.size > BUFFER_KEPT ||
	    call->output.size > BUFFER_KEPT) {
		destroy_call(call);
		return;
	}
	buffer_clear(&call->path);
	buffer_clear(&call->authorization);
	buffer_clear(&call->forwarded_for);
	buffer_clear(&call->input);
	buffer_clear(&call->output);
	memset((char *)call + kept, 0, sizeof *call - kept);
	call->next = thread->spare;
	thread->spare = call;
	thread->spare_count++;
}

enum grpc_next grpc_call_end(struct grpc_call *call, enum grpc_status status, const char *format,
			     ...)
{
	va_list arguments;

	if (call->ended)
		return GRPC_ENDS;
	call->ended = true;
	call->status = status;
	if (status == GRPC_OK)
		return GRPC_ENDS;
	va_start(arguments, format);
	vsnprintf(call->message, sizeof call->message, format, arguments);
	va_end(arguments);
	return GRPC_ENDS;
}

enum grpc_next grpc_call_refuse(struct grpc_call *call, enum refusal refusal, uint64_t wait_ns)
{
	const enum grpc_status status = grpc_status_of_refusal(refusal);

	if (status == GRPC_RESOURCE_EXHAUSTED)
		call->retry_ns = wait_ns > 0 ? wait_ns : 1000000;
	return grpc_call_end(call, status, "%s", refusal_text(refusal));
}

void grpc_call_await_input(struct grpc_call *call)
{
	struct loop *const loop = call->thread->loop;

	loop_wait(loop, &call->waiter, PHASE_REQUEST,
		  loop->live->settings->header_timeout / 1000000);
}

void grpc_call_send(struct grpc_call *call, const ProtobufCMessage *message)
{
	const size_t length = protobuf_c_message_get_packed_size(message);
	uint8_t *const to = (uint8_t *)buffer_reserve(&call->output, GRPC_PREFIX + length);

	if (!to)
		return;
	to[0] = 0; /* not compressed: there is nothing in IDs to compress */
	for (size_t i = 1; i < GRPC_PREFIX; i++)
		to[i] = (uint8_t)(length >> (8 * (GRPC_PREFIX - 1 - i)));
	protobuf_c_message_pack(message, to + GRPC_PREFIX);
	call->output.length += GRPC_PREFIX + length;
}

/* ---- messages that arrive -------------------------------------------------------------------- */

/* Of the encoding in https://protobuf.dev/programming-guides/encoding/. */
enum wire_type { WIRE_VARINT, WIRE_64_BITS, WIRE_BYTES, WIRE_32_BITS = 5 };

static uint64_t read_varint(const uint8_t **at, const uint8_t *end)
{
	uint64_t value = 0;

	for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
		const uint8_t byte = *(*at)++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			break;
	}
	return value;
}

/* protobuf-c ends a text at its first NUL, so that what follows would go unnoticed. */
static bool has_nul_in_text(const ProtobufCMessageDescriptor *type, const uint8_t *at,
			    const uint8_t *end)
{
	while (at < end) {
		const uint64_t tag = read_varint(&at, end);
		const unsigned wire_type = tag & 7;
		if (wire_type == WIRE_VARINT) {
			read_varint(&at, end);
			continue;
		}
		const uint64_t length = wire_type == WIRE_BYTES     ? read_varint(&at, end)
					: wire_type == WIRE_64_BITS ? 8
					: wire_type == WIRE_32_BITS ? 4
								    : UINT64_MAX;
		if (length > (uint64_t)(end - at))
			return false; /* not for a message that has been unpacked */
		const ProtobufCFieldDescriptor *const field =
			protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3));
		if (field && field->type == PROTOBUF_C_TYPE_STRING && wire_type == WIRE_BYTES &&
		    memchr(at, '\0', length))
			return true;
		at += length;
	}
	return false;
}

void *grpc_call_unpack(struct grpc_call *call, const ProtobufCMessageDescriptor *type,
		       const uint8_t *message, size_t length)
{
	void *const unpacked = protobuf_c_message_unpack(type, NULL, length, message);

	if (!unpacked) {
		grpc_call_end(call, GRPC_INTERNAL, "the message is not a %s", type->name);
	} else if (has_nul_in_text(type, message, message + length)) {
		protobuf_c_message_free_unpacked(unpacked, NULL);
		grpc_call_end(call, GRPC_INTERNAL, "a text of the %s has a NUL", type->name);
		return NULL;
	}
	return unpacked;
}
