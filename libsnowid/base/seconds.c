/* SPDX-License-Identifier: MIT
 *
 * Instants and spans from numbers of seconds in floating point.
 *
 * A program that has written 1704067200.123 means these decimals, not the double next to them,
 * which is up to 120 ns away. So a number is rounded to the last decimal place, at most the ninth,
 * of which doubles of its magnitude can tell all values apart: for today, microseconds.
 */
#include <math.h>
#include <stdbool.h>

#include "libsnowid/base/error.h"
#include "libsnowid/base/export.h"
#include "libsnowid/base/instant.h"

/* The number of such steps in a second: 10^d for the largest d up to 9 with 10^-d >= the distance
 * of doubles of this magnitude. Below 2^23 the distance is at most 2^-30. */
static uint32_t steps_per_second(double magnitude)
{
	double distance = 0x1p-30;
	uint32_t steps = SN_NSEC_PER_SEC;

	for (double bound = 0x1p23; magnitude >= bound; bound *= 2)
		distance *= 2;
	while (steps > 1 && distance * steps > 1)
		steps /= 10;
	return steps;
}

/* Splits a number of seconds that fits an int64_t. The difference of a double and its integer
 * part is exact. */
static void seconds_split(double seconds, int64_t *whole, uint32_t *nsec)
{
	const uint32_t steps = steps_per_second(seconds < 0 ? -seconds : seconds);
	*whole = (int64_t)seconds;
	if ((double)*whole > seconds)
		--*whole;
	const uint32_t count = (uint32_t)((seconds - (double)*whole) * steps + 0.5);
	*whole += count / steps;
	*nsec = count % steps * (SN_NSEC_PER_SEC / steps);
}

static int fail_seconds(double seconds)
{
	static const struct {
		const char *name;
		double per_second;
	} units[] = {{"milliseconds", 1e3}, {"microseconds", 1e6}, {"nanoseconds", 1e9}};
	char instant[SNOWID_TIME_TEXT];

	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		const double scaled = seconds / units[i].per_second;
		if (!(scaled >= (double)SN_TIME_MIN && scaled <= (double)SN_TIME_MAX))
			continue;
		sn_instant_show((int64_t)scaled, 0, instant);
		return sn_fail(SNOWID_E_RANGE,
			       "%.17g s is outside the years 1582 to 9999; as %s it would be in "
			       "%.4s: divide it by %.0f",
			       seconds, units[i].name, instant, units[i].per_second);
	}
	if (isnan(seconds))
		return sn_fail(SNOWID_E_RANGE, "the number of seconds is not a number (NaN)");
	return sn_fail(SNOWID_E_RANGE, "%.17g s is outside the years 1582 to 9999", seconds);
}

/* The comparisons also refuse what is not a number. */
SNOWID_EXPORT int snowid_time_from_seconds(double seconds, int64_t *unix_sec, uint32_t *nsec)
{
	int64_t sec;
	uint32_t ns;

	if (!unix_sec || !nsec)
		return sn_fail_null(!unix_sec ? "unix_sec" : "nsec");
	if (!(seconds >= (double)SN_TIME_MIN && seconds < (double)SN_TIME_MAX + 1))
		return fail_seconds(seconds);
	seconds_split(seconds, &sec, &ns);
	if (!sn_instant_valid(sec, ns)) /* rounded up to the year 10000 */
		return fail_seconds(seconds);
	*unix_sec = sec;
	*nsec = ns;
	return 0;
}

SNOWID_EXPORT int snowid_span_from_seconds(double seconds, uint64_t *ns)
{
	int64_t whole;
	uint32_t nsec;
	uint64_t value = 0;

	if (!ns)
		return sn_fail_null("ns");
	if (seconds < 0)
		return sn_fail(SNOWID_E_RANGE, "the span is %.17g s, but must not be negative",
			       seconds);
	if (isnan(seconds))
		return sn_fail(SNOWID_E_RANGE, "the span in seconds is not a number (NaN)");
	bool overflow = !(seconds < 0x1p35);
	if (!overflow) {
		seconds_split(seconds, &whole, &nsec);
		overflow = __builtin_mul_overflow((uint64_t)whole, SN_NSEC_PER_SEC, &value) ||
			   __builtin_add_overflow(value, nsec, &value);
	}
	if (overflow)
		return sn_fail(SNOWID_E_RANGE,
			       "the span is %.17g s, but must be shorter than 2^64 ns, which is "
			       "584 years",
			       seconds);
	*ns = value;
	return 0;
}
