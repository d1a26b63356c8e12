/* SPDX-License-Identifier: MIT
 *
 * The store of a worker that a coordinator keeps: a lease, and the one thread that renews it.
 */
#ifndef SN_MANAGER_H
#define SN_MANAGER_H

#include "libsnowid/coordinator/coordinator.h"
#include "libsnowid/store/store.h"

struct sn_manager_settings {
	struct sn_coordinator *coordinator; /* the manager's from here on, also on failure */
	uint64_t ttl_ns;
	size_t field; /* of the store's fields: the one that is assigned */
	uint64_t first, last;
};

/* Claims a worker, and waits for that up to two TTLs. Classes of stores that are kept by a
 * coordinator open with this, and have the functions below. */
int sn_manager_open(const struct sn_manager_settings *settings, const struct sn_store_class *class,
		    const struct sn_store_settings *stored, struct sn_store **store);
int sn_manager_renew(struct sn_store *store);
int sn_manager_release(struct sn_store *store, uint64_t timeout_ns);
void sn_manager_close(struct sn_store *store);

#endif
