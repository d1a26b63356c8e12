/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/lease.h"

#include <inttypes.h>
#include <string.h>

#include "libsnowid/base/entropy.h"
#include "libsnowid/base/error.h"
#include "libsnowid/store/store.h"

#define READ_MAX 256 /* records in one request */

static uint64_t later_tick(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The limit to record now: the last tick that the lease will cover, minus a margin. */
static uint64_t lease_limit(const struct sn_lease *lease, const struct sn_reading *now)
{
	const struct sn_ticks *const ticks = &lease->settings.ticks;
	const uint64_t tick = (now->t100ns + (lease->settings.ttl_ns - lease->margin_ns) / 100) /
			      ticks->unit_t100ns;
	return tick < ticks->last_tick ? tick : ticks->last_tick;
}

static uint64_t floor_of_record(const struct sn_record *record)
{
	return record->released ? record->last_tick : record->limit;
}

static bool is_own_record(const struct sn_lease *lease, const struct sn_record *record)
{
	return record->epoch == lease->record.epoch &&
	       memcmp(record->incarnation, lease->record.incarnation, sizeof record->incarnation) ==
		       0;
}

static void lease_send(struct sn_lease *lease, uint64_t now, const struct sn_request *request)
{
	const uint64_t serial = lease->request.serial + 1;
	lease->request = *request;
	lease->request.serial = serial;
	lease->awaiting_answer = true;
	lease->sent_at = now;
	lease->settings.coordinator->class->send(lease->settings.coordinator, &lease->request);
}

/* ---- looking for a worker -------------------------------------------------------------------- */

/* Starts with a worker, and goes once through the whole range. */
static void lease_seek(struct sn_lease *lease, uint64_t first, uint64_t when)
{
	lease->state = SN_LEASE_SEEKING;
	lease->write_unresolved = false;
	lease->next_worker = first;
	lease->workers_left = lease->settings.last_worker - lease->settings.first_worker + 1;
	lease->next_request_at = when;
}

/* Each claim is of a new epoch by a new incarnation. An older claim whose outcome is unknown can
 * therefore never be mistaken for this one. */
static int lease_claim(struct sn_lease *lease, uint64_t worker, const struct sn_record *found,
		       uint64_t now, const struct sn_reading *wall)
{
	lease->record = *found;
	const int error =
		sn_entropy_fresh(lease->record.incarnation, sizeof lease->record.incarnation);
	if (error)
		return error;
	lease->worker = worker;
	lease->floor = floor_of_record(found);
	lease->record.epoch++;
	lease->record.limit = later_tick(found->limit, lease_limit(lease, wall));
	lease->record.fingerprint = lease->settings.fingerprint;
	lease->record.released = false;
	lease->record.last_tick = 0;
	lease->state = SN_LEASE_CLAIMING;
	lease->write_unresolved = false;
	lease->claimed_at = now;
	lease->next_request_at = now;
	return 0;
}

/* Notes why a record cannot be claimed now. False: nothing in it prevents that. */
static bool note_blocker(struct sn_lease *lease, const struct sn_record *record,
			 const struct sn_reading *wall)
{
	if (record->held)
		lease->blocker = SN_BLOCKER_TAKEN;
	else if (record->exists && record->fingerprint != lease->settings.fingerprint)
		lease->blocker = SN_BLOCKER_FOREIGN;
	else if (floor_of_record(record) > wall->tick)
		lease->blocker = SN_BLOCKER_BEHIND;
	else
		return false;
	return true;
}

/* Whether a worker has had no lease for a while, although its owner did not release it: until then
 * the owner may come back. */
static bool owner_is_gone(struct sn_lease *lease, uint64_t worker, const struct sn_record *record,
			  uint64_t now)
{
	if (lease->vacant_worker == worker && lease->vacant_version == record->version)
		return now - lease->vacant_since >= lease->margin_ns;
	if (lease->vacant_version == 0 || lease->vacant_worker == worker) {
		lease->vacant_worker = worker;
		lease->vacant_version = record->version;
		lease->vacant_since = now;
	}
	return false;
}

/* Claims the first worker that was released or never used, or else the first whose owner is gone,
 * or else looks at the next ones. */
static int choose_worker(struct sn_lease *lease, const struct sn_record *records, uint64_t now,
			 const struct sn_reading *wall)
{
	const uint64_t count = lease->request.count, first = lease->request.worker;
	uint64_t abandoned = count;

	for (uint64_t i = 0; i < count; i++) {
		const struct sn_record *const record = &records[i];
		const bool blocked = note_blocker(lease, record, wall);
		if (!blocked && (!record->exists || record->released))
			return lease_claim(lease, first + i, record, now, wall);
		if (!blocked && owner_is_gone(lease, first + i, record, now) && abandoned == count)
			abandoned = i;
		if (blocked && lease->vacant_worker == first + i)
			lease->vacant_version = 0;
	}
	if (abandoned < count) {
		lease->vacant_version = 0;
		return lease_claim(lease, first + abandoned, &records[abandoned], now, wall);
	}
	lease->workers_left -= count;
	lease->next_worker = first + count > lease->settings.last_worker
				     ? lease->settings.first_worker
				     : first + count;
	lease->next_request_at = now;
	if (lease->workers_left == 0)
		lease_seek(lease, lease->next_worker, now + lease->margin_ns / 2);
	return 0;
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

/* The claim has succeeded. Its epoch gets a shared state of its own, which then replaces the
 * previous one. */
static void lease_begin_epoch(struct sn_lease *lease, uint64_t version, uint64_t limit)
{
	struct sn_shared_state *const previous = lease->shared;
	struct sn_shared_state *const shared = &lease->settings.states[lease->states_used++];

	lease->record.version = version;
	lease->record.limit = limit;
	sn_store_begin(&lease->settings.ticks, shared, lease->floor);
	if (previous)
		copy_statistics(&lease->settings.ticks, previous, shared);
	atomic_store(&shared->identity,
		     lease->settings.identity | lease->worker << lease->settings.worker_shift);
	atomic_store(&shared->limit, limit);
	lease->shared = shared;
	if (previous)
		atomic_store(&previous->seal_reason, SN_SEAL_REPLACED);
	lease->state = SN_LEASE_OWNING;
	lease->write_unresolved = false;
	lease->deadline = lease->claimed_at + lease->settings.ttl_ns - lease->margin_ns;
	lease->next_request_at = lease->claimed_at + lease->settings.ttl_ns / 4;
	lease->blocker = SN_BLOCKER_SILENCE; /* if it cannot be renewed */
}

static void lease_lose_worker(struct sn_lease *lease, uint64_t now)
{
	const bool last = lease->states_used == lease->settings.state_count;

	atomic_store(&lease->shared->seal_reason, last ? SN_SEAL_CLOSED : SN_SEAL_LOST);
	sn_seal(lease->shared);
	lease->awaiting_answer = false;
	lease_seek(lease, lease->worker, now);
	if (last)
		lease->state = SN_LEASE_ENDED;
}

/* ---- answers --------------------------------------------------------------------------------- */

static int handle_records(struct sn_lease *lease, const struct sn_record *records, uint64_t now,
			  const struct sn_reading *wall)
{
	const struct sn_record *const found = records;

	switch (lease->state) {
	case SN_LEASE_SEEKING:
		return choose_worker(lease, records, now, wall);
	case SN_LEASE_CLAIMING:
		lease->write_unresolved = false;
		if (is_own_record(lease, found))
			lease_begin_epoch(lease, found->version, found->limit);
		else if (found->version != lease->record.version || found->held ||
			 now - lease->claimed_at >= lease->settings.ttl_ns)
			lease_seek(lease, lease->worker, now);
		/* Otherwise the write has not been done and may still be: send it again. */
		return 0;
	case SN_LEASE_OWNING:
		if (!is_own_record(lease, found) || !found->held) {
			lease_lose_worker(lease, now);
			return 0;
		}
		/* It was recorded in this epoch, by whichever request. Only an acknowledged write
		 * moves the deadline, since a record that was read may be an old one. */
		lease->write_unresolved = false;
		lease->record.version = found->version;
		lease->record.limit = found->limit;
		sn_raise(&lease->shared->limit, found->limit);
		return 0;
	case SN_LEASE_RELEASING:
		lease->write_unresolved = false;
		if (!is_own_record(lease, found) || found->released)
			lease->state = SN_LEASE_ENDED;
		lease->record.version = found->version;
		lease->record.limit = found->limit;
		return 0;
	case SN_LEASE_ENDED:
		return 0;
	}
	return 0;
}

/* A write was acknowledged, which means that the record had the version that this epoch knew. */
static void handle_write(struct sn_lease *lease, uint64_t version)
{
	switch (lease->request.ask) {
	case SN_ASK_CLAIM:
		lease_begin_epoch(lease, version, lease->request.record.limit);
		return;
	case SN_ASK_RAISE:
		lease->record.version = version;
		lease->record.limit = lease->request.record.limit;
		sn_raise(&lease->shared->limit, lease->record.limit);
		lease->deadline = lease->sent_at + lease->settings.ttl_ns - lease->margin_ns;
		lease->next_request_at = lease->sent_at + lease->settings.ttl_ns / 4;
		return;
	case SN_ASK_RELEASE:
		lease->state = SN_LEASE_ENDED;
		return;
	case SN_ASK_READ:
	case SN_ASK_FORGET:
	case SN_ASK_RESET:
		return;
	}
}

static int handle_answer(struct sn_lease *lease, const struct sn_answer *answer, uint64_t now,
			 const struct sn_reading *wall)
{
	lease->awaiting_answer = false;
	lease->next_request_at = now;
	if (answer->outcome != SN_DONE) {
		/* What was refused may be a copy of a write that was done: read the record. */
		lease->write_unresolved = true;
		lease->next_request_at =
			now + lease->margin_ns / (answer->outcome == SN_REFUSED ? 16 : 4);
		return 0;
	}
	if (lease->clock_ahead)
		lease->next_request_at = now + lease->margin_ns / 4;
	if (lease->request.ask == SN_ASK_READ)
		return handle_records(lease, answer->records, now, wall);
	handle_write(lease, answer->version);
	return 0;
}

/* If a clock that is far ahead recorded a limit, nobody could claim the worker for long. */
static void compare_clocks(struct sn_lease *lease, const struct sn_answer *answer)
{
	int64_t sec;
	uint32_t nsec;

	if (answer->unix_ms == 0 || sn_clock_wall(lease->settings.clock, &sec, &nsec) != 0)
		return;
	lease->clock_ahead = sec > 0 && (uint64_t)sec > answer->unix_ms / 1000 +
								lease->settings.ttl_ns / 1000000000;
	if (lease->clock_ahead)
		lease->blocker = SN_BLOCKER_AHEAD;
}

static int receive_answers(struct sn_lease *lease, uint64_t now, const struct sn_reading *wall)
{
	struct sn_coordinator *const coordinator = lease->settings.coordinator;
	struct sn_answer answer;
	int error = 0;

	while (!error && coordinator->class->receive(coordinator, &answer)) {
		compare_clocks(lease, &answer);
		/* An answer that comes late is ignored: the record has been read since, or belongs
		 * to another epoch. */
		if (lease->awaiting_answer && answer.serial == lease->request.serial)
			error = handle_answer(lease, &answer, now, wall);
	}
	return error;
}

/* ---- requests -------------------------------------------------------------------------------- */

static void send_request(struct sn_lease *lease, uint64_t now, const struct sn_reading *wall)
{
	struct sn_request request = {.worker = lease->worker, .count = 1, .record = lease->record};

	if (lease->state == SN_LEASE_SEEKING) {
		const uint64_t to_last = lease->settings.last_worker - lease->next_worker + 1;
		request.worker = lease->next_worker;
		request.count = to_last < lease->workers_left ? to_last : lease->workers_left;
		if (request.count > READ_MAX)
			request.count = READ_MAX;
	} else if (!lease->write_unresolved &&
		   (!lease->clock_ahead || lease->state == SN_LEASE_RELEASING)) {
		static const enum sn_ask writes[] = {[SN_LEASE_CLAIMING] = SN_ASK_CLAIM,
						     [SN_LEASE_OWNING] = SN_ASK_RAISE,
						     [SN_LEASE_RELEASING] = SN_ASK_RELEASE};
		request.ask = writes[lease->state];
		if (lease->state == SN_LEASE_OWNING)
			request.record.limit =
				later_tick(lease->record.limit, lease_limit(lease, wall));
		if (lease->state == SN_LEASE_RELEASING) {
			request.record.released = true;
			request.record.last_tick = (atomic_load(&lease->shared->end) - 1) >>
						   lease->settings.ticks.bits;
		}
	}
	lease_send(lease, now, &request);
}

static uint64_t answer_timeout(const struct sn_lease *lease)
{
	return lease->settings.ttl_ns / 8;
}

static int lease_step(struct sn_lease *lease, uint64_t now)
{
	static const struct sn_answer no_answer = {.outcome = SN_UNKNOWN};
	struct sn_reading wall;

	if (lease->state == SN_LEASE_OWNING && now >= lease->deadline)
		lease_lose_worker(lease, now);
	int error = sn_ticks_read(&lease->settings.ticks, lease->settings.clock, &wall);
	if (!error)
		error = receive_answers(lease, now, &wall);
	if (!error && lease->awaiting_answer && now - lease->sent_at >= answer_timeout(lease))
		error = handle_answer(lease, &no_answer, now, &wall);
	if (!error && !lease->awaiting_answer && now >= lease->next_request_at &&
	    lease->state != SN_LEASE_ENDED)
		send_request(lease, now, &wall);
	return error;
}

int sn_lease_step(struct sn_lease *lease, uint64_t *next_call_ns)
{
	uint64_t now;

	int error = sn_clock_elapsed(lease->settings.clock, &now);
	if (error)
		return error;
	error = lease_step(lease, now);
	uint64_t next = lease->awaiting_answer ? lease->sent_at + answer_timeout(lease)
					       : lease->next_request_at;
	if (error && next <= now)
		next = now + lease->margin_ns / 4;
	if (lease->state == SN_LEASE_OWNING && lease->deadline < next)
		next = lease->deadline;
	*next_call_ns = lease->state == SN_LEASE_ENDED ? UINT64_MAX : next > now ? next - now : 0;
	return error;
}

/* ---- life ------------------------------------------------------------------------------------ */

int sn_lease_init(struct sn_lease *lease, const struct sn_lease_settings *settings)
{
	uint32_t random;

	const int error = sn_entropy_fresh(&random, sizeof random);
	if (error)
		return error;
	*lease = (struct sn_lease){.settings = *settings, .margin_ns = settings->ttl_ns / 4};
	lease_seek(lease,
		   settings->first_worker +
			   random % (settings->last_worker - settings->first_worker + 1),
		   0);
	return 0;
}

void sn_lease_release(struct sn_lease *lease)
{
	const bool owning = lease->state == SN_LEASE_OWNING;

	if (lease->shared) {
		atomic_store(&lease->shared->seal_reason, SN_SEAL_CLOSED);
		sn_seal(lease->shared);
	}
	if (lease->state == SN_LEASE_RELEASING || lease->state == SN_LEASE_ENDED)
		return;
	/* A claim that has not been answered may succeed, but nothing was issued in it: let it
	 * expire. */
	lease->state = owning ? SN_LEASE_RELEASING : SN_LEASE_ENDED;
	lease->awaiting_answer = false;
	lease->next_request_at = 0;
}

int sn_lease_fail(const struct sn_lease_settings *settings, enum sn_lease_blocker blocker)
{
	static const char *const reasons[] = {
		[SN_BLOCKER_SILENCE] = "does not answer; see that it can be reached",
		[SN_BLOCKER_TAKEN] = "has no worker left; end another owner, or widen the range",
		[SN_BLOCKER_FOREIGN] = "is of another kind, layout or epoch; name another path",
		[SN_BLOCKER_BEHIND] = "has recorded times ahead of the clock; correct the clock",
		[SN_BLOCKER_AHEAD] = "has a clock that is far behind this one; correct the clock"};

	return sn_fail(SNOWID_E_STORE, "the coordinator of workers %" PRIu64 " to %" PRIu64 " %s",
		       settings->first_worker, settings->last_worker, reasons[blocker]);
}
