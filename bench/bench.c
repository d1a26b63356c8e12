/* SPDX-License-Identifier: MIT
 *
 * What the library costs, as ratios against references measured in the same round: machines differ,
 * and one machine differs from minute to minute. Rounds alternate between all measures; printed are
 * the median and the range over the rounds. What each measure made is checked outside the time that
 * is taken: unique, in order, and dated within the measure.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <uuid/uuid.h>

#include "snowid.h"

/* COUNT operations leave their products in a buffer that the caches hold, as a caller's would be. */
enum { ROUNDS = 9, PASSES = 16, COUNT = 16384, BATCH = 256, SATURATED = 4096 * 400, OPENINGS = 5 };

#define WIDE_LAYOUT "time:42,sequence:22" /* 4,194,304 IDs a millisecond: never spent */

static void die(const char *what)
{
	char detail[400];
	snowid_error_detail(detail, sizeof detail);
	fprintf(stderr, "bench: %s: %s\n", what, detail);
	exit(1);
}

static void check(int error, const char *what)
{
	if (error)
		die(what);
}

static double seconds(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int64_t unix_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct snowid_generator *generator_in(const char *store, const char *kind, uint64_t worker)
{
	struct snowid_config *config;
	struct snowid_generator *generator;
	check(snowid_config_new(&config), "config");
	check(snowid_config_set_kind(config, kind), kind);
	check(snowid_config_set_store(config, store), store);
	if (worker)
		check(snowid_config_set_field(config, "worker", worker), kind);
	check(snowid_generator_new(config, &generator), kind);
	snowid_config_free(config);
	return generator;
}

static struct snowid_generator *generator_of(const char *kind, uint64_t worker)
{
	return generator_in("memory:", kind, worker);
}

/* ---- what is measured: COUNT operations, their products left where they can be checked ------- */

static struct snowid_generator *wide, *wide_ulid, *filed;
static char file_store[4200];
static uint64_t ids[COUNT];
static struct snowid_id128 wide_ids[COUNT];
static char texts[COUNT][SNOWID_ULID_TEXT];
static char uuid_text[SNOWID_UUID_TEXT];
static volatile int64_t sink;

static void run_clock(void)
{
	struct timespec now;
	for (int i = 0; i < COUNT; i++) {
		clock_gettime(CLOCK_REALTIME, &now);
		sink = now.tv_nsec;
	}
}

/* What people write by hand: a mutex around the clock and a counter. */
static void run_mutex(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static uint64_t last, sequence;
	struct timespec now;
	for (int i = 0; i < COUNT; i++) {
		pthread_mutex_lock(&lock);
		clock_gettime(CLOCK_REALTIME, &now);
		const uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
		sequence = ms == last ? sequence + 1 : 0;
		last = ms;
		ids[i] = ms << 22 | sequence;
		pthread_mutex_unlock(&lock);
	}
}

static void run_next(void)
{
	for (int i = 0; i < COUNT; i++)
		if (snowid_generator_next(wide, &ids[i]) != 0)
			die("next");
}

static void run_next_filed(void)
{
	for (int i = 0; i < COUNT; i++)
		if (snowid_generator_next(filed, &ids[i]) != 0)
			die("next");
}

/* Opening makes one record, and waits for the disk. */
static void run_open(void)
{
	for (int i = 0; i < OPENINGS; i++)
		snowid_generator_free(generator_in(file_store, WIDE_LAYOUT, 0));
}

static void run_batch(void)
{
	size_t made;
	for (int i = 0; i + BATCH <= COUNT; i += BATCH)
		if (snowid_generator_next_batch(wide, ids + i, BATCH, UINT64_MAX, &made) != 0)
			die("next_batch");
}

static void run_ulid_random(void)
{
	for (int i = 0; i < COUNT; i++)
		if (snowid_ulid_random(&wide_ids[i]) != 0)
			die("ulid_random");
}

static void run_uuid7_random(void)
{
	for (int i = 0; i < COUNT; i++)
		if (snowid_uuid7_random(&wide_ids[i]) != 0)
			die("uuid7_random");
}

static void run_ulid_ordered(void)
{
	for (int i = 0; i < COUNT; i++)
		if (snowid_generator_next128(wide_ulid, &wide_ids[i]) != 0)
			die("next128");
}

static void run_ulid_text(void)
{
	struct snowid_id128 id;
	for (int i = 0; i < COUNT; i++)
		if (snowid_ulid_random(&id) != 0 || snowid_ulid_format(&id, texts[i]) != 0)
			die("ulid_format");
}

static void run_ulid_parse(void)
{
	for (int i = 0; i < COUNT; i++)
		if (snowid_ulid_parse(texts[i], SNOWID_ULID_TEXT - 1, &wide_ids[i]) != 0)
			die("ulid_parse");
}

static void run_uuid_parse(void)
{
	for (int i = 0; i < COUNT; i++)
		if (snowid_uuid_parse(uuid_text, SNOWID_UUID_TEXT - 1, &wide_ids[i]) != 0)
			die("uuid_parse");
}

static void run_libuuid_random(void)
{
	for (int i = 0; i < COUNT / 10; i++)
		uuid_generate_random(wide_ids[i].bytes);
}

static void run_libuuid_parse(void)
{
	for (int i = 0; i < COUNT; i++)
		if (uuid_parse(uuid_text, wide_ids[i].bytes) != 0)
			die("libuuid");
}

/* ---- checks ---------------------------------------------------------------------------------- */

/* Whether milliseconds lie within a measure that began at `from`. */
static void dated(int64_t ms, int64_t from, const char *what)
{
	if (ms < from || ms > unix_ms())
		die(what);
}

static void check_ids(int count, int64_t from)
{
	for (int i = 0; i < count; i++) {
		dated((int64_t)(ids[i] >> 22), from, "an ID is wrongly dated");
		if (i > 0 && ids[i] <= ids[i - 1])
			die("IDs are not in order");
	}
}

static void check_next(int64_t from)
{
	check_ids(COUNT, from);
}

static void check_batch(int64_t from)
{
	check_ids(COUNT / BATCH * BATCH, from);
}

static int compare(const void *a, const void *b)
{
	return snowid_id128_compare(a, b);
}

static void check_ordered(int64_t from)
{
	int64_t ms;
	for (int i = 0; i < COUNT; i++) {
		snowid_ulid_time_ms(&wide_ids[i], &ms); /* where a UUIDv7 has its time too */
		dated(ms, from, "a ULID is wrongly dated");
		if (i > 0 && compare(&wide_ids[i - 1], &wide_ids[i]) >= 0)
			die("ULIDs are not unique and in order");
	}
}

static void check_random(int64_t from)
{
	qsort(wide_ids, COUNT, sizeof wide_ids[0], compare);
	check_ordered(from);
}

static void check_texts(int64_t from)
{
	for (int i = 0; i < COUNT; i++)
		check(snowid_ulid_parse(texts[i], SNOWID_ULID_TEXT - 1, &wide_ids[i]),
		      "ulid_parse");
	check_random(from);
}

static void check_parsed(int64_t from)
{
	(void)from;
	char text[SNOWID_UUID_TEXT];
	check(snowid_uuid_format(&wide_ids[COUNT - 1], text), "uuid_format");
	if (strcmp(text, uuid_text) != 0)
		die("a UUID was read wrongly");
}

/* ---- rates per operation --------------------------------------------------------------------- */

enum measure {
	CLOCK,
	MUTEX,
	NEXT,
	NEXT_FILED,
	BATCHED,
	ULID_RANDOM,
	UUID7_RANDOM,
	ULID_ORDERED,
	ULID_WRITE,
	ULID_READ,
	UUID_READ,
	LIBUUID_RANDOM,
	LIBUUID_PARSE,
	OPEN, /* last: whoever has waited for a disk comes back to cold caches */
	MEASURES
};

static const struct {
	void (*run)(void);
	void (*check)(int64_t from); /* NULL for a reference, or where the one before checked it */
	double operations;
} measures[MEASURES] = {
	[CLOCK] = {run_clock, NULL, COUNT},
	[MUTEX] = {run_mutex, NULL, COUNT},
	[NEXT] = {run_next, check_next, COUNT},
	[NEXT_FILED] = {run_next_filed, check_next, COUNT},
	[OPEN] = {run_open, NULL, OPENINGS},
	[BATCHED] = {run_batch, check_batch, COUNT - COUNT % BATCH},
	[ULID_RANDOM] = {run_ulid_random, check_random, COUNT},
	[UUID7_RANDOM] = {run_uuid7_random, check_random, COUNT},
	[ULID_ORDERED] = {run_ulid_ordered, check_ordered, COUNT},
	[ULID_WRITE] = {run_ulid_text, check_texts, COUNT},
	[ULID_READ] = {run_ulid_parse, NULL, COUNT},
	[UUID_READ] = {run_uuid_parse, check_parsed, COUNT},
	[LIBUUID_RANDOM] = {run_libuuid_random, NULL, COUNT / 10},
	[LIBUUID_PARSE] = {run_libuuid_parse, NULL, COUNT},
};

static double cost[MEASURES][ROUNDS]; /* seconds per operation */

static void measure_round(int round)
{
	for (int m = 0; m < MEASURES; m++) {
		double span = 0;
		uint64_t again;
		for (int pass = 0; pass < PASSES; pass++) {
			/* One sync in 1.5 s: in a measure of some ms it would seem to be one in each. */
			check(snowid_generator_maintain(filed, &again), "maintain");
			const int64_t from = unix_ms();
			const double begin = seconds(CLOCK_MONOTONIC);
			measures[m].run();
			span += seconds(CLOCK_MONOTONIC) - begin;
			if (measures[m].check)
				measures[m].check(from);
		}
		cost[m][round] = span / (measures[m].operations * PASSES);
	}
}

/* ---- two threads on one generator ------------------------------------------------------------ */

enum { SHARED = PASSES * COUNT }; /* long enough for both to be there most of the time */

static atomic_int started;

static void *thread_next(void *out)
{
	uint64_t *const mine = out;
	atomic_fetch_add(&started, 1);
	while (atomic_load(&started) < 2)
		;
	for (int i = 0; i < SHARED; i++)
		if (snowid_generator_next(wide, &mine[i]) != 0)
			die("next");
	return NULL;
}

static int compare_ids(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static double two_threads(void)
{
	static uint64_t both[2 * SHARED];
	pthread_t threads[2];
	atomic_store(&started, 0);
	const double begin = seconds(CLOCK_MONOTONIC);
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, thread_next, both + i * SHARED);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	const double span = seconds(CLOCK_MONOTONIC) - begin;
	qsort(both, (size_t)2 * SHARED, sizeof both[0], compare_ids);
	for (int i = 1; i < 2 * SHARED; i++)
		if (both[i] == both[i - 1])
			die("two threads got one ID");
	return span / (2.0 * SHARED);
}

/* ---- a layout that is spent in each millisecond ---------------------------------------------- */

/* Time that the host took from this machine, in ticks of /proc/stat; -1 if it does not tell. */
static long stolen(void)
{
	long steal = -1;
	FILE *const file = fopen("/proc/stat", "r");
	if (file) {
		if (fscanf(file, "cpu %*d %*d %*d %*d %*d %*d %*d %ld", &steal) != 1)
			steal = -1;
		fclose(file);
	}
	return steal;
}

struct saturated {
	double rate; /* IDs a second */
	double cpu;  /* of one core */
};

/* Takes 4096 a millisecond by looking at the clock all the time. */
static void spin(void)
{
	int64_t tick = 0;
	for (int made = 0, sequence = 4096; made < SATURATED;) {
		const int64_t now = unix_ms();
		if (now != tick) {
			tick = now;
			sequence = 0;
		}
		if (sequence < 4096) {
			sequence++;
			made++;
		}
	}
}

/* Sleeps most of each millisecond, and does nothing else: what waking costs on this machine. */
static void sleep_only(void)
{
	const struct timespec most = {.tv_nsec = 900000};
	for (int i = 0; i < SATURATED / 4096; i++)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &most, NULL);
}

