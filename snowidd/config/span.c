/* SPDX-License-Identifier: MIT
 *
 * Spans of time as text.
 */
#include <string.h>

#include "snowid.h"
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
	uint64_t number;

	if (snowid_id_parse(text, digits, SNOWID_FORM_DECIMAL, &number) != 0)
		return false;
	for (size_t i = 0; i < sizeof span_units / sizeof span_units[0]; i++)
		if (strcmp(text + digits, span_units[i].name) == 0)
			return !__builtin_mul_overflow(number, span_units[i].ns, ns);
	*ns = 0;
	return number == 0 && text[digits] == '\0';
}
