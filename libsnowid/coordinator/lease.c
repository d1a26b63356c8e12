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
static uint64_t target(const struct sn_lease *l, const struct sn_reading *now)
{
	const struct sn_ticks *const ticks = &l->settings.ticks;
	const uint64_t tick = (now->hns + (l->settings.ttl_ns - l->margin_ns) / 100) / ticks->unit;
	return tick < ticks->last_tick ? tick : ticks->last_tick;
}

static uint64_t floor_of(const struct sn_record *record)
{
	return record->released ? record->last : record->limit;
}

static bool is_mine(const struct sn_lease *l, const struct sn_record *record)
{
	return record->epoch == l->record.epoch &&
	       memcmp(record->incarnation, l->record.incarnation, sizeof record->incarnation) == 0;
}

static void send(struct sn_lease *l, uint64_t now, const struct sn_request *request)
{
	const uint64_t serial = l->request.serial + 1;
	l->request = *request;
	l->request.serial = serial;
	l->waiting = true;
	l->sent = now;
	l->settings.coordinator->class->send(l->settings.coordinator, &l->request);
}

/* ---- seeking --------------------------------------------------------------------------------- */

/* From a worker on, through all of the range. */
static void seek(struct sn_lease *l, uint64_t from, uint64_t when)
{
	l->state = SN_LEASE_SEEKING;
	l->unsure = false;
	l->at = from;
	l->left = l->settings.last - l->settings.first + 1;
	l->due = when;
}

/* A claim of another epoch by another incarnation: one whose fate is unknown is never taken up
 * again. */
static int claim(struct sn_lease *l, uint64_t worker, const struct sn_record *found, uint64_t now,
		 const struct sn_reading *wall)
{
	l->record = *found;
	const int error = sn_entropy(l->record.incarnation, sizeof l->record.incarnation);
	if (error)
		return error;
	l->worker = worker;
	l->floor = floor_of(found);
	l->record.epoch++;
	l->record.limit = later(found->limit, target(l, wall));
	l->record.fingerprint = l->settings.fingerprint;
	l->record.released = false;
	l->record.last = 0;
	l->state = SN_LEASE_CLAIMING;
	l->unsure = false;
	l->claimed = now;
	l->due = now;
	return 0;
}

/* Why a record cannot be claimed now, as far as it says. */
static bool is_barred(struct sn_lease *l, const struct sn_record *record,
		      const struct sn_reading *wall)
{
	if (record->held)
		l->trouble = SN_TROUBLE_TAKEN;
	else if (record->version != 0 && record->fingerprint != l->settings.fingerprint)
		l->trouble = SN_TROUBLE_FOREIGN;
	else if (floor_of(record) > wall->tick)
		l->trouble = SN_TROUBLE_BEHIND;
	else
		return false;
	return true;
}

/* Whether a worker whose owner vanished has been so for a while. */
static bool is_forsaken(struct sn_lease *l, uint64_t worker, const struct sn_record *record,
			uint64_t now)
{
	const bool known = l->vacant_worker == worker && l->vacant_version == record->version;
	if (known)
		return now - l->vacant_since >= l->margin_ns;
	if (l->vacant_version == 0 || l->vacant_worker == worker) {
		l->vacant_worker = worker;
		l->vacant_version = record->version;
		l->vacant_since = now;
	}
	return false;
}

/* Claims the first worker that was released or never used; else one that was forsaken; else looks
 * on. */
static int choose(struct sn_lease *l, const struct sn_record *records, uint64_t now,
		  const struct sn_reading *wall)
{
	const uint64_t count = l->request.count, first = l->request.worker;
	uint64_t forsaken = count;

	for (uint64_t i = 0; i < count; i++) {
		const struct sn_record *const record = &records[i];
		const bool barred = is_barred(l, record, wall);
		if (!barred && (record->version == 0 || record->released))
			return claim(l, first + i, record, now, wall);
		if (!barred && is_forsaken(l, first + i, record, now) && forsaken == count)
			forsaken = i;
		if (barred && l->vacant_worker == first + i)
			l->vacant_version = 0;
	}
	if (forsaken < count) {
		l->vacant_version = 0;
		return claim(l, first + forsaken, &records[forsaken], now, wall);
	}
	l->left -= count;
	l->at = first + count > l->settings.last ? l->settings.first : first + count;
	l->due = now;
	if (l->left == 0)
		seek(l, l->at, now + l->margin_ns / 2);
	return 0;
}

/* ---- owning ---------------------------------------------------------------------------------- */

