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
	struct sn_coordinator coordinator; /* must be the first member (downcast) */
	uint64_t life;                     /* number of the process */
	uint64_t process;                  /* likewise, but kept by one that resumes it */
	uint64_t turn;                     /* number of the step that is scheduled */
	struct snowid_clock *clock;
	int64_t wall_offset;
	int64_t drift; /* in ppb */
	bool alive, stopped, cut_out, cut_in;
	struct sim_message *inbox, **inbox_end;
	struct sim_message *current_message; /* the answer that the lease reads */
	uint64_t next_serial;
	struct sn_lease lease;
	struct sn_shared_state *shared; /* of the process */
	struct sn_sequencer sequencer;
	uint64_t epochs[PAGES]; /* of its shared states */
	uint32_t ranges[PAGES];
	uint64_t last_tick; /* of the IDs of the process */
	size_t last_page;
	/* What is kept for the next process, if it can be; epoch 0: nothing. */
	struct sn_tenure cached;
	size_t cached_page;
	bool words_kept; /* of that page */
	bool second_block;
};

static struct owner *owners;

/* The random bytes of the library come from the seed too. */
int wrap_entropy(void *out, size_t size) __asm__("__wrap_sn_entropy");
int wrap_entropy(void *out, size_t size)
{
	uint8_t *const bytes = out;
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)random_below(256);
	return 0;
}

int wrap_entropy_fresh(void *out, size_t size) __asm__("__wrap_sn_entropy_fresh");
int wrap_entropy_fresh(void *out, size_t size)
{
	return wrap_entropy(out, size);
}

/* ---- clocks --------------------------------------------------------------------------------- */

static uint64_t elapsed_now(const struct owner *owner)
{
	return (uint64_t)((int64_t)world.now +
			  (int64_t)(world.now / 1000) * owner->drift / 1000000);
}

static int read_owner_wall(void *user, int64_t *sec, uint32_t *nsec)
{
	const struct owner *const owner = user;
	const int64_t ns = (int64_t)elapsed_now(owner) + owner->wall_offset;
	int64_t part = ns % (int64_t)SEC;

	*sec = TIME_BASE + ns / (int64_t)SEC;
	if (part < 0) {
		part += (int64_t)SEC;
		--*sec;
	}
	*nsec = (uint32_t)part;
	return 0;
}

static int read_owner_elapsed(void *user, uint64_t *ns)
{
	*ns = elapsed_now(user);
	return 0;
}

static int fail_to_sleep(void *user, uint64_t ns)
{
	(void)user;
	(void)ns;
	report_violation("the library slept");
}

void owner_step_clock(uint32_t number, int64_t ns)
{
	owners[number].wall_offset += ns;
}

/* ---- the coordinator, as the lease sees it -------------------------------------------------- */

static void owner_send(struct sn_coordinator *coordinator, const struct sn_request *request)
{
	const struct owner *const owner = (struct owner *)(void *)coordinator;
	network_send((uint32_t)(owner - owners), owner->life, request);
}

static bool owner_receive(struct sn_coordinator *coordinator, struct sn_answer *answer)
{
	struct owner *const owner = (struct owner *)(void *)coordinator;

	free(owner->current_message);
	owner->current_message = owner->inbox;
	if (!owner->current_message)
		return false;
	owner->inbox = owner->current_message->next;
	if (!owner->inbox)
		owner->inbox_end = &owner->inbox;
	*answer = owner->current_message->answer;
	answer->records = owner->current_message->records;
	return true;
}

static const struct sn_coordinator_class class = {.send = owner_send, .receive = owner_receive};

uint32_t owners_with_worker(void)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < world.owner_count; i++)
		count += owners[i].alive && sn_lease_owns(&owners[i].lease);
	return count;
}

uint64_t owner_process(uint32_t number)
{
	return owners[number].process;
}

bool owner_is_cut(uint32_t number, bool out)
{
	return out ? owners[number].cut_out : owners[number].cut_in;
}

void owner_cut(uint32_t number, bool out, bool in)
{
	owners[number].cut_out = out;
	owners[number].cut_in = in;
}

/* ---- life ----------------------------------------------------------------------------------- */

static void owner_schedule(struct owner *owner, uint64_t delay, enum event_kind kind)
{
	events_add(delay,
		   &(struct sim_event){.kind = kind,
				       .owner = (uint32_t)(owner - owners),
				       .life = owner->life,
				       .turn = kind == EVENT_LEASE_STEP ? ++owner->turn : 0});
}

