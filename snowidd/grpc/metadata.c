/* SPDX-License-Identifier: MIT
 *
 * The header fields of a call.
 */
#include <string.h>
#include <strings.h>

#include "snowidd/grpc/metadata.h"

#define TIMEOUT_DIGITS 8

static uint64_t timeout_unit_ns(char unit)
{
	switch (unit) {
	case 'H':
		return UINT64_C(3600000000000);
	case 'M':
		return UINT64_C(60000000000);
	case 'S':
		return UINT64_C(1000000000);
	case 'm':
		return UINT64_C(1000000);
	case 'u':
		return UINT64_C(1000);
	case 'n':
		return 1;
	default:
		return 0;
	}
}

bool grpc_timeout_parse(const char *text, size_t length, uint64_t *ns)
{
	uint64_t value = 0;

	if (length < 2 || length > TIMEOUT_DIGITS + 1)
		return false;
	const uint64_t unit_ns = timeout_unit_ns(text[length - 1]);
	for (size_t i = 0; i < length - 1; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	if (__builtin_mul_overflow(value, unit_ns, ns))
		*ns = UINT64_MAX;
	return unit_ns > 0;
}

bool grpc_type_is_served(const char *text, size_t length)
{
	static const char *const types[] = {"application/grpc", "application/grpc+proto"};

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		const size_t type = strlen(types[i]);
		if (length >= type && strncasecmp(text, types[i], type) == 0 &&
		    (length == type || text[type] == ';' || text[type] == ' '))
			return true;
	}
	return false;
}
