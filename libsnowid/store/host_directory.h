/* SPDX-License-Identifier: MIT
 *
 * The directory of a host: store, and whether a file still has its name there.
 *
 * A process keeps one descriptor of each directory that it has used, so that it can look at names
 * after it has changed its user or root directory, and however many generators it has. The program
 * may close it, and use its number for something else; so it is checked before it is believed.
 */
#ifndef SN_HOST_DIRECTORY_H
#define SN_HOST_DIRECTORY_H

#include <stdbool.h>
#include <sys/stat.h>

#include "libsnowid/base/system.h"

struct sn_host_directory;

/* Which directory. */
struct sn_host_place {
	const char *path;
	uid_t user;   /* who opened the store */
	bool of_user; /* the user's own, which is made when it is missing */
};

/* The path of a user's own directory. */
void sn_host_directory_path(uid_t user, char path[SN_SYSTEM_HOST_PATH]);

/* Opens a directory, and checks that those who can write to it may be trusted. It stays open until
 * the process ends. SN_STORE_ABSENT: this host can never have it. */
int sn_host_directory_open(const struct sn_host_place *place, struct sn_host_directory **directory);

/* Its descriptor, for calls as openat(2). SNOWID_E_STORE: the program has closed it, and the path
 * leads to no or another directory now. */
int sn_host_directory_descriptor(const struct sn_host_place *place,
				 struct sn_host_directory *directory, int *fd);

/* Whether it loses its files when the host stops. */
bool sn_host_directory_is_in_memory(const struct sn_host_directory *directory);

/* Whether a name in it leads to no or another file than the one that has this status. */
int sn_host_directory_check_name(const struct sn_host_place *place,
				 struct sn_host_directory *directory, const char *name,
				 const struct stat *file, bool *removed);

#endif
