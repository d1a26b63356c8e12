/* SPDX-License-Identifier: MIT
 *
 * Asks other daemons which worker they have.
 */
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snowidd/base/address.h"
#include "snowidd/base/inquiry.h"
#include "snowidd/base/log.h"
#include "snowidd/http/response.h"
#include "snowidd/peer_identity.h"
#include "snowidd/peers.h"

#define AUTHORIZATION_SIZE 1100 /* with a token of 1000 bytes */

struct peer {
	char name[ADDRESS_HOST_SIZE + ADDRESS_PORT_SIZE + 3]; /* HOST:PORT, with brackets */
	bool reports;                                         /* in this round */
	bool silence_logged;
	unsigned status;  /* of the response; 0: none */
	char problem[64]; /* with TLS */
};

struct peers {
	struct inquiry *inquiry;
	struct service *service;
	void (*reported)(void *user, const char *conflict);
	void *user;
	struct peer list[PEERS_MAX];
	size_t count;
	char authorization[AUTHORIZATION_SIZE]; /* a line of the request, or "" */
	char conflict[200];
};

/* ---- a round --------------------------------------------------------------------------------- */

static size_t write_health_request(void *user, size_t index, char *question, size_t size)
{
	const struct peers *const peers = user;
	const int length =
		snprintf(question, size,
			 "GET /api/v1/health HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n",
			 peers->list[index].name, peers->authorization);

	return length > 0 && (size_t)length < size ? (size_t)length : 0;
}

static bool read_health_response(void *user, size_t index, const char *answer, size_t length)
{
	struct peers *const peers = user;
	struct peer *const peer = &peers->list[index];
	struct buffer body = {.data = NULL};
	struct peer_identity own, other;

	peer->status = http_response_parse(answer, length, &body);
	peer->reports = !body.failed && peer_identity_parse(body.data, body.length, &other);
	buffer_free(&body);
	peer_identity_own(peers->service, &own);
	if (peer->reports && peer_identity_conflicts(&own, &other))
		snprintf(peers->conflict, sizeof peers->conflict, "%.100s has the same %.80s",
			 peer->name, own.fields);
	return true;
}

static void note_rejected_peer(void *user, size_t index, const char *why)
{
	struct peer *const peer = &((struct peers *)user)->list[index];

	snprintf(peer->problem, sizeof peer->problem, "%s", why);
}

/* A conflict with a peer that does not answer goes unnoticed, so the operator should know. */
static void log_silence(struct peer *peer)
{
	char reason[80] = "no answer in time";

	if (peer->silence_logged != peer->reports)
		return;
	peer->silence_logged = !peer->reports;
	if (peer->status > 0)
		snprintf(reason, sizeof reason, "status %u", peer->status);
	else if (*peer->problem)
		snprintf(reason, sizeof reason, "TLS: %s", peer->problem);
	if (peer->silence_logged)
		log_event(LOG_LEVEL_WARNING, "a peer does not report its worker", "peer",
			  peer->name, "reason", reason, NULL);
	else
		log_event(LOG_LEVEL_INFO, "a peer reports its worker", "peer", peer->name, NULL);
}

static void end_peers_round(void *user)
{
	struct peers *const peers = user;

	OPENSSL_cleanse(peers->authorization, sizeof peers->authorization);
	for (size_t i = 0; i < peers->count; i++)
		log_silence(&peers->list[i]);
	peers->reported(peers->user, peers->conflict[0] ? peers->conflict : NULL);
}

/* A peer that is still at the same index was there in the last round, so keep what has been
 * logged. */
static bool peer_prepare(struct peer *peer, const char *text, struct address *address)
{
	const bool same = strcmp(peer->name, text) == 0;

	*peer = (struct peer){.silence_logged = same && peer->silence_logged};
	snprintf(peer->name, sizeof peer->name, "%s", text);
	return address_parse(text, address);
}

void peers_ask(struct peers *peers, const struct live *live)
{
	const struct text_list *const addresses = &live->settings->peers;
	struct address hosts[PEERS_MAX];

	if (inquiry_is_asking(peers->inquiry))
		return;
	peers->conflict[0] = peers->authorization[0] = '\0';
	if (live->tokens.first)
		snprintf(peers->authorization, sizeof peers->authorization,
			 "Authorization: Bearer %s\r\n", live->tokens.first);
	peers->count = 0;
	for (size_t i = 0; i < addresses->count && peers->count < PEERS_MAX; i++)
		peers->count += peer_prepare(&peers->list[peers->count], addresses->items[i],
					     &hosts[peers->count]);
	if (!inquiry_ask(peers->inquiry, hosts, peers->count, live->peer_tls))
		OPENSSL_cleanse(peers->authorization, sizeof peers->authorization);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct peers *peers_new(uv_loop_t *loop, struct service *service,
			void (*reported)(void *user, const char *conflict), void *user)
{
	static const struct inquiry_handler handler = {
		.write_question = write_health_request,
		.read_answer = read_health_response,
		.reject_host = note_rejected_peer,
		.end_round = end_peers_round,
	};
	struct peers *const peers = calloc(1, sizeof *peers);

	if (!peers)
		return NULL;
	peers->service = service;
	peers->reported = reported;
	peers->user = user;
	peers->inquiry = inquiry_new(loop, INQUIRY_STREAM, &handler, peers);
	if (peers->inquiry)
		return peers;
	free(peers);
	return NULL;
}

void peers_close(struct peers *peers)
{
	if (!peers)
		return;
	inquiry_close(peers->inquiry);
	OPENSSL_cleanse(peers->authorization, sizeof peers->authorization);
	free(peers);
}
