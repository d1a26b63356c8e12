/* SPDX-License-Identifier: MIT
 *
 * Stands between the library and the system: the linker's --wrap=NAME sends the library's calls of
 * NAME to what is WRAP("NAME") here, which may pass them on to what is REAL("NAME").
 */
#ifndef TESTS_WRAP_H
#define TESTS_WRAP_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/random.h>
#include <time.h>

#define REAL(name) __asm__("__real_" name)
#define WRAP(name) __asm__("__wrap_" name)

/* A sanitizer's runtime that is linked statically calls these too, before it is ready for code that
 * it has instrumented. */
#ifdef __clang__
#define BARE __attribute__((disable_sanitizer_instrumentation))
#else
#define BARE
#endif

/* The name glibc gives it where time_t could be narrower. */
#ifdef __USE_TIME_BITS64
#define CLOCK_GETTIME "__clock_gettime64"
/* libcheck calls the narrow one, and comes to be linked in here. */
int real_narrow_clock_gettime(clockid_t clock, void *now) REAL("clock_gettime");
int wrap_narrow_clock_gettime(clockid_t clock, void *now) WRAP("clock_gettime");
int wrap_narrow_clock_gettime(clockid_t clock, void *now)
{
	return real_narrow_clock_gettime(clock, now);
}
#else
#define CLOCK_GETTIME "clock_gettime"
#endif

static const struct timespec *clock_shows; /* what CLOCK_REALTIME reads; NULL: the time */
static ssize_t (*getrandom_does)(void *out, size_t size, unsigned flags); /* NULL: its work */
static bool (*setspecific_allowed)(void);                                 /* NULL: as it is */

int real_clock_gettime(clockid_t clock, struct timespec *now) REAL(CLOCK_GETTIME);
int wrap_clock_gettime(clockid_t clock, struct timespec *now) WRAP(CLOCK_GETTIME);
BARE int wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (!clock_shows || clock != CLOCK_REALTIME)
		return real_clock_gettime(clock, now);
	*now = *clock_shows;
	return 0;
}

ssize_t real_getrandom(void *out, size_t size, unsigned flags) REAL("getrandom");
ssize_t wrap_getrandom(void *out, size_t size, unsigned flags) WRAP("getrandom");
BARE ssize_t wrap_getrandom(void *out, size_t size, unsigned flags)
{
	return getrandom_does ? getrandom_does(out, size, flags) : real_getrandom(out, size, flags);
}

static inline ssize_t getrandom_fails(void *out, size_t size, unsigned flags)
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
	if (!setspecific_allowed || setspecific_allowed())
		return real_setspecific(key, value);
	return ENOMEM;
}

static inline bool never(void)
{
	errno = ENOMEM;
	return false;
}

#endif
