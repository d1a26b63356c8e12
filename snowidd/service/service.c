/* SPDX-License-Identifier: MIT
 *
 * What the daemon does, whatever it is asked through.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "snowidd/base/elapsed.h"
#include "snowidd/base/log.h"
#include "snowidd/service/service.h"

struct service {
	struct kind kinds[KINDS_MAX];
	size_t kind_count;
	struct counters *counters;
	size_t threads;
	bool host_scope;
	char instance[SNOWID_ULID_TEXT];
	uint64_t began;
	uint64_t wait_ns; /* for which a request waits for its IDs */
	_Atomic int gate; /* enum refusal: why IDs are refused now */
	atomic_bool draining;
	pthread_mutex_t lock; /* of the reasons */
	char reasons[REFUSALS][200];
};

/* ---- refusals -------------------------------------------------------------------------------- */

static const struct {
	const char *code, *text;
} refusals[] = {
	[SERVED] = {"none", "nothing is wrong"},
	[REFUSED_KIND] = {"unknown_kind", "this server does not serve this kind of ID"},
	[REFUSED_COUNT] = {"count_out_of_range", "one request cannot ask for this number of IDs"},
	[REFUSED_ID] = {"malformed_id", "that is not an ID of this kind"},
	[REFUSED_CLOCK] = {"clock_unsafe", "the clock of this server cannot be trusted at present"},
	[REFUSED_CONFLICT] = {"worker_conflict", "another server has the same worker ID"},
	[REFUSED_EXHAUSTED] = {"exhausted", "one worker cannot make that many IDs in the time"},
	[REFUSED_STORE] = {"store_unavailable", "the store does not allow more IDs at present"},
	[REFUSED_ENDED] = {"layout_ended", "the clock is outside the time that the layout covers"},
	[REFUSED_STOPPING] = {"stopping", "this server is stopping"},
	[REFUSED_INTERNAL] = {"internal_error", "this server cannot make IDs now"},
	[REFUSED_RATE] = {"rate_limited", "too many requests from this address"},
	[REFUSED_TOKEN] = {"unauthorised", "the bearer token is missing or wrong"},
};

const char *refusal_code(enum refusal refusal)
{
	return refusals[refusal].code;
}

const char *refusal_text(enum refusal refusal)
{
	return refusals[refusal].text;
}

static enum refusal refusal_of(const struct service *service, int error)
{
	switch (error) {
	case 0:
		return SERVED;
	case SNOWID_E_EXHAUSTED:
		return REFUSED_EXHAUSTED;
	case SNOWID_E_CLOCK:
		return REFUSED_CLOCK;
	case SNOWID_E_LIMIT:
	case SNOWID_E_STORE:
		return REFUSED_STORE;
	case SNOWID_E_EPOCH:
	case SNOWID_E_ENDED:
		return REFUSED_ENDED;
	case SNOWID_E_CLOSED: /* by us, or since the store says that another has the worker */
		return atomic_load(&service->draining) ? REFUSED_STOPPING : REFUSED_CONFLICT;
	default:
		return REFUSED_INTERNAL;
	}
}

/* ---- life ------------------------------------------------------------------------------------ */

size_t service_threads_wanted(const struct settings *settings)
{
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (settings->threads > 0)
		return (size_t)settings->threads;
	return processors > 0 && processors < 256 ? (size_t)processors : 1;
}

struct service *service_new(const struct settings *settings, struct settings_error *error)
{
	struct service *const service = calloc(1, sizeof *service);
	struct snowid_id128 id;

	if (!service) {
		settings_fail(error, "out of memory");
		return NULL;
	}
	service->threads = service_threads_wanted(settings);
	service->counters = aligned_alloc(_Alignof(struct counters),
					  service->threads * sizeof(struct counters));
	if (!service->counters || snowid_ulid_random(&id) != 0) {
		settings_fail(error, "out of memory or of random bytes");
		free(service->counters);
		free(service);
		return NULL;
	}
	memset(service->counters, 0, service->threads * sizeof(struct counters));
	snowid_ulid_format(&id, service->instance);
	service->host_scope = kinds_host_scope(settings);
	service->began = elapsed_ns();
	service->wait_ns = settings->wait_timeout;
	if (!kinds_open(service->kinds, &service->kind_count, settings, true, error)) {
		free(service->counters);
		free(service);
		return NULL;
	}
	pthread_mutex_init(&service->lock, NULL);
	return service;
}

bool service_check(const struct settings *settings, struct settings_error *error)
{
	struct kind kinds[KINDS_MAX] = {{.index = 0}};
	size_t count;

	if (!kinds_open(kinds, &count, settings, false, error))
		return false;
	kinds_free(kinds, count);
	return true;
}

