/* SPDX-License-Identifier: MIT
 *
 * State files without a generator: what one holds, and setting one right by hand.
 *
 * To look changes nothing, whoever uses the file. What changes one writes another beside it, and puts
 * that in its place while nobody uses it: it is the old one or the new one, whenever this ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsnowid/base/error.h"
#include "libsnowid/store/image.h"
#include "libsnowid/base/thread.h"

#define ADOPTION_MS 3000 /* how far above the clock a copy begins, as a new file does */

struct state_file {
	const char *path;
	int fd;
	struct stat status;
	struct sn_image *image; /* a copy of what the file holds */
};

static void close_file(struct state_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->image);
}

static int open_file(struct state_file *f, const char *path, int flags)
{
	*f = (struct state_file){.path = path};
	/* Not to wait at a FIFO. */
	f->fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (f->fd >= 0)
		return 0;
	return errno == ELOOP ? sn_image_refuse(path, "is a symbolic link; name the file itself")
			      : sn_image_fail(errno, "open", path);
}

/* Reads all of it, if it is a state file that can be read. */
static int read_file(struct state_file *f)
{
	const int error = sn_image_check_file(f->fd, f->path, &f->status);
	if (error)
		return error;
	f->image = aligned_alloc(SN_IMAGE_PART, sizeof *f->image);
	if (!f->image)
		return sn_fail_nomem();
	const ssize_t got = pread(f->fd, f->image, sizeof *f->image, 0);
	if (got < 0)
		return sn_image_fail(errno, "read", f->path);
	if (got < (ssize_t)sizeof *f->image)
		return sn_image_refuse(f->path, "is being truncated by another program; stop that");
	return sn_image_check(f->image, f->path);
}

/* ---- looking --------------------------------------------------------------------------------- */

static bool is_durable(int fd)
{
	struct sn_file_system file_system;
	return sn_system_file_system(fd, &file_system) == 0 && !file_system.in_memory;
}

static void describe(const struct state_file *f, struct sn_store_state *state)
{
	const struct sn_header *const header = &f->image->header;
	const struct sn_hot_page *const hot = &f->image->hot;

	state->readable = true;
	state->version = header->version;
	state->kind = header->kind;
	state->fingerprint = header->fingerprint;
	state->field_count = header->field_count;
	state->fields = header->fields;
	sn_image_ticks(f->image, &state->ticks);
	state->created_ms = header->created_ms;
	state->recorded = sn_image_recorded(f->image, &state->limit_ms);
	state->this_boot = sn_image_of_this_boot(f->image);
	state->next = atomic_load(&hot->shared.next);
	state->issued =
		atomic_load(&hot->shared.counted) + sn_ticks_low(&state->ticks, state->next);
	state->failed = state->this_boot ? (int)atomic_load(&hot->failed) : 0;
	state->use = sn_system_lock_of_others(f->fd, SN_BYTE_OF_USE);
	sn_image_holder(f->image, &state->holder);
	state->durable = is_durable(f->fd);
	state->mode = f->status.st_mode & 07777;
	state->owner = f->status.st_uid;
}

int sn_state_file_inspect(const char *path, sn_store_state_fn tell, void *user)
{
	char problem[SN_DETAIL_SIZE], url[sizeof "file:" + PATH_MAX];
	struct sn_store_state state = {.url = url};
	struct state_file f;

	int error = open_file(&f, path, O_RDONLY);
	if (error)
		return error;
	error = read_file(&f);
	if (error == -ENOMEM) {
		close_file(&f);
		return error;
	}
	if (!error) {
		describe(&f, &state);
		error = sn_image_check_record(f.image, path);
	}
	if (!error)
		error = sn_image_check_place(f.image, f.fd, path);
	if (error) {
		snowid_error_detail(problem, sizeof problem);
		state.problem = problem;
	}
	snprintf(url, sizeof url, "file:%s", path);
	error = tell(user, &state);
	close_file(&f);
	return error;
}

/* ---- setting right --------------------------------------------------------------------------- */

/* Keeps others from the file until it is closed. */
static int keep_out(const struct state_file *f)
{
	struct sn_holder holder;

	const int error = sn_image_lock(f->fd, f->path, SN_BYTE_OF_USE, SN_LOCK_EXCLUSIVE);
	if (error != -EBUSY)
		return error;
	sn_image_holder(f->image, &holder);
	return sn_fail(-EBUSY,
		       "the state file %.160s is in use, last opened by process %" PRIu64
		       " on %s; stop all processes that use it",
		       f->path, holder.process, holder.host);
}

/* Puts a file in its place whose words begin above an instant, as after another boot. */
static int replace(struct state_file *f, uint64_t end_ms)
{
	memset(&f->image->hot, 0, sizeof f->image->hot);
	sn_image_record(f->image, end_ms);
	const int error = sn_image_publish(f->image, f->path, 0, &f->status);
	return error ? error : sn_image_sync_name(f->path);
}

static int adopt(struct state_file *f)
{
	uint64_t end_ms;
	int64_t sec;
	uint32_t nsec;

	if (!sn_image_is_copy(f->image, f->fd, &f->status))
		return 0;
	int error = sn_image_check_record(f->image, f->path);
	if (!error)
		error = keep_out(f);
	if (!error)
		error = snowid_clock_read(NULL, &sec, &nsec, NULL);
	if (error)
		return error;
	/* The original may have gone on after it was copied, up to now. */
	const uint64_t start_ms = (uint64_t)sec * 1000 + nsec / 1000000 + ADOPTION_MS;
	sn_image_recorded(f->image, &end_ms);
	return replace(f, end_ms > start_ms ? end_ms : start_ms);
}

int sn_state_file_adopt(const char *path)
{
	struct state_file f;
	int error = open_file(&f, path, O_RDWR);
	if (!error)
		error = read_file(&f);
	if (!error)
		error = adopt(&f);
	close_file(&f);
	return error;
}

static int reset(struct state_file *f, uint64_t floor_ms)
{
	struct sn_ticks ticks;
	struct sn_reading floor;

	sn_image_ticks(f->image, &ticks);
	if (sn_ticks_locate(&ticks, (int64_t)(floor_ms / 1000),
			    (uint32_t)(floor_ms % 1000) * 1000000, &floor) != 0)
		return sn_fail(SNOWID_E_RANGE,
			       "the floor is outside the layout of the state file %.200s", f->path);
	int error = sn_image_check_place(f->image, f->fd, f->path);
	if (!error)
		error = keep_out(f);
	return error ? error : replace(f, floor_ms);
}

int sn_state_file_reset(const char *path, uint64_t floor_ms)
{
	struct state_file f;
	int error = open_file(&f, path, O_RDWR);
	if (!error)
		error = read_file(&f);
	if (!error)
		error = reset(&f, floor_ms);
	close_file(&f);
	return error;
}
