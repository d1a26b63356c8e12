/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "libsnowid/base/system.h"
#include "libsnowid/store/image.h"
#include "tests/unit/libsnowid/store/fake_disk.h"
#include "tests/unit/wrap.h"

struct fake_disk disk;

static bool is_failing(const char *call)
{
	if (!disk.failing || strcmp(disk.failing, call) != 0)
		return false;
	errno = disk.failure;
	return true;
}

/* A descriptor of the library is never one that the program takes for a standard stream. */
static void expect_not_standard(int fd)
{
	if (fd <= STDERR_FILENO)
		abort();
}

static void call_once(void (**hook)(void))
{
	void (*const function)(void) = *hook;
	*hook = NULL;
	if (function)
		function();
}

/* ---- what the system is --------------------------------------------------------------------- */

bool wrap_boot_id(uint64_t id[2]) WRAP("sn_system_boot_id");
bool wrap_boot_id(uint64_t id[2])
{
	id[0] = 77;
	id[1] = disk.boot;
	return disk.boot != 0;
}

uid_t real_geteuid(void) REAL("geteuid");
uid_t wrap_geteuid(void) WRAP("geteuid");
uid_t wrap_geteuid(void)
{
	return real_geteuid() + disk.other_user;
}

long real_sysconf(int name) REAL("sysconf");
long wrap_sysconf(int name) WRAP("sysconf");
long wrap_sysconf(int name)
{
	return name == _SC_PAGESIZE && disk.page_size ? disk.page_size : real_sysconf(name);
}

int real_fstatfs(int fd, struct statfs *status) REAL(FSTATFS);
int wrap_fstatfs(int fd, struct statfs *status) WRAP(FSTATFS);
int wrap_fstatfs(int fd, struct statfs *status)
{
	expect_not_standard(fd);
	const int result = real_fstatfs(fd, status);
	if (disk.file_system) /* the type of f_type differs among machines */
		status->f_type = (__typeof__(status->f_type))disk.file_system;
	return result;
}

int real_ioctl(int fd, unsigned long request, int *flags) REAL(IOCTL);
int wrap_ioctl(int fd, unsigned long request, int *flags) WRAP(IOCTL);
int wrap_ioctl(int fd, unsigned long request, int *flags)
{
	if ((unsigned)disk.file_system != BTRFS_SUPER_MAGIC)
		return real_ioctl(fd, request, flags);
	if (is_failing("ioctl"))
		return -1;
	if (request == FS_IOC_SETFLAGS)
		disk.inode_flags = *flags;
	else
		*flags = disk.inode_flags;
	return 0;
}

int real_fstat(int fd, struct stat *status) REAL(FSTAT);
int wrap_fstat(int fd, struct stat *status) WRAP(FSTAT);
int wrap_fstat(int fd, struct stat *status)
{
	const int result = real_fstat(fd, status);
	status->st_dev += disk.other_device;
	return result;
}

int real_lstat(const char *name, struct stat *status) REAL(LSTAT);
int wrap_lstat(const char *name, struct stat *status) WRAP(LSTAT);
int wrap_lstat(const char *name, struct stat *status)
{
	const int result = real_lstat(name, status);
	status->st_dev += disk.other_device;
	call_once(&disk.after_lstat);
	return result;
}

int real_statx(int fd, const char *name, int flags, unsigned mask, struct statx *status)
	REAL("statx");
int wrap_statx(int fd, const char *name, int flags, unsigned mask, struct statx *status)
	WRAP("statx");
int wrap_statx(int fd, const char *name, int flags, unsigned mask, struct statx *status)
{
	const int result = real_statx(fd, name, flags, mask, status);
	if (disk.birth == BIRTH_LATER)
		status->stx_btime.tv_nsec ^= 1;
	if (disk.birth == BIRTH_UNKNOWN)
		status->stx_mask &= ~STATX_BTIME;
	return result;
}

/* ---- creation ------------------------------------------------------------------------------- */

int real_open(const char *name, int flags, ...) REAL(OPEN);
int wrap_open(const char *name, int flags, unsigned mode) WRAP(OPEN);
int wrap_open(const char *name, int flags, unsigned mode)
{
	if (is_failing(flags & O_PATH        ? "open path"
		       : flags & O_DIRECTORY ? "open directory"
		       : flags & O_RDWR      ? "open"
					     : "inspect"))
		return -1;
	return real_open(name, flags, mode);
}

int real_mkostemp(char *name, int flags) REAL(MKOSTEMP);
int wrap_mkostemp(char *name, int flags) WRAP(MKOSTEMP);
int wrap_mkostemp(char *name, int flags)
{
	return is_failing("mkostemp") ? -1 : real_mkostemp(name, flags);
}

