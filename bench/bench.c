/* SPDX-License-Identifier: MIT
 *
 * Measures what the library costs, as ratios to references measured in the same round, because
 * machines differ, and so does one machine from minute to minute. Each round runs all measures in
 * turn; the median and the range over all rounds are printed. The IDs are checked outside of the
 * measured time: they must be unique, in order, and have a time within the measure.
 */
#include <fcntl.h>
#include <ftw.h>
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

/* The results of COUNT operations fit into the caches, as those of a caller would. */
enum { ROUNDS = 9, PASSES = 16, COUNT = 16384, BATCH = 256, SATURATED = 4096 * 400, OPENINGS = 5 };

#define WIDE_LAYOUT "time:42,sequence:22" /* 4,194,304 IDs per millisecond: never used up */

static void exit_with_detail(const char *what)
{
	char detail[400];
	snowid_error_detail(detail, sizeof detail);
	fprintf(stderr, "bench: %s: %s\n", what, detail);
	exit(1);
}

static void require_success(int error, const char *what)
{
	if (error)
		exit_with_detail(what);
}

static double clock_seconds(clockid_t clock)
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

static struct snowid_generator *open_generator_on(const char *store, const char *kind,
						  uint64_t worker)
{
	struct snowid_config *config;
	struct snowid_generator *generator;
	require_success(snowid_config_new(&config), "config");
	require_success(snowid_config_set_kind(config, kind), kind);
	require_success(snowid_config_set_store(config, store), store);
	if (worker)
		require_success(snowid_config_set_field(config, "worker", worker), kind);
	require_success(snowid_generator_new(config, &generator), kind);
	snowid_config_free(config);
	return generator;
}

static struct snowid_generator *open_generator_in_memory(const char *kind, uint64_t worker)
{
	return open_generator_on("memory:", kind, worker);
}

/* ---- measures: COUNT operations each, whose results are kept for the checks ------------------ */

static struct snowid_generator *wide, *wide_ulid, *on_file, *on_host;
static char file_store[4200], host_store[64] = "host:/dev/shm/snowid-bench-XXXXXX";
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

/* What people write by hand: a clock and a counter, protected by a mutex. */
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
			exit_with_detail("next");
}

static void run_next_on_host(void)
{
	for (int i = 0; i < COUNT; i++)
		if (snowid_generator_next(on_host, &ids[i]) != 0)
			exit_with_detail("next");
}

static void run_next_on_file(void)
{
	for (int i = 0; i < COUNT; i++)
		if (snowid_generator_next(on_file, &ids[i]) != 0)
			exit_with_detail("next");
}

/* Opening writes one record and waits for the disk. */
static void run_open(void)
{
	for (int i = 0; i < OPENINGS; i++)
		snowid_generator_free(open_generator_on(file_store, WIDE_LAYOUT, 0));
}

static void run_open_on_host(void)
{
	for (int i = 0; i < OPENINGS; i++)
		snowid_generator_free(open_generator_on(host_store, WIDE_LAYOUT, 0));
}

static void run_batch(void)
{
	size_t made;
	for (int i = 0; i + BATCH <= COUNT; i += BATCH)
		if (snowid_generator_next_batch(wide, ids + i, BATCH, UINT64_MAX, &made) != 0)
			exit_with_detail("next_batch");
}

static void run_ulid_random(void)
{
	for (int i = 0; i < COUNT; i++)
		if (snowid_ulid_random(&wide_ids[i]) != 0)
			exit_with_detail("ulid_random");
}

static void run_uuid7_random(void)
{
	for (int i = 0; i < COUNT; i++)
		if (snowid_uuid7_random(&wide_ids[i]) != 0)
			exit_with_detail("uuid7_random");
}

static void run_ulid_ordered(void)
{
	for (int i = 0; i < COUNT; i++)
		if (snowid_generator_next128(wide_ulid, &wide_ids[i]) != 0)
			exit_with_detail("next128");
}

