/* SPDX-License-Identifier: MIT
 *
 * Random bytes of the kernel, bought in blocks because a system call per ID costs ten times the
 * bytes, and handed out once: a byte is wiped from the block as it is given, a block that a fork
 * has copied is dropped, and whoever interrupts a call asks the kernel directly.
 */
#include "libsnowid/base/entropy.h"

#include <stdatomic.h>
#include <string.h>

#include "libsnowid/base/error.h"
#include "libsnowid/base/system.h"
#include "libsnowid/base/thread.h"

static int refill_block(void *out, size_t size)
{
	const int error = sn_system_random(out, size);
	return error ? sn_fail(error,
			       "getrandom: %s; there is no other source of random bytes, so it "
			       "must be allowed",
			       snowid_strerror(error))
		     : 0;
}

/* Always inline, for its callers to make size a constant. */
__attribute__((always_inline)) static inline int draw_bytes(struct sn_entropy_block *block,
							    void *out, size_t size)
{
	size_t left = block->left; /* read once: a fork in a signal handler makes it 0 */
	if (left < size) {
		const int error = refill_block(block->bytes, sizeof block->bytes);
		if (error)
			return error;
		left = sizeof block->bytes;
	}
	left -= size;
	block->left = (uint32_t)left;
	uint8_t *const unused = block->bytes + left;
	memcpy(out, unused, size);
	atomic_signal_fence(memory_order_seq_cst);
	if (!block->busy) { /* a signal handler forked, this is the child, and those were zeros */
		block->left = 0;
		return refill_block(out, size);
	}
	memset(unused, 0, size);
	return 0;
}

int sn_entropy(void *out, size_t size)
{
	struct sn_thread *const thread = sn_thread_get();
	struct sn_entropy_block *block;
	int error;

	if (!thread || thread->entropy->busy)
		return refill_block(out, size);
	block = thread->entropy;
	block->busy = 1;
	atomic_signal_fence(memory_order_seq_cst);
	/* IDs take 10 or 8 bytes: constants, so that the copying and wiping is a few instructions. */
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
