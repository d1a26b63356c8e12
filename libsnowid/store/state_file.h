/* SPDX-License-Identifier: MIT
 *
 * A state file that is open: whether it can be relied on, its locks, and what the disk has of it.
 */
#ifndef SN_STATE_FILE_H
#define SN_STATE_FILE_H

#include <sys/stat.h>

#include "libsnowid/base/system.h"
#include "libsnowid/store/image.h"

struct sn_state_file {
	const char *path;
	size_t size;            /* of the image: SN_IMAGE_UNRECORDED_SIZE if it records nothing */
	int fd;                 /* negative: it has no descriptor */
	struct stat status;     /* set by sn_state_file_check() */
	struct sn_image *image; /* NULL: neither mapped nor read */
	bool mapped;            /* else the image is a copy */
	/* The mapping that syncs go through, and the process whose open file description it has. */
	struct sn_image *sync_image;
	uint64_t sync_process;
};

/* Bytes of the file that are locked. */
enum {
	SN_BYTE_OF_TAKEOVER, /* by one that begins a new shared state after a reboot */
	SN_BYTE_OF_USE       /* by everyone who uses the file, shared or exclusively */
};

/* Opens a path, which outlives the file, with O_RDONLY or O_RDWR. -ENOENT: there is none. */
int sn_state_file_open(struct sn_state_file *file, const char *path, int flags);

/* The same of a file that records nothing, by the last part of its path in a directory that is
 * open. */
int sn_state_file_open_in(struct sn_state_file *file, int directory, const char *path, int flags);

/* The last part of a path. */
const char *sn_state_file_name(const char *path);

/* Closes it in any state, also when opening failed. */
void sn_state_file_close(struct sn_state_file *file);

/* Closes the descriptor of a mapped file. The mapping keeps the open file description, and so
 * the locks. */
void sn_state_file_close_descriptor(struct sn_state_file *file);

/* Checks that it is a regular file of the right size. */
int sn_state_file_check(struct sn_state_file *file);

/* Checks that a file or its directory is on a disk of this host. */
int sn_state_file_check_disk(const char *path, int fd);

/* Sets the image to a copy, which can be examined and published; then to a shared mapping. To map
 * what cannot be read would end the process by SIGBUS, so read the file first. */
int sn_state_file_read(struct sn_state_file *file);
int sn_state_file_map(struct sn_state_file *file);

/* Checks that this version can use the image; that it knows how far its IDs went. */
int sn_state_file_check_image(const struct sn_state_file *file);
int sn_state_file_check_record(const struct sn_state_file *file);

/* Checks the file, reads a copy of it, and checks that this version can use that. */
int sn_state_file_load(struct sn_state_file *file);

/* Whether a full disk could end the processes that use it, because its pages are copied. */
bool sn_state_file_is_copied_on_write(const struct sn_state_file *file);

/* Checks that it cannot be written by everybody, is written in place, and is not a copy of another
 * file. */
int sn_state_file_check_place(const struct sn_state_file *file);

/* Checks that a user whom the file may trust owns it: whoever may write a file can make it repeat
 * IDs, and its owner may, whatever its mode. `mode`: of the settings. */
int sn_state_file_check_owner(const struct sn_state_file *file, uid_t user, unsigned mode);

/* Checks that kind and worker are the same, and adopts the fields that the user has not set. */
int sn_state_file_adopt_fields(const struct sn_state_file *file,
			       struct sn_store_settings *settings);

/* The identity of an open file; whether the file is a copy of the one that its header is of. */
struct sn_file_identity sn_state_file_identity(int fd, const struct stat *status);
bool sn_state_file_is_copy(const struct sn_state_file *file);

/* Locks one of its bytes, or unlocks it. -EBUSY, without a detail: others hold a lock that
 * conflicts. */
int sn_state_file_lock(const struct sn_state_file *file, int byte, enum sn_lock lock);

/* Notes that this process has opened it. */
void sn_state_file_set_holder(const struct sn_state_file *file, struct snowid_clock *clock);

/* Lets a child sync through an open file description of its own. -errno: it may not open it. */
int sn_state_file_own_sync(struct sn_state_file *file);

/* Waits until the disk has what was written to the mapping from an offset on. 0 or -errno, without
 * a detail. */
int sn_state_file_sync_from(const struct sn_state_file *file, size_t offset);

/* Returns -errno of a system call on a state file, and SNOWID_E_STORE, with their details. */
int sn_state_file_fail(const char *path, int error, const char *what);
int sn_state_file_reject(const char *path, const char *why);

#endif