static void empty_inbox(struct owner *owner)
{
	struct sn_answer answer;
	while (owner_receive(&owner->coordinator, &answer))
		;
}

/* A process that ends at once leaves its shared state, if the host does not end too: the next one
 * goes on with it as if it were the same. */
static bool begin_pages(struct owner *owner)
{
	const size_t page = owner->cached_page;
	const struct sn_shared_state words = owner->shared[page];
	const uint32_t range = owner->ranges[page];
	const bool resumes = owner->cached.epoch > 0 && owner->words_kept &&
			     words.next != SN_SEALED && chance(700);

	memset(owner->epochs, 0, sizeof owner->epochs);
	memset(owner->ranges, 0, sizeof owner->ranges);
	memset(owner->shared, 0, PAGES * sizeof *owner->shared);
	owner->last_page = owner->cached_page = 0;
	if (resumes) {
		owner->shared[0] = words;
		owner->ranges[0] = range;
		owner->epochs[0] = owner->cached.epoch;
	} else {
		owner->process = ++world.processes;
		owner->words_kept = false;
		owner->last_tick = 0;
	}
	return resumes;
}

static void owner_start(struct owner *owner)
{
	struct sn_timebase time;
	struct sn_ticks ticks;

	owner->life++;
	owner->next_serial = 1;
	owner->alive = true;
	owner->second_block = false;
	empty_inbox(owner);
	const bool resumes = begin_pages(owner);
	sn_timebase_init(&time, TIME_BASE - 86400, 0, 1000000);
	sn_ticks_init(&ticks, &time, (UINT64_C(1) << 41) - 1, SEQUENCE_BITS);
	const struct sn_lease_settings settings = {
		.coordinator = &owner->coordinator,
		.next_serial = &owner->next_serial,
		.root = "/",
		.path = "/",
		.reserve_ns = world.reserve_ns,
		.kind = "sim",
		.clock = owner->clock,
		.ticks = ticks,
		.ttl_ns = TTL,
		.fingerprint = KIND,
		.last_worker = world.worker_count - 1,
		.worker_shift = WORKER_SHIFT,
		.states = owner->shared,
		.state_count = BLOCK,
		.previous = owner->cached.epoch > 0 ? &owner->cached : NULL,
		.resumes = resumes,
	};
	const struct sn_sequencer_settings issuing = {
		.clock = owner->clock,
		.ticks = ticks,
		.shared = owner->shared,
		.wait_ns = 5 * MS,
		.hold_ns = SEC,
	};
	sn_sequencer_init(&owner->sequencer, &issuing);
	if (sn_lease_init(&owner->lease, &settings) != 0)
		report_violation("a lease could not be initialized");
	owner_schedule(owner, 0, EVENT_LEASE_STEP);
	owner_schedule(owner, random_below(ISSUE_EVERY), EVENT_ISSUE);
}

