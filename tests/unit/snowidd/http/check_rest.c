/* SPDX-License-Identifier: MIT
 *
 * The service over HTTP, by what goes into a connection and comes out, without sockets or an event
 * loop.
 */
#include <stdio.h>

#include "snowidd/http/http.h"
#include "snowidd/http/rest.h"
#include "tests/unit/snowidd/fake_loop.h"
#include "tests/unit/snowidd/service_fixture.h"

static struct http_handler rest;
static struct protocol http;
static struct loop_group group;
static struct loop loop;
static struct connection *connection;

static void open_server(void)
{
	/* Two IDs in 100 ms, so that a third has to wait, however slow the machine is. */
	static char kinds[] =
		"--kinds=snowflake ulid uuid7 tiny=time:41,worker:2,sequence:1;unit=100ms "
		"wide=time:48,worker:4,sequence:12";
	char *options[] = {kinds, NULL};

	service_fixture_open(options);
	rest = rest_handler(service, REST_ALL);
	http = http_protocol(&rest);
	group.limiter = rate_limiter_new();
	fake_loop_init(&loop, &group, live, service_counters(service, 0));
	connection = fake_connection_new(&loop, &http);
}

static void close_server(void)
{
	fake_connection_free(connection);
	fake_loop_free(&loop);
	rate_limiter_free(group.limiter);
	service_fixture_close();
}

/* What is sent back, as one text. */
static const char *send_bytes(const char *bytes)
{
	buffer_clear(&loop.output);
	fake_connection_feed(connection, bytes, strlen(bytes), 64);
	buffer_bytes(&loop.output, "", 1);
	return loop.output.data;
}

static const char *get(const char *target)
{
	char request[500];

	snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);
	return send_bytes(request);
}

static void expect_part(const char *reply, const char *part)
{
	ck_assert_msg(strstr(reply, part) != NULL, "\"%s\" is not in: %s", part, reply);
}

static void expect_status(const char *reply, unsigned status)
{
	unsigned got = 0;

	ck_assert_int_eq(sscanf(reply, "HTTP/1.1 %u ", &got), 1);
	ck_assert_msg(got == status, "%u is not %u: %s", got, status, reply);
}

static const char *body_of(const char *reply)
{
	const char *const end = strstr(reply, "\r\n\r\n");

	ck_assert_ptr_nonnull(end);
	return end + 4;
}

TEST(each_route_replies)
{
	static const struct {
		const char *target;
		unsigned status;
		const char *part;
	} cases[] = {
		{"/v1/next_id", 200, "Content-Type: text/plain\r\n"},
		{"/api/v1/id", 200, "\"id_str\":\""},
		{"/api/v1/id?kind=ulid", 200, "{\"id\":\""},
		{"/api/v1/ids?count=3", 200, "],\"ids_str\":[\""},
		{"/api/v1/ids?count=3&kind=uuid7", 200, "],\"ids_str\":[\""},
		{"/api/v1/parse?id=4096", 200, "\"worker_id\":1"},
		{"/api/v1/parse?id=01ARZ3NDEKTSV4RRFFQ69G5FAV", 200, "\"kind\":\"ulid\""},
		{"/api/v1/parse?id=-1", 400, "\"error\":\"malformed_id\""},
		{"/api/v1/parse?id=-1&kind=wide", 200, "\"id_str\":\"18446744073709551615\""},
		{"/api/v1/parse?id=-1&kind=wide", 200, "unit=1ms\",\"timestamp_ms\":"},
		{"/api/v1/parse?id=00000000000000000000000000000000", 200, "\"kind\":\"nil\""},
		{"/api/v1/parse?id=ffffffff-ffff-ffff-ffff-ffffffffffff", 200, "\"kind\":\"max\""},
		{"/api/v1/parse?id=919108f7-52d1-4320-9bac-f847db4148a8", 200, "\"uuid4\""},
		{"/api/v1/parse?id=7ZZZZZZZZZZZZZZZZZZZZZZZZZ", 200,
		 "\"kind\":\"ulid\",\"timestamp_ms\":"},
		{"/api/v1/health", 200, "\"status\":\"healthy\""},
		{"/api/v1/health/live", 200, "{\"status\":\"live\"}\n"},
		{"/api/v1/health/ready", 200, "{\"status\":\"ready\"}\n"},
		{"/api/v1/metrics", 200, "# TYPE snowid_ids_generated_total counter\n"},
		{"/metrics", 200, "# TYPE snowid_ids_generated_total counter\n"},
		{"/", 200, "Content-Security-Policy: "},
		{"/openapi.json", 200, "\"openapi\""},
		{"http://a/api/v1/health/live", 200, "live"},
		{"/none", 404, "\"error\":\"not_found\""},
		{"/api/v1/id?kind=none", 404, "\"error\":\"unknown_kind\""},
		{"/api/v1/id?count=1", 400, "\"error\":\"malformed_query\""},
		{"/api/v1/ids?count=0", 400, "count must be a number from 1 to 5"},
		{"/api/v1/ids?count=6", 400, "\"error\":\"count_out_of_range\""},
		{"/api/v1/ids?count=x", 400, "\"error\":\"count_out_of_range\""},
		{"/api/v1/parse", 400, "\"error\":\"missing_parameter\""},
		{"/api/v1/parse?id=x", 400, "\"error\":\"malformed_id\""},
		{"/api/v1/parse?id=5&kind=none", 404, "\"error\":\"unknown_kind\""},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *const reply = get(cases[i].target);
		expect_status(reply, cases[i].status);
		expect_part(reply, cases[i].part);
	}
}

