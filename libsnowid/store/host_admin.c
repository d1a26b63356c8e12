/* SPDX-License-Identifier: MIT */
#include "libsnowid/store/host_admin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsnowid/base/error.h"
#include "libsnowid/base/thread.h"
#include "libsnowid/store/file_admin.h"
#include "libsnowid/store/host_file.h"

#define NAME_DIGITS 16
#define NAME_LENGTH (2 * NAME_DIGITS + 1)

/* ---- the files of a directory ---------------------------------------------------------------- */

/* Whether it is a name that the store gives: two numbers of 16 hexadecimal digits. */
static bool is_file_name(const char *name)
{
	return strlen(name) == NAME_LENGTH && name[NAME_DIGITS] == '-' &&
	       strspn(name, "0123456789abcdef") == NAME_DIGITS &&
	       strspn(name + NAME_DIGITS + 1, "0123456789abcdef") == NAME_DIGITS;
}

static int select_file(const struct dirent *entry)
{
	return is_file_name(entry->d_name);
}

/* Called with a file that is open, and the error that opening it has given. */
typedef int (*file_fn)(void *user, struct sn_state_file *file, int directory, int error);

static int visit_file(int directory, const char *path, int flags, file_fn visit, void *user)
{
	struct sn_state_file file;

	int error = sn_state_file_open_in(&file, directory, path, flags);
	if (error == -ENOENT)
		return 0;
	if (!error)
		error = sn_state_file_load(&file);
	error = error == -ENOMEM ? error : visit(user, &file, directory, error);
	sn_state_file_close(&file);
	return error;
}

/* In the order of their names. */
static int visit_files(int fd, const char *directory, int flags, file_fn visit, void *user)
{
	struct dirent **entries = NULL;
	char path[PATH_MAX + NAME_LENGTH + 2];
	int error = 0;

	const int count = scandir(directory, &entries, select_file, alphasort);
	if (count < 0)
		return sn_fail(-errno, "cannot read the directory %.200s: %s", directory,
			       snowid_strerror(-errno));
	for (int i = 0; i < count; i++) {
		if (!error) {
			snprintf(path, sizeof path, "%s/%.*s", directory, NAME_LENGTH,
				 entries[i]->d_name);
			error = visit_file(fd, path, flags, visit, user);
		}
		free(entries[i]);
	}
	free(entries);
	return error;
}

/* `rest`: a directory, one of its files, or nothing for the user's own directory. One that does not
 * exist has no files. */
static int visit_place(const char *rest, int flags, file_fn visit, void *user)
{
	char directory[PATH_MAX];
	const size_t length = strlen(rest);
	const bool is_file = length > NAME_LENGTH && rest[length - NAME_LENGTH - 1] == '/' &&
			     is_file_name(rest + length - NAME_LENGTH);

	if (length == 0)
		sn_host_directory_path(geteuid(), directory);
	else
		snprintf(directory, sizeof directory, "%.*s",
			 (int)(is_file ? length - NAME_LENGTH - 1 : length), rest);
	const int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && length == 0)
		return 0;
	if (fd < 0)
		return sn_fail(-errno, "cannot open the directory %.200s: %s", directory,
			       snowid_strerror(-errno));
	const int error = is_file ? visit_file(fd, rest, flags, visit, user)
				  : visit_files(fd, directory, flags, visit, user);
	close(fd);
	return error;
}

/* ---- the calls ------------------------------------------------------------------------------- */

struct inspection {
	sn_store_state_fn callback;
	void *user;
};

static int inspect_file(void *user, struct sn_state_file *file, int directory, int error)
{
	const struct inspection *const inspection = user;
	char problem[SN_DETAIL_SIZE], url[sizeof "host:" + PATH_MAX + NAME_LENGTH + 1];
	struct sn_store_state state = {.url = url};

	(void)directory;
	if (!error) {
		sn_file_describe(file, &state);
		state.this_boot = !sn_host_file_is_useless(file, !state.durable);
		state.durable = false; /* another boot begins it as new */
		error = sn_state_file_check_place(file);
	}
	if (error) {
		snowid_error_detail(problem, sizeof problem);
		state.problem = problem;
	}
	snprintf(url, sizeof url, "host:%s", file->path);
	return inspection->callback(inspection->user, &state);
}

int sn_host_inspect(const char *rest, sn_store_state_fn callback, void *user)
{
	struct inspection inspection = {callback, user};
	return visit_place(rest, O_RDONLY, inspect_file, &inspection);
}

int sn_host_adopt(const char *rest)
{
	(void)rest;
	return sn_fail(SNOWID_E_STORE, "host: has no file to adopt; remove a copy");
}

/* A file that is in use follows the name, and so may not be reset: nobody knows how far its users
 * have gone. */
static int reset_host_file(void *user, struct sn_state_file *file, int directory, int error)
{
	const uint64_t *const floor_ms = user;
	uint64_t tick = 0;

	if (!error)
		error = sn_file_locate_floor(file, *floor_ms, &tick);
	if (!error)
		error = sn_file_lock_out_others(file);
	return error ? error : sn_host_file_replace(file, directory, tick);
}

int sn_host_reset(const char *rest, uint64_t floor_ms)
{
	return visit_place(rest, O_RDWR, reset_host_file, &floor_ms);
}
