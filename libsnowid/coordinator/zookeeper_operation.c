/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/zookeeper_operation.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnowid/base/printable.h"
#include "libsnowid/coordinator/record_json.h"

#define NS_PER_SEC  UINT64_C(1000000000)
#define NS_PER_MS   UINT64_C(1000000)
#define READ_MAX    256
#define CREATE_MAX  2
#define CLOCK_FRESH (10 * 1000) /* ms: how old the time of the service may be */

/* ---- outcomes -------------------------------------------------------------------------------- */

static void operation_answer(struct zk_operation *operation, enum sn_outcome outcome,
			     const char *format, ...) __attribute__((format(printf, 3, 4)));

/* With the reason that is in operation->why. */
static void operation_finish(struct zk_operation *operation, enum sn_outcome outcome)
{
	struct zk_session *const session = operation->session;
	struct sn_answer *const answer = &operation->answer;

	sn_make_printable(operation->why);
	answer->outcome = outcome;
	answer->why = operation->why;
	answer->ttl_ns = zk_session_granted_ns(session);
	/* The server ends sessions in steps of its tick, of which a TTL has at least two. */
	answer->expiry_ns = answer->ttl_ns + answer->ttl_ns / 2;
	if (outcome == SN_DONE || outcome == SN_REFUSED)
		answer->unix_ms = zk_session_service_ms(session);
	if (outcome == SN_DENIED)
		zk_session_doubt_login(session);
	operation->phase = ZK_ANSWERED;
}

static void operation_answer(struct zk_operation *operation, enum sn_outcome outcome,
			     const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(operation->why, sizeof operation->why, format, arguments);
	va_end(arguments);
	operation_finish(operation, outcome);
}

/* Answers with what an error of the server or the client means. */
static void operation_fail(struct zk_operation *operation, int error, const char *path)
{
	const char *const user = operation->session->settings->user;

	switch (error) {
	case ZNOAUTH:
		operation_answer(operation, SN_DENIED,
				 "%s may not do this with %s: allow it in its ACL%s",
				 user ? user : "somebody without a user", path,
				 user ? ", or correct the password" : ", or name a user");
		return;
	case ZINVALIDACL:
	case ZAUTHFAILED:
	case ZSESSIONCLOSEDREQUIRESASLAUTH:
	case ZEPHEMERALONLOCALSESSION:
	case ZBADARGUMENTS:
		operation_answer(operation, SN_DENIED, "%s: %s", path, zerror(error));
		return;
	case ZNONODE:
	case ZNODEEXISTS:
	case ZBADVERSION:
	case ZNOTEMPTY:
		operation_answer(operation, SN_REFUSED, "%s: %s", path, zerror(error));
		return;
	default:
		operation_answer(operation, SN_UNKNOWN, "%s: %s",
				 operation->session->why[0] ? operation->session->why : path,
				 zerror(error));
	}
}

static void operation_time_out(struct zk_operation *operation)
{
	const struct zk_session *const session = operation->session;
	const uint64_t ms = operation->request.timeout_ns / NS_PER_MS;

	if (session->why[0])
		operation_answer(operation, SN_UNKNOWN, "%s", session->why);
	else if (operation->phase == ZK_QUEUED)
		operation_answer(operation, SN_UNKNOWN,
				 "no connection to %.100s within %" PRIu64 " ms", session->servers,
				 ms);
	else
		operation_answer(operation, SN_UNKNOWN,
				 "no answer from %.100s within %" PRIu64 " ms", session->servers,
				 ms);
}

/* ---- what the client calls ------------------------------------------------------------------- */

/* Each only notes what came: the operation goes on when the client is at rest. */

static void node_note_value(int error, const char *value, int length, const struct Stat *stat,
			    const void *data)
{
	const struct zk_node *const constant = data;
	struct zk_operation *const operation = constant->operation;
	struct zk_node *const node = &operation->nodes[constant - operation->nodes];

	operation->pending--;
	node->error = error;
	if (error == ZOK && stat)
		node->stat = *stat;
	if (error == ZOK && value && length > 0) {
		node->value = malloc((size_t)length);
		node->length = (size_t)length;
		if (node->value)
			memcpy(node->value, value, (size_t)length);
		else
			node->error = ZSYSTEMERROR;
	}
	zk_session_answered(operation->session, NULL);
}

