/* SPDX-License-Identifier: MIT
 *
 * The simulated coordinator, and the network to it. Like real ones, the coordinator is linearizable
 * and durable, and leases end by its own clock. The network loses, delays and repeats messages.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

struct stored_record {
	struct sn_record record;
	uint64_t holder[2]; /* the incarnation that holds the lease */
	uint64_t expires;
};

static struct stored_record *stored, *backup;
static uint64_t namespace_id[2], namespace_of_backup[2];
static uint64_t versions;

void coordinator_init(void)
{
	versions = 0;
	memset(namespace_id, 0, sizeof namespace_id);
	stored = calloc(world.worker_count, sizeof *stored);
	backup = calloc(world.worker_count, sizeof *backup);
	if (!stored || !backup)
		report_violation("out of memory");
	coordinator_back_up();
}

void coordinator_free(void)
{
	free(stored);
	free(backup);
}

void coordinator_revoke(uint64_t worker)
{
	stored[worker].expires = 0;
}

/* ---- tampering ------------------------------------------------------------------------------ */

void coordinator_delete(uint64_t worker)
{
	stored[worker].record = (struct sn_record){.exists = false};
	oracle_note_tampering(worker);
}

void coordinator_replace(uint64_t worker)
{
	stored[worker].record = backup[worker].record;
	oracle_note_tampering(worker);
}

void coordinator_back_up(void)
{
	memcpy(backup, stored, world.worker_count * sizeof *backup);
	memcpy(namespace_of_backup, namespace_id, sizeof namespace_id);
}

void coordinator_restore(void)
{
	memcpy(namespace_id, namespace_of_backup, sizeof namespace_id);
	for (uint32_t i = 0; i < world.worker_count; i++) {
		coordinator_replace(i);
		coordinator_revoke(i);
	}
}

void coordinator_empty(void)
{
	memset(namespace_id, 0, sizeof namespace_id);
	for (uint32_t i = 0; i < world.worker_count; i++) {
		coordinator_delete(i);
		coordinator_revoke(i);
	}
}

void coordinator_exchange(void)
{
	coordinator_back_up();
	coordinator_empty();
	namespace_id[0] = 1;
}

/* ---- the network ---------------------------------------------------------------------------- */

static void network_deliver(enum event_kind kind, uint32_t owner, uint64_t life,
			    const struct sim_message *message, size_t size)
{
	const bool out = kind == EVENT_ARRIVAL;
	unsigned copies = 1;

	if (owner_is_cut(owner, out) || chance(world.lost_per_1000))
		return;
	if (chance(world.lost_per_1000 / 2))
		copies = 2;
	for (; copies > 0; copies--) {
		struct sim_message *const copy = malloc(size);
		if (!copy)
			report_violation("out of memory");
		memcpy(copy, message, size);
		uint64_t delay = MS / 10 + random_below(5 * MS);
		if (chance(world.lost_per_1000 / 2))
			delay = random_below(3 * TTL);
		events_add(delay, &(struct sim_event){.kind = kind,
						      .owner = owner,
						      .life = life,
						      .process = owner_process(owner),
						      .message = copy});
	}
}

void network_send(uint32_t owner, uint64_t life, const struct sn_request *request)
{
	const struct sim_message message = {.request = *request};
	network_deliver(EVENT_ARRIVAL, owner, life, &message, sizeof message);
}

/* ---- the coordinator ------------------------------------------------------------------------ */

static bool is_held(const struct stored_record *entry)
{
	return world.now < entry->expires;
}

static bool is_allowed(const struct stored_record *entry, const struct sn_request *request)
{
	const bool sender_holds =
		is_held(entry) &&
		memcmp(entry->holder, request->record.incarnation, sizeof entry->holder) == 0;
	if (request->ask == SN_ASK_FORGET)
		return sender_holds;
	if (request->ask == SN_ASK_CLAIM && namespace_id[0] == 0)
		memcpy(namespace_id, request->namespace_id, sizeof namespace_id);
	if (request->ask == SN_ASK_CLAIM &&
	    memcmp(namespace_id, request->namespace_id, sizeof namespace_id) != 0)
		return false;
	if (entry->record.version != request->record.version ||
	    entry->record.exists != request->record.exists)
		return false;
	return request->ask == SN_ASK_CLAIM ? !is_held(entry) : sender_holds;
}

static void write_record(struct stored_record *entry, const struct sn_request *request,
			 uint64_t process, struct sn_answer *answer)
{
	if (!is_allowed(entry, request)) {
		answer->outcome = SN_REFUSED;
		return;
	}
	if (request->ask == SN_ASK_FORGET) {
		entry->expires = 0;
		return;
	}
	oracle_check_write(&(struct sim_write){request->worker, process, &entry->record,
					       &request->record, request->ask});
	entry->record = request->record;
	entry->record.exists = true;
	entry->record.version = ++versions;
	memcpy(entry->holder, request->record.incarnation, sizeof entry->holder);
	entry->expires = request->ask == SN_ASK_RELEASE ? 0 : world.now + TTL;
	answer->version = entry->record.version;
}

void coordinator_handle(const struct sim_event *event)
{
	const struct sn_request *const request = &event->message->request;
	const size_t count = request->ask == SN_ASK_READ ? (size_t)request->count : 0;
	const size_t size = sizeof(struct sim_message) + count * sizeof(struct sn_record);
	struct sim_message *const reply = calloc(1, size);

	if (!reply)
		report_violation("out of memory");
	if (request->worker + count > world.worker_count)
		report_violation("a request is for a worker that does not exist");
	if (!world.down) {
		reply->request = *request;
		reply->answer.serial = request->serial;
		reply->answer.count = count;
		memcpy(reply->answer.namespace_id, namespace_id, sizeof namespace_id);
		if (world.tells_time)
			reply->answer.unix_ms = TIME_BASE * UINT64_C(1000) + world.now / MS;
		for (size_t i = 0; i < count; i++) {
			reply->records[i] = stored[request->worker + i].record;
			reply->records[i].held = is_held(&stored[request->worker + i]);
			memcpy(reply->records[i].held_by, stored[request->worker + i].holder, 16);
		}
		if (request->ask != SN_ASK_READ)
			write_record(&stored[request->worker], request, event->process,
				     &reply->answer);
		network_deliver(EVENT_ANSWER, event->owner, event->life, reply, size);
	}
	free(reply);
}
