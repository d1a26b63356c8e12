/* SPDX-License-Identifier: MIT
 *
 * What threads of the program do: they open, and wait, and read what the thread of the cluster has
 * published; when they make IDs, they only wake it. A child made by fork uses the shared states and
 * nothing else.
 */
#include "libsnowid/coordinator/manager.h"

#include <stdlib.h>

#include "libsnowid/base/clock.h"
#include "libsnowid/base/error.h"
#include "libsnowid/base/process.h"
#include "libsnowid/base/thread.h"
#include "libsnowid/coordinator/tenant.h"
#include "libsnowid/store/store_clock.h"

/* How long a child waits for its opener once this has been silent for a TTL: after a suspension of
 * the host, both are late. */
#define OPENER_GRACE_NS UINT64_C(1000000000)

#define CHECK_MIN_NS UINT64_C(1000000)

struct manager {
	struct sn_store store; /* must be the first member (downcast) */
	struct sn_cluster *cluster;
	struct sn_tenant *tenant; /* of the thread, but for what it publishes */
	bool joined;              /* the cluster has the tenant */
	struct sn_blocker_place place;
	uint64_t ttl_ns;
	uint64_t linger_ns;          /* of the tenant, after the manager */
	uint64_t opener;             /* sn_process_number() of the process that has the thread */
	uint16_t domain;             /* of the clock, there */
	_Atomic uint64_t noticed_ns; /* when a child noticed that its opener is silent */
	atomic_flag released;
};

static struct manager *manager_of_store(struct sn_store *store)
{
	return (struct manager *)(void *)store;
}

static bool is_inherited(const struct manager *manager)
{
	return sn_process_number() != manager->opener;
}

/* The tenure may have gone on in other memory. */
static void manager_update_shared(struct manager *manager)
{
	struct sn_shared_state *const shared = atomic_load(&manager->tenant->shared);
	if (shared)
		atomic_store(&manager->store.shared, shared);
}

/* ---- opening --------------------------------------------------------------------------------- */

static bool view_decides_opening(const struct sn_tenant_view *view)
{
	return view->owns || view->hopeless;
}

static bool view_shows_end(const struct sn_tenant_view *view)
{
	return view->ended;
}

/* Whether the clock can be read at all: without it the lease does nothing. */
static int check_clock(const struct manager *manager)
{
	const struct sn_store_settings *const stored = &manager->store.settings;
	struct sn_reading now;
	return sn_ticks_read(&stored->ticks, stored->clock, &now);
}

/* Waits until the view shows something, or until a wait has ended that may take *own_ns, or the
 * patience of the lease. */
static int manager_wait_until(struct manager *manager, const struct sn_wait *wait,
			      const uint64_t *own_ns, bool (*shows)(const struct sn_tenant_view *),
			      struct sn_tenant_view *view)
{
	uint64_t begin_ns = 0, left_ns = 0;

	int error = sn_clock_elapsed(wait->clock, &begin_ns);
	sn_cluster_lock(manager->cluster);
	for (;;) {
		*view = manager->tenant->view;
		if (error || shows(view))
			break;
		uint64_t end_ns = wait->end_ns;
		if (!wait->bounded &&
		    __builtin_add_overflow(begin_ns, own_ns ? *own_ns : view->patience_ns, &end_ns))
			end_ns = UINT64_MAX;
		sn_cluster_unlock(manager->cluster);
		error = check_clock(manager);
		if (!error)
			error = sn_wait_left(wait, end_ns, &left_ns);
		sn_cluster_lock(manager->cluster);
		if (!error && left_ns == 0)
			break;
		if (!error)
			error = sn_cluster_await(manager->cluster, wait->clock, left_ns);
	}
	sn_cluster_unlock(manager->cluster);
	return error;
}

