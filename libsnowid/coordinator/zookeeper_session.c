/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/zookeeper_session.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libsnowid/base/erase.h"
#include "libsnowid/base/printable.h"
#include "libsnowid/coordinator/secret.h"

#define NS_PER_MS   1000000
#define NS_PER_SEC  1000000000
#define PACKETS_MAX 256 /* received before requests that are due are looked at again */

uint64_t zk_now(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

/* ---- what the client logs -------------------------------------------------------------------- */

/* The callback has no argument of its own, and the return codes do not tell what happened. */
static _Thread_local struct zk_session *logging;

/* "Socket 127.0.0.1:2181 zk retcode=-4, errno=111(Connection refused): …". A server that has no
 * quorum closes connections, which the client calls EHOSTDOWN. */
static void log_receive(const char *message)
{
	struct zk_session *const session = logging;
	char server[64], reason[128];
	int error;

	const char *const socket = strstr(message, ": Socket ");
	const char *const resolver = strstr(message, ": getaddrinfo: ");
	if (!session)
		return;
	if (resolver)
		(void)snprintf(session->why, sizeof session->why, "%.100s: %.128s",
			       session->servers, resolver + strlen(": getaddrinfo: "));
	else if (socket && sscanf(socket, ": Socket %63s zk retcode=%*d, errno=%d(%127[^)])",
				  server, &error, reason) == 3)
		(void)snprintf(session->why, sizeof session->why, "%s: %s", server,
			       session->cut         ? "does not answer"
			       : error == EHOSTDOWN ? "closed the connection"
			       : error == ESTALE    ? "the session has expired"
						    : reason);
	session->why[strcspn(session->why, "\n")] = 0;
	sn_make_printable(session->why);
}

/* ---- descriptors ----------------------------------------------------------------------------- */

static const struct zk_descriptor no_descriptor = {.number = -1};

static void descriptor_note(struct zk_descriptor *descriptor, int number)
{
	struct stat status;

	*descriptor = no_descriptor;
	if (number < 0 || fstat(number, &status) != 0)
		return;
	*descriptor = (struct zk_descriptor){number, status.st_dev, status.st_ino};
	const int flags = fcntl(number, F_GETFD);
	if (flags >= 0 && !(flags & FD_CLOEXEC))
		(void)fcntl(number, F_SETFD, flags | FD_CLOEXEC);
}

static bool descriptor_is_same(const struct zk_descriptor *descriptor)
{
	struct stat status;
	return descriptor->number >= 0 && fstat(descriptor->number, &status) == 0 &&
	       status.st_dev == descriptor->device && status.st_ino == descriptor->inode;
}

static void descriptor_close(struct zk_descriptor *descriptor)
{
	if (descriptor_is_same(descriptor))
		(void)close(descriptor->number);
	*descriptor = no_descriptor;
}

/* ---- logging in ------------------------------------------------------------------------------ */

/* FNV-1a: tells whether a password has changed without keeping it. */
static uint64_t password_fingerprint(const char *password)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (; *password; password++)
		hash = (hash ^ (unsigned char)*password) * UINT64_C(0x100000001b3);
	return hash;
}

static bool password_read(struct zk_session *session, char password[SN_SECRET_SIZE])
{
	session->why[0] = 0;
	if (!sn_secret_read(session->settings->password_file, "SNOWID_STORE_PASSWORD", password,
			    session->why, sizeof session->why))
		return false;
	if (*password == 0)
		(void)snprintf(session->why, sizeof session->why,
			       "user %.64s has no password: name a file by password_file=, or set "
			       "SNOWID_STORE_PASSWORD",
			       session->settings->user);
	return *password != 0;
}

/* The server compares nothing now: what this user may do shows when it does it. */
static bool session_log_in(struct zk_session *session, bool if_changed)
{
	char login[SN_SECRET_SIZE + 256];
	const char *const user = session->settings->user;

	const int length = snprintf(login, 256, "%s:", user);
	if (length < 0 || length >= 256 || !password_read(session, login + length))
		return false;
	const uint64_t fingerprint = password_fingerprint(login + length);
	const bool wanted = !if_changed || fingerprint != session->password_hash;
	session->password_hash = fingerprint;
	const int error = wanted ? zoo_add_auth(session->handle, "digest", login,
						(int)strlen(login), NULL, NULL)
				 : ZOK;
	sn_erase(login, sizeof login);
	return error == ZOK;
}

