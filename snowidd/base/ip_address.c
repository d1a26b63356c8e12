/* SPDX-License-Identifier: MIT
 *
 * IP addresses, and networks of them.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "snowid.h"
#include "snowidd/base/address.h"
#include "snowidd/base/ip_address.h"

#define IPV4_BITS 32
#define IPV6_BITS 128

/* What precedes the bytes of an IPv4 address. */
static const uint8_t ipv4_prefix[12] = {[10] = 0xff, [11] = 0xff};

bool ip_address_is_ipv4(const struct ip_address *address)
{
	return memcmp(address->bytes, ipv4_prefix, sizeof ipv4_prefix) == 0;
}

struct ip_address ip_address_of_ipv4(const uint8_t bytes[4])
{
	struct ip_address address = {.known = true};

	memcpy(address.bytes, ipv4_prefix, sizeof ipv4_prefix);
	memcpy(address.bytes + sizeof ipv4_prefix, bytes, 4);
	return address;
}

struct ip_address ip_address_of(const struct sockaddr *socket_address)
{
	struct ip_address address = {.known = false};

	if (socket_address->sa_family == AF_INET) {
		const struct sockaddr_in *const in = (const void *)socket_address;
		return ip_address_of_ipv4((const uint8_t *)&in->sin_addr);
	}
	if (socket_address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *const in6 = (const void *)socket_address;
		memcpy(address.bytes, &in6->sin6_addr, sizeof address.bytes);
		address.known = true;
	}
	return address;
}

static bool parse_host(const char *host, struct ip_address *address)
{
	struct in_addr ipv4;

	if (inet_pton(AF_INET, host, &ipv4) == 1) {
		*address = ip_address_of_ipv4((const uint8_t *)&ipv4);
		return true;
	}
	address->known = inet_pton(AF_INET6, host, address->bytes) == 1;
	return address->known;
}

bool ip_address_parse(const char *text, size_t length, struct ip_address *address)
{
	char copy[IP_ADDRESS_TEXT + sizeof "[]:65535"];
	struct address parsed;
	uint16_t port;

	*address = (struct ip_address){.known = false};
	if (length >= sizeof copy || memchr(text, '\0', length))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return address_parse(copy, &parsed) && address_port(&parsed, 1, &port) &&
	       parse_host(parsed.host, address);
}

void ip_address_format(const struct ip_address *address, char text[IP_ADDRESS_TEXT])
{
	if (!address->known)
		snprintf(text, IP_ADDRESS_TEXT, "unix");
	else if (ip_address_is_ipv4(address))
		inet_ntop(AF_INET, address->bytes + sizeof ipv4_prefix, text, IP_ADDRESS_TEXT);
	else
		inet_ntop(AF_INET6, address->bytes, text, IP_ADDRESS_TEXT);
}

/* ---- networks -------------------------------------------------------------------------------- */

static bool is_bit_set(const struct ip_address *address, unsigned bit)
{
	return address->bytes[bit / 8] >> (7 - bit % 8) & 1;
}

static bool parse_prefix_length(const char *text, unsigned most, unsigned *bits)
{
	uint64_t number;

	if (snowid_id_parse(text, strlen(text), SNOWID_FORM_DECIMAL, &number) != 0 || number > most)
		return false;
	*bits = IPV6_BITS - most + (unsigned)number;
	return true;
}

bool ip_network_parse(const char *text, struct ip_network *network)
{
	const size_t length = strcspn(text, "/");
	char host[IP_ADDRESS_TEXT];

	network->bits = IPV6_BITS;
	if (length >= sizeof host)
		return false;
	memcpy(host, text, length);
	host[length] = '\0';
	if (!parse_host(host, &network->first))
		return false;
	if (text[length] == '/' &&
	    !parse_prefix_length(text + length + 1, strchr(host, ':') ? IPV6_BITS : IPV4_BITS,
				 &network->bits))
		return false;
	for (unsigned bit = network->bits; bit < IPV6_BITS; bit++)
		if (is_bit_set(&network->first, bit))
			return false;
	return true;
}

bool ip_network_has(const struct ip_network *network, const struct ip_address *address)
{
	if (!address->known)
		return false;
	for (unsigned bit = 0; bit < network->bits; bit++)
		if (is_bit_set(&network->first, bit) != is_bit_set(address, bit))
			return false;
	return true;
}
