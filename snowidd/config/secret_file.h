/* SPDX-License-Identifier: MIT
 *
 * Files that have a secret.
 */
#ifndef SNOWIDD_SECRET_FILE_H
#define SNOWIDD_SECRET_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "snowidd/config/settings.h"

/* Reads the file that the setting `key` names, which not everybody may be able to read. The caller
 * erases the text. False with *error, as when it has `size` bytes or more. */
bool secret_file_read(const char *key, const char *path, char *text, size_t size, size_t *length,
		      struct settings_error *error);

#endif
