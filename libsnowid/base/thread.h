/* SPDX-License-Identifier: MIT
 *
 * What the library keeps per thread: one mapping behind one thread-local pointer.
 */
#ifndef SN_THREAD_H
#define SN_THREAD_H

#include <stdint.h>

#define SN_DETAIL_SIZE  400
#define SN_ENTROPY_SIZE 4032

/* Random bytes bought in a block. The page of its own that it lives in is wiped in a forked child
 * (MADV_WIPEONFORK, and an atfork handler), and zeros mean: nothing left, not busy. */
struct sn_entropy_block {
	volatile uint32_t busy; /* a call is in the middle of it: hands off, signal handlers */
	uint32_t left;          /* unused bytes, at the end of the block */
	uint8_t bytes[SN_ENTROPY_SIZE];
};

struct sn_thread {
	struct sn_entropy_block *entropy;
	char detail[SN_DETAIL_SIZE]; /* the last error in full */
};

/* The calling thread's own, made at first use and freed when the thread ends; NULL if it cannot be
 * made. Async-signal-safe once made. */
struct sn_thread *sn_thread_get(void);

#endif