static void run_ulid_text(void)
{
	struct snowid_id128 id;
	for (int i = 0; i < COUNT; i++)
		if (snowid_ulid_random(&id) != 0 || snowid_ulid_format(&id, texts[i]) != 0)
			exit_with_detail("ulid_format");
}

static void run_ulid_parse(void)
{
	for (int i = 0; i < COUNT; i++)
		if (snowid_ulid_parse(texts[i], SNOWID_ULID_TEXT - 1, &wide_ids[i]) != 0)
			exit_with_detail("ulid_parse");
}

static void run_uuid_parse(void)
{
	for (int i = 0; i < COUNT; i++)
		if (snowid_uuid_parse(uuid_text, SNOWID_UUID_TEXT - 1, &wide_ids[i]) != 0)
			exit_with_detail("uuid_parse");
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
			exit_with_detail("libuuid");
}

/* ---- checks ---------------------------------------------------------------------------------- */

/* Checks that a time in milliseconds lies within a measure that began at `from`. */
static void check_time(int64_t ms, int64_t from, const char *what)
{
	if (ms < from || ms > unix_ms())
		exit_with_detail(what);
}

static void check_ids(int count, int64_t from)
{
	for (int i = 0; i < count; i++) {
		check_time((int64_t)(ids[i] >> 22), from, "an ID is wrongly dated");
		if (i > 0 && ids[i] <= ids[i - 1])
			exit_with_detail("IDs are not in order");
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

static int compare_id128(const void *a, const void *b)
{
	return snowid_id128_compare(a, b);
}

static void check_ordered(int64_t from)
{
	int64_t ms;
	for (int i = 0; i < COUNT; i++) {
		snowid_ulid_time_ms(&wide_ids[i],
				    &ms); /* a UUIDv7 has its time in the same place */
		check_time(ms, from, "a ULID is wrongly dated");
		if (i > 0 && compare_id128(&wide_ids[i - 1], &wide_ids[i]) >= 0)
			exit_with_detail("ULIDs are not unique and in order");
	}
}

static void check_random(int64_t from)
{
	qsort(wide_ids, COUNT, sizeof wide_ids[0], compare_id128);
	check_ordered(from);
}

static void check_texts(int64_t from)
{
	for (int i = 0; i < COUNT; i++)
		require_success(snowid_ulid_parse(texts[i], SNOWID_ULID_TEXT - 1, &wide_ids[i]),
				"ulid_parse");
	check_random(from);
}

static void check_parsed(int64_t from)
{
	(void)from;
	char text[SNOWID_UUID_TEXT];
	require_success(snowid_uuid_format(&wide_ids[COUNT - 1], text), "uuid_format");
	if (strcmp(text, uuid_text) != 0)
		exit_with_detail("a UUID was read wrongly");
}

/* ---- rates per operation --------------------------------------------------------------------- */

enum measure {
	CLOCK,
	MUTEX,
	NEXT,
	NEXT_ON_HOST,
	NEXT_ON_FILE,
	BATCHED,
	ULID_RANDOM,
	UUID7_RANDOM,
	ULID_ORDERED,
	ULID_WRITE,
	ULID_READ,
	UUID_READ,
	LIBUUID_RANDOM,
	LIBUUID_PARSE,
	OPEN_ON_HOST,
	OPEN, /* last, because the caches are cold after waiting for a disk */
	MEASURES
};

static const struct {
	void (*run)(void);
	void (*check)(
		int64_t from); /* NULL for references, or if the measure before has checked it */
	double operations;
} measures[MEASURES] = {
	[CLOCK] = {run_clock, NULL, COUNT},
	[MUTEX] = {run_mutex, NULL, COUNT},
	[NEXT] = {run_next, check_next, COUNT},
	[NEXT_ON_HOST] = {run_next_on_host, check_next, COUNT},
	[NEXT_ON_FILE] = {run_next_on_file, check_next, COUNT},
	[OPEN_ON_HOST] = {run_open_on_host, NULL, OPENINGS},
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
			/* Sync outside of the measure: one sync in a second would distort a
			 * measure of a few ms. */
			require_success(snowid_generator_maintain(on_file, &again), "maintain");
			const int64_t from = unix_ms();
			const double begin = clock_seconds(CLOCK_MONOTONIC);
			measures[m].run();
			span += clock_seconds(CLOCK_MONOTONIC) - begin;
			if (measures[m].check)
				measures[m].check(from);
		}
		cost[m][round] = span / (measures[m].operations * PASSES);
	}
}

