/* SPDX-License-Identifier: MIT
 *
 * Merges the IDs that owners wrote, and looks for any that was made twice:
 *
 *     merge TIME-SHIFT WORKER-SHIFT WORKER-BITS FILE...
 *
 * Prints "ids N", a line "twice ID" or "decreasing ID" for each fault (at most 10 of each, and then
 * their number), and for each file, worker and epoch, in the order of the file:
 *
 *     range FILE WORKER EPOCH FIRST-TICK LAST-TICK COUNT
 *
 * Each thread gets increasing IDs, so that files are merged as they are, whatever their length.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHOWN 10

/* IDs that increase: a file, or a part of one if that does not increase throughout. */
struct increasing_run {
	const uint64_t *block; /* epoch, count, IDs; then the next block */
	const uint64_t *id, *end_of_block, *end;
};

static struct increasing_run *runs; /* a heap: the smallest next ID is first */
static size_t run_count, run_room;
static unsigned time_shift, worker_shift;
static uint64_t worker_mask;
static uint64_t ids, twice, decreasing;

static void add_run(const uint64_t *block, const uint64_t *id, const uint64_t *end)
{
	if (run_count == run_room) {
		run_room = run_room ? 2 * run_room : 64;
		runs = realloc(runs, run_room * sizeof *runs);
		if (!runs)
			exit(2);
	}
	runs[run_count++] = (struct increasing_run){block, id, block + 2 + block[1], end};
}

static void show_fault(const char *what, uint64_t id, uint64_t *times)
{
	if ((*times)++ < SHOWN)
		printf("%s %" PRIu64 "\n", what, id);
}

struct tick_range {
	uint64_t worker, epoch, first, last, count;
};

static void print_range(const char *name, const struct tick_range *range)
{
	if (range->count > 0)
		printf("range %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
		       name, range->worker, range->epoch, range->first, range->last, range->count);
}

/* Prints the ranges of a file, and cuts it into runs that increase. */
static void scan_file(const char *name, const uint64_t *block, const uint64_t *end)
{
	struct tick_range range = {0};
	uint64_t last = 0;

	for (; block + 2 <= end && block + 2 + block[1] <= end; block += 2 + block[1]) {
		for (uint64_t i = 0; i < block[1]; i++) {
			const uint64_t id = block[2 + i];
			const uint64_t worker = id >> worker_shift & worker_mask;
			if (id <= last)
				show_fault("decreasing", id, &decreasing);
			if (last == 0 || id <= last)
				add_run(block, block + 2 + i, end);
			last = id;
			if (range.count == 0 || worker != range.worker || block[0] != range.epoch) {
				print_range(name, &range);
				range = (struct tick_range){worker, block[0], id >> time_shift, 0,
							    0};
			}
			range.last = id >> time_shift;
			range.count++;
			ids++;
		}
	}
	print_range(name, &range);
}

static void map_file(const char *name)
{
	struct stat status;
	const int file = open(name, O_RDONLY | O_CLOEXEC);
	if (file < 0 || fstat(file, &status) != 0) {
		perror(name);
		exit(2);
	}
	const size_t size = (size_t)status.st_size;
	const uint64_t *const words =
		size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0) : NULL;
	if (words == MAP_FAILED) {
		perror(name);
		exit(2);
	}
	(void)close(file);
	if (words)
		scan_file(name, words, words + size / sizeof *words);
}

static void sift_down(size_t at)
{
	for (size_t child; (child = 2 * at + 1) < run_count; at = child) {
		if (child + 1 < run_count && *runs[child + 1].id < *runs[child].id)
			child++;
		if (*runs[at].id <= *runs[child].id)
			break;
		const struct increasing_run other = runs[at];
		runs[at] = runs[child];
		runs[child] = other;
	}
}

/* False at the end of the run: of the file, or where the next ID does not increase. */
static bool advance(struct increasing_run *run)
{
	const uint64_t last = *run->id;
	if (++run->id == run->end_of_block) {
		run->block = run->end_of_block;
		if (run->block + 2 > run->end || run->block + 2 + run->block[1] > run->end)
			return false;
		run->id = run->block + 2;
		run->end_of_block = run->id + run->block[1];
	}
	return *run->id > last;
}

static void merge_runs(void)
{
	uint64_t last = 0;

	for (size_t i = run_count / 2; i-- > 0;)
		sift_down(i);
	while (run_count > 0) {
		if (*runs[0].id == last)
			show_fault("twice", last, &twice);
		last = *runs[0].id;
		if (!advance(&runs[0]))
			runs[0] = runs[--run_count];
		sift_down(0);
	}
}

int main(int count, char **arguments)
{
	if (count < 4) {
		(void)fprintf(stderr, "usage: merge TIME-SHIFT WORKER-SHIFT WORKER-BITS FILE...\n");
		return 2;
	}
	time_shift = (unsigned)strtoul(arguments[1], NULL, 10);
	worker_shift = (unsigned)strtoul(arguments[2], NULL, 10);
	worker_mask = (UINT64_C(1) << strtoul(arguments[3], NULL, 10)) - 1;
	for (int i = 4; i < count; i++)
		map_file(arguments[i]);
	merge_runs();
	printf("ids %" PRIu64 "\nduplicates %" PRIu64 "\ndecreases %" PRIu64 "\n", ids, twice,
	       decreasing);
	return twice > 0 || decreasing > 0;
}
