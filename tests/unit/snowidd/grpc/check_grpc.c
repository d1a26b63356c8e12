/* SPDX-License-Identifier: MIT
 *
 * gRPC by what goes into a connection and comes out, without sockets or an event loop. The client
 * is that of nghttp2, or bytes that none would send.
 */
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <zlib.h>

#include "snowidd/base/elapsed.h"
#include "snowidd/grpc/connection.h"
#include "snowidd/grpc/flood.h"
#include "snowidd/grpc/grpc.h"
#include "tests/unit/snowidd/fake_loop.h"
#include "tests/unit/snowidd/service_fixture.h"

#define ONE    "/IDGenerator/GenerateID"
#define BATCH  "/IDGenerator/GenerateBatch"
#define STREAM "/IDGenerator/StreamIDs"
#define HEALTH "/IDGenerator/HealthCheck"
#define SHARE  64

/* The defaults of limits. */
#define HEADER_TIMEOUT_MS 10000
#define IDLE_TIMEOUT_MS   60000

static struct protocol grpc;
static struct loop_group group;
static struct loop loop;
static struct connection *connection;
static nghttp2_session *client;

/* What the client has seen of its last call, and of the connection. */
static struct reply {
	char status[8], grpc_status[8], message[300];
	bool has_details;
	char body[4000];
	size_t length;
	bool closed;
	uint32_t stream_error;
} reply;
static bool gone;
static uint32_t gone_error;
static int32_t gone_last;

/* ---- the client ------------------------------------------------------------------------------ */

static int on_reply_field(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
			  size_t name_length, const uint8_t *value, size_t length, uint8_t flags,
			  void *user)
{
	const struct {
		const char *name;
		char *to;
		size_t size;
	} fields[] = {
		{":status", reply.status, sizeof reply.status},
		{"grpc-status", reply.grpc_status, sizeof reply.grpc_status},
		{"grpc-message", reply.message, sizeof reply.message},
	};

	(void)session, (void)frame, (void)name_length, (void)flags, (void)user;
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		if (strcmp((const char *)name, fields[i].name) == 0)
			snprintf(fields[i].to, fields[i].size, "%.*s", (int)length,
				 (const char *)value);
	if (strcmp((const char *)name, "grpc-status-details-bin") == 0)
		reply.has_details = true;
	return 0;
}

static int on_reply_data(nghttp2_session *session, uint8_t flags, int32_t stream,
			 const uint8_t *bytes, size_t length, void *user)
{
	(void)session, (void)flags, (void)stream, (void)user;
	if (length > sizeof reply.body - reply.length)
		length = sizeof reply.body - reply.length;
	memcpy(reply.body + reply.length, bytes, length);
	reply.length += length;
	return 0;
}

static int on_reply_close(nghttp2_session *session, int32_t stream, uint32_t error, void *user)
{
	(void)session, (void)stream, (void)user;
	reply.closed = true;
	reply.stream_error = error;
	return 0;
}

static int on_reply_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	(void)session, (void)user;
	if (frame->hd.type != NGHTTP2_GOAWAY)
		return 0;
	gone = true;
	gone_error = frame->goaway.error_code;
	gone_last = frame->goaway.last_stream_id;
	return 0;
}

static void open_client(void)
{
	nghttp2_session_callbacks *callbacks;

	ck_assert_int_eq(nghttp2_session_callbacks_new(&callbacks), 0);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_reply_field);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_reply_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_reply_close);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_reply_frame);
	ck_assert_int_eq(nghttp2_session_client_new(&client, callbacks, NULL), 0);
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_submit_settings(client, NGHTTP2_FLAG_NONE, NULL, 0);
}

/* ---- the connection -------------------------------------------------------------------------- */

static void open_connection(void)
{
	connection = fake_connection_new(&loop, &grpc);
	gone = false;
	open_client();
}

static void close_connection(void)
{
	nghttp2_session_del(client);
	fake_connection_free(connection);
}

static void open_server(void)
{
	/* Two IDs in 100 ms, so that a third has to wait, however slow the machine is. */
	static char kinds[] = "--kinds=snowflake ulid tiny=time:41,worker:2,sequence:1;unit=100ms",
		    bytes[] = "--limits-request-bytes=2000";
	char *options[] = {kinds, bytes, NULL};

	service_fixture_open(options);
	grpc = grpc_protocol(&service);
	group.limiter = rate_limiter_new();
	loop.draining = false;
	fake_loop_init(&loop, &group, live, service_counters(service, 0));
	open_connection();
}