/* ---- an ID now and then ---------------------------------------------------------------------- */

enum { RARE = 24, RARE_PAUSE_NS = 10000000 };

static int compare_doubles(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static double time_next(struct snowid_generator *generator, uint64_t *id)
{
	const double begin = clock_seconds(CLOCK_MONOTONIC);
	require_success(snowid_generator_next(generator, id), "next");
	return clock_seconds(CLOCK_MONOTONIC) - begin;
}

/* How much longer a call takes with host: than with memory:, if there is one every 10 ms: the
 * median. Each of them renews its limit. Either is the first after the pause half of the times. */
static double rare_call_on_host(void)
{
	const struct timespec pause = {.tv_nsec = RARE_PAUSE_NS};
	double more[RARE];
	uint64_t last = 0, id, other;

	for (int i = 0; i < RARE; i++) {
		nanosleep(&pause, NULL);
		const bool memory_first = i % 2 == 0;
		const double before = memory_first ? time_next(wide, &other) : 0;
		const double on_host_s = time_next(on_host, &id);
		more[i] = on_host_s - (memory_first ? before : time_next(wide, &other));
		if (id <= last)
			exit_with_detail("IDs are not in order");
		last = id;
	}
	qsort(more, RARE, sizeof more[0], compare_doubles);
	return more[RARE / 2];
}

/* ---- two threads on one generator ------------------------------------------------------------ */

enum { SHARED = PASSES * COUNT }; /* long enough for both threads to run at the same time */

static atomic_int started;

static void *next_in_thread(void *out)
{
	uint64_t *const mine = out;
	atomic_fetch_add(&started, 1);
	while (atomic_load(&started) < 2)
		;
	for (int i = 0; i < SHARED; i++)
		if (snowid_generator_next(wide, &mine[i]) != 0)
			exit_with_detail("next");
	return NULL;
}

static int compare_numbers(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static double measure_two_threads(void)
{
	static uint64_t both[2 * SHARED];
	pthread_t threads[2];
	atomic_store(&started, 0);
	const double begin = clock_seconds(CLOCK_MONOTONIC);
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, next_in_thread, both + i * SHARED);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	const double span = clock_seconds(CLOCK_MONOTONIC) - begin;
	qsort(both, (size_t)2 * SHARED, sizeof both[0], compare_numbers);
	for (int i = 1; i < 2 * SHARED; i++)
		if (both[i] == both[i - 1])
			exit_with_detail("two threads got one ID");
	return span / (2.0 * SHARED);
}

/* ---- a layout whose IDs are used up in each millisecond -------------------------------------- */

/* Time that the host took from this virtual machine, in ticks of /proc/stat; -1 if unknown. */
static long stolen_ticks(void)
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
	double rate; /* IDs per second */
	double cpu;  /* cores in use */
};

/* Makes 4096 IDs per millisecond by reading the clock all the time. */
static void spin_on_clock(void)
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

/* Only sleeps for most of each millisecond, which shows what waking up costs on this machine. */
static void sleep_and_wake(void)
{
	const struct timespec most = {.tv_nsec = 900000};
	for (int i = 0; i < SATURATED / 4096; i++)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &most, NULL);
}

