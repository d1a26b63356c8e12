/* SPDX-License-Identifier: MIT
 *
 * The ticks and slots of a kind of ID: their arithmetic, and where a clock stands among them.
 */
#ifndef SN_TICKS_H
#define SN_TICKS_H

#include "libsnowid/base/clock.h"
#include "libsnowid/base/instant.h"

#define SN_T100NS_PER_MS 10000

struct sn_ticks {
	struct sn_timebase time;
	uint64_t span_sec; /* from the second of the epoch to that of the last tick */
	uint64_t last_tick;
	uint64_t end_slot; /* the slot after the last */
	uint64_t unit;     /* in hns */
	uint64_t lag;      /* in ticks: how far behind the clock slots are still taken */
	uint64_t mask;     /* of the sequence in a slot */
	unsigned bits;     /* of the sequence */
	unsigned low_bits; /* the sequence and the ticks of a lag: what statistics count by */
};

/* bits is 0 to 63; time and bits together have at most 64. */
void sn_ticks_init(struct sn_ticks *ticks, const struct sn_timebase *time, uint64_t last_tick,
		   unsigned bits);

/* A reading of a clock that lies within the layout. */
struct sn_reading {
	uint64_t tick;
	uint64_t t100ns; /* since the epoch */
};

/* SNOWID_E_EPOCH, SNOWID_E_ENDED. */
int sn_ticks_locate(const struct sn_ticks *ticks, int64_t sec, uint32_t nsec,
		    struct sn_reading *reading);

/* The same for a clock of now, whose errors it returns too. */
int sn_ticks_read(const struct sn_ticks *ticks, struct snowid_clock *clock,
		  struct sn_reading *reading);

/* SNOWID_E_ENDED, with its detail. */
int sn_ticks_ended(const struct sn_ticks *ticks);

/* The first slot of a tick, and the one after its last. */
static inline uint64_t sn_ticks_begin(const struct sn_ticks *ticks, uint64_t tick)
{
	return tick << ticks->bits;
}

static inline uint64_t sn_ticks_end(const struct sn_ticks *ticks, uint64_t tick)
{
	return tick >= ticks->last_tick ? ticks->end_slot : sn_ticks_begin(ticks, tick + 1);
}

static inline uint64_t sn_ticks_low(const struct sn_ticks *ticks, uint64_t slot)
{
	return slot & ((UINT64_C(1) << ticks->low_bits) - 1);
}

#endif
