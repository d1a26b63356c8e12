/* SPDX-License-Identifier: MIT
 *
 * etcd 3.4 and newer, through the JSON gateway that is on the port of its clients. ROOT/namespace
 * and PATH/state/workerN are permanent; PATH/workers/workerN lives as long as the lease of its
 * owner. The ID of that lease follows from the incarnation, so that a request that arrives twice
 * makes one lease, and any process can end it.
 *
 * In answers numbers of 64 bits are texts, and members that are 0, false or empty are missing.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnowid/base/erase.h"
#include "libsnowid/coordinator/exchange.h"
#include "libsnowid/coordinator/record_json.h"
#include "libsnowid/coordinator/secret.h"
#include "snowid.h"

#define TOKEN_SIZE 4096

#define LOGIN_TIMEOUT_NS UINT64_C(3000000000)

/* A leader that has just been elected starts all leases from the beginning, and looks for those
 * that have ended twice in a second. */
#define EXPIRY_EXTRA_NS UINT64_C(1000000000)

/* What is asked of etcd. */
enum etcd_step {
	ETCD_READ,
	ETCD_GRANT,  /* CLAIM: makes the lease, */
	ETCD_ADOPT,  /* or extends it if there is one already, */
	ETCD_CLAIM,  /* writes if the namespace is the right one, */
	ETCD_FOUND,  /* or if there is none, and makes it */
	ETCD_RAISE,  /* RAISE: writes, */
	ETCD_EXTEND, /* then extends the lease */
	ETCD_RELEASE,
	ETCD_FREE, /* ends the lease of a worker that was released */
	ETCD_FORGET,
	ETCD_RESET
};

enum login {
	LOGGED_OUT,
	LOGGING_IN, /* for all exchanges that wait */
	LOGGED_IN,
	LOGIN_NOT_NEEDED /* authentication is not enabled */
};

struct etcd {
	struct sn_exchanges exchanges; /* must be the first member (downcast) */
	enum login login;
	char authorization[TOKEN_SIZE + 32]; /* the header */
};

struct etcd_error {
	long code; /* of gRPC */
	char text[400];
};

/* Codes of gRPC (google/rpc/code.proto). */
enum {
	INVALID_ARGUMENT = 3,
	NOT_FOUND = 5,
	PERMISSION_DENIED = 7,
	RESOURCE_EXHAUSTED = 8,
	FAILED_PRECONDITION = 9,
	UNIMPLEMENTED = 12,
	UNAUTHENTICATED = 16
};

static void etcd_send_step(struct etcd *etcd, struct sn_exchange *exchange, enum etcd_step step);

