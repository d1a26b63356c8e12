/* SPDX-License-Identifier: MIT
 *
 * Looking at the workers that a service keeps, and freeing or resetting one by hand. `rest` is what
 * follows the scheme in a URL.
 */
#ifndef SN_SERVICE_ADMIN_H
#define SN_SERVICE_ADMIN_H

#include "libsnowid/store/admin.h"

/* All records below the path, and after those of each datacenter a summary of its workers. */
int sn_service_inspect(const char *scheme, const char *rest, sn_store_state_fn callback,
		       void *user);

/* These need a URL that names one worker. */
int sn_service_reset(const char *scheme, const char *rest, uint64_t floor_ms);
int sn_service_free_worker(const char *scheme, const char *rest);

#endif
