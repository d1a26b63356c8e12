/* SPDX-License-Identifier: MIT
 *
 * A coordinator of its own, so that this disturbs no generator of the process.
 *
 * Services cannot be asked which records there are. So workers are read from the first one on, and
 * the first record tells how many there can be: its kind has the size of the field.
 */
#include "libsnowid/coordinator/service_admin.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libsnowid/base/entropy.h"
#include "libsnowid/base/error.h"
#include "libsnowid/coordinator/loader.h"
#include "libsnowid/coordinator/record_kind.h"
#include "libsnowid/coordinator/service_url.h"

#define WORKERS_AT_ONCE 256
#define WORKERS_MAX     65536 /* to look for the first record among */
#define DATACENTERS     32    /* likewise */
#define DATACENTERS_MAX 1024
#define PATIENCE_NS     UINT64_C(6000000000)
#define ANSWER_NS       UINT64_C(2000000000) /* then another server is asked */
#define PAUSE_NS        UINT64_C(200000000)
#define PATH_SIZE       512
#define URL_SIZE        4096

struct service_admin {
	const char *scheme;
	struct sn_service_url url;
	struct sn_coordinator *coordinator;
	uint64_t serial;
	uint64_t now_ms;
	char suffix[SN_DATACENTER_PATH]; /* "/datacenters/dc0", or "" */
	char path[PATH_SIZE];            /* root and suffix */
	uint64_t namespace_id[2];
	/* What the records below the path have in common. */
	bool kind_known;
	struct sn_record_kind kind;
	struct sn_store_workers workers;
	uint64_t last;        /* the last worker to look at */
	uint64_t found;       /* records below all paths */
	uint64_t datacenters; /* how many there can be */

	/* Called with each record. */
	int (*visit)(struct service_admin *admin, uint64_t worker, const struct sn_record *record);
	sn_store_state_fn callback;
	void *user;
	/* What visit_wanted() has found. */
	uint64_t wanted_worker;
	struct sn_record wanted;
	char wanted_path[PATH_SIZE];
	char wanted_kind[SN_STORE_KIND_SIZE];
};

/* ---- asking ---------------------------------------------------------------------------------- */

/* Sends a request, and waits for its answer. */
static int admin_ask_once(struct service_admin *admin, struct sn_request *request,
			  struct sn_answer *answer)
{
	const struct sn_coordinator_class *const class = admin->coordinator->class;
	uint64_t now_ns;

	int error = sn_clock_elapsed(NULL, &now_ns);
	if (error)
		return error;
	const uint64_t end_ns = now_ns + ANSWER_NS;
	request->serial = ++admin->serial;
	request->timeout_ns = ANSWER_NS;
	class->send(admin->coordinator, request);
	for (;;) {
		while (class->receive(admin->coordinator, answer))
			if (answer->serial == request->serial)
				return 0;
		error = sn_clock_elapsed(NULL, &now_ns);
		*answer = (struct sn_answer){.outcome = SN_UNKNOWN, .why = "it does not answer"};
		if (error || now_ns >= end_ns)
			return error;
		class->wait(admin->coordinator, end_ns - now_ns);
	}
}

static int admin_fail(const struct service_admin *admin, const struct sn_answer *answer)
{
	return sn_fail(SNOWID_E_STORE, "%.100s: %.300s", admin->url.name,
		       answer->why && *answer->why ? answer->why : "no answer came");
}

/* Reads until there is an answer. What may have been written already is not written again. */
static int admin_ask(struct service_admin *admin, struct sn_request *request,
		     struct sn_answer *answer)
{
	uint64_t start_ns, now_ns;

	int error = sn_clock_elapsed(NULL, &start_ns);
	for (now_ns = start_ns; !error; error = sn_clock_elapsed(NULL, &now_ns)) {
		if (now_ns > start_ns && now_ns - start_ns >= PATIENCE_NS)
			return admin_fail(admin, answer);
		error = admin_ask_once(admin, request, answer);
		if (error)
			return error;
		if (answer->outcome == SN_DENIED)
			return admin_fail(admin, answer);
		if (answer->outcome != SN_UNKNOWN || request->ask != SN_ASK_READ)
			return 0;
		admin->coordinator->class->wait(admin->coordinator, PAUSE_NS);
	}
	return error;
}

