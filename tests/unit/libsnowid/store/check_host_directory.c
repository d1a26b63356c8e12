/* SPDX-License-Identifier: MIT
 *
 * The directory of a user for host:, which is one of the test here, and what is done where there
 * can be none.
 */
#include <linux/magic.h>
#include <sys/stat.h>

#include "libsnowid/base/system.h"
#include "tests/unit/libsnowid/store/host.h"
#include "tests/unit/wrap.h"

static char parent[32], own[SN_SYSTEM_HOST_PATH]; /* as /dev/shm, and what a user has there */

void wrap_host_directory(uint64_t user, uint64_t user_namespace, char path[SN_SYSTEM_HOST_PATH])
	WRAP("sn_system_host_directory");
void wrap_host_directory(uint64_t user, uint64_t user_namespace, char path[SN_SYSTEM_HOST_PATH])
{
	(void)user;
	(void)user_namespace;
	snprintf(path, SN_SYSTEM_HOST_PATH, "%s", own);
}

/* Relative, because the name of the directory of the test may be long. */
static void setup(void)
{
	host_setup();
	snprintf(parent, sizeof parent, "./%.16s", strrchr(directory, '/') + 1);
	snprintf(own, sizeof own, "%s/snowid-0", parent);
	disk.file_system = TMPFS_MAGIC;
	unsetenv("SNOWID_STORE");
}

static void teardown(void)
{
	disk.file_system = 0;
	struct dirent *entry;
	DIR *const entries = opendir(own);
	while (entries && (entry = readdir(entries)))
		unlinkat(dirfd(entries), entry->d_name, 0);
	if (entries)
		closedir(entries);
	rmdir(own);
	directory_remove();
}

static int try_open_default(const char *store, struct snowid_generator **generator)
{
	struct snowid_config *config;
	OK(snowid_config_new(&config));
	OK(snowid_config_set_field(config, "worker", 1));
	if (store)
		OK(snowid_config_set_store(config, store));
	const int error = snowid_generator_new(config, generator);
	snowid_config_free(config);
	return error;
}

static struct snowid_generator *open_default(void)
{
	struct snowid_generator *generator = NULL;
	OK(try_open_default(NULL, &generator));
	return generator;
}

static void expect_store(const struct snowid_generator *generator, const char *store)
{
	char text[64];
	OK(snowid_generator_get(generator, "store", text, sizeof text, NULL));
	ck_assert_str_eq(text, store);
}

static mode_t mode_of(const char *path)
{
	struct stat status = {0};
	ck_assert_int_eq(lstat(path, &status), 0);
	return status.st_mode & 07777;
}

/* Whatever the umask is: others may look at names in it, as a process that has given up its user
 * must, but at nothing else. */
TEST(directory_of_a_user_is_made_for_it_alone)
{
	const mode_t umask_before = umask(077);
	struct snowid_generator *const g = open_default(), *const other = open_default();
	ck_assert_uint_eq(mode_of(own), 0711);
	const uint64_t id = next_id(g);
	ck_assert_uint_gt(next_id(other), id);
	expect_store(g, "host:");
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_ISSUED), 2);
	snowid_generator_free(g);
	snowid_generator_free(other);
	umask(umask_before);
}

/* Anybody can make it first: it is not used, and not left for another store. */
TEST(directory_of_somebody_else_is_an_error_that_says_whose_it_is)
{
	enum { FILE_IN_PLACE, LINK, WRITABLE, OTHER_USER, WAYS };
	for (int way = 0; way < WAYS; way++) {
		struct snowid_generator *g = NULL;
		char expected[100];
		if (way == FILE_IN_PLACE)
			close(open(own, O_CREAT | O_WRONLY, 0600));
		else if (way == LINK)
			ck_assert_int_eq(symlink(".", own), 0);
		else
			ck_assert_int_eq(mkdir(own, 0700), 0);
		if (way == WRITABLE)
			ck_assert_int_eq(chmod(own, 0722), 0);
		disk.other_user = way == OTHER_USER;
		snprintf(expected, sizeof expected, "belongs to user %u with mode %04o",
			 (unsigned)getuid(), (unsigned)mode_of(own));
		EXPECT(try_open_default(NULL, &g), SNOWID_E_STORE);
		EXPECT_DETAIL(expected);
		EXPECT_DETAIL("root has to remove it");
		ck_assert_ptr_null(g);
		disk.other_user = false;
		ck_assert_int_eq(way == FILE_IN_PLACE || way == LINK ? unlink(own) : rmdir(own), 0);
	}
}

