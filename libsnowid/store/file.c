/* SPDX-License-Identifier: MIT
 *
 * file:PATH - the shared state in a file, for all processes of the host that open it.
 *
 * During one boot, the page cache keeps the shared state whatever happens to processes. What is
 * kept longer is `reserved`: an instant, which is recorded before any tick up to it may be issued.
 * After a reboot, a new shared state begins above it.
 */
#include "libsnowid/store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsnowid/base/error.h"
#include "libsnowid/store/file_admin.h"
#include "libsnowid/store/file_renewal.h"
#include "libsnowid/store/file_takeover.h"
#include "libsnowid/store/publish.h"
#include "libsnowid/store/store_clock.h"

struct file_store {
	struct sn_store base; /* must be the first member (downcast) */
	struct sn_state_file file;
	_Atomic uint64_t renewer; /* the process whose thread is renewing: in a child, its parent */
	_Atomic bool removed; /* or replaced: a renewal has found no or another file at the path */
	char path[];
};

static int file_check(const char *rest)
{
	if (rest[0] != '/')
		return sn_fail(SNOWID_E_SYNTAX,
			       "the path \"%.60s\" of a state file must begin with /", rest);
	return 0;
}

/* ---- a new file ------------------------------------------------------------------------------ */

/* Where its IDs begin is decided when it has its name, by a takeover. */
static int create_state_file(const char *path, const struct sn_store_settings *settings)
{
	struct sn_image *image = NULL;

	int error = sn_publish_new_image(settings, &image);
	if (error)
		return error;
	error = sn_publish_image(image, path, settings->mode, NULL);
	free(image);
	return error;
}

static int open_or_create(struct file_store *store)
{
	for (int tries = 0; tries < 10; tries++) {
		int error = sn_state_file_open(&store->file, store->path, O_RDWR);
		if (error != -ENOENT)
			return error;
		error = sn_publish_check_directory(store->path);
		if (!error)
			error = create_state_file(store->path, &store->base.settings);
		if (error)
			return error;
	}
	return sn_state_file_reject(store->path,
				    "vanishes as soon as it is made; see which program removes it");
}

/* ---- opening --------------------------------------------------------------------------------- */

/* Sets the holder on -EBUSY. */
static int take_over(const struct file_store *store, bool exclusive, struct sn_holder *holder)
{
	const int error = sn_file_take_over(&store->file, &store->base.settings,
					    exclusive ? SN_LOCK_EXCLUSIVE : SN_LOCK_SHARED);
	if (error != -EBUSY)
		return error;
	sn_image_holder(store->file.image, holder);
	return sn_fail(-EBUSY, "the state file %.200s is in use by process %" PRIu64 " on %s",
		       store->path, holder->process, holder->host);
}

/* The process that created the file may have been killed before the disk had its name. */
static int sync_name(const struct file_store *store)
{
	_Atomic uint64_t *const synced = &store->file.image->hot.name_synced;
	if (atomic_load(synced))
		return 0;
	const int error = sn_publish_name(store->path);
	if (!error)
		atomic_store(synced, 1);
	return error;
}

static int check_file(struct file_store *store)
{
	int error = sn_state_file_check_image(&store->file);
	if (!error)
		error = sn_state_file_check_record(&store->file);
	if (!error)
		error = sn_state_file_adopt_fields(&store->file, &store->base.settings);
	if (!error)
		error = sn_state_file_check_place(&store->file);
	return error;
}

/* Other hosts may share what is on a network, and it may not answer: it is not even read. */
static int open_and_map(struct file_store *store)
{
	int error = open_or_create(store);
	if (!error)
		error = sn_state_file_check(&store->file);
	if (!error)
		error = sn_state_file_check_owner(&store->file, geteuid(),
						  store->base.settings.mode);
	if (!error)
		error = sn_state_file_check_disk(store->path, store->file.fd);
	if (!error)
		error = sn_state_file_read(&store->file);
	if (!error)
		error = check_file(store);
	if (!error)
		error = sn_state_file_map(&store->file);
	return error;
}

static int open_for_use(struct file_store *store, bool exclusive, struct sn_holder *holder)
{
	int error = open_and_map(store);
	if (error)
		return error;
	store->base.shared = &store->file.image->hot.shared;
	error = sync_name(store);
	if (!error)
		error = take_over(store, exclusive, holder);
	if (!error)
		error = sn_store_check_behind(&store->base.settings, store->base.shared,
					      store->path);
	if (error)
		return error;
	sn_state_file_close_descriptor(&store->file);
	sn_state_file_set_holder(&store->file, store->base.settings.clock);
	atomic_store(&store->base.shared->identity, sn_store_identity(&store->base.settings));
	return 0;
}

static void file_close(struct sn_store *base)
{
	struct file_store *const store = (struct file_store *)(void *)base;
	sn_state_file_close(&store->file);
	free(store);
}

int sn_file_store_open(const char *path, const struct sn_store_settings *settings, bool exclusive,
		       struct sn_store **store, struct sn_holder *holder)
{
	struct file_store *const made = calloc(1, sizeof *made + strlen(path) + 1);
	if (!made)
		return sn_fail_nomem();
	made->base.class = &sn_file_store;
	made->base.settings = *settings;
	made->file.fd = -1;
	strcpy(made->path, path);
	const int error = open_for_use(made, exclusive, holder);
	made->base.settings.kind = NULL;
	if (error)
		file_close(&made->base);
	else
		*store = &made->base;
	return error;
}

static int file_open(const char *rest, const struct sn_store_settings *settings,
		     struct sn_store **store)
{
	struct sn_holder holder;
	return sn_file_store_open(rest, settings, false, store, &holder);
}

/* ---- renewal --------------------------------------------------------------------------------- */

static int file_renew(struct sn_store *base)
{
	struct file_store *const store = (struct file_store *)(void *)base;
	const int error = sn_file_renew(&store->file, &store->base.settings, &store->renewer);
	if (error == SNOWID_E_STORE)
		atomic_store(&store->removed, true);
	return error;
}

/* Only this process must stop using a file that was removed. To seal the shared state would stop
 * all that have it mapped, also if the path is missing for this one alone, in another root
 * directory or mount namespace. The others find out by their own renewals. */
static int file_check_final(const struct sn_store *base)
{
	const struct file_store *const store = (const struct file_store *)(const void *)base;
	if (atomic_load(&store->removed))
		return sn_file_fail_removed(&store->file);
	return sn_file_check_failed(&store->file);
}

static const struct sn_store_admin file_admin = {
	.inspect = sn_file_inspect,
	.adopt = sn_file_adopt,
	.reset = sn_file_reset,
};

const struct sn_store_class sn_file_store = {
	.scheme = "file:",
	.check = file_check,
	.open = file_open,
	.renew = file_renew,
	.check_final = file_check_final,
	.close = file_close,
	.admin = &file_admin,
};
