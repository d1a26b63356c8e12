/* SPDX-License-Identifier: MIT
 *
 * The part of a generator that the thread of a cluster has: its lease, the shared states of its
 * tenures, and what others may know of them.
 */
#ifndef SN_TENANT_H
#define SN_TENANT_H

#include "libsnowid/coordinator/cache.h"
#include "libsnowid/coordinator/cluster.h"
#include "libsnowid/coordinator/lease.h"

#define SN_TENANT_STATES 64 /* shared states that are made at once */

#define SN_LEASE_STATS (SNOWID_STAT_WORKERS_FREE - SNOWID_STAT_LEASE + 1)

/* What children share with the process that opened the generator. */
struct sn_tenant_page {
	_Atomic uint64_t stepped_ns; /* elapsed time when the lease was last stepped */
	_Atomic uint64_t late_at_ns; /* when the next renewal will be late; 0: it is, or is lost */
	_Atomic uint64_t stats[SN_LEASE_STATS];
};

/* What the thread publishes, for threads that have the lock of the cluster. */
struct sn_tenant_view {
	bool owns;     /* a worker */
	bool hopeless; /* as of the lease */
	bool ended;    /* the release is over */
	uint64_t worker;
	uint64_t patience_ns;
	struct sn_blocker blocker;
};

struct sn_tenant_block;

struct sn_tenant {
	struct sn_cluster_member member; /* must be the first member (downcast) */
	struct sn_cluster *cluster;
	struct snowid_clock *clock;
	struct sn_lease lease;
	struct sn_cache *cache;         /* with the shared states that come first; NULL: none */
	struct sn_tenant_block *blocks; /* the newest first */
	struct sn_tenant_page *page;
	struct sn_tenant_view view;
	struct sn_shared_state
		*_Atomic shared; /* of the present tenure; NULL: there was none yet */
	atomic_bool hurried;     /* somebody waits at the limit */
	atomic_bool released;    /* or is about to be */
	bool releasing;          /* the lease knows it */
};

/* Makes a tenant with shared states, but without a lease and a cache. NULL: there is no memory. */
struct sn_tenant *sn_tenant_new(struct sn_cluster *cluster, struct snowid_clock *clock);

/* Begins its lease. The settings need nothing that the tenant or its cluster has, and their texts
 * are of the cluster. */
int sn_tenant_begin(struct sn_tenant *tenant, const struct sn_lease_settings *settings);

/* Frees one that no cluster has. */
void sn_tenant_free(struct sn_tenant *tenant);

_Atomic uint64_t *sn_tenant_stat(struct sn_tenant *tenant, enum snowid_stat which);

#endif
