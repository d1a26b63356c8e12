/* SPDX-License-Identifier: MIT
 *
 * The state of the service.
 */
#include <math.h>
#include <stdio.h>

#include "snowidd/base/elapsed.h"
#include "snowidd/service/health.h"
#include "snowidd/service/service_state.h"

/* Whether IDs of all kinds are refused: then the stores do not matter. */
static bool read_gate(struct service *service, struct health *health)
{
	health->refusal = (enum refusal)atomic_load(&service->gate);
	if (health->refusal == SERVED)
		return false;
	pthread_mutex_lock(&service->lock);
	snprintf(health->reason, sizeof health->reason, "%s", service->reasons[health->refusal]);
	pthread_mutex_unlock(&service->lock);
	return true;
}

void service_owner(struct service *service, struct served_kind *kind, struct owner *owner)
{
	owner_read(kind, service->wait_ns, atomic_load(&service->draining), owner);
}

/* One kind that is refused is worse than all that are degraded; of these, the first to end
 * counts. */
static void read_owners(struct service *service, struct health *health)
{
	struct owner owner;

	for (size_t i = 0; i < service->kind_count; i++) {
		service_owner(service, &service->kinds[i], &owner);
		if (owner.state == OWNER_READY ||
		    (owner.state == OWNER_DEGRADED && health->degraded &&
		     owner.seconds_left >= health->seconds_left))
			continue;
		health->refusal = owner.refusal;
		health->degraded = owner.state == OWNER_DEGRADED;
		health->seconds_left = owner.seconds_left;
		snprintf(health->reason, sizeof health->reason, "%s", owner.reason);
		if (owner.state == OWNER_REFUSED)
			return;
	}
}

void service_log_changes(struct service *service)
{
	struct owner owner;

	for (size_t i = 0; i < service->kind_count; i++) {
		service_owner(service, &service->kinds[i], &owner);
		owner_log_changes(&service->kinds[i], &owner);
	}
}

static uint64_t sum_ids(const struct service *service)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < service->loops; i++)
		for (size_t k = 0; k < service->kind_count; k++)
			sum += atomic_load(&service->counters[i].ids[k]);
	return sum;
}

void service_measure(struct service *service)
{
	const uint64_t now = elapsed_ns(), ids = sum_ids(service);
	const double cpu = elapsed_cpu_seconds(),
		     passed = (double)(now - service->measured_ns) / 1e9;

	if (service->measured_ns > 0) {
		atomic_store(&service->ids_per_second,
			     (double)(ids - service->measured_ids) / passed);
		atomic_store(&service->cpu_ratio, (cpu - service->measured_cpu) / passed);
	}
	service->measured_ids = ids;
	service->measured_ns = now;
	service->measured_cpu = cpu;
}

const char *health_scope(const struct health *health)
{
	return health->host_scope ? "host" : "fleet";
}

const char *health_status(const struct health *health)
{
	if (health->refusal != SERVED)
		return "unhealthy";
	return health->degraded ? "degraded" : "healthy";
}

void service_health(struct service *service, struct health *health)
{
	const char *name;
	uint64_t value;
	unsigned bits;

	*health = (struct health){.seconds_left = (double)INFINITY};
	if (!read_gate(service, health))
		read_owners(service, health);
	health->ready = health->refusal == SERVED && !atomic_load(&service->draining);
	health->host_scope = service->host_scope;
	health->instance = service->instance;
	health->uptime_s = (elapsed_ns() - service->began_ns) / 1000000000;
	health->ids = sum_ids(service);
	health->ids_per_second = atomic_load(&service->ids_per_second);
	health->cpu_ratio = atomic_load(&service->cpu_ratio);
	for (size_t i = 0; health->field_count < KIND_FIELDS &&
			   kind_next_field(&service->kinds[0], &i, &name, &value, &bits);
	     health->field_count++) {
		struct kind_field *const field = &health->fields[health->field_count];
		snprintf(field->name, sizeof field->name, "%s_id", name);
		field->value = value;
		field->bits = bits;
	}
}
