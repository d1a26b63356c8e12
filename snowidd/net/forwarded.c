/* SPDX-License-Identifier: MIT
 *
 * Who a request is from when proxies have forwarded it.
 *
 * Each proxy appends the address that it was connected from, so that the list is read from its end,
 * and only for as long as what is read was written by a trusted proxy. Forwarded (RFC 7239) is not
 * read beside it: a proxy that writes one of the two passes on the other as its client sent it.
 */
#include <string.h>

#include "snowidd/net/forwarded.h"

static bool is_list_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

/* Reads the last address of a list, and makes the list shorter. */
static bool take_last_address(const char *value, size_t *length, struct ip_address *address)
{
	size_t end = *length, start;

	while (end > 0 && is_list_blank(value[end - 1]))
		end--;
	for (start = end; start > 0 && value[start - 1] != ',';)
		start--;
	if (start == 1)
		return false; /* nothing is in front of the first comma */
	*length = start > 0 ? start - 1 : 0;
	while (start < end && is_list_blank(value[start]))
		start++;
	return ip_address_parse(value + start, end - start, address);
}

struct ip_address forwarded_client(const struct trusted_proxies *proxies,
				   const struct ip_address *from, const char *value, size_t length)
{
	struct ip_address client = *from;

	while (length > 0 && trusted_proxies_have(proxies, &client))
		if (!take_last_address(value, &length, &client))
			return *from;
	return client;
}
