/* SPDX-License-Identifier: MIT
 *
 * Workers that are assigned from a directory.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/libsnowid/store/fake_disk.h"
#include "tests/unit/processes.h"
#include "tests/unit/store_info.h"

static char url[4200];

/* The store is the directory with these options. */
static struct snowid_config *slots_config(const char *kind, const char *options)
{
	struct snowid_config *config;
	OK(snowid_config_new(&config));
	OK(snowid_config_set_kind(config, kind));
	snprintf(url, sizeof url, "slots:%s%s", directory, options);
	OK(snowid_config_set_store(config, url));
	OK(snowid_config_set(config, "reserve", "10ms"));
	OK(snowid_config_set(config, "hold", "3ms")); /* or each new file would start later */
	return config;
}

static int try_open_slot(const char *kind, const char *options, struct snowid_generator **g)
{
	struct snowid_config *const config = slots_config(kind, options);
	const int error = snowid_generator_new(config, g);
	snowid_config_free(config);
	return error;
}

static struct snowid_generator *open_slot(const char *options)
{
	struct snowid_generator *g = NULL;
	OK(try_open_slot("snowflake", options, &g));
	return g;
}

static uint64_t next_id_of_worker(struct snowid_generator *g)
{
	const uint64_t id = next_id(g);
	ck_assert_uint_eq(id >> 12 & 31, field_of(g, "worker"));
	return id;
}

TEST(each_generator_takes_the_first_free_worker)
{
	struct snowid_generator *const a = open_slot(""), *const b = open_slot(""),
				       *c = open_slot("");
	ck_assert_uint_eq(field_of(a, "worker"), 0);
	ck_assert_uint_eq(field_of(b, "worker"), 1);
	ck_assert_uint_eq(field_of(c, "worker"), 2);
	next_id_of_worker(a);
	const uint64_t last = next_id_of_worker(b);
	snowid_generator_free(b);
	struct snowid_generator *const d = open_slot("");
	ck_assert_uint_eq(field_of(d, "worker"), 1);
	ck_assert_uint_gt(next_id_of_worker(d), last);
	snowid_generator_free(a);
	snowid_generator_free(c);
	snowid_generator_free(d);
}