static void draw_one_by_one(struct snowid_generator *generator)
{
	uint64_t id, last = 0;
	for (int made = 0; made < SATURATED; made++) {
		if (snowid_generator_next(generator, &id) != 0 || id <= last)
			exit_with_detail("next");
		last = id;
	}
}

static void draw_in_batches(struct snowid_generator *generator)
{
	uint64_t batch[BATCH], last = 0;
	size_t part;
	for (int made = 0; made < SATURATED; made += BATCH) {
		if (snowid_generator_next_batch(generator, batch, BATCH, UINT64_MAX, &part) != 0 ||
		    batch[0] <= last)
			exit_with_detail("next_batch");
		last = batch[BATCH - 1];
	}
}

enum { SPIN, SLEEP, LOOP, BATCHES, WAYS };

static struct saturated saturate_alone(int way)
{
	struct snowid_generator *const generator =
		open_generator_in_memory("snowflake", 1 + (uint64_t)way);
	struct saturated result;
	uint64_t id;
	long steal;
	int tries = 0;

	require_success(snowid_generator_next(generator, &id), "next"); /* waits for a new tick */
	do { /* up to ten times, if the host took time away during the measure */
		steal = stolen_ticks();
		const double cpu = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
		const double begin = clock_seconds(CLOCK_MONOTONIC);
		if (way == SPIN)
			spin_on_clock();
		else if (way == SLEEP)
			sleep_and_wake();
		else if (way == LOOP)
			draw_one_by_one(generator);
		else
			draw_in_batches(generator);
		const double span = clock_seconds(CLOCK_MONOTONIC) - begin;
		result.rate = SATURATED / span;
		result.cpu = (clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) / span;
	} while (stolen_ticks() != steal && ++tries < 10);
	snowid_generator_free(generator);
	return result;
}

/* ---- processes on one state file ------------------------------------------------------------- */

enum { SHARERS_MAX = 32, SHARED_LAST = 4096 };

static const struct sharing_case {
	int processes, threads;
	int way;
	const char *title;
} sharing_cases[] = {
	{4, 1, LOOP, "4 processes, loops of next"},
	{4, 1, BATCHES, "4 processes, batches of 256"},
	{8, 4, LOOP, "8 processes of 4 threads, loops of next"},
};
enum { SHARING_CASES = sizeof sharing_cases / sizeof sharing_cases[0] };

/* Memory shared by all processes. */
struct sharing {
	atomic_int ready;
	_Atomic uint64_t made;
	double begin;
	double end[SHARERS_MAX], cpu[SHARERS_MAX];
	uint64_t last[SHARERS_MAX][SHARED_LAST]; /* IDs that each thread got, for the check */
};

static char shared_store[4300];

struct sharer {
	const struct sharing_case *scenario;
	struct sharing *sharing;
	struct snowid_generator *generator;
	int me;
};

/* Takes IDs until all threads together have SATURATED. */
static void *draw_shared_ids(void *argument)
{
	const struct sharer *const sharer = argument;
	struct sharing *const sharing = sharer->sharing;
	const int me = sharer->me,
		  sharers = sharer->scenario->processes * sharer->scenario->threads;
	uint64_t batch[BATCH];
	size_t made = BATCH;
	int error = 0;

	require_success(snowid_generator_next(sharer->generator, batch), "next");
	if (atomic_fetch_add(&sharing->ready, 1) == sharers - 1) {
		sharing->begin = clock_seconds(CLOCK_MONOTONIC);
		atomic_fetch_add(&sharing->ready, 1);
	}
	while (atomic_load(&sharing->ready) <= sharers)
		usleep(100);
	const double cpu = clock_seconds(CLOCK_THREAD_CPUTIME_ID);
	for (int at = 0; atomic_load(&sharing->made) < SATURATED; at = (at + BATCH) % SHARED_LAST) {
		if (sharer->scenario->way == BATCHES)
			error = snowid_generator_next_batch(sharer->generator, batch, BATCH,
							    UINT64_MAX, &made);
		else
			for (int i = 0; i < BATCH && !error; i++)
				error = snowid_generator_next(sharer->generator, &batch[i]);
		require_success(error, "next");
		memcpy(sharing->last[me] + at, batch, sizeof batch);
		atomic_fetch_add(&sharing->made, BATCH);
	}
	sharing->cpu[me] = clock_seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
	sharing->end[me] = clock_seconds(CLOCK_MONOTONIC);
	return NULL;
}

