/* SPDX-License-Identifier: MIT
 *
 * The proxies that are believed who their client is.
 */
#ifndef SNOWIDD_TRUSTED_PROXIES_H
#define SNOWIDD_TRUSTED_PROXIES_H

#include <stdbool.h>
#include <stddef.h>

#include "snowidd/base/ip_address.h"
#include "snowidd/config/settings.h"

struct trusted_proxies {
	struct ip_network *networks;
	size_t count;
	bool unix_sockets; /* all that reach one may */
};

/* False with *error. */
bool trusted_proxies_parse(const struct text_list *list, struct trusted_proxies *proxies,
			   struct settings_error *error);
void trusted_proxies_free(struct trusted_proxies *proxies);

bool trusted_proxies_have(const struct trusted_proxies *proxies, const struct ip_address *address);

#endif
