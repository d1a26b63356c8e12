/* SPDX-License-Identifier: MIT
 *
 * Ticks and slots: what fits into 64 bits, and which readings of a clock are within the layout.
 */
#include <stdbool.h>

#include "libsnowid/base/error.h"
#include "libsnowid/sequence/shared_state.h"
#include "libsnowid/sequence/ticks.h"

/* The width of a number that has this many values. */
static unsigned bits_to_count(uint64_t values)
{
	unsigned bits = 0;
	while (bits < 64 && (values - 1) >> bits != 0)
		bits++;
	return bits;
}

void sn_ticks_init(struct sn_ticks *ticks, const struct sn_timebase *time, uint64_t last_tick,
		   unsigned bits)
{
	const uint64_t unit = time->unit_ns / 100;
	const uint64_t lag = unit < SN_T100NS_PER_MS ? SN_T100NS_PER_MS / unit : 0;
	const unsigned low_bits = bits + bits_to_count(lag + 1);
	const uint64_t top = SN_SEALED - 1;
	int64_t last_sec = 0;
	uint32_t last_nsec;

	sn_timebase_start(time, last_tick, &last_sec, &last_nsec);
	*ticks = (struct sn_ticks){
		.time = *time,
		.span_sec = (uint64_t)(last_sec - time->epoch_sec) + 1,
		.last_tick = last_tick,
		.end_slot = last_tick >= top >> bits ? top : (last_tick + 1) << bits,
		.unit_t100ns = unit,
		.lag_ticks = lag,
		.mask = (UINT64_C(1) << bits) - 1,
		.bits = bits,
		.low_bits = low_bits < 63 ? low_bits : 63,
	};
}

static int fail_before_epoch(const struct sn_ticks *ticks)
{
	char epoch[SNOWID_TIME_TEXT];
	sn_instant_show(ticks->time.epoch_sec, ticks->time.epoch_nsec, epoch);
	return sn_fail(
		SNOWID_E_EPOCH,
		"the clock is before the epoch, %s; set the clock, or choose an earlier epoch",
		epoch);
}

int sn_ticks_fail_ended(const struct sn_ticks *ticks)
{
	char last[SNOWID_TIME_TEXT];
	int64_t sec = 0;
	uint32_t nsec = 0;

	sn_timebase_start(&ticks->time, ticks->last_tick, &sec, &nsec);
	sn_instant_show(sec, nsec, last);
	return sn_fail(SNOWID_E_ENDED, "the layout ended at %s; move to another layout", last);
}

int sn_ticks_locate(const struct sn_ticks *ticks, int64_t sec, uint32_t nsec,
		    struct sn_reading *reading)
{
	if (sec < ticks->time.epoch_sec)
		return fail_before_epoch(ticks);
	if ((uint64_t)sec - (uint64_t)ticks->time.epoch_sec > ticks->span_sec)
		return sn_ticks_fail_ended(ticks);
	const int64_t t100ns = sn_timebase_t100ns(&ticks->time, sec, nsec);
	if (t100ns < 0)
		return fail_before_epoch(ticks);
	reading->t100ns = (uint64_t)t100ns;
	reading->tick = sn_timebase_tick(&ticks->time, sec, nsec);
	return reading->tick > ticks->last_tick ? sn_ticks_fail_ended(ticks) : 0;
}

int sn_ticks_read(const struct sn_ticks *ticks, struct snowid_clock *clock,
		  struct sn_reading *reading)
{
	int64_t sec;
	uint32_t nsec;
	const int error = sn_clock_wall(clock, &sec, &nsec);
	return error ? error : sn_ticks_locate(ticks, sec, nsec, reading);
}
