/* SPDX-License-Identifier: MIT
 *
 * One thread at a time steps the lease: the thread that opens the store until it owns a worker,
 * then the manager's own thread and, once that has ended, the thread that closes the store. Threads
 * that make IDs only wake it. A child made by fork uses the shared state and nothing else.
 */
#include "libsnowid/coordinator/manager.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "libsnowid/base/error.h"
#include "libsnowid/base/process.h"
#include "libsnowid/coordinator/lease.h"

/* Epochs that one generator can have: one is used up each time a worker is lost. Pages that have
 * not been written to need no memory. */
#define STATES 4096

/* How long a child waits for its opener once this has been silent for a TTL: after a suspension of
 * the host, both are late. */
#define OPENER_GRACE_NS UINT64_C(1000000000)

#define CHECK_MIN_NS UINT64_C(1000000)

#define FIRST_LEASE_STAT SNOWID_STAT_LEASE
#define LEASE_STATS      (SNOWID_STAT_WORKERS_FREE - FIRST_LEASE_STAT + 1)

/* What a child shares with its opener. */
struct manager_pages {
	struct sn_shared_state states[STATES];
	_Atomic uint64_t stepped_ns; /* elapsed time when the thread last stepped the lease */
	_Atomic uint64_t stats[LEASE_STATS];
};

struct manager {
	struct sn_store store; /* must be the first member (downcast) */
	struct sn_lease lease;
	struct sn_coordinator *coordinator;
	uint64_t next_serial;
	struct manager_pages *pages;
	uint64_t opener; /* sn_process_number() of the process in which the thread runs */
	uint16_t domain; /* of the clock, there */
	_Atomic uint64_t noticed_ns; /* when a child noticed that its opener is silent */
	/* What the thread knew after its last step: until when the worker is owned (0: it is not),
	 * and what prevents more. */
	_Atomic uint64_t owned_until_ns;
	_Atomic int blocker; /* enum sn_blocker_kind */
	pthread_t thread;
	bool has_thread;
	atomic_bool stopping;
	atomic_flag released;
};

static bool is_inherited(const struct manager *manager)
{
	return sn_process_number() != manager->opener;
}

/* ---- the thread ------------------------------------------------------------------------------ */

static _Atomic uint64_t *lease_stat(const struct manager *manager, enum snowid_stat which)
{
	return &manager->pages->stats[which - FIRST_LEASE_STAT];
}

static enum snowid_lease lease_as_stat(const struct sn_lease *lease, uint64_t now_ns)
{
	switch (lease->state) {
	case SN_LEASE_OWNING:
	case SN_LEASE_RECLAIMING:
		return sn_lease_in_doubt(lease, now_ns) ? SNOWID_LEASE_IN_DOUBT : SNOWID_LEASE_HELD;
	case SN_LEASE_SEEKING:
	case SN_LEASE_CLAIMING:
		return SNOWID_LEASE_LOST;
	case SN_LEASE_RELEASING:
	case SN_LEASE_ENDED:
		break;
	}
	return SNOWID_LEASE_NONE;
}

static void publish_stats(struct manager *manager, uint64_t now_ns)
{
	const struct sn_lease *const lease = &manager->lease;
	const struct sn_lease_counters *const counters = &lease->counters;

	atomic_store(lease_stat(manager, SNOWID_STAT_LEASE), lease_as_stat(lease, now_ns));
	atomic_store(lease_stat(manager, SNOWID_STAT_WORKERS_FREE),
		     counters->left_known ? counters->left : UINT64_MAX);
	atomic_store(lease_stat(manager, SNOWID_STAT_EPOCH), lease->tenure.epoch);
	atomic_store(lease_stat(manager, SNOWID_STAT_LOSSES), counters->losses);
	atomic_store(lease_stat(manager, SNOWID_STAT_RENEWALS), counters->renewals);
	atomic_store(lease_stat(manager, SNOWID_STAT_RENEWAL_NS), counters->latency_ns);
}

static void note_step(struct manager *manager)
{
	uint64_t now_ns;
	const struct sn_lease *const lease = &manager->lease;

	if (sn_clock_elapsed(manager->store.settings.clock, &now_ns) == 0) {
		atomic_store(&manager->pages->stepped_ns, now_ns);
		publish_stats(manager, now_ns);
	}
	atomic_store(&manager->blocker, (int)lease->blocker.kind);
	atomic_store(&manager->owned_until_ns, sn_lease_owns(lease) ? lease->deadline : 0);
}

