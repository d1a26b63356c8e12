/* SPDX-License-Identifier: MIT
 *
 * What services answer to a module: linked with that for etcd or for Consul, and with no HTTP. The
 * first byte of the input says what is asked. Then each line is an answer: its first byte stands
 * for the status, and the rest is the body. When there are no more, none arrives.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "libsnowid/coordinator/http.h"

static const uint8_t *input, *input_end;
static void *asking; /* that of the request that has no answer yet */
static char body[4096];
static struct sn_coordinator *coordinators[2]; /* without a user, and with one */

/* ---- in place of http.c ---------------------------------------------------------------------- */

uint64_t sn_http_now(void)
{
	return 0;
}

int sn_http_open(const struct sn_coordinator_settings *settings, const char *default_port,
		 struct sn_http **http, char *why, size_t size)
{
	(void)settings;
	(void)default_port;
	(void)http;
	(void)why;
	(void)size;
	return 0;
}

/* An exchange has one request at a time. */
bool sn_http_send(struct sn_http *http, const struct sn_http_request *request, void *user)
{
	(void)http;
	if (asking || !request->path || request->path[0] != '/')
		abort();
	asking = user;
	return true;
}

static long status_of(uint8_t byte)
{
	static const long statuses[] = {0, 200, 400, 401, 403, 404, 409, 412, 429, 500, 503};
	return statuses[byte % (sizeof statuses / sizeof *statuses)];
}

bool sn_http_receive(struct sn_http *http, void **user, struct sn_http_answer *answer)
{
	(void)http;
	if (!asking)
		return false;
	*user = asking;
	asking = NULL;
	*answer = (struct sn_http_answer){.body = body, .server = "server:1", .why = "no answer"};
	body[0] = '\0';
	if (input == input_end)
		return true;
	answer->status = status_of(*input++);
	const uint8_t *const end = memchr(input, '\n', (size_t)(input_end - input));
	answer->size = (size_t)((end ? end : input_end) - input);
	if (answer->size >= sizeof body)
		answer->size = sizeof body - 1;
	memcpy(body, input, answer->size);
	body[answer->size] = '\0';
	input = end ? end + 1 : input_end;
	return true;
}

void sn_http_wait(struct sn_http *http, uint64_t ns)
{
	(void)http;
	(void)ns;
}

void sn_http_wake(struct sn_http *http)
{
	(void)http;
}

void sn_http_close(struct sn_http *http, bool inherited)
{
	(void)http;
	(void)inherited;
}

/* ---- the target ------------------------------------------------------------------------------ */

static void open_coordinators(void)
{
	struct sn_coordinator_settings settings = {.servers = "server:1"};
	char why[256];

	setenv("SNOWID_STORE_PASSWORD", "word", 1);
	if (sn_coordinator_module.open(&settings, &coordinators[0], why, sizeof why) != 0)
		abort();
	settings.user = "me"; /* which Consul does not have */
	(void)sn_coordinator_module.open(&settings, &coordinators[1], why, sizeof why);
}

static void check_answer(const struct sn_request *request, const struct sn_answer *answer)
{
	const bool read = request->ask == SN_ASK_READ && answer->outcome == SN_DONE;

	if (answer->serial != request->serial || answer->outcome > SN_DENIED)
		abort();
	if (answer->count != (read ? request->count : 0) || !answer->records == read)
		abort();
	for (uint64_t i = 0; i < answer->count; i++)
		if (answer->records[i].exists &&
		    (!answer->records[i].kind || answer->records[i].limit > INT64_MAX))
			abort();
	for (const char *at = answer->why; *at; at++)
		if (*at > 0 && *at < ' ')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint64_t serial;
	struct sn_answer answer;

	if (!coordinators[0])
		open_coordinators();
	if (size == 0)
		return 0;
	struct sn_coordinator *const coordinator =
		coordinators[coordinators[1] && data[0] & 8 ? 1 : 0];
	const struct sn_request request = {
		.serial = ++serial,
		.ask = (enum sn_ask)(data[0] % 8 % 6),
		.root = "/r",
		.path = "/r",
		.worker = 1,
		.count = data[0] & 16 ? 1 : 3,
		.ttl_ns = 1000000000,
		.namespace_id = {1, 2},
		.record = {.exists = true, .version = 7, .incarnation = {0, 1}, .kind = "k"},
	};
	input = data + 1;
	input_end = data + size;
	coordinator->class->send(coordinator, &request);
	if (!coordinator->class->receive(coordinator, &answer))
		abort();
	check_answer(&request, &answer);
	if (asking)
		abort();
	return 0;
}

void fuzz_end(void)
{
	for (size_t i = 0; i < 2; i++)
		if (coordinators[i])
			coordinators[i]->class->close(coordinators[i], false);
}
