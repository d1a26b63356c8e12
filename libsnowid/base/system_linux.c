/* SPDX-License-Identifier: MIT
 *
 * Linux.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "libsnowid/base/descriptor.h"
#include "libsnowid/base/system.h"

#define NS_PER_SEC UINT64_C(1000000000)

static int hex_value(char digit)
{
	return digit >= '0' && digit <= '9'   ? digit - '0'
	       : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
					      : -1;
}

/* The kernel prints it as a UUID. */
bool sn_system_boot_id(uint64_t id[2])
{
	char text[36];
	const int fd = sn_descriptor_open("/proc/sys/kernel/random/boot_id", O_RDONLY);

	if (fd < 0)
		return false;
	const ssize_t got = read(fd, text, sizeof text);
	close(fd);
	if (got != (ssize_t)sizeof text)
		return false;
	id[0] = id[1] = 0;
	for (int i = 0, digits = 0; i < 36; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23)
			continue; /* hyphens */
		const int value = hex_value(text[i]);
		if (value < 0)
			return false;
		uint64_t *const half = &id[digits++ / 16];
		*half = *half << 4 | (uint64_t)value;
	}
	return true;
}

/* ---- time ------------------------------------------------------------------------------------ */

int sn_system_elapsed(uint64_t *ns)
{
	struct timespec now;
	if (clock_gettime(CLOCK_BOOTTIME, &now) != 0)
		return -errno;
	*ns = (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
	return 0;
}

/* The time namespace of the process: CLOCK_BOOTTIME has an offset of its own in each. */
uint16_t sn_system_time_domain(void)
{
	struct stat namespace;
	return stat("/proc/self/ns/time", &namespace) == 0 ? (uint16_t) namespace.st_ino : 0;
}

int sn_system_sleep(uint64_t ns)
{
	/* Relative and monotonic: a sleep to an absolute CLOCK_REALTIME is prolonged by a step
	 * back. At most a day at a time, so that no time_t overflows; callers look at the clock
	 * again anyway. */
	const uint64_t day = 86400 * NS_PER_SEC;
	const uint64_t span = ns < day ? ns : day;
	const struct timespec request = {.tv_sec = (time_t)(span / NS_PER_SEC),
					 .tv_nsec = (long)(span % NS_PER_SEC)};
	const int number = clock_nanosleep(CLOCK_MONOTONIC, 0, &request, NULL);
	return number == EINTR ? 0 : -number;
}

/* ---- random bytes ---------------------------------------------------------------------------- */

int sn_system_random(void *bytes, size_t size)
{
	uint8_t *next = bytes;
	while (size > 0) {
		const ssize_t got = getrandom(next, size, 0);
		if (got >= 0) {
			next += got;
			size -= (size_t)got;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/* Fails before Linux 4.14 and in qemu-user. */
void sn_system_wipe_on_fork(void *pages, size_t size)
{
	madvise(pages, size, MADV_WIPEONFORK);
}

/* ---- the C library --------------------------------------------------------------------------- */

const char *sn_system_strerror(int number)
{
#ifdef HAVE_STRERRORDESC_NP
	return strerrordesc_np(number); /* unlike strerror(), never another thread's text */
#else
	return strerror(number);
#endif
}

const char *sn_system_getenv(const char *name)
{
	return secure_getenv(name);
}

#define INITIAL_USER_NAMESPACE 0xeffffffd /* PROC_USER_INIT_INO in <linux/proc_ns.h> */

uint64_t sn_system_user_namespace(void)
{
	struct stat namespace;
	if (stat("/proc/self/ns/user", &namespace) != 0 ||
	    namespace.st_ino == INITIAL_USER_NAMESPACE)
		return 0;
	return namespace.st_ino;
}

void sn_system_host_directory(uint64_t user, uint64_t user_namespace,
			      char path[SN_SYSTEM_HOST_PATH])
{
	const int length = snprintf(path, SN_SYSTEM_HOST_PATH, "/dev/shm/snowid-%" PRIu64, user);

	if (user_namespace != 0)
		snprintf(path + length, SN_SYSTEM_HOST_PATH - (size_t)length, "-%" PRIu64,
			 user_namespace);
}

/* ---- files ----------------------------------------------------------------------------------- */

/* The name of a file system where one host may not see at once what another writes. The numbers
 * that <linux/magic.h> lacks are from the sources of these file systems. */
static const char *network_name(long type)
{
	static const struct {
		unsigned long magic;
		const char *name;
	} known[] = {
		{NFS_SUPER_MAGIC, "NFS"},     {SMB_SUPER_MAGIC, "SMB"}, {0xfe534d42, "SMB"},
		{0xff534d42, "CIFS"},         {0x65735546, "FUSE"},     {V9FS_MAGIC, "9P"},
		{AFS_SUPER_MAGIC, "AFS"},     {0x6b414653, "AFS"},      {0x00c36400, "Ceph"},
		{CODA_SUPER_MAGIC, "Coda"},   {0x01161970, "GFS2"},     {0x0bd00bd0, "Lustre"},
		{OCFS2_SUPER_MAGIC, "OCFS2"}, {0x19830326, "BeeGFS"},   {0x47504653, "GPFS"},
		{0x20030528, "OrangeFS"},     {0xaad7aaea, "PanFS"},    {0x786f4256, "vboxsf"},
		{0xbacbacbc, "vmhgfs"},       {0x7c7c6673, "prl_fs"},
	};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if ((uint32_t)type == known[i].magic)
			return known[i].name;
	return NULL;
}

int sn_system_file_system(int fd, struct sn_file_system *file_system)
{
	struct statfs status;

	if (fstatfs(fd, &status) != 0)
		return -errno;
	const unsigned long type = (unsigned long)status.f_type;
	file_system->network = network_name((long)status.f_type);
	file_system->in_memory = type == TMPFS_MAGIC || type == RAMFS_MAGIC;
	file_system->copies = type == BTRFS_SUPER_MAGIC;
	return 0;
}

/* The request has 32 bits, which are an unsigned long for glibc and an int for musl. The flags are
 * an int, although the request says a long. */
static int inode_flags(int fd, unsigned int request, int *flags)
{
#ifdef __GLIBC__
	return ioctl(fd, request, flags);
#else
	return ioctl(fd, (int)request, flags);
#endif
}

/* What is compressed is always copied. */
int sn_system_write_in_place(int fd)
{
	int flags = 0;
	if (inode_flags(fd, FS_IOC_GETFLAGS, &flags) != 0)
		return -errno;
	flags = (flags & ~FS_COMPR_FL) | FS_NOCOW_FL;
	return inode_flags(fd, FS_IOC_SETFLAGS, &flags) == 0 ? 0 : -errno;
}

bool sn_system_writes_in_place(int fd)
{
	int flags = 0;
	return inode_flags(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_NOCOW_FL) != 0;
}

/* statx(2) needs Linux 4.11, and glibc 2.28 or musl 1.2.5. Some file systems keep no birth. */
uint64_t sn_system_birth(int fd)
{
#ifdef STATX_BTIME
	struct statx status;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &status) == 0 &&
	    status.stx_mask & STATX_BTIME)
		return (uint64_t)status.stx_btime.tv_sec * NS_PER_SEC + status.stx_btime.tv_nsec;
#else
	(void)fd;
#endif
	return 0;
}

static struct flock lock_of_byte(int byte, enum sn_lock lock)
{
	static const short types[] = {[SN_LOCK_NONE] = F_UNLCK,
				      [SN_LOCK_SHARED] = F_RDLCK,
				      [SN_LOCK_EXCLUSIVE] = F_WRLCK};
	return (struct flock){
		.l_type = types[lock], .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
}

int sn_system_lock(int fd, int byte, enum sn_lock lock)
{
	struct flock request = lock_of_byte(byte, lock);
	while (fcntl(fd, F_OFD_SETLK, &request) != 0) {
		if (errno == EAGAIN || errno == EACCES)
			return -EBUSY;
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

static bool is_blocked(int fd, int byte, enum sn_lock lock)
{
	struct flock request = lock_of_byte(byte, lock);
	return fcntl(fd, F_OFD_GETLK, &request) == 0 && request.l_type != F_UNLCK;
}

enum sn_lock sn_system_lock_of_others(int fd, int byte)
{
	if (is_blocked(fd, byte, SN_LOCK_SHARED))
		return SN_LOCK_EXCLUSIVE;
	return is_blocked(fd, byte, SN_LOCK_EXCLUSIVE) ? SN_LOCK_SHARED : SN_LOCK_NONE;
}

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* EFAULT is what would be a SIGBUS at the first access. Older kernels do not know the advice. */
int sn_system_populate(void *pages, size_t size)
{
	int result;
	do
		result = madvise(pages, size, MADV_POPULATE_WRITE);
	while (result != 0 && errno == EINTR);
	if (result == 0 || errno == EINVAL)
		return 0;
	return errno == EFAULT ? -EIO : -errno;
}

int sn_system_sync_file(int fd)
{
	return fsync(fd) == 0 ? 0 : -errno;
}

/* When msync() returns, the file is complete as after fdatasync() (POSIX, synchronized I/O data
 * integrity completion), but only these pages were written. */
int sn_system_sync_pages(void *pages, size_t size)
{
	return msync(pages, size, MS_SYNC) == 0 ? 0 : -errno;
}
