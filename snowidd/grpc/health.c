/* SPDX-License-Identifier: MIT
 *
 * The methods of grpc.health.v1.Health.
 */
#include <string.h>

#include "snowidd/grpc/health.h"
#include "snowidd/grpc/health.pb-c.h"
#include "snowidd/service/health.h"

typedef Grpc__Health__V1__HealthCheckRequest CheckRequest;
typedef Grpc__Health__V1__HealthCheckResponse CheckResponse;
typedef Grpc__Health__V1__HealthListResponse__StatusesEntry ListEntry;
typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus ServingStatus;

#define SERVING         GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
#define NOT_SERVING     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING
#define SERVICE_UNKNOWN GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN

/* "" is the server as a whole. */
static const char *const services[] = {"", "IDGenerator"};
#define SERVICES (sizeof services / sizeof services[0])

static bool is_known_service(const char *name)
{
	for (size_t i = 0; i < SERVICES; i++)
		if (strcmp(name, services[i]) == 0)
			return true;
	return false;
}

static ServingStatus serving_status(const struct grpc_call *call)
{
	struct health health;

	service_health(call->thread->service, &health);
	return health.ready ? SERVING : NOT_SERVING;
}

static void send_serving_status(struct grpc_call *call, ServingStatus status)
{
	CheckResponse response;

	grpc__health__v1__health_check_response__init(&response);
	response.status = status;
	grpc_call_send(call, &response.base);
}

static CheckRequest *unpack_check(struct grpc_call *call, const uint8_t *message, size_t length)
{
	return grpc_call_unpack(call, &grpc__health__v1__health_check_request__descriptor, message,
				length);
}

enum grpc_next health_check(struct grpc_call *call, const uint8_t *message, size_t length)
{
	CheckRequest *const request = unpack_check(call, message, length);

	if (!request)
		return GRPC_ENDS;
	const bool known = is_known_service(request->service);
	protobuf_c_message_free_unpacked(&request->base, NULL);
	if (!known)
		return grpc_call_end(call, GRPC_NOT_FOUND, "there is no such service");
	send_serving_status(call, serving_status(call));
	return grpc_call_end(call, GRPC_OK, NULL);
}

enum grpc_next health_list(struct grpc_call *call, const uint8_t *message, size_t length)
{
	Grpc__Health__V1__HealthListResponse response;
	ListEntry entries[SERVICES], *entry_pointers[SERVICES];
	CheckResponse status;
	char names[SERVICES][32];

	Grpc__Health__V1__HealthListRequest *const request = grpc_call_unpack(
		call, &grpc__health__v1__health_list_request__descriptor, message, length);
	if (!request)
		return GRPC_ENDS;
	protobuf_c_message_free_unpacked(&request->base, NULL);
	grpc__health__v1__health_check_response__init(&status);
	status.status = serving_status(call);
	for (size_t i = 0; i < SERVICES; i++) {
		strcpy(names[i], services[i]);
		grpc__health__v1__health_list_response__statuses_entry__init(&entries[i]);
		entries[i].key = names[i];
		entries[i].value = &status;
		entry_pointers[i] = &entries[i];
	}
	grpc__health__v1__health_list_response__init(&response);
	response.statuses = entry_pointers;
	response.n_statuses = SERVICES;
	grpc_call_send(call, &response.base);
	return grpc_call_end(call, GRPC_OK, NULL);
}

enum grpc_next health_watch(struct grpc_call *call, const uint8_t *message, size_t length)
{
	CheckRequest *const request = unpack_check(call, message, length);

	if (!request)
		return GRPC_ENDS;
	const bool known = is_known_service(request->service);
	protobuf_c_message_free_unpacked(&request->base, NULL);
	if (known)
		return health_resume_watch(call);
	send_serving_status(call, SERVICE_UNKNOWN);
	call->watched = SERVICE_UNKNOWN;
	return GRPC_HOLDS;
}

enum grpc_next health_resume_watch(struct grpc_call *call)
{
	if (call->watched == SERVICE_UNKNOWN)
		return GRPC_HOLDS;
	const ServingStatus status = serving_status(call);
	if (call->watched != (int)status)
		send_serving_status(call, status);
	call->watched = (int)status;
	return GRPC_HOLDS;
}
