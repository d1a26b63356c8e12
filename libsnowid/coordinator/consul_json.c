/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/consul_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnowid/coordinator/record_json.h"

/* ---- operations of a transaction ------------------------------------------------------------- */

/* Keys begin with no slash. NULL: without a value, a session or an index. */
static json_t *consul_operation(const char *verb, const char *key, const char *text,
				const char *session, const uint64_t *index)
{
	json_t *const value = text ? sn_json_encode(text) : NULL;

	if (text && !value)
		return NULL;
	return json_pack("{s:{s:s, s:s, s:o*, s:s*, s:o*}}", "KV", "Verb", verb, "Key",
			 key + strspn(key, "/"), "Value", value, "Session", session, "Index",
			 index ? json_integer((json_int_t)*index) : NULL);
}

static json_t *consul_write_record(const struct sn_exchange *exchange, const char *verb,
				   const char *session, const uint64_t *index)
{
	char key[SN_KEY_SIZE];
	char *const text = sn_record_write(&exchange->request.record);

	sn_exchange_key(exchange, "workers", key);
	json_t *const operation = text ? consul_operation(verb, key, text, session, index) : NULL;
	free(text);
	return operation;
}

static json_t *consul_check_index(const struct sn_exchange *exchange)
{
	char key[SN_KEY_SIZE];

	sn_exchange_key(exchange, "workers", key);
	return consul_operation("check-index", key, NULL, NULL, &exchange->request.record.version);
}

static json_t *consul_check_session(const struct sn_exchange *exchange)
{
	char key[SN_KEY_SIZE];

	sn_exchange_key(exchange, "workers", key);
	return consul_operation("check-session", key, NULL, exchange->session, NULL);
}

/* Index 0: it must not exist. */
static json_t *consul_set_record(const struct sn_exchange *exchange)
{
	static const uint64_t absent = 0;
	const struct sn_record *const record = &exchange->request.record;

	return consul_write_record(exchange, "cas", NULL,
				   record->exists ? &record->version : &absent);
}

json_t *sn_consul_read_body(const struct sn_exchange *exchange)
{
	const struct sn_request *const request = &exchange->request;
	char namespace[SN_KEY_SIZE], workers[SN_KEY_SIZE];

	(void)snprintf(namespace, sizeof namespace, "%s/namespace", request->root);
	if (request->count == 1)
		sn_exchange_key(exchange, "workers", workers);
	else
		(void)snprintf(workers, sizeof workers, "%s/workers/worker", request->path);
	return json_pack("[o, o]", consul_operation("get-tree", namespace, NULL, NULL, NULL),
			 consul_operation("get-tree", workers, NULL, NULL, NULL));
}

/* exchange->found is the index of the namespace, which sn_consul_read_records() has compared. */
json_t *sn_consul_claim_body(const struct sn_exchange *exchange)
{
	char namespace[SN_KEY_SIZE], number[SN_UUID_TEXT_SIZE];

	sn_namespace_write(exchange->request.namespace_id, number);
	(void)snprintf(namespace, sizeof namespace, "%s/namespace", exchange->request.root);
	return json_pack(
		"[o, o, o]",
		exchange->found
			? consul_operation("check-index", namespace, NULL, NULL, &exchange->found)
			: consul_operation("cas", namespace, number, NULL, &exchange->found),
		exchange->request.record.exists ? consul_check_index(exchange)
						: consul_set_record(exchange),
		consul_write_record(exchange, "lock", exchange->session, NULL));
}

json_t *sn_consul_raise_body(const struct sn_exchange *exchange)
{
	return json_pack("[o, o]", consul_check_session(exchange), consul_set_record(exchange));
}

json_t *sn_consul_release_body(const struct sn_exchange *exchange)
{
	return json_pack("[o, o]", consul_check_index(exchange),
			 consul_write_record(exchange, "unlock", exchange->session, NULL));
}

