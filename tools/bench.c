/* SPDX-License-Identifier: MIT
 *
 * snowid bench: what this machine does, per kind. The IDs are checked, outside the time that counts:
 * a generator whose every ID is 0 would be the fastest.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "snowid-tool.h"

#define ROUND   ((size_t)1 << 18) /* IDs between two checks */
#define BATCH   1024
#define TIMEOUT 2000000000u /* ns */
#define ENOUGH  150000000u  /* ns of each measurement */
#define SLACK   10          /* ms an ID's time may be off the clock */

static uint64_t elapsed_ns(void)
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

/* What one reading of the clock takes, in ns. */
static double clock_cost(void)
{
	const int count = 1 << 20;
	struct timespec now;
	const uint64_t start = elapsed_ns();

	for (int i = 0; i < count; i++)
		clock_gettime(CLOCK_REALTIME, &now);
	return (double)(elapsed_ns() - start) / count;
}

static struct snowid_generator *open_generator(const struct kind *kind)
{
	struct snowid_config *config;
	struct snowid_generator *generator;
	struct part parts[PARTS_MAX];
	const size_t count = kind->layout ? kind_parts(kind, parts) : 0;

	if (snowid_config_new(&config) != 0 || snowid_config_set_kind(config, kind->name) != 0)
		fail("%s", detail());
	for (size_t i = 1; i < count; i++)
		if (strcmp(parts[i].name, "sequence") != 0 &&
		    snowid_config_set_field(config, parts[i].name, 0) != 0)
			fail("%s", detail());
	if (snowid_generator_new(config, &generator) != 0)
		fail("%s", detail());
	snowid_config_free(config);
	return generator;
}

/* Room for a round of either width. */
static union {
	uint64_t number[ROUND];
	struct snowid_id128 wide[ROUND];
} made;

static struct id made_id(const struct kind *kind, size_t index)
{
	struct id id = {.type = kind->layout ? ID_64 : kind_is_ulid(kind) ? ID_ULID : ID_UUID};
	if (kind->layout)
		id.number = made.number[index];
	else
		id.wide = made.wide[index];
	return id;
}

/* Strictly increasing above `last`, and of the time they were made at. Returns the last. */
static struct id check(const struct kind *kind, int64_t from_ms, int64_t to_ms, struct id last)
{
	for (size_t i = 0; i < ROUND; i++) {
		const struct id id = made_id(kind, i);
		int64_t sec = 0;
		uint32_t nsec = 0;
		if (id_compare(&last, &id) >= 0)
			fail("%s: an ID is not above the one before it", kind->name);
		last = id;
		if (i > 0 && i < ROUND - 1)
			continue;
		id_time(kind, &id, &sec, &nsec);
		const int64_t ms = sec * 1000 + nsec / 1000000;
		if (ms < from_ms - SLACK || ms > to_ms + SLACK)
			fail("%s: the time of an ID is %" PRId64 " ms off the clock", kind->name,
			     ms - to_ms);
	}
	return last;
}

static int run_next(struct snowid_generator *generator, const struct kind *kind)
{
	int error = 0;
	for (size_t i = 0; i < ROUND && !error; i++)
		error = kind->layout ? snowid_generator_next(generator, &made.number[i])
				     : snowid_generator_next128(generator, &made.wide[i]);
	return error;
}

static int run_batch(struct snowid_generator *generator, const struct kind *kind)
{
	int error = 0;
	size_t got;
	for (size_t i = 0; i < ROUND && !error; i += BATCH)
		error = kind->layout ? snowid_generator_next_batch(generator, &made.number[i],
								   BATCH, TIMEOUT, &got)
				     : snowid_generator_next128_batch(generator, &made.wide[i],
								      BATCH, TIMEOUT, &got);
	return error;
}

typedef int (*run_fn)(struct snowid_generator *generator, const struct kind *kind);

/* Nanoseconds per ID. */
static double measure(struct snowid_generator *generator, const struct kind *kind, run_fn run)
{
	uint64_t spent = 0, rounds = 0;

	memset(&made, 0, sizeof made); /* no page is met for the first time below */
	struct id last = made_id(kind, 0);
	for (; spent < ENOUGH; rounds++) {
		const int64_t from_ms = wall_ms();
		const uint64_t start = elapsed_ns();
		if (run(generator, kind) != 0)
			fail("%s: %s", kind->name, detail());
		spent += elapsed_ns() - start;
		last = check(kind, from_ms, wall_ms(), last);
	}
	return (double)spent / (double)(rounds * ROUND);
}

int bench(const struct options *options)
{
	static const char *const kinds[] = {"time:42,sequence:22", "snowflake", "ulid", "uuid7",
					    "uuid6"};
	static const struct {
		const char *name;
		run_fn run;
	} calls[] = {{"next", run_next}, {"batch", run_batch}};
	const double clock_ns = clock_cost();

	if (!options->json) {
		out_printf("one clock_gettime: %.1f ns\n\n", clock_ns);
		out_bold();
		out_printf("%-20s %-6s %12s %9s %12s\n", "KIND", "CALL", "IDS/S", "NS/ID",
			   "CLOCK READS");
		out_plain();
	}
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] * 2; i++) {
		struct kind kind = kind_open(kinds[i / 2]);
		struct snowid_generator *const generator = open_generator(&kind);
		const double ns = measure(generator, &kind, calls[i % 2].run);
		if (options->json) {
			record_begin(true);
			record_text("kind", "%s", kind.name);
			record_text("call", "%s", calls[i % 2].name);
			record_number("ids_per_second", "%.0f", 1e9 / ns);
			record_number("ns_per_id", "%.2f", ns);
			record_number("clock_reads", "%.3f", ns / clock_ns);
			record_end();
		} else {
			out_printf("%-20s %-6s %12.0f %9.2f %12.3f\n", kind.name, calls[i % 2].name,
				   1e9 / ns, ns, ns / clock_ns);
		}
		out_flush();
		snowid_generator_free(generator);
		kind_close(&kind);
	}
	return 0;
}
