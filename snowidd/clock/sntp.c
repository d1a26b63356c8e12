/* SPDX-License-Identifier: MIT
 *
 * Asks NTP servers for the time.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "snowid.h"
#include "snowidd/base/address.h"
#include "snowidd/base/inquiry.h"
#include "snowidd/clock/sntp.h"

#define UNIX_EPOCH UINT64_C(2208988800) /* in seconds since 1900, RFC 5905 section 6 */
#define SECOND_NS  1000000000

/* Where the fields of a packet begin, and their values, RFC 5905 section 7.3. */
enum { STRATUM_AT = 1, ORIGINATE_AT = 24, RECEIVE_AT = 32, TRANSMIT_AT = 40 };
enum { MODE_CLIENT = 3, MODE_SERVER = 4, MODE_MASK = 7 };
enum { NTP_VERSION = 4, VERSION_SHIFT = 3, LEAP_SHIFT = 6, LEAP_UNSYNCHRONISED = 3 };
enum { STRATUM_KISS_OF_DEATH = 0, STRATUM_MAX = 15 };

/* ---- packets --------------------------------------------------------------------------------- */

static void put_big_endian(uint8_t *to, uint64_t value)
{
	for (int i = 7; i >= 0; i--, value >>= 8)
		to[i] = (uint8_t)value;
}

static uint64_t get_big_endian(const uint8_t *from)
{
	uint64_t value = 0;
	for (int i = 0; i < 8; i++)
		value = value << 8 | from[i];
	return value;
}

/* Seconds since 1900 modulo 2^32, and 2^-32 of a second. */
static uint64_t ntp_timestamp(int64_t unix_ns)
{
	int64_t sec = unix_ns / SECOND_NS, nsec = unix_ns % SECOND_NS;

	if (nsec < 0) {
		sec--;
		nsec += SECOND_NS;
	}
	return ((uint64_t)sec + UNIX_EPOCH) << 32 | ((uint64_t)nsec << 32) / SECOND_NS;
}

/* a - b in ns. Right across the end of an era (RFC 5905 section 6), as long as they are less than
 * 68 years apart. */
static int64_t ntp_difference_ns(uint64_t a, uint64_t b)
{
	const int64_t delta = (int64_t)(a - b);
	const int64_t sec = delta >> 32;
	const uint64_t fraction = (uint64_t)delta & UINT32_MAX;

	return sec * SECOND_NS + (int64_t)(fraction * SECOND_NS >> 32);
}

void sntp_write_request(uint64_t cookie, uint8_t packet[SNTP_PACKET_SIZE])
{
	memset(packet, 0, SNTP_PACKET_SIZE);
	packet[0] = NTP_VERSION << VERSION_SHIFT | MODE_CLIENT;
	put_big_endian(packet + TRANSMIT_AT, cookie);
}

/* The checks of RFC 5905 section 14 that concern a client without state. */
static bool is_response(const uint8_t *packet, size_t length, uint64_t cookie)
{
	return length >= SNTP_PACKET_SIZE && (packet[0] & MODE_MASK) == MODE_SERVER &&
	       packet[0] >> LEAP_SHIFT != LEAP_UNSYNCHRONISED &&
	       packet[STRATUM_AT] != STRATUM_KISS_OF_DEATH && packet[STRATUM_AT] <= STRATUM_MAX &&
	       get_big_endian(packet + ORIGINATE_AT) == cookie &&
	       get_big_endian(packet + TRANSMIT_AT) != 0;
}

bool sntp_read_response(const uint8_t *packet, size_t length, uint64_t cookie, int64_t sent_ns,
			int64_t received_ns, int64_t *ahead_ns)
{
	/* The clock may have been set in between. */
	if (received_ns < sent_ns ||
	    received_ns - sent_ns > (int64_t)SECOND_NS / 1000 * INQUIRY_TIMEOUT_MS)
		return false;
	if (!is_response(packet, length, cookie))
		return false;
	const int64_t outbound =
		ntp_difference_ns(ntp_timestamp(sent_ns), get_big_endian(packet + RECEIVE_AT));
	const int64_t inbound =
		ntp_difference_ns(ntp_timestamp(received_ns), get_big_endian(packet + TRANSMIT_AT));
	*ahead_ns = outbound / 2 + inbound / 2;
	return true;
}

/* ---- requests -------------------------------------------------------------------------------- */

struct sntp_client {
	struct inquiry *inquiry;
	sntp_measured_fn measured;
	void *user;
	struct address servers[SNTP_SERVERS_MAX];
	size_t server_count;
	struct {
		uint64_t cookie;
		int64_t sent_ns;
	} requests[SNTP_SERVERS_MAX];
	int64_t ahead_ns[SNTP_SERVERS_MAX]; /* of those that have responded, in that order */
	size_t response_count;
};

static int64_t read_wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

static size_t write_ntp_request(void *user, size_t index, char *question, size_t size)
{
	struct sntp_client *const client = user;
	struct snowid_id128 random;

	(void)size;
	if (snowid_ulid_random(&random) != 0)
		return 0;
	client->requests[index].cookie = get_big_endian(random.bytes + 8);
	sntp_write_request(client->requests[index].cookie, (uint8_t *)question);
	client->requests[index].sent_ns = read_wall_ns();
	return SNTP_PACKET_SIZE;
}

static bool read_ntp_response(void *user, size_t index, const char *answer, size_t length)
{
	struct sntp_client *const client = user;

	if (!sntp_read_response((const uint8_t *)answer, length, client->requests[index].cookie,
				client->requests[index].sent_ns, read_wall_ns(),
				&client->ahead_ns[client->response_count]))
		return false;
	client->response_count++;
	return true;
}

static void end_ntp_round(void *user)
{
	struct sntp_client *const client = user;
	client->measured(client->user, client->ahead_ns, client->response_count);
}

struct sntp_client *sntp_new(uv_loop_t *loop, sntp_measured_fn measured, void *user)
{
	static const struct inquiry_handler handler = {
		.write_question = write_ntp_request,
		.read_answer = read_ntp_response,
		.end_round = end_ntp_round,
	};
	struct sntp_client *const client = calloc(1, sizeof *client);

	if (!client)
		return NULL;
	client->measured = measured;
	client->user = user;
	client->inquiry = inquiry_new(loop, INQUIRY_DATAGRAM, &handler, client);
	if (client->inquiry)
		return client;
	free(client);
	return NULL;
}

void sntp_set_servers(struct sntp_client *client, char *const *servers, size_t count)
{
	client->server_count = 0;
	for (size_t i = 0; i < count && client->server_count < SNTP_SERVERS_MAX; i++) {
		struct address *const server = &client->servers[client->server_count];
		if (!address_parse(servers[i], server) || !*server->host)
			continue;
		if (!*server->port)
			strcpy(server->port, "123");
		client->server_count++;
	}
}

void sntp_ask(struct sntp_client *client)
{
	if (client->server_count == 0 || inquiry_is_asking(client->inquiry))
		return;
	client->response_count = 0;
	if (!inquiry_ask(client->inquiry, client->servers, client->server_count, NULL))
		end_ntp_round(client);
}

void sntp_close(struct sntp_client *client)
{
	if (!client)
		return;
	inquiry_close(client->inquiry);
	free(client);
}
