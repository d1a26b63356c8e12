/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "libsnowid/base/entropy.h"
#include "libsnowid/base/error.h"
#include "libsnowid/coordinator/lease.h"
#include "libsnowid/store/store.h"

#define READ_MAX 256 /* records in one request */

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The last tick to allow: what the lease will cover, less a margin, from now on. */
static uint64_t target(const struct sn_lease *lease, const struct sn_reading *now)
{
	const struct sn_ticks *const ticks = &lease->settings.ticks;
	const uint64_t tick = (now->t100ns + (lease->settings.ttl_ns - lease->margin_ns) / 100) /
			      ticks->unit_t100ns;
	return tick < ticks->last_tick ? tick : ticks->last_tick;
}

static uint64_t floor_of(const struct sn_record *record)
{
	return record->released ? record->last : record->limit;
}

static bool is_mine(const struct sn_lease *lease, const struct sn_record *record)
{
	return record->epoch == lease->record.epoch &&
	       memcmp(record->incarnation, lease->record.incarnation, sizeof record->incarnation) ==
		       0;
}

static void send(struct sn_lease *lease, uint64_t now, const struct sn_request *request)
{
	const uint64_t serial = lease->request.serial + 1;
	lease->request = *request;
	lease->request.serial = serial;
	lease->waiting = true;
	lease->sent = now;
	lease->settings.coordinator->class->send(lease->settings.coordinator, &lease->request);
}

/* ---- seeking --------------------------------------------------------------------------------- */

/* From a worker on, through all of the range. */
static void seek(struct sn_lease *lease, uint64_t from, uint64_t when)
{
	lease->state = SN_LEASE_SEEKING;
	lease->unsure = false;
	lease->at = from;
	lease->left = lease->settings.last - lease->settings.first + 1;
	lease->due = when;
}

/* A claim of another epoch by another incarnation: one whose fate is unknown is never taken up
 * again. */
static int claim(struct sn_lease *lease, uint64_t worker, const struct sn_record *found,
		 uint64_t now, const struct sn_reading *wall)
{
	lease->record = *found;
	const int error = sn_entropy(lease->record.incarnation, sizeof lease->record.incarnation);
	if (error)
		return error;
	lease->worker = worker;
	lease->floor = floor_of(found);
	lease->record.epoch++;
	lease->record.limit = later(found->limit, target(lease, wall));
	lease->record.fingerprint = lease->settings.fingerprint;
	lease->record.released = false;
	lease->record.last = 0;
	lease->state = SN_LEASE_CLAIMING;
	lease->unsure = false;
	lease->claimed = now;
	lease->due = now;
	return 0;
}

/* Why a record cannot be claimed now, as far as it says. */
static bool is_barred(struct sn_lease *lease, const struct sn_record *record,
		      const struct sn_reading *wall)
{
	if (record->held)
		lease->trouble = SN_TROUBLE_TAKEN;
	else if (record->version != 0 && record->fingerprint != lease->settings.fingerprint)
		lease->trouble = SN_TROUBLE_FOREIGN;
	else if (floor_of(record) > wall->tick)
		lease->trouble = SN_TROUBLE_BEHIND;
	else
		return false;
	return true;
}

/* Whether a worker whose owner vanished has been so for a while. */
static bool owner_is_gone(struct sn_lease *lease, uint64_t worker, const struct sn_record *record,
			  uint64_t now)
{
	const bool known =
		lease->vacant_worker == worker && lease->vacant_version == record->version;
	if (known)
		return now - lease->vacant_since >= lease->margin_ns;
	if (lease->vacant_version == 0 || lease->vacant_worker == worker) {
		lease->vacant_worker = worker;
		lease->vacant_version = record->version;
		lease->vacant_since = now;
	}
	return false;
}

/* Claims the first worker that was released or never used; else one that was forsaken; else looks
 * on. */
static int choose(struct sn_lease *lease, const struct sn_record *records, uint64_t now,
		  const struct sn_reading *wall)
{
	const uint64_t count = lease->request.count, first = lease->request.worker;
	uint64_t forsaken = count;

	for (uint64_t i = 0; i < count; i++) {
		const struct sn_record *const record = &records[i];
		const bool barred = is_barred(lease, record, wall);
		if (!barred && (record->version == 0 || record->released))
			return claim(lease, first + i, record, now, wall);
		if (!barred && owner_is_gone(lease, first + i, record, now) && forsaken == count)
			forsaken = i;
		if (barred && lease->vacant_worker == first + i)
			lease->vacant_version = 0;
	}
	if (forsaken < count) {
		lease->vacant_version = 0;
		return claim(lease, first + forsaken, &records[forsaken], now, wall);
	}
	lease->left -= count;
	lease->at = first + count > lease->settings.last ? lease->settings.first : first + count;
	lease->due = now;
	if (lease->left == 0)
		seek(lease, lease->at, now + lease->margin_ns / 2);
	return 0;
}

/* ---- owning ---------------------------------------------------------------------------------- */

