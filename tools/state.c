/* SPDX-License-Identifier: MIT
 *
 * The default state of a user who has named neither a worker nor a store: one file for each layout.
 * All running copies of the tool share that file, and therefore never make the same ID twice.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snowid-tool.h"

/* Short, because a new file starts one reserve ahead of the clock, if that is three times hold. */
#define RESERVE "250ms"
#define HOLD    "83ms"
#define HINT    "use --field worker=N or the like, or set XDG_STATE_HOME to a directory of yours"

static void state_directory(char path[PATH_MAX])
{
	/* Relative paths must be ignored (XDG Base Directory Specification). */
	const char *const state = getenv("XDG_STATE_HOME"), *const home = getenv("HOME");
	int length = -1;

	if (state && state[0] == '/')
		length = snprintf(path, PATH_MAX, "%s/snowid", state);
	else if (home && home[0] == '/')
		length = snprintf(path, PATH_MAX, "%s/.local/state/snowid", home);
	if (length < 0 || length >= PATH_MAX)
		exit_failure("HOME is not set to a directory for the state; " HINT);
}

/* Makes the directory and its parents, accessible only to the user. */
static void make_state_directory(char path[PATH_MAX])
{
	struct stat info;
	int error = 0;

	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			error = errno;
		*slash = '/';
	}
	if (mkdir(path, 0700) != 0 && errno != EEXIST && !error)
		error = errno;
	const int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		exit_failure("cannot create %s for the state: %s; " HINT, path,
			     strerror(error ? error : errno));
	if (fstat(directory, &info) != 0 || info.st_uid != geteuid() || (info.st_mode & 022))
		exit_failure("%s belongs to another user, or others can write to it; " HINT, path);
	close(directory);
}

void use_default_state(const struct kind *kind, struct snowid_config *config)
{
	char path[PATH_MAX], url[PATH_MAX + 32];
	struct part parts[PARTS_MAX];
	uint64_t fingerprint = 0;

	state_directory(path);
	make_state_directory(path);
	snowid_layout_info(kind->layout, SNOWID_LAYOUT_FINGERPRINT, &fingerprint);
	snprintf(url, sizeof url, "file:%s/%016" PRIx64 ".state", path, fingerprint);
	for (size_t i = kind_parts(kind, parts); i-- > 1;)
		if (strcmp(parts[i].name, "sequence") != 0 &&
		    snowid_config_set_field(config, parts[i].name, 0) != 0)
			exit_failure("%s", error_detail());
	if (snowid_config_set_store(config, url) != 0 ||
	    snowid_config_set(config, "reserve", RESERVE) != 0 ||
	    snowid_config_set(config, "hold", HOLD) != 0)
		exit_failure("%s", error_detail());
}

const char *store_from_environment(void)
{
	const char *const store = secure_getenv("SNOWID_STORE"); /* as in the library */
	return store && *store ? store : NULL;
}

static int is_state_file(const struct dirent *entry)
{
	const size_t length = strlen(entry->d_name);
	return length > 6 && strcmp(entry->d_name + length - 6, ".state") == 0;
}

static void for_each_state(void (*use)(const char *url, void *user), void *user)
{
	char path[PATH_MAX], url[PATH_MAX + NAME_MAX + 8];
	struct dirent **entries = NULL;

	state_directory(path);
	const int count = scandir(path, &entries, is_state_file, alphasort);
	for (int i = 0; i < count; i++) {
		snprintf(url, sizeof url, "file:%s/%s", path, entries[i]->d_name);
		use(url, user);
		free(entries[i]);
	}
	free(entries);
}

void for_each_default_store(void (*use)(const char *url, void *user), void *user)
{
	const char *const url = store_from_environment();

	if (url) {
		use(url, user);
		return;
	}
	for_each_state(use, user);
	use("host:", user);
}
