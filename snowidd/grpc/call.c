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

void *grpc_call_unpack(struct grpc_call *call, const ProtobufCMessageDescriptor *type,
		       const uint8_t *message, size_t length)
{
	void *const unpacked = protobuf_c_message_unpack(type, NULL, length, message);

	if (!unpacked)
		grpc_call_end(call, GRPC_INTERNAL, "the message is not a %s", type->name);
	return unpacked;
}
