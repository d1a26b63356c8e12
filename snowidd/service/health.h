/* SPDX-License-Identifier: MIT
 *
 * The state of the service, as every transport shows it.
 */
#ifndef SNOWIDD_HEALTH_H
#define SNOWIDD_HEALTH_H

#include "snowidd/service/owner.h"
#include "snowidd/service/service.h"

struct health {
	enum refusal refusal; /* SERVED: healthy */
	char reason[500];
	bool ready;          /* healthy, and not about to stop */
	bool degraded;       /* healthy, but not for long: the reason says why */
	double seconds_left; /* for which it will be; INFINITY unless it is degraded */
	bool host_scope;
	const char *instance; /* a name of this run */
	uint64_t uptime_s;
	uint64_t ids; /* made by this run */
	double ids_per_second, cpu_ratio;
	struct kind_field fields[KIND_FIELDS]; /* of the first kind */
	size_t field_count;
};
void service_health(struct service *service, struct health *health);

/* The state of the owner of a kind. */
void service_owner(struct service *service, struct served_kind *kind, struct owner *owner);

/* "healthy", "degraded" or "unhealthy". */
const char *health_status(const struct health *health);

/* Where IDs are unique: "host" or "fleet". */
const char *health_scope(const struct health *health);

/* Logs what has changed since the last call. To be called once a second, by one thread. */
void service_log_changes(struct service *service);

/* Measures ids_per_second and cpu_ratio. To be called once a second, by one thread. */
void service_measure(struct service *service);

#endif
