/* SPDX-License-Identifier: MIT
 *
 * What must never happen. The oracle believes the coordinator's records and the IDs, and nothing that
 * the library says of itself but the epoch of a page, which it then holds it to.
 *
 * Each check takes a time that does not grow with the number of IDs: what words have issued is kept as
 * one interval, and intervals of a worker must not meet.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "tests/sim/sim.h"

/* An epoch of a worker: its ticks are above `floor` and up to `limit`. */
struct epoch {
	uint64_t floor, limit;
};

/* What one set of words has issued. */
struct front {
	uint64_t worker;
	uint64_t start, end; /* slots */
	uint32_t before;     /* another of the same worker; 0 for none */
};

struct history {
	struct epoch *epochs; /* [0] is of nobody */
	size_t count;
	uint32_t fronts;
};

static struct history *histories;
static struct front *fronts; /* [0] is of nobody */
static uint32_t front_count, front_room;

static void *grow(void *old, size_t size)
{
	void *const grown = realloc(old, size);
	if (!grown)
		violation("out of memory");
	return grown;
}

void oracle_init(void)
{
	histories = calloc(world.worker_count, sizeof *histories);
	if (!histories)
		violation("out of memory");
	front_count = 1;
}

void oracle_free(void)
{
	for (uint32_t i = 0; i < world.worker_count; i++)
		free(histories[i].epochs);
	free(histories);
}

void oracle_write(uint64_t worker, const struct sn_record *before, const struct sn_record *after,
		  enum sn_ask ask)
{
	struct history *const history = &histories[worker];

	if (after->limit < before->limit)
		violation("the limit of worker %" PRIu64 " fell from %" PRIu64 " to %" PRIu64,
			  worker, before->limit, after->limit);
	if (after->epoch != before->epoch + (ask == SN_ASK_CLAIM))
		violation("worker %" PRIu64 " went from epoch %" PRIu64 " to %" PRIu64, worker,
			  before->epoch, after->epoch);
	if (after->released && after->last_tick > after->limit)
		violation("worker %" PRIu64 " was released beyond its limit", worker);
	if (ask == SN_ASK_CLAIM) {
		history->count = (size_t)after->epoch + 1;
		history->epochs = grow(history->epochs, history->count * sizeof *history->epochs);
		history->epochs[after->epoch].floor =
			before->released ? before->last_tick : before->limit;
		world.claims++;
	}
	history->epochs[after->epoch].limit = after->limit;
}

static void check_epoch(uint64_t worker, uint64_t epoch, uint64_t first, uint64_t last)
{
	const struct history *const history = &histories[worker];

	if (epoch == 0 || epoch >= history->count)
		violation("worker %" PRIu64 " issued under epoch %" PRIu64 ", which nobody claimed",
			  worker, epoch);
	const struct epoch *const own = &history->epochs[epoch];
	if (first <= own->floor)
		violation("worker %" PRIu64 " issued tick %" PRIu64 " under epoch %" PRIu64
			  ", whose floor is %" PRIu64,
			  worker, first, epoch, own->floor);
	if (last > own->limit)
		violation("worker %" PRIu64 " issued tick %" PRIu64 " under epoch %" PRIu64
			  ", whose recorded limit is %" PRIu64,
			  worker, last, epoch, own->limit);
	if (epoch + 1 < history->count && last > own[1].floor)
		violation("worker %" PRIu64 " issued tick %" PRIu64 " under epoch %" PRIu64
			  ", though the next began above %" PRIu64,
			  worker, last, epoch, own[1].floor);
}

static struct front *front_of(uint64_t worker, uint32_t *front, uint64_t start)
{
	if (*front == 0) {
		if (front_count >= front_room) {
			front_room = front_room ? 2 * front_room : 1024;
			fronts = grow(fronts, front_room * sizeof *fronts);
		}
		*front = front_count++;
		fronts[*front] = (struct front){worker, start, start, histories[worker].fronts};
		histories[worker].fronts = *front;
	}
	return &fronts[*front];
}

void oracle_issue(uint64_t worker, uint64_t epoch, const struct sn_claim *claim, unsigned bits,
		  uint32_t *front)
{
	const uint64_t end = claim->start + claim->count;

	if (worker >= world.worker_count)
		violation("an ID is of worker %" PRIu64 ", which there is not", worker);
	check_epoch(worker, epoch, claim->start >> bits, (end - 1) >> bits);
	struct front *const own = front_of(worker, front, claim->start);
	if (own->worker != worker)
		violation("words of worker %" PRIu64 " issued as worker %" PRIu64, own->worker,
			  worker);
	if (claim->start < own->end)
		violation("worker %" PRIu64 " issued slot %" PRIu64 " again", worker, claim->start);
	own->end = end;
	for (uint32_t i = histories[worker].fronts; i != 0; i = fronts[i].before)
		if (&fronts[i] != own && own->start < fronts[i].end && fronts[i].start < own->end)
			violation("two owners of worker %" PRIu64 " issued slots from %" PRIu64
				  " to %" PRIu64 " and from %" PRIu64 " to %" PRIu64,
				  worker, own->start, own->end, fronts[i].start, fronts[i].end);
	world.ids += claim->count;
}
