/* SPDX-License-Identifier: MIT
 *
 * During one boot, the page cache keeps the shared state whatever happens to processes. After
 * another boot, what the disk has of it is of no use: only what was recorded is.
 *
 * The lock of use that others share proves that the shared state is of this boot, because everyone
 * takes it only after that is certain. What proves it while nobody uses the file proves less: the
 * boot ID is another one in some containers, and some kernels never change it. Whoever asks holds
 * the lock of takeovers, because what one process believes must stay true until it has the lock of
 * use. It is shared by those that find that nothing is to be done, so that a process that is
 * stopped there does not stop others.
 */
#include "libsnowid/store/file_takeover.h"

#include <errno.h>

#include "libsnowid/base/error.h"
#include "libsnowid/store/file_renewal.h"
#include "libsnowid/store/store_clock.h"

#define RETRY_NS   1000000
#define TIMEOUT_NS UINT64_C(10000000000) /* longer than any sync, shorter than a start may take */

/* ---- whose shared state it is ---------------------------------------------------------------- */

static int read_elapsed_word(struct snowid_clock *clock, uint64_t *word)
{
	uint64_t elapsed_ns = 0;
	const int error = sn_clock_elapsed(clock, &elapsed_ns);
	*word = sn_image_elapsed_word(elapsed_ns, sn_clock_domain(clock));
	return error;
}

/* Whether something else has written to the file, such as a restored backup: what the library
 * writes it writes before the recorded end, by the clock that the kernel dates changes by. Once a
 * sync has failed, it records no end, and still notes who opens the file. An image of no boot was
 * put there by a correction, and may record any end. */
static bool was_overwritten(const struct sn_state_file *file,
			    const struct sn_store_settings *settings)
{
	const struct timespec *const changed = &file->status.st_ctim;
	uint64_t end_ms;

	return !settings->clock && sn_image_has_boot(file->image) && changed->tv_sec > 0 &&
	       atomic_load(&file->image->hot.failed) == 0 &&
	       sn_image_recorded(file->image, &end_ms) &&
	       sn_store_ms(changed->tv_sec, (uint32_t)changed->tv_nsec) > end_ms;
}

/* Whether the shared state can be used as it is. What was noted while the file was in use is noted
 * before nobody uses it, so elapsed time is read after that is known. -EBUSY: as below. */
static int check_shared_state(const struct sn_state_file *file,
			      const struct sn_store_settings *settings, enum sn_lock use,
			      bool *current)
{
	const enum sn_lock others = sn_system_lock_of_others(file->fd, SN_BYTE_OF_USE);
	uint64_t now = 0;

	*current = true;
	if (others != SN_LOCK_NONE)
		return use == SN_LOCK_SHARED && others == SN_LOCK_SHARED ? 0 : -EBUSY;
	const int error = read_elapsed_word(settings->clock, &now);
	*current = !error && sn_image_is_of_this_boot(file->image, now) &&
		   !was_overwritten(file, settings);
	return error;
}

/* ---- a new one ------------------------------------------------------------------------------- */

/* IDs begin above what was recorded. If something else has written to the file, more may have been
 * recorded than it shows now, and they begin where those of a new file do. The clock is read when a
 * new file has its name, because another file may have had it until then: see reach.h. */
static int find_floor(const struct sn_state_file *file, const struct sn_store_settings *settings,
		      uint64_t *end_ms)
{
	uint64_t new_ms = 0;
	int64_t sec = 0;
	uint32_t nsec = 0;
	int error = 0;

	sn_image_recorded(file->image, end_ms);
	if (*end_ms == 0 || was_overwritten(file, settings)) {
		error = sn_store_read_clock(settings->clock, &sec, &nsec);
		if (!error)
			new_ms = sn_file_start_of_new(settings, sec, nsec);
	}
	if (new_ms > *end_ms)
		*end_ms = new_ms;
	return error;
}

static void reset_hot_page(const struct sn_state_file *file, const struct sn_ticks *ticks,
			   uint64_t limit, uint64_t seen, bool rebooted)
{
	struct sn_hot_page *const hot = &file->image->hot;

	sn_store_begin(ticks, &hot->shared, limit);
	atomic_store(&hot->shared.limit, limit);
	atomic_store(&hot->shared.seen, seen);
	atomic_store(&hot->shared.behind, 0);
	atomic_store(&hot->failed, 0);
	if (!rebooted)
		return;
	atomic_store(&hot->booted, 0);
	atomic_store(&hot->shared.waits, 0);
	atomic_store(&hot->shared.regressions, 0);
	atomic_store(&hot->shared.refused, 0);
	atomic_store(&hot->shared.max_lead, 0);
	atomic_store(&hot->shared.max_lag, 0);
}

