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
