/* SPDX-License-Identifier: MIT
 *
 * The header of the PROXY protocol. However it is cut, it is read alike: each beginning is a part
 * of it, or is as wrong as the whole.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "snowidd/net/proxy_header.h"

/* From memory of exactly this length, so that reading behind it is noticed. */
static enum proxy_header parse_beginning(const uint8_t *data, size_t length, size_t *used)
{
	struct ip_address client = {.known = false};
	char *const bytes = malloc(length > 0 ? length : 1);

	if (!bytes)
		abort();
	memcpy(bytes, data, length);
	const enum proxy_header result = proxy_header_parse(bytes, length, used, &client);
	if (result == PROXY_HEADER_PART && client.known)
		abort();
	free(bytes);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t whole_used = 0, used = 0;
	const enum proxy_header whole = parse_beginning(data, size, &whole_used);

	for (size_t length = 0; length < size && length < 300; length++) {
		const enum proxy_header part = parse_beginning(data, length, &used);
		if (part != PROXY_HEADER_PART && part != whole)
			abort();
		if (part == PROXY_HEADER_READ && (used != whole_used || used > length))
			abort();
	}
	if (whole == PROXY_HEADER_READ && (whole_used > size || whole_used > PROXY_HEADER_MAX))
		abort();
	return 0;
}

void fuzz_end(void)
{
}
