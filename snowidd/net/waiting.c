/* SPDX-License-Identifier: MIT
 *
 * What waits in an event loop.
 */
#include "snowidd/net/waiting.h"

static void init_ring(struct waiter *head)
{
	head->previous = head->next = head;
}

static void insert_before(struct waiter *next, struct waiter *waiter)
{
	waiter->previous = next->previous;
	waiter->next = next;
	next->previous->next = waiter;
	next->previous = waiter;
}

void waiting_init(struct waiting *waiting)
{
	waiting->lanes_due = UINT64_MAX;
	waiting->lanes_done = PHASE_LANE;
	for (enum phase phase = 0; phase < PHASES; phase++)
		init_ring(&waiting->queues[phase]);
}

void waiting_remove(struct waiter *waiter)
{
	if (!waiter->next)
		return;
	waiter->previous->next = waiter->next;
	waiter->next->previous = waiter->previous;
	waiter->next = NULL;
}

void waiting_add(struct waiting *waiting, struct waiter *waiter, enum phase phase,
		 uint64_t deadline)
{
	waiting_remove(waiter);
	waiter->phase = phase;
	waiter->deadline = deadline;
	if (phase >= PHASE_LANE && phase < PHASE_REFUSED && deadline < waiting->lanes_due)
		waiting->lanes_due = deadline;
	insert_before(&waiting->queues[phase], waiter);
}

bool waiting_is_empty(const struct waiting *waiting, enum phase phase)
{
	return waiting->queues[phase].next == &waiting->queues[phase];
}

static void resume_waiter(struct waiter *waiter, enum wake wake)
{
	waiting_remove(waiter);
	waiter->resume(waiter, wake);
}

uint64_t waiting_expire(struct waiting *waiting, uint64_t now)
{
	uint64_t next = UINT64_MAX;

	for (enum phase phase = PHASE_FIRST; phase < PHASE_BLOCKED; phase++) {
		struct waiter *const head = &waiting->queues[phase];
		while (head->next != head && head->next->deadline <= now)
			resume_waiter(head->next, WAKE_DUE);
		if (head->next != head && head->next->deadline < next)
			next = head->next->deadline;
	}
	return next;
}

/* Moves all of a queue to a ring apart, as resuming one may add or remove others. */
static void begin_round(struct waiter *queue, struct waiter *round)
{
	insert_before(queue->next, round);
	waiting_remove(queue);
	init_ring(queue);
}

void waiting_take_turns(struct waiting *waiting, enum phase phase)
{
	struct waiter round;

	begin_round(&waiting->queues[phase], &round);
	while (round.next != &round)
		resume_waiter(round.next, WAKE_TURN);
}

void waiting_take_some(struct waiting *waiting, enum phase phase, unsigned most)
{
	for (; most > 0 && !waiting_is_empty(waiting, phase); most--)
		resume_waiter(waiting->queues[phase].next, WAKE_TURN);
}

bool waiting_has_lanes(const struct waiting *waiting)
{
	for (enum phase lane = PHASE_LANE; lane < PHASE_REFUSED; lane++)
		if (!waiting_is_empty(waiting, lane))
			return true;
	return false;
}

/* Resumes the first of a lane until it stays. False if the round is over before. */
static bool serve_lane(struct waiting *waiting, enum phase lane, bool (*is_over)(const void *user),
		       const void *user)
{
	const struct waiter *const head = &waiting->queues[lane];
	const struct waiter *last = NULL;

	while (head->next != head && head->next != last) {
		if (is_over(user)) {
			waiting->lanes_done = last ? lane : lane - 1;
			return false;
		}
		last = head->next;
		head->next->resume(head->next, WAKE_TURN);
	}
	return true;
}

bool waiting_serve_lanes(struct waiting *waiting, bool (*is_over)(const void *user),
			 const void *user)
{
	const enum phase done = waiting->lanes_done, others = PHASE_LANE + KINDS_MAX;

	waiting->lanes_done = PHASE_LANE;
	for (enum phase lane = PHASE_LANE; lane < PHASE_REFUSED; lane++)
		if ((lane < others || lane > done) && !serve_lane(waiting, lane, is_over, user))
			return false;
	return done < others;
}

/* Those that are due are moved to a ring apart, as resuming one may add or remove others. */
static uint64_t expire_lane(struct waiter *queue, uint64_t now)
{
	struct waiter due;
	uint64_t soonest = UINT64_MAX;

	init_ring(&due);
	for (struct waiter *waiter = queue->next, *next; waiter != queue; waiter = next) {
		next = waiter->next;
		if (waiter->deadline > now) {
			soonest = waiter->deadline < soonest ? waiter->deadline : soonest;
			continue;
		}
		waiting_remove(waiter);
		insert_before(&due, waiter);
	}
	while (due.next != &due)
		resume_waiter(due.next, WAKE_DUE);
	return soonest;
}

void waiting_expire_lanes(struct waiting *waiting, uint64_t now)
{
	uint64_t soonest = UINT64_MAX;

	if (now < waiting->lanes_due)
		return;
	waiting->lanes_due = UINT64_MAX;
	for (enum phase lane = PHASE_LANE; lane < PHASE_REFUSED; lane++) {
		const uint64_t next = expire_lane(&waiting->queues[lane], now);
		soonest = next < soonest ? next : soonest;
	}
	if (soonest < now + LANES_DUE_MS)
		soonest = now + LANES_DUE_MS;
	if (soonest < waiting->lanes_due)
		waiting->lanes_due = soonest;
}

void waiting_stop(struct waiting *waiting)
{
	for (enum phase phase = 0; phase < PHASES; phase++) {
		struct waiter *const queue = &waiting->queues[phase];
		struct waiter round;
		begin_round(queue, &round);
		while (round.next != &round) {
			struct waiter *const waiter = round.next;
			waiting_remove(waiter);
			insert_before(queue, waiter);
			waiter->resume(waiter, WAKE_STOP);
		}
	}
}

void waiting_drain(struct waiting *waiting)
{
	for (enum phase phase = PHASE_FIRST; phase <= PHASE_IDLE; phase++) {
		struct waiter *const head = &waiting->queues[phase];
		struct waiter *next;
		for (struct waiter *waiter = head->next; waiter != head; waiter = next) {
			next = waiter->next; /* it may end itself, but no other */
			waiter->resume(waiter, WAKE_DRAIN);
		}
	}
}

void waiting_end(struct waiting *waiting)
{
	for (enum phase phase = 0; phase < PHASES; phase++)
		while (!waiting_is_empty(waiting, phase))
			resume_waiter(waiting->queues[phase].next, WAKE_END);
}
