/* SPDX-License-Identifier: MIT
 *
 * How the IDs of a kind are shared out while more are asked for than there are.
 *
 * Requests of one size class are served in the order in which they came; smaller ones leave nothing
 * to larger ones before they have what they want. Each loop has a queue for each class, and what
 * all loops want is known to each of them, so that the batches of one loop leave room for the
 * single IDs of another.
 */
#ifndef SNOWIDD_SHARE_H
#define SNOWIDD_SHARE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "snowid.h"
#include "snowidd/service/counters.h"

#define SIZE_CLASSES 4

/* A loop's queues of requests: in each round they are served in this order. */
#define LANES (SIZE_CLASSES * KINDS_MAX)

struct share {
	uint64_t tick_ns; /* 0: there are more IDs than can be asked for */
	uint64_t ids_per_tick;
	uint64_t borrow_ns;
	_Atomic uint64_t wanted[SIZE_CLASSES]; /* by the requests that wait, of all loops */
};

/* Without a layout, there are more IDs than can be asked for. */
void share_init(struct share *share, const struct snowid_layout *layout, uint64_t borrow_ns);

/* From 0 for a few IDs. */
unsigned share_size_class(size_t count);

/* Changes what a request wants, which is in *wanted. MT-Safe. */
void share_want(struct share *share, unsigned size_class, uint64_t *wanted, uint64_t ids);

/* What requests want that are smaller than those of a class. MT-Safe. */
uint64_t share_wanted_below(const struct share *share, unsigned size_class);

/* How many IDs there can be at most until span_ns from now. */
uint64_t share_capacity(const struct share *share, uint64_t span_ns);

/* How many of the `available` IDs a stream may draw that has a use for `count`. It is not in a
 * queue: it has what smaller requests leave, and shares that with batches in the proportion of what
 * they want. */
uint64_t share_of_stream(const struct share *share, uint64_t count, uint64_t available);

#endif
