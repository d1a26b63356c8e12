/* SPDX-License-Identifier: MIT
 *
 * State files: what is shared, what survives, and what is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libsnowid/base/system.h"
#include "libsnowid/sequence/shared_state.h"
#include "tests/unit/check.h"
#include "tests/unit/directory.h"
#include "tests/unit/random.h"

#define REAL(name) __asm__("__real_" name)
#define WRAP(name) __asm__("__wrap_" name)
#ifdef __USE_FILE_OFFSET64
#define FSTATFS  "fstatfs64"
#define OPEN     "open64"
#define MKOSTEMP "mkostemp64"
#define PWRITE   "pwrite64"
#else
#define FSTATFS  "fstatfs"
#define OPEN     "open"
#define MKOSTEMP "mkostemp"
#define PWRITE   "pwrite"
#endif
#ifdef __USE_TIME_BITS64
#define FSTAT "__fstat64_time64"
#define LSTAT "__lstat64_time64"
#elif defined __USE_FILE_OFFSET64
#define FSTAT "fstat64"
#define LSTAT "lstat64"
#else
#define FSTAT "fstat"
#define LSTAT "lstat"
#endif

enum { SIZE = 16384, SECTOR = 512, HOT_AT = 4096, RESERVED_AT = 8192 };

static char path[4200], url[4300];

/* ---- in place of the system ---------------------------------------------------------------- */

static uint64_t boot = 1; /* which boot this is; 0: the kernel does not say */
static unsigned syncs;
static unsigned char durable[SIZE]; /* the file as the completed syncs left it */
static long file_system;            /* what kind the file is on; 0: what it is */
static long page_size;              /* of the machine; 0: what it is */
static void (*during_sync)(void);   /* called once, in the middle of a sync */
static bool other_user;

bool wrap_boot_id(uint64_t id[2]) WRAP("sn_system_boot_id");
bool wrap_boot_id(uint64_t id[2])
{
	id[0] = 77;
	id[1] = boot;
	return boot != 0;
}

int real_fstatfs(int fd, struct statfs *status) REAL(FSTATFS);
int wrap_fstatfs(int fd, struct statfs *status) WRAP(FSTATFS);
int wrap_fstatfs(int fd, struct statfs *status)
{
	const int result = real_fstatfs(fd, status);
	if (file_system)
		status->f_type = (__typeof__(status->f_type))file_system; /* its type differs */
	return result;
}

/* Under which number the device is known. */
static bool other_device;

int real_fstat(int fd, struct stat *status) REAL(FSTAT);
int wrap_fstat(int fd, struct stat *status) WRAP(FSTAT);
int wrap_fstat(int fd, struct stat *status)
{
	const int result = real_fstat(fd, status);
	status->st_dev += other_device;
	return result;
}

int real_lstat(const char *name, struct stat *status) REAL(LSTAT);
int wrap_lstat(const char *name, struct stat *status) WRAP(LSTAT);
int wrap_lstat(const char *name, struct stat *status)
{
	const int result = real_lstat(name, status);
	status->st_dev += other_device;
	return result;
}

/* When inodes are said to have been made. */
static enum { AS_IT_WAS, A_NANOSECOND_LATER, NOT_KNOWN } birth;

int real_statx(int fd, const char *name, int flags, unsigned mask, struct statx *status)
	REAL("statx");
int wrap_statx(int fd, const char *name, int flags, unsigned mask, struct statx *status)
	WRAP("statx");
int wrap_statx(int fd, const char *name, int flags, unsigned mask, struct statx *status)
{
	const int result = real_statx(fd, name, flags, mask, status);
	if (birth == A_NANOSECOND_LATER)
		status->stx_btime.tv_nsec ^= 1;
	if (birth == NOT_KNOWN)
		status->stx_mask &= ~STATX_BTIME;
	return result;
}

uid_t real_geteuid(void) REAL("geteuid");
uid_t wrap_geteuid(void) WRAP("geteuid");
uid_t wrap_geteuid(void)
{
	return real_geteuid() + other_user;
}

/* One call that fails as long as it is set. */
static const char *failing;
static int failure;

static bool fails(const char *call)
{
	if (!failing || strcmp(failing, call) != 0)
		return false;
	errno = failure;
	return true;
}

int real_open(const char *name, int flags, ...) REAL(OPEN);
int wrap_open(const char *name, int flags, unsigned mode) WRAP(OPEN);
int wrap_open(const char *name, int flags, unsigned mode)
{
	if (fails(flags & O_DIRECTORY ? "open directory" : flags & O_RDWR ? "open" : "look"))
		return -1;
	return real_open(name, flags, mode);
}

int real_mkostemp(char *name, int flags) REAL(MKOSTEMP);
int wrap_mkostemp(char *name, int flags) WRAP(MKOSTEMP);
int wrap_mkostemp(char *name, int flags)
{
	return fails("mkostemp") ? -1 : real_mkostemp(name, flags);
}

/* A disk that is nearly full takes some of it. */
ssize_t real_pwrite(int fd, const void *bytes, size_t size, off_t at) REAL(PWRITE);
ssize_t wrap_pwrite(int fd, const void *bytes, size_t size, off_t at) WRAP(PWRITE);
ssize_t wrap_pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	if (at >= 8192 && fails("pwrite"))
		return -1;
	return real_pwrite(fd, bytes, size > 4096 ? 4096 : size, at);
}

int real_fsync(int fd) REAL("fsync");
int wrap_fsync(int fd) WRAP("fsync");
int wrap_fsync(int fd)
{
	struct stat status;
	const bool directory_of_it = fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
	if (fails(directory_of_it ? "fsync directory" : "fsync"))
		return -1;
	const int result = real_fsync(fd);
	if (!directory_of_it && pread(fd, durable, SIZE, 0) != SIZE)
		abort();
	return result;
}

int real_link(const char *from, const char *to) REAL("link");
int wrap_link(const char *from, const char *to) WRAP("link");
int wrap_link(const char *from, const char *to)
{
	return fails("link") ? -1 : real_link(from, to);
}

int real_fchmod(int fd, mode_t mode) REAL("fchmod");
int wrap_fchmod(int fd, mode_t mode) WRAP("fchmod");
int wrap_fchmod(int fd, mode_t mode)
{
	return fails("fchmod") ? -1 : real_fchmod(fd, mode);
}

long real_sysconf(int name) REAL("sysconf");
long wrap_sysconf(int name) WRAP("sysconf");
long wrap_sysconf(int name)
{
	return name == _SC_PAGESIZE && page_size ? page_size : real_sysconf(name);
}

/* Whole pages of the file, from one on: of all of it, but when only what is recorded is synced. */
int real_msync(void *start, size_t size, int flags) REAL("msync");
int wrap_msync(void *start, size_t size, int flags) WRAP("msync");
int wrap_msync(void *start, size_t size, int flags)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	const size_t first = SIZE - size;
	const bool takeover = size > SIZE - RESERVED_AT && !page_size;
	void (*const hook)(void) = during_sync;
	if (size > SIZE || first % (size_t)sysconf(_SC_PAGESIZE) != 0 || flags != MS_SYNC)
		abort();
	during_sync = NULL;
	if (hook)
		hook();
	if (fails(takeover ? "msync hot" : "msync"))
		return -1;
	const int result = real_msync(start, size, flags);
	pthread_mutex_lock(&lock); /* others may write a word meanwhile, and sync another */
	for (size_t at = first; at < SIZE; at += sizeof(uint64_t)) {
		const uint64_t word =
			atomic_load((_Atomic uint64_t *)((uintptr_t)start + at - first));
		memcpy(durable + at, &word, sizeof word);
	}
	syncs += !takeover;
	pthread_mutex_unlock(&lock);
	return result;
}