static void loop_of_next(struct snowid_generator *g)
{
	uint64_t id, last = 0;
	for (int made = 0; made < SATURATED; made++) {
		if (snowid_generator_next(g, &id) != 0 || id <= last)
			die("next");
		last = id;
	}
}

static void loop_of_batches(struct snowid_generator *g)
{
	uint64_t batch[BATCH], last = 0;
	size_t part;
	for (int made = 0; made < SATURATED; made += BATCH) {
		if (snowid_generator_next_batch(g, batch, BATCH, UINT64_MAX, &part) != 0 ||
		    batch[0] <= last)
			die("next_batch");
		last = batch[BATCH - 1];
	}
}

enum { SPIN, SLEEP, LOOP, BATCHES, WAYS };

static struct saturated saturate(int way)
{
	struct snowid_generator *const g = generator_of("snowflake", 1 + (uint64_t)way);
	struct saturated result;
	uint64_t id;
	long steal;
	int tries = 0;

	check(snowid_generator_next(g, &id), "next"); /* waits for the first tick */
	do { /* again if the host took time away meanwhile, up to ten times */
		steal = stolen();
		const double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
		const double begin = seconds(CLOCK_MONOTONIC);
		if (way == SPIN)
			spin();
		else if (way == SLEEP)
			sleep_only();
		else if (way == LOOP)
			loop_of_next(g);
		else
			loop_of_batches(g);
		const double span = seconds(CLOCK_MONOTONIC) - begin;
		result.rate = SATURATED / span;
		result.cpu = (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) / span;
	} while (stolen() != steal && ++tries < 10);
	snowid_generator_free(g);
	return result;
}

