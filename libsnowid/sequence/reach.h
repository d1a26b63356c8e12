/* SPDX-License-Identifier: MIT
 *
 * How far ahead of the clock a store allows IDs, and where a store that knows nothing starts.
 *
 * A store may lose what it has recorded while its shared state is still in use: a state file can be
 * removed and made again. Each renewal reads the clock first and looks for the name of the file
 * last, and a new file reads the clock when it has the name. So the clock was read for the last
 * limit of the old file, at `before`, earlier than for the start of the new one, at `after`. IDs
 * never repeat if the new file starts at or above that limit:
 *
 *     before + limit distance  <=  after + start distance
 *
 * IDs may be ahead of the clock by up to S = hold + borrow, and a limit must be beyond them.
 *
 * - reserve >= 3 S: the limit is at clock + reserve - S, and a new file starts above clock +
 *   reserve. The clock may be set back by S between the two readings. A third of the reserve is
 *   still beyond S.
 * - A shorter reserve: the limit is one reserve beyond what is ahead of the clock by now, which
 *   counts as at least `borrow` and at most S. A new file starts above clock + reserve + 2 hold +
 *   borrow. The clock may be set back by `hold` between the readings, whatever happened before: at
 *   most before + S + reserve is allowed. It may also be set back twice, by up to `hold` each time:
 *   without these steps, it would now show at most after + 2 hold, and IDs are ahead of that by
 *   no more than borrow.
 *
 * - A store whose renewals wait for nothing has a short reserve of its own: the limit is at clock +
 *   borrow + reserve, and a new file starts above that. A new file that replaces another may
 *   start a tick above the limit that it has then, and waits for the clock. If IDs are further
 *   ahead, the clock was set back: then the limit is one reserve beyond them, and only their end,
 *   which is known to the users of the old file, keeps those of the new file above them.
 *
 * This does not cover a larger step, nor an old file whose reserve was longer than that of the new
 * one.
 */
#ifndef SN_REACH_H
#define SN_REACH_H

#include <stdint.h>

/* In units of 100 ns. */
struct sn_reach {
	uint64_t least_lead; /* IDs count as ahead of the clock by at least this much, … */
	uint64_t most_lead;  /* … and at most this much */
	uint64_t room;       /* how far beyond them a limit goes; 0: there is no limit to renew */
	uint64_t start;      /* a store that knows nothing starts above this distance */
};

struct sn_reach sn_reach_of(uint64_t reserve_ns, uint64_t hold_ns, uint64_t borrow_ns);
struct sn_reach sn_reach_of_prompt(uint64_t reserve_ns, uint64_t hold_ns, uint64_t borrow_ns);

/* The last instant that a renewal allows, in units of 100 ns since some epoch: `last` is the begin
 * of the tick of the last ID. */
uint64_t sn_reach_limit(const struct sn_reach *reach, uint64_t now, uint64_t last);
uint64_t sn_reach_prompt_limit(const struct sn_reach *reach, uint64_t unit, uint64_t now,
			       uint64_t last);

#endif
