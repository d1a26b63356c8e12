/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/tls_exit.h"

#include <pthread.h>
#include <stdlib.h>

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static bool exiting;

/* Runs before what was registered earlier. Functions that run after it can still close stores:
 * they find that TLS has ended, instead of waiting. */
static void tls_exit(void)
{
	pthread_rwlock_wrlock(&lock);
	exiting = true;
	pthread_rwlock_unlock(&lock);
}

/* A thread that had the lock is not in the child. */
static void tls_exit_forked(void)
{
	static const pthread_rwlock_t unlocked = PTHREAD_RWLOCK_INITIALIZER;
	lock = unlocked;
}

static void tls_exit_register(void)
{
	atexit(tls_exit);
	pthread_atfork(NULL, NULL, tls_exit_forked);
}

void sn_tls_exit_watch(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, tls_exit_register);
}

bool sn_tls_enter(void)
{
	pthread_rwlock_rdlock(&lock);
	if (!exiting)
		return true;
	pthread_rwlock_unlock(&lock);
	return false;
}

void sn_tls_leave(void)
{
	pthread_rwlock_unlock(&lock);
}