/* What was counted goes on in the words that follow. */
static void carry_over(const struct sn_ticks *ticks, const struct sn_shared_state *from,
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

/* The claim stands: words for its epoch. Those before are succeeded once these are ready. */
static void own(struct sn_lease *lease, uint64_t version, uint64_t limit)
{
	struct sn_shared_state *const before = lease->page;
	struct sn_shared_state *const page = &lease->settings.pages[lease->pages_used++];

	lease->record.version = version;
	lease->record.limit = limit;
	sn_store_begin(&lease->settings.ticks, page, lease->floor);
	if (before)
		carry_over(&lease->settings.ticks, before, page);
	atomic_store(&page->identity,
		     lease->settings.identity | lease->worker << lease->settings.shift);
	atomic_store(&page->limit, limit);
	lease->page = page;
	if (before)
		atomic_store(&before->seal_reason, SN_SEAL_REPLACED);
	lease->state = SN_LEASE_OWNING;
	lease->unsure = false;
	lease->deadline = lease->claimed + lease->settings.ttl_ns - lease->margin_ns;
	lease->due = lease->claimed + lease->settings.ttl_ns / 4;
}

static void lose(struct sn_lease *lease, uint64_t now)
{
	const bool last = lease->pages_used == lease->settings.page_count;

	atomic_store(&lease->page->seal_reason, last ? SN_SEAL_CLOSED : SN_SEAL_LOST);
	sn_seal(lease->page);
	lease->waiting = false;
	seek(lease, lease->worker, now);
	if (last)
		lease->state = SN_LEASE_ENDED;
}

/* ---- answers --------------------------------------------------------------------------------- */

static int take_records(struct sn_lease *lease, const struct sn_record *records, uint64_t now,
			const struct sn_reading *wall)
{
	const struct sn_record *const found = records;

	switch (lease->state) {
	case SN_LEASE_SEEKING:
		return choose(lease, records, now, wall);
	case SN_LEASE_CLAIMING:
		lease->unsure = false;
		if (is_mine(lease, found))
			own(lease, found->version, found->limit);
		else if (found->version != lease->record.version || found->held ||
			 now - lease->claimed >= lease->settings.ttl_ns)
			seek(lease, lease->worker, now);
		/* Else it has not come to pass, and still may: the same again. */
		return 0;
	case SN_LEASE_OWNING:
		if (!is_mine(lease, found) || !found->held) {
			lose(lease, now);
			return 0;
		}
		/* Recorded under this epoch, whichever request did it. Only an acknowledged write
		 * moves the deadline: a read may be of the past. */
		lease->unsure = false;
		lease->record.version = found->version;
		lease->record.limit = found->limit;
		sn_raise(&lease->page->limit, found->limit);
		return 0;
	case SN_LEASE_RELEASING:
		lease->unsure = false;
		if (!is_mine(lease, found) || found->released)
			lease->state = SN_LEASE_ENDED;
		lease->record.version = found->version;
		lease->record.limit = found->limit;
		return 0;
	case SN_LEASE_ENDED:
		return 0;
	}
	return 0;
}

/* Acknowledged, under the version that this epoch had. */
static void take_done(struct sn_lease *lease, uint64_t version)
{
	switch (lease->request.ask) {
	case SN_ASK_CLAIM:
		own(lease, version, lease->request.record.limit);
		return;
	case SN_ASK_RAISE:
		lease->record.version = version;
		lease->record.limit = lease->request.record.limit;
		sn_raise(&lease->page->limit, lease->record.limit);
		lease->deadline = lease->sent + lease->settings.ttl_ns - lease->margin_ns;
		lease->due = lease->sent + lease->settings.ttl_ns / 4;
		return;
	case SN_ASK_RELEASE:
		lease->state = SN_LEASE_ENDED;
		return;
	case SN_ASK_READ:
		return;
	}
}

static int take(struct sn_lease *lease, const struct sn_answer *answer, uint64_t now,
		const struct sn_reading *wall)
{
	lease->waiting = false;
	lease->due = now;
	if (answer->outcome != SN_DONE) {
		/* A write that was refused may be the copy of one that was done. */
		lease->unsure = true;
		lease->due = now + lease->margin_ns / (answer->outcome == SN_REFUSED ? 16 : 4);
		return 0;
	}
	if (lease->ahead)
		lease->due = now + lease->margin_ns / 4;
	if (lease->request.ask == SN_ASK_READ)
		return take_records(lease, answer->records, now, wall);
	take_done(lease, answer->version);
	return 0;
}

/* A limit recorded by a clock that is far ahead would keep everybody from the worker. */
static void compare_clocks(struct sn_lease *lease, const struct sn_answer *answer)
{
	int64_t sec;
	uint32_t nsec;

	if (answer->unix_ms == 0 || sn_clock_wall(lease->settings.clock, &sec, &nsec) != 0)
		return;
	lease->ahead = sec > 0 &&
		       (uint64_t)sec > answer->unix_ms / 1000 + lease->settings.ttl_ns / 1000000000;
	if (lease->ahead)
		lease->trouble = SN_TROUBLE_AHEAD;
}

static int receive(struct sn_lease *lease, uint64_t now, const struct sn_reading *wall)
{
	struct sn_coordinator *const coordinator = lease->settings.coordinator;
	struct sn_answer answer;
	int error = 0;

	while (!error && coordinator->class->receive(coordinator, &answer)) {
		compare_clocks(lease, &answer);
		/* One that comes late is of no use: what it was about has been read since, or is of
		 * another epoch. */
		if (lease->waiting && answer.serial == lease->request.serial)
			error = take(lease, &answer, now, wall);
	}
	return error;
}

/* ---- requests -------------------------------------------------------------------------------- */

static void ask(struct sn_lease *lease, uint64_t now, const struct sn_reading *wall)
{
	struct sn_request request = {.worker = lease->worker, .count = 1, .record = lease->record};

	if (lease->state == SN_LEASE_SEEKING) {
		const uint64_t ahead = lease->settings.last - lease->at + 1;
		request.worker = lease->at;
		request.count = ahead < lease->left ? ahead : lease->left;
		if (request.count > READ_MAX)
			request.count = READ_MAX;
	} else if (!lease->unsure && (!lease->ahead || lease->state == SN_LEASE_RELEASING)) {
		static const enum sn_ask writes[] = {[SN_LEASE_CLAIMING] = SN_ASK_CLAIM,
						     [SN_LEASE_OWNING] = SN_ASK_RAISE,
						     [SN_LEASE_RELEASING] = SN_ASK_RELEASE};
		request.ask = writes[lease->state];
		if (lease->state == SN_LEASE_OWNING)
			request.record.limit = later(lease->record.limit, target(lease, wall));
		if (lease->state == SN_LEASE_RELEASING) {
			request.record.released = true;
			request.record.last =
				(atomic_load(&lease->page->end) - 1) >> lease->settings.ticks.bits;
		}
	}
	send(lease, now, &request);
}

static uint64_t timeout(const struct sn_lease *lease)
{
	return lease->settings.ttl_ns / 8;
}

static int step(struct sn_lease *lease, uint64_t now)
{
	static const struct sn_answer none = {.outcome = SN_UNKNOWN};
	struct sn_reading wall;

	if (lease->state == SN_LEASE_OWNING && now >= lease->deadline)
		lose(lease, now);
	int error = sn_ticks_read(&lease->settings.ticks, lease->settings.clock, &wall);
	if (!error)
		error = receive(lease, now, &wall);
	if (!error && lease->waiting && now - lease->sent >= timeout(lease))
		error = take(lease, &none, now, &wall);
	if (!error && !lease->waiting && now >= lease->due && lease->state != SN_LEASE_ENDED)
		ask(lease, now, &wall);
	return error;
}

int sn_lease_step(struct sn_lease *lease, uint64_t *again_in_ns)
{
	uint64_t now;

	int error = sn_clock_elapsed(lease->settings.clock, &now);
	if (error)
		return error;
	error = step(lease, now);
	uint64_t next = lease->waiting ? lease->sent + timeout(lease) : lease->due;
	if (error && next <= now)
		next = now + lease->margin_ns / 4;
	if (lease->state == SN_LEASE_OWNING && lease->deadline < next)
		next = lease->deadline;
	*again_in_ns = lease->state == SN_LEASE_ENDED ? UINT64_MAX : next > now ? next - now : 0;
	return error;
}

/* ---- life ------------------------------------------------------------------------------------ */

int sn_lease_init(struct sn_lease *lease, const struct sn_lease_settings *settings)
{
	uint32_t random;

	const int error = sn_entropy(&random, sizeof random);
	if (error)
		return error;
	*lease = (struct sn_lease){.settings = *settings, .margin_ns = settings->ttl_ns / 4};
	seek(lease, settings->first + random % (settings->last - settings->first + 1), 0);
	return 0;
}

void sn_lease_release(struct sn_lease *lease)
{
	const bool owning = lease->state == SN_LEASE_OWNING;

	if (lease->page) {
		atomic_store(&lease->page->seal_reason, SN_SEAL_CLOSED);
		sn_seal(lease->page);
	}
	if (lease->state == SN_LEASE_RELEASING || lease->state == SN_LEASE_ENDED)
		return;
	/* Of a claim whose answer is out nothing is known, and nothing was issued: it will expire. */
	lease->state = owning ? SN_LEASE_RELEASING : SN_LEASE_ENDED;
	lease->waiting = false;
	lease->due = 0;
}

int sn_lease_explain(const struct sn_lease *lease)
{
	static const char *const why[] = {
		[SN_TROUBLE_SILENCE] = "does not answer; see that it can be reached",
		[SN_TROUBLE_TAKEN] = "has no worker left; end another owner, or widen the range",
		[SN_TROUBLE_FOREIGN] = "is of another kind, layout or epoch; name another path",
		[SN_TROUBLE_BEHIND] = "has recorded times ahead of the clock; correct the clock",
		[SN_TROUBLE_AHEAD] = "has a clock that is far behind this one; correct the clock"};

	return sn_fail(SNOWID_E_STORE, "the coordinator of workers %" PRIu64 " to %" PRIu64 " %s",
		       lease->settings.first, lease->settings.last, why[lease->trouble]);
}