/* The disk forgets the old boot first. Otherwise, if the volume went back to the host of that boot
 * without what is written here, its state would be believed there. The record is written again, so
 * that a sync that failed before is made good. The ID of this boot is written last, so that a
 * process that reads it finds the rest complete. */
static int start_new_boot(const struct sn_state_file *file,
			  const struct sn_store_settings *settings)
{
	const struct sn_ticks *const ticks = &settings->ticks;
	struct sn_reading now;
	uint64_t end_ms = 0, elapsed_word = 0, boot[2] = {0, 0};

	int error = sn_ticks_read(ticks, settings->clock, &now);
	if (!error)
		error = read_elapsed_word(settings->clock, &elapsed_word);
	if (!error)
		error = find_floor(file, settings, &end_ms);
	if (error)
		return error;
	const bool rebooted = !sn_image_is_of_this_boot(file->image, elapsed_word);
	sn_image_set_boot(file->image, boot);
	sn_image_set_reserved(file->image, end_ms, elapsed_word);
	error = sn_state_file_sync_from(file, offsetof(struct sn_image, hot));
	if (error)
		return sn_state_file_fail(file->path, error, "take over");
	reset_hot_page(file, ticks, sn_image_last_tick(ticks, end_ms), now.t100ns, rebooted);
	sn_system_boot_id(boot);
	sn_image_set_boot(file->image, boot);
	return 0;
}

/* ---- taking over ----------------------------------------------------------------------------- */

/* Waits while another process has the lock, but not forever: it may have been stopped. */
static int lock_takeover(const struct sn_state_file *file, const struct sn_wait *wait,
			 enum sn_lock lock)
{
	uint64_t end_ns = 0, left_ns = 0;

	int error = sn_wait_end(wait, TIMEOUT_NS, &end_ns);
	while (!error) {
		error = sn_state_file_lock(file, SN_BYTE_OF_TAKEOVER, lock);
		if (error != -EBUSY)
			return error;
		error = sn_wait_left(wait, end_ns, &left_ns);
		if (!error && left_ns == 0)
			return sn_state_file_reject(
				file->path, "is being taken over by another process, which makes "
					    "no progress; see which one is stopped (lslocks)");
		if (!error)
			error = sn_clock_sleep(wait->clock,
					       left_ns < RETRY_NS ? left_ns : RETRY_NS);
	}
	return error;
}

/* Takes the lock of use if the shared state can be used or, while the lock of takeovers is
 * exclusive, has been made so. *current: whether it was. */
static int take_over_with(enum sn_lock takeover, const struct sn_state_file *file,
			  const struct sn_store_settings *settings, enum sn_lock use, bool *current)
{
	int error = lock_takeover(file, &settings->wait, takeover);
	if (error)
		return error;
	error = check_shared_state(file, settings, use, current);
	if (!error && !*current && takeover == SN_LOCK_EXCLUSIVE) {
		error = start_new_boot(file, settings);
		*current = true;
	}
	if (!error && *current)
		error = sn_state_file_lock(file, SN_BYTE_OF_USE, use);
	const int unlocked = sn_state_file_lock(file, SN_BYTE_OF_TAKEOVER, SN_LOCK_NONE);
	return error ? error : unlocked;
}

/* An exclusive lock of use proves nothing to others, who cannot use the file meanwhile. It is taken
 * at once, so that a process looking for a worker does not wait for those that have one. */
int sn_file_take_over(const struct sn_state_file *file, const struct sn_store_settings *settings,
		      enum sn_lock use)
{
	bool current = false;

	int error = use == SN_LOCK_EXCLUSIVE ? sn_state_file_lock(file, SN_BYTE_OF_USE, use) : 0;
	if (!error)
		error = take_over_with(SN_LOCK_SHARED, file, settings, use, &current);
	if (!error && !current)
		error = take_over_with(SN_LOCK_EXCLUSIVE, file, settings, use, &current);
	return error;
}
