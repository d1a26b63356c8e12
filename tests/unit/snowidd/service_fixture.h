/* SPDX-License-Identifier: MIT
 *
 * A service with generators in memory, for the tests of what is built on it.
 */
#ifndef TESTS_SERVICE_FIXTURE_H
#define TESTS_SERVICE_FIXTURE_H

#include "snowidd/base/log.h"
#include "snowidd/config/live.h"
#include "snowidd/config/sources.h"
#include "snowidd/service/service.h"
#include "tests/unit/check.h"

static struct live *live;
static struct service *service;

/* Up to five more options. */
static inline void service_fixture_open(char *options[])
{
	static char kinds[] = "--kinds=snowflake ulid uuid7", worker[] = "--worker-id=1",
		    store[] = "--store=memory:", threads[] = "--threads=2",
		    count[] = "--limits-count=5";
	char *all[] = {kinds, worker, store, threads, count, NULL, NULL, NULL, NULL, NULL, NULL};
	struct settings_error error;
	size_t next = 5;

	/* Kinds replace those above; given twice, they would be added to them. */
	for (size_t i = 0; options && options[i]; i++)
		all[strncmp(options[i], "--kinds=", 8) == 0 ? 0 : next++] = options[i];
	log_open(LOG_LEVEL_ERROR, false, false);
	struct settings *const settings = settings_load(all, "/dev/null", &error);
	ck_assert_msg(settings != NULL, "%s", error.text);
	live = live_new(settings, &error);
	ck_assert_msg(live != NULL, "%s", error.text);
	service = service_new(settings, NULL, &error);
	ck_assert_msg(service != NULL, "%s", error.text);
}

static inline void service_fixture_close(void)
{
	service_free(service);
	live_unref(live);
}

#endif
