/* SPDX-License-Identifier: MIT
 *
 * Asks other daemons who they are.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snowidd/base/log.h"
#include "snowidd/peers.h"

#define TIMEOUT_MS   2000
#define ANSWER_SIZE  16384
#define REQUEST_SIZE 1536 /* with a token */

struct question {
	uv_tcp_t socket;
	uv_getaddrinfo_t lookup;
	uv_connect_t connect;
	uv_write_t write;
	struct peers *peers;
	char address[128], request[REQUEST_SIZE], answer[ANSWER_SIZE];
	size_t length;
	bool looking, open;
	bool silent; /* in the round before */
};

struct peers {
	uv_loop_t *loop;
	uv_timer_t timer;
	struct service *service;
	void (*found)(void *user, const char *conflict);
	void *user;
	struct question *questions[PEERS_MAX];
	size_t count, left; /* to answer */
	size_t pending;     /* handles and lookups that the loop has */
	bool asking, closing;
	char conflict[200];
};

/* ---- who somebody is ------------------------------------------------------------------------- */

/* The text of a member of JSON, the first of its name, up to its closing quote. */
static bool text_member(const char *json, const char *name, char *to, size_t size)
{
	char key[64];

	snprintf(key, sizeof key, "\"%s\":\"", name);
	const char *const at = strstr(json, key);
	const size_t length = at ? strcspn(at + strlen(key), "\"\\") : 0;
	if (!at || length >= size || at[strlen(key) + length] != '"')
		return false;
	memcpy(to, at + strlen(key), length);
	to[length] = '\0';
	return true;
}

/* The members NAME_id, which are numbers, in their order. */
static void read_fields(const char *json, char *to, size_t size)
{
	size_t used = 0;

	to[0] = '\0';
	for (const char *at = json; (at = strstr(at, "_id\":"));) {
		const char *begin = at;
		while (begin > json && begin[-1] != '"')
			begin--;
		at += strlen("_id\":");
		const size_t digits = strspn(at, "0123456789");
		const int written = snprintf(to + used, size - used, "%.*s=%.*s ",
					     (int)(at - begin - 2), begin, (int)digits, at);
		if (written < 0 || (size_t)written >= size - used)
			return;
		used += (size_t)written;
	}
}

bool peer_identity(const char *health, struct peer_identity *identity)
{
	char scope[16];

	if (!text_member(health, "scope", scope, sizeof scope) || strcmp(scope, "fleet") != 0 ||
	    !text_member(health, "layout", identity->layout, sizeof identity->layout) ||
	    !text_member(health, "instance", identity->instance, sizeof identity->instance))
		return false;
	read_fields(health, identity->fields, sizeof identity->fields);
	return true;
}

/* The same of this daemon. */
static bool own_identity(struct service *service, struct peer_identity *identity)
{
	const struct kind *const kind = service_kind_at(service, 0);
	struct health health;
	size_t used = 0;

	service_health(service, &health);
	if (!kind->layout || health.host_scope ||
	    snowid_layout_format(kind->layout, identity->layout, sizeof identity->layout, NULL) !=
		    0)
		return false;
	snprintf(identity->instance, sizeof identity->instance, "%s", health.instance);
	identity->fields[0] = '\0';
	for (size_t i = 0; i < health.field_count && used < sizeof identity->fields; i++)
		used += (size_t)snprintf(identity->fields + used, sizeof identity->fields - used,
					 "%s=%" PRIu64 " ", health.fields[i].name,
					 health.fields[i].value);
	return true;
}

