/* SPDX-License-Identifier: MIT
 *
 * What the daemon does, whatever it is asked through.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "snowidd/base/elapsed.h"
#include "snowidd/service/kind_store.h"
#include "snowidd/service/owner.h"
#include "snowidd/service/service.h"
#include "snowidd/service/service_state.h"

_Static_assert(REFUSALS <= CAUSES_MAX, "causes");

static enum refusal refusal_of(const struct service *service, const struct served_kind *kind,
			       int error)
{
	return refusal_of_error(error, atomic_load(&kind->store_error),
				atomic_load(&service->draining));
}

/* ---- life ------------------------------------------------------------------------------------ */

size_t service_loops_wanted(const struct settings *settings)
{
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (settings->threads > 0)
		return (size_t)settings->threads;
	return processors > 0 && processors < 256 ? (size_t)processors : 1;
}

static bool init_service(struct service *service, const struct settings *settings,
			 const struct kinds_interrupt *interrupt, struct settings_error *error)
{
	struct snowid_id128 id;

	service->loops = service_loops_wanted(settings);
	service->counters =
		aligned_alloc(_Alignof(struct counters), service->loops * sizeof(struct counters));
	service->watch = clockwatch_new(settings->clock_warn, settings->clock_refuse);
	if (!service->counters || !service->watch || snowid_ulid_random(&id) != 0)
		return settings_fail(error, "out of memory or of random bytes");
	memset(service->counters, 0, service->loops * sizeof(struct counters));
	snowid_ulid_format(&id, service->instance);
	service->host_scope = kinds_host_scope(settings);
	service->began_ns = elapsed_ns();
	service->wait_ns = settings->wait_timeout;
	return kinds_open(service->kinds, &service->kind_count, settings, KINDS_START, interrupt,
			  error);
}

