/* SPDX-License-Identifier: MIT
 *
 * Addresses as settings have them: a host, with or without a port, or the path of a Unix socket.
 */
#ifndef SNOWIDD_ADDRESS_H
#define SNOWIDD_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#define ADDRESS_HOST_SIZE 256 /* a name has at most 253 characters (RFC 1035, section 2.3.4) */
#define ADDRESS_PORT_SIZE 32
#define ADDRESS_PATH_SIZE 108 /* unix(7) */

struct address {
	char host[ADDRESS_HOST_SIZE]; /* "" if it is a path */
	char port[ADDRESS_PORT_SIZE]; /* a number, or the name of a service; "": none is given */
	char path[ADDRESS_PATH_SIZE]; /* of a Unix socket; "" if it is a host */
};

/* Reads HOST, HOST:PORT, IPV6, [IPV6], [IPV6]:PORT or unix:/PATH. As a port may follow an IPv6
 * address only behind brackets (RFC 3986, section 3.2.2), two colons outside of them make the whole
 * text a host. Does not look up the host or the port. False if the text is none of these. */
bool address_parse(const char *text, struct address *address);

/* The port as a number from 1 to 65535; `otherwise` if none is given. False if it is not such a
 * number. */
bool address_port(const struct address *address, uint16_t otherwise, uint16_t *port);

/* Whether it is surely this host: a number, or "localhost" (RFC 6761, section 6.3). */
bool address_is_loopback(const struct address *address);

#endif