void service_close(struct service *service, uint64_t timeout_ns)
{
	for (size_t i = 0; i < service->kind_count; i++)
		snowid_generator_close(service->kinds[i].generator, timeout_ns);
}

void service_free(struct service *service)
{
	if (!service)
		return;
	kinds_free(service->kinds, service->kind_count);
	pthread_mutex_destroy(&service->lock);
	free(service->counters);
	free(service);
}

size_t service_kinds(const struct service *service)
{
	return service->kind_count;
}

struct kind *service_kind_at(struct service *service, size_t index)
{
	return &service->kinds[index];
}

struct kind *service_kind(struct service *service, const char *name, size_t length)
{
	if (length == 0)
		return &service->kinds[0];
	for (size_t i = 0; i < service->kind_count; i++)
		if (strlen(service->kinds[i].name) == length &&
		    memcmp(service->kinds[i].name, name, length) == 0)
			return &service->kinds[i];
	return NULL;
}

struct counters *service_counters(struct service *service, size_t worker)
{
	return &service->counters[worker];
}

size_t service_threads(const struct service *service)
{
	return service->threads;
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

void service_drain(struct service *service)
{
	atomic_store(&service->draining, true);
}

double service_limit_ahead(const struct kind *kind)
{
	const uint64_t at = atomic_load(&kind->limit_at), now = elapsed_ns();

	return at == UINT64_MAX ? (double)INFINITY : at > now ? (double)(at - now) / 1e9 : 0;
}

uint64_t service_maintain(struct service *service)
{
	uint64_t soonest = UINT64_MAX, again;
	char detail[300];

	for (size_t i = 0; i < service->kind_count; i++) {
		struct kind *const kind = &service->kinds[i];
		const int error = snowid_generator_maintain(kind->generator, &again);
		if (error && error != atomic_load(&kind->store_error)) {
			snowid_error_detail(detail, sizeof detail);
			log_event(LOG_LEVEL_ERROR, "the store cannot be renewed", "kind",
				  kind->name, "error", detail, NULL);
		} else if (!error && atomic_load(&kind->store_error)) {
			log_event(LOG_LEVEL_INFO, "the store is renewed again", "kind", kind->name,
				  NULL);
		}
		atomic_store(&kind->store_error, error);
		if (error)
			again = 1000000000;
		else
			atomic_store(&kind->limit_at,
				     again == UINT64_MAX
					     ? UINT64_MAX
					     : elapsed_ns() + again + kind->half_block_ns);
		if (again < soonest)
			soonest = again;
	}
	return soonest;
}

/* ---- IDs ------------------------------------------------------------------------------------- */

static enum refusal gate_of(const struct service *service)
{
	return (enum refusal)atomic_load_explicit(&service->gate, memory_order_relaxed);
}

enum refusal service_ask(struct service *service, struct take *take, const char *kind,
			 size_t kind_length, uint64_t want, const struct settings *settings,
			 struct counters *counters)
{
	enum refusal refusal = gate_of(service);

	if (want == 0 || want > settings->count)
		refusal = REFUSED_COUNT;
	take->want = (size_t)want;
	take->kind = service_kind(service, kind, kind_length);
	if (!take->kind)
		refusal = REFUSED_KIND;
	if (refusal != SERVED)
		count(&counters->errors[refusal], 1);
	return refusal;
}

static bool begin(struct take *take, uint64_t wait_timeout_ns)
{
	const size_t width =
		take->kind->type == KIND_LAYOUT ? sizeof *take->ids : sizeof *take->wide;

	take->began = elapsed_ns();
	take->deadline = take->began + wait_timeout_ns;
	if (take->want == 1 && take->kind->type == KIND_LAYOUT)
		take->ids = &take->id;
	else if (take->want == 1)
		take->wide = &take->wide_id;
	else
		take->ids = malloc(take->want * width);
	return take->ids;
}

void service_take_free(struct take *take)
{
	if (take->ids != &take->id && take->wide != &take->wide_id)
		free(take->ids);
	take->ids = NULL;
}

static int try_one(const struct take *take, uint64_t *wait_ns)
{
	struct snowid_generator *const generator = take->kind->generator;

	if (take->kind->type == KIND_LAYOUT)
		return snowid_generator_try_next(generator, &take->ids[take->made], wait_ns);
	return snowid_generator_try_next128(generator, &take->wide[take->made], wait_ns);
}

/* What can be had at once. With a timeout of 0 a batch neither waits nor syncs. */
static size_t try_batch(const struct take *take)
{
	struct snowid_generator *const generator = take->kind->generator;
	const size_t left = take->want - take->made;
	size_t made = 0;

	if (take->kind->type == KIND_LAYOUT)
		snowid_generator_next_batch(generator, take->ids + take->made, left, 0, &made);
	else
		snowid_generator_next128_batch(generator, take->wide + take->made, left, 0, &made);
	return made;
}

static void account(const struct take *take, struct counters *counters)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	atomic_store_explicit(&counters->last_id_ms,
			      (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000,
			      memory_order_relaxed);
	count(&counters->ids[take->kind->index], take->want);
	count_latency(counters, elapsed_ns() - take->began);
}

enum refusal service_take(struct service *service, struct take *take, uint64_t wait_timeout_ns,
			  struct counters *counters, uint64_t *wait_ns)
{
	const bool first = !take->ids;
	enum refusal refusal = gate_of(service);
	int error = 0;

	*wait_ns = 0;
	if (refusal == SERVED && first && !begin(take, wait_timeout_ns))
		refusal = REFUSED_INTERNAL;
	while (refusal == SERVED && !error && take->made < take->want) {
		if (take->want > 1)
			take->made += try_batch(take);
		/* What is left of a batch: its first says how long to wait. */
		if (take->made < take->want) {
			error = try_one(take, wait_ns);
			take->made += !error;
		}
	}
	if (refusal == SERVED && !error) {
		account(take, counters);
		return SERVED;
	}
	if (refusal == SERVED)
		refusal = refusal_of(service, error);
	if (first && refusal == REFUSED_EXHAUSTED)
		count(&counters->overflows, 1);
	if (*wait_ns > 0 && elapsed_ns() + *wait_ns > take->deadline)
		*wait_ns = 0;
	if (*wait_ns == 0)
		count(&counters->errors[refusal], 1);
	return refusal;
}

/* ---- the parts of an ID ---------------------------------------------------------------------- */

static void add_part(struct parts *parts, const char *name, uint64_t value)
{
	const size_t i = parts->field_count;

	if (i == sizeof parts->fields / sizeof parts->fields[0])
		return;
	snprintf(parts->fields[i].name, sizeof parts->fields[i].name, "%s", name);
	parts->fields[i].value = value;
	parts->field_count++;
}

static enum refusal parse_number(const struct kind *kind, const char *text, size_t length,
				 struct parts *parts)
{
	uint64_t id, value;
	const char *name;
	char member[64];

	if (snowid_id_parse(text, length, SNOWID_FORM_DECIMAL, &id) != 0 ||
	    snowid_layout_time(kind->layout, id, &parts->sec, &parts->nsec) != 0 ||
	    snowid_layout_time_ms(kind->layout, id, &parts->unix_ms) != 0)
		return REFUSED_ID;
	parts->kind = kind;
	parts->name = kind->name;
	parts->number = parts->dated = true;
	memcpy(parts->text, text, length);
	for (size_t i = 0; snowid_layout_field_at(kind->layout, i, &name, NULL, NULL) == 0; i++)
		if (strcmp(name, "time") != 0 &&
		    snowid_layout_field(kind->layout, id, name, &value) == 0) {
			snprintf(member, sizeof member, "%s%s", name,
				 strcmp(name, "sequence") == 0 ? "" : "_id");
			add_part(parts, member, value);
		}
	return SERVED;
}

static enum refusal parse_ulid(const char *text, size_t length, struct parts *parts)
{
	struct snowid_id128 id;

	if (snowid_ulid_parse(text, length, &id) != 0)
		return REFUSED_ID;
	parts->name = "ulid";
	snowid_ulid_format(&id, parts->text);
	snowid_ulid_time_ms(&id, &parts->unix_ms);
	parts->sec = parts->unix_ms / 1000;
	parts->nsec = (uint32_t)(parts->unix_ms % 1000) * 1000000;
	parts->dated = true;
	return SERVED;
}

static enum refusal parse_uuid(const char *text, size_t length, struct parts *parts)
{
	static const char *const variants[] = {
		[SNOWID_UUID_VARIANT_NCS] = "ncs",
		[SNOWID_UUID_VARIANT_RFC9562] = "rfc9562",
		[SNOWID_UUID_VARIANT_MICROSOFT] = "microsoft",
		[SNOWID_UUID_VARIANT_FUTURE] = "future",
	};
	static const char *const names[] = {[1] = "uuid1", [6] = "uuid6", [7] = "uuid7"};
	enum snowid_uuid_variant variant;
	struct snowid_id128 id;
	unsigned version = 0, clock_seq;
	uint8_t node[6];

	if (snowid_uuid_parse(text, length, &id) != 0)
		return REFUSED_ID;
	snowid_uuid_format(&id, parts->text);
	snowid_uuid_version(&id, &version);
	snowid_uuid_variant(&id, &variant);
	parts->name = "uuid";
	parts->variant = variants[variant];
	if (variant != SNOWID_UUID_VARIANT_RFC9562)
		return SERVED;
	if (version < sizeof names / sizeof names[0] && names[version])
		parts->name = names[version];
	add_part(parts, "version", version);
	parts->dated = snowid_uuid_time(&id, &parts->sec, &parts->nsec) == 0;
	parts->unix_ms = parts->sec * 1000 + parts->nsec / 1000000;
	if (snowid_uuid_clock_seq(&id, &clock_seq) == 0 && snowid_uuid_node(&id, node) == 0) {
		uint64_t value = 0;
		for (size_t i = 0; i < sizeof node; i++)
			value = value << 8 | node[i];
		add_part(parts, "clock_seq", clock_seq);
		add_part(parts, "node", value);
	}
	return SERVED;
}

enum refusal service_parse(struct service *service, const struct kind *kind, const char *text,
			   size_t length, struct parts *parts)
{
	const enum kind_type type = kind                       ? kind->type
				    : length == 26             ? KIND_ULID
				    : length > 26              ? KIND_UUID
				    : service->kinds[0].layout ? KIND_LAYOUT
							       : service->kinds[0].type;

	*parts = (struct parts){.kind = NULL};
	if (type == KIND_ULID)
		return parse_ulid(text, length, parts);
	if (type == KIND_UUID)
		return parse_uuid(text, length, parts);
	return parse_number(kind ? kind : &service->kinds[0], text, length, parts);
}

/* ---- health ---------------------------------------------------------------------------------- */

/* Whether the keeper is late with no more than requests wait for. */
static bool is_soon_renewed(const struct service *service, struct kind *kind)
{
	const uint64_t now = elapsed_ns(), at = atomic_load(&kind->limit_at);
	return !atomic_load(&kind->store_error) && (now < at || now - at < service->wait_ns);
}

/* Whether the generator would refuse now. */
static enum refusal generator_refusal(const struct service *service, struct kind *kind,
				      char *reason, size_t size)
{
	uint64_t available;
	const int error = snowid_generator_available(kind->generator, &available);

	if (error == 0 || error == SNOWID_E_EXHAUSTED ||
	    (error == SNOWID_E_LIMIT && is_soon_renewed(service, kind)))
		return SERVED;
	snowid_error_detail(reason, size);
	return refusal_of(service, error);
}

static void judge(struct service *service, struct health *health)
{
	const enum refusal gate = (enum refusal)atomic_load(&service->gate);

	if (gate != SERVED) {
		pthread_mutex_lock(&service->lock);
		snprintf(health->reason, sizeof health->reason, "%s", service->reasons[gate]);
		pthread_mutex_unlock(&service->lock);
		health->refusal = gate;
		return;
	}
	for (size_t i = 0; i < service->kind_count; i++) {
		struct kind *const kind = &service->kinds[i];
		health->refusal =
			generator_refusal(service, kind, health->reason, sizeof health->reason);
		if (health->refusal != SERVED)
			return;
		if (atomic_load(&kind->store_error)) {
			health->degraded = true;
			snprintf(health->reason, sizeof health->reason,
				 "the store of %s cannot be renewed: %s", kind->name,
				 snowid_strerror(atomic_load(&kind->store_error)));
		}
	}
}

void service_health(struct service *service, struct health *health)
{
	const char *name;
	uint64_t value;

	*health = (struct health){.refusal = SERVED};
	judge(service, health);
	health->ready = health->refusal == SERVED && !atomic_load(&service->draining);
	health->host_scope = service->host_scope;
	health->instance = service->instance;
	health->uptime_s = (elapsed_ns() - service->began) / 1000000000;
	for (size_t i = 0; i < service->threads; i++)
		for (size_t k = 0; k < service->kind_count; k++)
			health->ids += atomic_load(&service->counters[i].ids[k]);
	for (size_t i = 0;
	     health->field_count < KIND_FIELDS && kind_field(&service->kinds[0], &i, &name, &value);
	     health->field_count++) {
		snprintf(health->fields[health->field_count].name, sizeof health->fields[0].name,
			 "%s_id", name);
		health->fields[health->field_count].value = value;
	}
}
