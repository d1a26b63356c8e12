/* SPDX-License-Identifier: MIT
 *
 * Random bytes of the kernel, bought in blocks.
 */
#ifndef SN_ENTROPY_H
#define SN_ENTROPY_H

#include <stddef.h>

/* Fills out with fresh random bytes; each byte is handed out once, in any thread, signal handler or
 * forked child. size is at most 256. 0 or -errno of getrandom(2): there is no weaker source. */
int sn_entropy(void *out, size_t size);

#endif
