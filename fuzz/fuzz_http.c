/* SPDX-License-Identifier: MIT
 *
 * The daemon's request path, from bytes to bytes: HTTP, routes, parameters, IDs, parts of IDs.
 *
 * The first byte is the size of the pieces in which the rest arrives; 0: all at once.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/daemon.h"
#include "fuzz/fuzz.h"
#include "snowidd/http/http.h"
#include "snowidd/http/rest.h"

static struct fuzz_daemon fuzzed;
static struct http_handler rest;
static struct protocol http;

static void set_up_server(void)
{
	static char store[] = "--store=memory:", worker_id[] = "--worker-id=1",
		    count[] = "--limits-count=100",
		    kinds[] = "--kinds=snowflake ulid uuid7 uuid1 sonyflake";
	static char *options[] = {store, worker_id, count, kinds, NULL};

	fuzz_daemon_start(&fuzzed, options);
	rest = rest_handler(fuzzed.service, REST_ALL);
	http = http_protocol(&rest);
}

/* What is sent begins with a status line. */
static void check_output(void)
{
	static const char status[] = "HTTP/1.1 ";

	if (fuzzed.loop.output.failed ||
	    (fuzzed.loop.output.length > 0 &&
	     (fuzzed.loop.output.length < sizeof status ||
	      memcmp(fuzzed.loop.output.data, status, sizeof status - 1) != 0)))
		abort();
	buffer_clear(&fuzzed.loop.output);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!fuzzed.service)
		set_up_server();
	if (size == 0)
		return 0;
	struct connection *const connection = fake_connection_new(&fuzzed.loop, &http);
	const size_t piece = data[0] ? data[0] : size;
	for (size_t at = 1; at < size && !connection->finishing; at += piece) {
		fuzz_daemon_feed(connection, data + at, piece < size - at ? piece : size - at);
		check_output();
	}
	fake_connection_free(connection);
	return 0;
}

void fuzz_end(void)
{
	fuzz_daemon_free(&fuzzed);
}