static void close_server(void)
{
	close_connection();
	fake_loop_free(&loop);
	rate_limiter_free(group.limiter);
	service_fixture_close();
}

/* Hands what the server has to send to the client. Returns whether there was anything. */
static bool deliver_output(void)
{
	while (!connection->closing && grpc.has_output(connection))
		grpc.write(connection);
	const size_t length = loop.output.length;
	if (length > 0)
		nghttp2_session_mem_recv(client, (uint8_t *)loop.output.data, length);
	buffer_clear(&loop.output);
	return length > 0;
}

static void feed_server(const uint8_t *bytes, size_t length)
{
	fake_connection_feed(connection, (const char *)bytes, length, SHARE);
}

/* Those that are parked, and those in lanes. */
static size_t count_waiting(void)
{
	size_t count = 0;

	for (enum phase phase = PHASE_PARKED; phase < PHASES; phase++) {
		const struct waiter *const queue = &loop.waiting.queues[phase];
		for (const struct waiter *at = queue->next; at != queue; at = at->next)
			count += phase != PHASE_TURN;
	}
	return count;
}

/* Until neither side has more to send. */
static void exchange(void)
{
	const uint8_t *bytes;
	ssize_t length;
	bool moved = true;

	while (moved) {
		moved = false;
		while ((length = nghttp2_session_mem_send(client, &bytes)) > 0) {
			feed_server(bytes, (size_t)length);
			moved = true;
		}
		moved = deliver_output() || moved;
	}
}

/* Likewise, and until no call waits for its IDs. */
static void exchange_until_served(void)
{
	exchange();
	while (!reply.closed && count_waiting() > 0) {
		fake_loop_serve(&loop);
		exchange();
	}
}

/* ---- calls ----------------------------------------------------------------------------------- */

struct field {
	const char *name, *value;
};

struct body {
	const uint8_t *bytes;
	size_t length, sent;
	bool goes_on; /* the request does not end behind it */
};

static ssize_t read_body(nghttp2_session *session, int32_t stream, uint8_t *to, size_t room,
			 uint32_t *flags, nghttp2_data_source *source, void *user)
{
	struct body *const body = source->ptr;
	const size_t left = body->length - body->sent, length = left < room ? left : room;

	(void)session, (void)stream, (void)user;
	memcpy(to, body->bytes + body->sent, length);
	body->sent += length;
	if (body->sent == body->length && !body->goes_on)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	else if (length == 0)
		return NGHTTP2_ERR_DEFERRED;
	return (ssize_t)length;
}

#define FIELDS_MAX 12

/* Makes a call with the usual header, in which `changes` replace fields, take them out (NULL) or
 * add others. Returns its stream. */
static int32_t make_call(const char *path, const struct field *changes, size_t change_count,
			 struct body *body)
{
	struct field fields[FIELDS_MAX] = {
		{":method", "POST"},
		{":scheme", "http"},
		{":path", path},
		{":authority", "a"},
		{"content-type", "application/grpc"},
		{"te", "trailers"},
	};
	nghttp2_nv sent[FIELDS_MAX];
	const nghttp2_data_provider provider = {.source.ptr = body, .read_callback = read_body};
	size_t count = 6, sent_count = 0;

	for (size_t i = 0; i < change_count; i++) {
		size_t at = 0;
		while (at < count && strcmp(fields[at].name, changes[i].name) != 0)
			at++;
		fields[at] = changes[i];
		count = at < count ? count : count + 1;
	}
	for (size_t i = 0; i < count; i++)
		if (fields[i].value)
			sent[sent_count++] = (nghttp2_nv){
				(uint8_t *)(uintptr_t)fields[i].name,
				(uint8_t *)(uintptr_t)fields[i].value, strlen(fields[i].name),
				strlen(fields[i].value), NGHTTP2_NV_FLAG_NONE};
	reply = (struct reply){.length = 0};
	return nghttp2_submit_request(client, NULL, sent, sent_count, body ? &provider : NULL,
				      NULL);
}