int real_fchmod(int fd, mode_t mode) REAL("fchmod");
int wrap_fchmod(int fd, mode_t mode) WRAP("fchmod");
int wrap_fchmod(int fd, mode_t mode)
{
	return is_failing("fchmod") ? -1 : real_fchmod(fd, mode);
}

/* Writes no more than a page at a time, as a disk that is nearly full may. */
ssize_t real_pwrite(int fd, const void *bytes, size_t size, off_t at) REAL(PWRITE);
ssize_t wrap_pwrite(int fd, const void *bytes, size_t size, off_t at) WRAP(PWRITE);
ssize_t wrap_pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	expect_not_standard(fd);
	if ((unsigned)disk.file_system == BTRFS_SUPER_MAGIC && !(disk.inode_flags & FS_NOCOW_FL))
		abort(); /* it cannot be set later */
	if (at >= STATE_RESERVED && is_failing("pwrite"))
		return -1;
	return real_pwrite(fd, bytes, size > 4096 ? 4096 : size, at);
}

ssize_t real_pread(int fd, void *bytes, size_t size, off_t at) REAL(PREAD);
ssize_t wrap_pread(int fd, void *bytes, size_t size, off_t at) WRAP(PREAD);
ssize_t wrap_pread(int fd, void *bytes, size_t size, off_t at)
{
	expect_not_standard(fd);
	return is_failing("pread") ? -1 : real_pread(fd, bytes, size, at);
}

/* Of the file's pages, which the library populates. */
int real_madvise(void *start, size_t size, int advice) REAL("madvise");
int wrap_madvise(void *start, size_t size, int advice) WRAP("madvise");
int wrap_madvise(void *start, size_t size, int advice)
{
	if (size == STATE_SIZE && is_failing("madvise"))
		return -1;
	return real_madvise(start, size, advice);
}

int real_link(const char *from, const char *to) REAL("link");
int wrap_link(const char *from, const char *to) WRAP("link");
int wrap_link(const char *from, const char *to)
{
	call_once(&disk.before_link);
	return is_failing("link") ? -1 : real_link(from, to);
}

/* ---- syncs ---------------------------------------------------------------------------------- */

int real_fsync(int fd) REAL("fsync");
int wrap_fsync(int fd) WRAP("fsync");
int wrap_fsync(int fd)
{
	struct stat status;
	expect_not_standard(fd);
	const bool is_directory = fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
	if (is_failing(is_directory ? "fsync directory" : "fsync"))
		return -1;
	const int result = disk.in_memory ? 0 : real_fsync(fd);
	if (!is_directory && pread(fd, disk.durable, STATE_SIZE, 0) != STATE_SIZE)
		abort();
	return result;
}

/* Word by word, as other threads may write meanwhile, and sync another range. */
static void remember_sync(const void *from, size_t first, bool renewal)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&lock);
	for (size_t at = first; at < STATE_SIZE; at += sizeof(uint64_t)) {
		const uint64_t word =
			atomic_load((_Atomic uint64_t *)((uintptr_t)from + at - first));
		memcpy(disk.durable + at, &word, sizeof word);
	}
	disk.syncs += renewal;
	pthread_mutex_unlock(&lock);
}

/* Takes the address of a mapping for its open file description: a child has the mappings of its
 * parent at the same addresses, and one of its own elsewhere. */
static bool is_told_of_lost_write(const char *mapping)
{
	static const char *told[4];
	void (*const hook)(void) = disk.after_told;
	int count = 0;

	if (!disk.write_lost)
		return false;
	while (told[count] && told[count] != mapping)
		count++;
	if (told[count] == mapping)
		return false;
	told[count] = mapping;
	disk.after_told = NULL;
	if (hook)
		hook();
	errno = EIO;
	return true;
}

/* The library syncs from some page to the end of the file. While no boot is recorded there, that is
 * a takeover, and otherwise a renewal. */
int real_msync(void *start, size_t size, int flags) REAL("msync");
int wrap_msync(void *start, size_t size, int flags) WRAP("msync");
int wrap_msync(void *start, size_t size, int flags)
{
	const size_t first = STATE_SIZE - size;
	if (size > STATE_SIZE || first % (size_t)sysconf(_SC_PAGESIZE) != 0 || flags != MS_SYNC)
		abort();
	const struct sn_image *const image = (const void *)((uintptr_t)start - first);
	const bool takeover = atomic_load(&image->hot.boot[0]) == 0;
	call_once(&disk.during_sync);
	if (is_failing(takeover ? "msync hot" : "msync") ||
	    is_told_of_lost_write((const char *)start - first))
		return -1;
	const int result = disk.in_memory ? 0 : real_msync(start, size, flags);
	remember_sync(start, first, !takeover);
	return result;
}
