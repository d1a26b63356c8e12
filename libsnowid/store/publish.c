/* SPDX-License-Identifier: MIT */
#include "libsnowid/store/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "libsnowid/base/descriptor.h"
#include "libsnowid/base/error.h"
#include "libsnowid/store/state_file.h"
#include "libsnowid/store/store_clock.h"

int sn_publish_new_image(const struct sn_store_settings *settings, struct sn_image **image)
{
	struct sn_reading now;
	int64_t sec = 0;
	uint32_t nsec = 0;

	int error = sn_store_read_clock(settings->clock, &sec, &nsec);
	if (!error)
		error = sn_ticks_locate(&settings->ticks, sec, nsec, &now);
	if (error)
		return error;
	*image = aligned_alloc(SN_IMAGE_PART, sizeof **image);
	if (!*image)
		return sn_fail_nomem();
	sn_image_init(*image, settings, sn_store_ms(sec, nsec));
	return 0;
}

/* 0 or -errno, as the other private functions here. To write beyond the limit (ulimit -f) would end
 * the process by SIGXFSZ. */
static int write_image(int fd, const struct sn_image *image, size_t size)
{
	struct rlimit limit;
	size_t done = 0;

	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < size)
		return -EFBIG;
	while (done < size) {
		const ssize_t part =
			pwrite(fd, (const char *)image + done, size - done, (off_t)done);
		if (part < 0 && errno != EINTR)
			return -errno;
		done += part > 0 ? (size_t)part : 0;
	}
	return 0;
}

/* Gives a new file its owner and mode, whatever the umask is. */
static int set_owner_and_mode(int fd, mode_t mode, const struct stat *replaced)
{
	struct stat status;

	if (replaced) {
		if (fstat(fd, &status) != 0)
			return -errno;
		const bool same =
			status.st_uid == replaced->st_uid && status.st_gid == replaced->st_gid;
		if (!same && fchown(fd, replaced->st_uid, replaced->st_gid) != 0)
			return -errno;
		mode = replaced->st_mode & 07777;
	}
	return fchmod(fd, mode) == 0 ? 0 : -errno;
}

static int prepare_empty_file(int fd)
{
	struct sn_file_system file_system;
	const int error = sn_system_file_system(fd, &file_system);
	return !error && file_system.copies ? sn_system_write_in_place(fd) : error;
}

int sn_publish_write(int fd, struct sn_image *image, size_t size, mode_t mode,
		     const struct stat *replaced)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return -errno;
	const struct sn_file_identity identity = sn_state_file_identity(fd, &status);
	sn_image_complete(image, &identity);
	int error = prepare_empty_file(fd);
	if (!error)
		error = set_owner_and_mode(fd, mode, replaced);
	if (!error)
		error = write_image(fd, image, size);
	return error;
}

/* link() does not replace a file, rename() does. */
static int give_name(const char *temporary, const char *path, bool replace)
{
	const int result = replace ? rename(temporary, path) : link(temporary, path);
	return result == 0 || (!replace && errno == EEXIST) ? 0 : -errno;
}

/* Returns a descriptor or -errno. */
static int open_directory(const char *path, int flags)
{
	char *const directory = strdup(path);

	if (!directory)
		return -ENOMEM;
	*(strrchr(directory, '/') + 1) = '\0';
	const int fd = sn_descriptor_open(directory, flags | O_DIRECTORY);
	free(directory);
	return fd;
}

/* O_PATH: the directory itself is not opened. */
int sn_publish_check_directory(const char *path)
{
	const int fd = open_directory(path, O_PATH);
	if (fd < 0)
		return sn_state_file_fail(path, fd, "create");
	const int error = sn_state_file_check_disk(path, fd);
	close(fd);
	return error;
}

int sn_publish_image(struct sn_image *image, const char *path, mode_t mode,
		     const struct stat *replaced)
{
	const size_t size = strlen(path) + sizeof ".XXXXXX";
	char *const temporary = malloc(size);
	int error;

	if (!temporary)
		return sn_fail_nomem();
	snprintf(temporary, size, "%s.XXXXXX", path);
	const int fd = sn_descriptor_make_temporary(temporary); /* mode 0600 */
	if (fd < 0) {
		error = fd;
	} else {
		error = sn_publish_write(fd, image, sizeof *image, mode, replaced);
		if (!error)
			error = sn_system_sync_file(fd);
		if (!error)
			error = give_name(temporary, path, replaced != NULL);
		unlink(temporary);
		close(fd);
	}
	free(temporary);
	return error ? sn_state_file_fail(path, error, replaced ? "replace" : "create") : 0;
}

int sn_publish_name(const char *path)
{
	const int fd = open_directory(path, O_RDONLY);
	const int error = fd < 0 ? fd : sn_system_sync_file(fd);
	if (fd >= 0)
		close(fd);
	return error ? sn_state_file_fail(path, error, "sync the directory of") : 0;
}
