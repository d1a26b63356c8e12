/* SPDX-License-Identifier: MIT
 *
 * sim [FIRST-SEED [COUNT]] runs COUNT simulations, each from its seed. One in a hundred has 1,024
 * workers, and four in a hundred only let a whole fleet crash. A seed that fails is printed, and
 * fails again in the same way.
 *
 * sim full simulates 1,024 workers at 4,096 IDs per millisecond, for a minute.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/random.h"
#include "tests/sim/sim.h"

struct sim_world world;

static uint64_t seed;

uint64_t random_below(uint64_t bound)
{
	return bound ? test_random(&world.random) % bound : 0;
}

void report_violation(const char *format, ...)
{
	va_list arguments;

	printf("seed %" PRIu64 ", at %" PRIu64 ".%09" PRIu64 " s: ", seed, world.now / SEC,
	       world.now % SEC);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\nnot ok - reproduce with: tests/sim/sim %" PRIu64 " 1\n", seed);
	exit(1);
}

/* ---- faults --------------------------------------------------------------------------------- */

/* Forward or back, from a millisecond to a day. Each order of magnitude is equally likely. */
static int64_t random_clock_error(void)
{
	const int64_t size = (int64_t)(MS + random_below(MS << random_below(27)));
	return chance(500) ? size : -size;
}

/* For a moment, in which a renewal may be due. */
static void mistake_clock(uint32_t owner)
{
	const int64_t error = random_clock_error();

	owner_step_clock(owner, error);
	events_add(random_below(TTL / 8),
		   &(struct sim_event){.kind = EVENT_CLOCK_BACK, .owner = owner, .step = -error});
}

static void tamper_with_records(void)
{
	const uint64_t worker = random_below(world.worker_count);

	switch (random_below(8)) {
	case 0:
	case 1:
		coordinator_delete(worker);
		return;
	case 2:
		coordinator_replace(worker);
		return;
	case 3:
		coordinator_restore();
		return;
	case 4:
		coordinator_empty();
		return;
	case 5:
		coordinator_exchange();
		events_add(random_below(TTL), &(struct sim_event){.kind = EVENT_RESTORED});
		return;
	default:
		coordinator_back_up();
		return;
	}
}

static void cause_random_fault(void)
{
	const uint32_t owner = (uint32_t)random_below(world.owner_count);
	const struct sim_event heal = {.kind = EVENT_NETWORK_UP, .owner = owner};

	switch (random_below(world.tampers ? 16 : 9)) {
	case 0:
	case 1:
		owner_step_clock(owner, random_clock_error());
		return;
	case 2:
		owner_strike(owner, STOP, random_below(3 * TTL));
		return;
	case 3:
		owner_strike(owner, KILL, random_below(2 * TTL));
		return;
	case 4:
		owner_strike(owner, RELEASE, 0);
		return;
	case 5:
		owner_cut(owner, chance(700), chance(700));
		events_add(random_below(3 * TTL), &heal);
		return;
	case 6:
		world.down = true;
		events_add(random_below(2 * TTL),
			   &(struct sim_event){.kind = EVENT_COORDINATOR_UP});
		return;
	case 7:
		coordinator_revoke(random_below(world.worker_count));
		return;
	case 8:
		mistake_clock(owner);
		return;
	default:
		tamper_with_records();
		return;
	}
}

/* ---- a simulation --------------------------------------------------------------------------- */

static void handle_event(const struct sim_event *event, uint64_t fault_every)
{
	switch (event->kind) {
	case EVENT_ARRIVAL:
		coordinator_handle(event);
		free(event->message);
		return;
	case EVENT_FAULT:
		cause_random_fault();
		events_add(random_below(2 * fault_every), event);
		return;
	case EVENT_NETWORK_UP:
		owner_cut(event->owner, false, false);
		return;
	case EVENT_CLOCK_BACK:
		owner_step_clock(event->owner, event->step);
		return;
	case EVENT_RESTORED:
		coordinator_restore();
		return;
	case EVENT_COORDINATOR_UP:
		world.down = false;
		return;
	default:
		owner_handle(event);
		return;
	}
}

