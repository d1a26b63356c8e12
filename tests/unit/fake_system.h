/* SPDX-License-Identifier: MIT
 *
 * A wall clock, random bytes and thread-specific data that a test controls.
 */
#ifndef TESTS_FAKE_SYSTEM_H
#define TESTS_FAKE_SYSTEM_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/random.h>
#include <time.h>

#include "tests/unit/wrap.h"

#ifdef __USE_TIME_BITS64
/* libcheck calls the narrow one, and is linked into the same program. */
int real_narrow_clock_gettime(clockid_t clock, void *now) REAL("clock_gettime");
int wrap_narrow_clock_gettime(clockid_t clock, void *now) WRAP("clock_gettime");
int wrap_narrow_clock_gettime(clockid_t clock, void *now)
{
	return real_narrow_clock_gettime(clock, now);
}
#endif

/* In their place, unless NULL. */
static const struct timespec *fake_realtime;
static int fake_realtime_failure; /* an errno */
static ssize_t (*fake_getrandom)(void *out, size_t size, unsigned flags);
static bool (*fake_setspecific_allowed)(void);

int real_clock_gettime(clockid_t clock, struct timespec *now) REAL(CLOCK_GETTIME);
int wrap_clock_gettime(clockid_t clock, struct timespec *now) WRAP(CLOCK_GETTIME);
BARE int wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (fake_realtime_failure && clock == CLOCK_REALTIME) {
		errno = fake_realtime_failure;
		return -1;
	}
	if (!fake_realtime || clock != CLOCK_REALTIME)
		return real_clock_gettime(clock, now);
	*now = *fake_realtime;
	return 0;
}

ssize_t real_getrandom(void *out, size_t size, unsigned flags) REAL("getrandom");
ssize_t wrap_getrandom(void *out, size_t size, unsigned flags) WRAP("getrandom");
BARE ssize_t wrap_getrandom(void *out, size_t size, unsigned flags)
{
	return fake_getrandom ? fake_getrandom(out, size, flags) : real_getrandom(out, size, flags);
}

/* For fake_getrandom. */
static inline ssize_t fail_getrandom(void *out, size_t size, unsigned flags)
{
	(void)out;
	(void)size;
	(void)flags;
	errno = ENOSYS;
	return -1;
}

int real_setspecific(pthread_key_t key, const void *value) REAL("pthread_setspecific");
int wrap_setspecific(pthread_key_t key, const void *value) WRAP("pthread_setspecific");
BARE int wrap_setspecific(pthread_key_t key, const void *value)
{
	if (!fake_setspecific_allowed || fake_setspecific_allowed())
		return real_setspecific(key, value);
	return ENOMEM;
}

/* For fake_setspecific_allowed. */
static inline bool allow_nothing(void)
{
	errno = ENOMEM;
	return false;
}

#endif
