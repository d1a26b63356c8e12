/* SPDX-License-Identifier: MIT
 *
 * Spans of time as text, as in layouts and settings.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libsnowid/base/span.h"

static const struct {
	const char *name;
	uint64_t ns;
} span_units[] = {
	{"h", UINT64_C(3600000000000)}, {"m", UINT64_C(60000000000)}, {"s", UINT64_C(1000000000)},
	{"ms", UINT64_C(1000000)},      {"us", UINT64_C(1000)},       {"ns", UINT64_C(1)},
};

bool sn_span_parse(const char *text, size_t length, uint64_t *ns)
{
	uint64_t value = 0;
	size_t i = 0;

	for (; i < length && text[i] >= '0' && text[i] <= '9'; i++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
			return false;
	if (i == 0)
		return false;
	if (i == length && value == 0) {
		*ns = 0;
		return true;
	}
	for (size_t u = 0; u < sizeof span_units / sizeof span_units[0]; u++)
		if (strlen(span_units[u].name) == length - i &&
		    memcmp(span_units[u].name, text + i, length - i) == 0)
			return !__builtin_mul_overflow(value, span_units[u].ns, ns);
	return false;
}

void sn_span_format(uint64_t ns, char *text)
{
	size_t u = 0;
	while (ns % span_units[u].ns != 0)
		u++;
	if (ns == 0)
		snprintf(text, SN_SPAN_TEXT, "0");
	else
		snprintf(text, SN_SPAN_TEXT, "%" PRIu64 "%s", ns / span_units[u].ns,
			 span_units[u].name);
}
