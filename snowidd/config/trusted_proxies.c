/* SPDX-License-Identifier: MIT
 *
 * The proxies that are believed who their client is.
 */
#include <stdlib.h>
#include <string.h>

#include "snowidd/config/trusted_proxies.h"

bool trusted_proxies_parse(const struct text_list *list, struct trusted_proxies *proxies,
			   struct settings_error *error)
{
	*proxies = (struct trusted_proxies){.networks = NULL};
	if (list->count == 0)
		return true;
	proxies->networks = calloc(list->count, sizeof *proxies->networks);
	if (!proxies->networks)
		return settings_fail(error, "out of memory");
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->items[i], "unix:") == 0)
			proxies->unix_sockets = true;
		else if (ip_network_parse(list->items[i], &proxies->networks[proxies->count]))
			proxies->count++;
		else
			return settings_fail(error,
					     "trusted_proxies: \"%.80s\" is not an address, unix:, "
					     "or a network such as 10.0.0.0/8 or 2001:db8::/32, "
					     "with zeros behind its prefix",
					     list->items[i]);
	}
	return true;
}

void trusted_proxies_free(struct trusted_proxies *proxies)
{
	free(proxies->networks);
}

bool trusted_proxies_have(const struct trusted_proxies *proxies, const struct ip_address *address)
{
	if (!address->known)
		return proxies->unix_sockets;
	for (size_t i = 0; i < proxies->count; i++)
		if (ip_network_has(&proxies->networks[i], address))
			return true;
	return false;
}