static void call_with(const char *path, const struct field *changes, size_t change_count,
		      const uint8_t *bytes, size_t length)
{
	struct body body = {bytes, length, 0, false};

	make_call(path, changes, change_count, bytes ? &body : NULL);
	exchange_until_served();
}

static const uint8_t no_message[] = {0, 0, 0, 0, 0};

static void expect_status(const char *status, const char *part)
{
	ck_assert_msg(reply.closed, "the call has not ended");
	ck_assert_str_eq(reply.status, "200");
	ck_assert_msg(strcmp(reply.grpc_status, status) == 0, "%s is not %s: %s", reply.grpc_status,
		      status, reply.message);
	ck_assert_msg(strstr(reply.message, part) != NULL, "\"%s\" is not in: %s", part,
		      reply.message);
}

static void expect_service(void)
{
	call_with(ONE, NULL, 0, no_message, sizeof no_message);
	expect_status("0", "");
	ck_assert_uint_gt(reply.length, 10);
}

/* ---- requests that are wrong ----------------------------------------------------------------- */

TEST(a_call_is_served)
{
	expect_service();
	ck_assert_int_eq(reply.body[0], 0);
	ck_assert_int_eq(reply.body[4], (int)reply.length - 5);
	ck_assert_uint_eq(loop.counters->grpc_calls[1][0], 1);
}

TEST(headers_that_are_wrong_have_their_status)
{
	static const struct {
		struct field change;
		const char *http, *status, *part;
	} cases[] = {
		{{":method", "GET"}, "405", "", ""},
		{{":method", "PUT"}, "405", "", ""},
		{{"content-type", NULL}, "415", "", ""},
		{{"content-type", "application/json"}, "415", "", ""},
		{{"content-type", "application/grpc-web"}, "415", "", ""},
		{{"content-type", "application/grpc+proto"}, "200", "0", ""},
		{{":path", "/"}, "200", "12", "there is no method /"},
		{{":path", "/IDGenerator"}, "200", "12", ""},
		{{":path", ONE "/"}, "200", "12", ""},
		{{":path", "/idgenerator/GenerateID"}, "200", "12", ""},
		{{":path", ONE "?x=1"}, "200", "12", ""},
		{{"grpc-encoding", "identity"}, "200", "0", ""},
		{{"grpc-encoding", "gzip"}, "200", "0", ""},
		{{"grpc-encoding", "deflate"}, "200", "12", "grpc-encoding must be"},
		{{"grpc-encoding", "snappy"}, "200", "12", ""},
		{{"grpc-timeout", "1S"}, "200", "0", ""},
		{{"grpc-timeout", "99999999H"}, "200", "0", ""},
		{{"grpc-timeout", "0n"}, "200", "4", "the deadline has passed"},
		{{"grpc-timeout", "1"}, "200", "3", "grpc-timeout must be"},
		{{"grpc-timeout", "123456789S"}, "200", "3", ""},
		{{"grpc-timeout", "-1S"}, "200", "3", ""},
		{{"te", NULL}, "200", "0", ""}, /* some proxies take it away */
		{{"x-any-bin", "AAA"}, "200", "0", ""},
		{{"authorization", "Bearer x"}, "200", "0", ""}, /* there is no token */
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		call_with(ONE, &cases[i].change, 1, no_message, sizeof no_message);
		ck_assert_msg(strcmp(reply.status, cases[i].http) == 0, "%zu: %s", i, reply.status);
		ck_assert_msg(strcmp(reply.grpc_status, cases[i].status) == 0, "%zu: %s: %s", i,
			      reply.grpc_status, reply.message);
		ck_assert_msg(strstr(reply.message, cases[i].part) != NULL, "%zu: %s", i,
			      reply.message);
	}
	expect_service();
}