void owners_init(void)
{
	owners = calloc(world.owner_count, sizeof *owners);
	if (!owners)
		report_violation("out of memory");
	for (uint32_t i = 0; i < world.owner_count; i++) {
		struct owner *const owner = &owners[i];
		owner->coordinator.class = &class;
		owner->inbox_end = &owner->inbox;
		owner->shared = aligned_alloc(64, PAGES * sizeof *owner->shared);
		if (!owner->shared || snowid_clock_new(read_owner_wall, read_owner_elapsed,
						       fail_to_sleep, owner, &owner->clock) != 0)
			report_violation("out of memory");
		owner->drift = (int64_t)random_below(400000) - 200000;
		owner->wall_offset = (int64_t)random_below(2 * SEC) - (int64_t)SEC;
		owner_schedule(owner, random_below(2 * SEC), EVENT_START);
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

void owner_strike(uint32_t number, enum strike pattern, uint64_t for_ns)
{
	struct owner *const owner = &owners[number];

	if (!owner->alive || owner->stopped)
		return;
	switch (pattern) {
	case KILL:
		owner->alive = false;
		owner_schedule(owner, for_ns, EVENT_START);
		return;
	case STOP:
		owner->stopped = true;
		owner_schedule(owner, for_ns, EVENT_RESUME);
		return;
	case RELEASE:
		owner->cached.epoch = 0;
		sn_lease_release(&owner->lease);
		owner_schedule(owner, 0, EVENT_LEASE_STEP);
		return;
	}
}

/* ---- what it does --------------------------------------------------------------------------- */

static void owner_step_lease(struct owner *owner)
{
	const uint64_t losses = owner->lease.counters.losses;
	struct sn_answer answer;
	uint64_t again;

	while (owner_receive(&owner->coordinator, &answer))
		sn_lease_answer(&owner->lease, &answer);
	if (sn_lease_step(&owner->lease, &again) != 0)
		again = TTL / 8;
	if (sn_lease_owns(&owner->lease)) {
		const size_t page = (size_t)(owner->lease.shared - owner->shared);
		owner->epochs[page] = owner->lease.tenure.epoch;
		owner->cached_page = page;
		owner->words_kept = true;
		if (world.caches)
			owner->cached = owner->lease.tenure;
	}
	world.losses += owner->lease.counters.losses - losses;
	if (sn_lease_needs_states(&owner->lease) && !owner->second_block) {
		owner->second_block = true;
		sn_lease_add_states(&owner->lease, owner->shared + BLOCK + 1, BLOCK);
	} else if (owner->lease.states_used == BLOCK && owner->lease.state == SN_LEASE_SEEKING) {
		sn_lease_release(&owner->lease);
	}
	if (owner->lease.state == SN_LEASE_ENDED)
		owner_schedule(owner, random_below(TTL), EVENT_START);
	else
		owner_schedule(owner, again + random_below(20 * MS), EVENT_LEASE_STEP);
}

/* IDs of a process increase, also from one worker to another. */
static void check_order(struct owner *owner, const struct sn_claim *claim, size_t page)
{
	const uint64_t first = claim->start >> SEQUENCE_BITS;

	if (first < owner->last_tick || (first == owner->last_tick && page != owner->last_page))
		report_violation("a process issued tick %llu after tick %llu",
				 (unsigned long long)first, (unsigned long long)owner->last_tick);
	owner->last_tick = (claim->start + claim->count - 1) >> SEQUENCE_BITS;
	owner->last_page = page;
}

/* Takes some IDs. A process that was stopped does so before it knows how late it is. */
static void owner_issue(struct owner *owner)
{
	struct sn_claim claim;
	const uint64_t count = world.busy    ? UINT64_C(1) << SEQUENCE_BITS
			       : chance(100) ? 1 + random_below(5000)
					     : 1 + random_below(8);

	if (owner->lease.shared && sn_sequencer_claim(&owner->sequencer, count, &claim) == 0) {
		const size_t page = (size_t)(atomic_load(&owner->sequencer.shared) - owner->shared);
		check_order(owner, &claim, page);
		oracle_check_ids(&(struct sim_issue){
			.worker = claim.identity >> WORKER_SHIFT,
			.process = owner->process,
			.epoch = owner->epochs[page],
			.claim = &claim,
			.bits = SEQUENCE_BITS,
			.range = &owner->ranges[page],
		});
	} else if (owner->lease.shared) {
		sn_sequencer_attach(&owner->sequencer, owner->lease.shared); /* as a store does */
	}
	owner_schedule(owner, world.busy ? MS : ISSUE_EVERY / 2 + random_below(ISSUE_EVERY),
		       EVENT_ISSUE);
}

/* An answer waits in the inbox for the next step of the lease. In the library it wakes the
 * thread. */
static void queue_answer(struct owner *owner, struct sim_message *message)
{
	message->next = NULL;
	*owner->inbox_end = message;
	owner->inbox_end = &message->next;
	if (!owner->stopped)
		owner_schedule(owner, 0, EVENT_LEASE_STEP);
}

void owner_handle(const struct sim_event *event)
{
	struct owner *const owner = &owners[event->owner];

	if (event->life != owner->life || (!owner->alive && event->kind != EVENT_START)) {
		free(event->message);
		return;
	}
	switch (event->kind) {
	case EVENT_START:
		owner_start(owner);
		return;
	case EVENT_RESUME:
		owner->stopped = false;
		owner_issue(owner);
		owner_schedule(owner, random_below(5 * MS), EVENT_LEASE_STEP);
		return;
	case EVENT_LEASE_STEP:
		if (!owner->stopped && event->turn == owner->turn)
			owner_step_lease(owner);
		return;
	case EVENT_ISSUE:
		if (!owner->stopped)
			owner_issue(owner);
		return;
	case EVENT_ANSWER:
		queue_answer(owner, event->message);
		return;
	default:
		return;
	}
}