/* ---- processes on one state file ------------------------------------------------------------- */

enum { SHARERS_MAX = 32, SHARED_LAST = 4096 };

/* How many take IDs, and how. */
static const struct togetherness {
	int processes, threads;
	int way;
	const char *title;
} together[] = {
	{4, 1, LOOP, "4 processes, loops of next"},
	{4, 1, BATCHES, "4 processes, batches of 256"},
	{8, 4, LOOP, "8 processes of 4 threads, loops of next"},
};
enum { TOGETHER = sizeof together / sizeof together[0] };

/* What they see of each other. */
struct sharing {
	atomic_int ready;
	_Atomic uint64_t made;
	double begin;
	double end[SHARERS_MAX], cpu[SHARERS_MAX];
	uint64_t last[SHARERS_MAX][SHARED_LAST]; /* IDs that each got, for a check */
};

static char shared_store[4300];

struct sharer {
	const struct togetherness *how;
	struct sharing *sharing;
	struct snowid_generator *generator;
	int me;
};

/* Takes IDs until all have got so many together. */
static void *share(void *argument)
{
	const struct sharer *const sharer = argument;
	struct sharing *const sharing = sharer->sharing;
	const int me = sharer->me, sharers = sharer->how->processes * sharer->how->threads;
	uint64_t batch[BATCH];
	size_t made = BATCH;
	int error = 0;

	check(snowid_generator_next(sharer->generator, batch), "next");
	if (atomic_fetch_add(&sharing->ready, 1) == sharers - 1) {
		sharing->begin = seconds(CLOCK_MONOTONIC);
		atomic_fetch_add(&sharing->ready, 1);
	}
	while (atomic_load(&sharing->ready) <= sharers)
		usleep(100);
	const double cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
	for (int at = 0; atomic_load(&sharing->made) < SATURATED; at = (at + BATCH) % SHARED_LAST) {
		if (sharer->how->way == BATCHES)
			error = snowid_generator_next_batch(sharer->generator, batch, BATCH,
							    UINT64_MAX, &made);
		else
			for (int i = 0; i < BATCH && !error; i++)
				error = snowid_generator_next(sharer->generator, &batch[i]);
		check(error, "next");
		memcpy(sharing->last[me] + at, batch, sizeof batch);
		atomic_fetch_add(&sharing->made, BATCH);
	}
	sharing->cpu[me] = seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
	sharing->end[me] = seconds(CLOCK_MONOTONIC);
	return NULL;
}

