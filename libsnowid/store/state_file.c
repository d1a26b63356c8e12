/* SPDX-License-Identifier: MIT */
#include "libsnowid/store/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libsnowid/base/descriptor.h"
#include "libsnowid/base/error.h"
#include "libsnowid/base/process.h"
#include "libsnowid/store/store_clock.h"

int sn_state_file_fail(const char *path, int error, const char *what)
{
	return sn_fail(error, "cannot %s the state file %.200s: %s%s", what, path,
		       snowid_strerror(error), sn_error_remedy(error));
}

int sn_state_file_reject(const char *path, const char *why)
{
	return sn_fail(SNOWID_E_STORE, "the state file %.200s %s", path, why);
}

/* ---- opening and closing --------------------------------------------------------------------- */

#define OPEN_FLAGS (O_NOFOLLOW | O_NONBLOCK) /* opening a FIFO would wait for its other end */

/* `fd`: of the open call, or -errno. */
static int check_opened(struct sn_state_file *file, int fd)
{
	file->fd = fd;
	if (fd >= 0)
		return 0;
	if (fd == -ELOOP)
		return sn_state_file_reject(file->path, "is a symbolic link; name the file itself");
	return sn_state_file_fail(file->path, fd, "open");
}

int sn_state_file_open(struct sn_state_file *file, const char *path, int flags)
{
	*file = (struct sn_state_file){.path = path, .size = sizeof *file->image};
	return check_opened(file, sn_descriptor_open(path, flags | OPEN_FLAGS));
}

int sn_state_file_open_in(struct sn_state_file *file, int directory, const char *path, int flags)
{
	*file = (struct sn_state_file){.path = path, .size = SN_IMAGE_UNRECORDED_SIZE};
	return check_opened(file, sn_descriptor_open_in(directory, sn_state_file_name(path),
							flags | OPEN_FLAGS, 0));
}

const char *sn_state_file_name(const char *path)
{
	return strrchr(path, '/') + 1;
}

