/* SPDX-License-Identifier: MIT
 *
 * The block of random bytes of the calling thread.
 */
#ifndef TESTS_ENTROPY_BLOCK_H
#define TESTS_ENTROPY_BLOCK_H

#include <stdbool.h>

#include "libsnowid/base/entropy.h"
#include "libsnowid/base/thread.h"
#include "tests/unit/check.h"

enum { DRAW = 16 }; /* bytes that are never all zero, or the same twice, by chance */

static inline struct sn_entropy_block *entropy_block(void)
{
	struct sn_thread *const thread = sn_thread_get();
	ck_assert_ptr_nonnull(thread);
	return thread->entropy;
}

/* The next request then asks the kernel. */
static inline void empty_entropy_block(void)
{
	entropy_block()->bytes_left = 0;
}

static inline bool is_all_zero(const void *bytes, size_t size)
{
	const uint8_t *const b = bytes;
	for (size_t i = 0; i < size; i++)
		if (b[i] != 0)
			return false;
	return true;
}

#endif