/* ---- helpers ------------------------------------------------------------------------------- */

static void setup(void)
{
	directory_make();
	snprintf(path, sizeof path, "%s/state", directory);
	snprintf(url, sizeof url, "file:%s", path);
}

static struct snowid_config *config_of(const char *kind, struct snowid_clock *clock)
{
	struct snowid_config *config;
	OK(snowid_config_new(&config));
	OK(snowid_config_set_kind(config, kind));
	snowid_config_set_field(config, "worker", 1); /* where it has one */
	snowid_config_set_field(config, "shard", 1);
	OK(snowid_config_set_store(config, url));
	OK(snowid_config_set(config, "block", "100ms"));
	OK(snowid_config_set_clock(config, clock));
	return config;
}

static int try_open_with(const char *key, const char *value, struct snowid_clock *clock,
			 struct snowid_generator **g)
{
	struct snowid_config *const config = config_of("snowflake", clock);
	OK(snowid_config_set(config, key, value));
	const int error = snowid_generator_new(config, g);
	snowid_config_free(config);
	return error;
}

static int try_open(const char *kind, struct snowid_clock *clock, struct snowid_generator **g)
{
	struct snowid_config *const config = config_of(kind, clock);
	const int error = snowid_generator_new(config, g);
	snowid_config_free(config);
	return error;
}

static struct snowid_generator *open_kind(const char *kind, struct snowid_clock *clock)
{
	struct snowid_generator *g = NULL;
	OK(try_open(kind, clock, &g));
	return g;
}

static struct snowid_generator *open_on(struct snowid_clock *clock)
{
	return open_kind("snowflake", clock);
}

static struct snowid_clock *manual(void)
{
	struct snowid_clock *clock;
	OK(snowid_clock_new_manual(START, 0, &clock));
	return clock;
}

static uint64_t next(struct snowid_generator *g)
{
	uint64_t id;
	OK(snowid_generator_next(g, &id));
	return id;
}

static void patch(off_t at, const void *bytes, size_t size)
{
	const int fd = open(path, O_WRONLY);
	ck_assert_int_eq(real_pwrite(fd, bytes, size, at), (ssize_t)size);
	close(fd);
}

/* Takes IDs for some blocks. 0, or the error that ends it. */
static int go_on(struct snowid_generator *g, struct snowid_clock *clock)
{
	uint64_t id;
	int error = 0;
	for (int i = 0; i < 50 && !error; i++) {
		OK(snowid_clock_advance(clock, 10 * MS));
		error = snowid_generator_next(g, &id);
	}
	return error;
}

static void expect_refused(struct snowid_clock *clock, int error, const char *detail)
{
	struct snowid_generator *g = NULL;
	EXPECT(try_open("snowflake", clock, &g), error);
	EXPECT_DETAIL(detail);
	ck_assert_ptr_null(g);
}

/* For what is called in the middle of a sync. */
static struct {
	struct snowid_generator *generator;
	struct snowid_clock *clock;
	uint64_t last;
	bool done;
} meanwhile;

static void read_file(unsigned char *bytes)
{
	const int fd = open(path, O_RDONLY);
	ck_assert_int_eq(pread(fd, bytes, SIZE, 0), SIZE);
	close(fd);
}

/* ---- life ---------------------------------------------------------------------------------- */

TEST(a_new_file_begins_a_block_above_the_clock)
{
	struct snowid_clock *const clock = manual();
	struct snowid_generator *const g = open_on(clock);
	int64_t sec;
	uint32_t nsec;
	struct stat status;
	OK(snowid_clock_read(clock, &sec, &nsec, NULL)); /* it has waited for that */
	ck_assert_int_eq(sec, START);
	ck_assert_uint_ge(nsec, 100 * MS);
	ck_assert_uint_le(nsec, 103 * MS);
	next(g);
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0600);
	ck_assert_int_eq(status.st_size, SIZE);
	ck_assert_int_eq((int)status.st_nlink, 1); /* the temporary name is gone */
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(two_that_open_it_share_its_words)
{
	struct snowid_clock *const clock = manual();
	struct snowid_generator *const a = open_on(clock), *const b = open_on(clock);
	uint64_t last = 0, issued;
	for (int i = 0; i < 20000; i++) {
		const uint64_t id = next(i % 2 ? a : b);
		if (id <= last)
			ck_abort_msg("not above the one before");
		last = id;
	}
	OK(snowid_generator_stat(a, SNOWID_STAT_ISSUED, &issued));
	ck_assert_uint_eq(issued, 20000);
	OK(snowid_generator_close(a, 0)); /* is not for the other */
	EXPECT(snowid_generator_next(a, &issued), SNOWID_E_CLOSED);
	ck_assert_uint_gt(next(b), last);
	snowid_generator_free(a);
	snowid_generator_free(b);
	snowid_clock_free(clock);
}

TEST(within_a_boot_it_goes_on_without_a_wait)
{
	struct snowid_clock *const clock = manual();
	uint64_t last = 0, before, after;
	for (int i = 0; i < 20; i++) {
		OK(snowid_clock_read(clock, NULL, NULL, &before));
		struct snowid_generator *const g = open_on(clock);
		OK(snowid_clock_read(clock, NULL, NULL, &after));
		if (i > 0)
			ck_assert_uint_eq(before, after);
		for (int n = 0; n < 10; n++) {
			const uint64_t id = next(g);
			if (i > 0)
				ck_assert_uint_eq(id, last + 1); /* not one is lost */
			last = id;
			if (i == 0)
				break;
		}
		if (i % 2)
			OK(snowid_generator_close(g, 0));
		snowid_generator_free(g);
	}
	snowid_clock_free(clock);
}