void sn_state_file_close_descriptor(struct sn_state_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

static void unmap_sync_image(struct sn_state_file *file)
{
	if (file->sync_image && file->sync_image != file->image)
		munmap(file->sync_image, file->size);
	file->sync_image = NULL;
}

void sn_state_file_close(struct sn_state_file *file)
{
	unmap_sync_image(file);
	if (file->mapped)
		munmap(file->image, file->size);
	else
		free(file->image);
	sn_state_file_close_descriptor(file);
}

int sn_state_file_check(struct sn_state_file *file)
{
	if (fstat(file->fd, &file->status) != 0)
		return sn_state_file_fail(file->path, -errno, "examine");
	if (!S_ISREG(file->status.st_mode))
		return sn_state_file_reject(file->path,
					    "is not a regular file; choose another path");
	if (file->status.st_size != (off_t)file->size)
		return sn_state_file_reject(file->path, "is truncated, or not a state file; "
							"restore it, or choose another path");
	return 0;
}

int sn_state_file_check_disk(const char *path, int fd)
{
	struct sn_file_system file_system;

	const int error = sn_system_file_system(fd, &file_system);
	if (error)
		return sn_state_file_fail(path, error, "examine");
	if (file_system.network)
		return sn_fail(SNOWID_E_STORE,
			       "the state file %.200s is on %s, which other hosts may share; put "
			       "it on a local disk",
			       path, file_system.network);
	return 0;
}

int sn_state_file_read(struct sn_state_file *file)
{
	file->image = aligned_alloc(SN_IMAGE_PART, file->size);
	if (!file->image)
		return sn_fail_nomem();
	const ssize_t size = pread(file->fd, file->image, file->size, 0);
	if (size < 0)
		return sn_state_file_fail(file->path, -errno, "read");
	if (size < (ssize_t)file->size)
		return sn_state_file_reject(file->path,
					    "is being truncated by another program; stop that");
	return 0;
}

/* It has been read, so that the kernel has its pages. But it may drop them again at any time, and a
 * file system that writes elsewhere (copy on write) may have no room. */
int sn_state_file_map(struct sn_state_file *file)
{
	void *const map = mmap(NULL, file->size, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
	if (map == MAP_FAILED)
		return sn_state_file_fail(file->path, -errno, "map");
	free(file->image);
	file->image = file->sync_image = map;
	file->sync_process = sn_process_number();
	file->mapped = true;
	const int error = sn_system_populate(map, file->size);
	if (error)
		return sn_fail(error,
			       "cannot bring the state file %.200s into memory (%s): its disk is "
			       "failing or full",
			       file->path, snowid_strerror(error));
	return 0;
}

/* ---- whether it can be relied on ------------------------------------------------------------- */

int sn_state_file_check_image(const struct sn_state_file *file)
{
	const char *problem = sn_image_problem(file->image);
	const bool unrecorded =
		(file->image->header.incompatible & SN_INCOMPATIBLE_UNRECORDED) != 0;

	if (!problem && unrecorded != (file->size == SN_IMAGE_UNRECORDED_SIZE))
		problem = "is of another store; choose another path";
	return problem ? sn_state_file_reject(file->path, problem) : 0;
}

int sn_state_file_load(struct sn_state_file *file)
{
	int error = sn_state_file_check(file);
	if (!error)
		error = sn_state_file_read(file);
	return error ? error : sn_state_file_check_image(file);
}

int sn_state_file_check_record(const struct sn_state_file *file)
{
	const char *const problem = sn_image_record_problem(file->image);
	return problem ? sn_state_file_reject(file->path, problem) : 0;
}

struct sn_file_identity sn_state_file_identity(int fd, const struct stat *status)
{
	return (struct sn_file_identity){.born_ns = sn_system_birth(fd), .inode = status->st_ino};
}

bool sn_state_file_is_copy(const struct sn_state_file *file)
{
	const struct sn_file_identity *const original = &file->image->header.identity;
	const struct sn_file_identity now = sn_state_file_identity(file->fd, &file->status);
	const bool both_born = original->born_ns != 0 && now.born_ns != 0;

	return original->inode != now.inode || (both_born && original->born_ns != now.born_ns);
}

bool sn_state_file_is_copied_on_write(const struct sn_state_file *file)
{
	struct sn_file_system file_system;
	return sn_system_file_system(file->fd, &file_system) == 0 && file_system.copies &&
	       !sn_system_writes_in_place(file->fd);
}

int sn_state_file_check_place(const struct sn_state_file *file)
{
	if (file->status.st_mode & S_IWOTH)
		return sn_state_file_reject(file->path,
					    "can be written by everyone, and so may be damaged; "
					    "find out why, then run chmod o-w");
	if (sn_state_file_is_copy(file))
		return sn_fail(
			SNOWID_E_STORE,
			"the state file %.200s is a copy: if the original is still used, both "
			"make the same IDs; use another file, or see snowid store --adopt",
			file->path);
	if (sn_state_file_is_copied_on_write(file))
		return sn_state_file_reject(
			file->path, "is on btrfs without the attribute No_COW, where a full disk "
				    "would kill its users; see snowid store --adopt");
	return 0;
}

int sn_state_file_check_owner(const struct sn_state_file *file, uid_t user, unsigned mode)
{
	if (file->status.st_uid == user || (mode & file->status.st_mode & S_IWGRP) != 0)
		return 0;
	return sn_state_file_reject(
		file->path, "is another user's; choose another path or, to share the file in a "
			    "group, give it and its users the mode 0660");
}

int sn_state_file_adopt_fields(const struct sn_state_file *file, struct sn_store_settings *settings)
{
	const struct sn_header *const header = &file->image->header;

	if (header->fingerprint != settings->fingerprint ||
	    header->field_count != settings->field_count)
		return sn_fail(
			SNOWID_E_STORE,
			"the state file %.160s belongs to another kind, layout or epoch, %.100s; "
			"use one file for each",
			file->path, header->kind);
	for (size_t i = 0; i < settings->field_count; i++) {
		struct sn_store_field *const field = &settings->fields[i];
		if (field->set_by_user && field->value != header->fields[i])
			return sn_fail(SNOWID_E_STORE,
				       "the state file %.200s belongs to %s %" PRIu64
				       ", not %" PRIu64 "; use one file for each",
				       file->path, field->name, header->fields[i], field->value);
		field->value = header->fields[i];
		field->set_by_user = true;
	}
	return 0;
}

/* ---- using it -------------------------------------------------------------------------------- */

int sn_state_file_lock(const struct sn_state_file *file, int byte, enum sn_lock lock)
{
	const int error = sn_system_lock(file->fd, byte, lock);
	return error && error != -EBUSY ? sn_state_file_fail(file->path, error, "lock") : error;
}

void sn_state_file_set_holder(const struct sn_state_file *file, struct snowid_clock *clock)
{
	struct sn_holder holder;

	sn_store_describe_process(&holder, clock);
	sn_image_set_holder(file->image, &holder);
}

static int map_own_sync_image(struct sn_state_file *file, const struct sn_state_file *own)
{
	struct stat status;

	if (fstat(own->fd, &status) != 0)
		return sn_state_file_fail(file->path, -errno, "examine");
	if (status.st_dev != file->status.st_dev || status.st_ino != file->status.st_ino)
		return sn_state_file_reject(
			file->path, "has been replaced by another; open the generator again");
	void *const map = mmap(NULL, file->size, PROT_READ, MAP_SHARED, own->fd, 0);
	if (map == MAP_FAILED)
		return sn_state_file_fail(file->path, -errno, "map");
	unmap_sync_image(file);
	file->sync_image = map;
	file->sync_process = sn_process_number();
	return 0;
}

/* It is opened for writing, because Linux does not sync a mapping that can never be written. */
int sn_state_file_own_sync(struct sn_state_file *file)
{
	struct sn_state_file own;

	if (file->sync_process == sn_process_number())
		return 0;
	int error = sn_state_file_open(&own, file->path, O_RDWR);
	if (error)
		return sn_fail(error,
			       "this child cannot open the state file %.160s (%s), and leaves it "
			       "to others to record later times; create its generator after it "
			       "has changed its user or root directory",
			       file->path, snowid_strerror(error));
	error = map_own_sync_image(file, &own);
	sn_state_file_close(&own);
	return error;
}

/* A page may be larger than a part of the file, and syncs begin at a page. */
int sn_state_file_sync_from(const struct sn_state_file *file, size_t offset)
{
	const size_t start = offset - offset % (size_t)sysconf(_SC_PAGESIZE);
	return sn_system_sync_pages((char *)file->sync_image + start, file->size - start);
}