TEST(error_names_the_holders_when_all_workers_are_taken)
{
	struct snowid_generator *const a = open_slot("?workers=4-5"), *const b = open_slot(
									      "?workers=4-5");
	struct snowid_generator *none = NULL;
	char process[128], host[65] = "";
	ck_assert_uint_eq(field_of(a, "worker"), 4);
	ck_assert_uint_eq(field_of(b, "worker"), 5);
	EXPECT(try_open_slot("snowflake", "?workers=4-5", &none), SNOWID_E_STORE);
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

TEST(error_counts_the_holders_that_it_does_not_name)
{
	enum { MANY = 32 };
	struct snowid_generator *held[MANY], *none = NULL;
	char detail[512], *at;
	unsigned named = 0, more = 0;
	for (int i = 0; i < MANY; i++)
		held[i] = open_slot("");
	EXPECT(try_open_slot("snowflake", "", &none), SNOWID_E_STORE);
	snowid_error_detail(detail, sizeof detail);
	for (at = detail; (at = strstr(at, " since ")); at++)
		named++;
	at = strstr(detail, " and ");
	ck_assert_msg(at && sscanf(at, " and %u more (see snowid store); stop one", &more) == 1,
		      "%s", detail);
	ck_assert_uint_ge(named, 2);
	ck_assert_uint_eq(named + more, MANY);
	for (int i = 0; i < MANY; i++)
		snowid_generator_free(held[i]);
}

TEST(specific_worker_can_be_requested)
{
	struct snowid_config *const config = slots_config("snowflake", "?workers=0-9");
	struct snowid_generator *g, *other;
	OK(snowid_config_set_field(config, "worker", 7));
	OK(snowid_config_set_field(config, "datacenter", 3));
	OK(snowid_generator_new(config, &g));
	ck_assert_uint_eq(field_of(g, "worker"), 7);
	EXPECT(snowid_generator_new(config, &other), SNOWID_E_STORE);
	EXPECT_DETAIL("are taken");
	OK(snowid_config_set_field(config, "worker", 10));
	EXPECT(snowid_generator_new(config, &other), SNOWID_E_RANGE);
	EXPECT_DETAIL("only has 0 to 9");
	snowid_generator_free(g);
	/* The other fields must be those of the file. */
	OK(snowid_config_set_field(config, "worker", 7));
	OK(snowid_config_set_field(config, "datacenter", 4));
	EXPECT(snowid_generator_new(config, &other), SNOWID_E_STORE);
	EXPECT_DETAIL("datacenter 3, not 4");
	snowid_config_free(config);
}

TEST(another_field_can_be_assigned)
{
	struct snowid_generator *g;
	uint64_t value;
	OK(try_open_slot("time:41,rack:3,host:7,sequence:12", "?workers=1-2&field=host", &g));
	OK(snowid_generator_field(g, "host", &value));
	ck_assert_uint_eq(value, 1);
	snowid_generator_free(g);
	OK(try_open_slot("instagram", "?workers=8000-8191", &g));
	OK(snowid_generator_field(g, "shard", &value));
	ck_assert_uint_eq(value, 8000);
	snowid_generator_free(g);
	EXPECT(try_open_slot("snowflake", "?field=host", &g), SNOWID_E_STORE);
	EXPECT_DETAIL("no field \"host\"");
	EXPECT(try_open_slot("snowflake", "?workers=5-6&field=sequence", &g), SNOWID_E_STORE);
	EXPECT_DETAIL("cannot assign the field sequence, because it differs from ID to ID");
	EXPECT(try_open_slot("ulid", "", &g), SNOWID_E_STORE);
	EXPECT(try_open_slot("uuid6", "", &g), SNOWID_E_STORE);
	EXPECT(try_open_slot("snowflake", "?workers=0-32", &g), SNOWID_E_RANGE);
	EXPECT_DETAIL("from 0 to 31");
}

TEST(malformed_urls_are_rejected)
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

TEST(directory_is_created_but_not_its_parents)
{
	struct snowid_generator *g;
	struct stat status;
	char *const end = directory + strlen(directory);
	strcpy(end, "/new");
	snowid_generator_free(open_slot("?workers=0-0"));
	ck_assert_int_eq(stat(directory, &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0700);
	directory_remove(); /* the new one */
	/* If the group may write files, it may create them too. */
	struct snowid_config *const config = slots_config("snowflake", "?workers=0-0");
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
	EXPECT(try_open_slot("snowflake", "", &g), -2);
	EXPECT_DETAIL("cannot make the directory");
	*end = '\0';
}

/* A process that made the directory may have been killed before the disk had its name. */
TEST(first_file_waits_until_the_disk_has_the_directory)
{
	struct snowid_generator *g;
	char *const end = directory + strlen(directory);
	strcpy(end, "/new");
	disk.failing = "fsync directory";
	disk.failure = EIO;
	for (int i = 0; i < 2; i++) { /* makes it, and finds it */
		EXPECT(try_open_slot("snowflake", "?workers=0-0", &g), -EIO);
		EXPECT_DETAIL("cannot sync the directory that slots:");
		ck_assert_int_eq(directory_count(), 0);
	}
	disk.failing = NULL;
	snowid_generator_free(open_slot("?workers=0-0"));
	/* Where there is a file, it has been done. */
	disk.failing = "fsync directory";
	snowid_generator_free(open_slot("?workers=0-0"));
	directory_remove();
	*end = '\0';
}

TEST(directory_of_others_need_not_be_readable)
{
	struct snowid_generator *g;
	disk.failing = "open directory";
	disk.failure = EACCES;
	EXPECT(try_open_slot("snowflake", "?workers=0-0", &g), -EACCES);
	EXPECT_DETAIL("sync the directory of the state file"); /* and not the one above it */
}

/* ---- files that cannot be used --------------------------------------------------------------- */

static const char *slot_path(unsigned worker)
{
	static char path[sizeof directory + 32];
	snprintf(path, sizeof path, "%s/worker-%u.state", directory, worker);
	return path;
}

/* Makes the state files of workers 0 to 4, none of which can be used. */
static void make_unusable_slots(void)
{
	for (unsigned worker = 0; worker < 5; worker++) {
		char options[32];
		snprintf(options, sizeof options, "?workers=%u-%u", worker, worker);
		snowid_generator_free(open_slot(options));
	}
	ck_assert_int_eq(truncate(slot_path(0), 100), 0);
	ck_assert_int_eq(chmod(slot_path(1), 0602), 0);
	ck_assert_int_eq(unlink(slot_path(2)) | symlink("worker-5.state", slot_path(2)), 0);
	const int fd = open(slot_path(3), O_WRONLY);
	ck_assert_int_eq(write(fd, "X", 1), 1);
	close(fd);
	ck_assert_int_eq(unlink(slot_path(4)) | mkfifo(slot_path(4), 0600), 0);
}

TEST(files_that_cannot_be_used_are_passed_over)
{
	struct snowid_generator *none = NULL;
	make_unusable_slots();
	struct snowid_generator *const g = open_slot("?workers=0-5");
	ck_assert_uint_eq(field_of(g, "worker"), 5);
	next_id_of_worker(g);
	EXPECT(try_open_slot("snowflake", "?workers=0-5", &none), SNOWID_E_STORE);
	EXPECT_DETAIL("the state files of 0, 1, 2, 3, 4 cannot be used (see snowid store), the "
		      "others are taken, by process ");
	EXPECT(try_open_slot("snowflake", "?workers=1-3", &none), SNOWID_E_STORE);
	EXPECT_DETAIL("no worker from 1 to 3 in slots:");
	EXPECT_DETAIL(" 1, 2, 3 cannot be used (see snowid store); restore them");
	/* If only one is wanted, what is wrong with it. */
	EXPECT(try_open_slot("snowflake", "?workers=0-0", &none), SNOWID_E_STORE);
	EXPECT_DETAIL("worker-0.state is truncated");
	ck_assert_ptr_null(none);
	snowid_generator_free(g);
}

TEST(file_whose_sync_failed_is_passed_over_until_a_reboot)
{
	struct snowid_generator *g = NULL;
	disk.failing = "msync";
	disk.failure = EIO;
	EXPECT(try_open_slot("snowflake", "?workers=0-1", &g), -EIO);
	disk.failing = NULL;
	EXPECT(try_open_slot("snowflake", "?workers=0-0", &g), -EIO);
	EXPECT_DETAIL("what it wrote may be lost");
	g = open_slot("?workers=0-1");
	ck_assert_uint_eq(field_of(g, "worker"), 1);
	next_id_of_worker(g);
	snowid_generator_free(g);
	disk.boot++;
	g = open_slot("?workers=0-1");
	ck_assert_uint_eq(field_of(g, "worker"), 0);
	snowid_generator_free(g);
}

TEST(files_that_cannot_be_used_are_shown_beside_the_others)
{
	static const char *const problems[] = {"is truncated", "written by everyone",
					       "is a symbolic link", "is not a state file",
					       "is not a regular file"};
	make_unusable_slots();
	snowid_generator_free(open_slot(""));
	snprintf(url, sizeof url, "slots:%s", directory);
	/* Of these, only worker 5 can be corrected. */
	EXPECT(snowid_store_reset(url, 2000000000, 0), SNOWID_E_STORE);
	EXPECT_DETAIL("worker-0.state is truncated");
	struct snowid_store_info *const info = inspect_store(url);
	for (size_t i = 0; i < 5; i++)
		ck_assert_msg(strstr(stored_value(info, i, "error"), problems[i]), "%s",
			      stored_value(info, i, "error"));
	ck_assert_ptr_nonnull(strstr(stored_value(info, 2, "store"), "worker-2.state"));
	EXPECT_INFO(info, 5, "error", "");
	EXPECT_INFO(info, 5, "limit", "2033-05-18T03:33:20.000Z");
	snowid_store_info_free(info);
}

/* What is wrong then is not a file, and another worker could be one that another directory has
 * assigned too. */
TEST(copies_and_other_kinds_are_not_passed_over)
{
	struct snowid_generator *none = NULL;
	unsigned char bytes[STATE_SIZE];
	snowid_generator_free(open_slot("?workers=0-0"));
	EXPECT(try_open_slot("twitter", "", &none), SNOWID_E_STORE);
	EXPECT_DETAIL("belongs to another kind");
	snprintf(state_path, sizeof state_path, "%s", slot_path(0));
	state_read(bytes);
	state_copy();
	EXPECT(try_open_slot("snowflake", "", &none), SNOWID_E_STORE);
	EXPECT_DETAIL("is a copy");
	ck_assert_ptr_null(none);
	ck_assert_int_eq(directory_count(), 1);
}

/* ---- processes ------------------------------------------------------------------------------- */

TEST(worker_is_free_when_the_last_child_is_killed)
{
	int ready[2], status;
	uint64_t last;
	ck_assert_int_eq(pipe(ready), 0);
	const pid_t holder = fork();
	if (holder == 0) {
		struct snowid_generator *const g = open_slot("?workers=3-3");
		const pid_t child = fork();
		if (child == 0) {
			last = next_id_of_worker(g);
			if (write(ready[1], &last, sizeof last) != (ssize_t)sizeof last ||
			    write(ready[1], &(pid_t){getpid()}, sizeof(pid_t)) !=
				    (ssize_t)sizeof(pid_t))
				_exit(1);
			for (;;)
				pause();
		}
		_exit(0); /* its child continues */
	}
	pid_t child;
	ck_assert_int_eq(read(ready[0], &last, sizeof last), (ssize_t)sizeof last);
	ck_assert_int_eq(read(ready[0], &child, sizeof child), (ssize_t)sizeof child);
	ck_assert_int_eq(waitpid(holder, &status, 0), holder);

	struct snowid_generator *g = NULL;
	EXPECT(try_open_slot("snowflake", "?workers=3-3", &g), SNOWID_E_STORE);
	kill(child, SIGKILL);
	while (try_open_slot("snowflake", "?workers=3-3", &g) == SNOWID_E_STORE)
		sched_yield(); /* until the kernel has ended it: it is not our child */
	ck_assert_ptr_nonnull(g);
	ck_assert_uint_gt(next_id_of_worker(g), last);
	snowid_generator_free(g);
}

/* As daemons do with closefrom(3): the worker is still theirs. */
TEST(worker_stays_in_use_when_all_descriptors_are_closed)
{
	const pid_t child = fork();
	if (child == 0) {
		struct snowid_generator *const g = open_slot("?workers=3-3"), *other = NULL;
		for (int fd = STDERR_FILENO + 1; fd < 256; fd++)
			close(fd);
		if (try_open_slot("snowflake", "?workers=3-3", &other) != SNOWID_E_STORE)
			_exit(1);
		snowid_generator_free(g);
		_exit(try_open_slot("snowflake", "?workers=3-3", &other) != 0);
	}
	expect_success(child);
}

TEST(processes_get_different_workers)
{
	enum { PROCESSES = 8 };
	uint64_t *const workers = shared_memory(PROCESSES * sizeof *workers);
	pid_t children[PROCESSES];
	int go[2], taken[2];
	bool seen[PROCESSES] = {false};
	char byte = 0;
	ck_assert_int_eq(pipe(go) | pipe(taken), 0);
	for (int i = 0; i < PROCESSES; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			close(go[1]);
			struct snowid_generator *const g = open_slot("?workers=0-7");
			workers[i] = field_of(g, "worker");
			next_id_of_worker(g);
			const bool fine =
				write(taken[1], &byte, 1) == 1 && read(go[0], &byte, 1) == 0;
			snowid_generator_free(g);
			_exit(!fine);
		}
	}
	for (int i = 0; i < PROCESSES; i++) /* until all have a worker */
		ck_assert_int_eq(read(taken[0], &byte, 1), 1);
	close(go[1]);
	for (int i = 0; i < PROCESSES; i++) {
		expect_success(children[i]);
		ck_assert(workers[i] < PROCESSES && !seen[workers[i]]);
		seen[workers[i]] = true;
	}
	munmap(workers, PROCESSES * sizeof *workers);
}

int main(void)
{
	return run_tests(disk_setup, directory_remove);
}