static void draw_in_threads(const struct sharing_case *scenario, struct sharing *sharing,
			    int process)
{
	struct sharer sharers[SHARERS_MAX];
	pthread_t threads[SHARERS_MAX];
	struct snowid_generator *const generator = open_generator_on(shared_store, "snowflake", 1);

	for (int t = 0; t < scenario->threads; t++) {
		sharers[t] = (struct sharer){scenario, sharing, generator,
					     process * scenario->threads + t};
		if (pthread_create(&threads[t], NULL, draw_shared_ids, &sharers[t]) != 0)
			exit_with_detail("a thread");
	}
	for (int t = 0; t < scenario->threads; t++)
		pthread_join(threads[t], NULL);
	snowid_generator_free(generator);
}

static void check_shared(struct sharing *sharing)
{
	uint64_t *const all = &sharing->last[0][0];
	qsort(all, SHARERS_MAX * SHARED_LAST, sizeof *all, compare_numbers);
	for (int i = 1; i < SHARERS_MAX * SHARED_LAST; i++)
		if (all[i] != 0 && all[i] == all[i - 1])
			exit_with_detail("two of many got one ID");
}

static struct saturated saturate_shared(const struct sharing_case *scenario)
{
	struct sharing *const sharing = mmap(NULL, sizeof *sharing, PROT_READ | PROT_WRITE,
					     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct saturated result = {0};
	double end = 0;
	long steal;
	int tries = 0;

	if (sharing == MAP_FAILED)
		exit_with_detail("mmap");
	do {
		memset(sharing, 0, sizeof *sharing);
		steal = stolen_ticks();
		for (int i = 0; i < scenario->processes; i++)
			if (fork() == 0) {
				draw_in_threads(scenario, sharing, i);
				_exit(0);
			}
		for (int i = 0; i < scenario->processes; i++) {
			int status;
			if (wait(&status) < 0 || status != 0)
				exit_with_detail("a process that shares");
		}
		result.cpu = end = 0;
		for (int i = 0; i < scenario->processes * scenario->threads; i++) {
			end = sharing->end[i] > end ? sharing->end[i] : end;
			result.cpu += sharing->cpu[i];
		}
		result.rate = (double)sharing->made / (end - sharing->begin);
		result.cpu /= end - sharing->begin;
		check_shared(sharing);
	} while (stolen_ticks() != steal && ++tries < 10);
	munmap(sharing, sizeof *sharing);
	return result;
}

/* ---- the cost of durability ------------------------------------------------------------------ */

static atomic_uint syncs;

/* Counts the library's calls: symbols of the program take precedence over those of libc. */
int __attribute__((visibility("default"))) msync(void *start, size_t size, int flags)
{
	atomic_fetch_add(&syncs, 1);
	return (int)syscall(SYS_msync, start, size, flags);
}

/* Bytes that this process has written to disks; -1 if unknown. */
static long long bytes_written(void)
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

/* Forks a process that writes and syncs until it is killed. */
static pid_t fork_disk_writer(const char *name)
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
	double syncs, bytes; /* per second */
	double stall;        /* longest call in ms */
	double preempted;    /* longest call with memory:, which never waits for a disk */
	double spared;       /* longest call while another thread maintains the generator */
};

static atomic_bool maintaining;

