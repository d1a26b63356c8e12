/* SPDX-License-Identifier: MIT
 *
 * The methods of IDGenerator.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snowidd/base/elapsed.h"
#include "snowidd/grpc/connection.h"
#include "snowidd/grpc/id_generator.h"
#include "snowidd/grpc/snowid.pb-c.h"
#include "snowidd/net/admit.h"
#include "snowidd/service/decode.h"
#include "snowidd/service/health.h"

/* ---- IDs ------------------------------------------------------------------------------------- */

/* Whether IDs can be asked for; otherwise the call has ended. */
static bool begin_call_ids(struct grpc_call *call, const char *kind, uint64_t count)
{
	struct loop *const loop = call->thread->loop;
	const struct settings *const settings = loop->live->settings;

	const enum refusal refusal = service_begin(call->thread->service, &call->ids, kind,
						   strlen(kind), count, settings, loop->counters);
	if (refusal == REFUSED_COUNT)
		grpc_call_end(call, GRPC_INVALID_ARGUMENT,
			      "count must be a number from 1 to %" PRIu64, settings->count);
	else if (refusal != SERVED)
		grpc_call_refuse(call, refusal, 0);
	return refusal == SERVED;
}

/* Whether the client may have as many; otherwise the call has ended. */
static bool admit_call_ids(struct grpc_call *call)
{
	const struct ip_address client = grpc_client_of(call->connection, call);
	uint64_t wait_ns = 0;

	const enum refusal refusal =
		admit_ids(call->thread->loop, &client, call->ids.count, &wait_ns);
	if (refusal != SERVED)
		grpc_call_refuse(call, refusal, wait_ns);
	return refusal == SERVED;
}

/* The client does not get these, so that they do not count. */
static void return_call_ids(struct grpc_call *call, uint64_t count)
{
	const struct ip_address client = grpc_client_of(call->connection, call);

	admit_return_ids(call->thread->loop, &client, count);
}

/* What is left of a wait, if the deadline of the call is sooner than that of the server. */
static uint64_t shorten_wait(const struct grpc_call *call, uint64_t wait_ns)
{
	const uint64_t left_ns =
		call->deadline_ns > call->began_ns ? call->deadline_ns - call->began_ns : 0;

	return left_ns < wait_ns ? left_ns : wait_ns;
}

/* Makes the IDs: SERVED, or what to do next is in *next. */
static enum refusal fill_call_ids(struct grpc_call *call, enum grpc_next *next)
{
	struct loop *const loop = call->thread->loop;
	const uint64_t timeout_ns = loop->live->settings->wait_timeout,
		       allowed_ns = shorten_wait(call, timeout_ns);
	uint64_t wait_ns;

	const enum refusal refusal = service_fill(call->thread->service, &call->ids, allowed_ns,
						  loop->counters, &wait_ns);
	if (refusal != SERVED && wait_ns > 0)
		*next = GRPC_QUEUES;
	else if (refusal == REFUSED_EXHAUSTED && allowed_ns < timeout_ns)
		*next = grpc_call_end(call, GRPC_DEADLINE_EXCEEDED,
				      "the IDs cannot be made within the deadline");
	else if (refusal != SERVED)
		*next = grpc_call_refuse(call, refusal, 0);
	if (call->ended)
		return_call_ids(call, call->ids.count);
	return refusal;
}

/* Writes an ID of 128 bits as text. */
static void format_id128(const struct served_kind *kind, const struct snowid_id128 *id,
			 char text[SNOWID_UUID_TEXT])
{
	if (kind->type == KIND_ULID)
		snowid_ulid_format(id, text);
	else
		snowid_uuid_format(id, text);
}

enum grpc_next id_generator_resume_one(struct grpc_call *call)
{
	GenerateIDResponse response;
	char text[SNOWID_UUID_TEXT];
	enum grpc_next next;

	if (fill_call_ids(call, &next) != SERVED)
		return next;
	generate_idresponse__init(&response);
	if (call->ids.kind->type == KIND_LAYOUT) {
		response.id = (int64_t)call->ids.ids[0];
	} else {
		format_id128(call->ids.kind, &call->ids.ids128[0], text);
		response.text = text;
		response.value.data = call->ids.ids128[0].bytes;
		response.value.len = sizeof call->ids.ids128[0].bytes;
	}
	grpc_call_send(call, &response.base);
	return grpc_call_end(call, GRPC_OK, NULL);
}

