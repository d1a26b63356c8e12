/* SPDX-License-Identifier: MIT
 *
 * Packets of NTP (RFC 5905), and rounds of requests to servers that are part of the test.
 */
#include "snowidd/clock/sntp.h"
#include "tests/unit/snowidd/ntp_server.h"

/* ---- packets --------------------------------------------------------------------------------- */

TEST(offsets)
{
	static const struct {
		uint64_t server;        /* seconds since 1900 */
		int64_t sent, received; /* ns since 1970 */
		int64_t ahead;
	} cases[] = {
		{UNIX_EPOCH, 500 * MS, 500 * MS, 0},
		{UNIX_EPOCH + 100, 100 * SEC + 400 * MS, 100 * SEC + 600 * MS, 0},
		{UNIX_EPOCH + 100, 103 * SEC, 104 * SEC, 3 * SEC},
		{UNIX_EPOCH + 100, 98 * SEC, 98 * SEC, -2500 * MS},
		/* Era 1 begins on 7 February 2036. */
		{0, 2085978496 * SEC + 500 * MS, 2085978496 * SEC + 500 * MS, 0},
		{0, 2085978495 * SEC + 500 * MS, 2085978495 * SEC + 500 * MS, -SEC},
		{UINT32_MAX, 2085978496 * SEC + 500 * MS, 2085978496 * SEC + 500 * MS, SEC},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t packet[SNTP_PACKET_SIZE];
		int64_t ahead = 0;
		make_ntp_response(packet, cases[i].server);
		ck_assert(sntp_read_response(packet, sizeof packet, COOKIE, cases[i].sent,
					     cases[i].received, &ahead));
		ck_assert_msg(llabs(ahead - cases[i].ahead) <= 2, "case %zu: %lld", i,
			      (long long)ahead);
	}
}

TEST(only_the_response_to_our_request_is_read)
{
	uint8_t packet[SNTP_PACKET_SIZE];
	int64_t ahead;

	make_ntp_response(packet, UNIX_EPOCH);
	ck_assert(sntp_read_response(packet, sizeof packet, COOKIE, 0, 1, &ahead));
	for (size_t length = 0; length < sizeof packet; length++)
		ck_assert(!sntp_read_response(packet, length, COOKIE, 0, 1, &ahead));
	ck_assert(!sntp_read_response(packet, sizeof packet, COOKIE + 1, 0, 1, &ahead));
	ck_assert(!sntp_read_response(packet, sizeof packet, 0, 0, 1, &ahead));
}

TEST(a_clock_set_while_the_response_was_awaited_measures_nothing)
{
	uint8_t packet[SNTP_PACKET_SIZE];
	int64_t ahead;

	make_ntp_response(packet, UNIX_EPOCH);
	ck_assert(!sntp_read_response(packet, sizeof packet, COOKIE, 1, 0, &ahead));
	ck_assert(sntp_read_response(packet, sizeof packet, COOKIE, 0, 2 * SEC, &ahead));
	ck_assert(!sntp_read_response(packet, sizeof packet, COOKIE, 0, 2 * SEC + 1, &ahead));
}

TEST(servers_that_do_not_know_the_time)
{
	static const struct {
		size_t at;
		uint8_t value;
	} cases[] = {
		{0, 4 << 3 | 3},          /* a client */
		{0, 4 << 3 | 5},          /* a broadcast */
		{0, 3 << 6 | 4 << 3 | 4}, /* not synchronised */
		{1, 0},                   /* kiss of death */
		{1, 16},                  /* not synchronised either */
	};
	uint8_t packet[SNTP_PACKET_SIZE];
	int64_t ahead;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		make_ntp_response(packet, UNIX_EPOCH);
		packet[cases[i].at] = cases[i].value;
		ck_assert_msg(!sntp_read_response(packet, sizeof packet, COOKIE, 0, 1, &ahead),
			      "case %zu", i);
	}
	make_ntp_response(packet, UNIX_EPOCH);
	memset(packet + 40, 0, 8); /* no time of transmission */
	ck_assert(!sntp_read_response(packet, sizeof packet, COOKIE, 0, 1, &ahead));
}

