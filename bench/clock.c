/* SPDX-License-Identifier: MIT
 *
 * Prints what one clock_gettime(CLOCK_REALTIME) costs in ns, once for each line of input.
 * Benchmarks in other languages use it as their reference.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>

enum { CALLS = 100000 };

static volatile long sink;

static double monotonic_seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(void)
{
	struct timespec now;

	while (getchar() == '\n') {
		const double begin = monotonic_seconds();
		for (int i = 0; i < CALLS; i++) {
			clock_gettime(CLOCK_REALTIME, &now);
			sink = now.tv_nsec;
		}
		printf("%.3f\n", (monotonic_seconds() - begin) / CALLS * 1e9);
		fflush(stdout);
	}
	return 0;
}