static void share_in_threads(const struct togetherness *how, struct sharing *sharing, int process)
{
	struct sharer sharers[SHARERS_MAX];
	pthread_t threads[SHARERS_MAX];
	struct snowid_generator *const g = generator_in(shared_store, "snowflake", 1);

	for (int t = 0; t < how->threads; t++) {
		sharers[t] = (struct sharer){how, sharing, g, process * how->threads + t};
		if (pthread_create(&threads[t], NULL, share, &sharers[t]) != 0)
			die("a thread");
	}
	for (int t = 0; t < how->threads; t++)
		pthread_join(threads[t], NULL);
	snowid_generator_free(g);
}

static void check_shared(struct sharing *sharing)
{
	uint64_t *const all = &sharing->last[0][0];
	qsort(all, SHARERS_MAX * SHARED_LAST, sizeof *all, compare_ids);
	for (int i = 1; i < SHARERS_MAX * SHARED_LAST; i++)
		if (all[i] != 0 && all[i] == all[i - 1])
			die("two of many got one ID");
}

static struct saturated saturate_together(const struct togetherness *how)
{
	struct sharing *const sharing = mmap(NULL, sizeof *sharing, PROT_READ | PROT_WRITE,
					     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct saturated result = {0};
	double end = 0;
	long steal;
	int tries = 0;

	if (sharing == MAP_FAILED)
		die("mmap");
	do {
		memset(sharing, 0, sizeof *sharing);
		steal = stolen();
		for (int i = 0; i < how->processes; i++)
			if (fork() == 0) {
				share_in_threads(how, sharing, i);
				_exit(0);
			}
		for (int i = 0; i < how->processes; i++) {
			int status;
			if (wait(&status) < 0 || status != 0)
				die("a process that shares");
		}
		result.cpu = end = 0;
		for (int i = 0; i < how->processes * how->threads; i++) {
			end = sharing->end[i] > end ? sharing->end[i] : end;
			result.cpu += sharing->cpu[i];
		}
		result.rate = (double)sharing->made / (end - sharing->begin);
		result.cpu /= end - sharing->begin;
		check_shared(sharing);
	} while (stolen() != steal && ++tries < 10);
	munmap(sharing, sizeof *sharing);
	return result;
}

/* ---- what it costs to be durable ------------------------------------------------------------- */

static atomic_uint syncs; /* since the last look */

/* The library's calls come here: a program's symbols go before a library's. */
int __attribute__((visibility("default"))) msync(void *start, size_t size, int flags)
{
	atomic_fetch_add(&syncs, 1);
	return (int)syscall(SYS_msync, start, size, flags);
}

/* Bytes that this process has had written to disks; -1 if the system does not tell. */
static long long written(void)
{
	char line[80];
	long long bytes = -1;
	FILE *const file = fopen("/proc/self/io", "r");
	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "write_bytes: %lld", &bytes) == 1)
			break;
	if (file)
		fclose(file);
	return bytes;
}

