/* SPDX-License-Identifier: MIT
 *
 * How the IDs of a kind are shared out while more are asked for than there are.
 */
#include "snowidd/service/share.h"

void share_init(struct share *share, const struct snowid_layout *layout, uint64_t borrow_ns)
{
	*share = (struct share){.borrow_ns = borrow_ns};
	if (!layout)
		return;
	snowid_layout_info(layout, SNOWID_LAYOUT_UNIT_NS, &share->tick_ns);
	snowid_layout_info(layout, SNOWID_LAYOUT_IDS_PER_TICK, &share->ids_per_tick);
}

unsigned share_size_class(size_t count)
{
	unsigned size_class = 0;

	for (size_t most = 16; size_class < SIZE_CLASSES - 1 && count > most; most *= 16)
		size_class++;
	return size_class;
}

void share_want(struct share *share, unsigned size_class, uint64_t *wanted, uint64_t ids)
{
	if (ids == *wanted)
		return;
	/* The difference may be negative; the sum is right again modulo 2^64. */
	atomic_fetch_add_explicit(&share->wanted[size_class], ids - *wanted, memory_order_relaxed);
	*wanted = ids;
}

uint64_t share_wanted_below(const struct share *share, unsigned size_class)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < size_class; i++)
		sum += atomic_load_explicit(&share->wanted[i], memory_order_relaxed);
	return sum;
}

/* The ticks that begin in the time, the present one, and one more as the time may begin within a
 * tick; a part of it more as the wall clock may be slewed to go faster. */
uint64_t share_capacity(const struct share *share, uint64_t span_ns)
{
	uint64_t span, ids;

	if (share->tick_ns == 0 || __builtin_add_overflow(span_ns, share->borrow_ns, &span))
		return UINT64_MAX;
	const uint64_t ticks = span / share->tick_ns;
	return __builtin_mul_overflow(ticks + ticks / 256 + 2, share->ids_per_tick, &ids)
		       ? UINT64_MAX
		       : ids;
}

uint64_t share_of_stream(const struct share *share, uint64_t count, uint64_t available)
{
	const unsigned batches = SIZE_CLASSES - 1;
	const uint64_t smaller = share_wanted_below(share, batches);
	const uint64_t larger = share_wanted_below(share, SIZE_CLASSES) - smaller;

	if (available <= smaller)
		return 0;
	const uint64_t left = available - smaller;
	const double part = (double)left * (double)count / (double)(count + larger);
	const uint64_t most = larger == 0 ? left : part < 1 ? 1 : (uint64_t)part;
	return most < count ? most : count;
}