json_t *sn_consul_reset_body(const struct sn_exchange *exchange)
{
	return json_pack("[o]", consul_set_record(exchange));
}

json_t *sn_consul_create_body(const struct sn_exchange *exchange)
{
	return json_pack("{s:s, s:o, s:s, s:s, s:[]}", "Name", "snowid", "TTL",
			 json_sprintf("%" PRIu64 "ms", exchange->request.ttl_ns / 1000000),
			 "Behavior", "release", "LockDelay", "0s", "NodeChecks");
}

/* ---- reading --------------------------------------------------------------------------------- */

bool sn_consul_take_session(struct sn_exchange *exchange, const json_t *value)
{
	const char *const id = json_string_value(value);

	if (!id || strlen(id) != SN_CONSUL_SESSION ||
	    strspn(id, "0123456789abcdef-") != SN_CONSUL_SESSION)
		return false;
	memcpy(exchange->session, id, SN_CONSUL_SESSION + 1);
	return true;
}

static bool consul_take_record(struct sn_exchange *exchange, const char *key, const json_t *pair,
			       const char *text, size_t length)
{
	const json_t *const session = json_object_get(pair, "Session");
	uint64_t i;

	if (!sn_exchange_index(exchange, "workers", key, &i))
		return true;
	struct sn_record *const record = &exchange->records[i];
	if (!sn_exchange_read_record(exchange, i, key, text, length))
		return false;
	record->version = (uint64_t)json_integer_value(json_object_get(pair, "ModifyIndex"));
	record->held = json_string_length(session) > 0;
	if (record->held)
		memcpy(record->held_by, record->incarnation, sizeof record->held_by);
	if (i == 0 && record->held)
		sn_consul_take_session(exchange, session);
	return true;
}

static bool consul_take_pair(struct sn_exchange *exchange, const char *key, const json_t *pair,
			     const char *text, size_t length)
{
	char namespace[SN_KEY_SIZE];

	(void)snprintf(namespace, sizeof namespace, "%s/namespace", exchange->request.root);
	if (strcmp(key, namespace) != 0)
		return consul_take_record(exchange, key, pair, text, length);
	exchange->found = (uint64_t)json_integer_value(json_object_get(pair, "ModifyIndex"));
	return sn_namespace_read(key, text, length, exchange->answer.namespace_id, exchange->why,
				 sizeof exchange->why);
}

/* In answers keys have no slash in front. False: `why` says which pair could not be read. */
static bool consul_take_result(struct sn_exchange *exchange, const json_t *pair)
{
	const char *const name = json_string_value(json_object_get(pair, "Key"));
	const json_t *const value = json_object_get(pair, "Value");
	char key[SN_KEY_SIZE];
	size_t length = 0;

	(void)snprintf(exchange->why, sizeof exchange->why, "a pair of the answer has no key");
	if (!name || strlen(name) > sizeof key - 2)
		return name != NULL; /* so long a key is none of these */
	char *const text =
		value && !json_is_null(value) ? sn_json_decode(value, &length) : strdup("");
	(void)snprintf(key, sizeof key, "/%s", name);
	if (!text)
		(void)snprintf(exchange->why, sizeof exchange->why, "the value of %s is not base64",
			       key);
	const bool taken = text && consul_take_pair(exchange, key, pair, text, length);
	free(text);
	return taken;
}

bool sn_consul_read_records(struct sn_exchange *exchange, const json_t *answer)
{
	const json_t *const results = json_object_get(answer, "Results");

	if (!json_is_array(results)) {
		sn_exchange_finish(exchange, SN_UNKNOWN, "the answer is not complete");
		return false;
	}
	if (!sn_exchange_make_records(exchange))
		return false;
	for (size_t i = 0; i < json_array_size(results); i++)
		if (!consul_take_result(exchange,
					json_object_get(json_array_get(results, i), "KV"))) {
			sn_exchange_deny(exchange);
			return false;
		}
	return true;
}