/* Writes and syncs, over and over, until it is killed. */
static pid_t keep_the_disk_busy(const char *name)
{
	static char bytes[1 << 20];
	const pid_t child = fork();
	if (child != 0)
		return child;
	const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	for (int i = 0; fd >= 0; i = (i + 1) % 256) {
		if (pwrite(fd, bytes, sizeof bytes, (off_t)i << 20) < 0 ||
		    (i % 16 == 15 && fsync(fd) != 0))
			break;
	}
	_exit(1);
}

enum { HALF_BLOCKS = 10 };

static char durable_store[4300];

struct durability {
	double syncs, bytes; /* a second */
	double stall;        /* the longest call, in ms */
	double preempted;    /* the same with memory:, which waits for nothing */
	double spared;       /* the same beside a thread that maintains */
};

static atomic_bool maintaining;

static void *maintain(void *generator)
{
	uint64_t again;
	while (atomic_load(&maintaining)) {
		check(snowid_generator_maintain(generator, &again), "maintain");
		usleep(1000);
	}
	return NULL;
}

/* The longest call in some half blocks, of which each needs a sync. */
static double longest_call(struct snowid_generator *g, double span)
{
	const double begin = seconds(CLOCK_MONOTONIC);
	double last = begin, longest = 0;
	uint64_t id;
	while (last - begin < span) {
		check(snowid_generator_next(g, &id), "next");
		const double now = seconds(CLOCK_MONOTONIC);
		longest = now - last > longest ? now - last : longest;
		last = now;
	}
	return longest * 1e3;
}

static struct durability measure_durability(bool busy)
{
	struct snowid_config *config;
	struct snowid_generator *g;
	struct durability result;
	char name[4300];
	pthread_t thread;
	pid_t writer = 0;