static void *maintain_in_thread(void *generator)
{
	uint64_t again;
	while (atomic_load(&maintaining)) {
		require_success(snowid_generator_maintain(generator, &again), "maintain");
		usleep(1000);
	}
	return NULL;
}

/* Returns the longest call in ms. About each third of a reserve needs one sync. */
static double longest_call(struct snowid_generator *generator, double span)
{
	const double begin = clock_seconds(CLOCK_MONOTONIC);
	double last = begin, longest = 0;
	uint64_t id;
	while (last - begin < span) {
		require_success(snowid_generator_next(generator, &id), "next");
		const double now = clock_seconds(CLOCK_MONOTONIC);
		longest = now - last > longest ? now - last : longest;
		last = now;
	}
	return longest * 1e3;
}

static struct durability measure_durability(bool busy)
{
	struct snowid_config *config;
	struct snowid_generator *generator;
	struct durability result;
	char name[4300];
	pthread_t thread;
	pid_t writer = 0;

	require_success(snowid_config_new(&config), "config");
	require_success(snowid_config_set_kind(config, WIDE_LAYOUT), WIDE_LAYOUT);
	require_success(snowid_config_set_store(config, durable_store), durable_store);
	require_success(snowid_config_set(config, "reserve", "200ms"), "reserve");
	require_success(snowid_generator_new(config, &generator), "a state file");
	snowid_config_free(config);
	snprintf(name, sizeof name, "%s.busy", file_store + strlen("file:"));
	if (busy)
		writer = fork_disk_writer(name);
	const double span = HALF_BLOCKS * 0.1;
	result.preempted = longest_call(wide, span);
	const unsigned before = atomic_load(&syncs);
	const long long bytes = bytes_written();
	result.stall = longest_call(generator, span);
	result.syncs = (atomic_load(&syncs) - before) / span;
	result.bytes = (double)(bytes_written() - bytes) / span;
	atomic_store(&maintaining, true);
	pthread_create(&thread, NULL, maintain_in_thread, generator);
	result.spared = longest_call(generator, span);
	atomic_store(&maintaining, false);
	pthread_join(thread, NULL);
	if (busy) {
		kill(writer, SIGKILL);
		waitpid(writer, NULL, 0);
		unlink(name);
	}
	snowid_generator_free(generator);
	return result;
}

/* ---- the table ------------------------------------------------------------------------------- */

/* Prints the median and range of the figures, and the target. */
static void print_row(const char *what, const char *unit, const double *figures, const char *target)
{
	double sorted[ROUNDS];
	memcpy(sorted, figures, sizeof sorted);
	qsort(sorted, ROUNDS, sizeof sorted[0], compare_doubles);
	printf("  %-46s %9.3f  %8.3f .. %-8.3f %-12s %s\n", what, sorted[ROUNDS / 2], sorted[0],
	       sorted[ROUNDS - 1], unit, target);
}

static void print_ratio_row(const char *what, const double *figures, const double *reference,
			    const char *unit, const char *target)
{
	double ratios[ROUNDS];
	for (int round = 0; round < ROUNDS; round++)
		ratios[round] = figures[round] / reference[round];
	print_row(what, unit, ratios, target);
}

static void *wait_for_lock(void *lock)
{
	pthread_mutex_lock(lock);
	return NULL;
}

/* The figures of all rounds. */
static double rare_cost[ROUNDS], pair_cost[ROUNDS], rate[WAYS][ROUNDS], cpu[WAYS][ROUNDS];
static double shared_rate[SHARING_CASES][ROUNDS], shared_cpu[SHARING_CASES][ROUNDS];
static struct durability durable[2][ROUNDS];

