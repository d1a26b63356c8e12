/* SPDX-License-Identifier: MIT
 *
 * file:PATH - the words in a file, which every process of the host that opens it shares.
 *
 * Within one boot the page cache keeps the words, whatever happens to processes. What outlives the
 * host is `reserved`: an instant, recorded before any tick up to it may be issued. After another boot
 * the words begin above it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libsnowid/base/error.h"
#include "libsnowid/store/image.h"
#include "libsnowid/base/span.h"

#define NS_PER_MS   1000000
#define TAKEOVER_NS UINT64_C(10000000000) /* more than a sync takes, and no more than a start may */

struct file_store {
	struct sn_store store; /* first: what is handed out is its address */
	struct sn_image *image;
	int fd;
	struct stat status;
	_Atomic pid_t renewer; /* this process, while a thread of it renews: in a child, another */
	char path[];
};

static int file_check(const char *rest)
{
	if (rest[0] != '/')
		return sn_fail(SNOWID_E_SYNTAX,
			       "the path \"%.60s\" of a state file must begin with /", rest);
	return 0;
}

/* ---- what the clock says --------------------------------------------------------------------- */

static uint64_t to_ms(int64_t sec, uint32_t nsec)
{
	return (uint64_t)sec * 1000 + nsec / NS_PER_MS;
}

/* The wall clock; SNOWID_E_CLOCK where a file could not hold it. */
static int read_wall(struct snowid_clock *clock, int64_t *sec, uint32_t *nsec)
{
	const int error = sn_clock_wall(clock, sec, nsec);
	if (!error && *sec < 0)
		return sn_fail(SNOWID_E_CLOCK,
			       "the clock is before 1970, where state files begin; set the clock");
	return error;
}

/* The end to record: a block from the clock, or from `next` where that is ahead. */
static int end_of_block(const struct sn_store_settings *settings, uint64_t next, int64_t sec,
			uint32_t nsec, uint64_t *unix_ms)
{
	const struct sn_ticks *const ticks = &settings->ticks;
	struct sn_reading now;

	const int error = sn_ticks_locate(ticks, sec, nsec, &now);
	if (error)
		return error;
	if (next >> ticks->bits > now.tick)
		sn_timebase_start(&ticks->time, next >> ticks->bits, &sec, &nsec);
	*unix_ms = to_ms(sec, nsec) + 1 + settings->block_ns / NS_PER_MS;
	return 0;
}

/* A clock that is years ahead for a moment would end the use of a file for years. Within a boot, what
 * the wall clock says now, less the time since the boot, is when the host was booted: where that has
 * moved on by more than `jump` since it was last noted, nothing is recorded. It is noted with the
 * domain of the clock, since elapsed time counts from elsewhere in another: unix ms << 16 | domain. */
static int check_jump(struct file_store *f, int64_t sec, uint32_t nsec)
{
	const struct sn_store_settings *const settings = &f->store.settings;
	_Atomic uint64_t *const booted = &f->image->hot.booted;
	char jump[SN_SPAN_TEXT];
	uint64_t elapsed_ns;

	const int error = sn_clock_elapsed(settings->clock, &elapsed_ns);
	if (error)
		return error;
	const uint64_t wall_ms = to_ms(sec, nsec), elapsed_ms = elapsed_ns / NS_PER_MS;
	if (elapsed_ms >= wall_ms)
		return 0; /* it would have been booted before 1970 */
	const uint64_t now_ms = wall_ms - elapsed_ms;
	const uint64_t word = now_ms << 16 | sn_clock_domain(settings->clock);
	uint64_t old = atomic_load(booted);
	do {
		const uint64_t then_ms = old >> 16;
		if (old == 0 || (old & UINT16_MAX) != (word & UINT16_MAX))
			continue;
		if (now_ms <= then_ms)
			return 0;
		if (now_ms - then_ms > settings->jump_ns / NS_PER_MS) {
			sn_span_format(settings->jump_ns, jump);
			return sn_fail(
				SNOWID_E_CLOCK,
				"the clock has jumped ahead by %.3f s: the state file %.160s "
				"does not follow, since it could never go back; correct the clock "
				"or, if it "
				"is right now, raise the setting jump (%s)",
				(double)(now_ms - then_ms) / 1000, f->path, jump);
		}
	} while (!atomic_compare_exchange_weak(booted, &old, word));
	return 0;
}