	check(snowid_config_new(&config), "config");
	check(snowid_config_set_kind(config, WIDE_LAYOUT), WIDE_LAYOUT);
	check(snowid_config_set_store(config, durable_store), durable_store);
	check(snowid_config_set(config, "block", "200ms"), "block");
	check(snowid_generator_new(config, &g), "a state file");
	snowid_config_free(config);
	snprintf(name, sizeof name, "%s.busy", file_store + strlen("file:"));
	if (busy)
		writer = keep_the_disk_busy(name);
	const double span = HALF_BLOCKS * 0.1;
	result.preempted = longest_call(wide, span);
	const unsigned before = atomic_load(&syncs);
	const long long bytes = written();
	result.stall = longest_call(g, span);
	result.syncs = (atomic_load(&syncs) - before) / span;
	result.bytes = (double)(written() - bytes) / span;
	atomic_store(&maintaining, true);
	pthread_create(&thread, NULL, maintain, g);
	result.spared = longest_call(g, span);
	atomic_store(&maintaining, false);
	pthread_join(thread, NULL);
	if (busy) {
		kill(writer, SIGKILL);
		waitpid(writer, NULL, 0);
		unlink(name);
	}
	snowid_generator_free(g);
	return result;
}

/* ---- the table ------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/* One row: the median and range of figures, beside the target. */
static void row(const char *what, const char *unit, const double *figures, const char *target)
{
	double sorted[ROUNDS];
	memcpy(sorted, figures, sizeof sorted);
	qsort(sorted, ROUNDS, sizeof sorted[0], ascending);
	printf("  %-46s %9.3f  %8.3f .. %-8.3f %-12s %s\n", what, sorted[ROUNDS / 2], sorted[0],
	       sorted[ROUNDS - 1], unit, target);
}

static void ratio_row(const char *what, const double *figures, const double *reference,
		      const char *unit, const char *target)
{
	double ratios[ROUNDS];
	for (int r = 0; r < ROUNDS; r++)
		ratios[r] = figures[r] / reference[r];
	row(what, unit, ratios, target);
}

static void *stand_by(void *lock)
{
	pthread_mutex_lock(lock);
	return NULL;
}

