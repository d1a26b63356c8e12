/* SPDX-License-Identifier: MIT
 *
 * Elapsed time: what deadlines and durations are measured in.
 */
#ifndef SNOWIDD_ELAPSED_H
#define SNOWIDD_ELAPSED_H

#include <stdint.h>

/* In ns since the system started, with the time it was suspended. Setting the clock does not change
 * it. */
uint64_t elapsed_ns(void);

/* The CPU time that this process has used, in seconds. */
double elapsed_cpu_seconds(void);

#endif
