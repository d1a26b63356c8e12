/* SPDX-License-Identifier: MIT
 *
 * Files that have a secret.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "snowidd/config/secret_file.h"

/* Who can read the file has the secret. Pipes and devices have no such permissions. */
static bool is_private(FILE *file)
{
	struct stat info;

	return fstat(fileno(file), &info) != 0 || !S_ISREG(info.st_mode) ||
	       !(info.st_mode & S_IROTH);
}

bool secret_file_read(const char *key, const char *path, char *text, size_t size, size_t *length,
		      struct settings_error *error)
{
	FILE *const file = fopen(path, "re");

	if (!file)
		return settings_fail(error, "%s: cannot read %s: %s", key, path, strerror(errno));
	setvbuf(file, NULL, _IONBF, 0); /* so that no copy stays in the buffer */
	const bool is_good = is_private(file);
	*length = is_good ? fread(text, 1, size, file) : 0;
	fclose(file);
	if (!is_good)
		return settings_fail(error,
				     "%s: everybody can read %s; take that away with chmod o-r",
				     key, path);
	return *length < size || settings_fail(error, "%s: %s is too long", key, path);
}
