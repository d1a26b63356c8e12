/* SPDX-License-Identifier: MIT
 *
 * The daemon behind a protocol that is fuzzed.
 */
#include "fuzz/daemon.h"

#include <stdlib.h>
#include <string.h>

#include "snowidd/config/sources.h"

void fuzz_daemon_start(struct fuzz_daemon *daemon, char **options)
{
	struct settings_error error;
	struct settings *const settings = settings_load(options, "/dev/null", &error);

	if (!settings)
		abort();
	struct live *const live = live_new(settings, &error);
	daemon->service = service_new(settings, NULL, &error);
	daemon->group.limiter = rate_limiter_new();
	if (!live || !daemon->service || !daemon->group.limiter)
		abort();
	fake_loop_init(&daemon->loop, &daemon->group, live, service_counters(daemon->service, 0));
}

void fuzz_daemon_free(struct fuzz_daemon *daemon)
{
	fake_loop_free(&daemon->loop);
	service_free(daemon->service);
	live_unref(daemon->loop.live);
	rate_limiter_free(daemon->group.limiter);
}

void fuzz_daemon_feed(struct connection *connection, const uint8_t *data, size_t length)
{
	char *const bytes = malloc(length);

	if (!bytes)
		return;
	memcpy(bytes, data, length);
	fake_connection_feed(connection, bytes, length, 3);
	free(bytes);
}
