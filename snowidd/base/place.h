/* SPDX-License-Identifier: MIT
 *
 * Whether there is a place for a file, for checks that must not make it.
 */
#ifndef SNOWIDD_PLACE_H
#define SNOWIDD_PLACE_H

#include <stdbool.h>

/* Whether something is at this absolute path, or the directory that it would be made in is there
 * and ours to write to. False with errno. */
bool place_is_good(const char *path);

#endif