/* What was counted goes on in the words that follow. */
static void carry_over(const struct sn_ticks *ticks, const struct sn_words *from,
		       struct sn_words *to)
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
static void own(struct sn_lease *l, uint64_t version, uint64_t limit)
{
	struct sn_words *const before = l->page;
	struct sn_words *const page = &l->settings.pages[l->pages_used++];

	l->record.version = version;
	l->record.limit = limit;
	sn_store_begin(&l->settings.ticks, page, l->floor);
	if (before)
		carry_over(&l->settings.ticks, before, page);
	atomic_store(&page->identity, l->settings.identity | l->worker << l->settings.shift);
	atomic_store(&page->limit, limit);
	l->page = page;
	if (before)
		atomic_store(&before->fate, SN_SUCCEEDED);
	l->state = SN_LEASE_OWNING;
	l->unsure = false;
	l->deadline = l->claimed + l->settings.ttl_ns - l->margin_ns;
	l->due = l->claimed + l->settings.ttl_ns / 4;
}

static void lose(struct sn_lease *l, uint64_t now)
{
	const bool last = l->pages_used == l->settings.page_count;

	atomic_store(&l->page->fate, last ? SN_CLOSED : SN_LOST);
	sn_seal(l->page);
	l->waiting = false;
	seek(l, l->worker, now);
	if (last)
		l->state = SN_LEASE_ENDED;
}

/* ---- answers --------------------------------------------------------------------------------- */

static int take_records(struct sn_lease *l, const struct sn_record *records, uint64_t now,
			const struct sn_reading *wall)
{
	const struct sn_record *const found = records;

	switch (l->state) {
	case SN_LEASE_SEEKING:
		return choose(l, records, now, wall);
	case SN_LEASE_CLAIMING:
		l->unsure = false;
		if (is_mine(l, found))
			own(l, found->version, found->limit);
		else if (found->version != l->record.version || found->held ||
			 now - l->claimed >= l->settings.ttl_ns)
			seek(l, l->worker, now);
		/* Else it has not come to pass, and still may: the same again. */
		return 0;
	case SN_LEASE_OWNING:
		if (!is_mine(l, found) || !found->held) {
			lose(l, now);
			return 0;
		}
		/* Recorded under this epoch, whichever request did it. Only an acknowledged write
		 * moves the deadline: a read may be of the past. */
		l->unsure = false;
		l->record.version = found->version;
		l->record.limit = found->limit;
		sn_raise(&l->page->limit, found->limit);
		return 0;
	case SN_LEASE_RELEASING:
		l->unsure = false;
		if (!is_mine(l, found) || found->released)
			l->state = SN_LEASE_ENDED;
		l->record.version = found->version;
		l->record.limit = found->limit;
		return 0;
	case SN_LEASE_ENDED:
		return 0;
	}
	return 0;
}

/* Acknowledged, under the version that this epoch had. */
static void take_done(struct sn_lease *l, uint64_t version)
{
	switch (l->request.ask) {
	case SN_ASK_CLAIM:
		own(l, version, l->request.record.limit);
		return;
	case SN_ASK_RAISE:
		l->record.version = version;
		l->record.limit = l->request.record.limit;
		sn_raise(&l->page->limit, l->record.limit);
		l->deadline = l->sent + l->settings.ttl_ns - l->margin_ns;
		l->due = l->sent + l->settings.ttl_ns / 4;
		return;
	case SN_ASK_RELEASE:
		l->state = SN_LEASE_ENDED;
		return;
	case SN_ASK_READ:
		return;
	}
}

static int take(struct sn_lease *l, const struct sn_answer *answer, uint64_t now,
		const struct sn_reading *wall)
{
	l->waiting = false;
	l->due = now;
	if (answer->outcome != SN_DONE) {
		/* A write that was refused may be the copy of one that was done. */
		l->unsure = true;
		l->due = now + l->margin_ns / (answer->outcome == SN_REFUSED ? 16 : 4);
		return 0;
	}
	if (l->ahead)
		l->due = now + l->margin_ns / 4;
	if (l->request.ask == SN_ASK_READ)
		return take_records(l, answer->records, now, wall);
	take_done(l, answer->version);
	return 0;
}

/* A limit recorded by a clock that is far ahead would keep everybody from the worker. */
static void compare_clocks(struct sn_lease *l, const struct sn_answer *answer)
{
	int64_t sec;
	uint32_t nsec;

	if (answer->unix_ms == 0 || sn_clock_wall(l->settings.clock, &sec, &nsec) != 0)
		return;
	l->ahead =
		sec > 0 && (uint64_t)sec > answer->unix_ms / 1000 + l->settings.ttl_ns / 1000000000;
	if (l->ahead)
		l->trouble = SN_TROUBLE_AHEAD;
}

