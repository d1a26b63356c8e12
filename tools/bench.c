/* SPDX-License-Identifier: MIT
 *
 * snowid bench: how fast this machine makes IDs of each kind. The IDs are checked outside of the
 * measured time, because a generator that always returns 0 would be the fastest.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "snowid-tool.h"

#define ROUND   ((size_t)1 << 18) /* IDs made between two checks */
#define BATCH   1024
#define TIMEOUT 2000000000u /* ns */
#define ENOUGH  150000000u  /* ns that each measurement takes */
#define SLACK   10          /* ms by which an ID's time may differ from the clock */

static uint64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int64_t wall_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The cost of reading the clock once, in ns. */
static double measure_clock_read(void)
{
	const int count = 1 << 20;
	struct timespec now;
	const uint64_t start = monotonic_ns();

	for (int i = 0; i < count; i++)
		clock_gettime(CLOCK_REALTIME, &now);
	return (double)(monotonic_ns() - start) / count;
}

static struct snowid_generator *open_measured_generator(const struct kind *kind)
{
	struct snowid_config *config;
	struct snowid_generator *generator;
	struct part parts[PARTS_MAX];
	const size_t count = kind->layout ? kind_parts(kind, parts) : 0;

	if (snowid_config_new(&config) != 0 || snowid_config_set_kind(config, kind->name) != 0)
		exit_failure("%s", error_detail());
	/* The IDs of the host would be used up, and its other programs would have to wait. */
	if (!store_from_environment() && snowid_config_set_store(config, "memory:") != 0)
		exit_failure("%s", error_detail());
	for (size_t i = 1; i < count; i++)
		if (strcmp(parts[i].name, "sequence") != 0 &&
		    snowid_config_set_field(config, parts[i].name, 0) != 0)
			exit_failure("%s", error_detail());
	if (snowid_generator_new(config, &generator) != 0)
		exit_failure("%s", error_detail());
	snowid_config_free(config);
	return generator;
}

/* The IDs of one round. */
static union {
	uint64_t number[ROUND];
	struct snowid_id128 wide[ROUND];
} results;

static struct id result_id(const struct kind *kind, size_t index)
{
	struct id id = {.type = kind_id_type(kind)};
	if (kind->layout)
		id.number = results.number[index];
	else
		id.wide = results.wide[index];
	return id;
}

/* Checks that the IDs increase strictly from `last` and contain the time at which they were made.
 * Returns the last one. */
static struct id check_round(const struct kind *kind, int64_t from_ms, int64_t to_ms,
			     struct id last)
{
	for (size_t i = 0; i < ROUND; i++) {
		const struct id id = result_id(kind, i);
		int64_t sec = 0;
		uint32_t nsec = 0;
		if (id_compare(&last, &id) >= 0)
			exit_failure("%s: an ID is not above the one before it", kind->name);
		last = id;
		if (i > 0 && i < ROUND - 1)
			continue;
		id_time(kind, &id, &sec, &nsec);
		const int64_t ms = sec * 1000 + nsec / 1000000;
		if (ms < from_ms - SLACK || ms > to_ms + SLACK)
			exit_failure("%s: the time of an ID is %" PRId64 " ms off the clock",
				     kind->name, ms - to_ms);
	}
	return last;
}

static int make_round_by_next(struct snowid_generator *generator, const struct kind *kind)
{
	int error = 0;
	for (size_t i = 0; i < ROUND && !error; i++)
		error = kind->layout ? snowid_generator_next(generator, &results.number[i])
				     : snowid_generator_next128(generator, &results.wide[i]);
	return error;
}

static int make_round_by_batch(struct snowid_generator *generator, const struct kind *kind)
{
	int error = 0;
	size_t got;
	for (size_t i = 0; i < ROUND && !error; i += BATCH)
		error = kind->layout ? snowid_generator_next_batch(generator, &results.number[i],
								   BATCH, TIMEOUT, &got)
				     : snowid_generator_next128_batch(generator, &results.wide[i],
								      BATCH, TIMEOUT, &got);
	return error;
}

typedef int (*round_fn)(struct snowid_generator *generator, const struct kind *kind);

/* Nanoseconds per ID. */
static double measure_ns_per_id(struct snowid_generator *generator, const struct kind *kind,
				round_fn make_round)
{
	uint64_t spent = 0, rounds = 0;

	memset(&results, 0, sizeof results); /* so that no page faults are measured */
	struct id last = result_id(kind, 0);
	for (; spent < ENOUGH; rounds++) {
		const int64_t from_ms = wall_ms();
		const uint64_t start = monotonic_ns();
		if (make_round(generator, kind) != 0)
			exit_failure("%s: %s", kind->name, error_detail());
		spent += monotonic_ns() - start;
		last = check_round(kind, from_ms, wall_ms(), last);
	}
	return (double)spent / (double)(rounds * ROUND);
}

static void print_rate(const char *kind, const char *call, double ns, double clock_ns, bool json)
{
	if (json) {
		record_begin(true);
		record_text("kind", "%s", kind);
		record_text("call", "%s", call);
		record_number("ids_per_second", "%.0f", 1e9 / ns);
		record_number("ns_per_id", "%.2f", ns);
		record_number("clock_reads", "%.3f", ns / clock_ns);
		record_end();
	} else {
		out_printf("%-20s %-6s %12.0f %9.2f %12.3f\n", kind, call, 1e9 / ns, ns,
			   ns / clock_ns);
	}
	out_flush();
}

int cmd_bench(const struct options *options)
{
	static const char *const kinds[] = {"time:42,sequence:22", "snowflake", "ulid", "uuid7",
					    "uuid6"};
	static const struct {
		const char *name;
		round_fn make_round;
	} calls[] = {{"next", make_round_by_next}, {"batch", make_round_by_batch}};
	const double clock_ns = measure_clock_read();

	if (!options->json) {
		out_printf("one clock_gettime: %.1f ns\n\n", clock_ns);
		out_bold();
		out_printf("%-20s %-6s %12s %9s %12s\n", "KIND", "CALL", "IDS/S", "NS/ID",
			   "CLOCK READS");
		out_reset_style();
	}
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] * 2; i++) {
		struct kind kind = kind_open(kinds[i / 2]);
		struct snowid_generator *const generator = open_measured_generator(&kind);
		const double ns = measure_ns_per_id(generator, &kind, calls[i % 2].make_round);
		print_rate(kind.name, calls[i % 2].name, ns, clock_ns, options->json);
		snowid_generator_free(generator);
		kind_close(&kind);
	}
	return 0;
}
