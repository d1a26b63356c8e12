/* SPDX-License-Identifier: MIT
 *
 * The status of a call.
 */
#include <openssl/evp.h>
#include <stdio.h>

#include "snowidd/grpc/status.h"
#include "snowidd/grpc/status.pb-c.h"

#define RETRY_TYPE   "type.googleapis.com/google.rpc.RetryInfo"
#define DETAILS_SIZE 640 /* of a message of 500 bytes */

static const struct {
	const char *digits, *name;
} statuses[GRPC_STATUSES] = {
	{"0", "OK"},
	{"1", "CANCELLED"},
	{"2", "UNKNOWN"},
	{"3", "INVALID_ARGUMENT"},
	{"4", "DEADLINE_EXCEEDED"},
	{"5", "NOT_FOUND"},
	{"6", "ALREADY_EXISTS"},
	{"7", "PERMISSION_DENIED"},
	{"8", "RESOURCE_EXHAUSTED"},
	{"9", "FAILED_PRECONDITION"},
	{"10", "ABORTED"},
	{"11", "OUT_OF_RANGE"},
	{"12", "UNIMPLEMENTED"},
	{"13", "INTERNAL"},
	{"14", "UNAVAILABLE"},
	{"15", "DATA_LOSS"},
	{"16", "UNAUTHENTICATED"},
};

const char *grpc_status_name(size_t status)
{
	return status < GRPC_STATUSES ? statuses[status].name : NULL;
}

const char *grpc_status_digits(enum grpc_status status)
{
	return statuses[status].digits;
}

enum grpc_status grpc_status_of_refusal(enum refusal refusal)
{
	/* UNAVAILABLE has clients try again, and elsewhere. */
	static const enum grpc_status codes[REFUSALS] = {
		[SERVED] = GRPC_OK,
		[REFUSED_KIND] = GRPC_NOT_FOUND,
		[REFUSED_COUNT] = GRPC_INVALID_ARGUMENT,
		[REFUSED_ID] = GRPC_INVALID_ARGUMENT,
		[REFUSED_CLOCK] = GRPC_UNAVAILABLE,
		[REFUSED_CONFLICT] = GRPC_UNAVAILABLE,
		[REFUSED_EXHAUSTED] = GRPC_RESOURCE_EXHAUSTED,
		[REFUSED_STORE] = GRPC_UNAVAILABLE,
		[REFUSED_ENDED] = GRPC_FAILED_PRECONDITION,
		[REFUSED_STOPPING] = GRPC_UNAVAILABLE,
		[REFUSED_INTERNAL] = GRPC_INTERNAL,
		[REFUSED_RATE] = GRPC_RESOURCE_EXHAUSTED,
		[REFUSED_TOKEN] = GRPC_UNAUTHENTICATED,
	};

	return codes[refusal];
}

void grpc_status_add_message(struct buffer *to, const char *text)
{
	for (; *text; text++) {
		const unsigned char byte = (unsigned char)*text;
		if (byte >= ' ' && byte <= '~' && byte != '%')
			buffer_bytes(to, text, 1);
		else
			buffer_printf(to, "%%%02X", byte);
	}
}

/* Base64 (RFC 4648, section 4), without the padding, which PROTOCOL-HTTP2.md has left out. */
static void add_base64(struct buffer *to, const uint8_t *bytes, size_t length)
{
	char *const text = buffer_reserve(to, (length + 2) / 3 * 4 + 1);

	if (!text)
		return;
	EVP_EncodeBlock((unsigned char *)text, bytes, (int)length);
	to->length += strcspn(text, "=");
}

void grpc_status_add_retry(struct buffer *to, enum grpc_status status, const char *text,
			   uint64_t wait_ns)
{
	uint8_t packed[DETAILS_SIZE], retry_bytes[64];
	char type[] = RETRY_TYPE, message[500];
	Rpc__Duration delay;
	Rpc__RetryInfo retry;
	Rpc__Any detail, *details[] = {&detail};
	Rpc__Status value;

	rpc__duration__init(&delay);
	delay.seconds = (int64_t)(wait_ns / 1000000000);
	delay.nanos = (int32_t)(wait_ns % 1000000000);
	rpc__retry_info__init(&retry);
	retry.retry_delay = &delay;
	rpc__any__init(&detail);
	detail.type_url = type;
	detail.value.data = retry_bytes;
	detail.value.len = rpc__retry_info__pack(&retry, retry_bytes);
	snprintf(message, sizeof message, "%s", text);
	rpc__status__init(&value);
	value.code = (int32_t)status;
	value.message = message;
	value.details = details;
	value.n_details = 1;
	if (rpc__status__get_packed_size(&value) <= sizeof packed)
		add_base64(to, packed, rpc__status__pack(&value, packed));
}