static struct sn_request admin_request(const struct service_admin *admin, enum sn_ask ask,
				       uint64_t worker)
{
	return (struct sn_request){
		.ask = ask,
		.root = admin->url.root,
		.path = admin->path,
		.worker = worker,
		.ttl_ns = admin->url.ttl_ns,
	};
}

/* ---- reading --------------------------------------------------------------------------------- */

static uint64_t field_max(const struct sn_field *field)
{
	return field->bits < 64 ? (UINT64_C(1) << field->bits) - 1 : UINT64_MAX;
}

/* Learns from the first record how many workers and datacenters there can be. */
static int admin_learn_kind(struct service_admin *admin, const struct sn_record *record)
{
	struct sn_record_kind *const kind = &admin->kind;

	if (admin->kind_known || !record->kind)
		return 0;
	const int error = sn_record_kind_init(kind, record->kind, &admin->url.assigned);
	if (error) /* of a newer version: what is in the record can be shown all the same */
		return error == -ENOMEM ? error : 0;
	admin->kind_known = true;
	if (!admin->url.assigned.has_range && kind->worker_field < kind->field_count)
		admin->last = field_max(&kind->fields[kind->worker_field]);
	if (kind->datacenter_field < kind->field_count)
		admin->datacenters = field_max(&kind->fields[kind->datacenter_field]) + 1;
	return 0;
}

static int admin_visit_records(struct service_admin *admin, const struct sn_answer *answer,
			       uint64_t first)
{
	int error = 0;

	memcpy(admin->namespace_id, answer->namespace_id, sizeof admin->namespace_id);
	for (uint64_t i = 0; !error && i < answer->count; i++) {
		const struct sn_record *const record = &answer->records[i];
		if (!record->exists && !record->held)
			continue;
		admin->found++;
		error = admin_learn_kind(admin, record);
		if (!error)
			error = admin->visit(admin, first + i, record);
	}
	return error;
}

/* Visits the records of workers below the present path. The last one changes when a record says
 * how many workers there can be. */
static int admin_read_workers(struct service_admin *admin, uint64_t first)
{
	struct sn_answer answer = {.count = 0};

	for (uint64_t worker = first; worker <= admin->last;) {
		struct sn_request request = admin_request(admin, SN_ASK_READ, worker);
		const uint64_t left = admin->last - worker;
		request.count = left < WORKERS_AT_ONCE ? left + 1 : WORKERS_AT_ONCE;
		int error = admin_ask(admin, &request, &answer);
		if (!error && answer.outcome != SN_DONE)
			error = admin_fail(admin, &answer);
		if (!error)
			error = admin_visit_records(admin, &answer, worker);
		if (error || answer.count == 0)
			return error;
		worker += answer.count;
		if (worker == 0) /* after the largest of all numbers */
			return 0;
	}
	return 0;
}

/* The number of a namespace as the text of a UUID. */
static void namespace_text(const uint64_t number[2], char text[SNOWID_UUID_TEXT])
{
	struct snowid_id128 id;

	for (unsigned i = 0; i < 16; i++)
		id.bytes[i] = (uint8_t)(number[i / 8] >> (56 - i % 8 * 8));
	snowid_uuid_format(&id, text);
}

/* After the records of a path: what is not recorded has never been used. */
static int admin_summarize(struct service_admin *admin)
{
	struct sn_store_workers *const workers = &admin->workers;
	char url[URL_SIZE], text[SNOWID_UUID_TEXT];

	if (!admin->callback || workers->first == workers->last)
		return 0;
	snprintf(url, sizeof url, "%s//%s%s%s%s", admin->scheme, admin->url.service.servers,
		 admin->url.root, admin->suffix, admin->url.options);
	namespace_text(admin->namespace_id, text);
	workers->namespace_id = text;
	workers->free = workers->last - workers->first + 1 - workers->owned - workers->resting;
	const struct sn_store_state state = {.url = url, .workers = workers};
	return admin->callback(admin->user, &state);
}