static void open_generators(void)
{
	char directory[4096];
	uuid_t uuid;

	if (!getcwd(directory, sizeof directory))
		exit_with_detail("getcwd");
	snprintf(file_store, sizeof file_store, "file:%s/bench.%ld.state", directory,
		 (long)getpid());
	snprintf(shared_store, sizeof shared_store, "%s.shared", file_store);
	snprintf(durable_store, sizeof durable_store, "%s.durable", file_store);
	wide = open_generator_in_memory(WIDE_LAYOUT, 0);
	wide_ulid = open_generator_in_memory("ulid", 0);
	if (!mkdtemp(host_store + strlen("host:")))
		exit_with_detail("a directory in /dev/shm");
	on_host = open_generator_on(host_store, WIDE_LAYOUT, 0);
	on_file = open_generator_on(file_store, WIDE_LAYOUT, 0);
	uuid_generate_random(uuid);
	uuid_unparse_lower(uuid, uuid_text);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	return remove(path);
}

static void close_generators(void)
{
	snowid_generator_free(wide);
	snowid_generator_free(wide_ulid);
	snowid_generator_free(on_host);
	snowid_generator_free(on_file);
	nftw(host_store + strlen("host:"), remove_entry, 1, FTW_DEPTH | FTW_PHYS);
	unlink(file_store + strlen("file:"));
	unlink(shared_store + strlen("file:"));
	unlink(durable_store + strlen("file:"));
}

static void measure_all(int round)
{
	measure_round(round);
	rare_cost[round] = rare_call_on_host();
	pair_cost[round] = measure_two_threads();
	for (int way = 0; way < WAYS; way++) {
		const struct saturated result = saturate_alone(way);
		rate[way][round] = result.rate;
		cpu[way][round] = result.cpu * 100;
	}
	for (int i = 0; i < SHARING_CASES; i++) {
		const struct saturated result = saturate_shared(&sharing_cases[i]);
		shared_rate[i][round] = result.rate / 4096000;
		shared_cpu[i][round] = result.cpu * 100;
	}
	for (int busy = 0; busy < 2; busy++)
		durable[busy][round] = measure_durability(busy);
}

static void print_scaled_row(const char *what, const double *values, double scale, const char *unit,
			     const char *target)
{
	double figures[ROUNDS];
	for (int round = 0; round < ROUNDS; round++)
		figures[round] = values[round] * scale;
	print_row(what, unit, figures, target);
}

static void print_costs(void)
{
	print_scaled_row("clock", cost[CLOCK], 1e9, "ns", "");
	print_ratio_row("next, unsaturated", cost[NEXT], cost[CLOCK], "x clock", "<= 1.4");
	print_ratio_row("  reference: mutex, clock and counter", cost[MUTEX], cost[CLOCK],
			"x clock", "");
	print_ratio_row("next with host:", cost[NEXT_ON_HOST], cost[NEXT], "x next", "<= 1.05");
	print_scaled_row("  an ID each 10 ms, more than with memory:", rare_cost, 1e6, "us",
			 "<= 2");
	print_scaled_row("opening host: again", cost[OPEN_ON_HOST], 1e6, "us", "<= 60");
	print_ratio_row("next with a state file", cost[NEXT_ON_FILE], cost[NEXT], "x next",
			"<= 1.05");
	print_scaled_row("opening an existing state file", cost[OPEN], 1e3, "ms", "<= 0.5");
	print_ratio_row("batch of 256, per ID", cost[BATCHED], cost[CLOCK], "x clock", "<= 0.015");
	print_ratio_row("ULID random", cost[ULID_RANDOM], cost[CLOCK], "x clock", "<= 2.3");
	print_ratio_row("UUIDv7 random", cost[UUID7_RANDOM], cost[CLOCK], "x clock", "<= 2.3");
	print_ratio_row("  uuid_generate_random of libuuid", cost[LIBUUID_RANDOM],
			cost[ULID_RANDOM], "x ULID", ">= 25");
	print_ratio_row("ULID of a generator, in order", cost[ULID_ORDERED], cost[CLOCK], "x clock",
			"");
	print_ratio_row("ULID random as text", cost[ULID_WRITE], cost[CLOCK], "x clock", "<= 2.75");
	print_ratio_row("  uuid_parse of libuuid", cost[LIBUUID_PARSE], cost[ULID_READ],
			"x ULID parse", ">= 8");
	print_ratio_row("  uuid_parse of libuuid", cost[LIBUUID_PARSE], cost[UUID_READ],
			"x UUID parse", ">= 8");
	print_ratio_row("two threads on one generator, in total", cost[NEXT], pair_cost,
			"x one thread", ">= 0.7");
}