static int manager_await_worker(struct manager *manager, struct sn_store_field *field)
{
	struct sn_tenant_view view;

	const int error = manager_wait_until(manager, &manager->store.settings.wait, NULL,
					     view_decides_opening, &view);
	if (error)
		return error;
	if (!view.owns)
		return sn_blocker_fail(&view.blocker, &manager->place);
	field->value = view.worker;
	field->set_by_user = true;
	manager_update_shared(manager);
	return 0;
}

/* Copies what must outlive the connection. */
static int manager_copy_texts(struct manager *manager, const struct sn_manager_settings *settings,
			      struct sn_lease_settings *lease)
{
	lease->root = sn_cluster_text(manager->cluster, settings->root);
	lease->path = sn_cluster_text(manager->cluster, settings->path);
	lease->kind = sn_cluster_text(manager->cluster, manager->store.settings.kind);
	return lease->root && lease->path && lease->kind ? 0 : sn_fail_nomem();
}

static int manager_open_cache(struct manager *manager, const char *file,
			      const struct sn_lease_settings *lease)
{
	const struct sn_cache_subject subject = {
		.path = lease->path,
		.clock = manager->store.settings.clock,
		.ticks = lease->ticks,
		.fingerprint = lease->fingerprint,
		.first_worker = lease->first_worker,
		.last_worker = lease->last_worker,
		.identity = lease->identity,
		.worker_shift = lease->worker_shift,
	};
	return sn_cache_open(file, &subject, &manager->tenant->cache);
}

static int manager_begin_lease(struct manager *manager, const struct sn_manager_settings *settings)
{
	struct sn_store_settings *const stored = &manager->store.settings;
	struct sn_store_field *const field = &stored->fields[settings->field_index];

	field->value = 0;
	struct sn_lease_settings lease = {
		.ticks = stored->ticks,
		.ttl_ns = settings->ttl_ns,
		.reserve_ns = settings->reserve_ns,
		.fingerprint = stored->fingerprint,
		.first_worker = settings->first_worker,
		.last_worker = settings->last_worker,
		.identity = sn_store_identity(stored),
		.worker_shift = field->shift,
	};
	sn_store_describe_process(&lease.owner, stored->clock);
	int error = manager_copy_texts(manager, settings, &lease);
	if (!error && settings->cache_file)
		error = manager_open_cache(manager, settings->cache_file, &lease);
	if (!error)
		error = sn_tenant_begin(manager->tenant, &lease);
	if (error)
		return error;
	manager->place = (struct sn_blocker_place){.path = lease.path,
						   .first_worker = lease.first_worker,
						   .last_worker = lease.last_worker};
	manager->joined = true;
	sn_cluster_join(manager->cluster, &manager->tenant->member);
	return manager_await_worker(manager, field);
}

static int manager_own_worker(struct manager *manager, const struct sn_manager_settings *settings)
{
	int error = sn_cluster_get(settings->module, settings->service, &manager->cluster);
	if (error)
		return error;
	manager->tenant = sn_tenant_new(manager->cluster, manager->store.settings.clock);
	if (!manager->tenant)
		return sn_fail_nomem();
	return manager_begin_lease(manager, settings);
}

/* A claim may be on its way: if nobody took it back, its worker would rest for a reserve. The
 * functions of a custom clock must not be called after this. */
static void manager_give_up(struct manager *manager)
{
	const struct snowid_clock *const clock = manager->store.settings.clock;

	if (!manager->joined)
		return;
	atomic_store(&manager->tenant->released, true);
	if (!clock || clock->manual)
		manager->linger_ns = manager->ttl_ns / 2;
}

int sn_manager_open(const struct sn_manager_settings *settings, const struct sn_store_class *class,
		    const struct sn_store_settings *stored, struct sn_store **store)
{
	char detail[SN_DETAIL_SIZE];
	struct manager *const manager = calloc(1, sizeof *manager);

	if (!manager)
		return sn_fail_nomem();
	manager->store.class = class;
	manager->store.settings = *stored;
	manager->ttl_ns = settings->ttl_ns;
	manager->opener = sn_process_number();
	manager->domain = sn_clock_domain(stored->clock);
	const int error = manager_own_worker(manager, settings);
	if (!error) {
		*store = &manager->store;
		return 0;
	}
	snowid_error_detail(detail, sizeof detail);
	manager_give_up(manager);
	sn_manager_close(&manager->store);
	return sn_fail(error, "%s", detail);
}

