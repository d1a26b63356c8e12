/* SPDX-License-Identifier: MIT
 *
 * Spans of time as text.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "snowidd/config/span.h"

static const struct {
	const char *name;
	uint64_t ns;
} span_units[] = {{"ns", 1},
		  {"us", 1000},
		  {"ms", 1000000},
		  {"s", 1000000000},
		  {"m", UINT64_C(60000000000)},
		  {"h", UINT64_C(3600000000000)}};

bool span_read_ns(const char *text, uint64_t *ns)
{
	const size_t digits = strspn(text, "0123456789");

	errno = 0;
	const uint64_t number = strtoull(text, NULL, 10);
	if (digits == 0 || errno == ERANGE)
		return false;
	for (size_t i = 0; i < sizeof span_units / sizeof span_units[0]; i++)
		if (strcmp(text + digits, span_units[i].name) == 0)
			return !__builtin_mul_overflow(number, span_units[i].ns, ns);
	*ns = 0;
	return number == 0 && text[digits] == '\0';
}
