/* SPDX-License-Identifier: MIT
 *
 * Asks NTP servers for the time.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "snowid.h"
#include "snowidd/base/log.h"
#include "snowidd/clock/sntp.h"

#define TIMEOUT_MS 2000
#define UNIX_EPOCH UINT64_C(2208988800) /* in seconds since 1900, RFC 5905 section 6 */
#define SECOND_NS  1000000000

/* Where the fields of a packet begin, RFC 5905 section 7.3. */
enum { STRATUM = 1, ORIGINATE = 24, RECEIVE = 32, TRANSMIT = 40 };

/* ---- packets --------------------------------------------------------------------------------- */

static void put64(uint8_t *to, uint64_t value)
{
	for (int i = 7; i >= 0; i--, value >>= 8)
		to[i] = (uint8_t)value;
}

static uint64_t get64(const uint8_t *from)
{
	uint64_t value = 0;
	for (int i = 0; i < 8; i++)
		value = value << 8 | from[i];
	return value;
}

/* Seconds since 1900 modulo 2^32, and 2^-32 of a second. */
static uint64_t timestamp(int64_t unix_ns)
{
	int64_t sec = unix_ns / SECOND_NS, nsec = unix_ns % SECOND_NS;

	if (nsec < 0) {
		sec--;
		nsec += SECOND_NS;
	}
	return ((uint64_t)sec + UNIX_EPOCH) << 32 | ((uint64_t)nsec << 32) / SECOND_NS;
}

/* a - b in ns: right across the end of an era, as long as they are less than 68 years apart. */
static int64_t difference(uint64_t a, uint64_t b)
{
	const int64_t delta = (int64_t)(a - b);
	const int64_t sec = delta >> 32;
	const uint64_t fraction = (uint64_t)delta & UINT32_MAX;

	return sec * SECOND_NS + (int64_t)(fraction * SECOND_NS >> 32);
}

void sntp_request(uint64_t cookie, uint8_t packet[SNTP_PACKET])
{
	memset(packet, 0, SNTP_PACKET);
	packet[0] = 4 << 3 | 3; /* version 4, client */
	put64(packet + TRANSMIT, cookie);
}

bool sntp_answer(const uint8_t *packet, size_t length, uint64_t cookie, int64_t sent_ns,
		 int64_t received_ns, int64_t *ahead_ns)
{
	if (length < SNTP_PACKET || (packet[0] & 7) != 4 || packet[0] >> 6 == 3 ||
	    packet[STRATUM] == 0 || packet[STRATUM] > 15 || get64(packet + ORIGINATE) != cookie ||
	    get64(packet + TRANSMIT) == 0 || received_ns < sent_ns ||
	    received_ns - sent_ns > (int64_t)SECOND_NS * TIMEOUT_MS / 1000)
		return false;
	const int64_t there = difference(timestamp(sent_ns), get64(packet + RECEIVE)),
		      back = difference(timestamp(received_ns), get64(packet + TRANSMIT));
	*ahead_ns = there / 2 + back / 2;
	return true;
}

/* ---- asking ---------------------------------------------------------------------------------- */

struct query {
	uv_udp_t socket;
	uv_getaddrinfo_t lookup;
	uv_udp_send_t send;
	struct sntp *sntp;
	uint8_t packet[SNTP_PACKET];
	uint64_t cookie;
	int64_t sent_ns;
	bool looking, open;
	char answer[256];
};

struct sntp {
	uv_loop_t *loop;
	uv_timer_t timer;
	sntp_done_fn done;
	void *user;
	struct query queries[SNTP_SERVERS];
	size_t pending; /* handles and lookups that the loop has */
	bool asking, closing;
	int64_t ahead_ns[SNTP_SERVERS];
	size_t answers, expected;
};

static int64_t wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

static void let_go(struct sntp *sntp)
{
	if (--sntp->pending == 0 && sntp->closing)
		free(sntp);
}

static void on_closed(uv_handle_t *handle)
{
	struct query *const query = handle->data;
	let_go(query->sntp);
}

static void close_query(struct query *query)
{
	if (query->looking)
		uv_cancel((uv_req_t *)&query->lookup);
	if (query->open)
		uv_close((uv_handle_t *)&query->socket, on_closed);
	query->open = false;
}

static void finish(struct sntp *sntp)
{
	if (!sntp->asking)
		return;
	sntp->asking = false;
	uv_timer_stop(&sntp->timer);
	for (size_t i = 0; i < SNTP_SERVERS; i++)
		close_query(&sntp->queries[i]);
	if (!sntp->closing)
		sntp->done(sntp->user, sntp->ahead_ns, sntp->answers);
}

