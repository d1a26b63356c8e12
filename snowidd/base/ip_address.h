/* SPDX-License-Identifier: MIT
 *
 * IP addresses, and networks of them, as a client is known by.
 */
#ifndef SNOWIDD_IP_ADDRESS_H
#define SNOWIDD_IP_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define IP_ADDRESS_TEXT 46 /* INET6_ADDRSTRLEN */

/* An address of IPv6, or one of IPv4 as IPv6 writes it (::ffff:192.0.2.1, RFC 4291, section
 * 2.5.5.2), so that a client is the same through either. */
struct ip_address {
	uint8_t bytes[16];
	bool known; /* false: it has none, as a client of a Unix socket */
};

/* All whose first `bits` bits are those of `first`. */
struct ip_network {
	struct ip_address first;
	unsigned bits;
};

/* Not known if the socket address is not one of IP. */
struct ip_address ip_address_of(const struct sockaddr *address);

/* Of the bytes of an IPv4 address. */
struct ip_address ip_address_of_ipv4(const uint8_t bytes[4]);
bool ip_address_is_ipv4(const struct ip_address *address);

/* Reads 192.0.2.1 or 2001:db8::1, or, as proxies may write them, 192.0.2.1:80 or [2001:db8::1]:80.
 * False if the text is none of these. */
bool ip_address_parse(const char *text, size_t length, struct ip_address *address);

/* As text; "unix" if it is not known. */
void ip_address_format(const struct ip_address *address, char text[IP_ADDRESS_TEXT]);

/* Reads an address, or a network such as 10.0.0.0/8, in which all bits behind the first are 0.
 * False if the text is neither. */
bool ip_network_parse(const char *text, struct ip_network *network);

bool ip_network_has(const struct ip_network *network, const struct ip_address *address);

#endif
