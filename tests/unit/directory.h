/* SPDX-License-Identifier: MIT
 *
 * A directory of its own for each test, below the one that the tests run in, which is on a real disk.
 */
#ifndef TESTS_DIRECTORY_H
#define TESTS_DIRECTORY_H

#include <dirent.h>
#include <unistd.h>

#include "tests/unit/check.h"

static char directory[4096];

static inline void directory_make(void)
{
	if (!getcwd(directory, sizeof directory - 64))
		ck_abort_msg("getcwd");
	strcat(directory, "/state.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

/* With the files in it, also those that a killed process has left. */
static inline void directory_remove(void)
{
	DIR *const entries = opendir(directory);
	struct dirent *entry;
	while ((entry = readdir(entries)))
		unlinkat(dirfd(entries), entry->d_name, 0);
	closedir(entries);
	rmdir(directory);
}

#endif
