/* SPDX-License-Identifier: MIT
 *
 * Sections of code that their thread leaves only at their end.
 */
#ifndef SN_CRITICAL_H
#define SN_CRITICAL_H

#include <pthread.h>
#include <signal.h>

/* Between these two the thread cannot be cancelled, so that nothing stays allocated, open or
 * locked. They nest. */
static inline int sn_cancel_disable(void)
{
	int state;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	return state;
}

static inline void sn_cancel_restore(int state)
{
	pthread_setcancelstate(state, NULL);
}

/* Between these two no signal handler runs either: it might jump out with siglongjmp(), or end the
 * thread. Signals that an instruction causes are not held back, because the kernel would kill the
 * process. */
struct sn_critical {
	int cancel_state;
	sigset_t mask;
};

void sn_critical_begin(struct sn_critical *critical);
void sn_critical_end(const struct sn_critical *critical);

#endif
