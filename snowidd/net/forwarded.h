/* SPDX-License-Identifier: MIT
 *
 * Who a request is from when proxies have forwarded it.
 */
#ifndef SNOWIDD_FORWARDED_H
#define SNOWIDD_FORWARDED_H

#include <stddef.h>

#include "snowidd/base/ip_address.h"
#include "snowidd/config/trusted_proxies.h"

/* The client of a request that came from the address `from` with this value of X-Forwarded-For,
 * which may be empty: the last address in it that is not a trusted proxy, or the first, if all are.
 * It is `from` if that is no trusted proxy, or if what it would be read from is not an address. */
struct ip_address forwarded_client(const struct trusted_proxies *proxies,
				   const struct ip_address *from, const char *value, size_t length);

#endif
