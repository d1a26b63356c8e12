/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/service_time.h"

/* HTTP tells the time in whole seconds. */
#define TOLERANCE_MIN_NS UINT64_C(2000000000)

uint64_t sn_service_time_latest(const struct sn_service_time *time, const struct sn_ticks *ticks,
				uint64_t now_ns, uint64_t tolerance_ns)
{
	if (time->unix_ms == 0)
		return UINT64_MAX;
	const int64_t told = sn_timebase_t100ns(&ticks->time, (int64_t)(time->unix_ms / 1000),
						(uint32_t)(time->unix_ms % 1000 * 1000000));
	const uint64_t since_ns = now_ns - time->asked_at;
	const uint64_t later_ns =
		since_ns + (tolerance_ns > TOLERANCE_MIN_NS ? tolerance_ns : TOLERANCE_MIN_NS);
	const int64_t latest = told + (int64_t)(later_ns / 100);

	return latest > 0 ? (uint64_t)latest : 0;
}
