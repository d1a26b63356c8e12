/* SPDX-License-Identifier: MIT
 *
 * Random bytes from the kernel. They are read in blocks, because a system call for each ID would
 * cost ten times as much, and each byte is given out once: it is wiped from the block at once, a
 * child made by fork drops its copy of the block, and a signal handler that interrupts a call gets
 * its bytes from the kernel directly.
 */
#include "libsnowid/base/entropy.h"

#include <stdatomic.h>
#include <string.h>

#include "libsnowid/base/critical.h"
#include "libsnowid/base/error.h"
#include "libsnowid/base/system.h"
#include "libsnowid/base/thread.h"

int sn_entropy_fresh(void *out, size_t size)
{
	const int cancel_state = sn_cancel_disable();
	const int error = sn_system_random(out, size);
	sn_cancel_restore(cancel_state);
	return error ? sn_fail(error,
			       "getrandom: %s; there is no other source of random bytes, so it "
			       "must be allowed",
			       snowid_strerror(error))
		     : 0;
}

/* Always inline, so that size is a constant where the caller passes one. */
__attribute__((always_inline)) static inline int draw_bytes(struct sn_entropy_block *block,
							    void *out, size_t size)
{
	size_t left = block->bytes_left; /* read once: a fork in a signal handler sets it to 0 */
	if (left < size) {
		const int error = sn_entropy_fresh(block->bytes, sizeof block->bytes);
		if (error)
			return error;
		left = sizeof block->bytes;
	}
	left -= size;
	block->bytes_left = (uint32_t)left;
	uint8_t *const unused = block->bytes + left;
	memcpy(out, unused, size);
	atomic_signal_fence(memory_order_seq_cst);
	if (!block->busy) { /* a signal handler forked: in the child they are zeros */
		block->bytes_left = 0;
		return sn_entropy_fresh(out, size);
	}
	memset(unused, 0, size);
	return 0;
}

/* period: NULL if it does not matter when the bytes were read. */
__attribute__((always_inline)) static inline int draw_from_block(void *out, size_t size,
								 const uint32_t *period)
{
	struct sn_thread *const thread = sn_thread_get();
	struct sn_entropy_block *block;
	int error;

	if (!thread || thread->entropy->busy)
		return sn_entropy_fresh(out, size);
	block = thread->entropy;
	block->busy = 1;
	atomic_signal_fence(memory_order_seq_cst);
	if (period && block->period != *period) {
		block->period = *period;
		block->bytes_left = 0;
	}
	/* IDs need 10 or 8 bytes. With constants, copying and wiping is a few instructions. */
	if (size == 10)
		error = draw_bytes(block, out, 10);
	else if (size == 8)
		error = draw_bytes(block, out, 8);
	else
		error = draw_bytes(block, out, size);
	atomic_signal_fence(memory_order_seq_cst);
	block->busy = 0;
	return error;
}

int sn_entropy(void *out, size_t size)
{
	return draw_from_block(out, size, NULL);
}

int sn_entropy_of_period(void *out, size_t size, uint32_t period)
{
	return draw_from_block(out, size, &period);
}
