/* SPDX-License-Identifier: MIT
 *
 * What the library keeps for each thread.
 */
#ifndef SN_THREAD_H
#define SN_THREAD_H

#include <stdint.h>

#define SN_DETAIL_SIZE  400
#define SN_ENTROPY_SIZE 4032

/* A block of random bytes. It has pages of its own, which are zeroed in a forked child by the
 * kernel and by an atfork handler. Zeros mean that no bytes are left and that it is not busy. */
struct sn_entropy_block {
	volatile uint32_t busy; /* a call is using it, so a signal handler must not */
	uint32_t bytes_left;    /* at the end of the block */
	uint32_t period;        /* when they were read: sn_entropy_of_period() */
	uint8_t bytes[SN_ENTROPY_SIZE];
};

struct sn_thread {
	struct sn_entropy_block *entropy;
	char detail[SN_DETAIL_SIZE]; /* of the last error */
};

/* That of the calling thread. It is made at first use and freed when the thread ends. NULL: it
 * cannot be made. Async-signal-safe once it has been made. */
struct sn_thread *sn_thread_get(void);

#endif
