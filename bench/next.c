/* SPDX-License-Identifier: MIT
 *
 * Prints what snowid_generator_next() costs in C, in ns. Benchmarks in other languages use it as
 * their reference.
 */
#include <stdio.h>
#include <time.h>

#include "snowid.h"

#define COUNT 100000

static double monotonic_now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

int main(void)
{
	struct snowid_config *config = NULL;
	struct snowid_generator *generator = NULL;
	uint64_t id = 0, last = 0;

	/* A layout with more IDs per tick than a loop can make. */
	int error = snowid_config_new(&config);
	if (!error)
		error = snowid_config_set_kind(config, "time:41,sequence:22;epoch=2024-01-01");
	if (!error)
		error = snowid_generator_new(config, &generator);
	const double start = monotonic_now_ns();
	for (int i = 0; i < COUNT && !error; i++) {
		error = snowid_generator_next(generator, &id);
		if (!error && id <= last)
			error = SNOWID_E_INVALID;
		last = id;
	}
	const double spent = monotonic_now_ns() - start;
	snowid_generator_free(generator);
	snowid_config_free(config);
	if (error)
		return 1;
	printf("%.2f\n", spent / COUNT);
	return 0;
}