TEST(operators_get_all_but_ids_and_clients_all_but_metrics)
{
	static const struct {
		const char *target;
		unsigned client, operator;
	} cases[] = {
		{"/v1/next_id", 401, 404},
		{"/api/v1/id", 401, 404},
		{"/api/v1/ids?count=2", 401, 404},
		{"/api/v1/parse?id=4096", 401, 200},
		{"/api/v1/parse?id=4096&form=masked", 401, 400},
		{"/api/v1/health", 401, 200},
		{"/api/v1/health/live", 200, 200},
		{"/api/v1/health/ready", 200, 200},
		{"/api/v1/metrics", 401, 200},
		{"/metrics", 401, 200},
		{"/", 404, 200},
		{"/openapi.json", 401, 200},
		{"/none", 401, 404},
	};

	live->tokens.count = 1; /* one that nobody knows */
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		rest = rest_handler(service, REST_CLIENTS);
		expect_status(get(cases[i].target), cases[i].client);
		rest = rest_handler(service, REST_OPERATORS);
		expect_status(get(cases[i].target), cases[i].operator);
	}
	live->tokens.count = 0;
	expect_part(get("/v1/next_id"), "at those of the setting listen");
	rest = rest_handler(service, REST_CLIENTS);
	expect_status(get("/v1/next_id"), 200);
	expect_status(get("/metrics"), 404);
	expect_part(get("/metrics"), "at the addresses of the setting admin.listen");
	expect_status(get("/"), 404);
}

static const char *send_from(const char *method, const char *target, const char *origin)
{
	char request[500];

	snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: a\r\nOrigin: %s\r\n\r\n", method,
		 target, origin);
	return send_bytes(request);
}

static void allow_origins(const char *text)
{
	struct settings_error error;

	ck_assert(settings_set_words(live->settings, setting_find("cors.origins"), text, false, "",
				     &error));
}

static void expect_no_part(const char *reply, const char *part)
{
	ck_assert_msg(strstr(reply, part) == NULL, "\"%s\" is in: %s", part, reply);
}

TEST(scripts_of_other_sites_read_nothing_by_default)
{
	const char *const reply = send_from("GET", "/v1/next_id", "https://a.example");

	expect_status(reply, 200);
	expect_no_part(reply, "Access-Control");
	expect_no_part(reply, "Vary: Origin");
	expect_status(send_from("OPTIONS", "/v1/next_id", "https://a.example"), 405);
}

