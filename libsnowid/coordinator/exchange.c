/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/exchange.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnowid/base/printable.h"
#include "libsnowid/coordinator/base64.h"
#include "libsnowid/coordinator/record_json.h"

/* ---- one exchange ---------------------------------------------------------------------------- */

static void exchange_free(struct sn_exchange *exchange)
{
	if (!exchange)
		return;
	for (uint64_t i = 0; exchange->kinds && i < exchange->request.count; i++)
		free(exchange->kinds[i]);
	free(exchange->kinds);
	free(exchange->records);
	free(exchange->kind);
	free(exchange);
}

static struct sn_exchange *exchange_new(const struct sn_request *request)
{
	struct sn_exchange *const exchange = calloc(1, sizeof *exchange);

	if (!exchange)
		return NULL;
	exchange->request = *request;
	if (request->record.kind) {
		exchange->kind = strdup(request->record.kind);
		exchange->request.record.kind = exchange->kind;
		if (!exchange->kind) {
			free(exchange);
			return NULL;
		}
	}
	/* It ends a little before its sender gives it up, who then knows why. */
	exchange->end_ns = sn_http_now() + request->timeout_ns - request->timeout_ns / 8;
	exchange->answer.serial = request->serial;
	exchange->answer.why = exchange->why;
	return exchange;
}

/* What a server says need not be text. */
static void exchange_clean_why(struct sn_exchange *exchange)
{
	json_t *const text = json_string(exchange->why);

	for (unsigned char *at = (unsigned char *)exchange->why; !text && *at; at++)
		if (*at >= 0x80) /* it is no UTF-8 */
			*at = '?';
	json_decref(text);
	sn_make_printable(exchange->why);
}

void sn_exchange_finish(struct sn_exchange *exchange, enum sn_outcome outcome, const char *format,
			...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(exchange->why, sizeof exchange->why, format, arguments);
	va_end(arguments);
	exchange_clean_why(exchange);
	exchange->answer.outcome = outcome;
	if (outcome == SN_DONE && exchange->request.ask == SN_ASK_READ) {
		exchange->answer.records = exchange->records;
		exchange->answer.count = exchange->request.count;
	} else
		memset(exchange->answer.namespace_id, 0, sizeof exchange->answer.namespace_id);
	exchange->finished = true;
}

void sn_exchange_deny(struct sn_exchange *exchange)
{
	exchange_clean_why(exchange);
	exchange->answer.outcome = SN_DENIED;
	exchange->finished = true;
}

void sn_exchange_send(struct sn_exchanges *exchanges, struct sn_exchange *exchange, int step,
		      const char *method, const char *path, json_t *body, const char *header)
{
	const uint64_t now = sn_http_now();
	char *const text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	const struct sn_http_request request = {
		.method = method,
		.path = path,
		.body = text,
		.header = header,
		.timeout_ns = now < exchange->end_ns ? exchange->end_ns - now : 0,
	};

	json_decref(body);
	exchange->step = step;
	if ((body && !text) || !sn_http_send(exchanges->http, &request, exchange))
		sn_exchange_finish(exchange, SN_UNKNOWN, "out of memory");
	free(text);
}

/* ---- records --------------------------------------------------------------------------------- */

bool sn_exchange_make_records(struct sn_exchange *exchange)
{
	const size_t count = (size_t)exchange->request.count;

	exchange->records = calloc(count, sizeof *exchange->records);
	exchange->kinds = calloc(count, sizeof *exchange->kinds);
	if (!exchange->records || !exchange->kinds) {
		sn_exchange_finish(exchange, SN_UNKNOWN, "out of memory");
		return false;
	}
	return true;
}

bool sn_exchange_read_record(struct sn_exchange *exchange, uint64_t index, const char *key,
			     const char *text, size_t length)
{
	char **const kind = &exchange->kinds[index];

	free(*kind); /* a server could name a key twice */
	*kind = NULL;
	exchange->records[index] = (struct sn_record){.exists = true};
	return sn_record_read(key, text, length, &exchange->records[index], kind, exchange->why,
			      sizeof exchange->why);
}

void sn_exchange_key(const struct sn_exchange *exchange, const char *folder, char key[SN_KEY_SIZE])
{
	(void)snprintf(key, SN_KEY_SIZE, "%s/%s/worker%" PRIu64, exchange->request.path, folder,
		       exchange->request.worker);
}

bool sn_exchange_index(const struct sn_exchange *exchange, const char *folder, const char *key,
		       uint64_t *index)
{
	const struct sn_request *const request = &exchange->request;
	char prefix[SN_KEY_SIZE], number[24];

	const int length = snprintf(prefix, sizeof prefix, "%s/%s/worker", request->path, folder);
	if (strncmp(key, prefix, (size_t)length) != 0)
		return false;
	const uint64_t worker = strtoull(key + length, NULL, 10);
	(void)snprintf(number, sizeof number, "%" PRIu64, worker);
	if (strcmp(number, key + length) != 0 || worker < request->worker)
		return false;
	*index = worker - request->worker;
	return *index < request->count;
}

