/* SPDX-License-Identifier: MIT
 *
 * Addresses as settings have them.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "snowid.h"
#include "snowidd/base/address.h"

static bool copy_part(char *to, size_t size, const char *from, size_t length)
{
	if (length == 0 || length >= size)
		return false;
	memcpy(to, from, length);
	to[length] = '\0';
	return true;
}

static bool parse_host_port(const char *text, struct address *address)
{
	const bool bracketed = text[0] == '[';
	const char *const host = text + bracketed;
	size_t length = strcspn(host, bracketed ? "]" : ":");
	const char *rest = host + length;

	if (bracketed && *rest++ != ']')
		return false;
	if (!bracketed && *rest && strchr(rest + 1, ':')) {
		length = strlen(host);
		rest = host + length;
	}
	if (!copy_part(address->host, sizeof address->host, host, length))
		return false;
	return *rest == '\0' || (*rest == ':' && copy_part(address->port, sizeof address->port,
							   rest + 1, strlen(rest + 1)));
}

bool address_parse(const char *text, struct address *address)
{
	static const char scheme[] = "unix:";
	const char *const path = text + strlen(scheme);

	*address = (struct address){.host = ""};
	if (strncmp(text, scheme, strlen(scheme)) != 0)
		return parse_host_port(text, address);
	return path[0] == '/' && copy_part(address->path, sizeof address->path, path, strlen(path));
}

bool address_port(const struct address *address, uint16_t otherwise, uint16_t *port)
{
	const char *const text = address->port;
	uint64_t number = otherwise;

	if (*text && snowid_id_parse(text, strlen(text), SNOWID_FORM_DECIMAL, &number) != 0)
		return false;
	*port = (uint16_t)number;
	return number > 0 && number <= UINT16_MAX;
}

bool address_is_loopback(const struct address *address)
{
	struct in_addr ipv4;
	struct in6_addr ipv6;

	if (inet_pton(AF_INET, address->host, &ipv4) == 1)
		return ntohl(ipv4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, address->host, &ipv6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&ipv6);
	return strcmp(address->host, "localhost") == 0;
}