TEST(scripts_of_the_sites_that_are_set_read_replies_and_errors)
{
	static const char allowed[] = "\r\nAccess-Control-Allow-Origin: https://a.example\r\n";
	static const char *const others[] = {"https://a.example.org",
					     "http://a.example",
					     "https://a.example:8443",
					     "https://a.exampl",
					     "null",
					     "*",
					     "https://a.example, https://b.example"};

	allow_origins("https://b.example:8443 https://a.example");
	live->tokens.count = 1; /* one that nobody knows */
	expect_part(send_from("GET", "/v1/next_id", "https://a.example"), allowed);
	expect_status(send_from("GET", "/v1/next_id", "https://a.example"), 401);
	live->tokens.count = 0;
	expect_part(send_from("GET", "/v1/next_id", "https://a.example"), allowed);
	expect_part(send_from("HEAD", "/v1/next_id", "https://a.example"), allowed);
	expect_part(send_from("GET", "/none", "https://a.example"), allowed);
	expect_part(get("/v1/next_id"), "\r\nVary: Origin\r\n");
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		const char *const reply = send_from("GET", "/v1/next_id", others[i]);
		expect_part(reply, "\r\nVary: Origin\r\n");
		expect_no_part(reply, "Access-Control");
		expect_status(send_from("OPTIONS", "/v1/next_id", others[i]), 405);
	}
}

TEST(a_browser_may_ask_first_without_a_token)
{
	allow_origins("https://a.example");
	live->tokens.count = 1;
	const char *const reply = send_from("OPTIONS", "/v1/next_id", "https://a.example");
	expect_status(reply, 200);
	expect_part(reply, "\r\nAccess-Control-Allow-Headers: Authorization, ");
	expect_part(reply, "\r\nContent-Length: 0\r\n");
	expect_no_part(reply, "Credentials");
	live->tokens.count = 0;
	allow_origins("*");
	expect_part(send_from("GET", "/v1/next_id", "https://a.example"),
		    "\r\nAccess-Control-Allow-Origin: *\r\n");
	expect_no_part(loop.output.data, "Vary: Origin");
}

TEST(scripts_read_nothing_that_is_for_operators)
{
	allow_origins("*");
	rest = rest_handler(service, REST_OPERATORS);
	expect_no_part(send_from("GET", "/metrics", "https://a.example"), "Access-Control");
}

TEST(requests_are_counted_by_endpoint_and_status)
{
	struct counters *const counters = service_counters(service, 0);
	size_t endpoint = 0;

	while (strcmp(rest_endpoint(endpoint), "/api/v1/ids") != 0)
		endpoint++;
	get("/api/v1/ids?count=2");
	get("/api/v1/ids?count=0");
	get("/none");
	ck_assert_uint_eq(counters_status_at(0), 200);
	ck_assert_uint_eq(counters_status_at(1), 400);
	ck_assert_uint_eq(counters_status_at(3), 404);
	ck_assert_uint_eq(counters->requests[endpoint][0], 1);
	ck_assert_uint_eq(counters->requests[endpoint][1], 1);
	ck_assert_uint_eq(counters->requests[0][3], 1);
	ck_assert_uint_eq(counters->errors[REFUSED_COUNT], 1);
}

