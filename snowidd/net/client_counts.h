/* SPDX-License-Identifier: MIT
 *
 * How many connections each client has open, so that one cannot take them all.
 */
#ifndef SNOWIDD_CLIENT_COUNTS_H
#define SNOWIDD_CLIENT_COUNTS_H

#include <stdbool.h>
#include <stddef.h>

#include "snowidd/net/rate.h"

struct client_counts;

/* NULL if there is no memory. */
struct client_counts *client_counts_new(void);
void client_counts_free(struct client_counts *counts);

/* Counts a connection. False if the client has `most` of them, or if there is no memory. MT-Safe,
 * as is client_counts_remove(), which must follow when the connection ends. */
bool client_counts_add(struct client_counts *counts, const struct rate_key *key, size_t most);
void client_counts_remove(struct client_counts *counts, const struct rate_key *key);

#endif
