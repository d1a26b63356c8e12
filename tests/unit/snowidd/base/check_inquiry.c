/* SPDX-License-Identifier: MIT
 *
 * Rounds of questions over connections, to a server that is part of the test. Datagrams are in
 * check_sntp.c.
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "snowidd/base/inquiry.h"
#include "tests/unit/check.h"

static uv_loop_t loop;
static struct inquiry *inquiry;
static size_t rounds;
static const char *question; /* NULL: there is none */
static struct {
	size_t length, calls;
	char text[INQUIRY_ANSWER_SIZE];
} answers[3];

/* ---- the server ------------------------------------------------------------------------------ */

static uv_tcp_t listener;
static const char *reply;
static size_t reply_length;
static char received[256];

struct connection {
	uv_tcp_t socket;
	uv_write_t write;
	char room[256];
};

static void on_connection_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_reply_written(uv_write_t *write, int status)
{
	(void)status;
	uv_close((uv_handle_t *)write->handle, on_connection_closed);
}

static void reserve_room(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
	struct connection *const connection = handle->data;

	(void)suggested;
	*room = uv_buf_init(connection->room, sizeof connection->room);
}

static void on_received(uv_stream_t *stream, ssize_t length, const uv_buf_t *room)
{
	struct connection *const connection = stream->data;
	uv_buf_t bytes = uv_buf_init((char *)(uintptr_t)reply, (unsigned)reply_length);

	uv_read_stop(stream);
	if (length < 0) {
		uv_close((uv_handle_t *)stream, on_connection_closed);
		return;
	}
	snprintf(received, sizeof received, "%.*s", (int)length, room->base);
	ck_assert_int_eq(uv_write(&connection->write, stream, &bytes, 1, on_reply_written), 0);
}

static void on_connection(uv_stream_t *stream, int status)
{
	struct connection *const connection = calloc(1, sizeof *connection);

	ck_assert_int_eq(status, 0);
	ck_assert_ptr_nonnull(connection);
	connection->socket.data = connection;
	ck_assert_int_eq(uv_tcp_init(&loop, &connection->socket), 0);
	ck_assert_int_eq(uv_accept(stream, (uv_stream_t *)&connection->socket), 0);
	ck_assert_int_eq(
		uv_read_start((uv_stream_t *)&connection->socket, reserve_room, on_received), 0);
}

/* The address of a server that replies this to everything, and closes. */
static struct address start_server(const char *text, size_t length)
{
	struct address address = {.host = "127.0.0.1"};
	struct sockaddr_in name;
	int size = sizeof name;

	reply = text;
	reply_length = length;
	ck_assert_int_eq(uv_ip4_addr("127.0.0.1", 0, &name), 0);
	ck_assert_int_eq(uv_tcp_bind(&listener, (const struct sockaddr *)&name, 0), 0);
	ck_assert_int_eq(uv_listen((uv_stream_t *)&listener, 8, on_connection), 0);
	ck_assert_int_eq(uv_tcp_getsockname(&listener, (struct sockaddr *)&name, &size), 0);
	snprintf(address.port, sizeof address.port, "%u", (unsigned)ntohs(name.sin_port));
	return address;
}

/* ---- the inquiry ----------------------------------------------------------------------------- */

static size_t write_question(void *user, size_t index, char *to, size_t size)
{
	ck_assert_ptr_eq(user, &loop);
	if (!question)
		return 0;
	return (size_t)snprintf(to, size, "%s %zu", question, index);
}

static bool read_answer(void *user, size_t index, const char *text, size_t length)
{
	ck_assert_ptr_eq(user, &loop);
	ck_assert_uint_lt(index, 3);
	ck_assert_int_eq(text[length], '\0');
	answers[index].calls++;
	answers[index].length = length;
	memcpy(answers[index].text, text, length);
	return true;
}

static void end_round(void *user)
{
	ck_assert_ptr_eq(user, &loop);
	rounds++;
}

