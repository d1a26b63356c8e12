/* SPDX-License-Identifier: MIT
 *
 * The ticks and slots of a kind of ID: their arithmetic, and which tick a clock shows.
 */
#ifndef SN_TICKS_H
#define SN_TICKS_H

#include "libsnowid/base/clock.h"
#include "libsnowid/base/instant.h"

#define SN_T100NS_PER_MS 10000

/* Rounds up. */
static inline uint64_t sn_t100ns_from_ns(uint64_t ns)
{
	return ns / 100 + (ns % 100 != 0);
}

struct sn_ticks {
	struct sn_timebase time;
	uint64_t span_sec; /* from the second of the epoch to the second of the last tick */
	uint64_t last_tick;
	uint64_t end_slot; /* the slot after the last one */
	uint64_t unit_t100ns;
	uint64_t lag_ticks; /* how far behind the clock slots may still be claimed */
	uint64_t mask;      /* of the sequence in a slot */
	unsigned bits;      /* of the sequence */
	unsigned low_bits;  /* of the sequence and the ticks of the lag, for statistics */
};

/* bits is 0 to 63. Time and sequence must fit into 64 bits together. */
void sn_ticks_init(struct sn_ticks *ticks, const struct sn_timebase *time, uint64_t last_tick,
		   unsigned bits);

/* A reading of the clock that is within the layout. */
struct sn_reading {
	uint64_t tick;
	uint64_t t100ns; /* since the epoch */
};

/* SNOWID_E_EPOCH, or SNOWID_E_ENDED. */
int sn_ticks_locate(const struct sn_ticks *ticks, int64_t sec, uint32_t nsec,
		    struct sn_reading *reading);

/* Reads the clock. Errors are those of the clock and of sn_ticks_locate(). */
int sn_ticks_read(const struct sn_ticks *ticks, struct snowid_clock *clock,
		  struct sn_reading *reading);

/* Returns SNOWID_E_ENDED, and records when the layout ended. */
int sn_ticks_fail_ended(const struct sn_ticks *ticks);

/* The first slot of a tick, and the slot after its last one. */
static inline uint64_t sn_ticks_begin(const struct sn_ticks *ticks, uint64_t tick)
{
	return tick << ticks->bits;
}

static inline uint64_t sn_ticks_end(const struct sn_ticks *ticks, uint64_t tick)
{
	return tick >= ticks->last_tick ? ticks->end_slot : sn_ticks_begin(ticks, tick + 1);
}

/* The low bits of a slot, by which statistics count. */
static inline uint64_t sn_ticks_low(const struct sn_ticks *ticks, uint64_t slot)
{
	return slot & ((UINT64_C(1) << ticks->low_bits) - 1);
}

#endif
