/* SPDX-License-Identifier: MIT */
#include "libsnowid/store/host_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsnowid/base/descriptor.h"
#include "libsnowid/base/error.h"
#include "libsnowid/base/process.h"
#include "libsnowid/store/state_file.h"

struct sn_host_directory {
	struct sn_host_directory *older; /* opened before */
	_Atomic int fd;
	dev_t device;
	ino_t inode;
	bool in_memory;
};

/* Never freed, and no lock protects it: a thread may fork at any time. */
static struct sn_host_directory *_Atomic newest_directory;

static int host_directory_fail(const char *path, int error)
{
	return sn_fail(error, "cannot open the directory %.200s of the store: %s%s", path,
		       snowid_strerror(error), sn_error_remedy(error));
}

static int host_directory_fail_absent(const char *path, const char *why)
{
	sn_fail(SNOWID_E_STORE,
		"there can be no store host: here, because %.200s %s; name a directory "
		"(host:/path), or another store",
		path, why);
	return SN_STORE_ABSENT;
}

void sn_host_directory_path(uid_t user, char path[SN_SYSTEM_HOST_PATH])
{
	static struct sn_process_memo user_namespace;
	sn_system_host_directory(user, sn_process_recall(&user_namespace, sn_system_user_namespace),
				 path);
}

/* ---- the user's own -------------------------------------------------------------------------- */

/* What is not tmpfs might be on a disk, or shared with other hosts. */
static int check_shared_memory(const char *path)
{
	struct sn_file_system file_system = {.in_memory = false};
	char parent[SN_SYSTEM_HOST_PATH];

	strcpy(parent, path);
	*strrchr(parent, '/') = '\0';
	const int fd = sn_descriptor_open(parent, O_PATH | O_DIRECTORY);
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -EACCES)
		return host_directory_fail_absent(parent, "cannot be opened");
	if (fd < 0)
		return host_directory_fail(parent, fd);
	const int error = sn_system_file_system(fd, &file_system);
	close(fd);
	if (error)
		return host_directory_fail(parent, error);
	return file_system.in_memory ? 0 : host_directory_fail_absent(parent, "is not a tmpfs");
}

/* Anybody may search it: its owner needs that after it has given up its user. */
static int make_own_directory(const struct sn_host_place *place)
{
	int error = check_shared_memory(place->path);
	if (error)
		return error;
	if (geteuid() != place->user)
		return sn_fail(SNOWID_E_STORE,
			       "the directory %.200s of the store was removed, and this process "
			       "is another user's now; open the generator again",
			       place->path);
	if (mkdir(place->path, 0711) == 0) {
		chmod(place->path, 0711); /* whatever the umask is */
		return 0;
	}
	error = -errno;
	if (error == -EEXIST)
		return 0;
	if (error == -EACCES || error == -EPERM || error == -EROFS || error == -ENOENT)
		return host_directory_fail_absent(place->path, "cannot be made");
	return host_directory_fail(place->path, error);
}

/* Anybody can make it first, under /dev/shm. */
static int reject_foreign_directory(const char *path)
{
	struct stat status;

	if (lstat(path, &status) != 0)
		return host_directory_fail(path, -errno);
	return sn_fail(SNOWID_E_STORE,
		       "%.200s belongs to user %lu with mode %04o, and is not a directory that "
		       "this user alone can write to; root has to remove it",
		       path, (unsigned long)status.st_uid, (unsigned)status.st_mode & 07777);
}