/* Visits the records of one path, from a worker on. */
static int admin_visit_path(struct service_admin *admin, uint64_t first)
{
	const uint64_t found = admin->found;

	snprintf(admin->path, sizeof admin->path, "%s%s", admin->url.root, admin->suffix);
	admin->kind_known = false;
	admin->workers = (struct sn_store_workers){.first = admin->url.assigned.first_worker};
	int error = admin_read_workers(admin, first);
	admin->workers.last = admin->last;
	if (!error && admin->found > found)
		error = admin_summarize(admin);
	sn_record_kind_free(&admin->kind);
	return error;
}

/* Visits the records of each datacenter. What the first of them tells holds for the others. */
static int admin_visit_datacenters(struct service_admin *admin)
{
	int error = 0;

	admin->datacenters = DATACENTERS;
	for (uint64_t i = 0; !error && i < admin->datacenters && i < DATACENTERS_MAX; i++) {
		sn_service_datacenter_path(i, admin->suffix);
		error = admin_visit_path(admin, admin->url.assigned.first_worker);
	}
	admin->suffix[0] = '\0';
	return error;
}

/* Visits all records below the root: those of no datacenter, or else of each. Where there is no
 * namespace, nobody has claimed a worker. */
static int admin_visit_all(struct service_admin *admin)
{
	const struct sn_assigned *const assigned = &admin->url.assigned;

	admin->last = assigned->has_range ? assigned->last_worker : WORKERS_AT_ONCE - 1;
	snprintf(admin->suffix, sizeof admin->suffix, "%s", admin->url.datacenter);
	int error = admin_visit_path(admin, assigned->first_worker);
	const bool has_namespace = (admin->namespace_id[0] | admin->namespace_id[1]) != 0;
	if (error || admin->suffix[0] || admin->found > 0 || !has_namespace)
		return error;
	error = admin_visit_datacenters(admin);
	if (error || admin->found > 0 || assigned->has_range)
		return error;
	admin->last = WORKERS_MAX - 1;
	return admin_visit_path(admin, WORKERS_AT_ONCE);
}

static int admin_open(struct service_admin *admin, const char *scheme, const char *rest)
{
	int64_t sec;
	uint32_t nsec;

	*admin = (struct service_admin){.scheme = scheme};
	int error = sn_service_url_parse(scheme, rest, &admin->url);
	if (error)
		return error;
	error = sn_clock_wall(NULL, &sec, &nsec);
	if (!error)
		error = sn_loader_open(scheme, admin->url.name, &admin->url.service,
				       &admin->coordinator);
	if (error)
		sn_service_url_free(&admin->url);
	else
		admin->now_ms = (uint64_t)sec * 1000 + nsec / 1000000;
	return error;
}

static void admin_close(struct service_admin *admin)
{
	admin->coordinator->class->close(admin->coordinator, false);
	sn_service_url_free(&admin->url);
}

/* ---- inspection ------------------------------------------------------------------------------ */

/* The URL of one worker, with the options of the whole. */
static void worker_url(const struct service_admin *admin, uint64_t worker, char url[URL_SIZE])
{
	const char *option = admin->url.options;
	int length = snprintf(url, URL_SIZE, "%s//%s%s%s?workers=%" PRIu64 "-%" PRIu64,
			      admin->scheme, admin->url.service.servers, admin->url.root,
			      admin->suffix, worker, worker);

	while (*option) {
		const size_t size = strcspn(++option, "&"); /* after the ? or & */
		if (strncmp(option, "workers=", 8) != 0 && length > 0 && length < URL_SIZE)
			length += snprintf(url + length, (size_t)(URL_SIZE - length), "&%.*s",
					   (int)size, option);
		option += size;
	}
}