struct service *service_new(const struct settings *settings,
			    const struct kinds_interrupt *interrupt, struct settings_error *error)
{
	struct service *const service = calloc(1, sizeof *service);

	if (!service) {
		settings_fail(error, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&service->lock, NULL);
	if (init_service(service, settings, interrupt, error))
		return service;
	service->kind_count = 0; /* kinds_open() has closed them */
	service_free(service);
	return NULL;
}

bool service_check(const struct settings *settings, bool thorough, struct settings_error *error)
{
	struct served_kind kinds[KINDS_MAX] = {{.index = 0}};
	size_t count;

	if (!kinds_open(kinds, &count, settings, thorough ? KINDS_TRY : KINDS_READ, NULL, error))
		return false;
	kinds_free(kinds, count);
	return true;
}

void service_close(struct service *service, uint64_t timeout_ns)
{
	const uint64_t end_ns = elapsed_ns() + timeout_ns;

	for (size_t i = 0; i < service->kind_count; i++) {
		const uint64_t now_ns = elapsed_ns();
		owner_release(&service->kinds[i], now_ns < end_ns ? end_ns - now_ns : 0);
	}
}

void service_free(struct service *service)
{
	if (!service)
		return;
	kinds_free(service->kinds, service->kind_count);
	pthread_mutex_destroy(&service->lock);
	clockwatch_free(service->watch);
	free(service->counters);
	free(service);
}

size_t service_kinds(const struct service *service)
{
	return service->kind_count;
}

struct served_kind *service_kind_at(struct service *service, size_t index)
{
	return &service->kinds[index];
}

struct served_kind *service_kind(struct service *service, const char *name, size_t length)
{
	if (length == 0)
		return &service->kinds[0];
	for (size_t i = 0; i < service->kind_count; i++)
		if (strlen(service->kinds[i].name) == length &&
		    memcmp(service->kinds[i].name, name, length) == 0)
			return &service->kinds[i];
	return NULL;
}

const struct served_kind *service_kind_to_read(struct service *service, const char *name,
					       size_t length, struct served_kind *unserved)
{
	const struct served_kind *const kind = service_kind(service, name, length);

	unserved->layout = NULL;
	if (kind)
		return kind;
	return kind_open_to_read(unserved, name, length) ? unserved : NULL;
}

struct counters *service_counters(struct service *service, size_t loop)
{
	return &service->counters[loop];
}

void service_set_request_names(struct service *service, struct request_names names)
{
	service->request_names = names;
}

const struct request_names *service_request_names(const struct service *service)
{
	return &service->request_names;
}

struct clockwatch *service_watch(struct service *service)
{
	return service->watch;
}

size_t service_loops(const struct service *service)
{
	return service->loops;
}

void service_refuse(struct service *service, enum refusal cause, const char *reason)
{
	enum refusal gate = SERVED;

	pthread_mutex_lock(&service->lock);
	snprintf(service->reasons[cause], sizeof service->reasons[cause], "%s",
		 reason ? reason : "");
	for (enum refusal i = SERVED; i < REFUSALS && gate == SERVED; i++)
		if (service->reasons[i][0])
			gate = i;
	pthread_mutex_unlock(&service->lock);
	atomic_store(&service->gate, (int)gate);
}

bool service_refuses(struct service *service, enum refusal cause)
{
	pthread_mutex_lock(&service->lock);
	const bool refuses = service->reasons[cause][0];
	pthread_mutex_unlock(&service->lock);
	return refuses;
}

/* Peers compare the first kind alone. */
bool service_report_conflict(struct service *service, const char *conflict)
{
	const bool refuses = conflict && !kind_store_is_coordinated(service->kinds[0].store);

	atomic_store(&service->contested, conflict != NULL);
	service_refuse(service, REFUSED_CONFLICT, refuses ? conflict : NULL);
	return refuses;
}

bool service_is_contested(struct service *service)
{
	return atomic_load(&service->contested);
}

void service_drain(struct service *service)
{
	atomic_store(&service->draining, true);
}

uint64_t service_maintain(struct service *service)
{
	uint64_t soonest = UINT64_MAX;

	for (size_t i = 0; i < service->kind_count; i++) {
		const uint64_t again = owner_maintain(&service->kinds[i]);
		soonest = again < soonest ? again : soonest;
	}
	return soonest;
}

/* ---- IDs ------------------------------------------------------------------------------------- */

static enum refusal gate_of(const struct service *service)
{
	return (enum refusal)atomic_load_explicit(&service->gate, memory_order_relaxed);
}

enum refusal service_begin(struct service *service, struct id_request *request, const char *kind,
			   size_t kind_length, uint64_t count, const struct settings *settings,
			   struct counters *counters)
{
	enum refusal refusal = gate_of(service);

	if (count == 0 || count > settings->count)
		refusal = REFUSED_COUNT;
	request->count = (size_t)count;
	request->kind = service_kind(service, kind, kind_length);
	if (!request->kind)
		refusal = REFUSED_KIND;
	if (refusal != SERVED)
		counter_add(&counters->errors[refusal], 1);
	return refusal;
}

/* Requests of this size and above wait for their turn before any ID is made for them. */
#define TURN_CLASS 2

/* Memory for the IDs, which a request that has long to wait does not have before. */
static bool has_memory(struct id_request *request)
{
	const bool is_layout = request->kind->type == KIND_LAYOUT;

	if (request->ids)
		return true;
	if (request->count > 1)
		request->ids = malloc(request->count *
				      (is_layout ? sizeof *request->ids : sizeof *request->ids128));
	else if (is_layout)
		request->ids = &request->one;
	else
		request->ids128 = &request->one128;
	return request->ids;
}

size_t id_request_lane(const struct id_request *request)
{
	return request->wanted > 0 ? request->size_class * KINDS_MAX + request->kind->index : LANES;
}

static void set_wanted(struct id_request *request, uint64_t wanted)
{
	share_want(&request->kind->share, request->size_class, &request->wanted, wanted);
}

void id_request_leave(struct id_request *request)
{
	if (request->wanted > 0) /* so that it has a kind */
		set_wanted(request, 0);
}

void id_request_free(struct id_request *request)
{
	id_request_leave(request);
	if (request->ids != &request->one && request->ids128 != &request->one128)
		free(request->ids);
	request->ids = NULL;
}

static int make_one(const struct id_request *request, uint64_t *wait_ns)
{
	struct snowid_generator *const generator = request->kind->generator;

	if (request->kind->type == KIND_LAYOUT)
		return snowid_generator_try_next(generator, &request->ids[request->made], wait_ns);
	return snowid_generator_try_next128(generator, &request->ids128[request->made], wait_ns);
}

/* Makes what can be made at once: with a timeout of 0 a batch neither waits nor syncs. */
static size_t make_many(const struct id_request *request, size_t count)
{
	struct snowid_generator *const generator = request->kind->generator;
	size_t made = 0;

	if (request->kind->type == KIND_LAYOUT)
		snowid_generator_next_batch(generator, request->ids + request->made, count, 0,
					    &made);
	else
		snowid_generator_next128_batch(generator, request->ids128 + request->made, count, 0,
					       &made);
	return made;
}

/* Makes up to `count` IDs, as many as there are. They are counted even if the request fails. */
static int make_ids(struct id_request *request, size_t count, struct counters *counters,
		    uint64_t *wait_ns)
{
	const size_t begin = request->made, end = begin + count;
	int error = 0;

	while (!error && request->made < end) {
		if (end - request->made > 1)
			request->made += make_many(request, end - request->made);
		/* Only a call for one ID says how long to wait. */
		if (request->made < end) {
			error = make_one(request, wait_ns);
			request->made += !error;
		}
	}
	counter_add(&counters->ids[request->kind->index], request->made - begin);
	return error;
}

/* How many IDs are for others first: for smaller requests, and for those of the same size that
 * were there before. It is not its turn when it has just come, or when its time is over. */
static uint64_t count_ahead(const struct id_request *request, bool has_turn)
{
	const struct share *const share = &request->kind->share;

	if (has_turn)
		return share_wanted_below(share, request->size_class);
	return share_wanted_below(share, request->size_class + 1) - request->wanted;
}

/* How many IDs it may have now. After its deadline that is all or none, since some would be of no
 * use. */
static size_t count_allowed(const struct id_request *request, bool is_late)
{
	const uint64_t ahead = count_ahead(request, request->wanted > 0 && !is_late);
	const size_t left = request->count - request->made;
	uint64_t available;

	if (ahead == 0 && !is_late)
		return left;
	if (snowid_generator_available(request->kind->generator, &available) != 0)
		return 1; /* which fails too, and says how long to wait */
	const uint64_t allowed = available > ahead ? available - ahead : 0;
	if (allowed >= left)
		return left;
	return is_late ? 0 : (size_t)allowed;
}

static int fill_request(struct id_request *request, uint64_t now_ns, struct counters *counters,
			uint64_t *wait_ns)
{
	const bool is_late = now_ns >= request->deadline_ns;
	int error = 0;

	while (!error && request->made < request->count) {
		const size_t allowed = count_allowed(request, is_late);
		if (allowed > 0) {
			error = make_ids(request, allowed, counters, wait_ns);
		} else {
			error = SNOWID_E_EXHAUSTED;
			*wait_ns = 1;
		}
	}
	if (*wait_ns > 0 && elapsed_ns() + *wait_ns > request->deadline_ns)
		*wait_ns = 0;
	return error;
}

/* Whether it is certain that a request cannot be served in time. */
static bool is_hopeless(const struct id_request *request, uint64_t now_ns)
{
	const uint64_t left_ns = request->deadline_ns > now_ns ? request->deadline_ns - now_ns : 0;

	return count_ahead(request, request->wanted > 0) + request->count - request->made >
	       share_capacity(&request->kind->share, left_ns);
}

static void count_served(const struct id_request *request, struct counters *counters)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	atomic_store_explicit(&counters->last_id_ms,
			      (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000,
			      memory_order_relaxed);
	counters_add_latency(counters, elapsed_ns() - request->began_ns);
}

/* A large request has no IDs made for it, and is not refused either, before its first turn. */
static enum refusal attempt_request(struct service *service, struct id_request *request,
				    uint64_t now_ns, bool is_before_turn, struct counters *counters,
				    uint64_t *wait_ns)
{
	const bool hopeless = is_hopeless(request, now_ns);

	if (is_before_turn) {
		*wait_ns = 1;
		set_wanted(request, hopeless ? 0 : request->count);
	}
	if (hopeless || is_before_turn)
		return REFUSED_EXHAUSTED;
	if (!has_memory(request))
		return REFUSED_INTERNAL;
	const enum refusal refusal = refusal_of(service, request->kind,
						fill_request(request, now_ns, counters, wait_ns));
	if (refusal == REFUSED_EXHAUSTED && !request->has_overflown)
		counter_add(&counters->overflows, 1);
	request->has_overflown |= refusal == REFUSED_EXHAUSTED;
	set_wanted(request, *wait_ns > 0 ? request->count - request->made : 0);
	return refusal;
}

enum refusal service_fill(struct service *service, struct id_request *request,
			  uint64_t wait_timeout_ns, struct counters *counters, uint64_t *wait_ns)
{
	const uint64_t now_ns = elapsed_ns();
	const bool first = request->began_ns == 0;
	enum refusal refusal = gate_of(service);

	*wait_ns = 0;
	if (first) {
		request->began_ns = now_ns;
		request->deadline_ns = now_ns + wait_timeout_ns;
		request->size_class = share_size_class(request->count);
	}
	if (refusal == SERVED)
		refusal = attempt_request(service, request, now_ns,
					  first && request->size_class >= TURN_CLASS, counters,
					  wait_ns);
	if (refusal == SERVED)
		count_served(request, counters);
	else if (*wait_ns == 0)
		counter_add(&counters->errors[refusal], 1);
	if (*wait_ns == 0)
		id_request_leave(request);
	return refusal;
}

static int draw_for_stream(struct id_request *request, size_t count, struct counters *counters,
			   uint64_t *wait_ns)
{
	uint64_t available;

	if (share_wanted_below(&request->kind->share, SIZE_CLASSES) > 0 &&
	    snowid_generator_available(request->kind->generator, &available) == 0)
		count = (size_t)share_of_stream(&request->kind->share, count, available);
	if (count > 0)
		return make_ids(request, count, counters, wait_ns);
	*wait_ns = 1;
	return SNOWID_E_EXHAUSTED;
}

enum refusal service_draw(struct service *service, struct id_request *request, size_t count,
			  uint64_t wait_timeout_ns, struct counters *counters, uint64_t *wait_ns)
{
	enum refusal refusal = gate_of(service);

	*wait_ns = 0;
	request->made = 0;
	request->began_ns = elapsed_ns();
	if (refusal == SERVED && !has_memory(request))
		refusal = REFUSED_INTERNAL;
	if (refusal == SERVED)
		refusal = refusal_of(service, request->kind,
				     draw_for_stream(request, count, counters, wait_ns));
	if (request->made > 0) {
		request->deadline_ns = 0;
		count_served(request, counters);
		return SERVED;
	}
	if (request->deadline_ns == 0)
		request->deadline_ns = request->began_ns + wait_timeout_ns;
	if (elapsed_ns() + *wait_ns > request->deadline_ns)
		*wait_ns = 0;
	if (*wait_ns == 0)
		counter_add(&counters->errors[refusal], 1);
	return refusal;
}
