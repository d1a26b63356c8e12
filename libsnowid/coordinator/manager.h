/* SPDX-License-Identifier: MIT
 *
 * The store of a worker whose record a coordinator keeps, as generators use it.
 */
#ifndef SN_MANAGER_H
#define SN_MANAGER_H

#include "libsnowid/coordinator/module.h"
#include "libsnowid/store/store.h"

/* Nothing in it needs to outlive the call, except the module. */
struct sn_manager_settings {
	const struct sn_module *module;
	const struct sn_coordinator_settings *service;
	const char *root, *path; /* as in struct sn_request */
	const char *cache_file;  /* NULL: none */
	uint64_t ttl_ns, reserve_ns;
	size_t field_index; /* which of the fields is assigned */
	uint64_t first_worker, last_worker;
};

/* Claims a worker, and waits until it has one: for as long as the lease of an owner that has
 * crashed may last. SNOWID_E_STORE: why there is none. The class of a store with a coordinator
 * calls this to open it, and uses the other functions as they are. */
int sn_manager_open(const struct sn_manager_settings *settings, const struct sn_store_class *class,
		    const struct sn_store_settings *stored, struct sn_store **store);
int sn_manager_renew(struct sn_store *store);
int sn_manager_check_renewal(struct sn_store *store, uint64_t *next_ns);
int sn_manager_check_final(const struct sn_store *store);
uint64_t sn_manager_lease_stat(const struct sn_store *store, enum snowid_stat which);
int sn_manager_release(struct sn_store *store, uint64_t timeout_ns);
void sn_manager_close(struct sn_store *store);

#endif
