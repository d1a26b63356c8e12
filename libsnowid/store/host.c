/* SPDX-License-Identifier: MIT
 *
 * host: - the shared state in memory, for all processes of a user on this host.
 *
 * host:/DIRECTORY - the same in files of a directory, for those who can use it.
 *
 * A file store that records nothing: its files are on a tmpfs, which is lost when the host stops.
 * So renewals wait for nothing, each call makes one when it is due, and limits need not be far
 * ahead of the clock. There is a file for each identity, which its name tells.
 *
 * Somebody may remove a file that is in use, such as systemd when its user logs out. The limit of
 * the old file then keeps its users below where a new one starts (reach.h). The first of them that
 * renews it finds out, and seals it for all. Each then opens the file that has the name now, or
 * makes it, and goes on there.
 */
#include "libsnowid/store/host.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsnowid/base/error.h"
#include "libsnowid/store/host_admin.h"
#include "libsnowid/store/host_file.h"
#include "libsnowid/store/store_clock.h"

struct host_store {
	struct sn_store base; /* must be the first member (downcast) */
	struct sn_host_place place;
	struct sn_host_file *first;
	struct sn_host_file *_Atomic current; /* the first, or one of its successors */
	_Atomic uint64_t checked_ms; /* the clock, when this process last looked for a jump */
	_Atomic bool ended; /* the file was removed or is out of reach, and so is another */
	char directory[];
};

static int host_check(const char *rest)
{
	if (rest[0] == '\0')
		return 0;
	if (rest[0] != '/' || strlen(rest) >= PATH_MAX)
		return sn_fail(SNOWID_E_SYNTAX,
			       "what follows host: must be the path of a directory that begins "
			       "with /, or nothing, but is \"%.60s\"",
			       rest);
	return 0;
}

static struct sn_shared_state *shared_of(struct sn_host_file *file)
{
	return &file->file.image->hot.shared;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* Fields that nobody has set differ from file to file, and are found in it. */
static uint64_t identity_in_name(const struct sn_store_settings *settings)
{
	uint64_t identity = 0;
	for (size_t i = 0; i < settings->field_count; i++)
		if (settings->fields[i].set_by_user)
			identity |= settings->fields[i].value << settings->fields[i].shift;
	return identity;
}

/* Opens what has the name: in a directory, if one is open, or in the one that the path leads to, if
 * none is or it was removed. */
static int open_file_of_name(const struct host_store *store, struct sn_host_directory *directory,
			     const char *path, struct sn_store_settings *settings,
			     const struct sn_host_file *replaces, struct sn_host_file **file)
{
	int error = -ENOENT;

	for (int tries = 0; error == -ENOENT && tries < 10; tries++) {
		error = directory ? 0 : sn_host_directory_open(&store->place, &directory);
		if (!error)
			error = sn_host_file_open(&store->place, directory, path, settings,
						  replaces, file);
		if (error == -ENOENT)
			directory = NULL;
	}
	return error;
}

static int open_first_file(struct host_store *store)
{
	struct sn_store_settings *const settings = &store->base.settings;
	char path[PATH_MAX + 64];

	snprintf(path, sizeof path, "%s/%016" PRIx64 "-%016" PRIx64, store->directory,
		 settings->fingerprint, identity_in_name(settings));
	const int error = open_file_of_name(store, NULL, path, settings, NULL, &store->first);
	/* No process of this host can write to it, or only one that sees another /dev/shm. */
	if (error == -EROFS && store->place.of_user)
		return SN_STORE_ABSENT;
	return error;
}

static int open_store_files(struct host_store *store)
{
	int error = open_first_file(store);
	if (error)
		return error;
	atomic_store(&store->current, store->first);
	atomic_store(&store->base.shared, shared_of(store->first));
	return sn_store_check_behind(&store->base.settings, store->base.shared, store->first->path);
}

static void host_close(struct sn_store *base)
{
	struct host_store *const store = (struct host_store *)(void *)base;

	for (struct sn_host_file *file = store->first; file;) {
		struct sn_host_file *const successor = atomic_load(&file->successor);
		sn_host_file_close(file);
		file = successor;
	}
	free(store);
}

static int host_open(const char *rest, const struct sn_store_settings *settings,
		     struct sn_store **store)
{
	char own[SN_SYSTEM_HOST_PATH];
	const bool of_user = *rest == '\0';
	const uid_t user = geteuid();