void zk_session_doubt_login(struct zk_session *session)
{
	session->login_doubtful = session->settings->user != NULL;
}

void zk_session_check_login(struct zk_session *session)
{
	if (session->login_doubtful && session->handle)
		(void)session_log_in(session, true);
	session->login_doubtful = false;
}

/* ---- the handle ------------------------------------------------------------------------------ */

bool zk_session_is_connected(const struct zk_session *session)
{
	return session->handle && session->state == ZOO_CONNECTED_STATE && !session->cut;
}

static void handle_free(struct zk_session *session)
{
	if (session->handle)
		(void)zookeeper_close(session->handle);
	session->handle = NULL;
	session->generation++;
	session->socket = no_descriptor;
	session->state = 0;
	session->cut = false;
}

/* With the session. The client sends that it ends, and would wait for up to 3 s until that is sent.
 */
static void handle_end(struct zk_session *session)
{
	struct pollfd polled = {.fd = session->socket.number, .events = POLLOUT};

	if (zk_session_is_connected(session) && poll(&polled, 1, 0) != 1)
		(void)shutdown(session->socket.number, SHUT_RDWR);
	handle_free(session);
	session->client = (clientid_t){0};
	session->claimed = false;
}

/* Returns how long to wait for the next attempt. */
static uint64_t handle_open(struct zk_session *session, uint64_t now)
{
	if (now < session->open_at)
		return session->open_at - now;
	session->open_at = now + NS_PER_SEC;
	session->connected_at = now;
	const uint64_t ttl_ms = session->ttl_ns / NS_PER_MS;
	/* Otherwise it would seed random() and drand48() of the program. */
	zoo_deterministic_conn_order(1);
	session->why[0] = 0;
	session->handle =
		zookeeper_init2(session->servers, NULL, ttl_ms < INT_MAX ? (int)ttl_ms : INT_MAX,
				&session->client, NULL, ZOO_NO_LOG_CLIENTENV, log_receive);
	if (!session->handle) {
		if (session->why[0] == 0)
			(void)snprintf(session->why, sizeof session->why, "%.100s: %s",
				       session->servers, strerror(errno));
		return NS_PER_SEC;
	}
	/* Names are resolved for each connection. By default they also are for each packet. */
	(void)zoo_set_servers_resolution_delay(session->handle, -1);
	session->denied = session->settings->user && !session_log_in(session, false);
	if (session->denied)
		handle_end(session);
	return session->denied ? NS_PER_SEC : 0;
}

static void session_note_state(struct zk_session *session)
{
	const int state = zoo_state(session->handle);

	if (state == session->state)
		return;
	session->state = state;
	if (state == ZOO_CONNECTED_STATE) {
		session->attempts_cut = 0;
		session->why[0] = 0;
	} else if (state != ZOO_CONNECTING_STATE && state != ZOO_ASSOCIATING_STATE)
		session->socket = no_descriptor; /* the client has closed it */
}

/* Returns how long to wait before the client is asked again. */
static uint64_t session_fail(struct zk_session *session, int error)
{
	if (session->why[0] == 0)
		(void)snprintf(session->why, sizeof session->why, "%.100s: %s", session->servers,
			       zerror(error));
	if (is_unrecoverable(session->handle)) {
		session->denied = session->state == ZOO_AUTH_FAILED_STATE;
		if (session->denied)
			session->open_at = zk_now() + NS_PER_SEC;
		handle_end(session);
		return 0;
	}
	return error == ZCONNECTIONLOSS || error == ZOPERATIONTIMEOUT ? 20 * NS_PER_MS : NS_PER_SEC;
}

/* How long an attempt to connect may last. The client allows two thirds of the TTL, but a server
 * that is starting may never answer a connection that it accepted. A slow one gets more time with
 * each round. */
