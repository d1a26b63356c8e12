/* SPDX-License-Identifier: MIT
 *
 * A process that owns a worker of a store, and writes down each ID that it makes:
 *
 *     owner FILE KIND URL [SETTING...]
 *
 * It prints a line for what has happened, and obeys the lines that it reads:
 *
 *     rate N     makes N IDs per second from now on; N is a number, or "full"
 *     fork N     forks a child that makes IDs for N more seconds, and writes FILE.forkN
 *     report     prints its counters, and begins to look for the longest pause again
 *     maintain   prints what snowid_generator_maintain() says
 *     close      releases its worker and ends
 *
 * It ends without closing when its input ends. FILE has blocks: the epoch (0: not known), the
 * number of IDs, and the IDs, in 64 bits each. They are written before the next are made, so that
 * none is missing if the process is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <snowid.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define BATCH      4096
#define SEC        UINT64_C(1000000000)
#define MS         UINT64_C(1000000)
#define FULL_SPEED UINT64_MAX
#define CLOSE_NS   (10 * SEC)

static struct snowid_generator *generator;
static const char *path;
static int file;
static uint64_t rate;            /* IDs per second */
static uint64_t began, due_base; /* when the rate was set, and how many were made before */
static uint64_t made, refused, longest_ns, last_made_at;
static int last_error;

static uint64_t elapsed_ns(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SEC + (uint64_t)now.tv_nsec;
}

static uint64_t counter(enum snowid_stat which)
{
	uint64_t value = 0;
	return snowid_generator_stat(generator, which, &value) == 0 ? value : 0;
}

static uint64_t present_worker(void)
{
	uint64_t value = 0;
	return snowid_generator_field(generator, "worker", &value) == 0 ? value : UINT64_MAX;
}

/* Of all threads. */
static uint64_t processor_ns(void)
{
	struct timespec used;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (uint64_t)used.tv_sec * SEC + (uint64_t)used.tv_nsec;
}

/* KiB that are resident, and are of no file. */
static long resident_memory(void)
{
	char line[256];
	long kib = 0;
	FILE *const status = fopen("/proc/self/status", "re");
	while (status && fgets(line, sizeof line, status))
		if (strncmp(line, "RssAnon:", 8) == 0)
			kib = strtol(line + 8, NULL, 10);
	if (status)
		(void)fclose(status);
	return kib;
}

static void open_file(const char *name)
{
	file = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (file < 0) {
		printf("failed %d %s: %s\n", -errno, name, strerror(errno));
		exit(1);
	}
}

static void write_block(const uint64_t *block, size_t size)
{
	if (write(file, block, size) != (ssize_t)size) {
		printf("failed %d cannot write %s\n", -errno, path);
		_exit(1);
	}
}

static void note_pause(void)
{
	const uint64_t now = elapsed_ns();
	if (now - last_made_at > longest_ns)
		longest_ns = now - last_made_at;
	last_made_at = now;
}

static void make_ids(size_t count, uint64_t timeout_ns)
{
	static uint64_t block[2 + BATCH];
	size_t got = 0;

	const uint64_t epoch = counter(SNOWID_STAT_EPOCH);
	const int error =
		snowid_generator_next_batch(generator, block + 2, count, timeout_ns, &got);
	if (got > 0) {
		block[0] = counter(SNOWID_STAT_EPOCH) == epoch ? epoch : 0;
		block[1] = got;
		write_block(block, (2 + got) * sizeof *block);
		made += got;
		note_pause();
	}
	if (error != 0 && error != SNOWID_E_EXHAUSTED) {
		refused++;
		last_error = error;
	}
}

/* What has been due for longer than a quarter of a second is never made. */
static void make_due_ids(void)
{
	if (rate == FULL_SPEED) {
		make_ids(BATCH, 10 * MS);
		return;
	}
	const uint64_t due = (uint64_t)((double)(elapsed_ns() - began) * (double)rate / SEC);
	if (due > due_base + rate / 4)
		due_base = due - rate / 4;
	if (rate == 0 || due <= due_base)
		return;
	const uint64_t before = made;
	make_ids(due - due_base < BATCH ? (size_t)(due - due_base) : BATCH, 0);
	due_base += made - before;
}

static void set_rate(const char *text)
{
	rate = strcmp(text, "full") == 0 ? FULL_SPEED : strtoull(text, NULL, 10);
	began = last_made_at = elapsed_ns();
	due_base = 0;
}

