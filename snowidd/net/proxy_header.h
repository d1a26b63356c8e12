/* SPDX-License-Identifier: MIT
 *
 * The header that a proxy puts in front of the bytes of a connection, to say who its client is: the
 * PROXY protocol, versions 1 and 2 (https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt).
 */
#ifndef SNOWIDD_PROXY_HEADER_H
#define SNOWIDD_PROXY_HEADER_H

#include <stddef.h>

#include "snowidd/base/ip_address.h"

/* How long a header may be with all that version 2 can append (section 2.2.1 and on): the longest
 * that proxies send have the certificate of the client. */
#define PROXY_HEADER_MAX 16384

enum proxy_header {
	PROXY_HEADER_PART,  /* more has to arrive */
	PROXY_HEADER_READ,  /* it has *used bytes */
	PROXY_HEADER_WRONG, /* the bytes do not begin with a header, or one for another protocol */
};

/* Reads a header from the beginning of a connection. *client is changed if the header has an
 * address: not if the proxy connects for itself, or does not know the client. */
enum proxy_header proxy_header_parse(const char *bytes, size_t length, size_t *used,
				     struct ip_address *client);

#endif