static uint64_t session_patience(const struct zk_session *session)
{
	const uint64_t rounds = session->attempts_cut / session->server_count;
	const uint64_t first = session->ttl_ns / 8 < NS_PER_SEC ? session->ttl_ns / 8 : NS_PER_SEC;

	if (session->state == ZOO_CONNECTED_STATE)
		return UINT64_MAX;
	return first << (rounds < 8 ? rounds : 8);
}

/* The client then finds that the connection has ended, and connects to the next server. */
static void session_cut(struct zk_session *session)
{
	session->cut = true;
	(void)shutdown(session->socket.number, SHUT_RDWR);
}

/* Servers that were emptied or restored refuse a client that has seen later changes than theirs,
 * as long as it keeps its session. After two TTLs without a connection none is worth keeping. */
static bool session_is_stale(struct zk_session *session, uint64_t now)
{
	if (zk_session_is_connected(session))
		session->connected_at = now;
	return now - session->connected_at > 2 * session->ttl_ns;
}

/* Asks the client what it waits for. Returns for how long at most. */
static uint64_t handle_prepare(struct zk_session *session, uint64_t now, struct pollfd *polled)
{
	int number = -1, interest = 0;
	struct timeval timeout = {0};

	if (session_is_stale(session, now)) {
		handle_end(session);
		return 0;
	}
	const int error = zookeeper_interest(session->handle, &number, &interest, &timeout);
	session_note_state(session);
	if (error != ZOK)
		return session_fail(session, error);
	if (number != session->socket.number) {
		descriptor_note(&session->socket, number);
		session->attempt_at = now;
		session->cut = false;
	}
	polled->fd = number;
	polled->events = (short)((interest & ZOOKEEPER_READ ? POLLIN : 0) |
				 (interest & ZOOKEEPER_WRITE ? POLLOUT : 0));
	const uint64_t patience = session_patience(session), waited = now - session->attempt_at;
	const uint64_t ns =
		(uint64_t)timeout.tv_sec * NS_PER_SEC + (uint64_t)timeout.tv_usec * 1000;
	if (number < 0 || patience == UINT64_MAX)
		return ns;
	if (waited >= patience) {
		session->attempts_cut++;
		session->attempt_at = now; /* of the next one, unless this cannot be cut */
		session_cut(session);
	}
	return waited >= patience || ns < patience - waited ? ns : patience - waited;
}

static void handle_process(struct zk_session *session, short ready)
{
	const bool broken = ready & (POLLHUP | POLLERR | POLLNVAL);
	const int events = (broken || (ready & POLLIN) ? ZOOKEEPER_READ : 0) |
			   (broken || (ready & POLLOUT) ? ZOOKEEPER_WRITE : 0);

	int error = zookeeper_process(session->handle, events);
	session_note_state(session);
	for (int i = 0; i < PACKETS_MAX && error == ZOK && zk_session_is_connected(session); i++) {
		error = zookeeper_process(session->handle, ZOOKEEPER_READ);
		session_note_state(session);
	}
	if (error != ZOK && error != ZNOTHING)
		(void)session_fail(session, error);
}

/* A request that cannot be sent may be sent in part. The client then closes the socket, and would
 * send the rest on the next one: another client takes the session over. */
static void session_check_sent(struct zk_session *session)
{
	if (!session->handle || session->state != ZOO_CONNECTED_STATE ||
	    zoo_state(session->handle) != ZOO_NOTCONNECTED_STATE)
		return;
	session->client = *zoo_client_id(session->handle);
	handle_free(session);
	session->open_at = 0;
}

/* If the program has closed the socket, its number may be that of anything now. */
static void session_check_socket(struct zk_session *session)
{
	session_check_sent(session);
	if (session->socket.number < 0 || descriptor_is_same(&session->socket))
		return;
	session->handle = NULL; /* not closed: that would write to the descriptor */
	handle_end(session);
}

bool zk_session_run(struct zk_session *session, uint64_t ns, bool wanted)
{
	struct pollfd polled[2] = {{.fd = session->wake.number, .events = POLLIN}, {.fd = -1}};
	const uint64_t now = zk_now();
	uint64_t patience = ns, count;

	logging = session;
	session_check_socket(session);
	if (!session->handle && wanted)
		patience = handle_open(session, now);
	if (session->handle)
		patience = handle_prepare(session, now, &polled[1]);
	if (ns > patience)
		ns = patience;
	const struct timespec timeout = {(time_t)(ns / NS_PER_SEC), (long)(ns % NS_PER_SEC)};
	if (ppoll(polled, 2, &timeout, NULL) > 0 && polled[1].revents && session->handle)
		handle_process(session, polled[1].revents);
	logging = NULL;
	return polled[0].revents & POLLIN &&
	       read(session->wake.number, &count, sizeof count) == sizeof count;
}