static int receive(struct sn_lease *l, uint64_t now, const struct sn_reading *wall)
{
	struct sn_coordinator *const coordinator = l->settings.coordinator;
	struct sn_answer answer;
	int error = 0;

	while (!error && coordinator->class->receive(coordinator, &answer)) {
		compare_clocks(l, &answer);
		/* One that comes late is of no use: what it was about has been read since, or is of
		 * another epoch. */
		if (l->waiting && answer.serial == l->request.serial)
			error = take(l, &answer, now, wall);
	}
	return error;
}

/* ---- requests -------------------------------------------------------------------------------- */

static void ask(struct sn_lease *l, uint64_t now, const struct sn_reading *wall)
{
	struct sn_request request = {.worker = l->worker, .count = 1, .record = l->record};

	if (l->state == SN_LEASE_SEEKING) {
		const uint64_t ahead = l->settings.last - l->at + 1;
		request.worker = l->at;
		request.count = ahead < l->left ? ahead : l->left;
		if (request.count > READ_MAX)
			request.count = READ_MAX;
	} else if (!l->unsure && (!l->ahead || l->state == SN_LEASE_RELEASING)) {
		static const enum sn_ask writes[] = {[SN_LEASE_CLAIMING] = SN_ASK_CLAIM,
						     [SN_LEASE_OWNING] = SN_ASK_RAISE,
						     [SN_LEASE_RELEASING] = SN_ASK_RELEASE};
		request.ask = writes[l->state];
		if (l->state == SN_LEASE_OWNING)
			request.record.limit = later(l->record.limit, target(l, wall));
		if (l->state == SN_LEASE_RELEASING) {
			request.record.released = true;
			request.record.last =
				(atomic_load(&l->page->end) - 1) >> l->settings.ticks.bits;
		}
	}
	send(l, now, &request);
}

static uint64_t timeout(const struct sn_lease *l)
{
	return l->settings.ttl_ns / 8;
}

static int step(struct sn_lease *l, uint64_t now)
{
	static const struct sn_answer none = {.outcome = SN_UNKNOWN};
	struct sn_reading wall;

	if (l->state == SN_LEASE_OWNING && now >= l->deadline)
		lose(l, now);
	int error = sn_ticks_read(&l->settings.ticks, l->settings.clock, &wall);
	if (!error)
		error = receive(l, now, &wall);
	if (!error && l->waiting && now - l->sent >= timeout(l))
		error = take(l, &none, now, &wall);
	if (!error && !l->waiting && now >= l->due && l->state != SN_LEASE_ENDED)
		ask(l, now, &wall);
	return error;
}

int sn_lease_step(struct sn_lease *l, uint64_t *again_in_ns)
{
	uint64_t now;

	int error = sn_clock_elapsed(l->settings.clock, &now);
	if (error)
		return error;
	error = step(l, now);
	uint64_t next = l->waiting ? l->sent + timeout(l) : l->due;
	if (error && next <= now)
		next = now + l->margin_ns / 4;
	if (l->state == SN_LEASE_OWNING && l->deadline < next)
		next = l->deadline;
	*again_in_ns = l->state == SN_LEASE_ENDED ? UINT64_MAX : next > now ? next - now : 0;
	return error;
}

/* ---- life ------------------------------------------------------------------------------------ */

int sn_lease_init(struct sn_lease *l, const struct sn_lease_settings *settings)
{
	uint32_t random;

	const int error = sn_entropy(&random, sizeof random);
	if (error)
		return error;
	*l = (struct sn_lease){.settings = *settings, .margin_ns = settings->ttl_ns / 4};
	seek(l, settings->first + random % (settings->last - settings->first + 1), 0);
	return 0;
}

void sn_lease_release(struct sn_lease *l)
{
	const bool owning = l->state == SN_LEASE_OWNING;

	if (l->page) {
		atomic_store(&l->page->fate, SN_CLOSED);
		sn_seal(l->page);
	}
	if (l->state == SN_LEASE_RELEASING || l->state == SN_LEASE_ENDED)
		return;
	/* Of a claim whose answer is out nothing is known, and nothing was issued: it will expire. */
	l->state = owning ? SN_LEASE_RELEASING : SN_LEASE_ENDED;
	l->waiting = false;
	l->due = 0;
}

int sn_lease_explain(const struct sn_lease *l)
{
	static const char *const why[] = {
		[SN_TROUBLE_SILENCE] = "does not answer; see that it can be reached",
		[SN_TROUBLE_TAKEN] = "has no worker left; end another owner, or widen the range",
		[SN_TROUBLE_FOREIGN] = "is of another kind, layout or epoch; name another path",
		[SN_TROUBLE_BEHIND] = "has recorded times ahead of the clock; correct the clock",
		[SN_TROUBLE_AHEAD] = "has a clock that is far behind this one; correct the clock"};

	return sn_fail(SNOWID_E_STORE, "the coordinator of workers %" PRIu64 " to %" PRIu64 " %s",
		       l->settings.first, l->settings.last, why[l->trouble]);
}
