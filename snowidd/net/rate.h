/* SPDX-License-Identifier: MIT
 *
 * A limit on the rate of requests, and of IDs, of each client address: a bucket of tokens for each.
 */
#ifndef SNOWIDD_RATE_H
#define SNOWIDD_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "snowidd/base/ip_address.h"

/* Identifies a client: its IPv4 address, or the /64 of its IPv6 address, as one client may have all
 * of that. */
struct rate_key {
	uint64_t high, low;
};

/* False if the address is not known, and the client so has no limit. */
bool rate_key_of(const struct ip_address *address, struct rate_key *key);

/* Clients that choose their addresses do not know which have the same hash, without the secret.
 * False if there are no random bytes. */
bool rate_secret_new(uint64_t *secret);
uint64_t rate_key_hash(const struct rate_key *key, uint64_t secret);

struct rate_limiter;

/* NULL if there is no memory. */
struct rate_limiter *rate_limiter_new(void);
void rate_limiter_free(struct rate_limiter *limiter);

enum rate_of { RATE_OF_REQUESTS, RATE_OF_IDS, RATES };

/* A bucket of `burst` tokens that gains per_second. */
struct rate {
	enum rate_of of;
	uint64_t per_second, burst;
};

/* Takes as many tokens as there are, from `least`, which is no more than the burst, to `most`.
 * Returns how many; if that is 0, there are not enough for another *wait_ns. MT-Safe. */
uint64_t rate_limiter_take(struct rate_limiter *limiter, const struct rate_key *key,
			   const struct rate *rate, uint64_t least, uint64_t most, uint64_t now_ns,
			   uint64_t *wait_ns);

/* Gives back tokens that were taken and not used. MT-Safe. */
void rate_limiter_return(struct rate_limiter *limiter, const struct rate_key *key,
			 const struct rate *rate, uint64_t tokens);

#endif