void zk_session_wake(const struct zk_session *session)
{
	const uint64_t one = 1;
	const ssize_t written = write(session->wake.number, &one, sizeof one);
	(void)written; /* if the counter is full, it has been woken */
}

void zk_session_renew(struct zk_session *session, uint64_t ttl_ns)
{
	if (session->handle)
		handle_end(session);
	session->ttl_ns = ttl_ns;
	session->open_at = 0;
}

void zk_session_suspect(struct zk_session *session, uint64_t since)
{
	if (session->server_count > 1 && zk_session_is_connected(session) &&
	    session->answered_at < since && descriptor_is_same(&session->socket))
		session_cut(session);
}

/* ---- what answers tell ----------------------------------------------------------------------- */

void zk_session_answered(struct zk_session *session, const struct Stat *written)
{
	session->answered_at = zk_now();
	if (!written || written->mtime <= 0)
		return;
	session->service_ms = (uint64_t)written->mtime;
	session->service_ms_at = session->answered_at;
}

uint64_t zk_session_service_ms(const struct zk_session *session)
{
	if (session->service_ms == 0)
		return 0;
	return session->service_ms + (zk_now() - session->service_ms_at) / NS_PER_MS;
}

uint64_t zk_session_granted_ns(const struct zk_session *session)
{
	return zk_session_is_connected(session)
		       ? (uint64_t)zoo_recv_timeout(session->handle) * NS_PER_MS
		       : 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

static unsigned servers_count(const char *servers)
{
	unsigned count = 1;
	for (; *servers; servers++)
		count += *servers == ',';
	return count;
}

/* Copies one of the servers, without the brackets of an IPv6 address. */
static char *server_copy(char *to, const char *server, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (server[i] != '[' && server[i] != ']')
			*to++ = server[i];
	return to;
}

/* The servers, beginning with one that depends on the time, so that clients spread over them. */
static char *servers_rotate(const char *servers)
{
	size_t length;

	char *const rotated = malloc(strlen(servers) + 2), *to = rotated;
	if (!rotated)
		return NULL;
	const char *first = servers;
	for (size_t i = zk_now() / 1000 % servers_count(servers); i > 0; i--)
		first += strcspn(first, ",") + 1;
	const char *at = first;
	do {
		length = strcspn(at, ",");
		to = server_copy(to, at, length);
		*to++ = ',';
		at = at[length] ? at + length + 1 : servers;
	} while (at != first);
	to[-1] = 0;
	return rotated;
}

int zk_session_init(struct zk_session *session, const struct sn_coordinator_settings *settings,
		    char *why, size_t size)
{
	char password[SN_SECRET_SIZE];

	*session = (struct zk_session){.settings = settings,
				       .server_count = servers_count(settings->servers),
				       .wake = no_descriptor,
				       .socket = no_descriptor};
	if (settings->user) {
		const bool read = password_read(session, password);
		sn_erase(password, sizeof password);
		if (!read) {
			(void)snprintf(why, size, "%s", session->why);
			return SNOWID_E_INVALID;
		}
	}
	session->servers = servers_rotate(settings->servers);
	if (!session->servers) {
		(void)snprintf(why, size, "there is no memory");
		return -ENOMEM;
	}
	descriptor_note(&session->wake, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (session->wake.number >= 0)
		return 0;
	const int error = errno;
	(void)snprintf(why, size, "eventfd(): %s", strerror(error));
	free(session->servers);
	return -error;
}

void zk_session_close(struct zk_session *session)
{
	logging = session;
	session_check_socket(session);
	handle_end(session);
	logging = NULL;
	descriptor_close(&session->wake);
	free(session->servers);
}

void zk_session_abandon(struct zk_session *session)
{
	descriptor_close(&session->socket);
	descriptor_close(&session->wake);
}
