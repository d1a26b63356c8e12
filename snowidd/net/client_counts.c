/* SPDX-License-Identifier: MIT
 *
 * How many connections each client has open.
 *
 * Only clients with a connection are in the table, so that its size is bounded by the number of
 * connections. One lock is enough: it is taken when a connection begins and when it ends.
 */
#include <pthread.h>
#include <stdlib.h>

#include "snowid.h"
#include "snowidd/net/client_counts.h"

#define CHAINS 8192

struct client_count {
	struct client_count *next; /* of the same hash */
	struct rate_key key;
	size_t connections;
};

struct client_counts {
	pthread_mutex_t lock;
	uint64_t secret;
	struct client_count *chains[CHAINS];
};

struct client_counts *client_counts_new(void)
{
	struct client_counts *const counts = calloc(1, sizeof *counts);

	if (!counts || !rate_secret_new(&counts->secret)) {
		free(counts);
		return NULL;
	}
	pthread_mutex_init(&counts->lock, NULL);
	return counts;
}

void client_counts_free(struct client_counts *counts)
{
	if (!counts)
		return;
	for (size_t i = 0; i < CHAINS; i++)
		while (counts->chains[i]) {
			struct client_count *const count = counts->chains[i];
			counts->chains[i] = count->next;
			free(count);
		}
	pthread_mutex_destroy(&counts->lock);
	free(counts);
}

/* Where the client is linked, or would be. */
static struct client_count **find_client(struct client_counts *counts, const struct rate_key *key)
{
	struct client_count **link = &counts->chains[rate_key_hash(key, counts->secret) % CHAINS];

	while (*link && ((*link)->key.high != key->high || (*link)->key.low != key->low))
		link = &(*link)->next;
	return link;
}

static bool add_connection(struct client_counts *counts, const struct rate_key *key, size_t most)
{
	struct client_count **const link = find_client(counts, key);

	if (!*link) {
		*link = calloc(1, sizeof **link);
		if (!*link)
			return false;
		(*link)->key = *key;
	}
	if ((*link)->connections >= most)
		return false;
	(*link)->connections++;
	return true;
}

bool client_counts_add(struct client_counts *counts, const struct rate_key *key, size_t most)
{
	pthread_mutex_lock(&counts->lock);
	const bool added = add_connection(counts, key, most);
	pthread_mutex_unlock(&counts->lock);
	return added;
}

void client_counts_remove(struct client_counts *counts, const struct rate_key *key)
{
	pthread_mutex_lock(&counts->lock);
	struct client_count **const link = find_client(counts, key);
	struct client_count *const count = *link;
	if (count && --count->connections == 0) {
		*link = count->next;
		free(count);
	}
	pthread_mutex_unlock(&counts->lock);
}