/* Then no process of this host has it. Whoever names host: wants no other. */
TEST(memory_is_the_default_only_where_there_can_be_no_host_store)
{
	enum { NO_PARENT, NO_TMPFS, WAYS };
	for (int way = 0; way < WAYS; way++) {
		struct snowid_generator *g = NULL;
		if (way == NO_PARENT)
			snprintf(own, sizeof own, "%s/missing/snowid-0", parent);
		else
			snprintf(own, sizeof own, "%s/snowid-0", parent);
		disk.file_system = way == NO_TMPFS ? EXT4_SUPER_MAGIC : TMPFS_MAGIC;
		EXPECT(try_open_default("host:", &g), SNOWID_E_STORE);
		EXPECT_DETAIL("there can be no store host: here");
		g = open_default();
		expect_store(g, "memory:");
		next_id(g);
		snowid_generator_free(g);
		ck_assert_int_eq(directory_count(), 0);
	}
}

/* What a later process might get past is never a reason for another sequence. */
TEST(full_disk_and_damaged_files_are_errors)
{
	struct snowid_generator *g = NULL;
	disk.failing = "fchmod";
	disk.failure = ENOSPC;
	EXPECT(try_open_default(NULL, &g), -ENOSPC);
	disk.failure = EDQUOT;
	EXPECT(try_open_default(NULL, &g), -EDQUOT);
	disk.failing = NULL;
	snowid_generator_free(open_default());
	snprintf(directory + strlen(directory), 16, "/snowid-0");
	host_write("damaged", 7);
	*strrchr(directory, '/') = '\0';
	EXPECT(try_open_default(NULL, &g), SNOWID_E_STORE);
	EXPECT_DETAIL("is truncated, or not a state file");
}

/* With the file, as systemd does when a user logs out (RemoveIPC=). */
TEST(directory_that_was_removed_is_made_again)
{
	struct snowid_generator *const g = open_default();
	uint64_t last = next_id(g);
	char command[128];
	snprintf(command, sizeof command, "rm -r %s", own);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(system(command), 0);
		while (stat_of(g, SNOWID_STAT_REMOVALS) == (uint64_t)i) {
			const uint64_t id = next_id(g);
			ck_assert_uint_gt(id, last);
			last = id;
		}
		ck_assert_uint_eq(mode_of(own), 0711);
	}
	snowid_generator_free(g);
}

/* A process that has given up its user has no right to the directory of the old one, and must not
 * go where the others are not. */
TEST(process_of_another_user_does_not_make_the_directory_again)
{
	struct snowid_generator *const g = open_default();
	uint64_t id;
	char command[128];
	int error = 0;
	next_id(g);
	disk.other_user = true;
	for (int i = 0; i < 100000 && !error; i++) /* the directory is still there */
		error = snowid_generator_next(g, &id);
	ck_assert_int_eq(error, 0);
	snprintf(command, sizeof command, "rm -r %s", own);
	ck_assert_int_eq(system(command), 0);
	while (!error)
		error = snowid_generator_next(g, &id);
	ck_assert_int_eq(error, SNOWID_E_STORE);
	EXPECT_DETAIL("open the generator again");
	ck_assert_int_eq(directory_count(), 0);
	snowid_generator_free(g);
}

int main(void)
{
	return run_tests(setup, teardown);
}
