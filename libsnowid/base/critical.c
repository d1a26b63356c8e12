/* SPDX-License-Identifier: MIT */
#include "libsnowid/base/critical.h"

#include <stddef.h>

void sn_critical_begin(struct sn_critical *critical)
{
	static const int synchronous[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL,
					  SIGSEGV, SIGSYS, SIGTRAP};
	sigset_t signals;

	critical->cancel_state = sn_cancel_disable();
	sigfillset(&signals);
	for (size_t i = 0; i < sizeof synchronous / sizeof synchronous[0]; i++)
		sigdelset(&signals, synchronous[i]);
	pthread_sigmask(SIG_BLOCK, &signals, &critical->mask);
}

void sn_critical_end(const struct sn_critical *critical)
{
	sn_cancel_restore(
		critical->cancel_state); /* first: a handler may jump out of the next call */
	pthread_sigmask(SIG_SETMASK, &critical->mask, NULL);
}
