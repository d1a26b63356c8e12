/* SPDX-License-Identifier: MIT
 *
 * Memory that connections needed which have ended, and that the C library keeps for others.
 */
#ifndef SNOWIDD_IDLE_MEMORY_H
#define SNOWIDD_IDLE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* Whether so many connections have ended that their memory should be given back: half of the most
 * that there were, which *most follows, beginning at 0. Called now and then with their number. */
bool idle_memory_is_due(uint64_t *most, uint64_t connections);

/* Gives unused memory back to the system. Threads that allocate memory meanwhile wait for some
 * milliseconds. */
void idle_memory_release(void);

#endif
