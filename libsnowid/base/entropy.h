/* SPDX-License-Identifier: MIT
 *
 * Random bytes from the kernel.
 */
#ifndef SN_ENTROPY_H
#define SN_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

/* These fill out with random bytes, none of which any thread, signal handler or forked child was or
 * will be given. size is at most 256. 0 or -errno of getrandom(2): there is no weaker source.
 *
 * A thread may have read them long before, and clones of a virtual machine made since then would be
 * given the same. So IDs say in which period of time they are made, and get bytes that were read in
 * it, and what must be unique without a time in it is read from the kernel. */
int sn_entropy(void *out, size_t size);
int sn_entropy_of_period(void *out, size_t size, uint32_t period);
int sn_entropy_fresh(void *out, size_t size);

/* The period of an instant in milliseconds: about a second. */
static inline uint32_t sn_entropy_period(uint64_t ms)
{
	return (uint32_t)(ms >> 10);
}

#endif
