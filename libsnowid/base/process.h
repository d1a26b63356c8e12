/* SPDX-License-Identifier: MIT
 *
 * Which process this is, among those that forked from one another. A PID does not tell: a child in
 * a PID namespace of its own may have the number of its parent, and a number is used again.
 */
#ifndef SN_PROCESS_H
#define SN_PROCESS_H

#include <stdatomic.h>
#include <stdint.h>

/* To be called before the first sn_process_number(). -ENOMEM. */
int sn_process_init(void);

/* Never 0, the same in all threads of the process, and another in each of its ancestors. */
uint64_t sn_process_number(void);

/* What a system call finds out, and what stays the same in a process. */
struct sn_process_memo {
	_Atomic uint64_t process; /* in which it was found; 0: in none */
	_Atomic uint64_t value;
};

uint64_t sn_process_recall(struct sn_process_memo *memo, uint64_t (*find)(void));

#endif
