/* SPDX-License-Identifier: MIT
 *
 * The worker ID in a host name, such as the 7 of ids-7.
 */
#ifndef SNOWIDD_HOST_WORKER_H
#define SNOWIDD_HOST_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "snowidd/config/settings.h"

/* Whether a worker_id is "hostname" or "hostname:PREFIX". */
bool host_worker_is_asked_for(const char *worker_id);

/* Reads the number that such a worker_id takes from the name of a host: with a prefix, all that
 * follows it; otherwise the only number of the name, after its last dash. */
bool host_worker_parse(const char *worker_id, const char *host, uint64_t *worker,
		       struct settings_error *error);

#endif