static struct etcd *etcd_from_base(struct sn_exchanges *exchanges)
{
	return (struct etcd *)(void *)exchanges;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* 0 if it is missing. */
static uint64_t etcd_number(const json_t *object, const char *name)
{
	const json_t *const value = json_object_get(object, name);

	if (json_is_integer(value) && json_integer_value(value) > 0)
		return (uint64_t)json_integer_value(value);
	return json_is_string(value) ? strtoull(json_string_value(value), NULL, 10) : 0;
}

static json_t *etcd_decimal(uint64_t number)
{
	return json_sprintf("%" PRIu64, number);
}

/* Never 0, which would be a lease of etcd's choice, and positive. */
static uint64_t etcd_lease_id(const struct sn_request *request)
{
	const uint64_t id = request->record.incarnation[0] & INT64_MAX;
	return id ? id : 1;
}

static json_t *etcd_compare(const char *target, const char *key, const char *member, json_t *value)
{
	return json_pack("{s:s, s:s, s:o, s:o}", "target", target, "result", "EQUAL", "key",
			 sn_json_encode(key), member, value);
}

static json_t *etcd_put(const char *key, char *text, uint64_t lease)
{
	json_t *const put = json_pack("{s:{s:o, s:o}}", "request_put", "key", sn_json_encode(key),
				      "value", sn_json_encode(text));
	free(text);
	if (lease)
		json_object_set_new(json_object_get(put, "request_put"), "lease",
				    etcd_decimal(lease));
	return put;
}

static json_t *etcd_range(const char *key, const char *end)
{
	json_t *const range = json_pack("{s:{s:o}}", "request_range", "key", sn_json_encode(key));
	if (end)
		json_object_set_new(json_object_get(range, "request_range"), "range_end",
				    sn_json_encode(end));
	return range;
}

/* ---- reading --------------------------------------------------------------------------------- */

static uint64_t etcd_smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The keys of some workers and of as few others as one range allows: keys are in the order of their
 * text. */
static json_t *etcd_range_workers(const struct sn_exchange *exchange, const char *folder)
{
	const uint64_t first = exchange->request.worker;
	const uint64_t last = first + exchange->request.count - 1;
	char least[24] = "", greatest[24] = "", key[SN_KEY_SIZE], end[SN_KEY_SIZE];

	/* The first and the last with each number of digits. */
	for (uint64_t from = first, power = 10; from <= last; power *= 10) {
		if (power <= from && power <= UINT64_MAX / 10)
			continue;
		const uint64_t to = power <= from ? last : etcd_smaller(last, power - 1);
		char text[24];
		(void)snprintf(text, sizeof text, "%" PRIu64, from);
		if (!*least || strcmp(text, least) < 0)
			memcpy(least, text, sizeof least);
		(void)snprintf(text, sizeof text, "%" PRIu64, to);
		if (strcmp(text, greatest) > 0)
			memcpy(greatest, text, sizeof greatest);
		if (to == last)
			break;
		from = to + 1;
	}
	const char *const path = exchange->request.path;
	(void)snprintf(key, sizeof key, "%s/%s/worker%s", path, folder, least);
	(void)snprintf(end, sizeof end, "%s/%s/worker%s ", path, folder, greatest);
	return etcd_range(key, end);
}

static json_t *etcd_read_body(const struct sn_exchange *exchange)
{
	char namespace[SN_KEY_SIZE];

	(void)snprintf(namespace, sizeof namespace, "%s/namespace", exchange->request.root);
	return json_pack("{s:[o, o, o]}", "success", etcd_range(namespace, NULL),
			 etcd_range_workers(exchange, "state"),
			 etcd_range_workers(exchange, "workers"));
}

static json_t *etcd_answer_range(const json_t *answer, size_t index)
{
	const json_t *const response = json_array_get(json_object_get(answer, "responses"), index);
	return json_object_get(response, "response_range");
}

static json_t *etcd_pairs(const json_t *answer, size_t index)
{
	return json_object_get(etcd_answer_range(answer, index), "kvs");
}

/* False: the answer is not complete, and does not tell what exists. */
static bool etcd_has_pairs(const json_t *answer, size_t index)
{
	const json_t *const range = etcd_answer_range(answer, index);
	const json_t *const pairs = etcd_pairs(answer, index);

	return json_is_object(range) && (!pairs || json_is_array(pairs)) &&
	       etcd_number(range, "count") == json_array_size(pairs);
}

static bool etcd_take_state(struct sn_exchange *exchange, const char *key, const char *text,
			    size_t length, uint64_t version)
{
	uint64_t i;

	if (!sn_exchange_index(exchange, "state", key, &i))
		return true;
	if (!sn_exchange_read_record(exchange, i, key, text, length))
		return false;
	exchange->records[i].version = version;
	return true;
}

static bool etcd_take_owner(struct sn_exchange *exchange, const char *key, const char *text,
			    size_t length, uint64_t version)
{
	uint64_t i;

	(void)version;
	if (!sn_exchange_index(exchange, "workers", key, &i))
		return true;
	exchange->records[i].held = true;
	return sn_record_read_owner(key, text, length, exchange->records[i].held_by, exchange->why,
				    sizeof exchange->why);
}

static bool etcd_take_namespace(struct sn_exchange *exchange, const char *key, const char *text,
				size_t length, uint64_t version)
{
	(void)version;
	return sn_namespace_read(key, text, length, exchange->answer.namespace_id, exchange->why,
				 sizeof exchange->why);
}

typedef bool etcd_take_function(struct sn_exchange *, const char *, const char *, size_t, uint64_t);

/* Calls take() for each pair. False: `why` says which could not be read. */
static bool etcd_take_pairs(struct sn_exchange *exchange, const json_t *pairs,
			    etcd_take_function *take)
{
	bool taken = true;

	for (size_t i = 0; taken && i < json_array_size(pairs); i++) {
		const json_t *const pair = json_array_get(pairs, i);
		const json_t *const value = json_object_get(pair, "value");
		size_t key_length, length = 0;
		char *const key = sn_json_decode(json_object_get(pair, "key"), &key_length);
		char *const text = value ? sn_json_decode(value, &length) : strdup("");
		taken = key && text &&
			take(exchange, key, text, length, etcd_number(pair, "mod_revision"));
		if (!key || !text)
			(void)snprintf(exchange->why, sizeof exchange->why,
				       "a pair of the answer is not in base64");
		free(key);
		free(text);
	}
	return taken;
}

static void etcd_read_records(struct sn_exchange *exchange, const json_t *answer)
{
	static etcd_take_function *const take[] = {etcd_take_namespace, etcd_take_state,
						   etcd_take_owner};

	if (!sn_exchange_make_records(exchange))
		return;
	for (size_t i = 0; i < sizeof take / sizeof *take; i++) {
		if (!etcd_has_pairs(answer, i)) {
			sn_exchange_finish(exchange, SN_UNKNOWN, "the answer is not complete");
			return;
		}
		if (!etcd_take_pairs(exchange, etcd_pairs(answer, i), take[i])) {
			sn_exchange_deny(exchange);
			return;
		}
	}
	sn_exchange_finish(exchange, SN_DONE, "%s", "");
}

/* ---- writing --------------------------------------------------------------------------------- */

/* That nobody has the lease, or that the incarnation has it. */
static json_t *etcd_compare_lease(const struct sn_exchange *exchange, bool own)
{
	char key[SN_KEY_SIZE];

	sn_exchange_key(exchange, "workers", key);
	return own ? etcd_compare("LEASE", key, "lease",
				  etcd_decimal(etcd_lease_id(&exchange->request)))
		   : etcd_compare("CREATE", key, "create_revision", etcd_decimal(0));
}

/* That nobody has written the record. One that does not exist has revision 0. */
static json_t *etcd_compare_version(const struct sn_exchange *exchange)
{
	const struct sn_record *const record = &exchange->request.record;
	char key[SN_KEY_SIZE];

	sn_exchange_key(exchange, "state", key);
	return etcd_compare("MOD", key, "mod_revision",
			    etcd_decimal(record->exists ? record->version : 0));
}

static json_t *etcd_put_state(const struct sn_exchange *exchange)
{
	char key[SN_KEY_SIZE];

	sn_exchange_key(exchange, "state", key);
	return etcd_put(key, sn_record_write(&exchange->request.record), 0);
}

static json_t *etcd_claim_body(const struct sn_exchange *exchange, bool found)
{
	char namespace[SN_KEY_SIZE], worker[SN_KEY_SIZE], number[SN_UUID_TEXT_SIZE];

	sn_namespace_write(exchange->request.namespace_id, number);
	sn_exchange_key(exchange, "workers", worker);
	(void)snprintf(namespace, sizeof namespace, "%s/namespace", exchange->request.root);
	json_t *const body = json_pack(
		"{s:[o, o, o], s:[o, o], s:[o]}", "compare",
		found ? etcd_compare("CREATE", namespace, "create_revision", etcd_decimal(0))
		      : etcd_compare("VALUE", namespace, "value", sn_json_encode(number)),
		etcd_compare_lease(exchange, false), etcd_compare_version(exchange), "success",
		etcd_put_state(exchange),
		etcd_put(worker, sn_record_write_owner(&exchange->request.record),
			 etcd_lease_id(&exchange->request)),
		"failure", etcd_range(namespace, NULL));
	if (found)
		json_array_append_new(json_object_get(body, "success"),
				      etcd_put(namespace, strdup(number), 0));
	return body;
}

static json_t *etcd_write_body(const struct sn_exchange *exchange)
{
	const enum sn_ask ask = exchange->request.ask;
	char worker[SN_KEY_SIZE];

	json_t *const body = json_pack(
		"{s:[o, o], s:[o]}", "compare", etcd_compare_lease(exchange, ask != SN_ASK_RESET),
		etcd_compare_version(exchange), "success", etcd_put_state(exchange));
	sn_exchange_key(exchange, "workers", worker);
	if (ask == SN_ASK_RELEASE)
		json_array_append_new(json_object_get(body, "success"),
				      json_pack("{s:{s:o}}", "request_delete_range", "key",
						sn_json_encode(worker)));
	return body;
}

static json_t *etcd_grant_body(const struct sn_exchange *exchange)
{
	const uint64_t ns = exchange->request.ttl_ns;
	const uint64_t seconds = ns / 1000000000 + (ns % 1000000000 != 0);

	return json_pack("{s:o, s:o}", "TTL", etcd_decimal(seconds), "ID",
			 etcd_decimal(etcd_lease_id(&exchange->request)));
}

/* ---- logging in ------------------------------------------------------------------------------ */

static bool etcd_login_body(const struct etcd *etcd, json_t **body, char *why, size_t size)
{
	const struct sn_coordinator_settings *const settings = &etcd->exchanges.settings;
	char password[SN_SECRET_SIZE];

	const bool read = sn_secret_read(settings->password_file, "SNOWID_STORE_PASSWORD", password,
					 why, size);
	*body = read ? json_pack("{s:s, s:s}", "name", settings->user, "password", password) : NULL;
	sn_erase(password, sizeof password);
	return read;
}

/* All exchanges that need it wait for one login, which costs the server much: more time than a
 * request may take. A request that has ended by then leaves a token for the next one. */
static void etcd_log_in(struct etcd *etcd, struct sn_exchange *exchange, enum etcd_step next)
{
	const uint64_t end_ns = exchange->end_ns;
	char why[512];
	json_t *body;

	exchange->waiting = true;
	exchange->step = (int)next;
	if (etcd->login == LOGGING_IN)
		return;
	if (!etcd_login_body(etcd, &body, why, sizeof why)) {
		sn_exchange_finish(exchange, SN_DENIED, "%s", why);
		return;
	}
	etcd->login = LOGGING_IN;
	exchange->end_ns = sn_http_now() + LOGIN_TIMEOUT_NS;
	sn_exchange_send(&etcd->exchanges, exchange, (int)next, "POST", "/v3/auth/authenticate",
			 body, NULL);
	exchange->end_ns = end_ns;
	if (exchange->finished)
		etcd->login = LOGGED_OUT;
}

/* Lets the exchanges go on that have waited, or ends them all for the same reason. */
static void etcd_end_login(struct etcd *etcd, enum login login, enum sn_outcome outcome,
			   const char *why)
{
	etcd->login = login;
	for (struct sn_exchange *exchange = etcd->exchanges.first; exchange;
	     exchange = exchange->next) {
		if (!exchange->waiting || exchange->finished)
			continue;
		exchange->waiting = false;
		if (login == LOGGED_OUT)
			sn_exchange_finish(exchange, outcome, "%s", why);
		else
			etcd_send_step(etcd, exchange, (enum etcd_step)exchange->step);
	}
}

static void etcd_take_token(struct etcd *etcd, const struct sn_http_answer *answer,
			    const json_t *body)
{
	const char *const token = json_string_value(json_object_get(body, "token"));
	char why[400];

	if (token && strlen(token) < TOKEN_SIZE && !strpbrk(token, "\r\n")) {
		(void)snprintf(etcd->authorization, sizeof etcd->authorization, "Authorization: %s",
			       token);
		etcd_end_login(etcd, LOGGED_IN, SN_DONE, "");
		return;
	}
	(void)snprintf(why, sizeof why, "%s: the answer has no token", answer->server);
	etcd_end_login(etcd, LOGGED_OUT, SN_UNKNOWN, why);
}

/* ---- errors ---------------------------------------------------------------------------------- */

/* In the answer to a stream, the error is in a member of its own. */
static struct etcd_error etcd_read_error(const struct sn_http_answer *answer, const json_t *body)
{
	const json_t *const streamed = json_object_get(body, "error");
	const json_t *const from = json_is_object(streamed) ? streamed : body;
	const char *text = json_string_value(json_object_get(from, "message"));
	uint64_t code = etcd_number(from, "code");
	struct etcd_error error;

