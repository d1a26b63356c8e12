/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/lease.h"

#include <stdio.h>
#include <string.h>

#include "libsnowid/base/entropy.h"
#include "libsnowid/store/store.h"

#define GRANTED_MIN_NS    UINT64_C(100000000)
#define PATIENCE_EXTRA_NS UINT64_C(1000000000)
#define PREFERRED_READS   16 /* of the worker that it had before, until that is free */

/* How often an owner counts the workers that are left: half a second for each worker after its
 * claim, and a minute more after each count. */
#define SURVEY_MIN_NS    UINT64_C(60000000000)
#define SURVEY_WORKER_NS UINT64_C(500000000)
#define SURVEY_MAX_NS    UINT64_C(3600000000000)

/* When an answer is handled, or something is sent. */
struct lease_moment {
	uint64_t now; /* elapsed */
	struct sn_reading wall;
};

static uint64_t later_tick(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t answer_timeout(const struct sn_lease *lease)
{
	return lease->granted_ns / 8;
}

/* ---- what may be recorded -------------------------------------------------------------------- */

/* The time since the epoch that the clock of the coordinator cannot have passed. */
static uint64_t latest_service_time(const struct sn_lease *lease, uint64_t now)
{
	return sn_service_time_latest(&lease->service_time, &lease->settings.ticks, now,
				      lease->margin_ns);
}

/* Then nothing is claimed: IDs would be made in the future of others. */
static bool is_clock_ahead(const struct sn_lease *lease, const struct lease_moment *at)
{
	return at->wall.t100ns > latest_service_time(lease, at->now);
}

/* The limit to record: a reserve ahead of this clock, or of the coordinator's if this one is ahead
 * of that. If a clock that is wrong recorded a limit, nobody could claim the worker for long. */
static uint64_t limit_to_record(const struct sn_lease *lease, const struct lease_moment *at)
{
	const struct sn_ticks *const ticks = &lease->settings.ticks;
	const uint64_t now = sooner(at->wall.t100ns, latest_service_time(lease, at->now));
	const uint64_t tick = (now + lease->settings.reserve_ns / 100) / ticks->unit_t100ns;
	return tick < ticks->last_tick ? tick : ticks->last_tick;
}

static uint64_t last_issued_tick(const struct sn_lease *lease)
{
	return (atomic_load(&lease->shared->end) - 1) >> lease->settings.ticks.bits;
}

/* The floor of a claim. A record that is new, or older than it was, knows less than the clock does,
 * and than the process itself: it was deleted or replaced. The IDs of a thread also increase when
 * the worker changes. */
static uint64_t claim_floor(const struct sn_lease *lease, const struct sn_record *found,
			    const struct lease_moment *at)
{
	uint64_t floor = sn_record_floor(found);

	if (!found->released)
		floor = later_tick(floor, at->wall.tick);
	if (lease->shared)
		return later_tick(floor, last_issued_tick(lease));
	if (lease->worker == lease->tenure.worker && found->epoch < lease->tenure.epoch)
		floor = later_tick(floor, lease->tenure.limit);
	return floor;
}

static void set_limit(const struct sn_lease *lease, struct sn_record *record, uint64_t limit)
{
	int64_t sec = 0;
	uint32_t nsec = 0;

	record->limit = later_tick(record->limit, limit);
	if (sn_timebase_start(&lease->settings.ticks.time, record->limit, &sec, &nsec))
		record->limit_ms = (uint64_t)(sec * 1000 + nsec / 1000000);
}

/* ---- requests -------------------------------------------------------------------------------- */

static void lease_send(struct sn_lease *lease, uint64_t now, const struct sn_request *request)
{
	const struct sn_lease_settings *const settings = &lease->settings;

	lease->request = *request;
	lease->request.serial = (*settings->next_serial)++;
	lease->request.root = settings->root;
	lease->request.path = settings->path;
	lease->request.ttl_ns = settings->ttl_ns;
	lease->request.timeout_ns = answer_timeout(lease);
	lease->request.namespace_id[0] = lease->namespace_id[0];
	lease->request.namespace_id[1] = lease->namespace_id[1];
	lease->awaiting_answer = true;
	lease->sent_at = now;
	settings->coordinator->class->send(settings->coordinator, &lease->request);
}

static void send_read(struct sn_lease *lease, uint64_t now)
{
	const bool searching =
		lease->surveying || (lease->state == SN_LEASE_SEEKING && lease->prefers_left == 0);

	lease_send(lease, now,
		   &(struct sn_request){
			   .ask = SN_ASK_READ,
			   .worker = searching ? lease->range.next : lease->worker,
			   .count = searching ? sn_range_wants(&lease->range) : 1,
		   });
}

/* A claim is repeated as it was, so that it does not matter which copy arrives. */
static void send_write(struct sn_lease *lease, const struct lease_moment *at)
{
	struct sn_request request = {.worker = lease->worker, .record = lease->record};
	struct sn_record *const record = &request.record;

	switch (lease->state) {
	case SN_LEASE_OWNING:
		request.ask = SN_ASK_RAISE;
		set_limit(lease, record, limit_to_record(lease, at));
		lease->clock_ahead = is_clock_ahead(lease, at);
		lease->raise_sent_at = at->now;
		break;
	case SN_LEASE_RELEASING:
		request.ask = SN_ASK_RELEASE;
		record->released = true;
		record->last_tick = last_issued_tick(lease);
		set_limit(lease, record, record->last_tick);
		break;
	default:
		request.ask = SN_ASK_CLAIM;
		lease_send(lease, at->now, &request);
		return;
	}
	lease->writes = later_tick(lease->writes, record->writes) + 1;
	record->writes = lease->writes;
	lease_send(lease, at->now, &request);
}

static void send_due_request(struct sn_lease *lease, const struct lease_moment *at)
{
	if (lease->state == SN_LEASE_SEEKING || lease->write_unresolved)
		send_read(lease, at->now);
	else
		send_write(lease, at);
}

static void send_forget(struct sn_lease *lease, uint64_t now, const struct sn_forget *forget)
{
	lease_send(
		lease, now,
		&(struct sn_request){
			.ask = SN_ASK_FORGET,
			.worker = forget->worker,
			.record = {.incarnation = {forget->incarnation[0], forget->incarnation[1]}},
		});
}

/* ---- looking for a worker -------------------------------------------------------------------- */

static void lease_seek(struct sn_lease *lease, uint64_t when)
{
	lease->state = SN_LEASE_SEEKING;
	lease->write_unresolved = false;
	lease->next_request_at = when;
	sn_range_begin(&lease->range);
}

/* Gives up the incarnation of a claim, or of a tenure. */
static void forget_incarnation(struct sn_lease *lease, const uint64_t incarnation[2])
{
	sn_forget_add(&lease->forget_list, lease->worker, incarnation);
}

/* Each claim is of a new epoch by a new incarnation. An older claim whose outcome is unknown can
 * therefore never be mistaken for this one. False: there is no random number. */
static bool prepare_claim(struct sn_lease *lease, const struct sn_record *found,
			  const struct lease_moment *at)
{
	struct sn_record *const record = &lease->record;
	uint64_t incarnation[2];

	if (sn_entropy_fresh(incarnation, sizeof incarnation) != 0)
		return false;
	lease->writes = later_tick(lease->writes, found->writes) + 1;
	*record = *found;
	record->epoch++;
	record->writes = lease->writes;
	record->incarnation[0] = incarnation[0];
	record->incarnation[1] = incarnation[1];
	record->owner = lease->settings.owner;
	record->fingerprint = lease->settings.fingerprint;
	record->kind = lease->settings.kind;
	record->released = false;
	record->last_tick = 0;
	set_limit(lease, record, limit_to_record(lease, at));
	lease->write_unresolved = false;
	lease->claimed_at = lease->next_request_at = at->now;
	return true;
}

static void claim_worker(struct sn_lease *lease, uint64_t worker, const struct sn_record *found,
			 const struct lease_moment *at)
{
	lease->worker = worker;
	lease->prefers_left = 0;
	if (is_clock_ahead(lease, at)) {
		lease->blocker = (struct sn_blocker){.kind = SN_BLOCKER_AHEAD};
	} else if (prepare_claim(lease, found, at)) {
		lease->state = SN_LEASE_CLAIMING;
		lease->floor = claim_floor(lease, found, at);
		set_limit(lease, &lease->record, lease->floor);
		return;
	}
	lease_seek(lease, at->now + lease->margin_ns / 4);
}

static struct sn_range_view range_view(const struct sn_lease *lease, const struct lease_moment *at)
{
	return (struct sn_range_view){
		.ticks = &lease->settings.ticks,
		.now = at->wall,
		.longest_rest_ns = lease->settings.reserve_ns + lease->margin_ns,
		.fingerprint = lease->settings.fingerprint,
	};
}

static bool is_record_of(const struct sn_record *record, uint64_t epoch,
			 const uint64_t incarnation[2])
{
	return record->exists && record->epoch == epoch &&
	       memcmp(record->incarnation, incarnation, sizeof record->incarnation) == 0;
}

static bool is_zero(const uint64_t number[2])
{
	return number[0] == 0 && number[1] == 0;
}

/* Or by somebody whom the coordinator does not know. */
static bool is_held_by(const struct sn_record *record, const uint64_t incarnation[2])
{
	return record->held && (is_zero(record->held_by) ||
				memcmp(record->held_by, incarnation, sizeof record->held_by) == 0);
}

/* The worker that it had before comes first, even if the lease on it is still its own. */
static void examine_preferred(struct sn_lease *lease, const struct sn_record *found,
			      const struct lease_moment *at)
{
	const struct sn_range_view view = range_view(lease, at);

	if (is_held_by(found, lease->tenure.incarnation) && --lease->prefers_left > 0) {
		forget_incarnation(lease, lease->tenure.incarnation);
		lease->next_request_at = at->now + lease->margin_ns / 16;
	} else if (sn_range_admits(&lease->range, found, &view)) {
		claim_worker(lease, lease->worker, found, at);
	} else {
		lease->prefers_left = 0;
		lease_seek(lease, at->now);
	}
}

static void note_left(struct sn_lease *lease, uint64_t left)
{
	lease->counters.left = left;
	lease->counters.left_known = true;
}

/* After a whole pass: claims one of those whose owner vanished, or looks again when there may be
 * one. */
static void end_pass(struct sn_lease *lease, const struct lease_moment *at)
{
	struct sn_range *const range = &lease->range;
	const uint64_t usual_ns = lease->margin_ns / 4;
	const uint64_t rests_ns =
		range->rests_t100ns < usual_ns / 100 ? range->rests_t100ns * 100 : usual_ns;

	note_left(lease, range->usable);
	if (range->usable > 0) {
		claim_worker(lease, range->worker, &range->record, at);
		return;
	}
	lease->blocker = range->blocker;
	lease_seek(lease, at->now + rests_ns);
}

static void examine_range(struct sn_lease *lease, const struct sn_record *records, uint64_t count,
			  const struct lease_moment *at)
{
	const struct sn_range_view view = range_view(lease, at);

	if (sn_range_examine(&lease->range, records, count, &view))
		claim_worker(lease, lease->range.worker, &lease->range.record, at);
	else if (sn_range_wants(&lease->range) == 0)
		end_pass(lease, at);
}

/* ---- counting the workers that are left ------------------------------------------------------ */

/* The more workers there are, the more owners count them. */
static void plan_survey(struct sn_lease *lease, uint64_t when)
{
	const uint64_t count = lease->settings.last_worker - lease->settings.first_worker + 1;
	const uint64_t most = SURVEY_MAX_NS / SURVEY_WORKER_NS;

	lease->survey_at = when + (count < most ? count : most) * SURVEY_WORKER_NS;
	sn_range_begin(&lease->range);
}

/* If it can be answered before the next renewal is due. */
static bool is_survey_due(const struct sn_lease *lease, uint64_t now)
{
	return lease->state == SN_LEASE_OWNING && !lease->write_unresolved &&
	       now >= lease->survey_at && now + answer_timeout(lease) < lease->next_request_at;
}

static void handle_survey(struct sn_lease *lease, const struct sn_answer *answer,
			  const struct lease_moment *at)
{
	const struct sn_range_view view = range_view(lease, at);

	lease->surveying = false;
	if (answer->outcome != SN_DONE) {
		plan_survey(lease, at->now + SURVEY_MIN_NS);
		return;
	}
	sn_range_examine(&lease->range, answer->records,
			 sooner(answer->count, lease->request.count), &view);
	if (sn_range_wants(&lease->range) > 0)
		return;
	note_left(lease, lease->range.usable);
	plan_survey(lease, at->now + SURVEY_MIN_NS);
}

/* ---- owning one ------------------------------------------------------------------------------ */

/* The statistics of a generator continue in the next shared state. */
static void copy_statistics(const struct sn_ticks *ticks, const struct sn_shared_state *from,
			    struct sn_shared_state *to)
{
	const uint64_t issued =
		atomic_load(&from->counted) + sn_ticks_low(ticks, atomic_load(&from->end));
	atomic_fetch_add(&to->counted, issued);
	atomic_store(&to->seen, atomic_load(&from->seen));
	atomic_store(&to->behind, atomic_load(&from->behind));
	atomic_store(&to->waits, atomic_load(&from->waits));
	atomic_store(&to->regressions, atomic_load(&from->regressions));
	atomic_store(&to->refused, atomic_load(&from->refused));
	atomic_store(&to->max_lead, atomic_load(&from->max_lead));
	atomic_store(&to->max_lag, atomic_load(&from->max_lag));
}

/* A tenure gets a shared state of its own, which then replaces the previous one. */
static void begin_tenure(struct sn_lease *lease)
{
	struct sn_shared_state *const previous = lease->shared;
	struct sn_shared_state *const shared = &lease->settings.states[lease->states_used++];

	sn_store_begin(&lease->settings.ticks, shared, lease->floor);
	if (previous)
		copy_statistics(&lease->settings.ticks, previous, shared);
	atomic_store(&shared->identity,
		     lease->settings.identity | lease->worker << lease->settings.worker_shift);
	atomic_store(&shared->limit, lease->record.limit);
	lease->shared = shared;
	if (previous)
		atomic_store(&previous->seal_reason,
			     shared == previous + 1 ? SN_SEAL_REPLACED : SN_SEAL_REMOVED);
}

/* A renewal is due when a quarter of the lease is over, or a third of the reserve. */
static void note_acknowledged(struct sn_lease *lease, uint64_t sent_at)
{
	const uint64_t period_ns = sooner(lease->granted_ns / 4, lease->settings.reserve_ns / 3);

	lease->deadline = sent_at + lease->granted_ns - lease->margin_ns;
	lease->next_request_at = sent_at + period_ns;
	lease->write_unresolved = false;
	lease->blocker = (struct sn_blocker){.kind = lease->clock_ahead ? SN_BLOCKER_AHEAD
									: SN_BLOCKER_SILENCE};
}

/* A limit was acknowledged in the present epoch. */
static void raise_limit(struct sn_lease *lease, uint64_t version, uint64_t limit)
{
	lease->record.version = version;
	lease->record.limit = later_tick(lease->tenure.limit, limit);
	lease->tenure.limit = lease->record.limit;
	sn_raise(&lease->shared->limit, lease->record.limit);
}

static void handle_claimed(struct sn_lease *lease, uint64_t version)
{
	lease->record.exists = true;
	lease->record.version = version;
	if (lease->state == SN_LEASE_RECLAIMING) {
		forget_incarnation(lease, lease->tenure.incarnation);
		lease->counters.reclaims++;
		sn_raise(&lease->shared->limit, lease->record.limit);
	} else {
		begin_tenure(lease);
	}
	lease->resumed = lease->clock_ahead = false;
	lease->raise_sent_at = 0;
	lease->namespace_known = true;
	lease->tenure = (struct sn_tenure){
		.worker = lease->worker,
		.epoch = lease->record.epoch,
		.incarnation = {lease->record.incarnation[0], lease->record.incarnation[1]},
		.namespace_id = {lease->namespace_id[0], lease->namespace_id[1]},
		.limit = lease->record.limit,
	};
	lease->state = SN_LEASE_OWNING;
	plan_survey(lease, lease->claimed_at);
	note_acknowledged(lease, lease->claimed_at);
}

/* The lease of the tenure stands in the way of its next claim. */
static void forget_first(struct sn_lease *lease, uint64_t now)
{
	forget_incarnation(lease, lease->tenure.incarnation);
	lease->next_request_at = now + lease->margin_ns / 16;
}

/* The shared state continues in the next epoch, as nobody else has had one since. */
static void reclaim_worker(struct sn_lease *lease, const struct sn_record *found,
			   const struct lease_moment *at)
{
	if (prepare_claim(lease, found, at)) {
		lease->state = SN_LEASE_RECLAIMING;
		set_limit(lease, &lease->record, lease->tenure.limit);
		if (found->held)
			forget_first(lease, at->now);
	} else {
		lease->next_request_at = at->now + lease->margin_ns / 4;
	}
}

static void lose_worker(struct sn_lease *lease, uint64_t now, bool prefers_worker)
{
	atomic_store(&lease->shared->seal_reason, SN_SEAL_LOST);
	sn_seal(lease->shared);
	forget_incarnation(lease, lease->tenure.incarnation);
	if (lease->state == SN_LEASE_RECLAIMING)
		forget_incarnation(lease, lease->record.incarnation);
	lease->counters.losses++;
	lease->awaiting_answer = lease->surveying = false;
	lease->prefers_left = prefers_worker ? PREFERRED_READS : 0;
	lease_seek(lease, now);
}

/* ---- answers --------------------------------------------------------------------------------- */

static bool is_own_record(const struct sn_lease *lease, const struct sn_record *record)
{
	return is_record_of(record, lease->record.epoch, lease->record.incarnation);
}

static bool is_record_of_tenure(const struct sn_lease *lease, const struct sn_record *record)
{
	return is_record_of(record, lease->tenure.epoch, lease->tenure.incarnation) &&
	       !record->released; /* by hand */
}

/* Another owner has claimed it; or else the record was deleted, or replaced by an older one. */
static void handle_record_lost(struct sn_lease *lease, const struct sn_record *found, uint64_t now)
{
	lose_worker(lease, now, !found->exists || found->epoch < lease->tenure.epoch);
}

static void give_up_claim(struct sn_lease *lease, uint64_t now)
{
	if (lease->state == SN_LEASE_CLAIMING)
		forget_incarnation(lease, lease->record.incarnation);
	lease_seek(lease, now);
}

static void read_while_claiming(struct sn_lease *lease, const struct sn_record *found,
				const struct lease_moment *at)
{
	lease->write_unresolved = false;
	if (is_own_record(lease, found)) {
		handle_claimed(lease, found->version);
	} else if (found->version != lease->record.version ||
		   found->exists != lease->record.exists || found->held ||
		   at->now - lease->claimed_at >= lease->granted_ns) {
		give_up_claim(lease, at->now);
	}
	/* Otherwise the write has not been done and may still be: send it again. */
}

static void read_while_owning(struct sn_lease *lease, const struct sn_record *found,
			      const struct lease_moment *at)
{
	if (!is_record_of_tenure(lease, found)) {
		handle_record_lost(lease, found, at->now);
		return;
	}
	/* It was recorded in this epoch, by whichever request. */
	const bool last_write_done = lease->raise_sent_at > 0 && found->writes == lease->writes;
	raise_limit(lease, found->version, found->limit);
	lease->record.writes = found->writes;
	lease->write_unresolved = false;
	if (!is_held_by(found, lease->tenure.incarnation) || lease->resumed)
		reclaim_worker(lease, found, at);
	else if (last_write_done)
		note_acknowledged(lease, lease->raise_sent_at);
}

/* The claim is never given up: it might be done after that, and nobody would continue its epoch. */
static void read_while_reclaiming(struct sn_lease *lease, const struct sn_record *found,
				  const struct lease_moment *at)
{
	lease->write_unresolved = false;
	if (is_own_record(lease, found)) {
		handle_claimed(lease, found->version);
	} else if (!is_record_of_tenure(lease, found)) {
		handle_record_lost(lease, found, at->now);
	} else if (found->version != lease->record.version) {
		forget_incarnation(lease, lease->record.incarnation);
		raise_limit(lease, found->version, found->limit);
		reclaim_worker(lease, found, at);
	} else if (found->held) {
		forget_first(lease, at->now);
	}
}

/* It ends when nothing is left to be told to the coordinator. */
static void end_release(struct sn_lease *lease)
{
	lease->released = true;
	if (lease->forget_list.count == 0)
		lease->state = SN_LEASE_ENDED;
}

static void read_while_releasing(struct sn_lease *lease, const struct sn_record *found)
{
	lease->write_unresolved = false;
	lease->record.version = found->version;
	lease->record.limit = later_tick(lease->record.limit, found->limit);
	lease->record.writes = found->writes;
	if (!is_record_of_tenure(lease, found) || !found->held)
		end_release(lease);
}

/* The namespace is a random number beside the records. If it is another than before, they say
 * nothing about the IDs that this process has made. */
static bool note_namespace(struct sn_lease *lease, const uint64_t seen[2])
{
	if (seen[0] == 0 && seen[1] == 0)
		return true;
	if (!lease->namespace_known) {
		lease->namespace_id[0] = seen[0];
		lease->namespace_id[1] = seen[1];
		lease->namespace_known = true;
	}
	return seen[0] == lease->namespace_id[0] && seen[1] == lease->namespace_id[1];
}

static void handle_other_namespace(struct sn_lease *lease, uint64_t now)
{
	if (sn_lease_owns(lease))
		lose_worker(lease, now, true);
	else if (lease->state == SN_LEASE_RELEASING)
		end_release(lease);
	else
		give_up_claim(lease, now);
	lease->next_request_at = now + lease->margin_ns;
	lease->blocker = (struct sn_blocker){.kind = SN_BLOCKER_NAMESPACE};
}

static void handle_records(struct sn_lease *lease, const struct sn_answer *answer,
			   const struct lease_moment *at)
{
	const struct sn_record *const found = answer->records;

	lease->next_request_at = at->now;
	if (!note_namespace(lease, answer->namespace_id)) {
		handle_other_namespace(lease, at->now);
		return;
	}
	switch (lease->state) {
	case SN_LEASE_SEEKING:
		if (lease->prefers_left > 0)
			examine_preferred(lease, found, at);
		else
			examine_range(lease, found, sooner(answer->count, lease->request.count),
				      at);
		return;
	case SN_LEASE_CLAIMING:
		read_while_claiming(lease, found, at);
		return;
	case SN_LEASE_OWNING:
		read_while_owning(lease, found, at);
		return;
	case SN_LEASE_RECLAIMING:
		read_while_reclaiming(lease, found, at);
		return;
	case SN_LEASE_RELEASING:
		read_while_releasing(lease, found);
		return;
	case SN_LEASE_ENDED:
		return;
	}
}

static void note_granted(struct sn_lease *lease, uint64_t ttl_ns)
{
	if (ttl_ns == 0)
		return;
	lease->granted_ns = ttl_ns > GRANTED_MIN_NS ? ttl_ns : GRANTED_MIN_NS;
	lease->margin_ns = lease->granted_ns / 4;
}

/* A write was acknowledged, which means that the record had the version that this epoch knew. */
static void handle_write(struct sn_lease *lease, const struct sn_answer *answer, uint64_t now)
{
	note_granted(lease, answer->ttl_ns);
	switch (lease->request.ask) {
	case SN_ASK_CLAIM:
		handle_claimed(lease, answer->version);
		return;
	case SN_ASK_RAISE:
		lease->counters.renewals++;
		lease->counters.latency_ns = now - lease->sent_at;
		lease->record.writes = lease->request.record.writes;
		raise_limit(lease, answer->version, lease->request.record.limit);
		note_acknowledged(lease, lease->sent_at);
		return;
	case SN_ASK_RELEASE:
		end_release(lease);
		return;
	case SN_ASK_READ:
	case SN_ASK_FORGET:
	case SN_ASK_RESET:
		return;
	}
}

/* When the release waits for nothing else, each incarnation is forgotten once: whatever becomes of
 * that, its lease expires. */
static void handle_forgotten(struct sn_lease *lease, enum sn_outcome outcome, uint64_t now)
{
	const uint64_t *const incarnation = lease->request.record.incarnation;
	struct sn_forget *const entry = sn_forget_find(&lease->forget_list, incarnation);

	if (outcome == SN_DONE || outcome == SN_REFUSED || lease->released)
		sn_forget_remove(&lease->forget_list, incarnation);
	else if (entry)
		entry->ask_at = now + lease->margin_ns / 2;
	if (lease->released)
		end_release(lease);
	else if (lease->state == SN_LEASE_RECLAIMING || lease->prefers_left > 0)
		lease->next_request_at = sooner(lease->next_request_at, now);
}

/* What was refused may be a copy of a write that was done: read the record. */
static void handle_failure(struct sn_lease *lease, const struct sn_answer *answer, uint64_t now)
{
	static const unsigned delays[] = {[SN_REFUSED] = 64, [SN_UNKNOWN] = 4, [SN_DENIED] = 2};

	lease->write_unresolved = true;
	lease->next_request_at = now + lease->margin_ns / delays[answer->outcome];
	if (answer->outcome == SN_REFUSED)
		return;
	lease->blocker = (struct sn_blocker){
		.kind = answer->outcome == SN_DENIED ? SN_BLOCKER_DENIED : SN_BLOCKER_SILENCE};
	snprintf(lease->blocker.why, sizeof lease->blocker.why, "%s",
		 answer->why ? answer->why : "");
}

static void handle_answer(struct sn_lease *lease, const struct sn_answer *answer,
			  const struct lease_moment *at)
{
	lease->awaiting_answer = false;
	if (lease->surveying)
		handle_survey(lease, answer, at);
	else if (lease->request.ask == SN_ASK_FORGET)
		handle_forgotten(lease, answer->outcome, at->now);
	else if (answer->outcome != SN_DONE)
		handle_failure(lease, answer, at->now);
	else if (lease->request.ask == SN_ASK_READ)
		handle_records(lease, answer, at);
	else
		handle_write(lease, answer, at->now);
}

static int read_moment(const struct sn_lease *lease, struct lease_moment *at)
{
	const int error = sn_clock_elapsed(lease->settings.clock, &at->now);
	return error ? error
		     : sn_ticks_read(&lease->settings.ticks, lease->settings.clock, &at->wall);
}

/* An answer that comes late is ignored: the record has been read since, or belongs to another
 * epoch, or the time that it tells may be later than its request by any amount. One that comes
 * while the clock is outside the layout is as good as lost. */
void sn_lease_answer(struct sn_lease *lease, const struct sn_answer *answer)
{
	struct lease_moment at;

	if (!lease->awaiting_answer || answer->serial != lease->request.serial ||
	    read_moment(lease, &at) != 0 || at.now - lease->sent_at >= answer_timeout(lease))
		return;
	if (answer->unix_ms > 0)
		lease->service_time = (struct sn_service_time){answer->unix_ms, lease->sent_at};
	if (answer->expiry_ns > 0)
		lease->expiry_ns = answer->expiry_ns;
	handle_answer(lease, answer, &at);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void apply_hurry(struct sn_lease *lease, uint64_t now)
{
	const uint64_t soonest = lease->sent_at + lease->margin_ns / 16;

	lease->hurried = false;
	if (sn_lease_owns(lease))
		lease->next_request_at =
			sooner(lease->next_request_at, soonest > now ? soonest : now);
}

/* Nothing can be claimed while there is no shared state for it. */
static bool is_request_due(const struct sn_lease *lease, uint64_t now)
{
	if (lease->released || (lease->state == SN_LEASE_SEEKING && sn_lease_needs_states(lease)))
		return false;
	return now >= lease->next_request_at;
}

static bool is_forget_due(const struct sn_lease *lease, uint64_t now)
{
	const struct sn_forget *const forget = sn_forget_first(&lease->forget_list);
	return forget && (now >= forget->ask_at || lease->released);
}

/* A worker that is sought may be one of those whose lease is to be ended first. */
static void send_next(struct sn_lease *lease, const struct lease_moment *at)
{
	const bool due = is_request_due(lease, at->now);
	const bool seeking = lease->state == SN_LEASE_SEEKING;

	if (is_forget_due(lease, at->now) && (seeking || !due))
		send_forget(lease, at->now, sn_forget_first(&lease->forget_list));
	else if (due)
		send_due_request(lease, at);
	else if (is_survey_due(lease, at->now)) {
		lease->surveying = true;
		send_read(lease, at->now);
	}
}

static void lease_step(struct sn_lease *lease, const struct lease_moment *at)
{
	static const struct sn_answer no_answer = {.outcome = SN_UNKNOWN};

	if (lease->awaiting_answer && at->now - lease->sent_at >= answer_timeout(lease))
		handle_answer(lease, &no_answer, at);
	if (lease->hurried)
		apply_hurry(lease, at->now);
	if (!lease->awaiting_answer && lease->state != SN_LEASE_ENDED)
		send_next(lease, at);
}

/* The elapsed time at which something is due next. */
static uint64_t next_step_at(const struct sn_lease *lease, uint64_t now)
{
	const struct sn_forget *const forget = sn_forget_first(&lease->forget_list);

	if (lease->state == SN_LEASE_ENDED)
		return UINT64_MAX;
	if (lease->awaiting_answer)
		return lease->sent_at + answer_timeout(lease);
	if (lease->survey_at > now && is_survey_due(lease, lease->survey_at))
		return sooner(lease->survey_at, lease->next_request_at);
	return forget ? sooner(lease->next_request_at, forget->ask_at) : lease->next_request_at;
}

int sn_lease_step(struct sn_lease *lease, uint64_t *next_call_ns)
{
	struct lease_moment at;

	const int error = read_moment(lease, &at);
	if (error) {
		*next_call_ns = lease->margin_ns / 4;
		return error;
	}
	lease_step(lease, &at);
	const uint64_t next = next_step_at(lease, at.now);
	/* What is due and was not sent waits for shared states. */
	*next_call_ns = next == UINT64_MAX ? UINT64_MAX
			: next > at.now    ? next - at.now
					   : lease->margin_ns / 4;
	return 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void use_previous(struct sn_lease *lease, const struct sn_tenure *previous)
{
	const struct sn_lease_settings *const settings = &lease->settings;

	lease->tenure = *previous;
	lease->worker = previous->worker;
	lease->prefers_left = PREFERRED_READS;
	if (settings->resumes) {
		lease->state = SN_LEASE_OWNING;
		lease->resumed = lease->write_unresolved = true;
		lease->shared = &settings->states[lease->states_used++];
		lease->record = (struct sn_record){
			.exists = true,
			.epoch = previous->epoch,
			.limit = previous->limit,
			.incarnation = {previous->incarnation[0], previous->incarnation[1]},
			.owner = settings->owner,
			.fingerprint = settings->fingerprint,
			.kind = settings->kind,
		};
	}
}

int sn_lease_init(struct sn_lease *lease, const struct sn_lease_settings *settings)
{
	const struct sn_tenure *const previous = settings->previous;
	const uint64_t *known = settings->namespace_id;
	uint64_t random[3];

	const int error = sn_entropy_fresh(random, sizeof random);
	if (error)
		return error;
	*lease = (struct sn_lease){
		.settings = *settings,
		.granted_ns = settings->ttl_ns,
		.expiry_ns = settings->ttl_ns,
		.margin_ns = settings->ttl_ns / 4,
	};
	if (is_zero(known) && previous)
		known = previous->namespace_id;
	lease->namespace_known = !is_zero(known);
	memcpy(lease->namespace_id, lease->namespace_known ? known : random + 1,
	       sizeof lease->namespace_id);
	sn_range_init(&lease->range, settings->first_worker, settings->last_worker, random[0]);
	if (previous)
		use_previous(lease, previous);
	return 0;
}

void sn_lease_hurry(struct sn_lease *lease)
{
	lease->hurried = true;
}

void sn_lease_release(struct sn_lease *lease)
{
	const enum sn_lease_state state = lease->state;

	if (lease->shared) {
		atomic_store(&lease->shared->seal_reason, SN_SEAL_CLOSED);
		sn_seal(lease->shared);
	}
	if (state == SN_LEASE_RELEASING || state == SN_LEASE_ENDED)
		return;
	lease->state = SN_LEASE_RELEASING;
	lease->awaiting_answer = lease->surveying = false;
	lease->next_request_at = 0;
	/* A claim that has not been answered may succeed, but nothing was issued in it. */
	if (state == SN_LEASE_CLAIMING || state == SN_LEASE_RECLAIMING)
		forget_incarnation(lease, lease->record.incarnation);
	if (state != SN_LEASE_OWNING)
		end_release(lease);
}

void sn_lease_add_states(struct sn_lease *lease, struct sn_shared_state *states, size_t count)
{
	lease->settings.states = states;
	lease->settings.state_count = count;
	lease->states_used = 0;
}

bool sn_lease_in_doubt(const struct sn_lease *lease, uint64_t now_ns)
{
	return sn_lease_owns(lease) && now_ns >= lease->deadline;
}

bool sn_lease_hopeless(const struct sn_lease *lease)
{
	const enum sn_blocker_kind kind = lease->blocker.kind;
	return !sn_lease_owns(lease) && (kind == SN_BLOCKER_DENIED || kind == SN_BLOCKER_FOREIGN ||
					 kind == SN_BLOCKER_NAMESPACE);
}

uint64_t sn_lease_patience(const struct sn_lease *lease)
{
	const uint64_t expiry_ns =
		lease->expiry_ns > lease->granted_ns ? lease->expiry_ns : lease->granted_ns;
	return expiry_ns + 2 * lease->margin_ns + PATIENCE_EXTRA_NS;
}