static void clock_note_time(int error, const struct Stat *stat, const void *data)
{
	const struct zk_node *const constant = data;
	struct zk_operation *const operation = constant->operation;

	operation->pending--;
	operation->nodes[ZK_CLOCK].error = error;
	zk_session_answered(operation->session, error == ZOK ? stat : NULL);
}

static void node_note_created(int error, const char *path __attribute__((unused)),
			      const struct Stat *stat, const void *data)
{
	const struct zk_node *const constant = data;
	struct zk_operation *const operation = constant->operation;

	operation->pending--;
	if (error != ZOK && error != ZNODEEXISTS && operation->create_error == ZOK)
		operation->create_error = error;
	zk_session_answered(operation->session, error == ZOK ? stat : NULL);
}

static void operation_note_write(int error, const void *data)
{
	const struct zk_node *const constant = data;
	struct zk_operation *const operation = constant->operation;

	operation->pending--;
	operation->write_error = error;
	zk_session_answered(operation->session, error == ZOK ? &operation->state_stat : NULL);
}

/* Notes that the client has taken a call, or fails. */
static bool operation_sent(struct zk_operation *operation, int error, const char *path)
{
	if (error == ZOK)
		operation->pending++;
	else if (operation->phase < ZK_ANSWERED)
		operation_fail(operation, error, path);
	return error == ZOK;
}

/* ---- looking --------------------------------------------------------------------------------- */

static void node_paths(const struct sn_request *request, uint64_t worker, char lease[ZK_PATH_SIZE],
		       char state[ZK_PATH_SIZE])
{
	(void)snprintf(lease, ZK_PATH_SIZE, "%s/workers/worker%" PRIu64, request->path, worker);
	(void)snprintf(state, ZK_PATH_SIZE, "%s/state/worker%" PRIu64, request->path, worker);
}

static void nodes_clear(struct zk_operation *operation)
{
	const size_t count = ZK_NODES + 2 * (operation->request.count - 1);

	for (size_t i = 0; i < count; i++) {
		free(operation->nodes[i].value);
		operation->nodes[i] = (struct zk_node){.operation = operation};
	}
}

static bool look_at(struct zk_operation *operation, const char *path, size_t node)
{
	return operation_sent(operation,
			      zoo_aget(operation->session->handle, path, 0, node_note_value,
				       &operation->nodes[node]),
			      path);
}

/* ZooKeeper tells its time only by that of a write. Owners write often enough. */
static bool clock_is_due(const struct zk_operation *operation)
{
	const struct zk_session *const session = operation->session;
	const enum sn_ask ask = operation->request.ask;

	if (ask != SN_ASK_READ && ask != SN_ASK_CLAIM)
		return false;
	return session->service_ms == 0 ||
	       zk_session_service_ms(session) - session->service_ms >= CLOCK_FRESH;
}

static void operation_look(struct zk_operation *operation)
{
	const struct sn_request *const request = &operation->request;
	struct zk_session *const session = operation->session;
	char lease[ZK_PATH_SIZE], state[ZK_PATH_SIZE];

	operation->phase = ZK_LOOKING;
	operation->generation = session->generation;
	operation->sent_at = zk_now();
	nodes_clear(operation);
	if (clock_is_due(operation) &&
	    !operation_sent(operation,
			    zoo_aset(session->handle, operation->clock_path, "", 0, -1,
				     clock_note_time, &operation->nodes[ZK_CLOCK]),
			    operation->clock_path))
		return;
	bool sent = look_at(operation, operation->namespace_path, ZK_NAMESPACE);
	for (uint64_t i = 0; sent && i < request->count; i++) {
		node_paths(request, request->worker + i, lease, state);
		sent = look_at(operation, lease, ZK_LEASE + 2 * i) &&
		       look_at(operation, state, ZK_STATE + 2 * i);
	}
}

static void operation_fail_look(struct zk_operation *operation, size_t node)
{
	const struct sn_request *const request = &operation->request;
	char lease[ZK_PATH_SIZE], state[ZK_PATH_SIZE];

	if (node < ZK_LEASE) {
		operation_fail(operation, operation->nodes[node].error,
			       node == ZK_CLOCK ? operation->clock_path
						: operation->namespace_path);
		return;
	}
	node_paths(request, request->worker + (node - ZK_LEASE) / 2, lease, state);
	operation_fail(operation, operation->nodes[node].error,
		       (node - ZK_LEASE) % 2 == 0 ? lease : state);
}

