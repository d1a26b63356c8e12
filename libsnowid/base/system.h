/* SPDX-License-Identifier: MIT
 *
 * What differs between operating systems. Each system has one file, system_NAME.c. No other file
 * includes the headers of one system or asks which one it is. Functions that return an int return 0
 * or -errno, and set no error detail.
 */
#ifndef SN_SYSTEM_H
#define SN_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* glibc reserves room for this model in programs that load the library at run time. With other C
 * libraries dlopen() would fail. */
#ifdef __GLIBC__
#define SN_SYSTEM_TLS __attribute__((tls_model("initial-exec")))
#else
#define SN_SYSTEM_TLS
#endif

/* Identifies the current boot of the host. False if the kernel does not say. */
bool sn_system_boot_id(uint64_t id[2]);

/* Time since the host was booted, including the time that it was suspended. */
int sn_system_elapsed(uint64_t *ns);

/* Identifies the zero point of elapsed time: processes with the same value can compare theirs. */
uint16_t sn_system_time_domain(void);

/* Sleeps for ns or less, since a signal may end it. */
int sn_system_sleep(uint64_t ns);

/* Fills bytes with random bytes from the kernel. */
int sn_system_random(void *bytes, size_t size);

/* Asks the kernel to zero these whole pages in a child made by fork. It may be unable to. */
void sn_system_wipe_on_fork(void *pages, size_t size);

/* The text of an errno. */
const char *sn_system_strerror(int number);

/* An environment variable; NULL if it is not set, or if the program runs with privileges that its
 * caller does not have. */
const char *sn_system_getenv(const char *name);

/* The user namespace of the process, where numbers of users have a meaning of their own; 0: the
 * initial one, or the kernel does not say. */
uint64_t sn_system_user_namespace(void);

/* The directory for what the processes of a user share until the host stops. */
#define SN_SYSTEM_HOST_PATH 64
void sn_system_host_directory(uint64_t user, uint64_t user_namespace,
			      char path[SN_SYSTEM_HOST_PATH]);

/* ---- files ----------------------------------------------------------------------------------- */

struct sn_file_system {
	const char *network; /* its name, if other hosts may write to it too; otherwise NULL */
	bool in_memory;      /* lost when the host stops */
	bool copies;         /* writes a page to another place, unless told for a file not to */
};

int sn_system_file_system(int fd, struct sn_file_system *file_system);

/* Where a file system copies: lets it write an empty file in place; whether it writes a file so. */
int sn_system_write_in_place(int fd);
bool sn_system_writes_in_place(int fd);

/* When the inode was made, in nanoseconds since 1970; 0 if the system does not say. */
uint64_t sn_system_birth(int fd);

enum sn_lock { SN_LOCK_NONE, SN_LOCK_SHARED, SN_LOCK_EXCLUSIVE };

/* Locks one byte of a file, or unlocks it. The lock belongs to the open file description: children
 * made by fork share it, and it ends when the last of them closes the file. -EBUSY: others hold a
 * lock that conflicts. */
int sn_system_lock(int fd, int byte, enum sn_lock lock);

/* The strongest lock that others hold on a byte. */
enum sn_lock sn_system_lock_of_others(int fd, int byte);

/* Gives a shared mapping of a file its pages, ready to be written to. Afterwards nothing needs to
 * be read for it. -EIO: the disk cannot be read, or has no room. Does nothing before Linux 5.14. */
int sn_system_populate(void *pages, size_t size);

/* Waits until the disk has a file or directory; until it has part of a shared mapping of a file,
 * which begins at a page. */
int sn_system_sync_file(int fd);
int sn_system_sync_pages(void *pages, size_t size);

#endif
