/* SPDX-License-Identifier: MIT
 *
 * Elapsed time.
 */
#include <time.h>

#include "snowidd/base/elapsed.h"

uint64_t elapsed_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}
