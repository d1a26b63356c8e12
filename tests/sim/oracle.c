/* SPDX-License-Identifier: MIT
 *
 * The invariants. The oracle trusts the records of the coordinator and the IDs. Of what the library
 * says, it only uses which epoch a shared state belongs to, and checks that epoch.
 *
 * The time of a check does not depend on the number of IDs: what a shared state has issued is kept
 * as one range of slots, and the ranges of a worker must not overlap.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "tests/sim/sim.h"

/* The ticks of an epoch are above `floor`, and up to `limit`. It may continue the one before it, of
 * the same process: the two are one range. */
struct epoch_bounds {
	uint64_t floor, limit;
	uint64_t process;
	bool continues;
};

/* The slots that one shared state has issued. */
struct issued_range {
	uint64_t worker, process;
	uint64_t start, end; /* slots */
	uint32_t before;     /* another range of the worker; 0: none */
};

struct worker_history {
	struct epoch_bounds *epochs; /* [0] is unused */
	size_t count;
	uint32_t ranges;
	bool tampered;
};

static struct worker_history *histories;
static struct issued_range *ranges; /* [0] is unused */
static uint32_t range_count, range_room;

static void *grow_array(void *old, size_t size)
{
	void *const grown = realloc(old, size);
	if (!grown)
		report_violation("out of memory");
	return grown;
}

void oracle_init(void)
{
	histories = calloc(world.worker_count, sizeof *histories);
	if (!histories)
		report_violation("out of memory");
	range_count = 1;
}

void oracle_free(void)
{
	for (uint32_t i = 0; i < world.worker_count; i++)
		free(histories[i].epochs);
	free(histories);
}

void oracle_note_tampering(uint64_t worker)
{
	histories[worker].tampered = true;
}

static void note_claim(const struct sim_write *write)
{
	struct worker_history *const history = &histories[write->worker];
	const struct sn_record *const before = write->before;
	const uint64_t epoch = write->after->epoch;

	if (epoch >= history->count)
		history->count = (size_t)epoch + 1;
	history->epochs = grow_array(history->epochs, history->count * sizeof *history->epochs);
	struct epoch_bounds *const bounds = &history->epochs[epoch];
	*bounds = (struct epoch_bounds){
		.floor = before->released ? before->last_tick : before->limit,
		.process = write->process,
	};
	if (epoch > 1 && !before->released && bounds[-1].process == write->process) {
		bounds->continues = true;
		bounds->floor = bounds[-1].floor;
		world.reclaims++;
	}
	world.claims++;
}

/* A clock that is wrong leaves nothing in a record: an answer of the coordinator tells the time, is
 * waited for during TTL / 8 at most, and may have been on its way all this time. */
static void check_limit(const struct sim_write *write)
{
	const uint64_t latest_ms = (world.now + world.reserve_ns + TTL / 4 + TTL / 8) / MS + 100;
	const uint64_t latest = 86400 * UINT64_C(1000) + latest_ms;

	if (write->after->limit < write->before->limit)
		report_violation("the limit of worker %" PRIu64 " fell from %" PRIu64
				 " to %" PRIu64,
				 write->worker, write->before->limit, write->after->limit);
	if (world.tells_time && write->after->limit > write->before->limit &&
	    write->after->limit > latest)
		report_violation("worker %" PRIu64 " has the limit %" PRIu64
				 ", and the latest that the time allows is %" PRIu64,
				 write->worker, write->after->limit, latest);
}

void oracle_check_write(const struct sim_write *write)
{
	const struct sn_record *const before = write->before, *const after = write->after;
	const uint64_t worker = write->worker;

	check_limit(write);
	if (after->epoch != before->epoch + (write->ask == SN_ASK_CLAIM))
		report_violation("worker %" PRIu64 " went from epoch %" PRIu64 " to %" PRIu64,
				 worker, before->epoch, after->epoch);
	if (after->released && after->last_tick > after->limit)
		report_violation("worker %" PRIu64 " was released with an end above its limit",
				 worker);
	if (after->writes <= before->writes)
		report_violation("a write to the record of worker %" PRIu64 " has no number",
				 worker);
	if (write->ask == SN_ASK_CLAIM)
		note_claim(write);
	histories[worker].epochs[after->epoch].limit = after->limit;
}

static void check_epoch(uint64_t worker, uint64_t epoch, uint64_t first, uint64_t last)
{
	const struct worker_history *const history = &histories[worker];

	if (epoch == 0 || epoch >= history->count)
		report_violation("worker %" PRIu64 " issued under epoch %" PRIu64
				 ", which nobody claimed",
				 worker, epoch);
	const struct epoch_bounds *const own = &history->epochs[epoch];
	if (first <= own->floor)
		report_violation("worker %" PRIu64 " issued tick %" PRIu64 " under epoch %" PRIu64
				 ", whose floor is %" PRIu64,
				 worker, first, epoch, own->floor);
	if (last > own->limit)
		report_violation("worker %" PRIu64 " issued tick %" PRIu64 " under epoch %" PRIu64
				 ", whose recorded limit is %" PRIu64,
				 worker, last, epoch, own->limit);
	const struct epoch_bounds *next = own + 1;
	const struct epoch_bounds *const end = history->epochs + history->count;
	while (next < end && next->continues)
		next++;
	if (next < end && last > next->floor)
		report_violation("worker %" PRIu64 " issued tick %" PRIu64 " under epoch %" PRIu64
				 ", although the next epoch starts above %" PRIu64,
				 worker, last, epoch, next->floor);
}

static struct issued_range *range_of(const struct sim_issue *issue)
{
	const uint64_t worker = issue->worker, start = issue->claim->start;
	uint32_t *const range = issue->range;

	if (*range == 0) {
		if (range_count >= range_room) {
			range_room = range_room ? 2 * range_room : 1024;
			ranges = grow_array(ranges, range_room * sizeof *ranges);
		}
		*range = range_count++;
		ranges[*range] = (struct issued_range){worker, issue->process, start, start,
						       histories[worker].ranges};
		histories[worker].ranges = *range;
	}
	return &ranges[*range];
}

static bool overlap(const struct issued_range *own, const struct issued_range *other)
{
	if (histories[own->worker].tampered && own->process != other->process)
		return false;
	return own != other && own->start < other->end && other->start < own->end;
}

void oracle_check_ids(const struct sim_issue *issue)
{
	const struct sn_claim *const claim = issue->claim;
	const uint64_t worker = issue->worker, end = claim->start + claim->count;

	if (worker >= world.worker_count)
		report_violation("an ID has worker %" PRIu64 ", which does not exist", worker);
	if (!histories[worker].tampered)
		check_epoch(worker, issue->epoch, claim->start >> issue->bits,
			    (end - 1) >> issue->bits);
	struct issued_range *const own = range_of(issue);
	if (own->worker != worker)
		report_violation("a shared state of worker %" PRIu64
				 " issued IDs of worker %" PRIu64,
				 own->worker, worker);
	if (claim->start < own->end)
		report_violation("worker %" PRIu64 " issued slot %" PRIu64 " again", worker,
				 claim->start);
	own->end = end;
	for (uint32_t i = histories[worker].ranges; i != 0; i = ranges[i].before)
		if (overlap(own, &ranges[i]))
			report_violation(
				"two owners of worker %" PRIu64 " issued slots from %" PRIu64
				" to %" PRIu64 " and from %" PRIu64 " to %" PRIu64,
				worker, own->start, own->end, ranges[i].start, ranges[i].end);
	world.ids += claim->count;
}
