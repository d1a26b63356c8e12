/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsnowid/base/descriptor.h"
#include "libsnowid/base/error.h"
#include "libsnowid/base/instant_text.h"
#include "libsnowid/base/system.h"
#include "libsnowid/store/state_file.h"
#include "libsnowid/store/store_clock.h"

#define CACHE_MAGIC      "SNOWIDLS"
#define CACHE_VERSION    UINT32_C(1)
#define CACHE_BYTE_ORDER UINT32_C(0x01020304)
#define CACHE_LOCK_BYTE  0
#define OPEN_FLAGS       (O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK)

/* What is kept of a tenure. `check` is written last: a process that is killed before has kept
 * nothing. */
struct cache_entry {
	_Atomic uint64_t check; /* of what follows; 0: nothing is kept */
	struct sn_tenure tenure;
	uint64_t state; /* index of its shared state; SN_CACHE_STATES: it is not in the file */
};

struct cache_header {
	char magic[8];
	uint32_t byte_order;
	uint32_t version;
	struct sn_file_identity identity; /* a copy of the file has another */
	uint64_t boot[2];
	uint64_t fingerprint;
	uint64_t fields; /* identity of the IDs, besides the worker */
	struct sn_holder holder;
	char path[256];
	struct cache_entry entry;
};

struct cache_image {
	alignas(SN_IMAGE_PART) struct cache_header header;
	alignas(SN_IMAGE_PART) struct sn_shared_state states[SN_CACHE_STATES];
};

struct sn_cache {
	struct cache_image *image;
	struct sn_tenure previous;
	bool has_previous, resumes;
};

/* ---- the entry ------------------------------------------------------------------------------- */

/* FNV-1a (draft-eastlake-fnv), but never 0. */
static uint64_t entry_check(const struct sn_tenure *tenure, uint64_t state)
{
	const uint64_t words[] = {tenure->worker,          tenure->epoch,
				  tenure->incarnation[0],  tenure->incarnation[1],
				  tenure->namespace_id[0], tenure->namespace_id[1],
				  tenure->limit,           state};
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < sizeof words; i++) {
		hash ^= words[i / 8] >> i % 8 * 8 & 0xff;
		hash *= UINT64_C(0x100000001b3);
	}
	return hash ? hash : 1;
}

static bool entry_is_valid(const struct cache_entry *entry)
{
	return entry->state <= SN_CACHE_STATES &&
	       atomic_load(&entry->check) == entry_check(&entry->tenure, entry->state);
}

static void entry_clear(struct cache_entry *entry)
{
	atomic_store(&entry->check, 0);
}

static void entry_set(struct cache_entry *entry, const struct sn_tenure *tenure, uint64_t state)
{
	entry_clear(entry);
	entry->tenure = *tenure;
	entry->state = state;
	atomic_store(&entry->check, entry_check(tenure, state));
}

/* ---- the file -------------------------------------------------------------------------------- */

static int fail_cache(const char *file, int error, const char *what)
{
	return sn_fail(error, "cannot %s the cache %.200s: %s%s", what, file,
		       snowid_strerror(error), sn_error_remedy(error));
}

static int reject_cache(const char *file, const char *why)
{
	return sn_fail(SNOWID_E_STORE, "the cache %.200s %s", file, why);
}

static int open_cache_file(const char *file, int *fd)
{
	*fd = sn_descriptor_open_in(AT_FDCWD, file, OPEN_FLAGS, 0600);
	if (*fd == -ELOOP)
		return reject_cache(file, "is a symbolic link; name the file itself");
	return *fd < 0 ? fail_cache(file, *fd, "open") : 0;
}

static int check_cache_file(const char *file, int fd, struct stat *status)
{
	struct sn_file_system system;

	if (fstat(fd, status) != 0)
		return fail_cache(file, -errno, "examine");
	if (!S_ISREG(status->st_mode))
		return reject_cache(file, "is not a regular file; choose another path");
	if (status->st_uid != geteuid())
		return reject_cache(file, "is another user's; choose another path");
	if (status->st_mode & (S_IWGRP | S_IWOTH))
		return reject_cache(file, "can be written by others; find out why, then run chmod "
					  "go-w");
	const int error = sn_system_file_system(fd, &system);
	if (error)
		return fail_cache(file, error, "examine");
	if (system.network)
		return reject_cache(file, "is on a network, which other hosts may share; put it on "
					  "a local disk");
	if (status->st_size != 0 && status->st_size != (off_t)sizeof(struct cache_image))
		return reject_cache(file, "is not a cache; choose another path");
	if (system.copies && status->st_size != 0 && !sn_system_writes_in_place(fd))
		return reject_cache(file, "is on btrfs without the attribute No_COW, where a full "
					  "disk would kill its users; remove it, so that it is "
					  "made again");
	return 0;
}