/* The fields of which the place of the record tells the value. */
static uint64_t fill_known_fields(const struct service_admin *admin, uint64_t worker,
				  uint64_t fields[SN_STORE_FIELDS])
{
	const struct sn_record_kind *const kind = &admin->kind;
	uint64_t known = 0;

	if (!admin->kind_known)
		return 0;
	if (kind->worker_field < kind->field_count) {
		fields[kind->worker_field] = worker;
		known |= UINT64_C(1) << kind->worker_field;
	}
	if (kind->datacenter_field < kind->field_count &&
	    sscanf(admin->suffix, "/datacenters/dc%" SCNu64, &fields[kind->datacenter_field]) == 1)
		known |= UINT64_C(1) << kind->datacenter_field;
	return known;
}

static int visit_to_show(struct service_admin *admin, uint64_t worker,
			 const struct sn_record *record)
{
	uint64_t fields[SN_STORE_FIELDS] = {0};
	char url[URL_SIZE];
	const struct sn_service_state service = {
		.epoch = record->epoch,
		.resting = !record->held && !record->released && record->limit_ms > admin->now_ms,
		.released = record->released,
		.last_tick = record->last_tick,
	};

	admin->workers.owned += record->held;
	admin->workers.resting += service.resting;
	worker_url(admin, worker, url);
	const struct sn_store_state state = {
		.url = url,
		.readable = true,
		.kind = record->kind ? record->kind : "",
		.fingerprint = record->fingerprint,
		.field_count = admin->kind_known ? admin->kind.field_count : 0,
		.fields = fields,
		.fields_known = fill_known_fields(admin, worker, fields),
		.ticks = admin->kind.ticks,
		.recorded = record->exists,
		.limit_ms = record->limit_ms,
		.use = record->held ? SN_LOCK_EXCLUSIVE : SN_LOCK_NONE,
		.holder = record->owner,
		.service = &service,
	};
	return admin->callback(admin->user, &state);
}

int sn_service_inspect(const char *scheme, const char *rest, sn_store_state_fn callback, void *user)
{
	struct service_admin admin;

	int error = admin_open(&admin, scheme, rest);
	if (error)
		return error;
	admin.visit = visit_to_show;
	admin.callback = callback;
	admin.user = user;
	error = admin_visit_all(&admin);
	admin_close(&admin);
	return error;
}

/* ---- correcting one worker ------------------------------------------------------------------- */

static int visit_wanted(struct service_admin *admin, uint64_t worker,
			const struct sn_record *record)
{
	if (admin->wanted_path[0])
		return sn_fail(SNOWID_E_STORE,
			       "%.100s has the worker %" PRIu64
			       " in several datacenters; give the URL of one, as snowid store "
			       "shows it",
			       admin->url.name, worker);
	admin->wanted_worker = worker;
	admin->wanted = *record;
	snprintf(admin->wanted_kind, sizeof admin->wanted_kind, "%s",
		 record->kind ? record->kind : "");
	admin->wanted.kind = admin->wanted_kind;
	memcpy(admin->wanted_path, admin->path, sizeof admin->wanted_path);
	return 0;
}

/* Finds the record of the worker that the URL names, and makes its path the present one. */
static int admin_find_worker(struct service_admin *admin)
{
	const struct sn_assigned *const assigned = &admin->url.assigned;

	if (!assigned->has_range || assigned->first_worker != assigned->last_worker)
		return sn_fail(SNOWID_E_STORE,
			       "%.100s must name one worker, as workers=5-5; snowid store shows "
			       "the URL of each",
			       admin->url.name);
	admin->visit = visit_wanted;
	const int error = admin_visit_all(admin);
	if (error)
		return error;
	if (!admin->wanted_path[0])
		return sn_fail(SNOWID_E_STORE, "%.100s has no record of the worker %" PRIu64,
			       admin->url.name, assigned->first_worker);
	memcpy(admin->path, admin->wanted_path, sizeof admin->path);
	return 0;
}

/* Checks the answer to a request that changes the record. */
static int admin_change(struct service_admin *admin, struct sn_request *request)
{
	struct sn_answer answer;

	const int error = admin_ask(admin, request, &answer);
	if (error || answer.outcome == SN_DONE)
		return error;
	if (answer.outcome == SN_REFUSED)
		return sn_fail(-EBUSY,
			       "the worker %" PRIu64
			       " of %.100s has changed meanwhile; look at it again",
			       request->worker, admin->url.name);
	return sn_fail(SNOWID_E_STORE,
		       "whether the worker %" PRIu64
		       " of %.100s was changed is not known (%.200s); look at it again",
		       request->worker, admin->url.name, answer.why ? answer.why : "");
}

