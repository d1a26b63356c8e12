/* SPDX-License-Identifier: MIT
 *
 * The owner of a worker.
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "snowidd/base/elapsed.h"
#include "snowidd/base/log.h"
#include "snowidd/service/kind_store.h"
#include "snowidd/service/owner.h"

#define RETRY_NS UINT64_C(1000000000)

/* A worker that is lost may be replaced by another soon. */
#define LOSS_CHECK_NS UINT64_C(50000000)

/* Of the texts of all kinds, which change when a store fails. */
static pthread_mutex_t problem_lock = PTHREAD_MUTEX_INITIALIZER;

const char *owner_state_name(enum owner_state state)
{
	static const char *const names[] = {
		[OWNER_READY] = "ready",
		[OWNER_DEGRADED] = "degraded",
		[OWNER_REFUSED] = "refused",
	};

	return names[state];
}

/* ---- reading --------------------------------------------------------------------------------- */

static double store_seconds_left(struct served_kind *kind)
{
	uint64_t left_ns;

	if (snowid_generator_stat(kind->generator, SNOWID_STAT_LEFT_NS, &left_ns) != 0)
		return 0;
	return left_ns == UINT64_MAX ? (double)INFINITY : (double)left_ns / 1e9;
}

/* Whether a request may still wait until the keeper has renewed the store. */
static bool is_soon_renewed(struct served_kind *kind, uint64_t wait_ns)
{
	const uint64_t now = elapsed_ns(), at = atomic_load(&kind->limit_at_ns);

	return !atomic_load(&kind->store_error) && (now < at || now - at < wait_ns);
}

static void write_store_problem(struct served_kind *kind, struct owner *owner)
{
	pthread_mutex_lock(&problem_lock);
	snprintf(owner->reason, sizeof owner->reason, "the store of %s cannot be renewed: %s",
		 kind->name, kind->store_problem);
	pthread_mutex_unlock(&problem_lock);
}

void owner_read(struct served_kind *kind, uint64_t wait_ns, bool stopping, struct owner *owner)
{
	const int store_error = atomic_load(&kind->store_error);
	uint64_t available;

	*owner = (struct owner){.state = OWNER_READY, .seconds_left = store_seconds_left(kind)};
	const int error = snowid_generator_available(kind->generator, &available);
	if (error && error != SNOWID_E_EXHAUSTED &&
	    !(error == SNOWID_E_LIMIT && is_soon_renewed(kind, wait_ns))) {
		owner->state = OWNER_REFUSED;
		owner->refusal = refusal_of_error(error, store_error, stopping);
		snowid_error_detail(owner->reason, sizeof owner->reason);
	} else if (store_error) {
		owner->state = OWNER_DEGRADED;
	}
	/* That the limit is reached is less than why it is not raised. */
	if (owner->state == OWNER_DEGRADED || (error == SNOWID_E_LIMIT && store_error))
		write_store_problem(kind, owner);
}

/* ---- renewing -------------------------------------------------------------------------------- */

static void log_renewal(const struct served_kind *kind, int error, const char *problem)
{
	const int before = atomic_load(&kind->store_error);

	if (error && error != before)
		log_event(LOG_LEVEL_ERROR, "the store cannot be renewed", "kind", kind->name,
			  "error", problem, NULL);
	else if (!error && before)
		log_event(LOG_LEVEL_INFO, "the store is renewed again", "kind", kind->name, NULL);
}

static bool is_worker_lost(const struct served_kind *kind)
{
	uint64_t lease;

	return snowid_generator_stat(kind->generator, SNOWID_STAT_LEASE, &lease) == 0 &&
	       lease == SNOWID_LEASE_LOST;
}

static void log_loss(struct served_kind *kind, bool lost, const char *problem)
{
	if (lost && !kind->was_lost)
		log_event(LOG_LEVEL_ERROR, "another process has the worker", "kind", kind->name,
			  "error", problem, NULL);
	kind->was_lost = lost;
}

static void note_problem(struct served_kind *kind, bool lost, const char *problem)
{
	pthread_mutex_lock(&problem_lock);
	snprintf(kind->store_problem, sizeof kind->store_problem, "%s", problem);
	if (lost)
		snprintf(kind->loss_problem, sizeof kind->loss_problem, "%s", problem);
	pthread_mutex_unlock(&problem_lock);
}

/* A coordinator renews by itself, and may take the worker away at any time. */
uint64_t owner_maintain(struct served_kind *kind)
{
	char problem[sizeof kind->store_problem] = "";
	uint64_t again_ns, left_ns;

	const int error = snowid_generator_maintain(kind->generator, &again_ns);
	if (error)
		snowid_error_detail(problem, sizeof problem);
	const bool lost = error && is_worker_lost(kind);
	log_renewal(kind, error, problem);
	log_loss(kind, lost, problem);
	note_problem(kind, lost, problem);
	atomic_store(&kind->store_error, error);
	if (error)
		return kind_store_is_coordinated(kind->store) ? LOSS_CHECK_NS : RETRY_NS;
	if (kind_store_is_coordinated(kind->store) && again_ns > RETRY_NS)
		again_ns = RETRY_NS;
	if (snowid_generator_stat(kind->generator, SNOWID_STAT_LEFT_NS, &left_ns) == 0)
		atomic_store(&kind->limit_at_ns,
			     left_ns == UINT64_MAX ? UINT64_MAX : elapsed_ns() + left_ns);
	return again_ns;
}

void owner_release(struct served_kind *kind, uint64_t timeout_ns)
{
	char problem[400];

	if (snowid_generator_close(kind->generator, timeout_ns) == 0)
		return;
	snowid_error_detail(problem, sizeof problem);
	log_event(LOG_LEVEL_WARNING, "the worker is not released", "kind", kind->name, "reason",
		  problem, NULL);
}

/* ---- what is logged of it -------------------------------------------------------------------- */

static void log_refusals(struct served_kind *kind, const struct owner *owner)
{
	const bool refused = owner->state == OWNER_REFUSED;

	if (refused && !kind->was_refused)
		log_event(LOG_LEVEL_ERROR, "no IDs can be made", "kind", kind->name, "reason",
			  owner->reason, NULL);
	else if (!refused && kind->was_refused)
		log_event(LOG_LEVEL_INFO, "IDs are made again", "kind", kind->name, NULL);
	kind->was_refused = refused;
}

static void take_loss_problem(struct served_kind *kind, char problem[sizeof kind->loss_problem])
{
	pthread_mutex_lock(&problem_lock);
	memcpy(problem, kind->loss_problem, sizeof kind->loss_problem);
	kind->loss_problem[0] = '\0';
	pthread_mutex_unlock(&problem_lock);
}

static void log_worker(struct served_kind *kind)
{
	char worker[KIND_WORKER_SIZE], problem[sizeof kind->loss_problem];

	kind_worker_text(kind, worker);
	take_loss_problem(kind, problem);
	if (*kind->last_worker && strcmp(worker, kind->last_worker) != 0)
		log_event(LOG_LEVEL_WARNING, "the worker has changed", "kind", kind->name, "from",
			  kind->last_worker, "to", worker, "reason",
			  *problem ? problem : "another process has the old one", NULL);
	memcpy(kind->last_worker, worker, sizeof worker);
}

void owner_log_changes(struct served_kind *kind, const struct owner *owner)
{
	log_refusals(kind, owner);
	if (owner->state == OWNER_READY)
		log_worker(kind);
}
