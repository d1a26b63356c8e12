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
	struct sn_reading now;
	int64_t sec = 0;
	uint32_t nsec = 0;

	int error = sn_file_read_clock(settings->clock, &sec, &nsec);
	if (!error)
		error = sn_ticks_locate(&settings->ticks, sec, nsec, &now);
	if (error)
		return error;
	struct sn_image *const image = aligned_alloc(SN_IMAGE_PART, sizeof *image);
	if (!image)
		return sn_fail_nomem();
	sn_image_init(image, settings, sn_file_ms(sec, nsec));
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

/* ---- whether this generator may use it ------------------------------------------------------- */

/* Whoever may write a file can make it repeat IDs, and its owner may, whatever its mode. */
static int check_owner(const struct file_store *store)
{
	const struct stat *const status = &store->file.status;
	if (status->st_uid == geteuid() ||
	    (store->base.settings.mode & status->st_mode & S_IWGRP) != 0)
		return 0;
	return sn_state_file_reject(
		store->path, "is another user's; choose another path or, to share the file in a "
			     "group, give it and its users the mode 0660");
}

/* Checks that kind and worker are the same, and adopts the fields that the user has not set. */
static int check_recorded_fields(struct file_store *store)
{
	const struct sn_header *const header = &store->file.image->header;
	struct sn_store_settings *const settings = &store->base.settings;

	if (header->fingerprint != settings->fingerprint ||
	    header->field_count != settings->field_count)
		return sn_fail(
			SNOWID_E_STORE,
			"the state file %.160s belongs to another kind, layout or epoch, %.100s; "
			"use one file for each",
			store->path, header->kind);
	for (size_t i = 0; i < settings->field_count; i++) {
		struct sn_store_field *const field = &settings->fields[i];
		if (field->set_by_user && field->value != header->fields[i])
			return sn_fail(SNOWID_E_STORE,
				       "the state file %.200s belongs to %s %" PRIu64
				       ", not %" PRIu64 "; use one file for each",
				       store->path, field->name, header->fields[i], field->value);
		field->value = header->fields[i];
		field->set_by_user = true;
	}
	return 0;
}

/* Checks that the clock is not so far behind `next` that waiting for it would be pointless. */
static int check_too_far_behind(const struct file_store *store)
{
	const struct sn_store_settings *const settings = &store->base.settings;
	const struct sn_ticks *const ticks = &settings->ticks;
	char then[SNOWID_TIME_TEXT] = "the end";
	struct sn_reading now;
	int64_t sec;
	uint32_t nsec;

	const int error = sn_ticks_read(ticks, settings->clock, &now);
	if (error)
		return error;
	const uint64_t tick = atomic_load(&store->base.shared->next) >> ticks->bits;
	const double behind_ns =
		((double)tick * (double)ticks->unit_t100ns - (double)now.t100ns) * 100;
	if (behind_ns <= (double)settings->max_behind_ns)
		return 0;
	if (sn_timebase_start(&ticks->time, tick, &sec, &nsec))
		snowid_time_format(sec, nsec, then);
	return sn_fail(SNOWID_E_CLOCK,
		       "the clock is %.3f s behind what the store has recorded in %.160s, %s; "
		       "correct the clock or, if it is right, see snowid store --reset",
		       behind_ns / 1e9, store->path, then);
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

static void set_holder(const struct file_store *store)
{
	struct sn_holder holder = {.process = (uint64_t)getpid()};
	int64_t sec = 0;
	uint32_t nsec = 0;

	gethostname(holder.host, sizeof holder.host - 1); /* a longer name is cut off */
	sn_file_read_clock(store->base.settings.clock, &sec, &nsec);
	holder.since_ms = sn_file_ms(sec, nsec);
	sn_image_set_holder(store->file.image, &holder);
}

static int check_file(struct file_store *store)
{
	int error = sn_state_file_check_image(&store->file);
	if (!error)
		error = sn_state_file_check_record(&store->file);
	if (!error)
		error = check_recorded_fields(store);
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
		error = check_owner(store);
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
		error = check_too_far_behind(store);
	if (error)
		return error;
	sn_state_file_close_descriptor(&store->file);
	set_holder(store);
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