static void print_saturated(void)
{
	static const char *const rate_targets[SHARING_CASES] = {">= 0.98", ">= 0.98", ">= 0.95"};
	static const char *const cpu_targets[SHARING_CASES] = {"<= 80", "<= 10", ""};

	printf("\n  snowflake, 4096 IDs per millisecond, saturated\n");
	print_row("  reference that spins: CPU", "% of a core", cpu[SPIN], "");
	print_row("  one sleep per millisecond and nothing else: CPU", "% of a core", cpu[SLEEP],
		  "");
	print_ratio_row("  loop of next: rate", rate[LOOP], rate[SPIN], "x reference", ">= 0.98");
	print_row("  loop of next: CPU", "% of a core", cpu[LOOP], "<= 30");
	print_ratio_row("  batches of 256: rate", rate[BATCHES], rate[SPIN], "x reference",
			">= 0.98");
	print_row("  batches of 256: CPU", "% of a core", cpu[BATCHES], "<= 3");
	printf("\n  the same, on one state file\n");
	for (int i = 0; i < SHARING_CASES; i++) {
		char title[80];
		snprintf(title, sizeof title, "  %s", sharing_cases[i].title);
		print_row(title, "x layout's", shared_rate[i], rate_targets[i]);
		print_row("    CPU in total", "% of a core", shared_cpu[i], cpu_targets[i]);
	}
}

static void print_durable(bool busy)
{
	double syncs_row[ROUNDS], kib[ROUNDS], stalls[ROUNDS], spared[ROUNDS], preempted[ROUNDS];

	for (int round = 0; round < ROUNDS; round++) {
		syncs_row[round] = durable[busy][round].syncs;
		kib[round] = durable[busy][round].bytes / 1024;
		stalls[round] = durable[busy][round].stall;
		spared[round] = durable[busy][round].spared;
		preempted[round] = durable[busy][round].preempted;
	}
	if (!busy) {
		print_row("  syncs", "per second", syncs_row, "");
		print_row("  written", "KiB/s", kib, "");
	}
	print_row(busy ? "  longest call, disk busy" : "  longest call", "ms", stalls, "");
	print_row(busy ? "    with maintain in a thread, disk busy"
		       : "    with maintain in a thread",
		  "ms", spared, "");
	print_row(busy ? "    with memory:, disk busy" : "    with memory:", "ms", preempted, "");
}

int main(void)
{
	/* The mutexes of libc are faster in a process with one thread; real servers have more. */
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_t second;

	pthread_mutex_lock(&lock);
	pthread_create(&second, NULL, wait_for_lock, &lock);
	open_generators();
	measure_round(0); /* warm up */
	for (int round = 0; round < ROUNDS; round++)
		measure_all(round);

	printf("libsnowid %s, %d rounds of %d operations; \"clock\" is one "
	       "clock_gettime(CLOCK_REALTIME)\n\n",
	       snowid_version(), ROUNDS, PASSES * COUNT);
	printf("  %-46s %9s  %8s    %-8s %-12s %s\n", "", "median", "least", "most", "", "target");
	print_costs();
	print_saturated();
	printf("\n  a state file with a reserve of 200 ms; the default is 3 s\n");
	print_durable(false);
	print_durable(true);

	pthread_mutex_unlock(&lock);
	pthread_join(second, NULL);
	close_generators();
	return 0;
}