static void print_report(void)
{
	if (rate > 0 && elapsed_ns() - last_made_at > longest_ns)
		longest_ns = elapsed_ns() - last_made_at;
	printf("report made=%" PRIu64 " refused=%" PRIu64 " longest_ns=%" PRIu64 " worker=%" PRIu64
	       " epoch=%" PRIu64 " left_ns=%" PRIu64 " losses=%" PRIu64 " renewals=%" PRIu64
	       " renewal_ns=%" PRIu64 " processor_ns=%" PRIu64 " kib=%ld error=%d\n",
	       made, refused, longest_ns, present_worker(), counter(SNOWID_STAT_EPOCH),
	       counter(SNOWID_STAT_LEFT_NS), counter(SNOWID_STAT_LOSSES),
	       counter(SNOWID_STAT_RENEWALS), counter(SNOWID_STAT_RENEWAL_NS), processor_ns(),
	       resident_memory(), last_error);
	longest_ns = 0;
}

static void print_result(const char *what, int error)
{
	char detail[1024] = "";
	if (error != 0)
		(void)snowid_error_detail(detail, sizeof detail);
	printf("%s %d %s\n", what, error, detail);
}

/* A child that outlives its parent. Only whoever reads its output to the end waits for it. */
static void fork_child(unsigned seconds)
{
	char name[4096];
	static unsigned children;

	children++;
	if (fork() != 0)
		return;
	(void)snprintf(name, sizeof name, "%s.fork%u", path, children);
	(void)close(file);
	open_file(name);
	const uint64_t end = elapsed_ns() + seconds * SEC;
	while (elapsed_ns() < end) {
		make_due_ids();
		(void)poll(NULL, 0, 5);
	}
	print_report();
	snowid_generator_free(generator); /* not closed: the parent and others may go on */
	(void)fflush(stdout);
	_exit(0);
}

static void obey(char *line)
{
	uint64_t next_ns = 0;

	line[strcspn(line, "\n")] = 0;
	if (strncmp(line, "rate ", 5) == 0)
		set_rate(line + 5);
	else if (strncmp(line, "fork ", 5) == 0)
		fork_child((unsigned)strtoul(line + 5, NULL, 10));
	else if (strcmp(line, "report") == 0)
		print_report();
	else if (strcmp(line, "maintain") == 0)
		print_result("maintain", snowid_generator_maintain(generator, &next_ns));
	else if (strcmp(line, "close") == 0) {
		print_report();
		print_result("closed", snowid_generator_close(generator, CLOSE_NS));
		snowid_generator_free(generator);
		exit(0);
	} else
		printf("unknown %s\n", line);
}

/* Whole lines: whoever writes them writes each at once. */
static void read_commands(int wait_ms)
{
	static char input[4096];
	static size_t length;
	struct pollfd standard_input = {.fd = STDIN_FILENO, .events = POLLIN};

	if (poll(&standard_input, 1, wait_ms) <= 0)
		return;
	const ssize_t got = read(STDIN_FILENO, input + length, sizeof input - 1 - length);
	if (got <= 0)
		_exit(0);
	length += (size_t)got;
	input[length] = 0;
	for (char *end; (end = strchr(input, '\n'));) {
		const size_t line = (size_t)(end + 1 - input);
		*end = 0;
		obey(input);
		memmove(input, end + 1, length - line + 1);
		length -= line;
	}
}

static int set_settings(struct snowid_config *config, const char *kind, char **settings)
{
	int error = snowid_config_set_kind(config, kind);
	if (error == 0)
		error = snowid_config_set(config, "store", *settings++);
	for (; error == 0 && *settings; settings++) {
		char *const value = strchr(*settings, '=');
		if (value)
			*value = 0;
		error = snowid_config_set(config, *settings, value ? value + 1 : "");
	}
	return error;
}

static int open_generator(const char *kind, char **settings)
{
	struct snowid_config *config;
	int error = snowid_config_new(&config);
	if (error != 0)
		return error;
	error = set_settings(config, kind, settings);
	if (error == 0)
		error = snowid_generator_new(config, &generator);
	snowid_config_free(config);
	return error;
}

int main(int count, char **arguments)
{
	if (count < 4) {
		(void)fprintf(stderr, "usage: owner FILE KIND URL [SETTING...]\n");
		return 2;
	}
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	(void)prctl(PR_SET_PDEATHSIG, 9); /* of this process, not of children that it forks */
	path = arguments[1];
	open_file(path);
	const uint64_t start = elapsed_ns();
	const int error = open_generator(arguments[2], arguments + 3);
	if (error != 0) {
		print_result("failed", error);
		return 1;
	}
	printf("opened %" PRIu64 " %" PRIu64 "\n", elapsed_ns() - start, present_worker());
	set_rate("1000");
	for (;;) {
		make_due_ids();
		read_commands(rate == FULL_SPEED ? 0 : 5);
	}
}
