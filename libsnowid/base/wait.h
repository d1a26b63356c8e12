/* SPDX-License-Identifier: MIT
 *
 * The waits while a generator is opened: when they end, and whether the program has given up.
 */
#ifndef SN_WAIT_H
#define SN_WAIT_H

#include <stdbool.h>

#include "snowid.h"

struct sn_wait {
	struct snowid_clock *clock;
	snowid_interrupt_fn interrupt; /* NULL: nobody can interrupt it */
	void *user;
	bool bounded;        /* all waits together, instead of each by itself */
	uint64_t timeout_ns; /* if bounded */
	uint64_t end_ns;     /* if bounded: in elapsed time */
};

/* From now on all waits together may take timeout_ns. */
int sn_wait_bound(struct sn_wait *wait, uint64_t timeout_ns);

/* When a wait must end that begins now and may take own_ns unless all are bounded. */
int sn_wait_end(const struct sn_wait *wait, uint64_t own_ns, uint64_t *end_ns);

/* How long to sleep at most before this is called again, 0 once end_ns is over. Fails if the
 * program has given up. */
int sn_wait_left(const struct sn_wait *wait, uint64_t end_ns, uint64_t *left_ns);

#endif
