/* SPDX-License-Identifier: MIT
 *
 * An owner: a process that runs the library's lease and sequencer on clocks of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "libsnowid/base/bytes.h"
#include "libsnowid/base/entropy.h"
#include "tests/sim/sim.h"

#define SEQUENCE_BITS 12
#define WORKER_SHIFT  SEQUENCE_BITS
#define ISSUE_EVERY   (150 * MS)

struct owner {
	struct sn_coordinator coordinator; /* first: what the lease has is its address */
	uint64_t life;                     /* which process this is */
	uint64_t turn;                     /* which step is planned */
	struct snowid_clock *clock;
	int64_t wall_offset;
	int64_t drift; /* in 1e-9 */
	bool alive, stopped, cut_out, cut_in;
	struct message *inbox, **inbox_end;
	struct message *taken; /* the answer that the lease has in its hands */
	struct sn_lease lease;
	struct sn_shared_state *shared; /* of the process */
	struct sn_sequencer sequencer;
	uint64_t epochs[PAGES]; /* of its pages */
	uint32_t fronts[PAGES];
};

static struct owner *owners;

/* Random numbers of the library come from the seed as well. */
int wrap_entropy(void *out, size_t size) __asm__("__wrap_sn_entropy");
int wrap_entropy(void *out, size_t size)
{
	uint8_t *const bytes = out;
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)draw(256);
	return 0;
}

/* ---- clocks ---------------------------------------------------------------------------------- */

static uint64_t elapsed_now(const struct owner *o)
{
	return (uint64_t)((int64_t)world.now + (int64_t)(world.now / 1000) * o->drift / 1000000);
}

static int wall(void *user, int64_t *sec, uint32_t *nsec)
{
	const struct owner *const o = user;
	const int64_t ns = (int64_t)elapsed_now(o) + o->wall_offset;
	int64_t part = ns % (int64_t)SEC;

	*sec = TIME_BASE + ns / (int64_t)SEC;
	if (part < 0) {
		part += (int64_t)SEC;
		--*sec;
	}
	*nsec = (uint32_t)part;
	return 0;
}

static int elapsed(void *user, uint64_t *ns)
{
	*ns = elapsed_now(user);
	return 0;
}

static int sleep_not(void *user, uint64_t ns)
{
	(void)user;
	(void)ns;
	violation("the library slept");
}

void owner_step_clock(uint32_t owner, int64_t ns)
{
	owners[owner].wall_offset += ns;
}

/* ---- the coordinator, as the lease sees it --------------------------------------------------- */

static void send(struct sn_coordinator *coordinator, const struct sn_request *request)
{
	const struct owner *const o = (struct owner *)(void *)coordinator;
	network_send((uint32_t)(o - owners), o->life, request);
}

static bool receive(struct sn_coordinator *coordinator, struct sn_answer *answer)
{
	struct owner *const o = (struct owner *)(void *)coordinator;

	free(o->taken);
	o->taken = o->inbox;
	if (!o->taken)
		return false;
	o->inbox = o->taken->next;
	if (!o->inbox)
		o->inbox_end = &o->inbox;
	*answer = o->taken->answer;
	answer->records = o->taken->records;
	return true;
}

static const struct sn_coordinator_class class = {.send = send, .receive = receive};

bool owner_is_cut(uint32_t owner, bool out)
{
	return out ? owners[owner].cut_out : owners[owner].cut_in;
}

