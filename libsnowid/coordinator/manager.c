/* SPDX-License-Identifier: MIT
 *
 * One thread at a time drives the lease: the opener until it owns a worker, then the manager's thread,
 * and, after that has ended, the closer. Callers of next only wake it. A child made by fork has the
 * words and touches nothing else.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libsnowid/base/error.h"
#include "libsnowid/coordinator/lease.h"
#include "libsnowid/coordinator/manager.h"

/* Epochs that one generator can have: one is used up when a worker is lost. Untouched pages take no
 * memory. */
#define PAGES 4096

struct manager {
	struct sn_store store; /* first: what is handed out is its address */
	struct sn_lease lease;
	struct sn_coordinator *coordinator;
	pid_t opener;
	pthread_t thread;
	bool running;
	atomic_bool stop;
	atomic_flag released;
};

static bool is_inherited(const struct manager *m)
{
	return getpid() != m->opener;
}

/* Steps until the lease comes to a state, for a span of the clock; false if it does not. */
static int drive(struct manager *m, enum sn_lease_state until, uint64_t span_ns, bool *reached)
{
	struct snowid_clock *const clock = m->store.settings.clock;
	uint64_t begin, now, again;

	int error = sn_clock_elapsed(clock, &begin);
	for (;;) {
		if (!error)
			error = sn_lease_step(&m->lease, &again);
		if (!error)
			error = sn_clock_elapsed(clock, &now);
		*reached = !error && m->lease.state == until;
		if (error || *reached || now - begin >= span_ns)
			return error;
		const uint64_t left = span_ns - (now - begin);
		m->coordinator->class->wait(m->coordinator, again < left ? again : left);
	}
}

/* An error of the clock passes, or shows in next: the lease goes on when it can. */
static void *run(void *user)
{
	struct manager *const m = user;
	uint64_t again;

	while (!atomic_load(&m->stop)) {
		sn_lease_step(&m->lease, &again);
		m->coordinator->class->wait(m->coordinator, again);
	}
	return NULL;
}

/* Signals are for the program's own threads. */
static int start(struct manager *m)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	const int error = pthread_create(&m->thread, NULL, run, m);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	m->running = error == 0;
	return error ? sn_fail(-error, "cannot start the thread that renews the store: %s",
			       snowid_strerror(-error))
		     : 0;
}

static void stop(struct manager *m)
{
	if (!m->running)
		return;
	atomic_store(&m->stop, true);
	m->coordinator->class->wake(m->coordinator);
	pthread_join(m->thread, NULL);
	m->running = false;
}

static int set_up(struct manager *m, const struct sn_manager_settings *settings)
{
	struct sn_store_settings *const stored = &m->store.settings;
	struct sn_store_field *const field = &stored->fields[settings->field];
	bool owning = false;

	void *const pages =
		mmap(NULL, PAGES * sizeof(struct sn_shared_state), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (pages == MAP_FAILED)
		return sn_fail_nomem();
	m->store.shared = pages;
	field->value = 0;
	const struct sn_lease_settings lease = {
		.coordinator = settings->coordinator,
		.clock = stored->clock,
		.ticks = stored->ticks,
		.ttl_ns = settings->ttl_ns,
		.fingerprint = stored->fingerprint,
		.first = settings->first,
		.last = settings->last,
		.identity = sn_store_identity(stored),
		.shift = field->shift,
		.pages = pages,
		.page_count = PAGES,
	};
	int error = sn_lease_init(&m->lease, &lease);
	if (!error)
		error = drive(m, SN_LEASE_OWNING, 2 * settings->ttl_ns, &owning);
	if (error)
		return error;
	if (!owning)
		return sn_lease_explain(&m->lease);
	field->value = m->lease.worker;
	field->set_by_user = true;
	return start(m);
}

int sn_manager_open(const struct sn_manager_settings *settings, const struct sn_store_class *class,
		    const struct sn_store_settings *stored, struct sn_store **store)
{
	struct manager *const m = calloc(1, sizeof *m);

	if (!m) {
		settings->coordinator->class->close(settings->coordinator, false);
		return sn_fail_nomem();
	}
	m->store.class = class;
	m->store.settings = *stored;
	m->coordinator = settings->coordinator;
	m->opener = getpid();
	const int error = set_up(m, settings);
	if (error)
		sn_manager_close(&m->store);
	else
		*store = &m->store;
	return error;
}

int sn_manager_renew(struct sn_store *store)
{
	struct manager *const m = (struct manager *)(void *)store;

	if (!is_inherited(m))
		m->coordinator->class->wake(m->coordinator);
	else if (kill(m->opener, 0) != 0 && errno == ESRCH)
		return sn_fail(
			SNOWID_E_STORE,
			"the process that opened the store is gone, and nobody renews it; open "
			"the generator after the last fork, as after daemonizing");
	return 0;
}

int sn_manager_release(struct sn_store *store, uint64_t timeout_ns)
{
	struct manager *const m = (struct manager *)(void *)store;
	bool ended = false;

	if (atomic_flag_test_and_set(&m->released))
		return 0;
	stop(m);
	sn_lease_release(&m->lease);
	const int error = drive(m, SN_LEASE_ENDED, timeout_ns, &ended);
	if (error || ended)
		return error;
	return sn_fail(
		SNOWID_E_STORE,
		"the coordinator did not confirm the release in time: the worker is free once "
		"its lease expires");
}

void sn_manager_close(struct sn_store *store)
{
	struct manager *const m = (struct manager *)(void *)store;
	const bool inherited = is_inherited(m);

	if (!inherited)
		stop(m);
	m->coordinator->class->close(m->coordinator, inherited);
	if (m->store.shared)
		munmap(m->store.shared, PAGES * sizeof(struct sn_shared_state));
	free(m);
}
