/* SPDX-License-Identifier: MIT
 *
 * A bound on the requests of one client address: a bucket of tokens for each.
 */
#ifndef SNOWIDD_RATE_H
#define SNOWIDD_RATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Which client: its IPv4 address, or the /64 of its IPv6 address, which one client may have whole. */
struct rate_key {
	uint64_t high, low;
};

/* False: the socket has no such address (a Unix socket), and no bound. */
bool rate_key(const struct sockaddr *address, struct rate_key *key);

struct rate;

struct rate *rate_new(void); /* NULL: no memory */
void rate_free(struct rate *rate);

/* Takes a token. False: there is none before *wait_ns. MT-Safe. */
bool rate_take(struct rate *rate, const struct rate_key *key, uint64_t per_second, uint64_t burst,
	       uint64_t now_ns, uint64_t *wait_ns);

#endif
