/* SPDX-License-Identifier: MIT
 *
 * Workers that are taken from a directory.
 */
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/check.h"
#include "tests/unit/directory.h"

static char url[4200];

/* A config whose store is the directory with these options. */
static struct snowid_config *config_of(const char *kind, const char *options)
{
	struct snowid_config *config;
	OK(snowid_config_new(&config));
	OK(snowid_config_set_kind(config, kind));
	snprintf(url, sizeof url, "slots:%s%s", directory, options);
	OK(snowid_config_set_store(config, url));
	OK(snowid_config_set(config, "block", "10ms"));
	return config;
}

static int try_take(const char *kind, const char *options, struct snowid_generator **g)
{
	struct snowid_config *const config = config_of(kind, options);
	const int error = snowid_generator_new(config, g);
	snowid_config_free(config);
	return error;
}

static struct snowid_generator *take(const char *options)
{
	struct snowid_generator *g = NULL;
	OK(try_take("snowflake", options, &g));
	return g;
}

static uint64_t worker_of(const struct snowid_generator *g)
{
	uint64_t worker;
	OK(snowid_generator_field(g, "worker", &worker));
	return worker;
}

static uint64_t next(struct snowid_generator *g)
{
	uint64_t id;
	OK(snowid_generator_next(g, &id));
	ck_assert_uint_eq(id >> 12 & 31, worker_of(g));
	return id;
}

TEST(each_takes_the_first_that_is_free)
{
	struct snowid_generator *const a = take(""), *const b = take(""), *c = take("");
	ck_assert_uint_eq(worker_of(a), 0);
	ck_assert_uint_eq(worker_of(b), 1);
	ck_assert_uint_eq(worker_of(c), 2);
	next(a);
	const uint64_t last = next(b);
	snowid_generator_free(b);
	struct snowid_generator *const d = take("");
	ck_assert_uint_eq(worker_of(d), 1);
	ck_assert_uint_gt(next(d), last);
	snowid_generator_free(a);
	snowid_generator_free(c);
	snowid_generator_free(d);
}

TEST(when_all_are_taken_the_holders_are_named)
{
	struct snowid_generator *const a = take("?workers=4-5"), *const b = take("?workers=4-5");
	struct snowid_generator *none = NULL;
	char process[128], host[65] = "";
	ck_assert_uint_eq(worker_of(a), 4);
	ck_assert_uint_eq(worker_of(b), 5);
	EXPECT(try_take("snowflake", "?workers=4-5", &none), SNOWID_E_STORE);
	EXPECT_DETAIL("all values of worker from 4 to 5");
	gethostname(host, sizeof host - 1);
	snprintf(process, sizeof process, "by process %ld on %s since 20", (long)getpid(), host);
	EXPECT_DETAIL(process);
	snprintf(process, sizeof process, ", %ld on %s since 20", (long)getpid(), host);
	EXPECT_DETAIL(process);
	ck_assert_ptr_null(none);
	snowid_generator_free(a);
	snowid_generator_free(b);
}

TEST(of_many_holders_it_says_how_many_more_there_are)
{
	enum { MANY = 32 };
	struct snowid_generator *held[MANY], *none = NULL;
	char detail[512], *at;
	unsigned named = 0, more = 0;
	for (int i = 0; i < MANY; i++)
		held[i] = take("");
	EXPECT(try_take("snowflake", "", &none), SNOWID_E_STORE);
	snowid_error_detail(detail, sizeof detail);
	for (at = detail; (at = strstr(at, " since ")); at++)
		named++;
	at = strstr(detail, " and ");
	ck_assert_msg(at && sscanf(at, " and %u more (see snowid store); end one", &more) == 1,
		      "%s", detail);
	ck_assert_uint_ge(named, 2);
	ck_assert_uint_eq(named + more, MANY);
	for (int i = 0; i < MANY; i++)
		snowid_generator_free(held[i]);
}

TEST(a_worker_may_be_asked_for)
{
	struct snowid_config *const config = config_of("snowflake", "?workers=0-9");
	struct snowid_generator *g, *other;
	OK(snowid_config_set_field(config, "worker", 7));
	OK(snowid_config_set_field(config, "datacenter", 3));
	OK(snowid_generator_new(config, &g));
	ck_assert_uint_eq(worker_of(g), 7);
	EXPECT(snowid_generator_new(config, &other), SNOWID_E_STORE);
	EXPECT_DETAIL("are taken");
	OK(snowid_config_set_field(config, "worker", 10));
	EXPECT(snowid_generator_new(config, &other), SNOWID_E_RANGE);
	EXPECT_DETAIL("only has 0 to 9");
	snowid_generator_free(g);
	/* What is not assigned is not taken over from a file either. */
	OK(snowid_config_set_field(config, "worker", 7));
	OK(snowid_config_set_field(config, "datacenter", 4));
	EXPECT(snowid_generator_new(config, &other), SNOWID_E_STORE);
	EXPECT_DETAIL("datacenter 3, not 4");
	snowid_config_free(config);
}