char *sn_json_decode(const json_t *text, size_t *length)
{
	return json_is_string(text) ? sn_base64_decode(json_string_value(text), length) : NULL;
}

json_t *sn_json_encode(const char *text)
{
	char *const encoded = text ? sn_base64_encode(text, strlen(text)) : NULL;
	json_t *const value = encoded ? json_string(encoded) : NULL;

	free(encoded);
	return value;
}

/* ---- the coordinator ------------------------------------------------------------------------- */

static struct sn_exchanges *exchanges_from_base(struct sn_coordinator *coordinator)
{
	return (struct sn_exchanges *)(void *)coordinator;
}

/* Without memory there is no answer, and the sender finds that none came in time. */
static void exchanges_send(struct sn_coordinator *coordinator, const struct sn_request *request)
{
	struct sn_exchanges *const exchanges = exchanges_from_base(coordinator);
	struct sn_exchange *const exchange = exchange_new(request);
	struct sn_exchange **link = &exchanges->first;

	if (!exchange)
		return;
	while (*link)
		link = &(*link)->next;
	*link = exchange;
	/* The longest key, with room for its escapes in a URL. */
	if (strlen(request->path) > SN_KEY_SIZE / 2 || strlen(request->root) > SN_KEY_SIZE / 2)
		sn_exchange_finish(exchange, SN_DENIED, "the path of the URL is too long");
	else
		exchanges->class->begin(exchanges, exchange);
}

/* Proceeds with whatever has arrived. */
static void exchanges_proceed(struct sn_exchanges *exchanges)
{
	struct sn_http_answer answer;
	void *user;

	while (sn_http_receive(exchanges->http, &user, &answer)) {
		struct sn_exchange *const exchange = user;
		if (answer.unix_ms)
			exchange->answer.unix_ms = answer.unix_ms;
		exchanges->class->proceed(exchanges, exchange, &answer);
	}
}

static struct sn_exchange **exchanges_find_finished(struct sn_exchanges *exchanges)
{
	struct sn_exchange **link = &exchanges->first;

	while (*link && !(*link)->finished)
		link = &(*link)->next;
	return link;
}

static bool exchanges_receive(struct sn_coordinator *coordinator, struct sn_answer *answer)
{
	struct sn_exchanges *const exchanges = exchanges_from_base(coordinator);

	exchange_free(exchanges->answered);
	exchanges->answered = NULL;
	exchanges_proceed(exchanges);
	struct sn_exchange **const link = exchanges_find_finished(exchanges);
	if (!*link)
		return false;
	exchanges->answered = *link;
	*link = (*link)->next;
	*answer = exchanges->answered->answer;
	return true;
}

static void exchanges_wait(struct sn_coordinator *coordinator, uint64_t ns)
{
	struct sn_exchanges *const exchanges = exchanges_from_base(coordinator);
	const uint64_t from = sn_http_now();
	uint64_t passed = 0;

	exchanges_proceed(exchanges);
	while (!*exchanges_find_finished(exchanges) && passed < ns &&
	       !atomic_exchange(&exchanges->woken, false)) {
		sn_http_wait(exchanges->http, ns - passed);
		exchanges_proceed(exchanges);
		passed = sn_http_now() - from;
	}
}

static void exchanges_wake(struct sn_coordinator *coordinator)
{
	struct sn_exchanges *const exchanges = exchanges_from_base(coordinator);

	atomic_store(&exchanges->woken, true);
	sn_http_wake(exchanges->http);
}

static void exchanges_close(struct sn_coordinator *coordinator, bool inherited)
{
	struct sn_exchanges *const exchanges = exchanges_from_base(coordinator);

	sn_http_close(exchanges->http, inherited);
	exchange_free(exchanges->answered);
	while (exchanges->first) {
		struct sn_exchange *const exchange = exchanges->first;
		exchanges->first = exchange->next;
		exchange_free(exchange);
	}
	exchanges->class->close(exchanges);
}

int sn_exchanges_open(struct sn_exchanges *exchanges, const struct sn_exchange_class *class,
		      const struct sn_coordinator_settings *settings, const char *default_port,
		      char *why, size_t size)
{
	static const struct sn_coordinator_class coordinator = {
		.send = exchanges_send,
		.receive = exchanges_receive,
		.wait = exchanges_wait,
		.wake = exchanges_wake,
		.close = exchanges_close,
	};

	exchanges->coordinator.class = &coordinator;
	exchanges->class = class;
	exchanges->settings = *settings;
	return sn_http_open(settings, default_port, &exchanges->http, why, size);
}
