/* SPDX-License-Identifier: MIT
 *
 * Consul 1.7 and newer, over HTTP. The record of a worker is PATH/workers/workerN, which the
 * session of its owner locks; ROOT/namespace is a key of its own. The server chooses the ID of a
 * session, so that this process remembers those of its own. Any other finds that of an owner in the
 * record that it locks.
 *
 * A write that changes no value leaves the index of a key as it was, so that no two records may be
 * equal (record.writes).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnowid/base/erase.h"
#include "libsnowid/coordinator/consul_json.h"
#include "libsnowid/coordinator/secret.h"
#include "snowid.h"

enum consul_step {
	CONSUL_READ, /* what is there: also before a write that needs more than the request says */
	CONSUL_CREATE, /* CLAIM: makes the session, */
	CONSUL_CLAIM,  /* then writes and locks */
	CONSUL_RAISE,  /* RAISE: writes, */
	CONSUL_RENEW,  /* then extends the session */
	CONSUL_RELEASE,
	CONSUL_FREE, /* ends the session of a worker that was released */
	CONSUL_FORGET,
	CONSUL_RESET
};

/* That of an incarnation of this process. */
struct consul_session {
	struct consul_session *next;
	uint64_t incarnation[2];
	char id[SN_CONSUL_SESSION + 1];
};

struct consul {
	struct sn_exchanges exchanges; /* must be the first member (downcast) */
	struct consul_session *sessions;
};

static struct consul *consul_from_base(struct sn_exchanges *exchanges)
{
	return (struct consul *)(void *)exchanges;
}

/* ---- sessions -------------------------------------------------------------------------------- */

static struct consul_session **consul_find_session(struct consul *consul,
						   const struct sn_exchange *exchange)
{
	const uint64_t *const incarnation = exchange->request.record.incarnation;
	struct consul_session **link = &consul->sessions;

	while (*link && memcmp((*link)->incarnation, incarnation, sizeof(*link)->incarnation) != 0)
		link = &(*link)->next;
	return link;
}

/* False: it is not known here. */
static bool consul_recall_session(struct consul *consul, struct sn_exchange *exchange)
{
	const struct consul_session *const session = *consul_find_session(consul, exchange);

	if (session)
		memcpy(exchange->session, session->id, sizeof session->id);
	return session != NULL;
}

static void consul_drop_session(struct consul *consul, const struct sn_exchange *exchange)
{
	struct consul_session **const link = consul_find_session(consul, exchange);
	struct consul_session *const session = *link;

	if (session) {
		*link = session->next;
		free(session);
	}
}

