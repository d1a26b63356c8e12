/* SPDX-License-Identifier: MIT
 *
 * Asks other daemons who they are, to notice one with the same worker.
 */
#ifndef SNOWIDD_PEERS_H
#define SNOWIDD_PEERS_H

#include <uv.h>

#include "snowidd/service/service.h"
#include "snowidd/config/live.h"

#define PEERS_MAX 64

/* Who a daemon is, as its health tells: what makes its IDs, and a name of the run. */
struct peer_identity {
	char layout[512];
	char fields[256]; /* "datacenter_id=0 worker_id=5" */
	char instance[32];
};

/* Reads the health of a daemon. False: it is not one, or of 128-bit kinds, or unique on its host alone. */
bool peer_identity(const char *health, struct peer_identity *identity);

struct peers;

/* `found` is told of a conflict, in words; NULL: there is none. NULL: no memory. */
struct peers *peers_new(uv_loop_t *loop, struct service *service,
			void (*found)(void *user, const char *conflict), void *user);

/* Asks all of them at once, with the token if there is one, and waits for each up to two seconds. Logs who
 * does not answer. */
void peers_ask(struct peers *peers, const struct live *live);
void peers_close(struct peers *peers);

#endif
