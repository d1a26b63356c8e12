/* SPDX-License-Identifier: MIT
 *
 * Inspecting a file changes nothing, whoever uses it. A correction writes a new file beside it and
 * then, while nobody uses the old one, puts the new one in its place: whenever that is interrupted,
 * the file is the old one or the new one.
 */
#include "libsnowid/store/file_admin.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "libsnowid/base/error.h"
#include "libsnowid/base/thread.h"
#include "libsnowid/store/publish.h"
#include "libsnowid/store/state_file.h"

#define ADOPTION_MS 3000 /* how far ahead of the clock a copy begins, as a new file does */

static int check_place(const struct sn_state_file *file)
{
	const int error = sn_state_file_check_disk(file->path, file->fd);
	return error ? error : sn_state_file_check_place(file);
}

/* ---- inspecting ------------------------------------------------------------------------------ */

static bool is_durable(const struct sn_state_file *file)
{
	struct sn_file_system file_system;
	return sn_system_file_system(file->fd, &file_system) == 0 && !file_system.in_memory;
}

static bool is_of_this_boot(const struct sn_image *image)
{
	uint64_t elapsed_ns = UINT64_MAX; /* not known: later than any */
	sn_system_elapsed(&elapsed_ns);
	return sn_image_is_of_this_boot(image,
					sn_image_elapsed_word(elapsed_ns, sn_system_time_domain()));
}

void sn_file_describe(const struct sn_state_file *file, struct sn_store_state *state)
{
	const struct sn_header *const header = &file->image->header;
	const struct sn_hot_page *const hot = &file->image->hot;

	state->readable = true;
	state->version = header->version;
	state->kind = header->kind;
	state->fingerprint = header->fingerprint;
	state->field_count = header->field_count;
	state->fields = header->fields;
	sn_image_ticks(file->image, &state->ticks);
	state->created_ms = header->created_ms;
	state->use = sn_system_lock_of_others(file->fd, SN_BYTE_OF_USE);
	state->next = atomic_load(&hot->shared.next);
	state->issued =
		atomic_load(&hot->shared.counted) + sn_ticks_low(&state->ticks, state->next);
	sn_image_holder(file->image, &state->holder);
	state->durable = is_durable(file);
	state->mode = file->status.st_mode & 07777;
	state->owner = file->status.st_uid;
}

static void describe_record(const struct sn_state_file *file, struct sn_store_state *state)
{
	state->recorded = sn_image_recorded(file->image, &state->limit_ms);
	state->this_boot = state->use != SN_LOCK_NONE || is_of_this_boot(file->image);
	state->failed = state->this_boot ? (int)atomic_load(&file->image->hot.failed) : 0;
}

int sn_file_inspect(const char *path, sn_store_state_fn callback, void *user)
{
	char problem[SN_DETAIL_SIZE], url[sizeof "file:" + PATH_MAX];
	struct sn_store_state state = {.url = url};
	struct sn_state_file file;

	int error = sn_state_file_open(&file, path, O_RDONLY);
	if (error)
		return error;
	error = sn_state_file_load(&file);
	if (error == -ENOMEM) {
		sn_state_file_close(&file);
		return error;
	}
	if (!error) {
		sn_file_describe(&file, &state);
		describe_record(&file, &state);
		error = sn_state_file_check_record(&file);
	}
	if (!error)
		error = check_place(&file);
	if (error) {
		snowid_error_detail(problem, sizeof problem);
		state.problem = problem;
	}
	snprintf(url, sizeof url, "file:%s", path);
	error = callback(user, &state);
	sn_state_file_close(&file);
	return error;
}

/* ---- correcting ------------------------------------------------------------------------------ */

int sn_file_lock_out_others(const struct sn_state_file *file)
{
	struct sn_holder holder;

	const int error = sn_state_file_lock(file, SN_BYTE_OF_USE, SN_LOCK_EXCLUSIVE);
	if (error != -EBUSY)
		return error;
	sn_image_holder(file->image, &holder);
	return sn_fail(-EBUSY,
		       "the state file %.160s is in use, last opened by process %" PRIu64
		       " on %s; stop all processes that use it",
		       file->path, holder.process, holder.host);
}

/* Replaces the file by one whose IDs begin above an instant, as after a reboot. */
static int replace_file(const struct sn_state_file *file, uint64_t end_ms)
{
	memset(&file->image->hot, 0, sizeof file->image->hot);
	sn_image_set_reserved(file->image, end_ms, 0);
	const int error = sn_publish_image(file->image, file->path, 0, &file->status);
	return error ? error : sn_publish_name(file->path);
}

static int adopt_file(const struct sn_state_file *file)
{
	uint64_t end_ms;
	int64_t sec;
	uint32_t nsec;

	if (!sn_state_file_is_copy(file) && !sn_state_file_is_copied_on_write(file))
		return 0;
	int error = sn_state_file_check_record(file);
	if (!error)
		error = sn_file_lock_out_others(file);
	if (!error)
		error = snowid_clock_read(NULL, &sec, &nsec, NULL);
	if (error)
		return error;
	/* The original may have been used until now, after it was copied. */
	const uint64_t start_ms = (uint64_t)sec * 1000 + nsec / 1000000 + ADOPTION_MS;
	sn_image_recorded(file->image, &end_ms);
	return replace_file(file, end_ms > start_ms ? end_ms : start_ms);
}

int sn_file_adopt(const char *path)
{
	struct sn_state_file file;
	int error = sn_state_file_open(&file, path, O_RDWR);
	if (!error)
		error = sn_state_file_load(&file);
	if (!error)
		error = adopt_file(&file);
	sn_state_file_close(&file);
	return error;
}

int sn_file_locate_floor(const struct sn_state_file *file, uint64_t floor_ms, uint64_t *tick)
{
	struct sn_ticks ticks;
	struct sn_reading floor;

	sn_image_ticks(file->image, &ticks);
	if (sn_ticks_locate(&ticks, (int64_t)(floor_ms / 1000),
			    (uint32_t)(floor_ms % 1000) * 1000000, &floor) != 0)
		return sn_fail(SNOWID_E_RANGE,
			       "the floor is outside the layout of the state file %.200s",
			       file->path);
	*tick = floor.tick;
	return 0;
}

static int reset_file(const struct sn_state_file *file, uint64_t floor_ms)
{
	uint64_t tick;

	int error = sn_file_locate_floor(file, floor_ms, &tick);
	if (!error)
		error = check_place(file);
	if (!error)
		error = sn_file_lock_out_others(file);
	return error ? error : replace_file(file, floor_ms);
}

int sn_file_reset(const char *path, uint64_t floor_ms)
{
	struct sn_state_file file;
	int error = sn_state_file_open(&file, path, O_RDWR);
	if (!error)
		error = sn_state_file_load(&file);
	if (!error)
		error = reset_file(&file, floor_ms);
	sn_state_file_close(&file);
	return error;
}
