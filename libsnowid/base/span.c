/* SPDX-License-Identifier: MIT
 *
 * Spans of time as text, as in layouts and settings.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "libsnowid/base/error.h"
#include "libsnowid/base/export.h"

static const struct span_unit {
	const char *name;
	uint64_t ns;
} span_units[] = {
	{"h", UINT64_C(3600000000000)}, {"m", UINT64_C(60000000000)}, {"s", UINT64_C(1000000000)},
	{"ms", UINT64_C(1000000)},      {"us", UINT64_C(1000)},       {"ns", UINT64_C(1)},
};
#define SPAN_UNITS (sizeof span_units / sizeof span_units[0])

/* The unit with this name, of which 0 needs none. NULL: there is none. */
static const struct span_unit *span_find_unit(const char *name, size_t length, uint64_t value)
{
	for (size_t i = 0; i < SPAN_UNITS; i++)
		if (strlen(span_units[i].name) == length &&
		    memcmp(span_units[i].name, name, length) == 0)
			return &span_units[i];
	return length == 0 && value == 0 ? &span_units[0] : NULL;
}

SNOWID_EXPORT int snowid_span_parse(const char *text, size_t length, uint64_t *ns)
{
	uint64_t value = 0;
	bool overflow = false;
	size_t digits = 0;

	if (!text || !ns)
		return sn_fail_null(!text ? "text" : "ns");
	for (; digits < length && text[digits] >= '0' && text[digits] <= '9'; digits++) {
		overflow |= __builtin_mul_overflow(value, 10, &value);
		overflow |= __builtin_add_overflow(value, (uint64_t)(text[digits] - '0'), &value);
	}
	const struct span_unit *const unit =
		span_find_unit(text + digits, length - digits, overflow ? 1 : value);
	const int shown = length > 60 ? 60 : (int)length;
	if (digits == 0 || !unit)
		return sn_fail(SNOWID_E_SYNTAX,
			       "\"%.*s\" is not a span of time; write an integer with the unit ns, "
			       "us, ms, s, m or h, such as 5ms",
			       shown, text);
	overflow |= __builtin_mul_overflow(value, unit->ns, &value);
	if (overflow)
		return sn_fail(SNOWID_E_OVERFLOW,
			       "the span \"%.*s\" has 2^64 ns, which is 584 years, or more", shown,
			       text);
	*ns = value;
	return 0;
}

SNOWID_EXPORT int snowid_span_format(uint64_t ns, char text[SNOWID_SPAN_TEXT])
{
	size_t i = 0;

	if (!text)
		return sn_fail_null("text");
	while (ns % span_units[i].ns != 0)
		i++;
	if (ns == 0)
		snprintf(text, SNOWID_SPAN_TEXT, "0");
	else
		snprintf(text, SNOWID_SPAN_TEXT, "%" PRIu64 "%s", ns / span_units[i].ns,
			 span_units[i].name);
	return 0;
}
