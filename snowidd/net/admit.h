/* SPDX-License-Identifier: MIT
 *
 * Whether a client may make a request at all: the limits on its rates, and its token. The same for
 * each transport.
 */
#ifndef SNOWIDD_ADMIT_H
#define SNOWIDD_ADMIT_H

#include <stddef.h>
#include <stdint.h>

#include "snowidd/base/ip_address.h"
#include "snowidd/net/loop.h"
#include "snowidd/service/refusal.h"

/* SERVED, REFUSED_TOKEN, or, for the next *wait_ns, REFUSED_RATE. `authorization` is the value of
 * the header with that name, which may be empty. */
enum refusal admit_client(const struct loop *loop, const struct ip_address *client,
			  const char *authorization, size_t length, uint64_t *wait_ns);

/* The same for what needs no token. */
enum refusal admit_without_token(const struct loop *loop, const struct ip_address *client,
				 uint64_t *wait_ns);

/* SERVED, or, for the next *wait_ns, REFUSED_RATE: whether a client may have so many IDs. */
enum refusal admit_ids(const struct loop *loop, const struct ip_address *client, uint64_t count,
		       uint64_t *wait_ns);

/* How many of `most` IDs a client may have now. */
uint64_t admit_some_ids(const struct loop *loop, const struct ip_address *client, uint64_t most);

/* Those that it did not get after all do not count. */
void admit_return_ids(const struct loop *loop, const struct ip_address *client, uint64_t count);

#endif
