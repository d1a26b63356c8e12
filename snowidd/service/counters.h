/* SPDX-License-Identifier: MIT
 *
 * What is counted: one set for each loop, so that counting costs no more than an addition; the sums
 * are made when they are read.
 */
#ifndef SNOWIDD_COUNTERS_H
#define SNOWIDD_COUNTERS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define KINDS_MAX       8
#define CAUSES_MAX      32 /* of refusals */
#define ENDPOINTS_MAX   16
#define STATUSES_MAX    24
#define METHODS_MAX     16 /* of gRPC */
#define GRPC_CODES      17
#define LATENCY_BUCKETS 19 /* from 1 us to 1 s */

struct counters {
	_Alignas(64) _Atomic uint64_t ids[KINDS_MAX];
	_Atomic uint64_t errors[CAUSES_MAX];
	_Atomic uint64_t requests[ENDPOINTS_MAX][STATUSES_MAX];
	_Atomic uint64_t grpc_calls[METHODS_MAX][GRPC_CODES];
	_Atomic uint64_t latency[LATENCY_BUCKETS + 1], latency_ns;
	_Atomic uint64_t overflows;
	_Atomic uint64_t connections, accepted, refused;
	_Atomic uint64_t last_id_ms; /* since 1970 */
};

/* Adds to a counter of which this thread is the only writer. */
static inline void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/* The HTTP statuses that are counted, by their index in `requests`; 0 past the last. */
unsigned counters_status_at(size_t index);

/* Counts a request. A status that is not in the list counts as the last of it. */
void counters_add_request(struct counters *counters, size_t endpoint, unsigned status);

/* The upper bounds of the latency, by their index in `latency`. */
uint64_t counters_latency_bound_us(size_t index);

/* Counts IDs that took ns to make. */
void counters_add_latency(struct counters *counters, uint64_t ns);

/* The names of what the transports count, by their index in the counters; NULL past the last. A
 * transport that is not there has no function. */
struct request_names {
	const char *(*endpoint_at)(size_t index);
	const char *(*grpc_method_at)(size_t index);
	const char *(*grpc_code_at)(size_t index);
};

#endif
