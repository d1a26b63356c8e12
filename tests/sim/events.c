/* SPDX-License-Identifier: MIT
 *
 * The queue of events: a binary heap, ordered by time.
 */
#include <stdlib.h>

#include "tests/sim/sim.h"

static struct sim_event *heap;
static size_t heap_size, heap_room;
static uint64_t next_order;

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
	return a->time != b->time ? a->time < b->time : a->order < b->order;
}

void events_add(uint64_t delay, const struct sim_event *event)
{
	if (heap_size == heap_room) {
		heap_room = heap_room ? 2 * heap_room : 1024;
		heap = realloc(heap, heap_room * sizeof *heap);
		if (!heap)
			report_violation("out of memory");
	}
	struct sim_event added = *event;
	added.time = world.now + delay;
	added.order = next_order++;
	size_t i = heap_size++;
	for (; i > 0 && is_before(&added, &heap[(i - 1) / 2]); i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = added;
}

bool events_take_first(struct sim_event *event)
{
	if (heap_size == 0)
		return false;
	*event = heap[0];
	const struct sim_event last = heap[--heap_size];
	size_t i = 0;
	for (;;) {
		size_t child = 2 * i + 1;
		if (child + 1 < heap_size && is_before(&heap[child + 1], &heap[child]))
			child++;
		if (child >= heap_size || is_before(&last, &heap[child]))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = last;
	world.now = event->time;
	world.events++;
	return true;
}

void events_clear(void)
{
	for (size_t i = 0; i < heap_size; i++)
		free(heap[i].message);
	heap_size = 0;
	next_order = 0;
}
