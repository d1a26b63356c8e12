/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/etcd_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnowid/coordinator/record_json.h"

/* ---- JSON ------------------------------------------------------------------------------------ */

/* 0 if it is missing. */
uint64_t sn_etcd_number(const json_t *object, const char *name)
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

/* Adds a member to what is inside of an operation. An operation that lacks one would do something
 * else: without memory there is none. */
static json_t *etcd_with(json_t *operation, const char *name, const char *member, json_t *value)
{
	if (json_object_set_new(json_object_get(operation, name), member, value) == 0)
		return operation;
	json_decref(operation);
	return NULL;
}

/* The text is freed. */
static json_t *etcd_put(const char *key, char *text, uint64_t lease)
{
	json_t *const put = json_pack("{s:{s:o, s:o}}", "request_put", "key", sn_json_encode(key),
				      "value", sn_json_encode(text));

	free(text);
	return lease ? etcd_with(put, "request_put", "lease", etcd_decimal(lease)) : put;
}

static json_t *etcd_range(const char *key, const char *end)
{
	json_t *const range = json_pack("{s:{s:o}}", "request_range", "key", sn_json_encode(key));

	return end ? etcd_with(range, "request_range", "range_end", sn_json_encode(end)) : range;
}

/* One more operation of a transaction. */
static json_t *etcd_and(json_t *body, json_t *operation)
{
	if (json_array_append_new(json_object_get(body, "success"), operation) == 0)
		return body;
	json_decref(body);
	return NULL;
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

json_t *sn_etcd_read_body(const struct sn_exchange *exchange)
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
	       sn_etcd_number(range, "count") == json_array_size(pairs);
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
			take(exchange, key, text, length, sn_etcd_number(pair, "mod_revision"));
		if (!key || !text)
			(void)snprintf(exchange->why, sizeof exchange->why,
				       "a pair of the answer is not in base64");
		free(key);
		free(text);
	}
	return taken;
}

void sn_etcd_read_records(struct sn_exchange *exchange, const json_t *answer)
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

json_t *sn_etcd_claim_body(const struct sn_exchange *exchange, bool found)
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
	return found ? etcd_and(body, etcd_put(namespace, strdup(number), 0)) : body;
}

json_t *sn_etcd_write_body(const struct sn_exchange *exchange)
{
	const enum sn_ask ask = exchange->request.ask;
	char worker[SN_KEY_SIZE];

	json_t *const body = json_pack(
		"{s:[o, o], s:[o]}", "compare", etcd_compare_lease(exchange, ask != SN_ASK_RESET),
		etcd_compare_version(exchange), "success", etcd_put_state(exchange));
	sn_exchange_key(exchange, "workers", worker);
	return ask == SN_ASK_RELEASE ? etcd_and(body, json_pack("{s:{s:o}}", "request_delete_range",
								"key", sn_json_encode(worker)))
				     : body;
}

json_t *sn_etcd_grant_body(const struct sn_exchange *exchange)
{
	const uint64_t ns = exchange->request.ttl_ns;
	const uint64_t seconds = ns / 1000000000 + (ns % 1000000000 != 0);

	return json_pack("{s:o, s:o}", "TTL", etcd_decimal(seconds), "ID",
			 etcd_decimal(etcd_lease_id(&exchange->request)));
}

json_t *sn_etcd_lease_body(const struct sn_exchange *exchange)
{
	return json_pack("{s:o}", "ID", etcd_decimal(etcd_lease_id(&exchange->request)));
}

bool sn_etcd_has_no_namespace(const json_t *answer)
{
	return etcd_has_pairs(answer, 0) && json_array_size(etcd_pairs(answer, 0)) == 0;
}