	if (of_user && settings->clock)
		return sn_fail(SNOWID_E_STORE,
			       "host: uses the clock of the host, and this generator has another "
			       "one; name a directory (host:/path), or another store");
	if (of_user) {
		sn_host_directory_path(user, own);
		rest = own;
	}
	struct host_store *const made = calloc(1, sizeof *made + strlen(rest) + 1);
	if (!made)
		return sn_fail_nomem();
	strcpy(made->directory, rest);
	made->base.class = &sn_host_store;
	made->base.settings = *settings;
	made->place = (struct sn_host_place){made->directory, user, of_user};
	const int error = open_store_files(made);
	made->base.settings.kind = NULL;
	if (error)
		host_close(&made->base);
	else
		*store = &made->base;
	return error;
}

/* ---- renewal --------------------------------------------------------------------------------- */

/* Looks for a jump once a second of the clock, because that costs more than the rest of a renewal:
 * what is allowed is at least a second. */
static int check_jump(struct host_store *store, struct sn_host_file *file, int64_t sec,
		      uint32_t nsec)
{
	const struct sn_store_settings *const settings = &store->base.settings;
	const uint64_t now_ms = sn_store_ms(sec, nsec), last_ms = atomic_load(&store->checked_ms);
	uint64_t elapsed_ns = 0;

	if (now_ms >= last_ms && now_ms - last_ms < 1000)
		return 0;
	int error = sn_clock_elapsed(settings->clock, &elapsed_ns);
	if (!error)
		error = sn_store_check_jump(settings, file->path, &file->file.image->hot.booted,
					    sec, nsec, elapsed_ns);
	if (!error)
		atomic_store(&store->checked_ms, now_ms);
	return error;
}

/* The order is what counts: the clock, the name, the limit. */
static int renew_file(struct host_store *store, struct sn_host_file *file, bool *removed)
{
	const struct sn_store_settings *const settings = &store->base.settings;
	const struct sn_ticks *const ticks = &settings->ticks;
	struct sn_shared_state *const shared = shared_of(file);
	struct sn_reading now;
	int64_t sec = 0;
	uint32_t nsec = 0;

	int error = sn_store_read_clock(settings->clock, &sec, &nsec);
	if (!error)
		error = check_jump(store, file, sec, nsec);
	if (!error)
		error = sn_ticks_locate(ticks, sec, nsec, &now);
	if (!error)
		error = sn_host_directory_check_name(&store->place, file->directory,
						     sn_state_file_name(file->path),
						     &file->file.status, removed);
	if (error || *removed)
		return error;
	const uint64_t last = (atomic_load(&shared->next) - 1) >> ticks->bits;
	const uint64_t limit = sn_reach_prompt_limit(&settings->reach, ticks->unit_t100ns,
						     now.t100ns, last * ticks->unit_t100ns) /
			       ticks->unit_t100ns;
	sn_raise(&shared->limit, limit < ticks->last_tick ? limit : ticks->last_tick);
	return 0;
}

/* In the same directory, which may be found after this process has changed its root directory. */
static int open_successor(const struct host_store *store, struct sn_host_file *old,
			  struct sn_host_file **successor)
{
	struct sn_store_settings settings = store->base.settings;

	settings.kind = old->file.image->header.kind;
	return open_file_of_name(store, old->directory, old->path, &settings, old, successor);
}

static int fail_ended(const struct host_store *store)
{
	return sn_fail(SNOWID_E_STORE,
		       "the state file %.200s was removed, or this process cannot find it any "
		       "more; open the generator again",
		       store->first->path);
}

/* Whoever may not do it goes to no other directory, where other processes are not. What may get
 * better, such as a full disk, is an error of this call alone. */
static int follow_name(struct host_store *store, struct sn_host_file *old)
{
	struct sn_host_file *successor = atomic_load(&old->successor), *none = NULL;

	const int error = successor ? 0 : open_successor(store, old, &successor);
	if (error == SN_STORE_ABSENT || error == -EACCES || error == -EPERM || error == -EROFS)
		return fail_ended(store);
	if (error)
		return error;
	if (!atomic_compare_exchange_strong(&old->successor, &none, successor) &&
	    none != successor) {
		sn_host_file_close(successor);
		successor = none;
	}
	atomic_compare_exchange_strong(&store->current, &old, successor);
	return 0;
}

static int host_renew(struct sn_store *base)
{
	struct host_store *const store = (struct host_store *)(void *)base;
	struct sn_shared_state *shared = NULL;
	bool removed = true;
	int error = 0;

	while (!error && removed) {
		struct sn_host_file *const file = atomic_load(&store->current);

		shared = shared_of(file);
		removed = atomic_load(&shared->next) == SN_SEALED;
		if (!removed)
			error = renew_file(store, file, &removed);
		if (!error && removed) {
			atomic_store(&shared->seal_reason, SN_SEAL_REMOVED);
			sn_seal(shared);
			error = follow_name(store, file);
		}
	}
	if (error == SNOWID_E_STORE)
		atomic_store(&store->ended, true);
	if (atomic_load(&base->shared) != shared)
		atomic_store(&base->shared, shared);
	return error;
}

static int host_check_final(const struct sn_store *base)
{
	const struct host_store *const store = (const struct host_store *)(const void *)base;
	return atomic_load(&store->ended) ? fail_ended(store) : 0;
}

static const struct sn_store_admin host_admin = {
	.inspect = sn_host_inspect,
	.adopt = sn_host_adopt,
	.reset = sn_host_reset,
};

const struct sn_store_class sn_host_store = {
	.scheme = "host:",
	.prompt = true,
	.check = host_check,
	.open = host_open,
	.renew = host_renew,
	.check_final = host_check_final,
	.close = host_close,
	.admin = &host_admin,
};
