/* SPDX-License-Identifier: MIT */
#include "libsnowid/store/host_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsnowid/base/descriptor.h"
#include "libsnowid/base/error.h"
#include "libsnowid/store/publish.h"

/* ---- a new file ------------------------------------------------------------------------------ */

static void set_boot(struct sn_image *image)
{
	uint64_t boot[2] = {0, 0};
	sn_system_boot_id(boot);
	sn_image_set_boot(image, boot);
}

/* `replaced`: the file whose name it takes; NULL: it takes the name only if it is free. */
static int give_host_name(int directory, const char *temporary, const char *name,
			  const struct stat *replaced)
{
	struct stat status;

	if (!replaced) {
		const int result = linkat(directory, temporary, directory, name, 0);
		return result == 0 || errno == EEXIST ? 0 : -errno;
	}
	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (status.st_dev != replaced->st_dev || status.st_ino != replaced->st_ino)
		return 0;
	return renameat(directory, temporary, directory, name) == 0 ? 0 : -errno;
}

/* 0 or -errno, without a detail. */
static int publish_image(struct sn_image *image, int directory, const char *name, mode_t mode,
			 const struct stat *replaced)
{
	char temporary[NAME_MAX + 1];
	uint64_t random = 0;

	int error = sn_system_random(&random, sizeof random);
	if (error)
		return error;
	snprintf(temporary, sizeof temporary, "%s.%016" PRIx64, name, random);
	const int fd = sn_descriptor_open_in(directory, temporary,
					     O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fd;
	error = sn_publish_write(fd, image, SN_IMAGE_UNRECORDED_SIZE, mode, NULL);
	if (!error)
		error = give_host_name(directory, temporary, name, replaced);
	unlinkat(directory, temporary, 0);
	close(fd);
	return error;
}

static int create_file(int directory, const char *path, const struct sn_store_settings *settings,
		       const struct stat *replaced)
{
	struct sn_image *image = NULL;

	int error = sn_publish_new_image(settings, &image);
	if (error)
		return error;
	image->header.incompatible = SN_INCOMPATIBLE_UNRECORDED;
	set_boot(image);
	atomic_store(&image->hot.shared.identity, sn_store_identity(settings));
	error = publish_image(image, directory, sn_state_file_name(path), settings->mode, replaced);
	free(image);
	return error ? sn_state_file_fail(path, error, "create") : 0;
}

int sn_host_file_replace(const struct sn_state_file *old, int directory, uint64_t floor)
{
	struct sn_ticks ticks;
	struct sn_image *const image = aligned_alloc(SN_IMAGE_PART, sizeof *image);
	if (!image)
		return sn_fail_nomem();
	memset(image, 0, sizeof *image);
	image->header = old->image->header;
	set_boot(image);
	sn_image_ticks(image, &ticks);
	sn_store_lift(&ticks, &image->hot.shared, floor);
	atomic_store(&image->hot.shared.identity, atomic_load(&old->image->hot.shared.identity));
	atomic_store(&image->hot.started, 1);
	const int error = publish_image(image, directory, sn_state_file_name(old->path),
					old->status.st_mode & 07777, &old->status);
	free(image);
	return error ? sn_state_file_fail(old->path, error, "replace") : 0;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* Those that have the file open prove that it is of this boot, although the boot ID is another one
 * in some containers. */
bool sn_host_file_is_useless(const struct sn_state_file *file, bool in_memory)
{
	if (atomic_load(&file->image->hot.shared.next) == SN_SEALED)
		return true;
	if (in_memory || sn_system_lock_of_others(file->fd, SN_BYTE_OF_USE) != SN_LOCK_NONE)
		return false;
	return !sn_image_has_this_boot(file->image);
}

static int check_host_file(struct sn_state_file *file, const struct sn_host_place *place,
			   struct sn_store_settings *settings)
{
	int error = sn_state_file_check(file);
	if (!error)
		error = sn_state_file_check_owner(file, place->user, settings->mode);
	if (!error)
		error = sn_state_file_read(file);
	if (!error)
		error = sn_state_file_check_image(file);
	if (!error)
		error = sn_state_file_check_place(file);
	if (!error)
		error = sn_state_file_adopt_fields(file, settings);
	return error;
}

/* Leaves a file that can be used and is locked, or the name to be looked at again (`again`). */
static int open_usable(struct sn_host_file *made, const struct sn_host_place *place,
		       struct sn_store_settings *settings, bool *again)
{
	const bool in_memory = sn_host_directory_is_in_memory(made->directory);
	int directory;

	*again = false;
	int error = sn_host_directory_descriptor(place, made->directory, &directory);
	if (error)
		return error;
	error = sn_state_file_open_in(&made->file, directory, made->path, O_RDWR);
	if (error == -ENOENT) {
		*again = true;
		return create_file(directory, made->path, settings, NULL);
	}
	if (!error)
		error = check_host_file(&made->file, place, settings);
	if (!error && sn_host_file_is_useless(&made->file, in_memory)) {
		*again = true;
		return create_file(directory, made->path, settings, &made->file.status);
	}
	if (!error)
		error = sn_state_file_lock(&made->file, SN_BYTE_OF_USE, SN_LOCK_SHARED);
	*again = error == -EBUSY; /* it is being replaced by a reset */
	return *again ? 0 : error;
}

/* The clock is read when the file has its name, because another may have had it until then, and
 * with it a limit ahead of the clock: see reach.h. Others may do this at the same time. */
static int start_ids(const struct sn_host_file *made, const struct sn_store_settings *settings)
{
	const struct sn_ticks *const ticks = &settings->ticks;
	struct sn_hot_page *const hot = &made->file.image->hot;
	struct sn_reading now;

	if (atomic_load(&hot->started))
		return 0;
	const int error = sn_ticks_read(ticks, settings->clock, &now);
	if (error)
		return error;
	const uint64_t tick = (now.t100ns + settings->reach.start) / ticks->unit_t100ns;
	sn_store_lift(ticks, &hot->shared, tick);
	sn_raise(&hot->shared.seen, now.t100ns);
	atomic_store(&hot->started, 1);
	return 0;
}

/* The end of a sealed state is exact. If it has not been noted, because the process that sealed it
 * was stopped there, the limit is above it. */
static void continue_from(const struct sn_host_file *made, const struct sn_ticks *ticks,
			  const struct sn_host_file *replaces)
{
	struct sn_shared_state *const shared = &made->file.image->hot.shared;
	struct sn_shared_state *const old = &replaces->file.image->hot.shared;

	const uint64_t end = atomic_load(&old->end);

	sn_store_lift(ticks, shared, end ? (end - 1) >> ticks->bits : atomic_load(&old->limit));
	sn_raise(&shared->removals, atomic_load(&old->removals) + 1);
	sn_raise(&shared->most_borrow, atomic_load(&old->most_borrow));
}

static int use_file(struct sn_host_file *made, const struct sn_store_settings *settings,
		    const struct sn_host_file *replaces)
{
	int error = sn_state_file_map(&made->file);
	if (!error)
		error = start_ids(made, settings);
	if (error)
		return error;
	if (replaces)
		continue_from(made, &settings->ticks, replaces);
	sn_raise(&made->file.image->hot.shared.most_borrow, sn_t100ns_from_ns(settings->borrow_ns));
	sn_state_file_close_descriptor(&made->file);
	sn_state_file_set_holder(&made->file, settings->clock);
	return 0;
}

static int open_or_create_host_file(struct sn_host_file *made, const struct sn_host_place *place,
				    struct sn_store_settings *settings)
{
	bool again = true;
	int error = 0;

	for (int tries = 0; !error && again && tries < 100; tries++) {
		sn_state_file_close(&made->file);
		made->file = (struct sn_state_file){.path = made->path, .fd = -1};
		error = open_usable(made, place, settings, &again);
	}
	if (!error && again)
		error = sn_state_file_reject(made->path, "vanishes as soon as it is made; see "
							 "which program removes it");
	return error;
}

int sn_host_file_open(const struct sn_host_place *place, struct sn_host_directory *directory,
		      const char *path, struct sn_store_settings *settings,
		      const struct sn_host_file *replaces, struct sn_host_file **file)
{
	struct sn_host_file *const made = calloc(1, sizeof *made + strlen(path) + 1);
	if (!made)
		return sn_fail_nomem();
	made->file.fd = -1;
	made->directory = directory;
	strcpy(made->path, path);
	int error = open_or_create_host_file(made, place, settings);
	if (!error)
		error = use_file(made, settings, replaces);
	if (error)
		sn_host_file_close(made);
	else
		*file = made;
	return error;
}

void sn_host_file_close(struct sn_host_file *file)
{
	sn_state_file_close(&file->file);
	free(file);
}
