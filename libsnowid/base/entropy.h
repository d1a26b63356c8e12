/* SPDX-License-Identifier: MIT
 *
 * Random bytes from the kernel.
 */
#ifndef SN_ENTROPY_H
#define SN_ENTROPY_H

#include <stddef.h>

/* Fills out with random bytes, none of which any thread, signal handler or forked child was or will
 * be given. size is at most 256. 0 or -errno of getrandom(2): there is no weaker source. */
int sn_entropy(void *out, size_t size);

#endif
