/* SPDX-License-Identifier: MIT
 *
 * The time of the coordinator, as far as its answers tell it: what this host's clock is compared
 * with, so that one that is wrong for a moment leaves no trace in a record.
 */
#ifndef SN_SERVICE_TIME_H
#define SN_SERVICE_TIME_H

#include "libsnowid/sequence/ticks.h"

struct sn_service_time {
	uint64_t unix_ms;  /* in an answer; 0: it has told none */
	uint64_t asked_at; /* elapsed time when the request was sent */
};

/* The latest time that its clock can show now, plus a tolerance, since the epoch of the ticks.
 * UINT64_MAX: not known. The answer may have taken long, but is not older than its request. */
uint64_t sn_service_time_latest(const struct sn_service_time *time, const struct sn_ticks *ticks,
				uint64_t now_ns, uint64_t tolerance_ns);

#endif
