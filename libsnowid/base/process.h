/* SPDX-License-Identifier: MIT
 *
 * Which process this is, among those that forked from one another. A PID does not tell: a child in
 * a PID namespace of its own may have the number of its parent, and a number is used again.
 */
#ifndef SN_PROCESS_H
#define SN_PROCESS_H

#include <stdint.h>

/* To be called before the first sn_process_number(). -ENOMEM. */
int sn_process_init(void);

/* Never 0, the same in all threads of the process, and another in each of its ancestors. */
uint64_t sn_process_number(void);

#endif