static void judge(struct question *question)
{
	struct peers *const peers = question->peers;
	struct peer_identity own, other;

	question->answer[question->length] = '\0';
	if (!own_identity(peers->service, &own) || !peer_identity(question->answer, &other) ||
	    strcmp(own.instance, other.instance) == 0 || strcmp(own.layout, other.layout) != 0 ||
	    strcmp(own.fields, other.fields) != 0)
		return;
	snprintf(peers->conflict, sizeof peers->conflict, "%.100s has the same %.80s",
		 question->address, own.fields);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void let_go(struct peers *peers)
{
	if (--peers->pending > 0 || !peers->closing)
		return;
	for (size_t i = 0; i < PEERS_MAX; i++)
		free(peers->questions[i]);
	free(peers);
}

static void on_closed(uv_handle_t *handle)
{
	struct question *const question = handle->data;
	let_go(question->peers);
}

/* A conflict with who does not answer cannot be noticed: the operator should know. */
static void tell_silence(struct question *question)
{
	const char *const status = question->length > 12 ? question->answer + 9 : "";
	char instance[32], why[40] = "no answer in time";

	const bool silent = !text_member(question->answer, "instance", instance, sizeof instance);
	if (silent == question->silent)
		return;
	question->silent = silent;
	if (*status)
		snprintf(why, sizeof why, "status %.3s", status);
	if (silent)
		log_event(LOG_LEVEL_WARNING, "a peer does not report its worker", "peer",
			  question->address, "reason", why, NULL);
	else
		log_event(LOG_LEVEL_INFO, "a peer reports its worker", "peer", question->address,
			  NULL);
}

static void finish(struct peers *peers)
{
	if (!peers->asking)
		return;
	peers->asking = false;
	uv_timer_stop(&peers->timer);
	for (size_t i = 0; i < peers->count; i++) {
		struct question *const question = peers->questions[i];
		if (question->looking)
			uv_cancel((uv_req_t *)&question->lookup);
		if (question->open)
			uv_close((uv_handle_t *)&question->socket, on_closed);
		question->open = false;
		if (!peers->closing)
			tell_silence(question);
	}
	if (!peers->closing)
		peers->found(peers->user, peers->conflict[0] ? peers->conflict : NULL);
}

static void on_timeout(uv_timer_t *timer)
{
	finish(timer->data);
}

static void close_question(struct question *question)
{
	struct peers *const peers = question->peers;

	if (question->open)
		uv_close((uv_handle_t *)&question->socket, on_closed);
	question->open = false;
	if (peers->asking && --peers->left == 0)
		finish(peers);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
	struct question *const question = handle->data;

	(void)suggested;
	*room = uv_buf_init(question->answer + question->length,
			    (unsigned)(ANSWER_SIZE - 1 - question->length));
}

static void on_answer(uv_stream_t *stream, ssize_t length, const uv_buf_t *room)
{
	struct question *const question = stream->data;

	(void)room;
	if (length > 0) {
		question->length += (size_t)length;
		return;
	}
	if (length == UV_EOF || length == UV_ENOBUFS)
		judge(question);
	if (length < 0)
		close_question(question);
}

static void on_written(uv_write_t *write, int status)
{
	(void)write;
	(void)status; /* no answer comes then */
}

static void on_connected(uv_connect_t *connect, int status)
{
	struct question *const question = connect->data;
	uv_stream_t *const stream = (uv_stream_t *)&question->socket;
	uv_buf_t request = uv_buf_init(question->request, (unsigned)strlen(question->request));

	if (status == UV_ECANCELED)
		return;
	if (status != 0 || uv_write(&question->write, stream, &request, 1, on_written) != 0 ||
	    uv_read_start(stream, on_room, on_answer) != 0)
		close_question(question);
}

static void on_looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
	struct question *const question = lookup->data;
	struct peers *const peers = question->peers;

	question->looking = false;
	if (peers->asking) {
		if (status == 0 && uv_tcp_init(peers->loop, &question->socket) == 0) {
			question->open = true;
			question->socket.data = question->connect.data = question;
			peers->pending++;
			status = uv_tcp_connect(&question->connect, &question->socket,
						found->ai_addr, on_connected);
		}
		if (status != 0)
			close_question(question);
	}
	uv_freeaddrinfo(found);
	let_go(peers);
}

/* Splits host:port and [v6]:port, which settings have checked. */
static void split(const char *text, char *host, size_t size, const char **port)
{
	const char *const colon = strrchr(text, ':');
	const bool bracketed = text[0] == '[';
	const size_t length = (size_t)(colon - text);

	snprintf(host, size, "%.*s", (int)(bracketed ? length - 2 : length), text + bracketed);
	*port = colon + 1;
}

static bool ask(struct peers *peers, struct question *question, const char *address,
		const char *token)
{
	const bool silent = strcmp(question->address, address) == 0 && question->silent;
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	char host[256];
	const char *port;

	*question = (struct question){.peers = peers, .looking = true, .silent = silent};
	question->lookup.data = question;
	snprintf(question->address, sizeof question->address, "%s", address);
	snprintf(question->request, sizeof question->request,
		 "GET /api/v1/health HTTP/1.1\r\nHost: %.120s\r\nConnection: close\r\n%s%s%s\r\n",
		 address, token ? "Authorization: Bearer " : "", token ? token : "",
		 token ? "\r\n" : "");
	split(address, host, sizeof host, &port);
	question->looking = uv_getaddrinfo(peers->loop, &question->lookup, on_looked_up, host, port,
					   &hints) == 0;
	peers->pending += question->looking;
	return question->looking;
}

void peers_ask(struct peers *peers, const struct live *live)
{
	const struct list *const addresses = &live->settings->peers;

	/* The handles of the round before may not have been closed yet. */
	if (peers->asking || peers->closing || peers->pending > 1)
		return;
	peers->asking = true;
	peers->conflict[0] = '\0';
	peers->count = peers->left = 0;
	uv_timer_start(&peers->timer, on_timeout, TIMEOUT_MS, 0);
	for (size_t i = 0; i < addresses->count && i < PEERS_MAX; i++) {
		if (!peers->questions[i])
			peers->questions[i] = calloc(1, sizeof *peers->questions[i]);
		if (!peers->questions[i])
			break;
		peers->count++;
		peers->left += ask(peers, peers->questions[i], addresses->items[i], live->token);
	}
	if (peers->left == 0)
		finish(peers);
}

struct peers *peers_new(uv_loop_t *loop, struct service *service,
			void (*found)(void *user, const char *conflict), void *user)
{
	struct peers *const peers = calloc(1, sizeof *peers);

	if (!peers)
		return NULL;
	peers->loop = loop;
	peers->service = service;
	peers->found = found;
	peers->user = user;
	peers->timer.data = peers;
	uv_timer_init(loop, &peers->timer);
	peers->pending = 1;
	return peers;
}

static void on_timer_closed(uv_handle_t *handle)
{
	let_go(handle->data);
}

void peers_close(struct peers *peers)
{
	if (!peers)
		return;
	peers->closing = true;
	finish(peers);
	uv_close((uv_handle_t *)&peers->timer, on_timer_closed);
}