static int manager_step(struct manager *manager, uint64_t *again_ns)
{
	struct sn_answer answer;

	while (manager->coordinator->class->receive(manager->coordinator, &answer))
		sn_lease_answer(&manager->lease, &answer);
	return sn_lease_step(&manager->lease, again_ns);
}

static int fail_blocked(const struct manager *manager, const struct sn_blocker *blocker)
{
	const struct sn_lease_settings *const lease = &manager->lease.settings;
	return sn_blocker_fail(blocker, &(struct sn_blocker_place){lease->path, lease->first_worker,
								   lease->last_worker});
}

/* Steps the lease until it reaches a state, or until the wait, which may take own_ns, has ended. */
static int manager_step_until(struct manager *manager, enum sn_lease_state state,
			      const struct sn_wait *wait, uint64_t own_ns, bool *reached)
{
	uint64_t end_ns = 0, left_ns = 0, again_ns = 0;

	int error = sn_wait_end(wait, own_ns, &end_ns);
	for (;;) {
		if (!error)
			error = manager_step(manager, &again_ns);
		*reached = !error && manager->lease.state == state;
		if (!error && !*reached)
			error = sn_wait_left(wait, end_ns, &left_ns);
		if (error || *reached || left_ns == 0)
			return error;
		manager->coordinator->class->wait(manager->coordinator,
						  again_ns < left_ns ? again_ns : left_ns);
	}
}

/* Ignores errors of the clock: generators report them, and the lease continues after them. */
static void *manager_run(void *user)
{
	struct manager *const manager = user;
	uint64_t again;

	while (!atomic_load(&manager->stopping)) {
		manager_step(manager, &again);
		note_step(manager);
		manager->coordinator->class->wait(manager->coordinator, again);
	}
	return NULL;
}

/* With all signals blocked, so that they are handled in the threads of the program. */
static int manager_start(struct manager *manager)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	const int error = pthread_create(&manager->thread, NULL, manager_run, manager);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	manager->has_thread = error == 0;
	return error ? sn_fail(-error, "cannot start the thread that renews the store: %s%s",
			       snowid_strerror(-error), sn_error_remedy(-error))
		     : 0;
}

static void manager_stop(struct manager *manager)
{
	if (!manager->has_thread)
		return;
	atomic_store(&manager->stopping, true);
	manager->coordinator->class->wake(manager->coordinator);
	pthread_join(manager->thread, NULL);
	manager->has_thread = false;
}

