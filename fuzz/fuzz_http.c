/* SPDX-License-Identifier: MIT
 *
 * The daemon's request path, from bytes to bytes: HTTP, routes, parameters, IDs, parts of IDs.
 *
 * The first byte is the size of the pieces in which the rest arrives; 0: all at once.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "snowidd/config/sources.h"
#include "snowidd/http/http.h"
#include "snowidd/http/rest.h"
#include "tests/unit/snowidd/fake_loop.h"

static struct service *service;
static struct http_handler rest;
static struct protocol http;
static struct loop_group group;
static struct loop loop;

static void set_up_server(void)
{
	static char store[] = "--store=memory:", worker_id[] = "--worker-id=1",
		    count[] = "--limits-count=100",
		    kinds[] = "--kinds=snowflake ulid uuid7 uuid1 sonyflake";
	static char *options[] = {store, worker_id, count, kinds, NULL};
	struct settings_error error;
	struct settings *const settings = settings_load(options, "/dev/null", &error);

	if (!settings)
		abort();
	struct live *const live = live_new(settings, &error);
	service = service_new(settings, &error);
	group.limiter = rate_limiter_new();
	if (!live || !service || !group.limiter)
		abort();
	rest = rest_handler(service);
	http = http_protocol(&rest);
	fake_loop_init(&loop, &group, live, service_counters(service, 0));
}

/* What is sent begins with a status line. */
static void check_output(void)
{
	static const char status[] = "HTTP/1.1 ";

	if (loop.output.failed ||
	    (loop.output.length > 0 && (loop.output.length < sizeof status ||
					memcmp(loop.output.data, status, sizeof status - 1) != 0)))
		abort();
	buffer_clear(&loop.output);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!service)
		set_up_server();
	if (size == 0)
		return 0;
	struct connection *const connection = fake_connection_new(&loop, &http);
	const size_t piece = data[0] ? data[0] : size;
	for (size_t at = 1; at < size && !connection->finishing; at += piece) {
		/* A copy of its own, so that reading past it is noticed. */
		const size_t length = piece < size - at ? piece : size - at;
		char *const bytes = malloc(length);
		if (bytes) {
			memcpy(bytes, data + at, length);
			fake_connection_feed(connection, bytes, length, 3);
			check_output();
		}
		free(bytes);
	}
	fake_connection_free(connection);
	return 0;
}

void fuzz_end(void)
{
	fake_loop_free(&loop);
	service_free(service);
	live_unref(loop.live);
	rate_limiter_free(group.limiter);
}
