/* SPDX-License-Identifier: MIT
 *
 * The simulated coordinator, and the network to it. The coordinator is linearizable and durable, as a
 * real one is; its leases run out by its own clock. The network loses, delays and repeats.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

struct kept {
	struct sn_record record;
	uint64_t holder[2]; /* the incarnation that has the lease */
	uint64_t expires;
};

static struct kept *kept;
static uint64_t versions;

void coordinator_init(void)
{
	versions = 0;
	kept = calloc(world.worker_count, sizeof *kept);
	if (!kept)
		violation("out of memory");
}

void coordinator_free(void)
{
	free(kept);
}

void coordinator_revoke(uint64_t worker)
{
	kept[worker].expires = 0;
}

/* ---- the network ----------------------------------------------------------------------------- */

static void carry(enum event_kind kind, uint32_t owner, uint64_t life,
		  const struct message *message, size_t size)
{
	const bool out = kind == EVENT_ARRIVAL;
	unsigned copies = 1;

	if (owner_is_cut(owner, out) || chance(world.trouble))
		return;
	if (chance(world.trouble / 2))
		copies = 2;
	for (; copies > 0; copies--) {
		struct message *const copy = malloc(size);
		if (!copy)
			violation("out of memory");
		memcpy(copy, message, size);
		uint64_t delay = MS / 10 + draw(5 * MS);
		if (chance(world.trouble / 2))
			delay = draw(3 * TTL);
		schedule(delay,
			 &(struct event){
				 .kind = kind, .owner = owner, .life = life, .message = copy});
	}
}

void network_send(uint32_t owner, uint64_t life, const struct sn_request *request)
{
	const struct message message = {.request = *request};
	carry(EVENT_ARRIVAL, owner, life, &message, sizeof message);
}

/* ---- the coordinator ------------------------------------------------------------------------- */

static bool is_held(const struct kept *k)
{
	return world.now < k->expires;
}

static bool is_allowed(const struct kept *k, const struct sn_request *request)
{
	const bool sender_holds =
		is_held(k) && memcmp(k->holder, request->record.incarnation, sizeof k->holder) == 0;
	if (k->record.version != request->record.version)
		return false;
	return request->ask == SN_ASK_CLAIM ? !is_held(k) : sender_holds;
}

static void write_record(struct kept *k, const struct sn_request *request, struct sn_answer *answer)
{
	if (!is_allowed(k, request)) {
		answer->outcome = SN_REFUSED;
		return;
	}
	oracle_write(request->worker, &k->record, &request->record, request->ask);
	k->record = request->record;
	k->record.version = ++versions;
	memcpy(k->holder, request->record.incarnation, sizeof k->holder);
	k->expires = request->ask == SN_ASK_RELEASE ? 0 : world.now + TTL;
	answer->version = k->record.version;
}

void coordinator_take(const struct event *event)
{
	const struct sn_request *const request = &event->message->request;
	const size_t count = request->ask == SN_ASK_READ ? (size_t)request->count : 0;
	const size_t size = sizeof(struct message) + count * sizeof(struct sn_record);
	struct message *const reply = calloc(1, size);

	if (!reply)
		violation("out of memory");
	if (request->worker + count > world.worker_count)
		violation("workers were asked for that there are not");
	if (!world.down) {
		reply->request = *request;
		reply->answer.serial = request->serial;
		if (world.tells_time)
			reply->answer.unix_ms = TIME_BASE * UINT64_C(1000) + world.now / MS;
		for (size_t i = 0; i < count; i++) {
			reply->records[i] = kept[request->worker + i].record;
			reply->records[i].held = is_held(&kept[request->worker + i]);
		}
		if (request->ask != SN_ASK_READ)
			write_record(&kept[request->worker], request, &reply->answer);
		carry(EVENT_ANSWER, event->owner, event->life, reply, size);
	}
	free(reply);
}
