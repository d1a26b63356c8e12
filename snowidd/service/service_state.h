/* SPDX-License-Identifier: MIT
 *
 * What a service consists of, for the files that make it up.
 */
#ifndef SNOWIDD_SERVICE_STATE_H
#define SNOWIDD_SERVICE_STATE_H

#include <pthread.h>

#include "snowidd/clock/clockwatch.h"
#include "snowidd/service/counters.h"
#include "snowidd/service/kinds.h"
#include "snowidd/service/refusal.h"

struct service {
	struct served_kind kinds[KINDS_MAX];
	size_t kind_count;
	struct counters *counters;
	size_t loops;
	struct request_names request_names;
	struct clockwatch *watch;
	bool host_scope;
	char instance[SNOWID_ULID_TEXT];
	uint64_t began_ns;
	uint64_t wait_ns; /* how long a request may wait for its IDs */
	_Atomic int gate; /* enum refusal: why IDs are refused now */
	atomic_bool draining;
	atomic_bool contested; /* a peer says that it has the same worker */
	pthread_mutex_t lock;  /* of the reasons */
	char reasons[REFUSALS][200];

	_Atomic double ids_per_second, cpu_ratio;
	uint64_t measured_ids, measured_ns; /* by the last service_measure() */
	double measured_cpu;
};

#endif