static void on_timeout(uv_timer_t *timer)
{
	finish(timer->data);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
	struct query *const query = handle->data;

	(void)suggested;
	*room = uv_buf_init(query->answer, sizeof query->answer);
}

static void on_answer(uv_udp_t *socket, ssize_t length, const uv_buf_t *room,
		      const struct sockaddr *from, unsigned flags)
{
	struct query *const query = socket->data;
	struct sntp *const sntp = query->sntp;

	(void)flags;
	if (length <= 0 || !from ||
	    !sntp_answer((const uint8_t *)room->base, (size_t)length, query->cookie, query->sent_ns,
			 wall_ns(), &sntp->ahead_ns[sntp->answers]))
		return;
	uv_udp_recv_stop(socket);
	if (++sntp->answers == sntp->expected)
		finish(sntp);
}

static void on_sent(uv_udp_send_t *send, int status)
{
	(void)send;
	(void)status; /* no answer comes: that is told */
}

static void on_looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
	struct query *const query = lookup->data;
	struct sntp *const sntp = query->sntp;
	uv_buf_t packet = uv_buf_init((char *)query->packet, sizeof query->packet);
	struct snowid_id128 random;

	query->looking = false;
	if (status == 0 && sntp->asking && snowid_ulid_random(&random) == 0 &&
	    uv_udp_init(sntp->loop, &query->socket) == 0) {
		query->open = true;
		query->socket.data = query;
		sntp->pending++;
		query->cookie = get64(random.bytes + 8);
		sntp_request(query->cookie, query->packet);
		/* Connected: nobody else can answer. */
		if (uv_udp_connect(&query->socket, found->ai_addr) == 0 &&
		    uv_udp_recv_start(&query->socket, on_room, on_answer) == 0) {
			query->sent_ns = wall_ns();
			uv_udp_send(&query->send, &query->socket, &packet, 1, NULL, on_sent);
		}
	}
	uv_freeaddrinfo(found);
	let_go(sntp);
}

/* Splits host, host:port and [v6]:port. */
static void split(const char *text, char *host, size_t size, const char **port)
{
	const char *const end = strrchr(text, ']'), *colon = strrchr(text, ':');
	const bool bracketed = text[0] == '[' && end;

	if (bracketed)
		colon = end[1] == ':' ? end + 1 : NULL;
	else if (colon && strchr(text, ':') != colon)
		colon = NULL; /* an IPv6 address without a port */
	*port = colon ? colon + 1 : "123";
	const char *const from = bracketed ? text + 1 : text;
	size_t length = bracketed ? (size_t)(end - from)
			: colon   ? (size_t)(colon - from)
				  : strlen(from);
	if (length >= size)
		length = size - 1;
	memcpy(host, from, length);
	host[length] = '\0';
}

void sntp_ask(struct sntp *sntp, const struct list *servers)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
	char host[256];
	const char *port;

	if (sntp->asking || sntp->closing)
		return;
	if (sntp->pending > 1) { /* names of the round before are still being looked up */
		sntp->done(sntp->user, sntp->ahead_ns, 0);
		return;
	}
	sntp->asking = true;
	sntp->answers = sntp->expected = 0;
	uv_timer_start(&sntp->timer, on_timeout, TIMEOUT_MS, 0);
	for (size_t i = 0; i < servers->count && i < SNTP_SERVERS; i++) {
		struct query *const query = &sntp->queries[i];
		*query = (struct query){.sntp = sntp, .looking = true};
		query->lookup.data = query;
		split(servers->items[i], host, sizeof host, &port);
		if (uv_getaddrinfo(sntp->loop, &query->lookup, on_looked_up, host, port, &hints) !=
		    0)
			query->looking = false;
		else
			sntp->pending++;
		sntp->expected++;
	}
}

struct sntp *sntp_new(uv_loop_t *loop, sntp_done_fn done, void *user)
{
	struct sntp *const sntp = calloc(1, sizeof *sntp);

	if (!sntp)
		return NULL;
	sntp->loop = loop;
	sntp->done = done;
	sntp->user = user;
	sntp->timer.data = sntp;
	uv_timer_init(loop, &sntp->timer);
	sntp->pending = 1;
	return sntp;
}

static void on_timer_closed(uv_handle_t *handle)
{
	let_go(handle->data);
}

void sntp_close(struct sntp *sntp)
{
	if (!sntp)
		return;
	sntp->closing = true;
	finish(sntp);
	uv_close((uv_handle_t *)&sntp->timer, on_timer_closed);
}