static int manager_own_worker(struct manager *manager, const struct sn_manager_settings *settings)
{
	struct sn_store_settings *const stored = &manager->store.settings;
	struct sn_store_field *const field = &stored->fields[settings->field_index];
	bool owning = false;

	struct manager_pages *const pages = mmap(NULL, sizeof *pages, PROT_READ | PROT_WRITE,
						 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		return sn_fail_nomem();
	manager->pages = pages;
	manager->store.shared = pages->states;
	field->value = 0;
	const struct sn_lease_settings lease = {
		.coordinator = settings->coordinator,
		.next_serial = &manager->next_serial,
		.root = "/id-generator",
		.path = "/id-generator",
		.clock = stored->clock,
		.ticks = stored->ticks,
		.ttl_ns = settings->ttl_ns,
		.reserve_ns = SN_RESERVE_MIN(settings->ttl_ns),
		.kind = "",
		.fingerprint = stored->fingerprint,
		.first_worker = settings->first_worker,
		.last_worker = settings->last_worker,
		.identity = sn_store_identity(stored),
		.worker_shift = field->shift,
		.states = pages->states,
		.state_count = STATES,
	};
	int error = sn_lease_init(&manager->lease, &lease);
	if (!error)
		error = manager_step_until(manager, SN_LEASE_OWNING, &stored->wait,
					   2 * settings->ttl_ns, &owning);
	if (error)
		return error;
	if (!owning)
		return fail_blocked(manager, &manager->lease.blocker);
	field->value = manager->lease.worker;
	field->set_by_user = true;
	note_step(manager);
	return manager_start(manager);
}

int sn_manager_open(const struct sn_manager_settings *settings, const struct sn_store_class *class,
		    const struct sn_store_settings *stored, struct sn_store **store)
{
	struct manager *const manager = calloc(1, sizeof *manager);

	if (!manager) {
		settings->coordinator->class->close(settings->coordinator, false);
		return sn_fail_nomem();
	}
	manager->store.class = class;
	manager->store.settings = *stored;
	manager->coordinator = settings->coordinator;
	manager->next_serial = 1;
	manager->opener = sn_process_number();
	manager->domain = sn_clock_domain(stored->clock);
	const int error = manager_own_worker(manager, settings);
	if (error)
		sn_manager_close(&manager->store);
	else
		*store = &manager->store;
	return error;
}

/* In a child. Its opener may be in another PID namespace, so that only what it does can be seen. In
 * another time namespace nothing can: then the limit is all that is known. */
static int check_opener(struct manager *manager)
{
	struct snowid_clock *const clock = manager->store.settings.clock;
	const uint64_t stepped_ns = atomic_load(&manager->pages->stepped_ns);
	const uint64_t noticed_ns = atomic_load(&manager->noticed_ns);
	uint64_t now_ns;

	const int error = sn_clock_elapsed(clock, &now_ns);
	if (error)
		return error;
	if (sn_clock_domain(clock) != manager->domain || now_ns < stepped_ns ||
	    now_ns - stepped_ns < manager->lease.settings.ttl_ns)
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

int sn_manager_renew(struct sn_store *store)
{
	struct manager *const manager = (struct manager *)(void *)store;

	if (is_inherited(manager))
		return check_opener(manager);
	manager->coordinator->class->wake(manager->coordinator);
	return 0;
}

/* A renewal is due when half a TTL is left. It is late when the answer to its first request
 * is: what is then left is the time to do something about it. */
int sn_manager_check_renewal(struct sn_store *store, uint64_t *next_ns)
{
	struct manager *const manager = (struct manager *)(void *)store;
	const struct sn_lease_settings *const lease = &manager->lease.settings;
	const uint64_t late_ns = lease->ttl_ns / 2 - lease->ttl_ns / 8;
	const bool inherited = is_inherited(manager);
	uint64_t now_ns;

	if (inherited || atomic_load(&manager->stopping)) {
		const int error = inherited ? check_opener(manager) : 0;
		if (!error)
			*next_ns = UINT64_MAX;
		return error;
	}
	const int error = sn_clock_elapsed(store->settings.clock, &now_ns);
	if (error)
		return error;
	const uint64_t owned_until_ns = atomic_load(&manager->owned_until_ns);
	if (owned_until_ns <= now_ns + late_ns)
		return fail_blocked(manager,
				    &(struct sn_blocker){.kind = (enum sn_blocker_kind)atomic_load(
								 &manager->blocker)});
	const uint64_t on_time_ns = owned_until_ns - now_ns - late_ns;
	*next_ns = on_time_ns > CHECK_MIN_NS ? on_time_ns : CHECK_MIN_NS;
	return 0;
}

uint64_t sn_manager_lease_stat(const struct sn_store *store, enum snowid_stat which)
{
	const struct manager *const manager = (const struct manager *)(const void *)store;
	return atomic_load(lease_stat(manager, which));
}

int sn_manager_release(struct sn_store *store, uint64_t timeout_ns)
{
	struct manager *const manager = (struct manager *)(void *)store;
	const struct sn_wait wait = {.clock = store->settings.clock};
	bool ended = false;

	if (atomic_flag_test_and_set(&manager->released))
		return 0;
	manager_stop(manager);
	sn_lease_release(&manager->lease);
	atomic_store(lease_stat(manager, SNOWID_STAT_LEASE), SNOWID_LEASE_NONE);
	const int error = manager_step_until(manager, SN_LEASE_ENDED, &wait, timeout_ns, &ended);
	if (error || ended)
		return error;
	return sn_fail(
		SNOWID_E_STORE,
		"the coordinator did not confirm the release in time: the worker is free once "
		"its lease expires");
}

void sn_manager_close(struct sn_store *store)
{
	struct manager *const manager = (struct manager *)(void *)store;
	const bool inherited = is_inherited(manager);

	if (!inherited)
		manager_stop(manager);
	manager->coordinator->class->close(manager->coordinator, inherited);
	if (manager->pages)
		munmap(manager->pages, sizeof *manager->pages);
	free(manager);
}
