/* SPDX-License-Identifier: MIT
 *
 * A limit on the rate of requests, and of IDs, of each client address.
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
	uint64_t full_at[RATES]; /* all are 0 if it is not in use */
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

bool rate_secret_new(uint64_t *secret)
{
	struct snowid_id128 random;

	if (snowid_ulid_random(&random) != 0)
		return false;
	memcpy(secret, random.bytes + 8, sizeof *secret);
	return true;
}

struct rate_limiter *rate_limiter_new(void)
{
	struct rate_limiter *const limiter = calloc(1, sizeof *limiter);

	if (!limiter || !rate_secret_new(&limiter->secret)) {
		free(limiter);
		return NULL;
	}
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

/* The finaliser of SplitMix64, with a key. */
uint64_t rate_key_hash(const struct rate_key *key, uint64_t secret)
{
	uint64_t h = (key->high ^ secret) * UINT64_C(0xbf58476d1ce4e5b9) + key->low;

	h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
	return h ^ h >> 31;
}

static uint64_t all_full_at(const struct bucket *bucket)
{
	const uint64_t *const at = bucket->full_at;

	return at[RATE_OF_REQUESTS] > at[RATE_OF_IDS] ? at[RATE_OF_REQUESTS] : at[RATE_OF_IDS];
}

static struct bucket *find_bucket(struct bucket set[WAYS], const struct rate_key *key)
{
	struct bucket *fullest = &set[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (all_full_at(&set[i]) > 0 && set[i].key.high == key->high &&
		    set[i].key.low == key->low)
			return &set[i];
		if (all_full_at(&set[i]) < all_full_at(fullest))
			fullest = &set[i];
	}
	*fullest = (struct bucket){.key = *key};
	return fullest;
}

/* How long the bucket takes to gain some tokens. */
static uint64_t time_to_gain(const struct rate *rate, uint64_t tokens)
{
	return tokens * 1000000000 / rate->per_second;
}

/* How many of `most` tokens a bucket has that has gained for a time. */
static uint64_t count_gained(const struct rate *rate, uint64_t most, uint64_t time_ns)
{
	return time_ns >= time_to_gain(rate, most) ? most : time_ns * rate->per_second / 1000000000;
}

uint64_t rate_limiter_take(struct rate_limiter *limiter, const struct rate_key *key,
			   const struct rate *rate, uint64_t least, uint64_t most, uint64_t now_ns,
			   uint64_t *wait_ns)
{
	const uint64_t depth = time_to_gain(rate, rate->burst);
	const size_t set = (size_t)(rate_key_hash(key, limiter->secret) % SETS);

	pthread_mutex_lock(&limiter->locks[set % LOCKS]);
	uint64_t *const full_at = &find_bucket(limiter->sets[set], key)->full_at[rate->of];
	if (*full_at > now_ns + depth) /* of a larger burst, before a reload */
		*full_at = now_ns + depth;
	if (*full_at < now_ns)
		*full_at = now_ns;
	const uint64_t gained = now_ns + depth - *full_at;
	uint64_t taken = count_gained(rate, most, gained);
	if (taken < least) {
		taken = 0;
		*wait_ns = time_to_gain(rate, least) - gained;
	}
	*full_at += time_to_gain(rate, taken);
	pthread_mutex_unlock(&limiter->locks[set % LOCKS]);
	return taken;
}

void rate_limiter_return(struct rate_limiter *limiter, const struct rate_key *key,
			 const struct rate *rate, uint64_t tokens)
{
	const uint64_t time_ns = time_to_gain(rate, tokens);
	const size_t set = (size_t)(rate_key_hash(key, limiter->secret) % SETS);

	pthread_mutex_lock(&limiter->locks[set % LOCKS]);
	uint64_t *const full_at = &find_bucket(limiter->sets[set], key)->full_at[rate->of];
	*full_at = *full_at > time_ns ? *full_at - time_ns : 0;
	pthread_mutex_unlock(&limiter->locks[set % LOCKS]);
}