/* ---- children -------------------------------------------------------------------------------- */

/* In a child. Its opener may be in another PID namespace, so that only what it does can be seen. In
 * another time namespace nothing can: then the limit is all that is known. */
static int check_opener(struct manager *manager)
{
	struct snowid_clock *const clock = manager->store.settings.clock;
	const uint64_t stepped_ns = atomic_load(&manager->tenant->page->stepped_ns);
	const uint64_t noticed_ns = atomic_load(&manager->noticed_ns);
	uint64_t now_ns;

	const int error = sn_clock_elapsed(clock, &now_ns);
	if (error)
		return error;
	if (sn_clock_domain(clock) != manager->domain || now_ns < stepped_ns ||
	    now_ns - stepped_ns < manager->ttl_ns)
		return 0;
	if (noticed_ns <= stepped_ns) { /* it has made a step since then */
		atomic_store(&manager->noticed_ns, now_ns);
		return 0;
	}
	if (now_ns - noticed_ns < OPENER_GRACE_NS)
		return 0;
	return sn_fail(SNOWID_E_STORE,
		       "the process that opened the store has ended or is stopped, and nobody "
		       "renews it; open the generator after the last fork, as after daemonizing");
}

/* Its opener goes on in memory that was made after the fork. */
static int check_successor(const struct manager *manager)
{
	const struct sn_shared_state *shared = atomic_load(&manager->tenant->shared);

	while (atomic_load(&shared->seal_reason) == SN_SEAL_REPLACED)
		shared++;
	if (atomic_load(&shared->seal_reason) != SN_SEAL_REMOVED)
		return 0;
	return sn_fail(SNOWID_E_STORE,
		       "the process that opened the store has had other workers since this one was "
		       "forked, more than there was room for; open the generator after the last "
		       "fork");
}

int sn_manager_check_final(const struct sn_store *store)
{
	const struct manager *const manager = (const struct manager *)(const void *)store;
	return is_inherited(manager) ? check_successor(manager) : 0;
}

static int check_inherited(struct manager *manager)
{
	const int error = check_opener(manager);
	return error ? error : check_successor(manager);
}

static int check_renewal_inherited(struct manager *manager, uint64_t *next_ns)
{
	const uint64_t lease = atomic_load(sn_tenant_stat(manager->tenant, SNOWID_STAT_LEASE));

	const int error = check_inherited(manager);
	if (error)
		return error;
	if (lease == SNOWID_LEASE_IN_DOUBT || lease == SNOWID_LEASE_LOST)
		return sn_fail(SNOWID_E_STORE, "the process that opened the store %s",
			       lease == SNOWID_LEASE_LOST ? "has lost its worker"
							  : "does not get it renewed");
	*next_ns = lease == SNOWID_LEASE_NONE ? UINT64_MAX : manager->ttl_ns / 4;
	return 0;
}

/* ---- using it -------------------------------------------------------------------------------- */

int sn_manager_renew(struct sn_store *store)
{
	struct manager *const manager = manager_of_store(store);

	manager_update_shared(manager);
	if (is_inherited(manager))
		return check_inherited(manager);
	if (!atomic_exchange(&manager->tenant->hurried, true))
		sn_cluster_wake(manager->cluster);
	return 0;
}

/* For how long there are IDs all the same. */
static double seconds_left(const struct manager *manager)
{
	const struct sn_store_settings *const stored = &manager->store.settings;
	const uint64_t limit = atomic_load(&atomic_load(&manager->store.shared)->limit);
	struct sn_reading now;

	if (sn_ticks_read(&stored->ticks, stored->clock, &now) != 0 || now.tick > limit)
		return 0;
	return (double)((limit + 1) * stored->ticks.unit_t100ns - now.t100ns) / SN_T100NS_PER_SEC;
}

