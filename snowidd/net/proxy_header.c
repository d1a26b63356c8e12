/* SPDX-License-Identifier: MIT
 *
 * The PROXY protocol, versions 1 and 2. The sections are those of its specification.
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "snowidd/net/proxy_header.h"

/* ---- version 1: a line (section 2.1) --------------------------------------------------------- */

#define LINE_MAX_LENGTH 107 /* with its end */

/* Moves *at behind the next word and the blank or line end that follows it. */
static bool next_proxy_word(const char **at, char end, char *word, size_t size)
{
	const size_t length = strcspn(*at, " \r");

	if (length == 0 || length >= size || (*at)[length] != end)
		return false;
	memcpy(word, *at, length);
	word[length] = '\0';
	*at += length + 1;
	return true;
}

/* A number up to 65535 without leading zeros. */
static bool is_port(const char *word)
{
	const size_t length = strlen(word);
	uint32_t number = 0;

	if (length > 5 || strspn(word, "0123456789") < length || (word[0] == '0' && length > 1))
		return false;
	for (const char *at = word; *at; at++)
		number = number * 10 + (uint32_t)(*at - '0');
	return number <= UINT16_MAX;
}

/* "192.0.2.1 192.0.2.2 4711 80\r": the addresses and ports of client and server. */
static bool read_addresses(const char *at, int family, struct ip_address *client)
{
	char source[IP_ADDRESS_TEXT], destination[IP_ADDRESS_TEXT], ports[2][8];
	uint8_t bytes[16];

	if (!next_proxy_word(&at, ' ', source, sizeof source) ||
	    !next_proxy_word(&at, ' ', destination, sizeof destination) ||
	    !next_proxy_word(&at, ' ', ports[0], sizeof ports[0]) ||
	    !next_proxy_word(&at, '\r', ports[1], sizeof ports[1]) || *at != '\0')
		return false;
	return inet_pton(family, destination, bytes) == 1 && is_port(ports[0]) &&
	       is_port(ports[1]) && inet_pton(family, source, bytes) == 1 &&
	       ip_address_parse(source, strlen(source), client);
}

static bool read_proxy_line(const char *line, struct ip_address *client)
{
	if (strncmp(line, "PROXY UNKNOWN", 13) == 0)
		return line[13] == '\r' || line[13] == ' ';
	if (strncmp(line, "PROXY TCP4 ", 11) == 0)
		return read_addresses(line + 11, AF_INET, client);
	return strncmp(line, "PROXY TCP6 ", 11) == 0 && read_addresses(line + 11, AF_INET6, client);
}

static enum proxy_header parse_line(const char *bytes, size_t length, size_t *used,
				    struct ip_address *client)
{
	const size_t searched = length < LINE_MAX_LENGTH ? length : LINE_MAX_LENGTH;
	const char *const end = memchr(bytes, '\n', searched);
	char line[LINE_MAX_LENGTH];

	if (!end)
		return length < LINE_MAX_LENGTH ? PROXY_HEADER_PART : PROXY_HEADER_WRONG;
	const size_t line_length = (size_t)(end - bytes);
	if (memchr(bytes, '\0', line_length) || bytes[line_length - 1] != '\r')
		return PROXY_HEADER_WRONG;
	memcpy(line, bytes, line_length);
	line[line_length] = '\0';
	*used = line_length + 1;
	return read_proxy_line(line, client) ? PROXY_HEADER_READ : PROXY_HEADER_WRONG;
}

/* ---- version 2: bytes (section 2.2) ---------------------------------------------------------- */

#define FIXED_LENGTH 16
#define LOCAL        0x20 /* the proxy connects for itself, as to check the health */
#define PROXY        0x21
#define UNSPECIFIED  0x00
#define TCP4         0x11
#define TCP6         0x21
#define UNIX_STREAM  0x31

static bool read_block(uint8_t family, const uint8_t *block, size_t length,
		       struct ip_address *client)
{
	switch (family) {
	case UNSPECIFIED:
	case UNIX_STREAM:
		return true;
	case TCP4: /* two addresses and two ports */
		if (length < 12)
			return false;
		*client = ip_address_of_ipv4(block);
		return true;
	case TCP6:
		if (length < 36)
			return false;
		memcpy(client->bytes, block, sizeof client->bytes);
		client->known = true;
		return true;
	default:
		return false;
	}
}

static enum proxy_header parse_block(const uint8_t *bytes, size_t length, size_t *used,
				     struct ip_address *client)
{
	if (length < FIXED_LENGTH)
		return PROXY_HEADER_PART;
	const size_t block = (size_t)bytes[14] << 8 | bytes[15];
	if ((bytes[12] != LOCAL && bytes[12] != PROXY) || FIXED_LENGTH + block > PROXY_HEADER_MAX)
		return PROXY_HEADER_WRONG;
	if (length < FIXED_LENGTH + block)
		return PROXY_HEADER_PART;
	*used = FIXED_LENGTH + block;
	if (bytes[12] == LOCAL || read_block(bytes[13], bytes + FIXED_LENGTH, block, client))
		return PROXY_HEADER_READ;
	return PROXY_HEADER_WRONG;
}

/* ---- both ------------------------------------------------------------------------------------ */

static bool begins_with(const char *bytes, size_t length, const char *signature, size_t size)
{
	return memcmp(bytes, signature, length < size ? length : size) == 0;
}

enum proxy_header proxy_header_parse(const char *bytes, size_t length, size_t *used,
				     struct ip_address *client)
{
	static const char line[] = "PROXY ", block[] = "\r\n\r\n\0\r\nQUIT\n";

	if (length == 0)
		return PROXY_HEADER_PART;
	if (begins_with(bytes, length, line, sizeof line - 1))
		return parse_line(bytes, length, used, client);
	if (begins_with(bytes, length, block, sizeof block - 1))
		return parse_block((const uint8_t *)bytes, length, used, client);
	return PROXY_HEADER_WRONG;
}