TEST(a_request_says_nothing_about_this_host)
{
	uint8_t packet[SNTP_PACKET_SIZE];

	sntp_write_request(COOKIE, packet);
	ck_assert_uint_eq(packet[0], 4 << 3 | 3);
	for (size_t i = 1; i < 40; i++)
		ck_assert_uint_eq(packet[i], 0);
	ck_assert_uint_eq(packet[40], 0x01);
	ck_assert_uint_eq(packet[47], 0xef);
}

/* ---- rounds ---------------------------------------------------------------------------------- */

static uv_loop_t loop;
static struct udp_server servers[2];
static struct sntp_client *client;
static size_t rounds, last_count;
static int64_t last_offsets[SNTP_SERVERS_MAX];

static void on_measured(void *user, int64_t *ahead_ns, size_t count)
{
	ck_assert_ptr_eq(user, &loop);
	rounds++;
	last_count = count;
	memcpy(last_offsets, ahead_ns, count * sizeof *ahead_ns);
	uv_stop(&loop);
}

static void start_client(void)
{
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	rounds = 0;
	ntp_server_ahead_sec = 0;
	client = sntp_new(&loop, on_measured, &loop);
	ck_assert_ptr_nonnull(client);
}

static void close_client(void)
{
	sntp_close(client);
	for (size_t i = 0; i < 2; i++)
		udp_server_close(&servers[i]);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

/* Nothing but a forged response, then the right one. */
static size_t respond_twice(const uint8_t *request, size_t length, uint8_t *response)
{
	static unsigned sent;

	respond_as_ntp(request, length, response);
	if (sent++ % 2 == 0)
		response[24] ^= 1;
	return SNTP_PACKET_SIZE;
}

static void set_servers(size_t count)
{
	char texts[2][32], *list[2] = {texts[0], texts[1]};

	for (size_t i = 0; i < count; i++)
		snprintf(texts[i], sizeof texts[i], "127.0.0.1:%d", servers[i].port);
	sntp_set_servers(client, list, count);
}

/* On a machine that stands still for two seconds a round can end too early: another follows. */
static void run_until_measured(size_t count)
{
	last_count = 0;
	while (last_count != count) {
		sntp_ask(client);
		uv_run(&loop, UV_RUN_DEFAULT);
		uv_run(&loop, UV_RUN_NOWAIT); /* closes the sockets of the round */
	}
}

TEST(a_round_ends_when_all_servers_have_responded)
{
	udp_server_open(&servers[0], &loop, respond_as_ntp, 1);
	udp_server_open(&servers[1], &loop, respond_as_ntp, 1);
	ntp_server_ahead_sec = 100;
	set_servers(2);
	run_until_measured(2);
	for (size_t i = 0; i < 2; i++)
		ck_assert(last_offsets[i] < -98 * SEC && last_offsets[i] > -102 * SEC);
}

TEST(rounds_follow_each_other)
{
	udp_server_open(&servers[0], &loop, respond_as_ntp, 1);
	set_servers(1);
	for (size_t i = 1; i <= 3; i++) {
		run_until_measured(1);
		sntp_ask(client);
		sntp_ask(client); /* does nothing in a round */
		ck_assert_uint_ge(rounds, i);
	}
}

TEST(a_forged_response_does_not_end_the_wait_for_the_right_one)
{
	udp_server_open(&servers[0], &loop, respond_twice, 2);
	set_servers(1);
	run_until_measured(1);
}

TEST(without_a_server_there_is_no_round)
{
	static char none[] = "[::1", path[] = "unix:/ntp";
	char *const list[] = {none, path};

	sntp_ask(client);
	sntp_set_servers(client, list, 2);
	sntp_ask(client);
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(rounds, 0);
}

TEST(a_client_can_be_closed_in_a_round)
{
	udp_server_open(&servers[0], &loop, respond_as_ntp, 1);
	set_servers(1);
	sntp_ask(client);
	sntp_close(client);
	client = NULL;
	udp_server_close(&servers[0]);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_uint_eq(rounds, 0);
}

int main(void)
{
	return run_tests(start_client, close_client);
}
