/* SPDX-License-Identifier: MIT
 *
 * One thread at a time steps the lease: the thread that opens the store until it owns a worker,
 * then the manager's own thread and, once that has ended, the thread that closes the store. Threads
 * that make IDs only wake it. A child made by fork uses the shared state and nothing else.
 */
#include "libsnowid/coordinator/manager.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libsnowid/base/error.h"
#include "libsnowid/coordinator/lease.h"

/* Epochs that one generator can have: one is used up each time a worker is lost. Pages that have
 * not been written to need no memory. */
#define STATES 4096

struct manager {
	struct sn_store store; /* must be the first member (downcast) */
	struct sn_lease lease;
	struct sn_coordinator *coordinator;
	pid_t opener; /* the process in which the thread runs */
	pthread_t thread;
	bool has_thread;
	atomic_bool stopping;
	atomic_flag released;
};

static bool is_inherited(const struct manager *manager)
{
	return getpid() != manager->opener;
}

/* Steps the lease until it reaches a state, or until a time has passed. */
static int manager_step_until(struct manager *manager, enum sn_lease_state state,
			      uint64_t timeout_ns, bool *reached)
{
	struct snowid_clock *const clock = manager->store.settings.clock;
	uint64_t begin, now, again;

	int error = sn_clock_elapsed(clock, &begin);
	for (;;) {
		if (!error)
			error = sn_lease_step(&manager->lease, &again);
		if (!error)
			error = sn_clock_elapsed(clock, &now);
		*reached = !error && manager->lease.state == state;
		if (error || *reached || now - begin >= timeout_ns)
			return error;
		const uint64_t left = timeout_ns - (now - begin);
		manager->coordinator->class->wait(manager->coordinator,
						  again < left ? again : left);
	}
}

/* Ignores errors of the clock: generators report them, and the lease continues after them. */
static void *manager_run(void *user)
{
	struct manager *const manager = user;
	uint64_t again;

	while (!atomic_load(&manager->stopping)) {
		sn_lease_step(&manager->lease, &again);
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
	return error ? sn_fail(-error, "cannot start the thread that renews the store: %s",
			       snowid_strerror(-error))
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

	void *const states = mmap(NULL, STATES * sizeof(struct sn_shared_state),
				  PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (states == MAP_FAILED)
		return sn_fail_nomem();
	manager->store.shared = states;
	field->value = 0;
	const struct sn_lease_settings lease = {
		.coordinator = settings->coordinator,
		.clock = stored->clock,
		.ticks = stored->ticks,
		.ttl_ns = settings->ttl_ns,
		.fingerprint = stored->fingerprint,
		.first_worker = settings->first_worker,
		.last_worker = settings->last_worker,
		.identity = sn_store_identity(stored),
		.worker_shift = field->shift,
		.states = states,
		.state_count = STATES,
	};
	int error = sn_lease_init(&manager->lease, &lease);
	if (!error)
		error = manager_step_until(manager, SN_LEASE_OWNING, 2 * settings->ttl_ns, &owning);
	if (error)
		return error;
	if (!owning)
		return sn_lease_fail(&manager->lease);
	field->value = manager->lease.worker;
	field->set_by_user = true;
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
	manager->opener = getpid();
	const int error = manager_own_worker(manager, settings);
	if (error)
		sn_manager_close(&manager->store);
	else
		*store = &manager->store;
	return error;
}

int sn_manager_renew(struct sn_store *store)
{
	struct manager *const manager = (struct manager *)(void *)store;

	if (!is_inherited(manager))
		manager->coordinator->class->wake(manager->coordinator);
	else if (kill(manager->opener, 0) != 0 && errno == ESRCH)
		return sn_fail(
			SNOWID_E_STORE,
			"the process that opened the store is gone, and nobody renews it; open "
			"the generator after the last fork, as after daemonizing");
	return 0;
}

int sn_manager_release(struct sn_store *store, uint64_t timeout_ns)
{
	struct manager *const manager = (struct manager *)(void *)store;
	bool ended = false;

	if (atomic_flag_test_and_set(&manager->released))
		return 0;
	manager_stop(manager);
	sn_lease_release(&manager->lease);
	const int error = manager_step_until(manager, SN_LEASE_ENDED, timeout_ns, &ended);
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
	if (manager->store.shared)
		munmap(manager->store.shared, STATES * sizeof(struct sn_shared_state));
	free(manager);
}