TEST(another_field_may_be_named)
{
	struct snowid_generator *g;
	uint64_t value;
	OK(try_take("time:41,rack:3,host:7,sequence:12", "?workers=1-2&field=host", &g));
	OK(snowid_generator_field(g, "host", &value));
	ck_assert_uint_eq(value, 1);
	snowid_generator_free(g);
	OK(try_take("instagram", "?workers=8000-8191", &g));
	OK(snowid_generator_field(g, "shard", &value));
	ck_assert_uint_eq(value, 8000);
	snowid_generator_free(g);
	EXPECT(try_take("snowflake", "?field=host", &g), SNOWID_E_STORE);
	EXPECT_DETAIL("no field \"host\"");
	EXPECT(try_take("ulid", "", &g), SNOWID_E_STORE);
	EXPECT(try_take("uuid6", "", &g), SNOWID_E_STORE);
	EXPECT(try_take("snowflake", "?workers=0-32", &g), SNOWID_E_RANGE);
	EXPECT_DETAIL("from 0 to 31");
}

TEST(malformed_urls_are_refused)
{
	static const char *const urls[] = {
		"slots:",
		"slots:here",
		"slots:/d?",
		"slots:/d?workers",
		"slots:/d?workers=",
		"slots:/d?workers=1",
		"slots:/d?workers=1-",
		"slots:/d?workers=2-1",
		"slots:/d?workers=-1-2",
		"slots:/d?workers=0-31x",
		"slots:/d?workers=0-31&",
		"slots:/d?field=",
		"slots:/d?other=1",
		"slots:/d?field=a_name_that_is_longer_than_any_field_has",
	};
	struct snowid_config *config;
	OK(snowid_config_new(&config));
	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
		ck_assert_msg(snowid_config_set_store(config, urls[i]) == SNOWID_E_SYNTAX, "%s",
			      urls[i]);
	snowid_config_free(config);
}

TEST(the_directory_is_made_but_not_the_way_to_it)
{
	struct snowid_generator *g;
	struct stat status;
	char *const end = directory + strlen(directory);
	strcpy(end, "/new");
	snowid_generator_free(take("?workers=0-0"));
	ck_assert_int_eq(stat(directory, &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0700);
	directory_remove(); /* the inner one */
	/* A group that is let in may make files of its own there. */
	struct snowid_config *const config = config_of("snowflake", "?workers=0-0");
	OK(snowid_config_set(config, "mode", "0660"));
	const mode_t old = umask(0777);
	OK(snowid_generator_new(config, &g));
	umask(old);
	snowid_config_free(config);
	snowid_generator_free(g);
	ck_assert_int_eq(stat(directory, &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 02770);
	directory_remove();
	strcpy(end, "/not/there");
	EXPECT(try_take("snowflake", "", &g), -2);
	EXPECT_DETAIL("cannot make the directory");
	*end = '\0';
}

TEST(a_killed_process_leaves_its_worker_and_a_child_keeps_it)
{
	int ready[2], status;
	uint64_t last;
	ck_assert_int_eq(pipe(ready), 0);
	const pid_t holder = fork();
	if (holder == 0) {
		struct snowid_generator *const g = take("?workers=3-3");
		const pid_t child = fork();
		if (child == 0) {
			last = next(g);
			if (write(ready[1], &last, sizeof last) != (ssize_t)sizeof last ||
			    write(ready[1], &(pid_t){getpid()}, sizeof(pid_t)) !=
				    (ssize_t)sizeof(pid_t))
				_exit(1);
			for (;;)
				pause();
		}
		_exit(0); /* the child lives on */
	}
	pid_t child;
	ck_assert_int_eq(read(ready[0], &last, sizeof last), (ssize_t)sizeof last);
	ck_assert_int_eq(read(ready[0], &child, sizeof child), (ssize_t)sizeof child);
	ck_assert_int_eq(waitpid(holder, &status, 0), holder);

	struct snowid_generator *g = NULL;
	EXPECT(try_take("snowflake", "?workers=3-3", &g), SNOWID_E_STORE);
	kill(child, SIGKILL);
	while (try_take("snowflake", "?workers=3-3", &g) == SNOWID_E_STORE)
		sched_yield(); /* until the kernel has ended it: it is not our child to wait for */
	ck_assert_ptr_nonnull(g);
	ck_assert_uint_gt(next(g), last);
	snowid_generator_free(g);
}

TEST(eight_processes_get_eight_workers)
{
	enum { PROCESSES = 8 };
	uint64_t *const workers = mmap(NULL, PROCESSES * sizeof *workers, PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t children[PROCESSES];
	int go[2], taken[2];
	bool met[PROCESSES] = {false};
	char byte = 0;
	ck_assert_int_eq(pipe(go) | pipe(taken), 0);
	for (int i = 0; i < PROCESSES; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			close(go[1]);
			struct snowid_generator *const g = take("?workers=0-7");
			workers[i] = worker_of(g);
			next(g);
			const bool fine =
				write(taken[1], &byte, 1) == 1 && read(go[0], &byte, 1) == 0;
			snowid_generator_free(g);
			_exit(!fine);
		}
	}
	for (int i = 0; i < PROCESSES; i++) /* all hold theirs at once */
		ck_assert_int_eq(read(taken[0], &byte, 1), 1);
	close(go[1]);
	for (int i = 0; i < PROCESSES; i++) {
		int status;
		ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
		ck_assert_int_eq(status, 0);
		ck_assert(workers[i] < PROCESSES && !met[workers[i]]);
		met[workers[i]] = true;
	}
	munmap(workers, PROCESSES * sizeof *workers);
}

int main(void)
{
	return run_tests(directory_make, directory_remove);
}
