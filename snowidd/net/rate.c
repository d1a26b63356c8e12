/* SPDX-License-Identifier: MIT
 *
 * A limit on the rate of requests of each client address.
 *
 * The generic cell rate algorithm (ITU-T I.371): all that is kept for a client is the instant at
 * which its bucket will be full again. The table has a fixed size. Among addresses with the same
 * hash the fullest bucket is replaced, since forgetting a full one changes nothing.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "snowid.h"
#include "snowidd/net/rate.h"

#define SETS  4096
#define WAYS  8
#define LOCKS 64

struct bucket {
	struct rate_key key;
	uint64_t full_at; /* 0 if it is not in use */
};

struct rate_limiter {
	pthread_mutex_t locks[LOCKS];
	uint64_t secret;
	struct bucket sets[SETS][WAYS];
};

bool rate_key_of(const struct ip_address *address, struct rate_key *key)
{
	memcpy(&key->high, address->bytes, sizeof key->high);
	memcpy(&key->low, address->bytes + sizeof key->high, sizeof key->low);
	if (!ip_address_is_ipv4(address))
		key->low = 0;
	return address->known;
}

struct rate_limiter *rate_limiter_new(void)
{
	struct rate_limiter *const limiter = calloc(1, sizeof *limiter);
	struct snowid_id128 random;

	if (!limiter || snowid_ulid_random(&random) != 0) {
		free(limiter);
		return NULL;
	}
	memcpy(&limiter->secret, random.bytes + 8, sizeof limiter->secret);
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_init(&limiter->locks[i], NULL);
	return limiter;
}

void rate_limiter_free(struct rate_limiter *limiter)
{
	if (!limiter)
		return;
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&limiter->locks[i]);
	free(limiter);
}

/* The finaliser of SplitMix64, with a key, so that clients cannot choose their set. */
static size_t set_index_of(const struct rate_limiter *limiter, const struct rate_key *key)
{
	uint64_t h = (key->high ^ limiter->secret) * UINT64_C(0xbf58476d1ce4e5b9) + key->low;

	h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
	return (size_t)((h ^ h >> 31) % SETS);
}

static struct bucket *find_bucket(struct bucket set[WAYS], const struct rate_key *key)
{
	struct bucket *fullest = &set[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].full_at > 0 && set[i].key.high == key->high &&
		    set[i].key.low == key->low)
			return &set[i];
		if (set[i].full_at < fullest->full_at)
			fullest = &set[i];
	}
	*fullest = (struct bucket){*key, 0};
	return fullest;
}

bool rate_limiter_take(struct rate_limiter *limiter, const struct rate_key *key,
		       uint64_t per_second, uint64_t burst, uint64_t now_ns, uint64_t *wait_ns)
{
	const uint64_t interval = 1000000000 / per_second, depth = interval * burst;
	const size_t set = set_index_of(limiter, key);

	pthread_mutex_lock(&limiter->locks[set % LOCKS]);
	struct bucket *const bucket = find_bucket(limiter->sets[set], key);
	if (bucket->full_at > now_ns + depth) /* of a larger burst, before a reload */
		bucket->full_at = now_ns + depth;
	const uint64_t full_at = (bucket->full_at > now_ns ? bucket->full_at : now_ns) + interval;
	const bool taken = full_at - now_ns <= depth;
	if (taken)
		bucket->full_at = full_at;
	else
		*wait_ns = full_at - now_ns - depth;
	pthread_mutex_unlock(&limiter->locks[set % LOCKS]);
	return taken;
}