static int fail_owned(const struct service_admin *admin)
{
	const struct sn_record *const record = &admin->wanted;

	return sn_fail(-EBUSY,
		       "process %" PRIu64 " on %.64s has the worker %" PRIu64
		       " of %.100s; stop it, or free the worker first",
		       record->owner.process, record->owner.host, admin->wanted_worker,
		       admin->url.name);
}

/* The tick before the one at which IDs begin, rounded up: IDs begin above it. */
static int tick_of_floor(struct service_admin *admin, uint64_t floor_ms, uint64_t *tick)
{
	struct sn_record_kind kind;
	struct sn_reading reading;
	const int64_t sec = (int64_t)(floor_ms / 1000);
	const uint32_t nsec = (uint32_t)(floor_ms % 1000) * 1000000;

	int error = sn_record_kind_init(&kind, admin->wanted.kind, &admin->url.assigned);
	if (error)
		return error;
	error = sn_ticks_locate(&kind.ticks, sec, nsec, &reading);
	sn_record_kind_free(&kind);
	if (error)
		return sn_fail(SNOWID_E_RANGE, "the instant is outside the kind %.60s",
			       admin->wanted.kind);
	*tick = reading.tick > 0 ? reading.tick - 1 : 0;
	return 0;
}

static int admin_reset(struct service_admin *admin, uint64_t floor_ms)
{
	uint64_t tick = 0;

	int error = admin_find_worker(admin);
	if (!error && admin->wanted.held)
		return fail_owned(admin);
	if (!error)
		error = tick_of_floor(admin, floor_ms, &tick);
	if (error)
		return error;
	struct sn_request request = admin_request(admin, SN_ASK_RESET, admin->wanted_worker);
	request.record = admin->wanted;
	request.record.epoch++;
	request.record.writes++;
	request.record.limit = request.record.last_tick = tick;
	request.record.limit_ms = floor_ms;
	request.record.released = true;
	error = sn_entropy(request.record.incarnation, sizeof request.record.incarnation);
	return error ? error : admin_change(admin, &request);
}

int sn_service_reset(const char *scheme, const char *rest, uint64_t floor_ms)
{
	struct service_admin admin;

	int error = admin_open(&admin, scheme, rest);
	if (error)
		return error;
	error = admin_reset(&admin, floor_ms);
	admin_close(&admin);
	return error;
}

static int fail_without_owner(const struct service_admin *admin)
{
	char until[SNOWID_TIME_TEXT];
	const uint64_t limit_ms = admin->wanted.limit_ms;

	sn_instant_show((int64_t)(limit_ms / 1000), 0, until);
	if (admin->wanted.released || limit_ms <= admin->now_ms)
		return sn_fail(SNOWID_E_STORE, "the worker %" PRIu64 " of %.100s is free",
			       admin->wanted_worker, admin->url.name);
	return sn_fail(SNOWID_E_STORE,
		       "the worker %" PRIu64
		       " of %.100s has no owner, and rests until %s, when the IDs that its last "
		       "owner may have made are in the past",
		       admin->wanted_worker, admin->url.name, until);
}

static int admin_free_worker(struct service_admin *admin)
{
	const int error = admin_find_worker(admin);
	if (error)
		return error;
	if (!admin->wanted.held)
		return fail_without_owner(admin);
	struct sn_request request = admin_request(admin, SN_ASK_FORGET, admin->wanted_worker);
	request.record = admin->wanted;
	memcpy(request.record.incarnation, admin->wanted.held_by, sizeof admin->wanted.held_by);
	return admin_change(admin, &request);
}

int sn_service_free_worker(const char *scheme, const char *rest)
{
	struct service_admin admin;

	int error = admin_open(&admin, scheme, rest);
	if (error)
		return error;
	error = admin_free_worker(&admin);
	admin_close(&admin);
	return error;
}