static void begin_simulation(void)
{
	world.now = 0;
	world.down = false;
	oracle_init();
	coordinator_init();
	owners_init();
}

static void run_until(uint64_t end, uint64_t fault_every)
{
	struct sim_event event;

	while (world.now < end && events_take_first(&event))
		handle_event(&event, fault_every);
}

static void end_simulation(void)
{
	events_clear();
	owners_free();
	coordinator_free();
	oracle_free();
}

static void simulate(uint64_t duration, uint64_t fault_every)
{
	begin_simulation();
	if (fault_every > 0)
		events_add(random_below(fault_every), &(struct sim_event){.kind = EVENT_FAULT});
	run_until(duration, fault_every);
	end_simulation();
}

/* Some seeds have fewer workers than owners, so that owners wait for others to leave. */
static void run_seed(void)
{
	world.random = seed;
	const bool large = seed % 100 == 99;
	world.owner_count = large ? 1024 : 2 + (uint32_t)random_below(15);
	world.worker_count = large ? 1024 : 1 + (uint32_t)random_below(world.owner_count + 2);
	world.lost_per_1000 = (unsigned)random_below(4) * 60;
	world.tells_time = chance(300);
	world.reserve_ns = SN_RESERVE_MIN(TTL) << random_below(4);
	world.caches = chance(300);
	world.tampers = chance(250);
	simulate(large ? 3 * TTL : 6 * TTL + random_below(6 * TTL),
		 large ? TTL / 100 : TTL / world.owner_count);
}

/* All owners of a full range crash at once, and as many new ones start. With a reserve of one TTL,
 * each of them has a worker when the leases have expired, and a quarter of a TTL later. */
static void run_crash(void)
{
	world.random = seed;
	world.owner_count = world.worker_count = 32;
	world.lost_per_1000 = 0;
	world.reserve_ns = TTL;
	world.tells_time = true;
	world.caches = world.tampers = false;
	begin_simulation();
	run_until(2 * TTL + random_below(TTL), 0);
	const uint64_t end = world.now + TTL + TTL / 4;
	for (uint32_t i = 0; i < world.owner_count; i++)
		owner_strike(i, KILL, random_below(50 * MS));
	run_until(end, 0);
	if (owners_with_worker() < world.owner_count)
		report_violation("%" PRIu32 " of %" PRIu32 " owners have a worker again",
				 owners_with_worker(), world.owner_count);
	end_simulation();
}

static void run_full_load(void)
{
	world.random = 1;
	world.owner_count = world.worker_count = 1024;
	world.busy = true;
	world.reserve_ns = SN_RESERVE_MIN(TTL);
	simulate(60 * SEC, 0);
}

int main(int argc, char **argv)
{
	const bool full = argc > 1 && strcmp(argv[1], "full") == 0;
	const uint64_t first = argc > 1 && !full ? strtoull(argv[1], NULL, 10) : 0;
	const uint64_t count = full ? 1 : argc > 2 ? strtoull(argv[2], NULL, 10) : 400;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (seed = first; seed - first < count; seed++) {
		if (full)
			run_full_load();
		else if (seed % 20 == 19 && seed % 100 != 99)
			run_crash();
		else
			run_seed();
	}
	printf("%" PRIu64 " simulations: %" PRIu64 " events, %" PRIu64 " IDs, %" PRIu64
	       " claims, %" PRIu64 " of an own worker, %" PRIu64 " workers lost\n",
	       count, world.events, world.ids, world.claims, world.reclaims, world.losses);
	const bool idle = world.ids == 0 || world.claims == 0 ||
			  (count > 1 && (world.losses == 0 || world.reclaims == 0));
	printf("%s - no duplicates, each ID within its epoch, no limit lowered\n",
	       idle ? "not ok" : "ok");
	return idle;
}
