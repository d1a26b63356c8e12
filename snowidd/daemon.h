/* SPDX-License-Identifier: MIT
 *
 * The running daemon: puts the parts together, and takes them apart in order.
 */
#ifndef SNOWIDD_DAEMON_H
#define SNOWIDD_DAEMON_H

#include "snowidd/config/live.h"

/* Runs until it is told to stop. A reload reads the same options and file again; a reference to
 * `live` is taken. Returns the exit status. */
int daemon_run(struct live *live, char **options, const char *file);

#endif