/* A clock that is behind `next` by more than is worth waiting for. */
static int check_patience(struct file_store *f)
{
	const struct sn_store_settings *const settings = &f->store.settings;
	const struct sn_ticks *const ticks = &settings->ticks;
	char then[SNOWID_TIME_TEXT] = "the end";
	struct sn_reading now;
	int64_t sec;
	uint32_t nsec;

	const int error = sn_ticks_read(ticks, settings->clock, &now);
	if (error)
		return error;
	const uint64_t tick = atomic_load(&f->store.shared->next) >> ticks->bits;
	if (tick <= now.tick ||
	    (double)(tick - now.tick) * ticks->time.unit_ns <= (double)settings->max_behind_ns)
		return 0;
	if (sn_timebase_start(&ticks->time, tick, &sec, &nsec))
		snowid_time_format(sec, nsec, then);
	return sn_fail(SNOWID_E_CLOCK,
		       "the clock is %.3f s behind what the store has recorded in %.160s, %s; "
		       "correct the clock or, if it is right, see snowid store --reset",
		       (double)(tick - now.tick) * ticks->time.unit_ns / 1e9, f->path, then);
}

/* ---- opening --------------------------------------------------------------------------------- */

/* A new file begins one block above the clock: one of its name that was removed may have had a block
 * left. */
static int create(const char *path, const struct sn_store_settings *settings)
{
	struct sn_reading now;
	uint64_t end_ms = 0;
	int64_t sec = 0;
	uint32_t nsec = 0;

	int error = read_wall(settings->clock, &sec, &nsec);
	if (!error)
		error = sn_ticks_locate(&settings->ticks, sec, nsec, &now);
	if (!error)
		error = end_of_block(settings, 0, sec, nsec, &end_ms);
	if (error)
		return error;
	struct sn_image *const image = aligned_alloc(SN_IMAGE_PART, sizeof *image);
	if (!image)
		return sn_fail_nomem();
	sn_image_fill(image, settings, to_ms(sec, nsec), end_ms);
	atomic_store(&image->hot.shared.seen, now.t100ns);
	error = sn_image_publish(image, path, settings->mode, NULL);
	free(image);
	return error;
}

