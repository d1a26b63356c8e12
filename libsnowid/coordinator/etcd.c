/* SPDX-License-Identifier: MIT
 *
 * etcd 3.4 and newer, through the JSON gateway that is on the port of its clients. ROOT/namespace
 * and PATH/state/workerN are permanent; PATH/workers/workerN lives as long as the lease of its
 * owner. The ID of that lease follows from the incarnation, so that a request that arrives twice
 * makes one lease, and any process can end it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnowid/base/erase.h"
#include "libsnowid/coordinator/etcd_json.h"
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
	uint64_t code = sn_etcd_number(from, "code");
	struct etcd_error error;

	if (!code)
		code = sn_etcd_number(from, "grpc_code");
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
		return "; use a certificate without one, and user= with a password";
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
		body = sn_etcd_read_body(exchange);
		break;
	case ETCD_GRANT:
		body = sn_etcd_grant_body(exchange);
		break;
	case ETCD_CLAIM:
	case ETCD_FOUND:
		body = sn_etcd_claim_body(exchange, step == ETCD_FOUND);
		break;
	case ETCD_RAISE:
	case ETCD_RELEASE:
	case ETCD_RESET:
		body = sn_etcd_write_body(exchange);
		break;
	case ETCD_ADOPT:
	case ETCD_EXTEND:
	case ETCD_FREE:
	case ETCD_FORGET:
		body = sn_etcd_lease_body(exchange);
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
	const uint64_t seconds = sn_etcd_number(answer, "TTL");

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
	exchange->answer.version = sn_etcd_number(json_object_get(answer, "header"), "revision");
	if (exchange->step == ETCD_RAISE)
		etcd_send_step(etcd, exchange, ETCD_EXTEND);
	else if (exchange->step == ETCD_RELEASE)
		etcd_send_step(etcd, exchange, ETCD_FREE);
	else
		sn_exchange_finish(exchange, SN_DONE, "%s", "");
}

static void etcd_refused(struct etcd *etcd, struct sn_exchange *exchange, const json_t *answer)
{
	if (exchange->step == ETCD_CLAIM && sn_etcd_has_no_namespace(answer))
		etcd_send_step(etcd, exchange, ETCD_FOUND);
	else
		sn_exchange_finish(exchange, SN_REFUSED,
				   "the record, its lease or the namespace has changed");
}

/* What is false is missing, so that the header tells an answer from something else. */
static void etcd_decided(struct etcd *etcd, struct sn_exchange *exchange, const json_t *answer)
{
	if (sn_etcd_number(json_object_get(answer, "header"), "revision") == 0)
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
		sn_etcd_read_records(exchange, answer);
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
