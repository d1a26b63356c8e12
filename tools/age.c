/* SPDX-License-Identifier: MIT
 *
 * Says how long ago an instant was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "snowid-tool.h"

int64_t now_seconds(void)
{
	return (int64_t)time(NULL);
}

const char *age_text(int64_t sec)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = {{31556952, "years"}, /* 365.2425 days */
		     {86400, "days"},
		     {3600, "hours"},
		     {60, "minutes"},
		     {1, "seconds"}};
	static char text[sizeof "in 9223372036854775807 seconds"];
	const int64_t age = now_seconds() - sec, length = age < 0 ? -age : age;
	size_t unit = 0;

	while (units[unit].seconds > 1 && length < 2 * units[unit].seconds)
		unit++;
	const long long count = (long long)(length / units[unit].seconds);
	snprintf(text, sizeof text, "%s%lld %.*s%s", age < 0 ? "in " : "", count,
		 count == 1 ? 6 : 7, units[unit].name, age < 0 ? "" : " ago");
	return text;
}