/* Whether those who can write to it may be trusted. */
static bool is_trusted(const struct sn_host_place *place, const struct stat *status)
{
	if (!place->of_user)
		return (status->st_mode & S_IWOTH) == 0;
	return status->st_uid == place->user && (status->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int open_own_directory(const struct sn_host_place *place, int *fd)
{
	for (int tries = 0; tries < 10; tries++) {
		*fd = sn_descriptor_open(place->path, O_PATH | O_DIRECTORY | O_NOFOLLOW);
		if (*fd >= 0)
			return 0;
		if (*fd == -EACCES)
			return host_directory_fail_absent(place->path, "cannot be searched");
		if (*fd == -ENOTDIR || *fd == -ELOOP)
			return reject_foreign_directory(place->path);
		if (*fd != -ENOENT)
			return host_directory_fail(place->path, *fd);
		const int error = make_own_directory(place);
		if (error)
			return error;
	}
	return host_directory_fail(place->path, -ENOENT);
}

/* ---- any directory --------------------------------------------------------------------------- */

static int check_named_directory(const struct sn_host_place *place, int fd,
				 const struct stat *status)
{
	if (!is_trusted(place, status))
		return sn_fail(SNOWID_E_STORE,
			       "everyone can write to the directory %.200s, and so can remove its "
			       "files; use one of your own",
			       place->path);
	return sn_state_file_check_disk(place->path, fd);
}

static int check_directory(const struct sn_host_place *place, int fd, struct stat *status,
			   bool *in_memory)
{
	struct sn_file_system file_system;

	int error = fstat(fd, status) == 0 ? 0 : -errno;
	if (!error)
		error = sn_system_file_system(fd, &file_system);
	if (error)
		return host_directory_fail(place->path, error);
	*in_memory = file_system.in_memory;
	if (!place->of_user)
		return check_named_directory(place, fd, status);
	if (!*in_memory)
		return host_directory_fail_absent(place->path, "is not on a tmpfs");
	return is_trusted(place, status) ? 0 : reject_foreign_directory(place->path);
}

static bool is_directory(int fd, const struct sn_host_directory *directory)
{
	struct stat status;
	return fstat(fd, &status) == 0 && status.st_dev == directory->device &&
	       status.st_ino == directory->inode;
}

static struct sn_host_directory *find_directory(const struct stat *status)
{
	struct sn_host_directory *directory = atomic_load(&newest_directory);

	while (directory &&
	       (directory->device != status->st_dev || directory->inode != status->st_ino))
		directory = directory->older;
	return directory;
}

/* The directory of a path, if it has been opened before. While the list has a descriptor of a
 * directory, no other can get its inode. */
static struct sn_host_directory *find_open_directory(const struct sn_host_place *place)
{
	struct stat status;

	if (lstat(place->path, &status) != 0 || !S_ISDIR(status.st_mode))
		return NULL;
	struct sn_host_directory *const directory = find_directory(&status);
	if (!directory || !is_directory(atomic_load(&directory->fd), directory))
		return NULL;
	const bool usable = is_trusted(place, &status) && (directory->in_memory || !place->of_user);
	return usable ? directory : NULL;
}

/* Gives a descriptor to the one of the list that is of the same directory, if there is one. */
static struct sn_host_directory *add_descriptor(const struct stat *status, int fd)
{
	struct sn_host_directory *const directory = find_directory(status);

	if (!directory)
		return NULL;
	int old = atomic_load(&directory->fd);
	if (is_directory(old, directory) ||
	    !atomic_compare_exchange_strong(&directory->fd, &old, fd))
		close(fd);
	return directory;
}

int sn_host_directory_open(const struct sn_host_place *place, struct sn_host_directory **directory)
{
	struct stat status;
	bool in_memory = false;
	int fd = -1;

	*directory = find_open_directory(place);
	if (*directory)
		return 0;
	int error = 0;
	if (place->of_user) {
		error = open_own_directory(place, &fd);
	} else {
		fd = sn_descriptor_open(place->path, O_PATH | O_DIRECTORY);
		error = fd < 0 ? host_directory_fail(place->path, fd) : 0;
	}
	if (error)
		return error;
	error = check_directory(place, fd, &status, &in_memory);
	*directory = error ? NULL : add_descriptor(&status, fd);
	if (*directory)
		return 0;
	struct sn_host_directory *const made = error ? NULL : malloc(sizeof *made);
	if (!made) {
		close(fd);
		return error ? error : sn_fail_nomem();
	}
	*made = (struct sn_host_directory){.older = atomic_load(&newest_directory),
					   .fd = fd,
					   .device = status.st_dev,
					   .inode = status.st_ino,
					   .in_memory = in_memory};
	while (!atomic_compare_exchange_weak(&newest_directory, &made->older, made))
		;
	*directory = made;
	return 0;
}

bool sn_host_directory_is_in_memory(const struct sn_host_directory *directory)
{
	return directory->in_memory;
}

/* ---- names ----------------------------------------------------------------------------------- */

int sn_host_directory_descriptor(const struct sn_host_place *place,
				 struct sn_host_directory *directory, int *fd)
{
	int old = atomic_load(&directory->fd);

	*fd = old;
	if (is_directory(old, directory))
		return 0;
	*fd = sn_descriptor_open(place->path, O_PATH | O_DIRECTORY);
	if (*fd >= 0 && is_directory(*fd, directory)) {
		if (atomic_compare_exchange_strong(&directory->fd, &old, *fd))
			return 0;
		close(*fd);
		*fd = old;
		return 0;
	}
	if (*fd >= 0)
		close(*fd);
	return sn_fail(SNOWID_E_STORE,
		       "the program has closed the descriptor of the directory %.200s, which "
		       "cannot be opened again; open the generator again",
		       place->path);
}

static bool is_named(int fd, const char *name, const struct stat *file, int *error)
{
	struct stat status;

	*error = fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : -errno;
	return !*error && status.st_dev == file->st_dev && status.st_ino == file->st_ino;
}

/* That the file has its name is believed at once. That it has not is believed only of the right
 * directory. */
int sn_host_directory_check_name(const struct sn_host_place *place,
				 struct sn_host_directory *directory, const char *name,
				 const struct stat *file, bool *removed)
{
	int name_error, fd;

	*removed = false;
	if (is_named(atomic_load(&directory->fd), name, file, &name_error))
		return 0;
	const int error = sn_host_directory_descriptor(place, directory, &fd);
	if (error)
		return error;
	*removed = !is_named(fd, name, file, &name_error);
	if (!*removed || !name_error || name_error == -ENOENT)
		return 0;
	return sn_fail(name_error, "cannot find the state file %.100s in %.200s: %s", name,
		       place->path, snowid_strerror(name_error));
}
