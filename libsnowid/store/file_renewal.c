/* SPDX-License-Identifier: MIT */
#include "libsnowid/store/file_renewal.h"

#include <errno.h>

#include "libsnowid/base/critical.h"
#include "libsnowid/base/error.h"
#include "libsnowid/base/process.h"
#include "libsnowid/store/store_clock.h"

/* ---- what is recorded ----------------------------------------------------------------------- */

uint64_t sn_file_start_of_new(const struct sn_store_settings *settings, int64_t sec, uint32_t nsec)
{
	const uint64_t rounded_up = settings->reach.start + SN_T100NS_PER_MS - 1;
	return sn_store_ms(sec, nsec) + 1 + rounded_up / SN_T100NS_PER_MS;
}

/* The end to record, if `last` is the last slot that has been claimed. */
static int end_of_limit(const struct sn_store_settings *settings, uint64_t last, int64_t sec,
			uint32_t nsec, uint64_t *end_ms)
{
	const struct sn_ticks *const ticks = &settings->ticks;
	struct sn_reading now;

	const int error = sn_ticks_locate(ticks, sec, nsec, &now);
	if (error)
		return error;
	const uint64_t begin = (last >> ticks->bits) * ticks->unit_t100ns;
	const uint64_t limit = sn_reach_limit(&settings->reach, now.t100ns, begin);
	*end_ms = sn_store_ms(sec, nsec) + 1 + (limit - now.t100ns) / SN_T100NS_PER_MS;
	return 0;
}

/* ---- renewal --------------------------------------------------------------------------------- */

int sn_file_check_failed(const struct sn_state_file *file)
{
	const int number = (int)atomic_load(&file->image->hot.failed);
	if (number == 0)
		return 0;
	return sn_fail(-number,
		       "a sync of the state file %.200s failed (%s), and what it wrote may be "
		       "lost; restart the host, or use another file",
		       file->path, snowid_strerror(-number));
}

int sn_file_fail_removed(const struct sn_state_file *file)
{
	return sn_state_file_reject(file->path,
				    "was removed or replaced; open the generator again");
}

/* Checks that other processes find this file under its name. If not, they use another. */
static int check_name(const struct sn_state_file *file)
{
	struct stat status;
	if (lstat(file->path, &status) != 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? sn_file_fail_removed(file)
			       : sn_state_file_fail(file->path, -errno, "find");
	if (status.st_dev != file->status.st_dev || status.st_ino != file->status.st_ino)
		return sn_file_fail_removed(file);
	return 0;
}

/* Checks what must be true before anything is recorded, and says what to record. */
static int plan_renewal(const struct sn_state_file *file, const struct sn_store_settings *settings,
			uint64_t *end_ms)
{
	const struct sn_hot_page *const hot = &file->image->hot;
	uint64_t elapsed_ns = 0;
	int64_t sec = 0;
	uint32_t nsec = 0;

	int error = sn_file_check_failed(file);
	if (!error) /* before the elapsed time: if we are stopped in between, it is not a jump */
		error = sn_store_read_clock(settings->clock, &sec, &nsec);
	if (!error)
		error = sn_clock_elapsed(settings->clock, &elapsed_ns);
	if (!error)
		error = sn_store_check_jump(settings, file->path, &file->image->hot.booted, sec,
					    nsec, elapsed_ns);
	if (error)
		return error;
	sn_image_note_elapsed(file->image,
			      sn_image_elapsed_word(elapsed_ns, sn_clock_domain(settings->clock)));
	return end_of_limit(settings, atomic_load(&hot->shared.next) - 1, sec, nsec, end_ms);
}

/* Takes no lock. The order is what counts: read the clock, record, wait for the disk, and only
 * then allow IDs. A process that is stopped in between blocks nobody, and has allowed nothing. The
 * name of the file is checked last: if it has been removed by then, the limit was counted from a
 * reading of the clock that is older than the file that replaces it, which is what reach.h relies
 * on. */
static int record_and_allow(const struct sn_state_file *file,
			    const struct sn_store_settings *settings, uint64_t end_ms)
{
	struct sn_hot_page *const hot = &file->image->hot;

	sn_image_raise_reserved(file->image, end_ms);
	int error = sn_state_file_sync_from(file, offsetof(struct sn_image, reserved));
	/* Linux reports an error once, and then calls the page clean: nobody may try again. */
	if (error)
		atomic_store(&hot->failed, (uint64_t)-error);
	error = sn_file_check_failed(file);
	if (!error)
		error = check_name(file);
	if (!error)
		sn_raise(&hot->shared.limit, sn_image_last_tick(&settings->ticks, end_ms));
	return error;
}

/* Linux reports an error once to those who share an open file description, as parent and child do:
 * if it told the one, the other would believe that all is well. So a child opens the file, which
 * may have lost its name meanwhile. */
static int own_sync(struct sn_state_file *file)
{
	const int error = sn_state_file_own_sync(file);
	const int name_error = error ? check_name(file) : 0;
	return name_error ? name_error : error;
}

/* One thread of a process at a time, because Linux reports an error once to those who share a file
 * description: another thread could otherwise believe that all is well before the first has noted
 * the error. A child finds its parent in *renewer. While the thread is there, no code of the
 * program runs in it, neither a clock's function nor a signal handler, and so it always leaves
 * again. */
int sn_file_renew(struct sn_state_file *file, const struct sn_store_settings *settings,
		  _Atomic uint64_t *renewer)
{
	const uint64_t process = sn_process_number();
	uint64_t other = atomic_load(renewer), end_ms;
	struct sn_critical critical;

	if (other == process)
		return 0;
	int error = plan_renewal(file, settings, &end_ms);
	if (error)
		return error;
	sn_critical_begin(&critical);
	if (atomic_compare_exchange_strong(renewer, &other, process)) {
		error = own_sync(file);
		if (!error)
			error = record_and_allow(file, settings, end_ms);
		atomic_store(renewer, 0);
	}
	sn_critical_end(&critical);
	return error;
}