TEST(a_head_makes_no_id)
{
	expect_status(send_bytes("HEAD /api/v1/id HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
	ck_assert_str_eq(body_of(loop.output.data), "");
	ck_assert_uint_eq(service_counters(service, 0)->ids[0], 0);
	expect_status(send_bytes("HEAD /api/v1/id?kind=x HTTP/1.1\r\nHost: a\r\n\r\n"), 404);
	ck_assert_str_eq(body_of(loop.output.data), "");
}

TEST(only_get_and_head_are_served)
{
	const char *const reply = send_bytes("POST /api/v1/id HTTP/1.1\r\nHost: a\r\n\r\n");

	expect_status(reply, 405);
	expect_part(reply, "Allow: GET, HEAD\r\n");
}

/* Gives input, and does not resume what has to wait. */
static void send_without_waiting(const char *bytes)
{
	buffer_clear(&loop.output);
	connection->share = 64;
	ck_assert_uint_eq(http.input(connection, bytes, strlen(bytes)), strlen(bytes));
}

TEST(a_request_that_waits_is_resumed_where_it_stopped)
{
	static const char request[] =
		"GET /api/v1/ids?count=5&kind=tiny HTTP/1.1\r\nHost: a\r\n\r\n";
	unsigned rounds = 0;

	send_without_waiting(request);
	ck_assert(http.is_blocked(connection));
	ck_assert_uint_eq(loop.output.length, 0);
	ck_assert(waiting_has_lanes(&loop.waiting));
	/* Others may be served meanwhile, with the same memory for bodies and queries. */
	struct connection *const other = fake_connection_new(&loop, &http);
	fake_connection_feed(other, "GET /api/v1/health?x HTTP/1.1\r\nHost: a\r\n\r\n", 42, 64);
	fake_connection_free(other);
	buffer_clear(&loop.output);
	for (; http.is_blocked(connection); rounds++)
		fake_loop_serve(&loop);
	ck_assert_uint_gt(rounds, 0);
	buffer_bytes(&loop.output, "", 1);
	expect_status(loop.output.data, 200);
	expect_part(body_of(loop.output.data), "{\"ids\":[");
	ck_assert(!waiting_has_lanes(&loop.waiting));
	ck_assert_uint_eq(service_counters(service, 0)->ids[3], 5);
	ck_assert_uint_eq(service_counters(service, 0)->overflows, 1);
}

TEST(a_cause_that_comes_up_during_the_wait_refuses_the_request)
{
	send_without_waiting("GET /api/v1/ids?count=5&kind=tiny HTTP/1.1\r\nHost: a\r\n\r\n");
	service_refuse(service, REFUSED_CLOCK, "the clock is wrong");
	fake_loop_serve(&loop);
	ck_assert(!http.is_blocked(connection));
	buffer_bytes(&loop.output, "", 1);
	expect_status(loop.output.data, 503);
	expect_part(loop.output.data, "Retry-After: 1\r\n");
	expect_part(loop.output.data, "\"error\":\"clock_unsafe\"");
}

TEST(a_connection_that_ends_takes_its_waiting_request_along)
{
	send_without_waiting("GET /api/v1/ids?count=5&kind=tiny HTTP/1.1\r\nHost: a\r\n\r\n");
	connection_close(connection);
	ck_assert(!waiting_has_lanes(&loop.waiting));
}

TEST(no_id_is_made_for_a_client_that_has_gone)
{
	live->settings->count = 300;
	send_without_waiting("GET /api/v1/ids?count=300&kind=wide HTTP/1.1\r\nHost: a\r\n\r\n");
	ck_assert(waiting_has_lanes(&loop.waiting)); /* until its first turn */
	fake_peer_is_gone = true;
	fake_loop_serve(&loop);
	fake_peer_is_gone = false;
	ck_assert(connection->closing);
	ck_assert_uint_eq(service_counters(service, 0)->ids[4], 0);
	ck_assert(!waiting_has_lanes(&loop.waiting));
	for (unsigned i = 0; i < SIZE_CLASSES; i++)
		ck_assert_uint_eq(service_kind_at(service, 4)->share.wanted[i], 0);
}

/* Otherwise a peer that does not read could keep IDs from others. */
TEST(a_request_whose_reply_cannot_be_sent_now_holds_up_no_others)
{
	send_without_waiting("GET /api/v1/ids?count=5&kind=tiny HTTP/1.1\r\nHost: a\r\n\r\n");
	ck_assert_uint_gt(service_kind_at(service, 3)->share.wanted[0], 0);
	connection->writing = true;
	fake_loop_serve(&loop);
	ck_assert(!waiting_has_lanes(&loop.waiting));
	ck_assert_uint_eq(service_kind_at(service, 3)->share.wanted[0], 0);
	connection->writing = false;
	while (http.is_blocked(connection))
		fake_loop_serve(&loop);
	buffer_bytes(&loop.output, "", 1);
	expect_status(loop.output.data, 200);
}

TEST(the_end_of_the_loop_closes_a_connection_whose_request_waits)
{
	send_without_waiting("GET /api/v1/ids?count=5&kind=tiny HTTP/1.1\r\nHost: a\r\n\r\n");
	waiting_end(&loop.waiting);
	ck_assert(connection->closing);
}

TEST(pipelined_requests_have_their_replies_in_order)
{
	const char *const reply = send_bytes("GET /api/v1/health/live HTTP/1.1\r\nHost: a\r\n\r\n"
					     "GET /none HTTP/1.1\r\nHost: a\r\n\r\n"
					     "GET /api/v1/health/ready HTTP/1.0\r\n\r\n");
	const char *const second = strstr(body_of(reply), "HTTP/1.1 404");

	ck_assert_ptr_nonnull(second);
	expect_part(body_of(second), "HTTP/1.1 200");
	expect_part(second, "Connection: close\r\n");
	ck_assert(connection->finishing);
}

TEST(a_draining_loop_closes_after_the_reply)
{
	loop.draining = true;
	expect_part(get("/api/v1/health/live"), "Connection: close\r\n");
	ck_assert(connection->finishing);
}

/* An ID of the vectors of Twitter, in forms that its man page describes. */
TEST(numbers_have_other_forms)
{
	static const struct {
		const char *query, *part;
	} rows[] = {
		{"range?from=2024-01-01&before=2024-01-01&form=hex", "\"first\":\"0"},
		{"parse?kind=twitter&id=1541815603606036480", "\"timestamp_ms\":1656432460105"},
		{"parse?kind=twitter&id=1541815603606036480&format=string",
		 "\"id\":\"1541815603606036480\""},
		{"parse?kind=twitter&form=hex&id=1565a11f6217a000",
		 "\"id_str\":\"1541815603606036480\""},
		{"parse?kind=uuid4&id=919108f7-52d1-4320-9bac-f847db4148a8", "\"kind\":\"uuid4\""},
		{"parse?kind=twitter&id=1541815603606036480&form=hax", "\"malformed_query\""},
		{"parse?kind=twitters&id=1541815603606036480", "\"unknown_kind\""},
		{"parse?kind=uuid9&id=5", "\"unknown_kind\""},
		{"id?kind=ulid&form=hex", "\"malformed_query\""},
		{"id?format=text", "format can be number or string"},
		{"range?kind=twitter&period=2024-01&form=masked", "\"malformed_query\""},
		{"range?kind=twitter", "\"missing_parameter\""},
		{"range?period=2024&kind=twitter", "\"malformed_time\""},
		{"range?period=2024-01&from=2024-01", "cannot be used together"},
		{"range?before=2024-01&to=2024-01", "cannot be used together"},
		{"range?kind=twitter&from=2024-02&to=2024-01", "to is before from"},
		{"range?kind=twitter&from=2024-01&before=x", "before: "},
		{"range?kind=nonsense&period=2024-01", "\"unknown_kind\""},
	};
	char target[200];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		snprintf(target, sizeof target, "/api/v1/%s", rows[i].query);
		expect_part(get(target), rows[i].part);
	}
}

TEST(ids_are_strings_if_a_client_asks)
{
	unsigned long long id;
	char text[30];

	ck_assert_int_eq(sscanf(body_of(get("/api/v1/id?format=string")),
				"{\"id\":\"%llu\",\"id_str\":\"%29[0-9]", &id, text),
			 2);
	ck_assert_int_eq(sscanf(body_of(get("/api/v1/id?form=hex")),
				"{\"id\":\"%16llx\",\"id_str\":\"%29[0-9a-f]", &id, text),
			 2);
	ck_assert_uint_eq(strlen(text), 16);
	ck_assert_int_eq(sscanf(body_of(get("/api/v1/ids?count=2&format=string")),
				"{\"ids\":[\"%llu\",\"%29[0-9]", &id, text),
			 2);
	ck_assert_uint_eq(strlen(body_of(get("/v1/next_id?form=base32"))), 13);
}

TEST(health_says_that_ids_will_end)
{
	struct served_kind *const kind = service_kind_at(service, 0);

	expect_part(get("/api/v1/health"), "\"state\":\"ready\"");
	strcpy(kind->store_problem, "the disk is full");
	atomic_store(&kind->store_error, -ENOSPC);
	const char *const reply = get("/api/v1/health");
	expect_status(reply, 200);
	expect_part(reply, "\"status\":\"degraded\"");
	expect_part(reply, "\"state\":\"degraded\",\"reason\":\"the store of snowflake cannot be "
			   "renewed: the disk is full\"");
	expect_status(get("/api/v1/health/ready"), 200);
}

TEST(health_and_readiness_follow_the_service)
{
	service_refuse(service, REFUSED_CLOCK, "the clock is wrong");
	expect_status(get("/api/v1/health"), 503);
	expect_part(loop.output.data, "\"reason\":\"the clock is wrong\"");
	expect_status(get("/api/v1/health/ready"), 503);
	expect_status(get("/api/v1/health/live"), 200);
	service_refuse(service, REFUSED_CLOCK, NULL);
	service_drain(service);
	expect_status(get("/api/v1/health"), 200);
	expect_status(get("/api/v1/health/ready"), 503);
	expect_part(loop.output.data, "\"error\":\"stopping\"");
}

TEST(a_token_is_needed_for_all_but_the_probes)
{
	live->tokens.count = 1;
	expect_status(get("/api/v1/id"), 401);
	expect_part(loop.output.data, "WWW-Authenticate: Bearer\r\n");
	expect_status(get("/none"), 401);
	expect_status(get("/api/v1/health/live"), 200);
	expect_status(get("/api/v1/health/ready"), 200);
	ck_assert_uint_eq(service_counters(service, 0)->errors[REFUSED_TOKEN], 2);
	live->tokens.count = 0;
}

TEST(masked_ids_are_strings_that_parse_reverts)
{
	char target[200], id[SNOWID_ID_TEXT] = "";

	live->has_mask_key = true;
	const char *const reply = get("/api/v1/id?form=masked");
	expect_status(reply, 200);
	ck_assert_int_eq(sscanf(body_of(reply), "{\"id\":\"%20[0-9A-Za-z]\",\"id_str\"", id), 1);
	snprintf(target, sizeof target, "/api/v1/parse?form=masked&id=%s", id);
	expect_status(get(target), 200);
	expect_part(loop.output.data, "\"worker_id\":1");
	/* Masked numbers have no more bits than the kind, which are 47 here. */
	get("/api/v1/parse?form=masked&kind=tiny&id=jpXCZedGfVQ");
	expect_part(loop.output.data, "\"error\":\"malformed_id\"");
}

TEST(what_cannot_be_masked_is_refused_before_an_id_is_made)
{
	static const char *const targets[] = {
		"/api/v1/id?form=masked", "/v1/next_id?form=masked", "/api/v1/ids?form=masked",
		"/api/v1/parse?id=5&form=masked", "/api/v1/id?form=hax"};

	for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
		expect_status(get(targets[i]), 400);
		expect_part(loop.output.data, "\"error\":\"malformed_query\"");
	}
	live->has_mask_key = true;
	expect_status(get("/api/v1/id?form=masked&kind=ulid"), 400);
	ck_assert_uint_eq(service_counters(service, 0)->ids[0], 0);
	ck_assert_uint_eq(service_counters(service, 0)->ids[1], 0);
}

TEST(a_request_that_is_not_http_is_refused_and_closes)
{
	expect_status(send_bytes("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n"), 400);
	ck_assert(connection->finishing);
}

TEST(a_request_that_does_not_arrive_in_time_is_refused)
{
	send_bytes("GET / HTTP/1.1\r\n");
	ck_assert_int_eq(http.phase(connection), PHASE_REQUEST);
	buffer_clear(&loop.output);
	http.expire(connection, PHASE_REQUEST);
	buffer_bytes(&loop.output, "", 1);
	expect_status(loop.output.data, 408);
	ck_assert(connection->finishing);
}

int main(void)
{
	return run_tests(open_server, close_server);
}
