/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/tenant.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "libsnowid/base/clock.h"
#include "libsnowid/base/error.h"

#define RETRY_NS UINT64_C(100000000) /* without memory, or a clock */

/* Old blocks stay where they are, because a thread may have been stopped in a claim from one. */
struct sn_tenant_block {
	struct sn_shared_state states[SN_TENANT_STATES];
	struct sn_tenant_page page; /* that of the first block is used */
	struct sn_tenant_block *next;
};

static struct sn_tenant *tenant_of_member(struct sn_cluster_member *member)
{
	return (struct sn_tenant *)(void *)member;
}

static bool tenant_add_block(struct sn_tenant *tenant)
{
	struct sn_tenant_block *const block = mmap(NULL, sizeof *block, PROT_READ | PROT_WRITE,
						   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (block == MAP_FAILED)
		return false;
	block->next = tenant->blocks;
	tenant->blocks = block;
	return true;
}

/* ---- what the thread does -------------------------------------------------------------------- */

static void tenant_answer(struct sn_cluster_member *member, const struct sn_answer *answer)
{
	sn_lease_answer(&tenant_of_member(member)->lease, answer);
}

/* An answer may have begun a tenure, or ended it. The cache knows the end before a release is sent,
 * after which others can have the worker. If the disk fails, the memory of this boot knows it all
 * the same, and after another boot nothing goes on from a tenure. */
static void tenant_update_cache(struct sn_tenant *tenant)
{
	const struct sn_lease *const lease = &tenant->lease;

	if (!tenant->cache)
		return;
	if (sn_lease_owns(lease))
		sn_cache_keep(tenant->cache, &lease->tenure, lease->shared);
	else if (lease->shared)
		sn_cache_end(tenant->cache);
}

/* Errors of the clock are reported by generators, and the lease continues after them. */
static uint64_t tenant_step(struct sn_cluster_member *member)
{
	struct sn_tenant *const tenant = tenant_of_member(member);
	struct sn_lease *const lease = &tenant->lease;
	uint64_t next_ns = RETRY_NS;

	if (atomic_exchange(&tenant->hurried, false))
		sn_lease_hurry(lease);
	if (atomic_load(&tenant->released) && !tenant->releasing) {
		tenant->releasing = true;
		sn_lease_release(lease);
	}
	if (sn_lease_needs_states(lease) && tenant_add_block(tenant))
		sn_lease_add_states(lease, tenant->blocks->states, SN_TENANT_STATES);
	tenant_update_cache(tenant);
	sn_lease_step(lease, &next_ns);
	atomic_store(&member->ended, lease->state == SN_LEASE_ENDED);
	return next_ns;
}

/* A renewal is due when three quarters of the lease are left. It is late when the answer to its
 * first request is: what is then left is the time to do something about it. */
static uint64_t renewal_late_at(const struct sn_lease *lease)
{
	const uint64_t reaction_ns = lease->granted_ns / 2 - lease->granted_ns / 8;
	return sn_lease_owns(lease) && lease->deadline > reaction_ns ? lease->deadline - reaction_ns
								     : 0;
}

static enum snowid_lease lease_as_stat(const struct sn_lease *lease, uint64_t now_ns)
{
	switch (lease->state) {
	case SN_LEASE_OWNING:
	case SN_LEASE_RECLAIMING:
		return now_ns < renewal_late_at(lease) ? SNOWID_LEASE_HELD : SNOWID_LEASE_IN_DOUBT;
	case SN_LEASE_SEEKING:
	case SN_LEASE_CLAIMING:
		return SNOWID_LEASE_LOST;
	case SN_LEASE_RELEASING:
	case SN_LEASE_ENDED:
		break;
	}
	return SNOWID_LEASE_NONE;
}

_Atomic uint64_t *sn_tenant_stat(struct sn_tenant *tenant, enum snowid_stat which)
{
	return &tenant->page->stats[which - SNOWID_STAT_LEASE];
}

static void tenant_publish_stats(struct sn_tenant *tenant, uint64_t now_ns)
{
	const struct sn_lease *const lease = &tenant->lease;
	const struct sn_lease_counters *const counters = &lease->counters;

	atomic_store(&tenant->page->stepped_ns, now_ns);
	atomic_store(&tenant->page->late_at_ns, renewal_late_at(lease));
	atomic_store(sn_tenant_stat(tenant, SNOWID_STAT_LEASE), lease_as_stat(lease, now_ns));
	atomic_store(sn_tenant_stat(tenant, SNOWID_STAT_EPOCH), lease->tenure.epoch);
	atomic_store(sn_tenant_stat(tenant, SNOWID_STAT_LOSSES), counters->losses);
	atomic_store(sn_tenant_stat(tenant, SNOWID_STAT_RENEWALS), counters->renewals);
	atomic_store(sn_tenant_stat(tenant, SNOWID_STAT_RENEWAL_NS), counters->latency_ns);
	atomic_store(sn_tenant_stat(tenant, SNOWID_STAT_WORKERS_FREE),
		     counters->left_known ? counters->left : UINT64_MAX);
}

static void tenant_publish(struct sn_cluster_member *member)
{
	struct sn_tenant *const tenant = tenant_of_member(member);
	const struct sn_lease *const lease = &tenant->lease;
	uint64_t now_ns;

	tenant->view = (struct sn_tenant_view){
		.owns = sn_lease_owns(lease),
		.hopeless = sn_lease_hopeless(lease),
		.ended = lease->state == SN_LEASE_ENDED,
		.worker = lease->tenure.worker,
		.patience_ns = sn_lease_patience(lease),
		.blocker = lease->blocker,
	};
	if (lease->namespace_known)
		memcpy(sn_cluster_namespace(tenant->cluster, lease->settings.root),
		       lease->namespace_id, sizeof lease->namespace_id);
	atomic_store(&tenant->shared, lease->shared);
	if (sn_clock_elapsed(lease->settings.clock, &now_ns) == 0)
		tenant_publish_stats(tenant, now_ns);
}

static void tenant_dispose(struct sn_cluster_member *member)
{
	sn_tenant_free(tenant_of_member(member));
}

/* ---- life ------------------------------------------------------------------------------------ */

struct sn_tenant *sn_tenant_new(struct sn_cluster *cluster, struct snowid_clock *clock)
{
	static const struct sn_cluster_member_class class = {
		.answer = tenant_answer,
		.step = tenant_step,
		.publish = tenant_publish,
		.dispose = tenant_dispose,
	};
	struct sn_tenant *const tenant = calloc(1, sizeof *tenant);

	if (!tenant)
		return NULL;
	tenant->member.class = &class;
	if (!tenant_add_block(tenant)) {
		free(tenant);
		return NULL;
	}
	tenant->cluster = cluster;
	tenant->clock = sn_clock_ref(clock);
	tenant->page = &tenant->blocks->page;
	atomic_store(sn_tenant_stat(tenant, SNOWID_STAT_WORKERS_FREE), UINT64_MAX);
	return tenant;
}

int sn_tenant_begin(struct sn_tenant *tenant, const struct sn_lease_settings *settings)
{
	struct sn_lease_settings own = *settings;

	sn_cluster_lock(tenant->cluster);
	memcpy(own.namespace_id, sn_cluster_namespace(tenant->cluster, own.root),
	       sizeof own.namespace_id);
	own.coordinator = sn_cluster_coordinator(tenant->cluster);
	own.next_serial = sn_cluster_next_serial(tenant->cluster);
	own.clock = tenant->clock;
	own.states = tenant->blocks->states;
	own.state_count = SN_TENANT_STATES;
	if (tenant->cache) {
		own.states = sn_cache_states(tenant->cache);
		own.state_count = SN_CACHE_STATES;
		own.previous = sn_cache_previous(tenant->cache, &own.resumes);
	}
	const int error = sn_lease_init(&tenant->lease, &own);
	if (!error)
		tenant_publish(&tenant->member);
	sn_cluster_unlock(tenant->cluster);
	return error;
}

void sn_tenant_free(struct sn_tenant *tenant)
{
	for (struct sn_tenant_block *block = tenant->blocks; block;) {
		struct sn_tenant_block *const next = block->next;
		munmap(block, sizeof *block);
		block = next;
	}
	if (tenant->cache)
		sn_cache_close(tenant->cache);
	snowid_clock_free(tenant->clock);
	free(tenant);
}