static bool is_loss(int error)
{
	return error == ZCONNECTIONLOSS || error == ZOPERATIONTIMEOUT || error == ZSESSIONEXPIRED ||
	       error == ZSESSIONMOVED || error == ZCLOSING || error == ZINVALIDSTATE;
}

/* False: a node could not be looked at. If the connection was lost, the next one is used: nothing
 * has been written yet. */
static bool nodes_are_known(struct zk_operation *operation)
{
	const struct sn_request *const request = &operation->request;

	for (size_t i = 0; i < ZK_LEASE + 2 * request->count; i++) {
		const int error = operation->nodes[i].error;
		/* Who only reads need not be allowed to write the clock. */
		if (error == ZOK || error == ZNONODE ||
		    (i == ZK_CLOCK && error == ZNOAUTH && request->ask == SN_ASK_READ))
			continue;
		if (is_loss(error))
			operation->phase = ZK_QUEUED;
		else
			operation_fail_look(operation, i);
		return false;
	}
	return true;
}

/* ---- creating -------------------------------------------------------------------------------- */

static const struct ACL_vector *node_acl(const struct zk_session *session)
{
	/* ZOO_AUTH_IDS and ZOO_ANYONE_ID_UNSAFE: whoever has logged in, and everybody. */
	static char auth[] = "auth", none[] = "", world[] = "world", anyone[] = "anyone";
	static struct ACL entries[] = {{0x1f, {auth, none}}, {0x01, {world, anyone}}};
	static const struct ACL_vector own = {2, entries};

	return session->settings->user ? &own : &ZOO_OPEN_ACL_UNSAFE;
}

static void node_create(struct zk_operation *operation, const char *path, const char *value)
{
	const int length = (int)strlen(value);
	(void)operation_sent(operation,
			     zoo_acreate2(operation->session->handle, path, value, length,
					  node_acl(operation->session), ZOO_PERSISTENT,
					  node_note_created, operation->nodes),
			     path);
}

/* Creates a node and those above it. */
static void nodes_create(struct zk_operation *operation, const char *path)
{
	char part[ZK_PATH_SIZE];

	for (const char *end = path; *end; end++)
		if (end > path && (end[1] == '/' || end[1] == 0)) {
			(void)snprintf(part, sizeof part, "%.*s", (int)(end - path + 1), path);
			node_create(operation, part, "");
		}
}

