/* SPDX-License-Identifier: MIT
 *
 * A file of a host: store. It comes to be whole or not at all; where its IDs begin is decided once
 * it has its name; and one that is of no use any more is replaced by another.
 */
#ifndef SN_HOST_FILE_H
#define SN_HOST_FILE_H

#include "libsnowid/store/host_directory.h"
#include "libsnowid/store/state_file.h"

struct sn_host_file {
	struct sn_state_file file; /* mapped, and locked as in use */
	struct sn_host_directory *directory;
	struct sn_host_file *_Atomic successor; /* opened when this one had lost its name */
	char path[];
};

/* Opens the file at a path in a directory, and makes it if there is none or a useless one. Adopts
 * the fields that it records. IDs continue above those of the file that it replaces for this
 * process (NULL: none). -ENOENT, with a detail: the directory was removed. */
int sn_host_file_open(const struct sn_host_place *place, struct sn_host_directory *directory,
		      const char *path, struct sn_store_settings *settings,
		      const struct sn_host_file *replaces, struct sn_host_file **file);

void sn_host_file_close(struct sn_host_file *file);

/* Gives the name of a file to a new one of the same header, whose IDs begin above a tick. Does
 * nothing if the name leads to another file by now. */
int sn_host_file_replace(const struct sn_state_file *old, int directory, uint64_t floor);

/* Whether an image is of no use any more: it is sealed, or of another boot. */
bool sn_host_file_is_useless(const struct sn_state_file *file, bool in_memory);

#endif