TEST(messages_that_are_wrong_have_their_status)
{
	static const struct {
		const char *path, *bytes;
		size_t length;
		const char *status, *part;
	} cases[] = {
		{ONE, "", 0, "12", "needs one message"},
		{ONE, "\0", 1, "13", "ends within"},
		{ONE, "\0\0\0\0", 4, "13", "ends within"},
		{ONE, "\0\0\0\0\1", 5, "13", "ends within"},
		{ONE, "\0\0\0\0\3\12\1", 7, "13", "ends within"},
		{ONE, "\0\0\0\0\0\0", 6, "12", "needs one message"},
		{ONE, "\0\0\0\0\0\0\0\0\0\0", 10, "12", "needs one message"},
		{ONE, "\0\0\0\10\0", 5, "8", "2048 bytes, more than 2000"},
		{ONE, "\0\377\377\377\377", 5, "8", "4294967295 bytes"},
		{ONE, "\1\0\0\0\0", 5, "13", "compressed"},
		{ONE, "\2\0\0\0\0", 5, "13", "compressed"},
		{ONE, "\377\0\0\0\1x", 6, "13", "compressed"},
		{ONE, "\0\0\0\0\1x", 6, "13", "is not a GenerateIDRequest"},
		{ONE, "\0\0\0\0\2\12\5", 7, "13", ""},
		{ONE, "\0\0\0\0\6\12\4none", 11, "5", "does not serve this kind"},
		{ONE, "\0\0\0\0\3\12\1\377", 8, "5", ""},
		{ONE, "\0\0\0\0\6\12\4ulid", 11, "0", ""},
		{ONE, "\0\0\0\0\2\20\5", 7, "0", ""}, /* fields that are not known are left out */
		{BATCH, "\0\0\0\0\0", 5, "3", "from 1 to 5"},
		{BATCH, "\0\0\0\0\2\10\6", 7, "3", "from 1 to 5"},
		{BATCH, "\0\0\0\0\13\10\377\377\377\377\377\377\377\377\377\1", 16, "3", ""},
		{BATCH, "\0\0\0\0\2\10\5", 7, "0", ""},
		{STREAM, "\0\0\0\0\13\20\377\377\377\377\377\377\377\377\377\1", 16, "3", ""},
		{STREAM, "\0\0\0\0\2\20\4", 7, "0", ""},
		{"/IDGenerator/ParseID", "\0\0\0\0\2\10\5", 7, "0", ""},
		{"/IDGenerator/ParseID", "\0\0\0\0\5\10\5\32\0015", 10, "3", "give one of"},
		{"/IDGenerator/ParseID", "\0\0\0\0\3\32\1x", 8, "3", "is 'x'"},
		{"/IDGenerator/ParseID", "\0\0\0\0\3\42\1x", 8, "3", "1 bytes"},
		{"/grpc.health.v1.Health/Check", "\0\0\0\0\0", 5, "0", ""},
		{"/grpc.health.v1.Health/Check", "\0\0\0\0\3\12\1x", 8, "5", ""},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		call_with(cases[i].path, NULL, 0, (const uint8_t *)cases[i].bytes, cases[i].length);
		ck_assert_msg(reply.closed && strcmp(reply.grpc_status, cases[i].status) == 0,
			      "%zu: %s: %s", i, reply.grpc_status, reply.message);
		ck_assert_msg(strstr(reply.message, cases[i].part) != NULL, "%zu: %s", i,
			      reply.message);
		ck_assert_msg(!gone, "%zu: the connection has ended", i);
	}
	expect_service();
}

TEST(a_request_without_data_has_no_message)
{
	call_with(ONE, NULL, 0, NULL, 0);
	expect_status("12", "needs one message");
	expect_service();
}

/* It is not kept until it is complete. */
TEST(a_message_that_is_too_large_is_refused_by_its_prefix)
{
	struct body body = {(const uint8_t *)"\0\0\100\0\0", 5, 0, true};

	make_call(ONE, NULL, 0, &body);
	exchange();
	expect_status("8", "4194304 bytes, more than 2000");
	ck_assert_uint_eq(reply.stream_error, NGHTTP2_NO_ERROR);
	expect_service();
}

TEST(a_header_that_is_too_large_is_refused)
{
	static char value[2001];
	const struct field change = {"x-large", value};

	memset(value, 'x', sizeof value - 1);
	call_with(ONE, &change, 1, no_message, sizeof no_message);
	expect_status("8", "the header has more than 2000 bytes");
	expect_service();
}