/* Creates what every store has. Others may do the same now. */
static void operation_create(struct zk_operation *operation)
{
	const struct sn_request *const request = &operation->request;
	char text[SN_UUID_TEXT_SIZE], path[ZK_PATH_SIZE];

	operation->phase = ZK_CREATING;
	operation->creations++;
	operation->create_error = ZOK;
	if (request->ask == SN_ASK_CLAIM) {
		nodes_create(operation, request->root);
		sn_namespace_write(request->namespace_id, text);
		node_create(operation, operation->namespace_path, text);
		nodes_create(operation, request->path);
		(void)snprintf(path, sizeof path, "%s/workers", request->path);
		node_create(operation, path, "");
		(void)snprintf(path, sizeof path, "%s/state", request->path);
		node_create(operation, path, "");
	}
	node_create(operation, operation->clock_path, "");
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool namespace_parse(struct zk_operation *operation, uint64_t number[2])
{
	const struct zk_node *const node = &operation->nodes[ZK_NAMESPACE];

	number[0] = number[1] = 0;
	return node->error == ZNONODE ||
	       sn_namespace_read(operation->namespace_path, node->value ? node->value : "",
				 node->length, number, operation->why, sizeof operation->why);
}

/* Whatever has the place of a lease bars others, even if its value cannot be read. */
static void lease_parse(const struct zk_node *node, uint64_t incarnation[2])
{
	char why[256];

	incarnation[0] = incarnation[1] = 0;
	if (node->error == ZOK && !sn_record_read_owner("", node->value ? node->value : "",
							node->length, incarnation, why, sizeof why))
		incarnation[0] = incarnation[1] = 0;
}

static bool record_parse(struct zk_operation *operation, uint64_t i)
{
	const struct zk_node *const lease = &operation->nodes[ZK_LEASE + 2 * i],
				    *const state = &operation->nodes[ZK_STATE + 2 * i];
	struct sn_record *const record = &operation->records[i];
	char lease_path[ZK_PATH_SIZE], state_path[ZK_PATH_SIZE];

	*record = (struct sn_record){.exists = state->error == ZOK, .held = lease->error == ZOK};
	lease_parse(lease, record->held_by);
	if (!record->exists)
		return true;
	record->version = (uint64_t)state->stat.mzxid;
	node_paths(&operation->request, operation->request.worker + i, lease_path, state_path);
	return sn_record_read(state_path, state->value ? state->value : "", state->length, record,
			      &operation->kinds[i], operation->why, sizeof operation->why);
}

static void operation_read(struct zk_operation *operation)
{
	const uint64_t count = operation->request.count;

	operation->records = calloc(count, sizeof *operation->records);
	operation->kinds = calloc(count, sizeof *operation->kinds);
	if (!operation->records || !operation->kinds) {
		operation_answer(operation, SN_UNKNOWN, "there is no memory");
		return;
	}
	bool parsed = namespace_parse(operation, operation->answer.namespace_id);
	for (uint64_t i = 0; parsed && i < count; i++)
		parsed = record_parse(operation, i);
	operation->answer.records = operation->records;
	operation->answer.count = count;
	operation_finish(operation, parsed ? SN_DONE : SN_DENIED);
}

/* ---- writing --------------------------------------------------------------------------------- */

static zoo_op_t *write_add(struct zk_operation *operation, const char *path)
{
	operation->written[operation->write_count] = path;
	return &operation->writes[operation->write_count++];
}

static void write_check(struct zk_operation *operation, const char *path, int version)
{
	zoo_check_op_init(write_add(operation, path), path, version);
}

static void write_delete(struct zk_operation *operation, const char *path, int version)
{
	zoo_delete_op_init(write_add(operation, path), path, version);
}

static void write_lease(struct zk_operation *operation)
{
	zoo_create_op_init(write_add(operation, operation->lease_path), operation->lease_path,
			   operation->lease_text, (int)strlen(operation->lease_text),
			   node_acl(operation->session), ZOO_EPHEMERAL, NULL, 0);
}

/* Creating tells neither version nor time, so a new node is set as well. */
static void write_state(struct zk_operation *operation)
{
	const struct zk_node *const state = &operation->nodes[ZK_STATE];
	const char *const path = operation->state_path;
	const int length = (int)strlen(operation->state_text);

	if (state->error == ZNONODE)
		zoo_create_op_init(write_add(operation, path), path, "", 0,
				   node_acl(operation->session), ZOO_PERSISTENT, NULL, 0);
	zoo_set_op_init(write_add(operation, path), path, operation->state_text, length,
			state->error == ZNONODE ? 0 : state->stat.version, &operation->state_stat);
}

static void operation_write(struct zk_operation *operation)
{
	operation->phase = ZK_WRITING;
	if (operation->request.ask == SN_ASK_CLAIM)
		operation->session->claimed = true;
	(void)operation_sent(operation,
			     zoo_amulti(operation->session->handle, (int)operation->write_count,
					operation->writes, operation->results, operation_note_write,
					operation->nodes),
			     operation->state_path);
}

/* Whether the record is that of the request. */
static bool state_is_known(struct zk_operation *operation)
{
	const struct sn_record *const known = &operation->request.record;
	const struct zk_node *const state = &operation->nodes[ZK_STATE];
	const bool exists = state->error == ZOK;

	if (exists == known->exists && (!exists || (uint64_t)state->stat.mzxid == known->version))
		return true;
	operation_answer(operation, SN_REFUSED, "%s was %s meanwhile", operation->state_path,
			 exists ? "written" : "deleted");
	return false;
}

static void operation_claim(struct zk_operation *operation)
{
	const struct zk_node *const nodes = operation->nodes;
	const struct sn_request *const request = &operation->request;
	uint64_t number[2];

	if (nodes[ZK_NAMESPACE].error == ZNONODE || nodes[ZK_CLOCK].error == ZNONODE) {
		if (operation->creations < CREATE_MAX && operation->create_error == ZOK)
			operation_create(operation);
		else
			operation_fail(operation,
				       operation->create_error ? operation->create_error : ZNONODE,
				       request->root);
	} else if (!namespace_parse(operation, number)) {
		operation_finish(operation, SN_DENIED);
	} else if (memcmp(number, request->namespace_id, sizeof number) != 0) {
		operation_answer(operation, SN_REFUSED, "%s has another number",
				 operation->namespace_path);
	} else if (operation->time_was_unknown && operation->session->service_ms != 0) {
		operation_answer(operation, SN_REFUSED, "the time of the service was not known");
	} else if (nodes[ZK_LEASE].error == ZOK) {
		operation_answer(operation, SN_REFUSED, "%s exists", operation->lease_path);
	} else if (state_is_known(operation)) {
		write_check(operation, operation->namespace_path, nodes[ZK_NAMESPACE].stat.version);
		write_lease(operation);
		write_state(operation);
		operation_write(operation);
	}
}

static bool lease_is_own(struct zk_operation *operation)
{
	const struct zk_node *const lease = &operation->nodes[ZK_LEASE];
	uint64_t incarnation[2];

	lease_parse(lease, incarnation);
	if (lease->error == ZOK &&
	    memcmp(incarnation, operation->request.record.incarnation, sizeof incarnation) == 0)
		return true;
	operation_answer(operation, SN_REFUSED, "%s %s", operation->lease_path,
			 lease->error == ZOK ? "is that of another owner" : "does not exist");
	return false;
}

/* A lease of a session that has ended lasts until that expires: this session gets its own. */
static void operation_raise(struct zk_operation *operation)
{
	const struct Stat *const lease = &operation->nodes[ZK_LEASE].stat;

	if (!lease_is_own(operation) || !state_is_known(operation))
		return;
	if (lease->ephemeralOwner == zoo_client_id(operation->session->handle)->client_id) {
		write_check(operation, operation->lease_path, lease->version);
	} else {
		write_delete(operation, operation->lease_path, lease->version);
		write_lease(operation);
	}
	write_state(operation);
	operation_write(operation);
}

static void operation_release(struct zk_operation *operation)
{
	if (!lease_is_own(operation) || !state_is_known(operation))
		return;
	write_delete(operation, operation->lease_path, operation->nodes[ZK_LEASE].stat.version);
	write_state(operation);
	operation_write(operation);
}

/* Each lease begins with a write of the record. If there was none meanwhile, the lease is still the
 * one that was looked at. */
static void operation_forget(struct zk_operation *operation)
{
	const struct zk_node *const nodes = operation->nodes;

	if (nodes[ZK_LEASE].error == ZNONODE) {
		operation_finish(operation, SN_DONE);
	} else if (lease_is_own(operation)) {
		if (nodes[ZK_STATE].error == ZOK)
			write_check(operation, operation->state_path, nodes[ZK_STATE].stat.version);
		write_delete(operation, operation->lease_path, nodes[ZK_LEASE].stat.version);
		operation_write(operation);
	}
}

/* A node that is created and deleted in one transaction did not exist. */
static void operation_reset(struct zk_operation *operation)
{
	if (operation->nodes[ZK_LEASE].error == ZOK) {
		operation_answer(operation, SN_REFUSED, "%s exists", operation->lease_path);
	} else if (state_is_known(operation)) {
		write_lease(operation);
		write_delete(operation, operation->lease_path, 0);
		write_state(operation);
		operation_write(operation);
	}
}

static void operation_finish_write(struct zk_operation *operation)
{
	operation->answer.version = (uint64_t)operation->state_stat.mzxid;
	if (operation->write_error == ZOK) {
		operation_finish(operation, SN_DONE);
		return;
	}
	unsigned failed = 0;
	while (failed + 1 < operation->write_count &&
	       (operation->results[failed].err == ZOK ||
		operation->results[failed].err == ZRUNTIMEINCONSISTENCY))
		failed++;
	/* Only claims create what every store has. */
	if (operation->request.ask == SN_ASK_CLAIM && operation->write_error == ZNONODE &&
	    failed > 0 && operation->creations < CREATE_MAX && operation->create_error == ZOK)
		operation_create(operation);
	else
		operation_fail(operation,
			       operation->create_error ? operation->create_error
						       : operation->write_error,
			       operation->written[failed]);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void operation_finish_look(struct zk_operation *operation)
{
	static void (*const next[])(struct zk_operation *) = {
		[SN_ASK_READ] = operation_read,     [SN_ASK_CLAIM] = operation_claim,
		[SN_ASK_RAISE] = operation_raise,   [SN_ASK_RELEASE] = operation_release,
		[SN_ASK_FORGET] = operation_forget, [SN_ASK_RESET] = operation_reset};
	const struct zk_node *const nodes = operation->nodes;

	if (!nodes_are_known(operation))
		return;
	operation->write_count = 0;
	if (operation->request.ask == SN_ASK_READ && nodes[ZK_CLOCK].error == ZNONODE &&
	    nodes[ZK_NAMESPACE].error == ZOK)
		operation_create(operation);
	else
		next[operation->request.ask](operation);
}

static void operation_finish_phase(struct zk_operation *operation)
{
	switch (operation->phase) {
	case ZK_LOOKING:
		operation_finish_look(operation);
		return;
	case ZK_CREATING:
		if (operation->request.ask == SN_ASK_READ)
			operation_read(operation);
		else
			operation->phase = ZK_QUEUED;
		return;
	case ZK_WRITING:
		operation_finish_write(operation);
		return;
	case ZK_QUEUED:
	case ZK_ANSWERED:
	case ZK_DELIVERED:
		return;
	}
}

/* The TTL of a session is decided when it begins. It serves all generators of the process: the
 * first claim decides. */
static bool session_fits(struct zk_operation *operation)
{
	struct zk_session *const session = operation->session;
	const struct sn_request *const request = &operation->request;

	if (request->ask != SN_ASK_CLAIM || session->claimed ||
	    request->ttl_ns == session->ttl_ns || request->ttl_ns == 0)
		return true;
	zk_session_renew(session, request->ttl_ns);
	return false;
}

static void operation_start(struct zk_operation *operation)
{
	struct zk_session *const session = operation->session;

	if (session->denied && zk_now() < session->open_at)
		operation_answer(operation, SN_DENIED, "%s", session->why);
	else if (session_fits(operation) && zk_session_is_connected(session)) {
		zk_session_check_login(session);
		operation_look(operation);
	}
}

void zk_operation_advance(struct zk_operation *operation, uint64_t now)
{
	struct zk_session *const session = operation->session;

	if (operation->generation != session->generation && operation->pending > 0) {
		operation->pending = 0; /* nobody will call any more */
		if (operation->phase == ZK_LOOKING)
			operation->phase = ZK_QUEUED;
		else if (operation->phase < ZK_ANSWERED)
			operation_fail(operation, ZSESSIONEXPIRED, session->servers);
	}
	if (operation->phase == ZK_QUEUED)
		operation_start(operation);
	else if (operation->pending == 0)
		operation_finish_phase(operation);
	if (operation->phase < ZK_ANSWERED && now >= operation->deadline) {
		if (operation->phase != ZK_QUEUED)
			zk_session_suspect(session, operation->sent_at);
		operation_time_out(operation);
	}
}

/* ---- life ------------------------------------------------------------------------------------ */

static void operation_name(struct zk_operation *operation)
{
	const struct sn_request *const request = &operation->request;

	(void)snprintf(operation->namespace_path, ZK_PATH_SIZE, "%s/namespace", request->root);
	(void)snprintf(operation->clock_path, ZK_PATH_SIZE, "%s/clock", request->root);
	node_paths(request, request->worker, operation->lease_path, operation->state_path);
}

struct zk_operation *zk_operation_new(struct zk_session *session, const struct sn_request *request)
{
	struct zk_operation *const operation = calloc(1, sizeof *operation);
	if (!operation)
		return NULL;
	operation->session = session;
	operation->request = *request;
	operation->request.record.kind = NULL; /* valid only now */
	if (request->ask != SN_ASK_READ || request->count == 0)
		operation->request.count = 1;
	else if (request->count > READ_MAX)
		operation->request.count = READ_MAX;
	operation->deadline = zk_now() + request->timeout_ns;
	operation->generation = session->generation;
	operation->time_was_unknown = session->service_ms == 0;
	operation->answer.serial = request->serial;
	operation->nodes =
		calloc(ZK_NODES + 2 * (operation->request.count - 1), sizeof *operation->nodes);
	operation->state_text = sn_record_write(&request->record);
	operation->lease_text = sn_record_write_owner(&request->record);
	operation_name(operation);
	if (operation->nodes && operation->state_text && operation->lease_text)
		return operation;
	zk_operation_free(operation);
	return NULL;
}

void zk_operation_free(struct zk_operation *operation)
{
	if (operation->nodes)
		nodes_clear(operation);
	for (uint64_t i = 0; operation->kinds && i < operation->request.count; i++)
		free(operation->kinds[i]);
	free(operation->nodes);
	free(operation->kinds);
	free(operation->records);
	free(operation->state_text);
	free(operation->lease_text);
	free(operation);
}
