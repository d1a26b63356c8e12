/* SPDX-License-Identifier: MIT
 *
 * What is to happen, in the order of its time: a binary heap.
 */
#include <stdlib.h>

#include "tests/sim/sim.h"

static struct event *heap;
static size_t count, room;
static uint64_t order;

static bool is_before(const struct event *a, const struct event *b)
{
	return a->time != b->time ? a->time < b->time : a->order < b->order;
}

void schedule(uint64_t delay, const struct event *event)
{
	if (count == room) {
		room = room ? 2 * room : 1024;
		heap = realloc(heap, room * sizeof *heap);
		if (!heap)
			violation("out of memory");
	}
	struct event added = *event;
	added.time = world.now + delay;
	added.order = order++;
	size_t i = count++;
	for (; i > 0 && is_before(&added, &heap[(i - 1) / 2]); i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = added;
}

bool next_event(struct event *event)
{
	if (count == 0)
		return false;
	*event = heap[0];
	const struct event last = heap[--count];
	size_t i = 0;
	for (;;) {
		size_t child = 2 * i + 1;
		if (child + 1 < count && is_before(&heap[child + 1], &heap[child]))
			child++;
		if (child >= count || is_before(&last, &heap[child]))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = last;
	world.now = event->time;
	world.events++;
	return true;
}

void drop_events(void)
{
	for (size_t i = 0; i < count; i++)
		free(heap[i].message);
	count = 0;
	order = 0;
}