TEST(messages_may_be_compressed)
{
	static const struct field gzip = {"grpc-encoding", "gzip"};
	uint8_t bytes[400] = {1};
	static char zeros[3000];
	static const char ulid[] = "\12\4ulid";
	const struct {
		const char *plain;
		size_t length, cut;
		const char *status;
	} cases[] = {
		{ulid, sizeof ulid - 1, 0, "0"},
		{"", 0, 0, "0"},
		{zeros, 2000, 0, "13"}, /* not a message */
		{zeros, 2001, 0, "8"},
		{zeros, 3000, 0, "8"},
		{ulid, sizeof ulid - 1, 1, "13"},
		{ulid, sizeof ulid - 1, 20, "13"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		z_stream stream = {.next_in = (Bytef *)(uintptr_t)cases[i].plain,
				   .avail_in = (uInt)cases[i].length,
				   .next_out = bytes + 5,
				   .avail_out = sizeof bytes - 5};
		ck_assert_int_eq(deflateInit2(&stream, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY),
				 Z_OK);
		ck_assert_int_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
		const size_t length = stream.total_out - cases[i].cut;
		deflateEnd(&stream);
		bytes[4] = (uint8_t)length;
		call_with(ONE, &gzip, 1, bytes, 5 + length);
		ck_assert_msg(strcmp(reply.grpc_status, cases[i].status) == 0, "%zu: %s: %s", i,
			      reply.grpc_status, reply.message);
	}
}

/* ---- calls that wait ------------------------------------------------------------------------- */

static const uint8_t three_tiny[] = {0, 0, 0, 0, 8, 8, 3, 18, 4, 't', 'i', 'n', 'y'};

TEST(calls_that_wait_do_not_hold_up_others)
{
	struct body body = {three_tiny, sizeof three_tiny, 0, false};

	make_call(BATCH, NULL, 0, &body);
	exchange();
	ck_assert(!reply.closed);
	ck_assert_uint_eq(count_waiting(), 1);
	expect_service();
	ck_assert_uint_eq(count_waiting(), 1);
	while (count_waiting() > 0)
		fake_loop_serve(&loop);
	exchange();
	ck_assert_uint_eq(loop.counters->grpc_calls[2][0], 1);
}

TEST(a_call_that_is_cancelled_waits_no_more)
{
	struct body body = {three_tiny, sizeof three_tiny, 0, false};
	const int32_t stream = make_call(BATCH, NULL, 0, &body);

	exchange();
	ck_assert_uint_eq(count_waiting(), 1);
	nghttp2_submit_rst_stream(client, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
	exchange();
	ck_assert_uint_eq(count_waiting(), 0);
	ck_assert_uint_eq(loop.counters->grpc_calls[2][1], 1);
	ck_assert_uint_lt(loop.counters->ids[2], 3);
	expect_service();
}

/* Of 300 IDs, for which a call waits until its turn. */
static const uint8_t large_batch[] = {0, 0, 0, 0, 3, 8, 172, 2};

static void expect_no_large_batch(void)
{
	ck_assert_uint_eq(count_waiting(), 0);
	ck_assert_uint_eq(loop.counters->ids[0], 0);
	for (unsigned i = 0; i < SIZE_CLASSES; i++)
		ck_assert_uint_eq(service_kind_at(service, 0)->share.wanted[i], 0);
}

/* Also if the request and its end come in one read. */
TEST(no_id_is_made_for_a_batch_that_is_cancelled)
{
	struct body body = {large_batch, sizeof large_batch, 0, false};
	struct buffer sent = {.data = NULL};
	const uint8_t *bytes;
	ssize_t length;

	live->settings->count = 300;
	exchange();
	const int32_t stream = make_call(BATCH, NULL, 0, &body);
	while ((length = nghttp2_session_mem_send(client, &bytes)) > 0)
		buffer_bytes(&sent, (const char *)bytes, (size_t)length);
	nghttp2_submit_rst_stream(client, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
	while ((length = nghttp2_session_mem_send(client, &bytes)) > 0)
		buffer_bytes(&sent, (const char *)bytes, (size_t)length);
	feed_server((const uint8_t *)sent.data, sent.length);
	buffer_free(&sent);
	expect_no_large_batch();
	ck_assert_uint_eq(loop.counters->grpc_calls[2][1], 1);
	expect_service();
}

TEST(no_id_is_made_for_a_client_that_has_gone)
{
	struct body body = {large_batch, sizeof large_batch, 0, false};

	live->settings->count = 300;
	make_call(BATCH, NULL, 0, &body);
	exchange();
	ck_assert_uint_eq(count_waiting(), 1);
	fake_peer_is_gone = true;
	fake_loop_serve(&loop);
	fake_peer_is_gone = false;
	ck_assert(connection->closing);
	expect_no_large_batch();
}

/* Otherwise a client could keep as much memory as it likes by sending slowly. */
TEST(a_request_that_does_not_arrive_ends)
{
	struct body body = {no_message, 3, 0, true};

	make_call(ONE, NULL, 0, &body);
	exchange();
	ck_assert(!reply.closed);
	waiting_expire(&loop.waiting, HEADER_TIMEOUT_MS);
	exchange();
	expect_status("4", "limits.header_timeout");
	expect_service();
}

/* Nor by never reading. */
TEST(a_response_that_is_not_read_is_dropped)
{
	static const nghttp2_settings_entry window = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
	struct body body = {no_message, sizeof no_message, 0, false};

	nghttp2_submit_settings(client, NGHTTP2_FLAG_NONE, &window, 1);
	make_call(ONE, NULL, 0, &body);
	exchange_until_served();
	ck_assert(!reply.closed);
	waiting_expire(&loop.waiting, IDLE_TIMEOUT_MS);
	exchange();
	ck_assert(reply.closed);
	ck_assert_uint_eq(reply.stream_error, NGHTTP2_CANCEL);
	ck_assert_int_eq(grpc.phase(connection), PHASE_IDLE);
}

/* ---- streams --------------------------------------------------------------------------------- */

static uint64_t ids_made(void)
{
	return loop.counters->ids[0];
}

static void take_a_turn(void)
{
	fake_loop_serve(&loop);
	while (grpc.has_output(connection))
		grpc.write(connection);
}

TEST(no_id_is_made_that_cannot_be_sent)
{
	static const nghttp2_settings_entry window = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 30};
	struct body body = {no_message, sizeof no_message, 0, false};
	const uint8_t *bytes;
	ssize_t length;

	nghttp2_submit_settings(client, NGHTTP2_FLAG_NONE, &window, 1);
	exchange();
	make_call(STREAM, NULL, 0, &body);
	while ((length = nghttp2_session_mem_send(client, &bytes)) > 0)
		feed_server(bytes, (size_t)length);
	/* The client does not see what is sent, and so opens its window no further. */
	while (ids_made() == 0)
		take_a_turn();
	for (int i = 0; i < 10; i++)
		take_a_turn();
	ck_assert_uint_le(ids_made(), 3); /* two fit, and a part of one more */
}

TEST(a_stream_ends_when_the_server_stops)
{
	struct body body = {no_message, sizeof no_message, 0, true};

	make_call("/grpc.health.v1.Health/Watch", NULL, 0, &body);
	body.goes_on = false;
	exchange();
	ck_assert_uint_eq(reply.length, 7);
	service_drain(service);
	loop.draining = true;
	grpc.stop(connection);
	exchange();
	expect_status("14", "stopping");
	ck_assert_uint_eq(reply.length, 14);
	ck_assert_int_eq(reply.body[13], 2); /* NOT_SERVING */
}

/* ---- the end of a connection ----------------------------------------------------------------- */

static void open_watch(struct body *body)
{
	make_call("/grpc.health.v1.Health/Watch", NULL, 0, body);
	exchange();
	ck_assert(!reply.closed && reply.length > 0);
}

TEST(a_client_that_says_nothing_is_sent_a_ping)
{
	struct body body = {no_message, sizeof no_message, 0, false};

	open_watch(&body);
	for (int i = 0; i < 3; i++) {
		waiting_take_turns(&loop.waiting, PHASE_QUIET);
		ck_assert(!waiting_is_empty(&loop.waiting, PHASE_PINGED));
		exchange(); /* it answers */
		ck_assert(waiting_is_empty(&loop.waiting, PHASE_PINGED));
		ck_assert(!waiting_is_empty(&loop.waiting, PHASE_QUIET));
	}
	ck_assert(!connection->closing && !reply.closed);
	expect_service();
}

TEST(a_client_that_does_not_answer_a_ping_has_gone)
{
	struct body body = {no_message, sizeof no_message, 0, false};

	open_watch(&body);
	waiting_take_turns(&loop.waiting, PHASE_QUIET);
	while (grpc.has_output(connection))
		grpc.write(connection);
	buffer_clear(&loop.output); /* it never arrives */
	waiting_take_turns(&loop.waiting, PHASE_WATCH);
	ck_assert(!connection->closing);
	waiting_take_turns(&loop.waiting, PHASE_PINGED);
	ck_assert(connection->closing);
	ck_assert(waiting_is_empty(&loop.waiting, PHASE_WATCH));
	ck_assert_uint_eq(loop.counters->grpc_calls[8][1], 1);
}

/* One that is older than grpc.connection_age by some time. */
static void make_older_by(uint64_t ns)
{
	struct grpc_connection *const held = (struct grpc_connection *)(void *)connection;

	held->opened_ns = elapsed_ns() - loop.live->settings->grpc_connection_age - ns;
}

TEST(a_stream_has_a_grace_when_its_connection_is_old)
{
	struct body body = {no_message, sizeof no_message, 0, false};

	open_watch(&body);
	make_older_by(0);
	waiting_take_turns(&loop.waiting, PHASE_WATCH);
	exchange();
	ck_assert(gone && !reply.closed);
	ck_assert_uint_eq(gone_error, NGHTTP2_NO_ERROR);
	make_older_by(loop.live->settings->stop_timeout);
	waiting_take_turns(&loop.waiting, PHASE_WATCH);
	exchange();
	expect_status("14", "older than grpc.connection_age");
	ck_assert(connection->finishing);
}

TEST(pings_can_be_turned_off)
{
	struct body body = {no_message, sizeof no_message, 0, false};

	waiting_take_turns(&loop.waiting, PHASE_QUIET);
	exchange();
	loop.live->settings->grpc_keepalive_time = 0;
	waiting_take_turns(&loop.waiting, PHASE_QUIET);
	exchange();
	open_watch(&body);
	ck_assert(waiting_is_empty(&loop.waiting, PHASE_QUIET));
}

TEST(a_stop_tells_the_last_call_when_it_is_known)
{
	struct body body = {no_message, sizeof no_message, 0, false};
	uint8_t on_its_way[1000];
	size_t length = 0;
	const uint8_t *bytes;
	ssize_t part;

	expect_service();
	const int32_t stream = make_call(ONE, NULL, 0, &body);
	for (; (part = nghttp2_session_mem_send(client, &bytes)) > 0; length += (size_t)part)
		memcpy(on_its_way + length, bytes, (size_t)part);
	grpc.stop(connection);
	deliver_output();
	ck_assert(gone);
	ck_assert_int_eq(gone_last, INT32_MAX);
	feed_server(on_its_way, length);
	ck_assert(!connection->finishing);
	exchange(); /* the client answers the ping */
	ck_assert_int_eq(gone_last, stream);
	ck_assert_uint_eq(gone_error, NGHTTP2_NO_ERROR);
	expect_status("0", "");
	ck_assert(connection->finishing);
}

TEST(a_client_of_http1_is_told)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

	feed_server((const uint8_t *)request, sizeof request - 1);
	buffer_bytes(&loop.output, "", 1);
	ck_assert_ptr_nonnull(strstr(loop.output.data, "HTTP/1.1 505 "));
	ck_assert(connection->finishing);
}

/* ---- floods ---------------------------------------------------------------------------------- */

static void feed_frame(uint8_t type, uint8_t flags, uint32_t stream, const void *payload,
		       size_t length)
{
	uint8_t frame[9 + 64] = {0, (uint8_t)(length >> 8), (uint8_t)length, type, flags};

	for (size_t i = 0; i < 4; i++)
		frame[5 + i] = (uint8_t)(stream >> (24 - 8 * i));
	memcpy(frame + 9, payload, length);
	feed_server(frame, 9 + length);
}

/* The error of the last GOAWAY that was sent, -1 if there was none. What the client of nghttp2 did
 * not ask for would confuse it. */
static int64_t sent_goaway(void)
{
	int64_t error = -1;
	const uint8_t *at = (const uint8_t *)loop.output.data, *const end = at + loop.output.length;

	while (end - at >= 9) {
		if (at[3] == NGHTTP2_GOAWAY)
			error = at[16];
		at += 9 + (at[0] << 16 | at[1] << 8 | at[2]);
	}
	buffer_clear(&loop.output);
	return error;
}

/* A request for an ID, whose header fields are in the tables of HPACK by now or are not indexed. */
static const char header_block[] = "\x83\x86\x04\x17/IDGenerator/GenerateID\x01\x01"
				   "a\x0f\x10\x10"
				   "application/grpc";

static void feed_header(uint32_t stream, uint8_t flags)
{
	feed_frame(NGHTTP2_HEADERS, (uint8_t)(NGHTTP2_FLAG_END_HEADERS | flags), stream,
		   header_block, sizeof header_block - 1);
}

TEST(frames_that_ask_for_nothing_are_a_flood)
{
	static const uint8_t zeros[16];
	static const struct {
		uint8_t type, flags;
		uint32_t stream;
		size_t length;
	} cases[] = {
		{NGHTTP2_PING, 0, 0, 8},
		{NGHTTP2_SETTINGS, 0, 0, 0},
		{NGHTTP2_PRIORITY, 0, 3, 5},
		{NGHTTP2_DATA, 0, 1, 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		close_connection();
		open_connection();
		exchange();
		feed_header(1, 0);
		for (int n = 0; n < FLOOD_CREDIT / 2; n++)
			feed_frame(cases[i].type, cases[i].flags, cases[i].stream, zeros,
				   cases[i].length);
		ck_assert_msg(sent_goaway() < 0, "%zu: half of what is allowed", i);
		for (int n = 0; n < FLOOD_CREDIT; n++)
			feed_frame(cases[i].type, cases[i].flags, cases[i].stream, zeros,
				   cases[i].length);
		ck_assert_msg(sent_goaway() == NGHTTP2_ENHANCE_YOUR_CALM, "%zu", i);
		ck_assert_msg(connection->finishing, "%zu: the connection goes on", i);
	}
}

TEST(a_header_in_too_many_frames_is_a_flood)
{
	exchange();
	feed_frame(NGHTTP2_HEADERS, 0, 1, "", 0);
	for (int n = 0; n < 100; n++)
		feed_frame(NGHTTP2_CONTINUATION, 0, 1, "", 0);
	deliver_output();
	ck_assert(connection->finishing);
}

/* As some tests of clients do, and as hedged requests end. */
TEST(a_client_that_cancels_each_call_is_no_flood)
{
	exchange();
	for (uint32_t stream = 1; stream < 20000; stream += 2) {
		feed_header(stream, 0);
		feed_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, stream, no_message,
			   sizeof no_message);
		feed_frame(NGHTTP2_RST_STREAM, 0, stream, "\0\0\0\10", 4);
		feed_frame(NGHTTP2_PING, 0, 0, "12345678", 8);
		buffer_clear(&loop.output);
	}
	ck_assert(!connection->finishing);
	ck_assert_uint_eq(loop.counters->grpc_calls[1][0] + loop.counters->grpc_calls[1][1], 10000);
}

/* Calls that are reset before they are complete use up the share of a turn as well. */
TEST(a_turn_serves_no_more_than_its_share)
{
	static uint8_t bytes[65536];
	size_t length = 0;
	uint32_t calls = 0;
	const size_t header = sizeof header_block - 1;

	exchange();
	while (length + 9 + header + 13 < sizeof bytes) {
		const uint32_t stream = 2 * calls++ + 1;
		const uint8_t frames[2][9] = {
			{0, 0, (uint8_t)header, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 0, 0,
			 (uint8_t)(stream >> 8), (uint8_t)stream},
			{0, 0, 4, NGHTTP2_RST_STREAM, 0, 0, 0, (uint8_t)(stream >> 8),
			 (uint8_t)stream},
		};
		memcpy(bytes + length, frames[0], 9);
		memcpy(bytes + length + 9, header_block, header);
		memcpy(bytes + length + 9 + header, frames[1], 9);
		memcpy(bytes + length + 18 + header, "\0\0\0\10", 4);
		length += 22 + header;
	}
	connection->share = SHARE;
	const size_t used = grpc.input(connection, (char *)bytes, length);
	ck_assert_uint_lt(used, length / 4);
	ck_assert_uint_lt(loop.counters->grpc_calls[1][1], 2 * SHARE);
}

int main(void)
{
	return run_tests(open_server, close_server);
}