void owner_cut(uint32_t owner, bool out, bool in)
{
	owners[owner].cut_out = out;
	owners[owner].cut_in = in;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void plan(struct owner *o, uint64_t delay, enum event_kind kind)
{
	schedule(delay, &(struct event){.kind = kind,
					.owner = (uint32_t)(o - owners),
					.life = o->life,
					.turn = kind == EVENT_STEP ? ++o->turn : 0});
}

static void empty_inbox(struct owner *o)
{
	struct sn_answer answer;
	while (receive(&o->coordinator, &answer))
		;
}

static void start(struct owner *o)
{
	struct sn_timebase time;
	struct sn_ticks ticks;

	o->life++;
	o->alive = true;
	empty_inbox(o);
	memset(o->epochs, 0, sizeof o->epochs);
	memset(o->fronts, 0, sizeof o->fronts);
	memset(o->shared, 0, PAGES * sizeof *o->shared);
	sn_timebase_init(&time, TIME_BASE - 86400, 0, 1000000);
	sn_ticks_init(&ticks, &time, (UINT64_C(1) << 41) - 1, SEQUENCE_BITS);
	const struct sn_lease_settings settings = {
		.coordinator = &o->coordinator,
		.clock = o->clock,
		.ticks = ticks,
		.ttl_ns = TTL,
		.fingerprint = KIND,
		.last_worker = world.worker_count - 1,
		.worker_shift = WORKER_SHIFT,
		.states = o->shared,
		.state_count = PAGES,
	};
	const struct sn_sequencer_settings issuing = {
		.clock = o->clock,
		.ticks = ticks,
		.shared = o->shared,
		.wait_ns = 5 * MS,
		.hold_ns = SEC,
	};
	sn_sequencer_init(&o->sequencer, &issuing);
	if (sn_lease_init(&o->lease, &settings) != 0)
		violation("a lease could not begin");
	plan(o, 0, EVENT_STEP);
	plan(o, draw(ISSUE_EVERY), EVENT_ISSUE);
}

void owners_init(void)
{
	owners = calloc(world.owner_count, sizeof *owners);
	if (!owners)
		violation("out of memory");
	for (uint32_t i = 0; i < world.owner_count; i++) {
		struct owner *const o = &owners[i];
		o->coordinator.class = &class;
		o->inbox_end = &o->inbox;
		o->shared = aligned_alloc(64, PAGES * sizeof *o->shared);
		if (!o->shared || snowid_clock_new(wall, elapsed, sleep_not, o, &o->clock) != 0)
			violation("out of memory");
		o->drift = (int64_t)draw(400000) - 200000;
		o->wall_offset = (int64_t)draw(2 * SEC) - (int64_t)SEC;
		plan(o, draw(2 * SEC), EVENT_START);
	}
}

void owners_free(void)
{
	for (uint32_t i = 0; i < world.owner_count; i++) {
		empty_inbox(&owners[i]);
		free(owners[i].shared);
		snowid_clock_free(owners[i].clock);
	}
	free(owners);
}

void owner_strike(uint32_t owner, enum pattern pattern, uint64_t for_ns)
{
	struct owner *const o = &owners[owner];

	if (!o->alive || o->stopped)
		return;
	switch (pattern) {
	case KILL:
		o->alive = false;
		plan(o, for_ns, EVENT_START);
		return;
	case STOP:
		o->stopped = true;
		plan(o, for_ns, EVENT_WAKE);
		return;
	case RELEASE:
		sn_lease_release(&o->lease);
		plan(o, 0, EVENT_STEP);
		return;
	}
}

/* ---- what it does ---------------------------------------------------------------------------- */

static void step(struct owner *o)
{
	const struct sn_shared_state *const page = o->lease.shared;
	const bool owning = o->lease.state == SN_LEASE_OWNING;
	uint64_t again;

	if (sn_lease_step(&o->lease, &again) != 0)
		again = TTL / 8;
	if (o->lease.shared != page)
		o->epochs[o->lease.shared - o->shared] = o->lease.record.epoch;
	if (owning && o->lease.state == SN_LEASE_SEEKING)
		world.losses++;
	if (o->lease.state == SN_LEASE_ENDED)
		plan(o, draw(TTL), EVENT_START);
	else
		plan(o, again + draw(20 * MS), EVENT_STEP);
}

/* Takes some IDs. A process that was stopped does this before it knows how late it is. */
static void issue(struct owner *o)
{
	struct sn_claim claim;
	const uint64_t count = world.busy    ? UINT64_C(1) << SEQUENCE_BITS
			       : chance(100) ? 1 + draw(5000)
					     : 1 + draw(8);

	if (o->lease.shared && sn_sequencer_claim(&o->sequencer, count, &claim) == 0) {
		const size_t page = (size_t)(atomic_load(&o->sequencer.shared) - o->shared);
		oracle_issue(claim.identity >> WORKER_SHIFT, o->epochs[page], &claim, SEQUENCE_BITS,
			     &o->fronts[page]);
	}
	plan(o, world.busy ? MS : ISSUE_EVERY / 2 + draw(ISSUE_EVERY), EVENT_ISSUE);
}

/* An answer stays in the inbox until the lease is stepped; the real one's thread is woken by it. */
static void take_answer(struct owner *o, struct message *message)
{
	message->next = NULL;
	*o->inbox_end = message;
	o->inbox_end = &message->next;
	if (!o->stopped)
		plan(o, 0, EVENT_STEP);
}

void owner_take(const struct event *event)
{
	struct owner *const o = &owners[event->owner];

	if (event->life != o->life || (!o->alive && event->kind != EVENT_START)) {
		free(event->message);
		return;
	}
	switch (event->kind) {
	case EVENT_START:
		start(o);
		return;
	case EVENT_WAKE:
		o->stopped = false;
		issue(o);
		plan(o, draw(5 * MS), EVENT_STEP);
		return;
	case EVENT_STEP:
		if (!o->stopped && event->turn == o->turn)
			step(o);
		return;
	case EVENT_ISSUE:
		if (!o->stopped)
			issue(o);
		return;
	case EVENT_ANSWER:
		take_answer(o, event->message);
		return;
	default:
		return;
	}
}
