/* SPDX-License-Identifier: MIT
 *
 * The method of grpc.reflection.v1.ServerReflection.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snowidd/grpc/descriptor.pb-c.h"
#include "snowidd/grpc/descriptors.h"
#include "snowidd/grpc/reflection.h"
#include "snowidd/grpc/reflection.pb-c.h"

/* Replies that the client has not read; with more, the call ends. */
#define UNREAD_MAX 262144

#define SYMBOL_SIZE  256
#define SERVICES_MAX 16

#define ASKS_FOR(what)     GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##what
#define REPLIES_WITH(what) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##what

typedef Grpc__Reflection__V1__ServerReflectionRequest InfoRequest;
typedef Grpc__Reflection__V1__ServerReflectionResponse InfoResponse;

/* ---- the files ------------------------------------------------------------------------------- */

/* A question about the files. The first function that knows the answer returns true. */
struct file_query {
	bool (*matches)(const struct file_query *query, const Descriptor__File *file);
	const char *name;
};

static bool has_file_name(const struct file_query *query, const Descriptor__File *file)
{
	return strcmp(file->name, query->name) == 0;
}

/* Whether `symbol` is `name` in a package; *rest is what follows behind a dot, NULL if nothing. */
static bool symbol_is(const char *symbol, const char *package, const char *name, const char **rest)
{
	char full[SYMBOL_SIZE];
	const int length =
		snprintf(full, sizeof full, "%s%s%s", package, *package ? "." : "", name);

	if (strncmp(symbol, full, (size_t)length) != 0)
		return false;
	*rest = symbol[length] == '.' ? symbol + length + 1 : NULL;
	return *rest || symbol[length] == '\0';
}

static bool has_named(Descriptor__Named *const *all, size_t count, const char *package,
		      const char *symbol)
{
	const char *rest;

	for (size_t i = 0; i < count; i++)
		if (symbol_is(symbol, package, all[i]->name, &rest) && !rest)
			return true;
	return false;
}

static bool has_symbol(const struct file_query *query, const Descriptor__File *file)
{
	const char *rest;

	for (size_t i = 0; i < file->n_service; i++) {
		const Descriptor__Service *const service = file->service[i];
		if (symbol_is(query->name, file->package, service->name, &rest) &&
		    (!rest || has_named(service->method, service->n_method, "", rest)))
			return true;
	}
	return has_named(file->message_type, file->n_message_type, file->package, query->name) ||
	       has_named(file->enum_type, file->n_enum_type, file->package, query->name);
}

static bool matches_file(const struct file_query *query, const ProtobufCBinaryData *bytes)
{
	Descriptor__File *const file = descriptor__file__unpack(NULL, bytes->len, bytes->data);
	const bool matches = file && query->matches(query, file);

	if (file)
		protobuf_c_message_free_unpacked(&file->base, NULL);
	return matches;
}

/* NULL if none matches, or there is no memory. */
static const ProtobufCBinaryData *find_described_file(const Descriptor__FileSet *set,
						      const struct file_query *query)
{
	for (size_t i = 0; i < set->n_file; i++)
		if (matches_file(query, &set->file[i]))
			return &set->file[i];
	return NULL;
}

/* ---- replies --------------------------------------------------------------------------------- */

static void send_reflected_error(struct grpc_call *call, InfoResponse *response,
				 enum grpc_status status, const char *text)
{
	Grpc__Reflection__V1__ErrorResponse error;
	char message[80];

	grpc__reflection__v1__error_response__init(&error);
	snprintf(message, sizeof message, "%s", text);
	error.error_code = (int32_t)status;
	error.error_message = message;
	response->message_response_case = REPLIES_WITH(ERROR_RESPONSE);
	response->error_response = &error;
	grpc_call_send(call, &response->base);
}