/* An empty file gets its blocks before it is mapped: a full disk would end the process later. */
static int fill_cache_file(const char *file, int fd)
{
	struct sn_file_system system;
	struct rlimit limit;

	int error = sn_system_file_system(fd, &system);
	if (!error && system.copies)
		error = sn_system_write_in_place(fd);
	/* To write beyond the limit (ulimit -f) would end the process by SIGXFSZ. */
	if (!error && getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
	    limit.rlim_cur < sizeof(struct cache_image))
		error = -EFBIG;
	if (!error)
		error = -posix_fallocate(fd, 0, sizeof(struct cache_image));
	if (!error)
		return 0;
	(void)!ftruncate(fd, 0);
	return fail_cache(file, error, "make");
}

static int map_cache_file(const char *file, int fd, struct cache_image **image)
{
	void *const map = mmap(NULL, sizeof **image, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return fail_cache(file, -errno, "map");
	*image = map;
	const int error = sn_system_populate(map, sizeof **image);
	return error ? fail_cache(file, error, "bring into memory") : 0;
}

/* The holder is a hint for people. */
static int fail_in_use(const char *file, int fd)
{
	struct cache_header header;
	char since[SNOWID_TIME_TEXT];

	if (pread(fd, &header, sizeof header, 0) != (ssize_t)sizeof header ||
	    memcmp(header.magic, CACHE_MAGIC, sizeof header.magic) != 0)
		return reject_cache(file, "is in use by another process; give each its own path");
	header.holder.host[sizeof header.holder.host - 1] = '\0';
	sn_instant_show((int64_t)(header.holder.since_ms / 1000), 0, since);
	return sn_fail(SNOWID_E_STORE,
		       "the cache %.200s is in use by process %" PRIu64
		       " on %.64s since %s, or by a child of it; give each process its own path",
		       file, header.holder.process, header.holder.host, since);
}

static int lock_cache_file(const char *file, int fd)
{
	const int error = sn_system_lock(fd, CACHE_LOCK_BYTE, SN_LOCK_EXCLUSIVE);
	if (error == -EBUSY)
		return fail_in_use(file, fd);
	return error ? fail_cache(file, error, "lock") : 0;
}

/* ---- what was kept --------------------------------------------------------------------------- */

/* A file of zeros is one that was being made when its process was killed. */
static int cache_check_header(const char *file, const struct cache_header *header)
{
	static const char none[sizeof header->magic];

	if (memcmp(header->magic, none, sizeof none) == 0)
		return 0;
	if (memcmp(header->magic, CACHE_MAGIC, sizeof header->magic) != 0)
		return reject_cache(file, "is not a cache; choose another path");
	if (header->byte_order != CACHE_BYTE_ORDER || header->version != CACHE_VERSION)
		return reject_cache(file, "is of another version of libsnowid; remove it, or "
					  "choose another path");
	return 0;
}

static bool is_same_file(const struct cache_header *header, const struct sn_file_identity *now)
{
	return header->identity.inode == now->inode && header->identity.born_ns == now->born_ns;
}

static bool header_is_about(const struct cache_header *header,
			    const struct sn_cache_subject *subject)
{
	const uint64_t worker = header->entry.tenure.worker;

	return header->fingerprint == subject->fingerprint && header->fields == subject->identity &&
	       strncmp(header->path, subject->path, sizeof header->path) == 0 &&
	       worker >= subject->first_worker && worker <= subject->last_worker;
}

static bool cache_is_of_this_boot(const struct cache_header *header)
{
	uint64_t boot[2];
	return sn_system_boot_id(boot) && memcmp(boot, header->boot, sizeof boot) == 0;
}

/* Copies the shared state of the entry, if IDs can go on from it. */
static bool copy_state(const struct cache_image *image, const struct sn_cache_subject *subject,
		       struct sn_shared_state *state)
{
	const struct cache_entry *const entry = &image->header.entry;
	const uint64_t identity = subject->identity | entry->tenure.worker << subject->worker_shift;

	if (entry->state == SN_CACHE_STATES)
		return false;
	memcpy(state, &image->states[entry->state], sizeof *state);
	return atomic_load(&state->next) != SN_SEALED && atomic_load(&state->next) != 0 &&
	       atomic_load(&state->identity) == identity;
}

/* Somebody may have put an older copy into the file: then IDs up to now may have been made. */
static bool lift_to_clock(const struct sn_cache_subject *subject, struct sn_shared_state *state)
{
	struct sn_reading now;

	if (sn_ticks_read(&subject->ticks, subject->clock, &now) != 0)
		return false;
	sn_store_lift(&subject->ticks, state, now.tick);
	return true;
}

static void write_header(struct cache_header *header, const struct sn_file_identity *identity,
			 const struct sn_cache_subject *subject)
{
	memset(header, 0, sizeof *header);
	memcpy(header->magic, CACHE_MAGIC, sizeof header->magic);
	header->byte_order = CACHE_BYTE_ORDER;
	header->version = CACHE_VERSION;
	header->identity = *identity;
	if (!sn_system_boot_id(header->boot))
		memset(header->boot, 0, sizeof header->boot);
	header->fingerprint = subject->fingerprint;
	header->fields = subject->identity;
	sn_store_describe_process(&header->holder, subject->clock);
	snprintf(header->path, sizeof header->path, "%s", subject->path);
}

/* Takes over what the process before has kept. Nobody else uses the file now. */
static void cache_take_over(struct sn_cache *cache, const struct sn_file_identity *identity,
			    const struct sn_cache_subject *subject)
{
	struct cache_image *const image = cache->image;
	struct sn_shared_state state;

	cache->has_previous = is_same_file(&image->header, identity) &&
			      entry_is_valid(&image->header.entry) &&
			      header_is_about(&image->header, subject);
	cache->previous = image->header.entry.tenure;
	cache->resumes = cache->has_previous && cache_is_of_this_boot(&image->header) &&
			 copy_state(image, subject, &state) && lift_to_clock(subject, &state);
	entry_clear(&image->header.entry);
	memset(image->states, 0, sizeof image->states);
	write_header(&image->header, identity, subject);
	if (!cache->has_previous)
		return;
	if (cache->resumes)
		memcpy(image->states, &state, sizeof state);
	entry_set(&image->header.entry, &cache->previous, cache->resumes ? 0 : SN_CACHE_STATES);
}

static int use_cache_file(const char *file, int fd, const struct sn_cache_subject *subject,
			  struct sn_cache *cache)
{
	struct stat status;

	int error = check_cache_file(file, fd, &status);
	if (!error)
		error = lock_cache_file(file, fd);
	if (!error && fstat(fd, &status) != 0) /* another process may have filled it */
		error = fail_cache(file, -errno, "examine");
	if (!error && status.st_size == 0)
		error = fill_cache_file(file, fd);
	if (!error)
		error = map_cache_file(file, fd, &cache->image);
	if (!error)
		error = cache_check_header(file, &cache->image->header);
	if (error)
		return error;
	const struct sn_file_identity identity = sn_state_file_identity(fd, &status);
	cache_take_over(cache, &identity, subject);
	return 0;
}

/* ---- using it -------------------------------------------------------------------------------- */

int sn_cache_open(const char *file, const struct sn_cache_subject *subject, struct sn_cache **cache)
{
	struct sn_cache *const made = calloc(1, sizeof *made);
	int fd = -1;

	if (!made)
		return sn_fail_nomem();
	int error = open_cache_file(file, &fd);
	if (!error)
		error = use_cache_file(file, fd, subject, made);
	/* The mapping keeps the lock. */
	if (fd >= 0)
		close(fd);
	if (error)
		sn_cache_close(made);
	else
		*cache = made;
	return error;
}

const struct sn_tenure *sn_cache_previous(const struct sn_cache *cache, bool *resumes)
{
	*resumes = cache->resumes;
	return cache->has_previous ? &cache->previous : NULL;
}

struct sn_shared_state *sn_cache_states(struct sn_cache *cache)
{
	return cache->image->states;
}

static bool is_same_tenure(const struct sn_tenure *a, const struct sn_tenure *b)
{
	return a->worker == b->worker && a->epoch == b->epoch &&
	       memcmp(a->incarnation, b->incarnation, sizeof a->incarnation) == 0;
}

/* The shared state has the limit, so that an entry stays as it is while a tenure goes on. */
void sn_cache_keep(struct sn_cache *cache, const struct sn_tenure *tenure,
		   const struct sn_shared_state *shared)
{
	struct cache_entry *const entry = &cache->image->header.entry;
	const struct sn_shared_state *const states = cache->image->states;
	const bool inside = shared >= states && shared < states + SN_CACHE_STATES;
	const uint64_t state = inside ? (uint64_t)(shared - states) : SN_CACHE_STATES;

	if (atomic_load(&entry->check) == 0 || entry->state != state ||
	    !is_same_tenure(&entry->tenure, tenure))
		entry_set(entry, tenure, state);
}

int sn_cache_end(struct sn_cache *cache)
{
	struct cache_entry *const entry = &cache->image->header.entry;
	const struct sn_tenure tenure = entry->tenure;

	if (atomic_load(&entry->check) == 0 || entry->state == SN_CACHE_STATES)
		return 0;
	entry_set(entry, &tenure, SN_CACHE_STATES);
	return sn_system_sync_pages(cache->image, sizeof *cache->image);
}

void sn_cache_close(struct sn_cache *cache)
{
	if (cache->image)
		munmap(cache->image, sizeof *cache->image);
	free(cache);
}
