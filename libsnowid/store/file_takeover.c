/* SPDX-License-Identifier: MIT
 *
 * During one boot, the page cache keeps the shared state whatever happens to processes. After
 * another boot, what the disk has of it is of no use: only what was recorded is.
 */
#include "libsnowid/store/file_takeover.h"

#include <errno.h>

#include "libsnowid/base/error.h"

#define RETRY_NS   1000000
#define TIMEOUT_NS UINT64_C(10000000000) /* longer than any sync, shorter than a start may take */

/* The disk forgets the old boot first. Otherwise, if the volume went back to the host of that boot
 * without what is written here, its state would be believed there. The ID of this boot is written
 * last, so that a process that reads it finds the rest complete. */
static int start_new_boot(const struct sn_state_file *file,
			  const struct sn_store_settings *settings)
{
	struct sn_hot_page *const hot = &file->image->hot;
	const struct sn_ticks *const ticks = &settings->ticks;
	struct sn_reading now;
	uint64_t end_ms, boot[2] = {0, 0};

	sn_image_recorded(file->image, &end_ms);
	const uint64_t limit = sn_image_last_tick(ticks, end_ms);
	int error = sn_ticks_read(ticks, settings->clock, &now);
	if (error)
		return error;
	sn_image_set_boot(file->image, boot);
	error = sn_state_file_sync_from(file, offsetof(struct sn_image, hot));
	if (error)
		return sn_state_file_fail(file->path, error, "take over");
	sn_store_begin(ticks, &hot->shared, limit);
	atomic_store(&hot->shared.limit, limit);
	atomic_store(&hot->shared.seen, now.t100ns);
	atomic_store(&hot->shared.behind, 0);
	atomic_store(&hot->failed, 0);
	atomic_store(&hot->booted, 0);
	sn_system_boot_id(boot);
	sn_image_set_boot(file->image, boot);
	return 0;
}

/* Waits while another process has the lock, but not forever: it may have been stopped. */
static int lock_takeover(const struct sn_state_file *file, struct snowid_clock *clock)
{
	uint64_t begin = 0, now = 0;

	int error = sn_clock_elapsed(clock, &begin);
	while (!error) {
		error = sn_state_file_lock(file, SN_BYTE_OF_TAKEOVER, SN_LOCK_EXCLUSIVE);
		if (error != -EBUSY)
			return error;
		error = sn_clock_elapsed(clock, &now);
		if (!error && now - begin >= TIMEOUT_NS)
			return sn_state_file_reject(
				file->path, "is being taken over by another process, which makes "
					    "no progress; see which one is stopped (lslocks)");
		if (!error)
			error = sn_clock_sleep(clock, RETRY_NS);
	}
	return error;
}

int sn_file_take_over(const struct sn_state_file *file, const struct sn_store_settings *settings)
{
	if (sn_image_is_of_this_boot(file->image))
		return 0;
	int error = lock_takeover(file, settings->clock);
	if (error)
		return error;
	if (!sn_image_is_of_this_boot(file->image))
		error = start_new_boot(file, settings);
	const int unlocked = sn_state_file_lock(file, SN_BYTE_OF_TAKEOVER, SN_LOCK_NONE);
	return error ? error : unlocked;
}