int main(void)
{
	char directory[4096];
	static double pair[ROUNDS], rate[WAYS][ROUNDS], cpu[WAYS][ROUNDS], figures[ROUNDS];
	static double together_rate[TOGETHER][ROUNDS], together_cpu[TOGETHER][ROUNDS];
	static struct durability durable[2][ROUNDS];
	/* libc takes short cuts in its mutexes while a process has one thread: real servers have more. */
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_t second;
	uuid_t uuid;

	pthread_mutex_lock(&lock);
	pthread_create(&second, NULL, stand_by, &lock);
	wide = generator_of(WIDE_LAYOUT, 0);
	wide_ulid = generator_of("ulid", 0);
	if (!getcwd(directory, sizeof directory))
		die("getcwd");
	snprintf(file_store, sizeof file_store, "file:%s/bench.%ld.state", directory,
		 (long)getpid());
	filed = generator_in(file_store, WIDE_LAYOUT, 0);
	snprintf(shared_store, sizeof shared_store, "%s.shared", file_store);
	snprintf(durable_store, sizeof durable_store, "%s.durable", file_store);
	uuid_generate_random(uuid);
	uuid_unparse_lower(uuid, uuid_text);

	measure_round(0); /* warm */
	for (int r = 0; r < ROUNDS; r++) {
		measure_round(r);
		pair[r] = two_threads();
		for (int way = 0; way < WAYS; way++) {
			const struct saturated s = saturate(way);
			rate[way][r] = s.rate;
			cpu[way][r] = s.cpu * 100;
		}
		for (int i = 0; i < TOGETHER; i++) {
			const struct saturated s = saturate_together(&together[i]);
			together_rate[i][r] = s.rate / 4096000;
			together_cpu[i][r] = s.cpu * 100;
		}
		for (int busy = 0; busy < 2; busy++)
			durable[busy][r] = measure_durability(busy);
	}

	printf("libsnowid %s, %d rounds of %d operations; \"clock\" is one "
	       "clock_gettime(CLOCK_REALTIME)\n\n",
	       snowid_version(), ROUNDS, PASSES * COUNT);
	printf("  %-46s %9s  %8s    %-8s %-12s %s\n", "", "median", "least", "most", "", "target");
	for (int r = 0; r < ROUNDS; r++)
		figures[r] = cost[CLOCK][r] * 1e9;
	row("clock", "ns", figures, "");
	ratio_row("next, unsaturated", cost[NEXT], cost[CLOCK], "x clock", "<= 1.4");
	ratio_row("  reference: mutex, clock and counter", cost[MUTEX], cost[CLOCK], "x clock", "");
	ratio_row("next with a state file", cost[NEXT_FILED], cost[NEXT], "x next", "<= 1.05");
	for (int r = 0; r < ROUNDS; r++)
		figures[r] = cost[OPEN][r] * 1e3;
	row("opening a state file that exists", "ms", figures, "<= 0.5");
	ratio_row("batch of 256, an ID", cost[BATCHED], cost[CLOCK], "x clock", "<= 0.015");
	ratio_row("ULID random", cost[ULID_RANDOM], cost[CLOCK], "x clock", "<= 2.3");
	ratio_row("UUIDv7 random", cost[UUID7_RANDOM], cost[CLOCK], "x clock", "<= 2.3");
	ratio_row("  uuid_generate_random of libuuid", cost[LIBUUID_RANDOM], cost[ULID_RANDOM],
		  "x ULID", ">= 25");
	ratio_row("ULID of a generator, in order", cost[ULID_ORDERED], cost[CLOCK], "x clock", "");
	ratio_row("ULID random as text", cost[ULID_WRITE], cost[CLOCK], "x clock", "<= 2.75");
	ratio_row("  uuid_parse of libuuid", cost[LIBUUID_PARSE], cost[ULID_READ], "x ULID parse",
		  ">= 8");
	ratio_row("  uuid_parse of libuuid", cost[LIBUUID_PARSE], cost[UUID_READ], "x UUID parse",
		  ">= 8");
	ratio_row("two threads on one generator, in all", cost[NEXT], pair, "x one thread",
		  ">= 0.7");
	printf("\n  snowflake, 4096 IDs a millisecond, saturated\n");
	row("  reference that spins: CPU", "% of a core", cpu[SPIN], "");
	row("  a sleep a millisecond and nothing else: CPU", "% of a core", cpu[SLEEP], "");
	ratio_row("  loop of next: rate", rate[LOOP], rate[SPIN], "x reference", ">= 0.98");
	row("  loop of next: CPU", "% of a core", cpu[LOOP], "<= 30");
	ratio_row("  batches of 256: rate", rate[BATCHES], rate[SPIN], "x reference", ">= 0.98");
	row("  batches of 256: CPU", "% of a core", cpu[BATCHES], "<= 3");
	printf("\n  the same, on one state file\n");
	static const char *const rates[] = {">= 0.98", ">= 0.98", ">= 0.95"};
	static const char *const shares[] = {"<= 80", "<= 10", ""};
	for (int i = 0; i < TOGETHER; i++) {
		char title[80];
		snprintf(title, sizeof title, "  %s", together[i].title);
		row(title, "x layout's", together_rate[i], rates[i]);
		row("    CPU together", "% of a core", together_cpu[i], shares[i]);
	}
	printf("\n  a state file with a block of 200 ms; the default is 3 s\n");
	for (int busy = 0; busy < 2; busy++) {
		static double syncs_row[ROUNDS], bytes_row[ROUNDS], stalls[ROUNDS], spared[ROUNDS],
			preempted[ROUNDS];
		for (int r = 0; r < ROUNDS; r++) {
			syncs_row[r] = durable[busy][r].syncs;
			bytes_row[r] = durable[busy][r].bytes / 1024;
			stalls[r] = durable[busy][r].stall;
			spared[r] = durable[busy][r].spared;
			preempted[r] = durable[busy][r].preempted;
		}
		if (!busy) {
			row("  syncs", "a second", syncs_row, "");
			row("  written", "KiB a second", bytes_row, "");
		}
		row(busy ? "  longest call, disk busy" : "  longest call", "ms", stalls, "");
		row(busy ? "    with maintain in a thread, disk busy"
			 : "    with maintain in a thread",
		    "ms", spared, "");
		row(busy ? "    with memory:, disk busy" : "    with memory:", "ms", preempted, "");
	}

	pthread_mutex_unlock(&lock);
	pthread_join(second, NULL);
	snowid_generator_free(wide);
	snowid_generator_free(wide_ulid);
	snowid_generator_free(filed);
	unlink(file_store + strlen("file:"));
	unlink(shared_store + strlen("file:"));
	unlink(durable_store + strlen("file:"));
	return 0;
}
