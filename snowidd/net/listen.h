/* SPDX-License-Identifier: MIT
 *
 * The sockets to accept connections on: with the addresses in the settings, or passed by the
 * service manager.
 */
#ifndef SNOWIDD_LISTEN_H
#define SNOWIDD_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "snowidd/config/settings.h"

#define SOCKETS_MAX    64
#define LISTEN_BACKLOG 4096
#define SOCKET_PATH    108 /* unix(7) */

struct protocol;

/* A Unix socket that was made, as it is in the file system. */
struct socket_file {
	char path[SOCKET_PATH];
	dev_t device;
	ino_t inode;
};

/* The sockets of each loop, in `fds[loop][]`, and what is spoken on each. */
struct sockets {
	int (*fds)[SOCKETS_MAX];
	const struct protocol *protocols[SOCKETS_MAX];
	size_t loops, count;
	struct socket_file files[SOCKETS_MAX];
	size_t file_count;
};

/* What the addresses in a setting are for. */
struct listen_protocols {
	const struct protocol *rest;  /* listen */
	const struct protocol *grpc;  /* grpc.listen */
	const struct protocol *admin; /* admin.listen */
};

/* Opens the sockets of each loop. False with *error. */
bool listen_open(const struct settings *settings, size_t loops,
		 const struct listen_protocols *protocols, struct sockets *sockets,
		 struct settings_error *error);

/* Whether any of the sockets is for a protocol. */
bool listen_serves(const struct sockets *sockets, const struct protocol *protocol);

/* Whether the addresses can be read, and are fit for what the settings say else; if `thorough`,
 * also whether there are directories for Unix sockets. */
bool listen_check(const struct settings *settings, bool thorough, struct settings_error *error);

/* Frees the memory; the sockets belong to the loops. Removes the Unix sockets that were made,
 * unless another has taken their place. */
void listen_close(struct sockets *sockets);

#endif