static int fail_late_renewal(struct manager *manager)
{
	char detail[SN_DETAIL_SIZE];

	sn_cluster_lock(manager->cluster);
	const struct sn_tenant_view view = manager->tenant->view;
	sn_cluster_unlock(manager->cluster);
	const int error = sn_blocker_fail(&view.blocker, &manager->place);
	if (!view.owns)
		return error;
	snowid_error_detail(detail, sizeof detail);
	return sn_fail(error, "%s; IDs can be made for %.1f s more", detail, seconds_left(manager));
}

int sn_manager_check_renewal(struct sn_store *store, uint64_t *next_ns)
{
	struct manager *const manager = manager_of_store(store);
	uint64_t now_ns;

	manager_update_shared(manager);
	if (is_inherited(manager))
		return check_renewal_inherited(manager, next_ns);
	if (atomic_load(&manager->tenant->released)) {
		*next_ns = UINT64_MAX;
		return 0;
	}
	const int error = sn_clock_elapsed(store->settings.clock, &now_ns);
	if (error)
		return error;
	const uint64_t late_at_ns = atomic_load(&manager->tenant->page->late_at_ns);
	if (now_ns >= late_at_ns)
		return fail_late_renewal(manager);
	*next_ns = late_at_ns - now_ns > CHECK_MIN_NS ? late_at_ns - now_ns : CHECK_MIN_NS;
	return 0;
}

/* The thread may not have noticed yet that a renewal is late. */
static uint64_t manager_lease_state(const struct manager *manager)
{
	const uint64_t lease = atomic_load(sn_tenant_stat(manager->tenant, SNOWID_STAT_LEASE));
	uint64_t now_ns;

	if (atomic_load(&manager->tenant->released))
		return SNOWID_LEASE_NONE;
	if (lease == SNOWID_LEASE_HELD && !is_inherited(manager) &&
	    sn_clock_elapsed(manager->store.settings.clock, &now_ns) == 0 &&
	    now_ns >= atomic_load(&manager->tenant->page->late_at_ns))
		return SNOWID_LEASE_IN_DOUBT;
	return lease;
}

uint64_t sn_manager_lease_stat(const struct sn_store *store, enum snowid_stat which)
{
	const struct manager *const manager = (const struct manager *)(const void *)store;
	return which == SNOWID_STAT_LEASE ? manager_lease_state(manager)
					  : atomic_load(sn_tenant_stat(manager->tenant, which));
}

/* ---- closing --------------------------------------------------------------------------------- */

int sn_manager_release(struct sn_store *store, uint64_t timeout_ns)
{
	struct manager *const manager = manager_of_store(store);
	const struct sn_wait wait = {.clock = store->settings.clock};
	struct sn_tenant_view view;

	if (atomic_flag_test_and_set(&manager->released))
		return 0;
	atomic_store(&manager->tenant->released, true);
	sn_cluster_wake(manager->cluster);
	const int error = manager_wait_until(manager, &wait, &timeout_ns, view_shows_end, &view);
	if (error || view.ended)
		return error;
	return sn_fail(
		SNOWID_E_STORE,
		"the coordinator did not confirm the release in time: the worker is free once "
		"its lease expires and its limit has passed");
}

void sn_manager_close(struct sn_store *store)
{
	struct manager *const manager = manager_of_store(store);

	if (is_inherited(manager)) {
		sn_cluster_leave_inherited(manager->cluster, &manager->tenant->member);
	} else if (manager->joined) {
		sn_cluster_leave(manager->cluster, &manager->tenant->member, manager->linger_ns);
	} else {
		if (manager->tenant)
			sn_tenant_free(manager->tenant);
		if (manager->cluster)
			sn_cluster_put(manager->cluster);
	}
	free(manager);
}