static void send_described_file(struct grpc_call *call, InfoResponse *response,
				const Descriptor__FileSet *set, const struct file_query query)
{
	Grpc__Reflection__V1__FileDescriptorResponse found;
	const ProtobufCBinaryData *const file = find_described_file(set, &query);
	ProtobufCBinaryData copy;

	if (!file) {
		send_reflected_error(call, response, GRPC_NOT_FOUND,
				     "there is no such file or symbol");
		return;
	}
	copy = *file;
	grpc__reflection__v1__file_descriptor_response__init(&found);
	found.file_descriptor_proto = &copy;
	found.n_file_descriptor_proto = 1;
	response->message_response_case = REPLIES_WITH(FILE_DESCRIPTOR_RESPONSE);
	response->file_descriptor_response = &found;
	grpc_call_send(call, &response->base);
}

/* The services of one file, behind those in `names`. */
static size_t add_service_names(const ProtobufCBinaryData *bytes, char names[][SYMBOL_SIZE],
				size_t count)
{
	Descriptor__File *const file = descriptor__file__unpack(NULL, bytes->len, bytes->data);

	for (size_t i = 0; file && i < file->n_service && count < SERVICES_MAX; i++)
		snprintf(names[count++], SYMBOL_SIZE, "%s%s%s", file->package,
			 *file->package ? "." : "", file->service[i]->name);
	if (file)
		protobuf_c_message_free_unpacked(&file->base, NULL);
	return count;
}

static void send_service_names(struct grpc_call *call, InfoResponse *response,
			       const Descriptor__FileSet *set)
{
	Grpc__Reflection__V1__ListServiceResponse list;
	Grpc__Reflection__V1__ServiceResponse services[SERVICES_MAX], *pointers[SERVICES_MAX];
	char names[SERVICES_MAX][SYMBOL_SIZE];
	size_t count = 0;

	for (size_t i = 0; i < set->n_file; i++)
		count = add_service_names(&set->file[i], names, count);
	for (size_t i = 0; i < count; i++) {
		grpc__reflection__v1__service_response__init(&services[i]);
		services[i].name = names[i];
		pointers[i] = &services[i];
	}
	grpc__reflection__v1__list_service_response__init(&list);
	list.service = pointers;
	list.n_service = count;
	response->message_response_case = REPLIES_WITH(LIST_SERVICES_RESPONSE);
	response->list_services_response = &list;
	grpc_call_send(call, &response->base);
}

static void reply_to_info(struct grpc_call *call, InfoRequest *request,
			  const Descriptor__FileSet *set)
{
	InfoResponse response;

	grpc__reflection__v1__server_reflection_response__init(&response);
	response.valid_host = request->host;
	response.original_request = request;
	switch (request->message_request_case) {
	case ASKS_FOR(FILE_BY_FILENAME):
		send_described_file(call, &response, set,
				    (struct file_query){has_file_name, request->file_by_filename});
		break;
	case ASKS_FOR(FILE_CONTAINING_SYMBOL):
		send_described_file(
			call, &response, set,
			(struct file_query){has_symbol, request->file_containing_symbol});
		break;
	case ASKS_FOR(LIST_SERVICES):
		send_service_names(call, &response, set);
		break;
	case ASKS_FOR(FILE_CONTAINING_EXTENSION):
	case ASKS_FOR(ALL_EXTENSION_NUMBERS_OF_TYPE):
		send_reflected_error(call, &response, GRPC_NOT_FOUND, "there are no extensions");
		break;
	default:
		send_reflected_error(call, &response, GRPC_INVALID_ARGUMENT,
				     "the request does not say what is wanted");
		break;
	}
}

enum grpc_next reflection_info(struct grpc_call *call, const uint8_t *message, size_t length)
{
	InfoRequest *const request =
		grpc_call_unpack(call, &grpc__reflection__v1__server_reflection_request__descriptor,
				 message, length);
	Descriptor__FileSet *const set =
		descriptor__file_set__unpack(NULL, grpc_descriptors_size, grpc_descriptors);

	if (!set)
		grpc_call_refuse(call, REFUSED_INTERNAL, 0);
	if (request && set)
		reply_to_info(call, request, set);
	if (request)
		protobuf_c_message_free_unpacked(&request->base, NULL);
	if (set)
		protobuf_c_message_free_unpacked(&set->base, NULL);
	if (call->output.length > UNREAD_MAX)
		grpc_call_end(call, GRPC_RESOURCE_EXHAUSTED,
			      "read the replies before asking for more");
	return call->ended ? GRPC_ENDS : GRPC_HOLDS;
}
