/* SPDX-License-Identifier: MIT
 *
 * What tells one daemon from another: two with the same layout and fields make the same IDs.
 */
#ifndef SNOWIDD_PEER_IDENTITY_H
#define SNOWIDD_PEER_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include "snowidd/service/service.h"

/* Of the first kind. The layout is "" if no other daemon can make the same IDs: they are not 64-bit
 * numbers, or unique on one host only. */
struct peer_identity {
	char instance[32]; /* a name of this run of the daemon */
	char layout[512];
	char fields[256]; /* "datacenter_id=0 worker_id=5 " */
};

/* Reads the JSON of /api/v1/health. False if it is something else. */
bool peer_identity_parse(const char *json, size_t length, struct peer_identity *identity);

/* The identity of this daemon. */
void peer_identity_own(struct service *service, struct peer_identity *identity);

/* Whether two daemons make the same IDs, and are not one and the same. */
bool peer_identity_conflicts(const struct peer_identity *one, const struct peer_identity *other);

#endif
