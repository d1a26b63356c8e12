/* SPDX-License-Identifier: MIT
 *
 * Whether there is a place for a file.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "snowidd/base/place.h"

bool place_is_good(const char *path)
{
	char directory[PATH_MAX];

	if (access(path, F_OK) == 0)
		return true;
	const size_t length = (size_t)(strrchr(path, '/') - path);
	snprintf(directory, sizeof directory, "%.*s", length > 0 ? (int)length : 1, path);
	return access(directory, W_OK | X_OK) == 0;
}
