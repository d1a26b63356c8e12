/* SPDX-License-Identifier: MIT
 *
 * Asks other daemons which worker they have, to detect one with the same.
 */
#ifndef SNOWIDD_PEERS_H
#define SNOWIDD_PEERS_H

#include <stddef.h>
#include <uv.h>

#include "snowidd/config/live.h"
#include "snowidd/service/service.h"

#define PEERS_MAX 64

struct peers;

/* After each round `reported` gets a sentence about a peer that makes the same IDs; NULL if there
 * is none. Returns NULL if there is no memory. */
struct peers *peers_new(uv_loop_t *loop, struct service *service,
			void (*reported)(void *user, const char *conflict), void *user);

/* Asks all of them at once, as the settings say, and logs which do not answer. Does nothing while
 * the last round goes on. */
void peers_ask(struct peers *peers, const struct live *live);
void peers_close(struct peers *peers);

#endif
