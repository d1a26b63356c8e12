/* SPDX-License-Identifier: MIT
 *
 * How state files come to be: whole or not at all.
 */
#ifndef SN_PUBLISH_H
#define SN_PUBLISH_H

#include <sys/stat.h>

#include "libsnowid/store/image.h"

/* Checks that the directory of a new file is on a disk of this host. */
int sn_publish_check_directory(const char *path);

/* Makes the image of a file that does not exist yet, if the clock is within the layout. The caller
 * frees it. */
int sn_publish_new_image(const struct sn_store_settings *settings, struct sn_image **image);

/* Completes the header of an image, and writes `size` bytes of it to an empty file. `replaced`: as
 * below. 0 or -errno, without a detail. */
int sn_publish_write(int fd, struct sn_image *image, size_t size, mode_t mode,
		     const struct stat *replaced);

/* Completes the header of an image, writes it to a new file, and gives that file the path once the
 * disk has it. If there is a file by then, which another process has made, that file stays.
 * `replaced`: the status of an existing file, whose place, owner and mode the new one takes; NULL:
 * none. The caller then makes the name durable. */
int sn_publish_image(struct sn_image *image, const char *path, mode_t mode,
		     const struct stat *replaced);

/* Waits until the disk has the name of a file. */
int sn_publish_name(const char *path);

#endif
