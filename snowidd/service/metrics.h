/* SPDX-License-Identifier: MIT
 *
 * Counters, one set for each worker so that counting costs no more than an addition, summed when they
 * are read; and the Prometheus text of all that is measured.
 */
#ifndef SNOWIDD_METRICS_H
#define SNOWIDD_METRICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "snowidd/base/buffer.h"
#include "snowidd/service/kinds.h"

#define CAUSES_MAX    32 /* of errors */
#define ENDPOINTS_MAX 16
#define CODES_MAX     24
#define BUCKETS       19 /* of the latency, 1 us to 1 s */

struct counters {
	_Alignas(64) _Atomic uint64_t ids[KINDS_MAX];
	_Atomic uint64_t errors[CAUSES_MAX];
	_Atomic uint64_t requests[ENDPOINTS_MAX][CODES_MAX];
	_Atomic uint64_t latency[BUCKETS + 1], latency_ns;
	_Atomic uint64_t overflows;
	_Atomic uint64_t connections, accepted, refused;
	_Atomic uint64_t last_id_ms; /* unix */
};

/* Of the last second, and what they are reckoned from. */
struct rates {
	_Atomic double ids, cpu;
	uint64_t ids_before, ns_before;
	double cpu_before;
};

/* Adds to a counter of which this thread is the only writer. */
static inline void count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/* The index of an HTTP status in the counters. */
size_t metrics_code(unsigned status);

/* Counts IDs that took ns to make. */
void count_latency(struct counters *counters, uint64_t ns);

struct server;
struct worker;

/* All that is measured, as Prometheus text, by a worker of the server. `endpoint` names the endpoints by index, NULL past the last. */
void metrics_write(struct buffer *to, struct worker *worker, const char *(*endpoint)(size_t index));

/* To be called once a second, by one thread: the rates of the last one. */
void metrics_second(struct server *server);

#endif
