/* SPDX-License-Identifier: MIT
 *
 * What is counted.
 */
#include "snowidd/service/counters.h"

static const unsigned statuses[] = {200, 400, 401, 404, 405, 408, 413,
				    414, 429, 431, 500, 503, 505};
#define STATUSES (sizeof statuses / sizeof statuses[0])
_Static_assert(STATUSES <= STATUSES_MAX, "statuses");

static const uint64_t latency_bounds_us[LATENCY_BUCKETS] = {
	1,    2,    5,     10,    20,    50,     100,    200,    500,    1000,
	2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000};

unsigned counters_status_at(size_t index)
{
	return index < STATUSES ? statuses[index] : 0;
}

void counters_add_request(struct counters *counters, size_t endpoint, unsigned status)
{
	size_t i = 0;

	while (i < STATUSES - 1 && statuses[i] != status)
		i++;
	counter_add(&counters->requests[endpoint][i], 1);
}

uint64_t counters_latency_bound_us(size_t index)
{
	return latency_bounds_us[index];
}

void counters_add_latency(struct counters *counters, uint64_t ns)
{
	size_t i = 0;

	while (i < LATENCY_BUCKETS && ns > latency_bounds_us[i] * 1000)
		i++;
	counter_add(&counters->latency[i], 1);
	counter_add(&counters->latency_ns, ns);
}
