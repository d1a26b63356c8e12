/* SPDX-License-Identifier: MIT
 *
 * The search for a worker in a range: which of the records that were read can be claimed.
 *
 * Workers that were released or never used come first. One whose owner vanished rests until the
 * clock has passed its limit: up to there the owner may be in doubt, and come back.
 */
#ifndef SN_RANGE_H
#define SN_RANGE_H

#include "libsnowid/coordinator/blocker.h"
#include "libsnowid/coordinator/coordinator.h"
#include "libsnowid/sequence/ticks.h"

/* What a record is compared with. */
struct sn_range_view {
	const struct sn_ticks *ticks;
	struct sn_reading now;
	uint64_t longest_rest_ns; /* a limit further ahead means that the clock is behind */
	uint64_t fingerprint;
};

struct sn_range {
	uint64_t first, last;
	uint64_t random; /* state of the generator that chooses */

	/* Of the present pass, which goes once through the range. */
	uint64_t next;             /* the first worker to be read now */
	uint64_t unread;           /* how many are left */
	uint64_t usable;           /* how many could be claimed */
	struct sn_blocker blocker; /* if none can */
	uint64_t rests_t100ns;     /* until the first of those that rest can be claimed */
	/* One of those that can be claimed, if `usable` > 0: each has the same chance. */
	uint64_t worker;
	struct sn_record record;
};

/* The random number also says where it begins. */
void sn_range_init(struct sn_range *range, uint64_t first, uint64_t last, uint64_t random);

/* Begins another pass, where the last one stopped. */
void sn_range_begin(struct sn_range *range);

/* How many records to read now; 0: the pass is over. */
uint64_t sn_range_wants(const struct sn_range *range);

/* Looks at what was read. True: range->worker was released or never used, so that there is no
 * reason to look further. */
bool sn_range_examine(struct sn_range *range, const struct sn_record *records, uint64_t count,
		      const struct sn_range_view *view);

/* Looks at one record outside a pass: whether it can be claimed. */
bool sn_range_admits(struct sn_range *range, const struct sn_record *record,
		     const struct sn_range_view *view);

/* The last tick that earlier epochs of a record may have issued. */
static inline uint64_t sn_record_floor(const struct sn_record *record)
{
	return record->released ? record->last_tick : record->limit;
}

#endif