enum grpc_next id_generator_one(struct grpc_call *call, const uint8_t *message, size_t length)
{
	GenerateIDRequest *const request =
		grpc_call_unpack(call, &generate_idrequest__descriptor, message, length);

	if (!request)
		return GRPC_ENDS;
	const bool begun = begin_call_ids(call, request->kind, 1) && admit_call_ids(call);
	protobuf_c_message_free_unpacked(&request->base, NULL);
	return begun ? id_generator_resume_one(call) : GRPC_ENDS;
}

/* ---- many IDs -------------------------------------------------------------------------------- */

/* Sends IDs of 128 bits. False if there is no memory. */
static bool send_ids128(struct grpc_call *call, GenerateBatchResponse *response, size_t count)
{
	char(*const texts)[SNOWID_UUID_TEXT] = malloc(count * sizeof *texts);
	char **const text_pointers = malloc(count * sizeof *text_pointers);
	ProtobufCBinaryData *const values = malloc(count * sizeof *values);
	const bool allocated = texts && text_pointers && values;

	for (size_t i = 0; allocated && i < count; i++) {
		struct snowid_id128 *const id = &call->ids.ids128[i];
		format_id128(call->ids.kind, id, texts[i]);
		text_pointers[i] = texts[i];
		values[i] = (ProtobufCBinaryData){sizeof id->bytes, id->bytes};
	}
	response->texts = text_pointers;
	response->values = values;
	response->n_texts = response->n_values = count;
	if (allocated)
		grpc_call_send(call, &response->base);
	free(texts);
	free(text_pointers);
	free(values);
	return allocated;
}

/* Also for a stream, whose messages have the same fields. */
static bool send_ids(struct grpc_call *call, size_t count)
{
	GenerateBatchResponse response;

	generate_batch_response__init(&response);
	if (call->ids.kind->type != KIND_LAYOUT)
		return send_ids128(call, &response, count);
	response.ids = (int64_t *)call->ids.ids; /* the same bits */
	response.n_ids = count;
	grpc_call_send(call, &response.base);
	return true;
}

enum grpc_next id_generator_resume_batch(struct grpc_call *call)
{
	enum grpc_next next;

	if (fill_call_ids(call, &next) != SERVED)
		return next;
	if (!send_ids(call, call->ids.count))
		return grpc_call_refuse(call, REFUSED_INTERNAL, 0);
	return grpc_call_end(call, GRPC_OK, NULL);
}

enum grpc_next id_generator_batch(struct grpc_call *call, const uint8_t *message, size_t length)
{
	GenerateBatchRequest *const request =
		grpc_call_unpack(call, &generate_batch_request__descriptor, message, length);

	if (!request)
		return GRPC_ENDS;
	const uint64_t count = request->count > 0 ? (uint64_t)request->count : 0;
	const bool begun = begin_call_ids(call, request->kind, count) && admit_call_ids(call);
	protobuf_c_message_free_unpacked(&request->base, NULL);
	return begun ? id_generator_resume_batch(call) : GRPC_ENDS;
}

/* ---- streams --------------------------------------------------------------------------------- */

#define STREAM_IDS      1024 /* in a message */
#define STREAM_MESSAGES 3    /* in a millisecond, so that others find IDs too */
#define STREAM_TURNS    20

/* The most that a message and an ID in it take: a varint of 64 bits, or a text and 16 bytes, each
 * with its tag and length. */
#define MESSAGE_OVERHEAD (GRPC_PREFIX + 4)
#define NUMBER_SIZE      10
#define TEXT_SIZE        (SNOWID_UUID_TEXT - 1 + 2 + 16 + 2)

/* A turn that comes late has the messages of those that it missed. */
enum grpc_next id_generator_resume_stream(struct grpc_call *call)
{
	const uint64_t now_ns = elapsed_ns(), missed = (now_ns - call->streamed_ns) / 1000000;
	const uint64_t turns = missed < 1 ? 1 : missed < STREAM_TURNS ? missed : STREAM_TURNS;

	call->stream_pending = (unsigned)(turns * STREAM_MESSAGES);
	call->streamed_ns = now_ns;
	return GRPC_HOLDS;
}

enum grpc_next id_generator_stream(struct grpc_call *call, const uint8_t *message, size_t length)
{
	const uint64_t limit = call->thread->loop->live->settings->count;
	StreamIDsRequest *const request =
		grpc_call_unpack(call, &stream_ids_request__descriptor, message, length);

