/* SPDX-License-Identifier: MIT
 *
 * The sockets to accept connections on: of the addresses in the settings, or handed over by systemd.
 */
#ifndef SNOWIDD_LISTEN_H
#define SNOWIDD_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

#include "snowidd/settings.h"

#define SOCKETS_MAX    64
#define LISTEN_BACKLOG 4096

/* The sockets of each worker, in `sockets[worker][]`. */
struct sockets {
	int (*of)[SOCKETS_MAX];
	size_t workers, count;
};

/* Opens them for each worker. False with *error. */
bool listen_open(const struct settings *settings, size_t workers, struct sockets *sockets,
		 struct settings_error *error);

/* Whether the addresses can be read, and are fit for what the settings say else. */
bool listen_check(const struct settings *settings, struct settings_error *error);

/* Frees the memory; the sockets are the workers'. Removes the Unix sockets that were made. */
void listen_close(const struct settings *settings, struct sockets *sockets);

#endif