/* Opens the path, making the file where there is none. */
static int open_path(struct file_store *f)
{
	for (int tries = 0; tries < 10; tries++) {
		f->fd = open(f->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
		if (f->fd >= 0)
			return 0;
		if (errno == ELOOP)
			return sn_image_refuse(f->path, "is a symbolic link; name the file itself");
		if (errno != ENOENT)
			return sn_image_fail(errno, "open", f->path);
		const int error = create(f->path, &f->store.settings);
		if (error)
			return error;
	}
	return sn_image_refuse(f->path, "vanishes as soon as it is made; see who removes it");
}

/* Who may write a file can make it repeat IDs: its owner can, whatever its mode. */
static int check_owner(const struct file_store *f)
{
	if (f->status.st_uid == geteuid() ||
	    (f->store.settings.mode & f->status.st_mode & S_IWGRP) != 0)
		return 0;
	return sn_image_refuse(
		f->path, "is another user's; name another or, to share it in a group, give it "
			 "and its users the mode 0660");
}

/* That it is of this identity. Takes over the fields that the user has not given. */
static int check_identity(struct file_store *f)
{
	const struct sn_header *const header = &f->image->header;
	struct sn_store_settings *const settings = &f->store.settings;

	if (header->fingerprint != settings->fingerprint ||
	    header->field_count != settings->field_count)
		return sn_fail(
			SNOWID_E_STORE,
			"the state file %.160s belongs to another kind, layout or epoch, %.100s; "
			"use one file for each",
			f->path, header->kind);
	for (size_t i = 0; i < settings->field_count; i++) {
		struct sn_store_field *const field = &settings->fields[i];
		if (field->set_by_user && field->value != header->fields[i])
			return sn_fail(SNOWID_E_STORE,
				       "the state file %.200s belongs to %s %" PRIu64
				       ", not %" PRIu64 "; use one file for each",
				       f->path, field->name, header->fields[i], field->value);
		field->value = header->fields[i];
		field->set_by_user = true;
	}
	return 0;
}

static void note_holder(struct sn_hot_page *hot, struct snowid_clock *clock)
{
	char host[sizeof hot->host] = "";
	int64_t sec = 0;
	uint32_t nsec = 0;

	gethostname(host, sizeof host); /* a longer name is cut */
	read_wall(clock, &sec, &nsec);
	atomic_store(&hot->holder, (uint64_t)getpid());
	atomic_store(&hot->held_since_ms, to_ms(sec, nsec));
	for (size_t i = 0; i < sizeof hot->host / sizeof hot->host[0]; i++) {
		uint64_t word;
		memcpy(&word, host + i * sizeof word, sizeof word);
		atomic_store(&hot->host[i], word);
	}
}

/* Sets the holder on -EBUSY. */
static int take(struct file_store *f, bool alone, struct sn_holder *holder)
{
	const int error = sn_image_lock(f->fd, f->path, SN_BYTE_OF_USE,
					alone ? SN_LOCK_EXCLUSIVE : SN_LOCK_SHARED);
	if (error != -EBUSY)
		return error;
	sn_image_holder(f->image, holder);
	return sn_fail(-EBUSY, "the state file %.200s is in use by process %" PRIu64 " on %s",
		       f->path, holder->process, holder->host);
}

static void write_boot(struct sn_hot_page *hot, const uint64_t boot[2])
{
	atomic_store(&hot->boot[0], boot[0]);
	atomic_store(&hot->boot[1], boot[1]);
}

/* Waits until the disk has the file from a part on: from the page in which that begins. 0 or -errno. */
static int sync_from(const struct file_store *f, size_t part)
{
	const size_t start = part - part % (size_t)sysconf(_SC_PAGESIZE);
	return sn_system_sync_pages((char *)f->image + start, sizeof *f->image - start);
}

/* Lets the words of another boot begin above what was recorded. The disk forgets that boot first: on a
 * volume that goes back to the host of it, without what is written here, its words would be taken for
 * those of now. The id of this one is written last, so that whoever finds it finds the rest. */
static int begin_again(struct file_store *f)
{
	struct sn_hot_page *const hot = &f->image->hot;
	const struct sn_ticks *const ticks = &f->store.settings.ticks;
	struct sn_reading now;
	uint64_t end_ms, boot[2] = {0, 0};

	sn_image_recorded(f->image, &end_ms);
	int error = sn_ticks_read(ticks, f->store.settings.clock, &now);
	if (error)
		return error;
	write_boot(hot, boot);
	error = sync_from(f, offsetof(struct sn_image, hot));
	if (error)
		return sn_image_fail(-error, "take over", f->path);
	sn_store_begin(ticks, &hot->shared, sn_image_last_tick(ticks, end_ms));
	atomic_store(&hot->shared.limit, sn_image_last_tick(ticks, end_ms));
	atomic_store(&hot->shared.seen, now.t100ns);
	atomic_store(&hot->shared.behind, 0);
	atomic_store(&hot->failed, 0);
	atomic_store(&hot->booted, 0);
	sn_system_boot_id(boot);
	write_boot(hot, boot);
	return 0;
}

/* Waits, though not for ever for one that was stopped with the lock. */
static int lock_takeover(struct file_store *f)
{
	struct snowid_clock *const clock = f->store.settings.clock;
	uint64_t begin = 0, now = 0;

	int error = sn_clock_elapsed(clock, &begin);
	while (!error) {
		error = sn_image_lock(f->fd, f->path, SN_BYTE_OF_TAKEOVER, SN_LOCK_EXCLUSIVE);
		if (error != -EBUSY)
			return error;
		error = sn_clock_elapsed(clock, &now);
		if (!error && now - begin >= TAKEOVER_NS)
			return sn_image_refuse(
				f->path, "is being taken over by another process, which does not "
					 "get on; see who is stopped (lslocks)");
		if (!error)
			error = sn_clock_sleep(clock, NS_PER_MS);
	}
	return error;
}

static int take_over(struct file_store *f)
{
	if (sn_image_of_this_boot(f->image))
		return 0;
	int error = lock_takeover(f);
	if (error)
		return error;
	if (!sn_image_of_this_boot(f->image))
		error = begin_again(f);
	const int unlocked = sn_image_lock(f->fd, f->path, SN_BYTE_OF_TAKEOVER, SN_LOCK_NONE);
	return error ? error : unlocked;
}

/* Makes the file's name as durable as what it holds: whoever made it may have been killed before. */
static int place(struct file_store *f)
{
	if (atomic_load(&f->image->hot.name_synced))
		return 0;
	const int error = sn_image_sync_name(f->path);
	if (!error)
		atomic_store(&f->image->hot.name_synced, 1);
	return error;
}

static int set_up(struct file_store *f, bool alone, struct sn_holder *holder)
{
	int error = open_path(f);
	if (!error)
		error = sn_image_check_file(f->fd, f->path, &f->status);
	if (!error)
		error = check_owner(f);
	if (error)
		return error;
	void *const map =
		mmap(NULL, sizeof *f->image, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
	if (map == MAP_FAILED)
		return sn_image_fail(errno, "map", f->path);
	f->image = map;
	f->store.shared = &f->image->hot.shared;
	error = sn_image_check(f->image, f->path);
	if (!error)
		error = sn_image_check_record(f->image, f->path);
	if (!error)
		error = check_identity(f);
	if (!error)
		error = sn_image_check_place(f->image, f->fd, f->path);
	if (!error)
		error = take(f, alone, holder);
	if (!error)
		error = place(f);
	if (!error)
		error = take_over(f);
	if (!error)
		error = check_patience(f);
	if (error)
		return error;
	note_holder(&f->image->hot, f->store.settings.clock);
	atomic_store(&f->store.shared->identity, sn_store_identity(&f->store.settings));
	return 0;
}

static void file_close(struct sn_store *store)
{
	struct file_store *const f = (struct file_store *)(void *)store;
	if (f->image)
		munmap(f->image, sizeof *f->image);
	if (f->fd >= 0)
		close(f->fd);
	free(f);
}

int sn_store_file_open(const char *path, const struct sn_store_settings *settings, bool alone,
		       struct sn_store **store, struct sn_holder *holder)
{
	struct file_store *const f = calloc(1, sizeof *f + strlen(path) + 1);
	if (!f)
		return sn_fail_nomem();
	f->store.class = &sn_store_file;
	f->store.settings = *settings;
	f->fd = -1;
	strcpy(f->path, path);
	const int error = set_up(f, alone, holder);
	f->store.settings.kind = NULL;
	if (error)
		file_close(&f->store);
	else
		*store = &f->store;
	return error;
}

static int file_open(const char *path, const struct sn_store_settings *settings,
		     struct sn_store **store)
{
	struct sn_holder holder;
	return sn_store_file_open(path, settings, false, store, &holder);
}

/* ---- renewal --------------------------------------------------------------------------------- */

static int fail_after_failure(struct file_store *f, int number)
{
	return sn_fail(-number,
		       "a sync of the state file %.200s failed (%s), and what it wrote may be "
		       "lost; restart the host, or use another file",
		       f->path, snowid_strerror(-number));
}

/* That other processes can find the file: one that has lost its name is no store any more. */
static int check_name(const struct file_store *f)
{
	struct stat status;
	if (lstat(f->path, &status) != 0)
		return sn_image_fail(errno, "find", f->path);
	if (status.st_dev != f->status.st_dev || status.st_ino != f->status.st_ino)
		return sn_image_refuse(f->path,
				       "has been replaced by another; open the generator again");
	return 0;
}

/* Raises a record. One that is not valid counts as none. */
static void record(_Atomic uint64_t *word, uint64_t end_ms)
{
	uint64_t old = atomic_load(word);
	while ((old < sn_image_word(end_ms) || old != sn_image_word(old >> 16)) &&
	       !atomic_compare_exchange_weak(word, &old, sn_image_word(end_ms)))
		;
}

/* Lock-free, and in this order: record, wait for the disk, and only then let IDs go on. Whoever is
 * stopped in between holds nobody up, and has promised nothing. */
static int renew(struct file_store *f)
{
	const struct sn_store_settings *const settings = &f->store.settings;
	struct sn_hot_page *const hot = &f->image->hot;
	uint64_t end_ms = 0;
	int64_t sec = 0;
	uint32_t nsec = 0;

	int number = (int)atomic_load(&hot->failed);
	if (number)
		return fail_after_failure(f, number);
	int error = check_name(f);
	if (!error) /* before elapsed time is read: a stop in between looks like no jump */
		error = read_wall(settings->clock, &sec, &nsec);
	if (!error)
		error = check_jump(f, sec, nsec);
	if (!error)
		error = end_of_block(settings, atomic_load(&hot->shared.next), sec, nsec, &end_ms);
	if (error)
		return error;
	for (int i = 0; i < 2; i++)
		record(&f->image->reserved[i].word, end_ms);
	sn_image_recorded(f->image, &end_ms);
	number = -sync_from(f, offsetof(struct sn_image, reserved));
	if (number) {
		/* Linux tells of an error once, and then calls the page clean: never ask again. */
		atomic_store(&hot->failed, (uint64_t)number);
		return fail_after_failure(f, number);
	}
	if (atomic_load(&hot->failed))
		return fail_after_failure(f, (int)atomic_load(&hot->failed));
	sn_raise(&hot->shared.limit, sn_image_last_tick(&settings->ticks, end_ms));
	return 0;
}

/* One thread at a time: Linux tells of an error once to those who share a description, and another
 * thread would then believe that all is well before the first has marked the file. */
static int file_renew(struct sn_store *store)
{
	struct file_store *const f = (struct file_store *)(void *)store;
	const pid_t self = getpid();
	pid_t renewer = atomic_load(&f->renewer);

	if (renewer == self || !atomic_compare_exchange_strong(&f->renewer, &renewer, self))
		return 0;
	const int error = renew(f);
	atomic_store(&f->renewer, 0);
	return error;
}

const struct sn_store_class sn_store_file = {
	.scheme = "file:",
	.check = file_check,
	.open = file_open,
	.renew = file_renew,
	.close = file_close,
	.inspect = sn_state_file_inspect,
	.adopt = sn_state_file_adopt,
	.reset = sn_state_file_reset,
};
