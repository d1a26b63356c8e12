/* SPDX-License-Identifier: MIT
 *
 * The daemon's request path, from bytes to bytes: HTTP, routes, parameters, IDs, parts of IDs.
 *
 * The first byte says in how large pieces the rest arrives.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "snowidd/config/sources.h"
#include "snowidd/http/http.h"
#include "snowidd/http/rest.h"

static struct server server;
static struct worker worker;
static struct protocol protocol;

static void set_up(void)
{
	static const http_serve_fn serve = rest_serve;
	static char store[] = "--store=memory:", worker_id[] = "--worker-id=1",
		    count[] = "--limits-count=100",
		    kinds[] = "--kinds=snowflake ulid uuid7 uuid1 sonyflake";
	static char *options[] = {store, worker_id, count, kinds, NULL};
	struct settings_error error;
	struct settings *const settings = settings_load(options, "/dev/null", &error);

	if (!settings)
		abort();
	worker.live = live_new(settings, &error);
	server.service = service_new(settings, &error);
	server.watch = clockwatch_new(settings->clock_warn, settings->clock_refuse);
	server.rate = rate_new();
	if (!worker.live || !server.service || !server.watch || !server.rate)
		abort();
	worker.server = &server;
	worker.counters = service_counters(server.service, 0);
	protocol = http_protocol(&serve);
}

/* Each answer begins as one does. */
static void check_output(void)
{
	static const char status[] = "HTTP/1.1 ";

	if (worker.output.failed || (worker.output.length > 0 &&
				     (worker.output.length < sizeof status ||
				      memcmp(worker.output.data, status, sizeof status - 1) != 0)))
		abort();
	worker.output.length = 0;
}

/* As a connection does it. */
static void feed(struct connection *c, const char *bytes, size_t length)
{
	size_t done = 0;

	while (done < length && !c->finishing) {
		if (protocol.blocked(c)) {
			protocol.resume(c);
		} else {
			c->share = 3;
			const size_t taken = protocol.input(c, bytes + done, length - done);
			if (taken > length - done)
				abort();
			done += taken;
		}
		check_output();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!server.service)
		set_up();
	if (size == 0)
		return 0;
	struct connection *const c = calloc(1, protocol.size);
	if (!c)
		return 0;
	c->worker = &worker;
	c->protocol = &protocol;
	protocol.open(c);
	const size_t piece = data[0] ? data[0] : size;
	for (size_t at = 1; at < size && !c->finishing; at += piece) {
		/* A copy of its own: whoever reads past it is found out. */
		const size_t length = piece < size - at ? piece : size - at;
		char *const bytes = malloc(length);
		if (bytes) {
			memcpy(bytes, data + at, length);
			feed(c, bytes, length);
		}
		free(bytes);
	}
	while (protocol.blocked(c)) {
		protocol.resume(c);
		check_output();
	}
	protocol.close(c);
	free(c);
	return 0;
}

void fuzz_end(void)
{
	http_forget_requests(&worker);
	buffer_free(&worker.output);
	buffer_free(&worker.body);
	service_free(server.service);
	live_unref(worker.live);
	clockwatch_free(server.watch);
	rate_free(server.rate);
}