	if (!request)
		return GRPC_ENDS;
	if (request->count < 0)
		grpc_call_end(call, GRPC_INVALID_ARGUMENT, "count must be 0 or a number of IDs");
	else
		begin_call_ids(call, request->kind, limit < STREAM_IDS ? limit : STREAM_IDS);
	call->streamed_ns = elapsed_ns();
	call->stream_left = request->count > 0 ? (uint64_t)request->count : UINT64_MAX;
	protobuf_c_message_free_unpacked(&request->base, NULL);
	return call->ended ? GRPC_ENDS : id_generator_resume_stream(call);
}

/* How many IDs are drawn for a message: one, or as many as can be sent now. Others would be old
 * when the client has read what was sent before. */
static size_t count_for_room(const struct grpc_call *call, size_t room)
{
	const size_t size = call->ids.kind->type == KIND_LAYOUT ? NUMBER_SIZE : TEXT_SIZE;
	size_t count = room > MESSAGE_OVERHEAD + size ? (room - MESSAGE_OVERHEAD) / size : 1;

	if (count > call->ids.count)
		count = call->ids.count;
	return count < call->stream_left ? count : (size_t)call->stream_left;
}

enum grpc_next id_generator_produce(struct grpc_call *call, size_t room)
{
	struct loop *const loop = call->thread->loop;
	const struct ip_address client = grpc_client_of(call->connection, call);
	uint64_t wait_ns;

	if (call->stream_left == 0)
		return grpc_call_end(call, GRPC_OK, NULL);
	const size_t count =
		call->stream_pending > 0
			? (size_t)admit_some_ids(loop, &client, count_for_room(call, room))
			: 0;
	if (count == 0)
		return GRPC_PARKS;
	const enum refusal refusal =
		service_draw(call->thread->service, &call->ids, count,
			     loop->live->settings->wait_timeout, loop->counters, &wait_ns);
	return_call_ids(call, count - call->ids.made);
	if (refusal != SERVED)
		return wait_ns > 0 ? GRPC_PARKS : grpc_call_refuse(call, refusal, 0);
	if (!send_ids(call, call->ids.made))
		return grpc_call_refuse(call, REFUSED_INTERNAL, 0);
	call->stream_pending--;
	if (call->stream_left != UINT64_MAX)
		call->stream_left -= call->ids.made;
	return GRPC_HOLDS;
}

/* ---- parts of an ID -------------------------------------------------------------------------- */

/* The request's ID as text. False if that is not one ID, and the call has ended. */
static bool read_parsed_id(struct grpc_call *call, const ParseIDRequest *request,
			   const struct served_kind *kind, struct buffer *text)
{
	const int given = (request->id != 0) + (*request->text != '\0') + (request->value.len > 0);
	struct snowid_id128 id;
	char formatted[SNOWID_UUID_TEXT];

	if (given > 1) {
		grpc_call_end(call, GRPC_INVALID_ARGUMENT, "give one of id, text and value");
		return false;
	}
	if (request->value.len > 0) {
		if (request->value.len != sizeof id.bytes) {
			grpc_call_end(call, GRPC_INVALID_ARGUMENT,
				      "value has %zu bytes: a ULID or UUID has 16",
				      request->value.len);
			return false;
		}
		memcpy(id.bytes, request->value.data, sizeof id.bytes);
		if (kind && kind->type == KIND_ULID)
			snowid_ulid_format(&id, formatted);
		else
			snowid_uuid_format(&id, formatted);
		buffer_text(text, formatted);
	} else if (*request->text) {
		buffer_text(text, request->text);
	} else {
		buffer_number(text, (uint64_t)request->id);
	}
	return true;
}

static void send_decoded(struct grpc_call *call, struct decoded_id *decoded)
{
	Field fields[KIND_FIELDS + 1], *field_pointers[KIND_FIELDS + 1];
	ParseIDResponse response;
	char kind[32], variant[16];

	parse_idresponse__init(&response);
	snprintf(kind, sizeof kind, "%s", decoded->kind);
	snprintf(variant, sizeof variant, "%s", decoded->variant ? decoded->variant : "");
	response.kind = kind;
	response.variant = variant;
	response.text = decoded->text;
	response.has_timestamp = decoded->has_time;
	response.timestamp_ms = decoded->has_time ? decoded->unix_ms : 0;
	response.fields = field_pointers;
	response.n_fields = decoded->field_count;
	for (size_t i = 0; i < decoded->field_count; i++) {
		struct kind_field *const part = &decoded->fields[i];
		field__init(&fields[i]);
		field_pointers[i] = &fields[i];
		fields[i].name = part->name;
		fields[i].value = part->value;
		if (strcmp(part->name, "datacenter_id") == 0)
			response.datacenter_id = (int32_t)part->value;
		else if (strcmp(part->name, "sequence") == 0)
			response.sequence = (int32_t)part->value;
		else if (kind_field_is_worker(part->name))
			response.worker_id = (int32_t)part->value;
	}
	grpc_call_send(call, &response.base);
}

