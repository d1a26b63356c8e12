/* SPDX-License-Identifier: MIT
 *
 * A server without a network, which takes the place of http.c: a test says what it answers, and
 * looks at what it was asked.
 */
#ifndef TESTS_FAKE_HTTP_H
#define TESTS_FAKE_HTTP_H

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

#include "libsnowid/coordinator/http.h"
#include "tests/unit/check.h"

#define FAKE_REQUESTS 64

static struct {
	struct {
		char path[128], header[256];
		json_t *body;
		void *user;
	} requests[FAKE_REQUESTS]; /* that were sent */
	struct {
		long status;
		char body[8192];
	} answers[FAKE_REQUESTS]; /* to the requests, in that order; status 0: none comes */
	size_t sent, answered, prepared;
} fake;

static struct sn_coordinator *coordinator;

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

bool sn_http_send(struct sn_http *http, const struct sn_http_request *request, void *user)
{
	(void)http;
	ck_assert_uint_lt(fake.sent, FAKE_REQUESTS);
	snprintf(fake.requests[fake.sent].path, sizeof fake.requests->path, "%s", request->path);
	snprintf(fake.requests[fake.sent].header, sizeof fake.requests->header, "%s",
		 request->header ? request->header : "");
	fake.requests[fake.sent].body =
		request->body ? json_loads(request->body, 0, NULL) : json_null();
	ck_assert_ptr_nonnull(fake.requests[fake.sent].body);
	fake.requests[fake.sent].user = user;
	fake.sent++;
	return true;
}

bool sn_http_receive(struct sn_http *http, void **user, struct sn_http_answer *answer)
{
	(void)http;
	if (fake.answered == fake.sent || fake.answered == fake.prepared)
		return false;
	const size_t i = fake.answered++;
	*user = fake.requests[i].user;
	*answer = (struct sn_http_answer){.status = fake.answers[i].status,
					  .body = fake.answers[i].body,
					  .size = strlen(fake.answers[i].body),
					  .server = "server:1",
					  .why = "it is silent"};
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

/* Says what the next request that has no answer yet will get. */
static inline void answer_with(long status, const char *body)
{
	fake.answers[fake.prepared].status = status;
	snprintf(fake.answers[fake.prepared].body, sizeof fake.answers->body, "%s", body);
	fake.prepared++;
}

static inline void fake_open(const char *user)
{
	const struct sn_coordinator_settings settings = {.servers = "server", .user = user};
	char why[256];

	memset(&fake, 0, sizeof fake);
	ck_assert_int_eq(sn_coordinator_module.open(&settings, &coordinator, why, sizeof why), 0);
}

static inline void fake_close(void)
{
	coordinator->class->close(coordinator, false);
	for (size_t i = 0; i < fake.sent; i++)
		json_decref(fake.requests[i].body);
}

static inline uint64_t send_asking(enum sn_ask ask, uint64_t worker, uint64_t count,
				   const struct sn_record *record)
{
	static uint64_t serial;
	struct sn_request request = {.serial = ++serial,
				     .ask = ask,
				     .root = "/ids",
				     .path = "/ids/dc1",
				     .worker = worker,
				     .count = count,
				     .ttl_ns = 10 * SEC,
				     .namespace_id = {1, 2}};

	if (record)
		request.record = *record;
	coordinator->class->send(coordinator, &request);
	return serial;
}

/* The answer to a write, all of whose requests get what was said before. */
static inline struct sn_answer ask_about(enum sn_ask ask, const struct sn_record *record)
{
	struct sn_answer answer;

	const uint64_t serial = send_asking(ask, 5, 1, record);
	ck_assert(coordinator->class->receive(coordinator, &answer));
	ck_assert_uint_eq(answer.serial, serial);
	return answer;
}

/* What was sent last, and before. */
static inline json_t *body_before(size_t back)
{
	return fake.requests[fake.sent - 1 - back].body;
}

static inline const char *path_before(size_t back)
{
	return fake.requests[fake.sent - 1 - back].path;
}

/* Whether a body has a member somewhere whose value is this text. */
static inline bool json_has(const json_t *value, const char *name, const char *text)
{
	const char *key;
	json_t *member;
	size_t i;

	json_object_foreach((json_t *)(uintptr_t)value, key, member)
	{
		if (strcmp(key, name) == 0 && json_is_string(member) &&
		    strcmp(json_string_value(member), text) == 0)
			return true;
		if (json_has(member, name, text))
			return true;
	}
	json_array_foreach(value, i, member)
	{
		if (json_has(member, name, text))
			return true;
	}
	return false;
}

#endif