static bool consul_keep_session(struct consul *consul, const struct sn_exchange *exchange)
{
	struct consul_session *const session = calloc(1, sizeof *session);

	if (!session)
		return false;
	consul_drop_session(consul, exchange);
	memcpy(session->incarnation, exchange->request.record.incarnation,
	       sizeof session->incarnation);
	memcpy(session->id, exchange->session, sizeof session->id);
	session->next = consul->sessions;
	consul->sessions = session;
	return true;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static json_t *consul_body(const struct sn_exchange *exchange, enum consul_step step)
{
	switch (step) {
	case CONSUL_READ:
		return sn_consul_read_body(exchange);
	case CONSUL_CREATE:
		return sn_consul_create_body(exchange);
	case CONSUL_CLAIM:
		return sn_consul_claim_body(exchange);
	case CONSUL_RAISE:
		return sn_consul_raise_body(exchange);
	case CONSUL_RELEASE:
		return sn_consul_release_body(exchange);
	case CONSUL_RESET:
		return sn_consul_reset_body(exchange);
	case CONSUL_RENEW:
	case CONSUL_FREE:
	case CONSUL_FORGET:
		return json_null();
	}
	return NULL;
}

/* Sends it with the token, if there is one. */
static void consul_send(struct consul *consul, struct sn_exchange *exchange, enum consul_step step,
			const char *path, json_t *body)
{
	char token[SN_SECRET_SIZE], header[SN_SECRET_SIZE + 32], why[512];

	if (sn_secret_read(consul->exchanges.settings.token_file, "SNOWID_STORE_TOKEN", token, why,
			   sizeof why)) {
		(void)snprintf(header, sizeof header, "X-Consul-Token: %s", token);
		sn_exchange_send(&consul->exchanges, exchange, (int)step, "PUT", path, body,
				 *token ? header : NULL);
		sn_erase(header, sizeof header);
	} else {
		json_decref(body);
		sn_exchange_finish(exchange, SN_DENIED, "%s", why);
	}
	sn_erase(token, sizeof token);
}

static void consul_send_step(struct consul *consul, struct sn_exchange *exchange,
			     enum consul_step step)
{
	static const char *const paths[] = {
		[CONSUL_READ] = "/v1/txn?consistent",
		[CONSUL_CREATE] = "/v1/session/create",
		[CONSUL_CLAIM] = "/v1/txn",
		[CONSUL_RAISE] = "/v1/txn",
		[CONSUL_RENEW] = "/v1/session/renew/",
		[CONSUL_RELEASE] = "/v1/txn",
		[CONSUL_FREE] = "/v1/session/destroy/",
		[CONSUL_FORGET] = "/v1/session/destroy/",
		[CONSUL_RESET] = "/v1/txn",
	};
	const bool of_session =
		step == CONSUL_RENEW || step == CONSUL_FREE || step == CONSUL_FORGET;
	json_t *const body = consul_body(exchange, step);
	char path[128];

	(void)snprintf(path, sizeof path, "%s%s", paths[step], of_session ? exchange->session : "");
	if (body)
		consul_send(consul, exchange, step, path, of_session ? NULL : body);
	else
		sn_exchange_finish(exchange, SN_UNKNOWN, "out of memory, or a number too large");
}

/* The session of a worker is found in the record that it locks. */
static bool consul_find_owner(struct consul *consul, struct sn_exchange *exchange)
{
	const struct sn_record *const found = exchange->records;

	return found->held && exchange->session[0] &&
	       memcmp(found->held_by, exchange->request.record.incarnation,
		      sizeof found->held_by) == 0 &&
	       consul_keep_session(consul, exchange);
}

static void consul_claim(struct consul *consul, struct sn_exchange *exchange)
{
	const uint64_t *const found = exchange->answer.namespace_id;

	if (exchange->found && memcmp(found, exchange->request.namespace_id,
				      sizeof exchange->answer.namespace_id) != 0)
		sn_exchange_finish(exchange, SN_REFUSED, "the namespace is another");
	else
		consul_send_step(consul, exchange,
				 consul_recall_session(consul, exchange) ? CONSUL_CLAIM
									 : CONSUL_CREATE);
}

static const enum consul_step consul_writes[] = {
	[SN_ASK_CLAIM] = CONSUL_CLAIM,     [SN_ASK_RAISE] = CONSUL_RAISE,
	[SN_ASK_RELEASE] = CONSUL_RELEASE, [SN_ASK_FORGET] = CONSUL_FORGET,
	[SN_ASK_RESET] = CONSUL_RESET,
};

/* After a read: that is all, or says how to go on with a write. */
static void consul_found(struct consul *consul, struct sn_exchange *exchange)
{
	switch (exchange->request.ask) {
	case SN_ASK_READ:
		sn_exchange_finish(exchange, SN_DONE, "%s", "");
		return;
	case SN_ASK_CLAIM:
		consul_claim(consul, exchange);
		return;
	case SN_ASK_RESET:
		if (exchange->records->held)
			sn_exchange_finish(exchange, SN_REFUSED, "somebody has the worker");
		else
			consul_send_step(consul, exchange, CONSUL_RESET);
		return;
	case SN_ASK_RAISE:
	case SN_ASK_RELEASE:
	case SN_ASK_FORGET:
		if (consul_find_owner(consul, exchange))
			consul_send_step(consul, exchange, consul_writes[exchange->request.ask]);
		else
			sn_exchange_finish(exchange, SN_REFUSED, "it has no session");
		return;
	}
}

static void consul_begin(struct sn_exchanges *exchanges, struct sn_exchange *exchange)
{
	struct consul *const consul = consul_from_base(exchanges);
	const enum sn_ask ask = exchange->request.ask;
	const bool extends = ask == SN_ASK_RAISE || ask == SN_ASK_RELEASE || ask == SN_ASK_FORGET;

	if (ask != SN_ASK_READ)
		exchange->request.count = 1;
	/* A dead session lasts for up to twice its TTL. */
	exchange->answer.expiry_ns = 2 * exchange->request.ttl_ns;
	if (extends && consul_recall_session(consul, exchange))
		consul_send_step(consul, exchange, consul_writes[ask]);
	else
		consul_send_step(consul, exchange, CONSUL_READ);
}

/* The version is in the last result: those before may be of the same key. */
static void consul_written(struct consul *consul, struct sn_exchange *exchange,
			   const json_t *answer)
{
	const json_t *const results = json_object_get(answer, "Results");
	const size_t count = json_array_size(results);
	const json_t *const last =
		json_object_get(json_array_get(results, count - (count > 0)), "KV");

	exchange->answer.version =
		(uint64_t)json_integer_value(json_object_get(last, "ModifyIndex"));
	if (exchange->answer.version == 0)
		sn_exchange_finish(exchange, SN_UNKNOWN, "the answer has no index");
	else if (exchange->step == CONSUL_RAISE)
		consul_send_step(consul, exchange, CONSUL_RENEW);
	else if (exchange->step == CONSUL_RELEASE)
		consul_send_step(consul, exchange, CONSUL_FREE);
	else
		sn_exchange_finish(exchange, SN_DONE, "%s", "");
}

static void consul_created(struct consul *consul, struct sn_exchange *exchange,
			   const json_t *answer)
{
	if (!sn_consul_take_session(exchange, json_object_get(answer, "ID")))
		sn_exchange_finish(exchange, SN_UNKNOWN, "the answer has no session");
	else if (!consul_keep_session(consul, exchange))
		sn_exchange_finish(exchange, SN_UNKNOWN, "out of memory");
	else
		consul_send_step(consul, exchange, CONSUL_CLAIM);
}

static void consul_succeed(struct consul *consul, struct sn_exchange *exchange,
			   const json_t *answer)
{
	switch ((enum consul_step)exchange->step) {
	case CONSUL_READ:
		if (sn_consul_read_records(exchange, answer))
			consul_found(consul, exchange);
		return;
	case CONSUL_CREATE:
		consul_created(consul, exchange, answer);
		return;
	case CONSUL_CLAIM:
	case CONSUL_RAISE:
	case CONSUL_RELEASE:
	case CONSUL_RESET:
		consul_written(consul, exchange, answer);
		return;
	case CONSUL_RENEW:
		sn_exchange_finish(exchange, SN_DONE, "%s", "");
		return;
	case CONSUL_FREE:
	case CONSUL_FORGET: /* ending what has ended is no error */
		consul_drop_session(consul, exchange);
		sn_exchange_finish(exchange, SN_DONE, "%s", "");
		return;
	}
}

/* ---- errors ---------------------------------------------------------------------------------- */

/* The first reason of a transaction that was refused. */
static const char *consul_refusal(const json_t *answer)
{
	const json_t *const errors = json_object_get(answer, "Errors");
	const char *const what =
		json_string_value(json_object_get(json_array_get(errors, 0), "What"));
	return what ? what : "";
}

static bool consul_is_forbidden(const char *text)
{
	return strstr(text, "ermission denied") || strstr(text, "ACL not found") ||
	       strstr(text, "lacks permission");
}

static const char *consul_remedy(const struct sn_http_answer *answer)
{
	if (strstr(answer->body, "Invalid Session TTL"))
		return "; change ttl=, or session_ttl_min of its servers";
	if (answer->status == 403)
		return "; give a token that may write these keys and sessions: token_file= or "
		       "SNOWID_STORE_TOKEN";
	if (answer->status < 500)
		return "; is this Consul?";
	return "";
}

static void consul_fail(struct consul *consul, struct sn_exchange *exchange,
			const struct sn_http_answer *answer)
{
	const bool passing = answer->status < 300 || answer->status == 408 ||
			     answer->status == 429 ||
			     (answer->status >= 500 && !consul_is_forbidden(answer->body) &&
			      !strstr(answer->body, "Invalid Session TTL"));

	if (exchange->step == CONSUL_FREE) /* it was released, and the session ends by itself */
		sn_exchange_finish(exchange, SN_DONE, "%s", "");
	else if (exchange->step == CONSUL_RENEW && answer->status == 404) {
		consul_drop_session(consul, exchange);
		sn_exchange_finish(exchange, SN_UNKNOWN, "Consul has ended the session");
	} else
		sn_exchange_finish(exchange, passing ? SN_UNKNOWN : SN_DENIED, "%s: %ld: %.300s%s",
				   answer->server, answer->status, answer->body,
				   consul_remedy(answer));
}

static void consul_refused(struct consul *consul, struct sn_exchange *exchange, const char *what)
{
	/* It may have another session by now, or needs one. */
	if (strstr(what, "session"))
		consul_drop_session(consul, exchange);
	sn_exchange_finish(exchange, consul_is_forbidden(what) ? SN_DENIED : SN_REFUSED, "%.300s",
			   what);
}

static void consul_proceed(struct sn_exchanges *exchanges, struct sn_exchange *exchange,
			   const struct sn_http_answer *answer)
{
	struct consul *const consul = consul_from_base(exchanges);

	if (answer->status == 0) {
		sn_exchange_finish(exchange,
				   exchange->step == CONSUL_FREE ? SN_DONE
				   : answer->hopeless            ? SN_DENIED
								 : SN_UNKNOWN,
				   "%s", answer->why);
		return;
	}
	json_t *const body = json_loadb(answer->body, answer->size, JSON_DECODE_ANY, NULL);
	if (answer->status == 200 && body)
		consul_succeed(consul, exchange, body);
	else if (answer->status == 409 && json_is_object(body))
		consul_refused(consul, exchange, consul_refusal(body));
	else
		consul_fail(consul, exchange, answer);
	json_decref(body);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void consul_close(struct sn_exchanges *exchanges)
{
	struct consul *const consul = consul_from_base(exchanges);

	while (consul->sessions) {
		struct consul_session *const session = consul->sessions;
		consul->sessions = session->next;
		free(session);
	}
	free(consul);
}

static int consul_open(const struct sn_coordinator_settings *settings,
		       struct sn_coordinator **coordinator, char *why, size_t size)
{
	static const struct sn_exchange_class class = {consul_begin, consul_proceed, consul_close};

	if (settings->user || settings->password_file) {
		(void)snprintf(why, size,
			       "Consul has no users: set token_file= or SNOWID_STORE_TOKEN");
		return SNOWID_E_INVALID;
	}
	struct consul *const consul = calloc(1, sizeof *consul);
	if (!consul)
		return -ENOMEM;
	const int error = sn_exchanges_open(&consul->exchanges, &class, settings,
					    settings->tls ? "8501" : "8500", why, size);
	if (error)
		free(consul);
	else
		*coordinator = &consul->exchanges.coordinator;
	return error;
}

__attribute__((visibility("default")))
const struct sn_module sn_coordinator_module = {SN_MODULE_VERSION, "consul:", consul_open};