static enum grpc_next decode_as_kind(struct grpc_call *call, const ParseIDRequest *request,
				     const struct served_kind *kind)
{
	struct service *const service = call->thread->service;
	struct decoded_id decoded;
	struct buffer text = {.data = NULL};
	enum refusal refusal = kind ? SERVED : REFUSED_KIND;
	char why[200];

	if (kind && !read_parsed_id(call, request, kind, &text))
		return GRPC_ENDS;
	if (text.failed)
		refusal = REFUSED_INTERNAL;
	if (refusal == SERVED)
		refusal = decode_id(service, *request->kind ? kind : NULL, text.data, text.length,
				    &decoded);
	buffer_free(&text);
	if (refusal == SERVED) {
		send_decoded(call, &decoded);
		return grpc_call_end(call, GRPC_OK, NULL);
	}
	counter_add(&call->thread->loop->counters->errors[refusal], 1);
	if (refusal == REFUSED_ID && snowid_error_detail(why, sizeof why) > 0)
		return grpc_call_end(call, GRPC_INVALID_ARGUMENT, "%s", why);
	return grpc_call_refuse(call, refusal, 0);
}

static enum grpc_next decode_request_id(struct grpc_call *call, const ParseIDRequest *request)
{
	struct served_kind unserved;

	const struct served_kind *const kind = service_kind_to_read(
		call->thread->service, request->kind, strlen(request->kind), &unserved);
	const enum grpc_next next = decode_as_kind(call, request, kind);
	kind_close_to_read(&unserved);
	return next;
}

enum grpc_next id_generator_parse(struct grpc_call *call, const uint8_t *message, size_t length)
{
	ParseIDRequest *const request =
		grpc_call_unpack(call, &parse_idrequest__descriptor, message, length);

	if (!request)
		return GRPC_ENDS;
	const enum grpc_next next = decode_request_id(call, request);
	protobuf_c_message_free_unpacked(&request->base, NULL);
	return next;
}

/* ---- health ---------------------------------------------------------------------------------- */

static void send_health(struct grpc_call *call, struct health *health)
{
	Field fields[KIND_FIELDS], *field_pointers[KIND_FIELDS];
	HealthCheckResponse response;
	char status[16], version[32];

	health_check_response__init(&response);
	snprintf(status, sizeof status, "%s", health_status(health));
	snprintf(version, sizeof version, "%s", snowid_version());
	response.status = status;
	response.version = version;
	response.reason = health->reason;
	response.ready = health->ready;
	response.seconds_left = health->degraded ? health->seconds_left : 0;
	response.uptime_seconds = (int64_t)health->uptime_s;
	response.ids_generated = (int64_t)health->ids;
	response.fields = field_pointers;
	response.n_fields = health->field_count;
	for (size_t i = 0; i < health->field_count; i++) {
		struct kind_field *const part = &health->fields[i];
		field__init(&fields[i]);
		field_pointers[i] = &fields[i];
		fields[i].name = part->name;
		fields[i].value = part->value;
		if (strcmp(part->name, "datacenter_id") == 0)
			response.datacenter_id = (int32_t)part->value;
		else if (kind_field_is_worker(part->name))
			response.worker_id = (int32_t)part->value;
	}
	grpc_call_send(call, &response.base);
}

enum grpc_next id_generator_health(struct grpc_call *call, const uint8_t *message, size_t length)
{
	struct health health;

	HealthCheckRequest *const request =
		grpc_call_unpack(call, &health_check_request__descriptor, message, length);
	if (!request)
		return GRPC_ENDS;
	protobuf_c_message_free_unpacked(&request->base, NULL);
	service_health(call->thread->service, &health);
	send_health(call, &health);
	return grpc_call_end(call, GRPC_OK, NULL);
}
