/* SPDX-License-Identifier: MIT
 *
 * Elapsed time.
 */
#include <sys/resource.h>
#include <time.h>

#include "snowidd/base/elapsed.h"

uint64_t elapsed_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static double timeval_seconds(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

double elapsed_cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return timeval_seconds(&usage.ru_utime) + timeval_seconds(&usage.ru_stime);
}