TEST(a_clock_set_back_between_runs_makes_no_duplicate)
{
	struct snowid_clock *const clock = manual();
	struct snowid_generator *g = open_on(clock);
	const uint64_t last = next(g);
	uint64_t id;
	snowid_generator_free(g);
	OK(snowid_clock_step(clock, -SEC / 2));
	g = open_on(clock);
	ck_assert_uint_gt(next(g), last);
	snowid_generator_free(g);
	OK(snowid_clock_step(clock, -3600 * SEC));
	EXPECT(try_open("snowflake", clock, &g), SNOWID_E_CLOCK);
	EXPECT_DETAIL("behind what the store has recorded");
	OK(snowid_clock_step(clock, 3600 * SEC));
	g = open_on(clock);
	OK(snowid_generator_next(g, &id));
	ck_assert_uint_gt(id, last);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(syncs_are_one_per_half_block_and_none_in_calls_that_do_not_wait)
{
	struct snowid_clock *const clock = manual();
	struct snowid_generator *const g = open_on(clock);
	uint64_t id, wait, again;
	next(g);
	syncs = 0;
	for (int i = 0; i < 1000; i++) {
		OK(snowid_clock_advance(clock, MS));
		next(g);
	}
	ck_assert_uint_ge(syncs, 15);
	ck_assert_uint_le(syncs, 21);

	syncs = 0;
	int error = 0;
	for (int i = 0; i < 200 && !error; i++) {
		OK(snowid_clock_advance(clock, MS));
		error = i % 2 ? snowid_generator_try_next(g, &id, &wait)
			      : snowid_generator_next_for(g, 0, &id);
	}
	error = snowid_generator_try_next(g, &id, &wait);
	ck_assert_int_eq(error, SNOWID_E_LIMIT);
	ck_assert_uint_gt(wait, 0);
	EXPECT(snowid_generator_next_for(g, 0, &id), SNOWID_E_LIMIT);
	ck_assert_uint_eq(syncs, 0);

	OK(snowid_generator_maintain(g, &again));
	ck_assert_uint_eq(syncs, 1);
	ck_assert_uint_ge(again, 45 * MS);
	ck_assert_uint_le(again, 55 * MS);
	OK(snowid_generator_try_next(g, &id, &wait));
	OK(snowid_generator_maintain(g, &again)); /* nothing is due */
	ck_assert_uint_eq(syncs, 1);
	OK(snowid_clock_advance(clock, again));
	OK(snowid_generator_maintain(g, &again));
	ck_assert_uint_eq(syncs, 2);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(every_kind_lives_in_a_file)
{
	static const char *const kinds[] = {"js53", "ulid", "uuid1", "uuid6", "uuid7"};
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct snowid_clock *const clock = manual();
		struct snowid_generator *a = open_kind(kinds[i], clock);
		struct snowid_id128 x, y;
		uint64_t node = 1, same = 2, v, w;
		if (i == 0) {
			OK(snowid_generator_next(a, &v));
		} else {
			OK(snowid_generator_next128(a, &x));
			snowid_generator_field(a, "node", &node);
		}
		snowid_generator_free(a);
		a = open_kind(kinds[i], clock);
		if (i == 0) {
			OK(snowid_generator_next(a, &w));
			ck_assert_uint_gt(w, v);
		} else {
			OK(snowid_generator_next128(a, &y));
			if (strcmp(kinds[i], "uuid1") != 0)
				ck_assert_int_lt(snowid_id128_compare(&x, &y), 0);
			if (snowid_generator_field(a, "node", &same) == 0)
				ck_assert_uint_eq(node, same); /* a random one is kept */
		}
		snowid_generator_free(a);
		snowid_clock_free(clock);
		unlink(path);
	}
}

/* ---- another boot, and power cuts ---------------------------------------------------------- */

TEST(after_another_boot_it_begins_above_what_was_recorded)
{
	struct snowid_clock *const clock = manual();
	struct snowid_generator *g = open_on(clock);
	uint64_t last = next(g), before, after, id;
	snowid_generator_free(g);
	boot++;
	OK(snowid_clock_read(clock, NULL, NULL, &before));
	g = open_on(clock);
	OK(snowid_clock_read(clock, NULL, NULL, &after));
	ck_assert_uint_gt(after, before); /* it has waited for the rest of the block */
	id = next(g);
	ck_assert_uint_ge((id >> 22) - (last >> 22), 90);
	last = id;
	snowid_generator_free(g);

	boot = 0; /* unreadable counts as another, each time */
	for (int i = 0; i < 3; i++) {
		g = open_on(clock);
		id = next(g);
		ck_assert_uint_gt(id >> 22, (last >> 22) + 40);
		last = id;
		snowid_generator_free(g);
	}
	snowid_clock_free(clock);
}

/* Loses power with any subset of the sectors written that have changed since the last sync. */
static void cut_power(const unsigned char *now, unsigned subset)
{
	unsigned char disk[SIZE];
	unsigned changed = 0;
	memcpy(disk, durable, SIZE);
	for (int at = 0; at < SIZE; at += SECTOR)
		if (memcmp(durable + at, now + at, SECTOR) != 0 && subset & 1u << changed++)
			memcpy(disk + at, now + at, SECTOR);
	patch(0, disk, SIZE);
}

static unsigned changed_sectors(const unsigned char *now)
{
	unsigned changed = 0;
	for (int at = 0; at < SIZE; at += SECTOR)
		changed += memcmp(durable + at, now + at, SECTOR) != 0;
	return changed;
}

TEST(no_power_cut_loses_what_was_promised)
{
	struct snowid_clock *const clock = manual();
	struct statfs status;
	unsigned cuts = 0;
	for (int round = 0; round < 30; round++) {
		const unsigned before = syncs;
		struct snowid_generator *g = open_on(clock);
		uint64_t last = 0;
		ck_assert_int_eq(statfs(path, &status), 0);
		ck_assert_msg((unsigned long)status.f_type != TMPFS_MAGIC,
			      "the test needs a real disk");
		/* Up to any place in a block, also just after and just before it is renewed, and also
		 * with a record that is written and not yet synced. */
		for (int i = 0; i < 20 + 7 * round; i++) {
			OK(snowid_clock_advance(clock, MS));
			last = next(g);
		}
		if (round % 3 == 0) {
			failing = "msync";
			failure = EIO;
			for (int i = 0; i < 120 && snowid_generator_next(g, &last) == 0; i++)
				OK(snowid_clock_advance(clock, MS));
			failing = NULL;
		}
		/* A wrapper that saw no sync would take what is written for what is durable. */
		ck_assert_uint_gt(syncs, before);
		snowid_generator_free(g);
		unsigned char now[SIZE], image[SIZE];
		read_file(now);
		memcpy(image, durable, SIZE);
		const unsigned subsets = 1u << changed_sectors(now);
		ck_assert_uint_le(subsets, 64);
		for (unsigned subset = 0; subset < subsets; subset++, cuts++) {
			memcpy(durable, image, SIZE);
			cut_power(now, subset);
			boot++;
			/* The machine comes up at once, with its clock 2 s behind. */
			struct snowid_clock *behind;
			int64_t sec;
			uint32_t nsec;
			OK(snowid_clock_read(clock, &sec, &nsec, NULL));
			OK(snowid_clock_new_manual(sec - 2, nsec, &behind));
			struct snowid_config *const config = config_of("snowflake", behind);
			OK(snowid_config_set(config, "block", "3s")); /* and so patient enough */
			OK(snowid_generator_new(config, &g));
			snowid_config_free(config);
			const uint64_t id = next(g);
			ck_assert_msg(id >> 22 > last >> 22, "subset %u of round %d", subset,
				      round);
			snowid_generator_free(g);
			snowid_clock_free(behind);
		}
		unlink(path);
	}
	ck_assert_uint_ge(cuts, 60);
	snowid_clock_free(clock);
}

/* A volume goes to another host, which dies, and back to the first, which has been up all the time:
 * what the first left in the file bears the id of its boot. */
TEST(words_of_a_boot_that_lives_elsewhere_are_not_believed)
{
	struct snowid_clock *const clock = manual();
	struct snowid_generator *g = open_on(clock);
	uint64_t last = 0;
	next(g);
	snowid_generator_free(g);
	read_file(durable); /* it is detached in good order */
	boot++;
	g = open_on(clock);
	for (int i = 0; i < 300; i++) {
		OK(snowid_clock_advance(clock, MS));
		last = next(g);
	}
	snowid_generator_free(g);
	patch(0, durable, SIZE); /* and by force */
	boot--;
	OK(snowid_clock_step(clock, -SEC / 5)); /* the clock of the first is a bit behind */
	g = open_on(clock);
	ck_assert_uint_gt(next(g), last);
	snowid_generator_free(g);

	/* Where it cannot be taken over, it is as it was. */
	boot++;
	failing = "msync hot";
	failure = EIO;
	expect_refused(clock, -EIO, "cannot take over the state file");
	failing = NULL;
	snowid_generator_free(open_on(clock));
	snowid_clock_free(clock);
}

/* One who is stopped in a takeover holds its lock. */
TEST(a_takeover_that_does_not_get_on_is_told)
{
	struct snowid_clock *const clock = manual();
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	uint64_t before, after;
	snowid_generator_free(open_on(clock));
	const int fd = open(path, O_RDWR);
	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
	snowid_generator_free(open_on(clock)); /* within a boot nobody needs it */
	boot++;
	OK(snowid_clock_read(clock, NULL, NULL, &before));
	expect_refused(clock, SNOWID_E_STORE, "is being taken over by another process");
	OK(snowid_clock_read(clock, NULL, NULL, &after));
	ck_assert_uint_ge(after - before, 10 * SEC);
	ck_assert_uint_le(after - before, 11 * SEC);
	close(fd);
	snowid_generator_free(open_on(clock));
	snowid_clock_free(clock);
}

/* Nobody takes words for those of this boot before they are: the boot id is written last. */
static void try_to_open_meanwhile(void)
{
	expect_refused(meanwhile.clock, SNOWID_E_STORE, "is being taken over by another process");
	meanwhile.done = true;
}

TEST(nobody_goes_on_before_a_takeover_is_done)
{
	struct snowid_clock *const clock = manual();
	struct snowid_generator *g = open_on(clock);
	const uint64_t last = next(g);
	snowid_generator_free(g);
	boot++;
	meanwhile.clock = clock;
	meanwhile.done = false;
	during_sync = try_to_open_meanwhile;
	g = open_on(clock);
	ck_assert(meanwhile.done);
	ck_assert_uint_gt(next(g), last);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(pages_may_be_larger_than_parts)
{
	static const long sizes[] = {8192, 16384, 65536};
	struct snowid_clock *const clock = manual();
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		page_size = sizes[i];
		boot++;
		struct snowid_generator *const g = open_on(clock);
		OK(go_on(g, clock));
		snowid_generator_free(g);
	}
	page_size = 0;
	snowid_clock_free(clock);
}

TEST(after_a_failed_sync_the_limit_rises_no_more)
{
	struct snowid_clock *const clock = manual();
	struct snowid_generator *const g = open_on(clock), *const other = open_on(clock);
	uint64_t id, again;
	int error = 0;
	next(g);
	failing = "msync";
	failure = EIO;
	for (int i = 0; i < 300 && !error; i++) {
		OK(snowid_clock_advance(clock, MS));
		error = snowid_generator_next(g, &id);
	}
	ck_assert_int_eq(error, -EIO);
	EXPECT_DETAIL("what it wrote may be lost");
	failing = NULL; /* Linux would now say that all is well */
	EXPECT(snowid_generator_next(g, &id), -EIO);
	EXPECT(snowid_generator_maintain(g, &again), -EIO);
	EXPECT(snowid_generator_next(other, &id), -EIO); /* for every process */
	struct snowid_generator *third;
	EXPECT(try_open("snowflake", clock, &third), -EIO);
	boot++;
	third = open_on(clock);
	next(third);
	snowid_generator_free(g);
	snowid_generator_free(other);
	snowid_generator_free(third);
	snowid_clock_free(clock);
}

/* ---- while one renews ---------------------------------------------------------------------- */

static void *take_some(void *unused)
{
	(void)unused;
	for (int i = 0; i < 100; i++)
		meanwhile.last = next(meanwhile.generator);
	return NULL;
}

/* Another thread goes on up to the limit, and beyond it waits without a sync of its own. */
static void go_on_meanwhile(void)
{
	const unsigned before = syncs;
	pthread_t thread;
	uint64_t id;
	pthread_create(&thread, NULL, take_some, NULL);
	pthread_join(thread, NULL);
	OK(snowid_clock_advance(meanwhile.clock, 200 * MS));
	EXPECT(snowid_generator_next_for(meanwhile.generator, 5 * MS, &id), SNOWID_E_LIMIT);
	ck_assert_uint_eq(syncs, before);
	meanwhile.done = true;
}

/* A child that is made in the middle of a renewal renews by itself. */
static void fork_meanwhile(void)
{
	int status;
	const pid_t child = fork();
	if (child == 0) {
		snowid_clock_advance(meanwhile.clock, 200 * MS);
		_exit(snowid_generator_next(meanwhile.generator, &meanwhile.last) != 0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	meanwhile.done = true;
}

TEST(one_thread_renews_and_the_others_go_on)
{
	static void (*const hooks[])(void) = {go_on_meanwhile, fork_meanwhile};
	for (size_t i = 0; i < sizeof hooks / sizeof hooks[0]; i++) {
		struct snowid_clock *const clock = manual();
		struct snowid_generator *const g = open_on(clock);
		meanwhile.generator = g;
		meanwhile.clock = clock;
		meanwhile.done = false;
		during_sync = hooks[i];
		for (int n = 0; n < 80; n++) {
			OK(snowid_clock_advance(clock, MS));
			next(g);
		}
		ck_assert(meanwhile.done);
		ck_assert_uint_gt(next(g), meanwhile.last);
		snowid_generator_free(g);
		snowid_clock_free(clock);
		unlink(path);
	}
}

/* ---- clocks that jump ---------------------------------------------------------------------- */

TEST(a_clock_that_jumps_ahead_is_not_recorded)
{
	struct snowid_clock *const clock = manual();
	struct snowid_generator *g = open_on(clock), *other = NULL;
	unsigned char before[SIZE], after[SIZE];
	uint64_t id, again;
	next(g);
	OK(snowid_clock_step(clock, 3599 * SEC)); /* is within the bound of an hour */
	OK(go_on(g, clock));
	read_file(before);
	OK(snowid_clock_step(clock, 3601 * SEC));
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_CLOCK);
	EXPECT_DETAIL("jumped ahead by 3601.000 s");
	EXPECT_DETAIL("raise the setting jump (1h)");
	EXPECT(snowid_generator_maintain(g, &again), SNOWID_E_CLOCK);
	EXPECT(try_open("snowflake", clock, &other), SNOWID_E_CLOCK);
	EXPECT_DETAIL("jumped ahead");
	read_file(after);
	ck_assert_mem_eq(before + RESERVED_AT, after + RESERVED_AT, SIZE - RESERVED_AT);
	/* Corrected, it goes on as if nothing had been. */
	OK(snowid_clock_step(clock, -3601 * SEC));
	OK(go_on(g, clock));

	/* One who says that the clock is right says it for all. */
	OK(snowid_clock_step(clock, 30 * 86400 * SEC));
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_CLOCK);
	OK(try_open_with("jump", "8760h", clock, &other));
	next(other);
	OK(go_on(g, clock));
	snowid_generator_free(other);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(time_that_has_passed_is_no_jump)
{
	struct snowid_clock *clock = manual();
	struct snowid_generator *g = open_on(clock);
	int64_t sec;
	next(g);
	OK(snowid_clock_advance(clock, 400 * 86400 * SEC)); /* asleep, for a year */
	OK(go_on(g, clock));
	OK(snowid_clock_read(clock, &sec, NULL, NULL));
	snowid_generator_free(g);
	snowid_clock_free(clock);

	OK(snowid_clock_new_manual(sec + 400 * 86400, 0, &clock)); /* or off */
	boot++;
	g = open_on(clock);
	OK(go_on(g, clock));
	snowid_generator_free(g);

	/* And back, before and now: what counts is the highest. */
	OK(snowid_clock_step(clock, -SEC / 2));
	g = open_on(clock);
	OK(go_on(g, clock));
	OK(snowid_clock_step(clock, 3600 * SEC));
	OK(go_on(g, clock));
	snowid_generator_free(g);

	/* The elapsed time of another clock counts from elsewhere, and cannot be compared. */
	OK(snowid_clock_read(clock, &sec, NULL, NULL));
	snowid_clock_free(clock);
	OK(snowid_clock_new_manual(sec + 86400, 0, &clock));
	g = open_on(clock);
	OK(go_on(g, clock));
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(a_record_far_in_the_future_is_told_at_once)
{
	struct snowid_clock *clock = manual();
	struct snowid_generator *g = open_on(clock);
	unsigned char before[SIZE], after[SIZE];
	uint64_t elapsed;
	snowid_generator_free(g);
	for (int again = 0; again < 2; again++) {
		OK(snowid_clock_step(clock, again ? -SEC : -86400 * SEC)); /* longer than hold */
		boot += again ? 1 : 0;
		read_file(before);
		OK(snowid_clock_read(clock, NULL, NULL, &elapsed));
		EXPECT(try_open("snowflake", clock, &g), SNOWID_E_CLOCK);
		EXPECT_DETAIL("86400.");
		EXPECT_DETAIL("2023-11-14T22:13:20.");
		EXPECT_DETAIL("snowid store --reset");
		uint64_t now;
		OK(snowid_clock_read(clock, NULL, NULL, &now));
		ck_assert_uint_eq(now, elapsed); /* it has not waited */
		read_file(after);
		ck_assert_mem_eq(before + RESERVED_AT, after + RESERVED_AT, SIZE - RESERVED_AT);
		if (!again)
			OK(snowid_clock_step(clock, SEC));
	}
	snowid_clock_free(clock);
}

/* ---- bad files ----------------------------------------------------------------------------- */

static int files_there(void)
{
	DIR *const entries = opendir(directory);
	struct dirent *entry;
	int count = 0;
	while ((entry = readdir(entries)))
		count += entry->d_name[0] != '.';
	closedir(entries);
	return count;
}

/* The mark of a machine of the other byte order. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OTHER_ORDER "\x01\x02\x03\x04"
#else
#define OTHER_ORDER "\x04\x03\x02\x01"
#endif

TEST(bad_files_are_refused_and_left_alone)
{
	struct snowid_clock *const clock = manual();
	unsigned char good[SIZE], bad[SIZE], left[SIZE];
	uint64_t id;
	snowid_generator_free(open_on(clock));
	read_file(good);
	static const struct {
		off_t at;
		const char *bytes;
		size_t size;
		const char *detail;
	} cases[] = {
		{0, "X", 1, "is no state file"},  {8, OTHER_ORDER, 4, "another byte order"},
		{12, "\x02", 1, "newer version"}, {24, "\x01", 1, "newer version"},
		{32, "\xff", 1, "corrupt"},       {64, "\xff", 1, "corrupt"},
		{4000, "\xff", 1, "corrupt"}, /* unused bytes are 0 until they are used */
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		memcpy(bad, good, SIZE);
		memcpy(bad + cases[i].at, cases[i].bytes, cases[i].size);
		patch(0, bad, SIZE);
		expect_refused(clock, SNOWID_E_STORE, cases[i].detail);
		read_file(left);
		ck_assert_mem_eq(left, bad, SIZE);
	}
	/* One copy of the record may be lost, and not both. */
	memcpy(bad, good, SIZE);
	memset(bad + RESERVED_AT, 0, 8);
	patch(0, bad, SIZE);
	boot++;
	snowid_generator_free(open_on(clock));
	memset(bad + RESERVED_AT + 4096, 0xff, 8);
	patch(0, bad, SIZE);
	boot++;
	expect_refused(clock, SNOWID_E_STORE, "has lost how far IDs went");

	/* A damaged copy is written anew, and does not count meanwhile. */
	memcpy(bad, good, SIZE);
	memset(bad + RESERVED_AT, 0xff, 8);
	patch(0, bad, SIZE);
	struct snowid_generator *const g = open_on(clock);
	EXPECT(snowid_generator_next(g, &id), 0);
	OK(snowid_clock_advance(clock, 500 * MS));
	EXPECT(snowid_generator_next_for(g, 0, &id), SNOWID_E_LIMIT);
	snowid_generator_free(g);
	read_file(left);
	ck_assert_mem_eq(left + RESERVED_AT, left + RESERVED_AT + 4096, 8);

	ck_assert_int_eq(truncate(path, SIZE - 1), 0);
	expect_refused(clock, SNOWID_E_STORE, "truncated");
	ck_assert_int_eq(truncate(path, 0), 0);
	expect_refused(clock, SNOWID_E_STORE, "truncated");
	unlink(path);
	ck_assert_int_eq(symlink("elsewhere", path), 0);
	expect_refused(clock, SNOWID_E_STORE, "symbolic link");
	unlink(path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	expect_refused(clock, -EISDIR, "open the state file");
	rmdir(path);
	snowid_clock_free(clock);
}

TEST(a_file_of_something_else_is_refused)
{
	struct snowid_clock *const clock = manual();
	struct snowid_generator *g = NULL;
	snowid_generator_free(open_on(clock));
	EXPECT(try_open("twitter", clock, &g), SNOWID_E_STORE);
	EXPECT_DETAIL("another kind, layout or epoch");
	EXPECT(try_open("ulid", clock, &g), SNOWID_E_STORE);
	struct snowid_config *const config = config_of("snowflake", clock);
	OK(snowid_config_set_field(config, "worker", 2));
	EXPECT(snowid_generator_new(config, &g), SNOWID_E_STORE);
	EXPECT_DETAIL("belongs to worker 1, not 2");
	snowid_config_free(config);
	other_user = true;
	expect_refused(clock, SNOWID_E_STORE, "another user's");
	other_user = false;
	static const struct {
		long type;
		const char *name;
	} shared_by_hosts[] = {{NFS_SUPER_MAGIC, "is on NFS"}, {0x65735546, "is on FUSE"},
			       {V9FS_MAGIC, "is on 9P"},       {(int)0xff534d42, "is on CIFS"},
			       {0x00c36400, "is on Ceph"},     {0x786f4256, "is on vboxsf"}};
	for (size_t i = 0; i < sizeof shared_by_hosts / sizeof shared_by_hosts[0]; i++) {
		file_system = shared_by_hosts[i].type;
		expect_refused(clock, SNOWID_E_STORE, shared_by_hosts[i].name);
	}
	file_system = 0;
	snowid_clock_free(clock);
}

static bool says_durable(void)
{
	struct snowid_store_info *info;
	const char *key = "", *text = "";
	OK(snowid_store_inspect(url, &info));
	for (size_t i = 0; strcmp(key, "durable") != 0; i++)
		OK(snowid_store_info_at(info, 0, i, &key, &text, NULL));
	const bool yes = strcmp(text, "true") == 0;
	snowid_store_info_free(info);
	return yes;
}

TEST(tmpfs_is_used_and_said_not_to_be_durable)
{
	struct snowid_clock *const clock = manual();
	file_system = TMPFS_MAGIC;
	struct snowid_generator *const g = open_on(clock);
	OK(go_on(g, clock));
	snowid_generator_free(g);
	ck_assert(!says_durable());
	file_system = EXT4_SUPER_MAGIC;
	ck_assert(says_durable());
	file_system = 0;
	snowid_clock_free(clock);
}

TEST(a_copy_is_refused)
{
	struct snowid_clock *const clock = manual();
	char aside[sizeof path + 8], command[2 * sizeof path + 32];
	snowid_generator_free(open_on(clock));
	snprintf(aside, sizeof aside, "%s.old", path);
	snprintf(command, sizeof command, "cp -a '%s' '%s'", aside, path);
	ck_assert_int_eq(rename(path, aside), 0);
	ck_assert_int_eq(system(command), 0);
	expect_refused(clock, SNOWID_E_STORE, "is a copy");
	ck_assert_int_eq(rename(aside, path), 0);
	snowid_generator_free(open_on(clock)); /* the original, wherever it has been */
	snowid_clock_free(clock);
}

/* A copy may get the number of an inode that is free; nothing can give it the birth. */
TEST(a_copy_on_the_inode_of_the_original_is_refused)
{
	struct snowid_clock *const clock = manual();
	snowid_generator_free(open_on(clock));
	birth = A_NANOSECOND_LATER;
	expect_refused(clock, SNOWID_E_STORE, "is a copy");
	birth = NOT_KNOWN; /* by an older kernel: the inode decides */
	snowid_generator_free(open_on(clock));
	unlink(path);
	snowid_generator_free(open_on(clock)); /* made by one */
	birth = AS_IT_WAS;
	snowid_generator_free(open_on(clock));
	snowid_clock_free(clock);
}

/* As a volume does that is attached again, a disk that is found in another order, or a subvolume that
 * is mounted anew. */
TEST(a_file_that_comes_back_on_another_device_is_the_file)
{
	struct snowid_clock *const clock = manual();
	snowid_generator_free(open_on(clock));
	other_device = true;
	boot++;
	struct snowid_generator *const g = open_on(clock);
	for (int i = 0; i < 300; i++) { /* for some blocks */
		OK(snowid_clock_advance(clock, MS));
		next(g);
	}
	snowid_generator_free(g);
	other_device = false;
	snowid_clock_free(clock);
}

TEST(a_file_removed_or_replaced_under_a_generator_ends_it)
{
	enum { REMOVED, REPLACED, WITH_ITS_DIRECTORY, WAYS };
	for (int way = 0; way < WAYS; way++) {
		const bool replace = way == REPLACED;
		struct snowid_clock *const clock = manual();
		struct snowid_generator *const g = open_on(clock), *other = NULL;
		uint64_t id, last = next(g);
		int error = 0;
		unlink(path);
		if (way == WITH_ITS_DIRECTORY)
			ck_assert_int_eq(rmdir(directory), 0);
		if (replace)
			other = open_on(
				clock); /* begins above all that the old one may still issue */
		for (int i = 0; i < 300 && !error; i++) {
			OK(snowid_clock_advance(clock, MS));
			error = snowid_generator_next(g, &id);
			if (!error)
				last = id;
		}
		ck_assert_int_eq(error, replace ? SNOWID_E_STORE : -ENOENT);
		if (other)
			ck_assert_uint_gt(next(other), last);
		snowid_generator_free(g);
		snowid_generator_free(other);
		snowid_clock_free(clock);
		unlink(path);
	}
	ck_assert_int_eq(mkdir(directory, 0700), 0);
}

TEST(a_place_where_no_file_can_be_is_an_error_of_the_system)
{
	struct snowid_clock *const clock = manual();
	strcat(url, "/state");
	expect_refused(clock, -ENOENT, "create the state file");
	snprintf(url, sizeof url, "file:/proc/state");
	expect_refused(clock, -ENOENT, "create the state file");
	snowid_clock_free(clock);
}

/* No call of the system that fails leaves anything behind: not a file, not a promise. */
TEST(a_new_file_comes_to_be_whole_or_not_at_all)
{
	static const struct {
		const char *call;
		int error;
		const char *detail;
	} cases[] = {
		{"open", EACCES, "cannot open the state file"},
		{"open", EROFS, "cannot open the state file"},
		{"mkostemp", EACCES, "cannot create the state file"},
		{"mkostemp", EROFS, "cannot create the state file"},
		{"mkostemp", ENOSPC, "cannot create the state file"},
		{"fchmod", EPERM, "cannot create the state file"},
		{"pwrite", ENOSPC, "cannot create the state file"},
		{"pwrite", EIO, "cannot create the state file"},
		{"fsync", EIO, "cannot create the state file"},
		{"fsync", ENOSPC, "cannot create the state file"},
		{"link", EPERM, "cannot create the state file"},
		{"open directory", EMFILE, "cannot sync the directory of the state file"},
		{"fsync directory", EIO, "cannot sync the directory of the state file"},
	};
	struct snowid_clock *const clock = manual();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		failing = cases[i].call;
		failure = cases[i].error;
		expect_refused(clock, -cases[i].error, cases[i].detail);
		expect_refused(clock, -cases[i].error, path);
		failing = NULL;
		const bool linked = strstr(cases[i].call, "directory") != NULL;
		ck_assert_int_eq(files_there(), linked);
		snowid_generator_free(open_on(clock));
		ck_assert_int_eq(files_there(), 1);
		unlink(path);
	}
	snowid_clock_free(clock);
}

/* Who made it may have been killed before its name was durable. */
TEST(an_opener_makes_the_name_last_if_need_be)
{
	struct snowid_clock *const clock = manual();
	snowid_generator_free(open_on(clock));
	failing = "fsync directory";
	failure = EIO;
	snowid_generator_free(open_on(clock)); /* it is known to be: nothing to do */
	boot++;
	snowid_generator_free(open_on(clock));
	patch(HOT_AT + (off_t)sizeof(struct sn_shared_state) + 32, "\0\0\0\0\0\0\0", 8);
	expect_refused(clock, -EIO, "sync the directory");
	failing = NULL;
	snowid_generator_free(open_on(clock));
	snowid_clock_free(clock);
}

TEST(a_failure_to_write_is_final_too)
{
	struct snowid_clock *const clock = manual();
	struct snowid_generator *g = open_on(clock);
	failing = "msync";
	failure = ENOSPC;
	EXPECT(go_on(g, clock), -ENOSPC);
	failing = NULL;
	EXPECT(go_on(g, clock), -ENOSPC);
	EXPECT_DETAIL("what it wrote may be lost");
	snowid_generator_free(g);
	boot++;
	g = open_on(clock);
	OK(go_on(g, clock));
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

/* ---- who may write it ---------------------------------------------------------------------- */

TEST(a_new_file_has_the_mode_that_is_set)
{
	static const char *const modes[] = {"0600", "640", "0660"};
	static const unsigned wanted[] = {0600, 0640, 0660};
	struct snowid_clock *const clock = manual();
	const mode_t old = umask(0777);
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		struct snowid_generator *g;
		struct stat status;
		OK(try_open_with("mode", modes[i], clock, &g));
		snowid_generator_free(g);
		ck_assert_int_eq(stat(path, &status), 0);
		ck_assert_uint_eq(status.st_mode & 07777, wanted[i]);
		unlink(path);
	}
	umask(old);
	snowid_clock_free(clock);
}

TEST(a_file_that_others_could_damage_is_refused)
{
	struct snowid_clock *const clock = manual();
	struct snowid_generator *g = NULL;
	snowid_generator_free(open_on(clock));
	ck_assert_int_eq(chmod(path, 0602), 0);
	expect_refused(clock, SNOWID_E_STORE, "can be written by everyone");
	ck_assert_int_eq(chmod(path, 0664), 0);
	snowid_generator_free(open_on(clock));
	/* Another user's is trusted when this user says so, and its owner let the group in. */
	other_user = true;
	expect_refused(clock, SNOWID_E_STORE, "is another user's");
	OK(try_open_with("mode", "0660", clock, &g));
	snowid_generator_free(g);
	ck_assert_int_eq(chmod(path, 0640), 0);
	EXPECT(try_open_with("mode", "0660", clock, &g), SNOWID_E_STORE);
	EXPECT_DETAIL("is another user's");
	other_user = false;
	snowid_clock_free(clock);
}

/* ---- many processes ------------------------------------------------------------------------ */

static int compare_ids(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static void expect_unique(uint64_t *ids, size_t count)
{
	qsort(ids, count, sizeof *ids, compare_ids);
	for (size_t i = 1; i < count; i++)
		if (ids[i] == ids[i - 1])
			ck_abort_msg("twice: %llx", (unsigned long long)ids[i]);
}

static void *shared(size_t size)
{
	void *const map =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(map, MAP_FAILED);
	return map;
}

enum { PROCESSES = 8, THREADS = 4, PER_THREAD = 2000 };

/* A kind, and what of its IDs is the slot: the rest of some is random, and would hide a slot that is
 * handed out twice. */
struct kind {
	const char *name;
	bool wide;
	struct snowid_id128 slot;
};

struct share {
	struct snowid_generator *generator;
	const struct kind *kind;
	struct snowid_id128 *slots;
	bool failed;
};

static int next_slot(struct snowid_generator *g, const struct kind *kind, struct snowid_id128 *slot)
{
	uint64_t id = 0;
	if (!kind->wide) {
		const int error = snowid_generator_next_for(g, UINT64_MAX, &id);
		for (int i = 0; i < 8; i++)
			slot->bytes[i] = (uint8_t)(id >> (8 * (7 - i)));
		return error;
	}
	const int error = snowid_generator_next128_for(g, UINT64_MAX, slot);
	for (int i = 0; i < 16; i++)
		slot->bytes[i] &= kind->slot.bytes[i];
	return error;
}

static void *take_share(void *argument)
{
	struct share *const share = argument;
	for (int i = 0; i < PER_THREAD; i++)
		share->failed |= next_slot(share->generator, share->kind, &share->slots[i]) != 0;
	return NULL;
}

static int run_process(const struct kind *kind, struct snowid_id128 *slots)
{
	struct snowid_generator *g;
	pthread_t threads[THREADS];
	struct share shares[THREADS];
	bool failed = false;
	if (try_open(kind->name, NULL, &g) != 0)
		return 1;
	for (int i = 0; i < THREADS; i++) {
		shares[i] = (struct share){g, kind, slots + i * PER_THREAD, false};
		pthread_create(&threads[i], NULL, take_share, &shares[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		failed |= shares[i].failed;
	}
	snowid_generator_free(g);
	return failed;
}

static int compare_slots(const void *a, const void *b)
{
	return snowid_id128_compare(a, b);
}

/* They all make the file at once, too, and then take it over from another boot. */
TEST_EACH(eight_processes_of_four_threads_get_no_id_twice, 6)
{
	enum { ALL = 2 * PROCESSES * THREADS * PER_THREAD };
#define WHOLE 255, 255, 255, 255, 255, 255, 255, 255
	static const struct kind kinds[] = {
		{"snowflake", false, {{0}}},       {"instagram", false, {{0}}},
		{"ulid", true, {{WHOLE}}},         {"uuid1", true, {{WHOLE, WHOLE}}},
		{"uuid6", true, {{WHOLE, WHOLE}}}, {"uuid7", true, {{WHOLE, 0xfc}}},
	};
	const struct kind *const kind = &kinds[nth];
	struct snowid_id128 *const slots = shared(ALL * sizeof *slots), *to = slots;
	pid_t children[PROCESSES];
	for (int round = 0; round < 2; round++, boot++) {
		for (int i = 0; i < PROCESSES; i++, to += THREADS * PER_THREAD) {
			children[i] = fork();
			if (children[i] == 0)
				_exit(run_process(kind, to));
		}
		for (int i = 0; i < PROCESSES; i++) {
			int status;
			ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
			ck_assert_int_eq(status, 0);
		}
	}
	qsort(slots, ALL, sizeof *slots, compare_slots);
	for (int i = 1; i < ALL; i++)
		if (compare_slots(&slots[i - 1], &slots[i]) == 0)
			ck_abort_msg("a slot of %s twice", kind->name);
	munmap(slots, ALL * sizeof *slots);
}

/* What a process of four threads has got: the last of each. */
struct progress {
	_Atomic bool endless;
	_Atomic unsigned made[THREADS];
	uint64_t ids[THREADS][PER_THREAD];
};

struct taker {
	struct snowid_generator *generator;
	struct progress *progress;
	unsigned thread;
};

static void *take_visibly(void *argument)
{
	const struct taker *const taker = argument;
	struct progress *const progress = taker->progress;
	_Atomic unsigned *const made = &progress->made[taker->thread];
	uint64_t id;
	while ((progress->endless || *made < PER_THREAD) &&
	       snowid_generator_next_for(taker->generator, UINT64_MAX, &id) == 0) {
		progress->ids[taker->thread][*made % PER_THREAD] = id;
		atomic_fetch_add(made, 1);
	}
	return NULL;
}

static int run_visibly(struct progress *progress)
{
	struct snowid_generator *g;
	pthread_t threads[THREADS];
	struct taker takers[THREADS];
	if (try_open_with("block", "10ms", NULL, &g) != 0)
		return 1;
	for (unsigned i = 0; i < THREADS; i++) {
		takers[i] = (struct taker){g, progress, i};
		pthread_create(&threads[i], NULL, take_visibly, &takers[i]);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	snowid_generator_free(g);
	return 0;
}

/* Wherever a process stands when it is killed or stopped, in a claim, in a renewal or while it opens
 * the file: the others go on, and so does it when it is woken. */
TEST(one_killed_and_one_stopped_hold_up_nobody)
{
	enum { ROUNDS = 10 };
	const size_t size = PROCESSES * sizeof(struct progress);
	struct progress *const all = shared(size);
	uint64_t *const ids = malloc(size);
	uint64_t random = 88172645463325252u;
	for (int round = 0; round < ROUNDS; round++) {
		pid_t children[PROCESSES];
		size_t count = 0;
		int status;
		memset(all, 0, size);
		for (int i = 0; i < PROCESSES; i++) {
			all[i].endless = i < 2;
			children[i] = fork();
			if (children[i] == 0)
				_exit(run_visibly(&all[i]));
		}
		for (int i = 0; i < 2; i++) { /* 0 is killed, 1 stopped */
			const unsigned moment = (unsigned)(test_random(&random) % PER_THREAD);
			while (all[i].made[0] < moment)
				sched_yield();
			kill(children[i], i == 0 ? SIGKILL : SIGSTOP);
		}
		ck_assert_int_eq(waitpid(children[0], &status, 0), children[0]);
		ck_assert_int_eq(waitpid(children[1], &status, WUNTRACED), children[1]);
		ck_assert(WIFSTOPPED(status));
		for (int i = 2; i < PROCESSES; i++) {
			ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
			ck_assert_int_eq(status, 0);
		}
		kill(children[1], SIGCONT);
		all[1].endless = false;
		ck_assert_int_eq(waitpid(children[1], &status, 0), children[1]);
		ck_assert_int_eq(status, 0);
		for (int i = 0; i < PROCESSES; i++)
			for (int t = 0; t < THREADS; t++) {
				const unsigned made = all[i].made[t],
					       got = made < PER_THREAD ? made : PER_THREAD;
				ck_assert(i == 0 || got == PER_THREAD);
				memcpy(ids + count, all[i].ids[t], got * sizeof *ids);
				count += got;
			}
		expect_unique(ids, count);
	}
	free(ids);
	munmap(all, size);
}

/* A family of processes on one generator: children, a grandchild, and a parent that leaves first. They
 * go on for several blocks, so that children renew too. */
TEST(children_go_on_and_renew_when_their_parent_is_gone)
{
	enum { FAMILY = 4, EACH = 2000 };
	struct snowid_clock *const clock = manual();
	uint64_t *const ids = shared(FAMILY * EACH * sizeof *ids);
	struct snowid_generator *const g = open_on(clock);
	pid_t children[FAMILY];
	int status;
	next(g);
	for (int i = 0; i < FAMILY; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			pid_t grandchild = 0;
			bool failed = false;
			if (i == 0 &&
			    (grandchild = fork()) > 0) { /* leaves the work to its child */
				failed = waitpid(grandchild, &status, 0) != grandchild ||
					 status != 0;
				snowid_generator_close(g, 0);
				snowid_generator_free(g);
				snowid_clock_free(clock);
				_exit(failed);
			}
			for (int n = 0; n < EACH && !failed; n++) {
				snowid_clock_advance(clock, MS / 4);
				failed = snowid_generator_next(g, &ids[i * EACH + n]) != 0;
			}
			snowid_generator_free(g);
			snowid_clock_free(clock);
			_exit(failed);
		}
	}
	OK(snowid_generator_close(g, 0));
	snowid_generator_free(g);
	for (int i = 0; i < FAMILY; i++) {
		ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
		ck_assert_int_eq(status, 0);
	}
	struct snowid_generator *const after = open_on(clock);
	const uint64_t last = next(after);
	expect_unique(ids, FAMILY * EACH);
	ck_assert_uint_gt(last, ids[FAMILY * EACH - 1]);
	snowid_generator_free(after);
	munmap(ids, FAMILY * EACH * sizeof *ids);
	snowid_clock_free(clock);
}

/* A clock that runs, and is wrong by as much as a hold allows for. */
static int read_wrong_wall(void *user, int64_t *sec, uint32_t *nsec)
{
	const int64_t *const error_ns = user;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	const int64_t ns = now.tv_nsec + *error_ns + SEC;
	*sec = now.tv_sec - 1 + ns / SEC;
	*nsec = (uint32_t)(ns % SEC);
	return 0;
}

static int read_elapsed(void *user, uint64_t *ns)
{
	struct timespec now;
	(void)user;
	clock_gettime(CLOCK_BOOTTIME, &now);
	*ns = (uint64_t)now.tv_sec * SEC + (uint64_t)now.tv_nsec;
	return 0;
}

static int sleep_for(void *user, uint64_t ns)
{
	const struct timespec span = {(time_t)(ns / SEC), (long)(ns % SEC)};
	(void)user;
	nanosleep(&span, NULL);
	return 0;
}

/* Writes what it gets to a pipe, until it is killed. */
static void write_ids(int out, int64_t clock_error_ns)
{
	struct snowid_clock *clock;
	struct snowid_generator *g;
	uint64_t ids[16];
	size_t made;
	if (snowid_clock_new(read_wrong_wall, read_elapsed, sleep_for, &clock_error_ns, &clock) !=
		    0 ||
	    try_open_with("block", "10ms", clock, &g) != 0)
		_exit(1);
	for (;;) {
		if (snowid_generator_next_batch(g, ids, 16, UINT64_MAX, &made) != 0 ||
		    write(out, ids, sizeof ids) != (ssize_t)sizeof ids)
			_exit(1);
	}
}

/* Two at a time, whose clocks differ, and are set back and forth between runs. */
TEST(killed_and_started_again_they_get_no_id_twice)
{
	enum { RUNS = 120, WORKERS = 2, MOST = RUNS * 12000 }; /* a full pipe holds 8192 */
	uint64_t *const ids = calloc(MOST, sizeof *ids);
	uint64_t random = 88172645463325252u;
	size_t count = 0;
	for (int run = 0; run < RUNS; run++) {
		int ends[2], status;
		pid_t workers[WORKERS];
		ssize_t got;
		ck_assert_int_eq(pipe(ends), 0);
		for (int w = 0; w < WORKERS; w++) {
			const int64_t error_ns =
				-(int64_t)(test_random(&random) % 900) * (SEC / 1000);
			workers[w] = fork();
			if (workers[w] == 0) {
				close(ends[0]);
				write_ids(ends[1], error_ns);
			}
		}
		close(ends[1]);
		/* Each at a random moment: after so many batches, wherever it is then. */
		for (int w = 0; w < WORKERS; w++) {
			uint64_t batches = test_random(&random) % 100;
			while (batches-- > 0 &&
			       (got = read(ends[0], ids + count, 16 * sizeof *ids)) > 0)
				count += (size_t)got / sizeof *ids;
			kill(workers[w], SIGKILL);
			ck_assert_int_eq(waitpid(workers[w], &status, 0), workers[w]);
			ck_assert(WIFSIGNALED(status));
		}
		while (count < MOST && (got = read(ends[0], ids + count, 16 * sizeof *ids)) > 0)
			count += (size_t)got / sizeof *ids;
		close(ends[0]);
	}
	ck_assert_uint_gt(count, RUNS * WORKERS * 100);
	expect_unique(ids, count);
	free(ids);
}

/* What a process does with a file, from opening to closing, with a renewal in between. */
static void use_file(struct snowid_clock *clock, uint64_t *last)
{
	struct snowid_generator *g;
	if (try_open("snowflake", clock, &g) != 0)
		_exit(1);
	for (int i = 0; i < 80; i++) {
		snowid_clock_advance(clock, MS);
		if (snowid_generator_next(g, last) != 0)
			_exit(1);
	}
	snowid_generator_close(g, 0);
	snowid_generator_free(g);
	_exit(0);
}

/* Lets a child run up to its system call `stop`, and kills it there. False: it ended before. */
static bool killed_at(int stop, struct snowid_clock *clock, uint64_t *last)
{
	int status;
	const pid_t child = fork();
	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(1);
		raise(SIGSTOP);
		use_file(clock, last);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSTOPPED(status));
	for (int stops = 0; stops < stop; stops++) {
		ck_assert_int_eq(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		if (WIFEXITED(status)) {
			ck_assert_int_eq(WEXITSTATUS(status), 0);
			return false;
		}
	}
	kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return true;
}

/* Each call is met twice, before and after the kernel has done it: in a new file, in one of this boot
 * and in one of another. What is left is usable, and begins above what was issued. */
TEST(killed_at_any_system_call_it_leaves_a_good_file)
{
	if (getenv("WITHOUT_PTRACE")) /* qemu-user has none */
		return;
	struct snowid_clock *const clock = manual();
	uint64_t *const last = shared(sizeof *last);
	uint64_t highest = 0;
	int kills = 0;
	for (int way = 0; way < 3; way++) {
		bool killed = true;
		for (int stop = 1; killed; stop++, kills += killed) {
			if (way == 0)
				unlink(path);
			*last = 0;
			boot += way == 2;
			killed = killed_at(stop, clock, last);
			highest = *last > highest ? *last : highest;
			struct snowid_generator *const g = open_on(clock);
			const uint64_t id = next(g);
			if (id <= highest)
				ck_abort_msg("way %d, stop %d", way, stop);
			highest = id;
			snowid_generator_free(g);
		}
	}
	ck_assert_int_ge(kills, 60);
	munmap(last, sizeof *last);
	snowid_clock_free(clock);
}

int main(void)
{
	return run_tests(setup, directory_remove);
}
