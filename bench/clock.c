/* SPDX-License-Identifier: MIT
 *
 * Prints what one clock_gettime(CLOCK_REALTIME) costs, in ns, for each line it reads: the reference of
 * benchmarks that are not written in C.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>

enum { CALLS = 100000 };

static volatile long sink;

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(void)
{
	struct timespec now;

	while (getchar() == '\n') {
		const double begin = seconds();
		for (int i = 0; i < CALLS; i++) {
			clock_gettime(CLOCK_REALTIME, &now);
			sink = now.tv_nsec;
		}
		printf("%.3f\n", (seconds() - begin) / CALLS * 1e9);
		fflush(stdout);
	}
	return 0;
}