	if (!code)
		code = etcd_number(from, "grpc_code");
	if (!text)
		text = json_string_value(json_object_get(from, "error"));
	error.code = code < 100 ? (long)code : 0;
	if (text)
		(void)snprintf(error.text, sizeof error.text, "%s: %.300s", answer->server, text);
	else
		(void)snprintf(error.text, sizeof error.text, "%s: status %ld: %.200s",
			       answer->server, answer->status, answer->body);
	return error;
}

/* What another login may mend: a token that has ended, that a server does not know any more since
 * it was started again, or that is older than the last change of a user. */
static bool etcd_wants_login(const struct etcd_error *error)
{
	return error->code == UNAUTHENTICATED || strstr(error->text, "user name is empty") ||
	       strstr(error->text, "auth store is old");
}

/* An answer that no gateway of etcd would give is hopeless as well. */
static enum sn_outcome etcd_outcome(const struct sn_http_answer *answer,
				    const struct etcd_error *error)
{
	switch (error->code) {
	case INVALID_ARGUMENT:
	case PERMISSION_DENIED:
	case UNAUTHENTICATED:
	case UNIMPLEMENTED:
		return SN_DENIED;
	case RESOURCE_EXHAUSTED:
		return strstr(error->text, "space exceeded") ? SN_DENIED : SN_UNKNOWN;
	case 0:
		return answer->status >= 300 && answer->status < 500 && answer->status != 408 &&
				       answer->status != 429
			       ? SN_DENIED
			       : SN_UNKNOWN;
	default:
		return SN_UNKNOWN;
	}
}

/* What to do about it, where the words of the server do not say. */
static const char *etcd_remedy(const struct etcd *etcd, const struct etcd_error *error)
{
	if (!etcd->exchanges.settings.user && strstr(error->text, "user name is empty"))
		return etcd->exchanges.settings.cert_file
			       ? "; set user= and a password: its gateway does not take the "
				 "certificate of a client for a user"
			       : "; set user= and a password";
	if (strstr(error->text, "CommonName"))
		return "; its gateway does not take the certificate of a client for a user: use "
		       "one without a common name, and user= with a password";
	if (error->code == 0)
		return "; is this etcd, with its gateway enabled?";
	return "";
}

static void etcd_fail(struct etcd *etcd, struct sn_exchange *exchange,
		      const struct sn_http_answer *answer, const struct etcd_error *error)
{
	if (etcd->exchanges.settings.user && etcd_wants_login(error) && !exchange->repeated) {
		exchange->repeated = true; /* and never again, or this could go on for ever */
		if (etcd->login != LOGGING_IN)
			etcd->login = LOGGED_OUT;
		etcd_send_step(etcd, exchange, (enum etcd_step)exchange->step);
		return;
	}
	sn_exchange_finish(exchange, etcd_outcome(answer, error), "%s%s", error->text,
			   etcd_remedy(etcd, error));
}

/* An error that is an expected answer of its step. */
static bool etcd_is_expected(struct etcd *etcd, struct sn_exchange *exchange,
			     const struct etcd_error *error)
{
	switch ((enum etcd_step)exchange->step) {
	case ETCD_GRANT: /* the lease is there already */
		if (error->code != FAILED_PRECONDITION)
			return false;
		etcd_send_step(etcd, exchange, ETCD_ADOPT);
		return true;
	case ETCD_FREE: /* it was released, and the lease ends by itself */
		sn_exchange_finish(exchange, SN_DONE, "%s", "");
		return true;
	case ETCD_CLAIM:
	case ETCD_FOUND:
	case ETCD_FORGET:
		if (error->code != NOT_FOUND)
			return false;
		sn_exchange_finish(exchange, SN_REFUSED, "%s", error->text);
		return true;
	case ETCD_READ:
	case ETCD_ADOPT:
	case ETCD_RAISE:
	case ETCD_EXTEND:
	case ETCD_RELEASE:
	case ETCD_RESET:
		return false;
	}
	return false;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void etcd_send_step(struct etcd *etcd, struct sn_exchange *exchange, enum etcd_step step)
{
	static const char *const paths[] = {
		[ETCD_READ] = "/v3/kv/txn",
		[ETCD_GRANT] = "/v3/lease/grant",
		[ETCD_ADOPT] = "/v3/lease/keepalive",
		[ETCD_CLAIM] = "/v3/kv/txn",
		[ETCD_FOUND] = "/v3/kv/txn",
		[ETCD_RAISE] = "/v3/kv/txn",
		[ETCD_EXTEND] = "/v3/lease/keepalive",
		[ETCD_RELEASE] = "/v3/kv/txn",
		[ETCD_FREE] = "/v3/lease/revoke",
		[ETCD_FORGET] = "/v3/lease/revoke",
		[ETCD_RESET] = "/v3/kv/txn",
	};
	json_t *body = NULL;

	if (etcd->exchanges.settings.user && etcd->login < LOGGED_IN) {
		etcd_log_in(etcd, exchange, step);
		return;
	}
	switch (step) {
	case ETCD_READ:
		body = etcd_read_body(exchange);
		break;
	case ETCD_GRANT:
		body = etcd_grant_body(exchange);
		break;
	case ETCD_CLAIM:
	case ETCD_FOUND:
		body = etcd_claim_body(exchange, step == ETCD_FOUND);
		break;
	case ETCD_RAISE:
	case ETCD_RELEASE:
	case ETCD_RESET:
		body = etcd_write_body(exchange);
		break;
	case ETCD_ADOPT:
	case ETCD_EXTEND:
	case ETCD_FREE:
	case ETCD_FORGET:
		body = json_pack("{s:o}", "ID", etcd_decimal(etcd_lease_id(&exchange->request)));
		break;
	}
	if (body)
		sn_exchange_send(&etcd->exchanges, exchange, (int)step, "POST", paths[step], body,
				 etcd->login == LOGGED_IN ? etcd->authorization : NULL);
	else
		sn_exchange_finish(exchange, SN_UNKNOWN, "out of memory, or a number too large");
}

static bool etcd_take_ttl(struct sn_exchange *exchange, const json_t *answer)
{
	const uint64_t seconds = etcd_number(answer, "TTL");

	if (seconds == 0 || seconds > UINT64_MAX / 2000000000)
		return false;
	exchange->answer.ttl_ns = seconds * 1000000000;
	exchange->answer.expiry_ns = exchange->answer.ttl_ns + EXPIRY_EXTRA_NS;
	return true;
}

/* The lease is there: now the claim can refer to it. */
static void etcd_granted(struct etcd *etcd, struct sn_exchange *exchange, const json_t *answer)
{
	if (etcd_take_ttl(exchange, answer))
		etcd_send_step(etcd, exchange, ETCD_CLAIM);
	else
		sn_exchange_finish(exchange, SN_UNKNOWN, "etcd has ended the lease of the claim");
}

static void etcd_written(struct etcd *etcd, struct sn_exchange *exchange, const json_t *answer)
{
	exchange->answer.version = etcd_number(json_object_get(answer, "header"), "revision");
	if (exchange->step == ETCD_RAISE)
		etcd_send_step(etcd, exchange, ETCD_EXTEND);
	else if (exchange->step == ETCD_RELEASE)
		etcd_send_step(etcd, exchange, ETCD_FREE);
	else
		sn_exchange_finish(exchange, SN_DONE, "%s", "");
}

static void etcd_refused(struct etcd *etcd, struct sn_exchange *exchange, const json_t *answer)
{
	const bool told = exchange->step == ETCD_CLAIM && etcd_has_pairs(answer, 0);

	if (told && json_array_size(etcd_pairs(answer, 0)) == 0)
		etcd_send_step(etcd, exchange, ETCD_FOUND);
	else
		sn_exchange_finish(exchange, SN_REFUSED,
				   "the record, its lease or the namespace has changed");
}

/* What is false is missing, so that the header tells an answer from something else. */
static void etcd_decided(struct etcd *etcd, struct sn_exchange *exchange, const json_t *answer)
{
	if (etcd_number(json_object_get(answer, "header"), "revision") == 0)
		sn_exchange_finish(exchange, SN_UNKNOWN, "the answer has no revision");
	else if (json_is_true(json_object_get(answer, "succeeded")))
		etcd_written(etcd, exchange, answer);
	else
		etcd_refused(etcd, exchange, answer);
}

static void etcd_succeed(struct etcd *etcd, struct sn_exchange *exchange, const json_t *answer)
{
	switch ((enum etcd_step)exchange->step) {
	case ETCD_READ:
		etcd_read_records(exchange, answer);
		return;
	case ETCD_GRANT:
		etcd_granted(etcd, exchange, answer);
		return;
	case ETCD_ADOPT:
		etcd_granted(etcd, exchange, json_object_get(answer, "result"));
		return;
	case ETCD_CLAIM:
	case ETCD_FOUND:
	case ETCD_RAISE:
	case ETCD_RELEASE:
	case ETCD_RESET:
		etcd_decided(etcd, exchange, answer);
		return;
	case ETCD_EXTEND: /* the record is written, whatever became of the lease */
		if (etcd_take_ttl(exchange, json_object_get(answer, "result")))
			sn_exchange_finish(exchange, SN_DONE, "%s", "");
		else
			sn_exchange_finish(exchange, SN_UNKNOWN, "etcd has ended the lease");
		return;
	case ETCD_FREE:
		sn_exchange_finish(exchange, SN_DONE, "%s", "");
		return;
	case ETCD_FORGET:
		if (json_object_get(answer, "header"))
			sn_exchange_finish(exchange, SN_DONE, "%s", "");
		else
			sn_exchange_finish(exchange, SN_UNKNOWN, "the answer is not complete");
		return;
	}
}

static void etcd_begin(struct sn_exchanges *exchanges, struct sn_exchange *exchange)
{
	static const enum etcd_step first[] = {
		[SN_ASK_READ] = ETCD_READ,     [SN_ASK_CLAIM] = ETCD_GRANT,
		[SN_ASK_RAISE] = ETCD_RAISE,   [SN_ASK_RELEASE] = ETCD_RELEASE,
		[SN_ASK_FORGET] = ETCD_FORGET, [SN_ASK_RESET] = ETCD_RESET,
	};

	if (exchange->request.ttl_ns)
		exchange->answer.expiry_ns = exchange->request.ttl_ns + EXPIRY_EXTRA_NS;
	etcd_send_step(etcd_from_base(exchanges), exchange, first[exchange->request.ask]);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void etcd_fail_login(struct etcd *etcd, const struct sn_http_answer *answer,
			    const struct etcd_error *error)
{
	char why[700];

	(void)snprintf(why, sizeof why, "%s%s", error->text, etcd_remedy(etcd, error));
	etcd_end_login(etcd, LOGGED_OUT, etcd_outcome(answer, error), why);
}

static void etcd_login_answered(struct etcd *etcd, const struct sn_http_answer *answer,
				const json_t *body)
{
	if (answer->status == 200) {
		etcd_take_token(etcd, answer, body);
		return;
	}
	const struct etcd_error error = etcd_read_error(answer, body);
	if (error.code == FAILED_PRECONDITION) /* as etcd's own clients, go on without a token */
		etcd_end_login(etcd, LOGIN_NOT_NEEDED, SN_DONE, "");
	else
		etcd_fail_login(etcd, answer, &error);
}

static void etcd_no_answer(struct etcd *etcd, struct sn_exchange *exchange,
			   const struct sn_http_answer *answer)
{
	const enum sn_outcome outcome = answer->hopeless ? SN_DENIED : SN_UNKNOWN;

	if (exchange->waiting)
		etcd_end_login(etcd, LOGGED_OUT, outcome, answer->why);
	else if (exchange->step == ETCD_FREE)
		sn_exchange_finish(exchange, SN_DONE, "%s", "");
	else
		sn_exchange_finish(exchange, outcome, "%s", answer->why);
}

static void etcd_proceed(struct sn_exchanges *exchanges, struct sn_exchange *exchange,
			 const struct sn_http_answer *answer)
{
	struct etcd *const etcd = etcd_from_base(exchanges);

	if (answer->status == 0) {
		etcd_no_answer(etcd, exchange, answer);
		return;
	}
	json_t *const body = json_loadb(answer->body, answer->size, JSON_REJECT_DUPLICATES, NULL);
	if (exchange->waiting)
		etcd_login_answered(etcd, answer, body);
	else if (answer->status == 200 && json_is_object(body) && !json_object_get(body, "error"))
		etcd_succeed(etcd, exchange, body);
	else {
		const struct etcd_error error = etcd_read_error(answer, body);
		if (!etcd_is_expected(etcd, exchange, &error))
			etcd_fail(etcd, exchange, answer, &error);
	}
	json_decref(body);
}

static void etcd_close(struct sn_exchanges *exchanges)
{
	struct etcd *const etcd = etcd_from_base(exchanges);

	sn_erase(etcd->authorization, sizeof etcd->authorization);
	free(etcd);
}

/* Whether the settings are those that etcd has. */
static bool etcd_check_settings(const struct sn_coordinator_settings *settings, char *why,
				size_t size)
{
	char password[SN_SECRET_SIZE];
	bool given;

	if (settings->token_file) {
		(void)snprintf(why, size,
			       "etcd takes no token from a file: set user= and a "
			       "password");
		return false;
	}
	if (!settings->user && settings->password_file) {
		(void)snprintf(why, size, "password_file= needs user=");
		return false;
	}
	if (!settings->user)
		return true;
	if (!sn_secret_read(settings->password_file, "SNOWID_STORE_PASSWORD", password, why, size))
		return false;
	given = *password != '\0';
	sn_erase(password, sizeof password);
	if (!given)
		(void)snprintf(why, size,
			       "user= needs password_file= or the variable SNOWID_STORE_PASSWORD");
	return given;
}

static int etcd_open(const struct sn_coordinator_settings *settings,
		     struct sn_coordinator **coordinator, char *why, size_t size)
{
	static const struct sn_exchange_class class = {etcd_begin, etcd_proceed, etcd_close};

	if (!etcd_check_settings(settings, why, size))
		return SNOWID_E_INVALID;
	struct etcd *const etcd = calloc(1, sizeof *etcd);
	if (!etcd)
		return -ENOMEM;
	const int error = sn_exchanges_open(&etcd->exchanges, &class, settings, "2379", why, size);
	if (error)
		free(etcd);
	else
		*coordinator = &etcd->exchanges.coordinator;
	return error;
}

__attribute__((visibility("default")))
const struct sn_module sn_coordinator_module = {SN_MODULE_VERSION, "etcd:", etcd_open};