static void start_inquiry(void)
{
	static const struct inquiry_handler handler = {write_question, read_answer, NULL,
						       end_round};

	ck_assert_int_eq(uv_loop_init(&loop), 0);
	ck_assert_int_eq(uv_tcp_init(&loop, &listener), 0);
	rounds = 0;
	question = "who are you";
	memset(answers, 0, sizeof answers);
	inquiry = inquiry_new(&loop, INQUIRY_STREAM, &handler, &loop);
	ck_assert_ptr_nonnull(inquiry);
}

static void close_inquiry(void)
{
	inquiry_close(inquiry);
	uv_close((uv_handle_t *)&listener, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static void run_round(const struct address *hosts, size_t count)
{
	const size_t before = rounds;

	ck_assert(inquiry_ask(inquiry, hosts, count, NULL));
	while (rounds == before) {
		ck_assert(inquiry_is_asking(inquiry));
		uv_run(&loop, UV_RUN_ONCE);
	}
	ck_assert_uint_eq(rounds, before + 1);
	ck_assert(!inquiry_is_asking(inquiry));
}

TEST(an_answer_is_all_that_came_through_the_connection)
{
	const struct address host = start_server("it is me\0indeed", 15);

	run_round(&host, 1);
	ck_assert_str_eq(received, "who are you 0");
	ck_assert_uint_eq(answers[0].calls, 1);
	ck_assert_uint_eq(answers[0].length, 15);
	ck_assert_int_eq(memcmp(answers[0].text, "it is me\0indeed", 15), 0);
}

TEST(an_empty_answer)
{
	const struct address host = start_server("", 0);

	run_round(&host, 1);
	ck_assert_uint_eq(answers[0].calls, 1);
	ck_assert_uint_eq(answers[0].length, 0);
}

TEST(an_answer_that_is_too_long_is_cut)
{
	static char text[3 * INQUIRY_ANSWER_SIZE];
	const struct address host = start_server(text, sizeof text);

	memset(text, 'a', sizeof text);
	run_round(&host, 1);
	ck_assert_uint_eq(answers[0].calls, 1);
	ck_assert_uint_eq(answers[0].length, INQUIRY_ANSWER_SIZE - 1);
}

/* Before the deadline: a port that nobody listens on, a name that is no port, and a server. */
TEST(a_round_ends_when_each_host_has_answered_or_failed)
{
	const struct address hosts[] = {
		{.host = "127.0.0.1", .port = "1"},
		start_server("yes", 3),
		{.host = "127.0.0.1", .port = "no such service"},
	};

	run_round(hosts, 3);
	ck_assert_uint_eq(answers[0].calls, 0);
	ck_assert_uint_eq(answers[1].calls, 1);
	ck_assert_uint_eq(answers[2].calls, 0);
	ck_assert_str_eq(received, "who are you 1");
}

TEST(without_hosts_a_round_ends_at_once)
{
	const struct address host = start_server("yes", 3);

	run_round(NULL, 0);
	run_round(NULL, 0);
	run_round(&host, 1);
	ck_assert_uint_eq(answers[0].calls, 1);
}

TEST(without_a_question_there_is_no_answer)
{
	const struct address host = start_server("yes", 3);

	question = NULL;
	run_round(&host, 1);
	ck_assert_uint_eq(answers[0].calls, 0);
}

TEST(a_round_begins_only_after_the_last_one)
{
	const struct address host = start_server("yes", 3);

	ck_assert(inquiry_ask(inquiry, &host, 1, NULL));
	ck_assert(!inquiry_ask(inquiry, &host, 1, NULL));
	while (rounds == 0)
		uv_run(&loop, UV_RUN_ONCE);
	run_round(&host, 1);
	ck_assert_uint_eq(answers[0].calls, 2);
}

TEST(a_closed_inquiry_calls_nobody)
{
	const struct address host = start_server("yes", 3);

	ck_assert(inquiry_ask(inquiry, &host, 1, NULL));
	inquiry_close(inquiry);
	inquiry = NULL;
	for (int i = 0; i < 10; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(rounds, 0);
	ck_assert_uint_eq(answers[0].calls, 0);
}

int main(void)
{
	return run_tests(start_inquiry, close_inquiry);
}
