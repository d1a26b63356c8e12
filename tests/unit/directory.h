/* SPDX-License-Identifier: MIT
 *
 * A directory for each test, below the one in which the tests run, because that is on a real disk.
 */
#ifndef TESTS_DIRECTORY_H
#define TESTS_DIRECTORY_H

#include <dirent.h>
#include <unistd.h>

#include "tests/unit/check.h"

static char directory[4096];

/* How many files are in it. */
static inline int directory_count(void)
{
	DIR *const entries = opendir(directory);
	struct dirent *entry;
	int count = 0;
	while ((entry = readdir(entries)))
		count += entry->d_name[0] != '.';
	closedir(entries);
	return count;
}

static inline void directory_make(void)
{
	if (!getcwd(directory, sizeof directory - 64))
		ck_abort_msg("getcwd");
	strcat(directory, "/state.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

static inline void directory_clear(void)
{
	DIR *const entries = opendir(directory);
	struct dirent *entry;
	while ((entry = readdir(entries)))
		unlinkat(dirfd(entries), entry->d_name, 0);
	closedir(entries);
}

/* With all files in it: a killed process may have left some. */
static inline void directory_remove(void)
{
	directory_clear();
	rmdir(directory);
}

#endif
