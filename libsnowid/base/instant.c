/* SPDX-License-Identifier: MIT
 *
 * Instants: calendar text, and their conversion to and from ticks of a unit since an epoch.
 */
#include <stdio.h>
#include <string.h>

#include "libsnowid/base/error.h"
#include "libsnowid/base/export.h"
#include "libsnowid/base/instant.h"

/* Days from 1970-01-01 to a date of the proleptic Gregorian calendar. From Howard Hinnant, "chrono-
 * Compatible Low-Level Date Algorithms", where years begin in March and 400 of them are an era. */
static int64_t days_from_date(int64_t year, unsigned month, unsigned day)
{
	const int64_t march_year = month <= 2 ? year - 1 : year;
	const int64_t era = (march_year >= 0 ? march_year : march_year - 399) / 400;
	const int64_t year_of_era = march_year - era * 400;
	const int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - 719468;
}

static void date_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
	const int64_t since_era_0 = days + 719468;
	const int64_t era = (since_era_0 >= 0 ? since_era_0 : since_era_0 - 146096) / 146097;
	const int64_t day_of_era = since_era_0 - era * 146097;
	const int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	const int64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	const int64_t month_from_march = (5 * day_of_year + 2) / 153;
	*day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
	*month = (unsigned)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
	*year = year_of_era + era * 400 + (*month <= 2);
}

static unsigned days_in_month(int64_t year, unsigned month)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

/* What has not been read yet of a text, which need not end in 0. */
struct unread_text {
	const char *next;
	const char *end;
};

static bool skip_char(struct unread_text *text, char wanted)
{
	if (text->next == text->end || *text->next != wanted)
		return false;
	text->next++;
	return true;
}

static bool at_digit(const struct unread_text *text)
{
	return text->next < text->end && *text->next >= '0' && *text->next <= '9';
}

/* Reads exactly `width` digits. */
static bool read_digits(struct unread_text *text, int width, unsigned *value)
{
	*value = 0;
	for (; width > 0; width--) {
		if (!at_digit(text))
			return false;
		*value = *value * 10 + (unsigned)(*text->next++ - '0');
	}
	return true;
}

static bool read_fraction(struct unread_text *text, uint32_t *nsec)
{
	uint32_t scale = SN_NSEC_PER_SEC;
	if (!at_digit(text))
		return false;
	for (*nsec = 0; at_digit(text); text->next++) {
		scale /= 10;
		*nsec += scale * (uint32_t)(*text->next - '0'); /* beyond 9 digits scale is 0 */
	}
	return true;
}

static bool read_zone(struct unread_text *text, int64_t *seconds)
{
	unsigned hours, minutes;
	*seconds = 0;
	if (skip_char(text, 'Z') || skip_char(text, 'z'))
		return true;
	const bool west = skip_char(text, '-');
	if (!west && !skip_char(text, '+'))
		return false;
	if (!read_digits(text, 2, &hours) || !skip_char(text, ':') ||
	    !read_digits(text, 2, &minutes))
		return false;
	if (hours > 23 || minutes > 59)
		return false;
	*seconds = (int64_t)(hours * 3600 + minutes * 60) * (west ? -1 : 1);
	return true;
}

static bool read_calendar(struct unread_text *text, int64_t *sec, uint32_t *nsec)
{
	unsigned year, month, day, hour = 0, minute = 0, second = 0;
	int64_t east = 0;

	*nsec = 0;
	if (!read_digits(text, 4, &year) || !skip_char(text, '-') ||
	    !read_digits(text, 2, &month) || !skip_char(text, '-') || !read_digits(text, 2, &day))
		return false;
	if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
		return false;
	if (text->next < text->end) {
		if (!skip_char(text, 'T') && !skip_char(text, 't') && !skip_char(text, ' '))
			return false;
		if (!read_digits(text, 2, &hour) || !skip_char(text, ':') ||
		    !read_digits(text, 2, &minute) || !skip_char(text, ':') ||
		    !read_digits(text, 2, &second))
			return false;
		if (hour > 23 || minute > 59 || second > 59)
			return false;
		if (skip_char(text, '.') && !read_fraction(text, nsec))
			return false;
		if (!read_zone(text, &east))
			return false;
	}
	*sec = days_from_date(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - east;
	return text->next == text->end;
}

static bool read_milliseconds(struct unread_text *text, int64_t *sec, uint32_t *nsec)
{
	const bool negative = skip_char(text, '-');
	uint64_t ms = 0;
	if (!at_digit(text) || text->end - text->next > 18)
		return false;
	for (; at_digit(text); text->next++)
		ms = ms * 10 + (uint64_t)(*text->next - '0');
	if (text->next != text->end)
		return false;
	const int64_t value = negative ? -(int64_t)ms : (int64_t)ms;
	const int64_t rest = (value % 1000 + 1000) % 1000;
	*sec = (value - rest) / 1000;
	*nsec = (uint32_t)rest * 1000000;
	return true;
}

SNOWID_EXPORT int snowid_time_parse(const char *text, size_t length, int64_t *unix_sec,
				    uint32_t *nsec)
{
	int64_t sec;
	uint32_t ns;

	if (!text)
		return sn_fail_null("text");
	if (!unix_sec || !nsec)
		return sn_fail_null(!unix_sec ? "unix_sec" : "nsec");
	struct unread_text integer = {text, text + length}, date = integer;
	if (!read_milliseconds(&integer, &sec, &ns) && !read_calendar(&date, &sec, &ns))
		return sn_fail(SNOWID_E_SYNTAX,
			       "\"%.*s\" is not an instant; use ISO 8601 with a time zone, such as "
			       "2024-01-03T19:30:00Z, or milliseconds since 1970",
			       length > 60 ? 60 : (int)length, text);
	if (!sn_instant_valid(sec, ns))
		return sn_fail(SNOWID_E_RANGE,
			       "the instant \"%.*s\" is outside 1582-10-15 to 9999-12-31",
			       (int)length, text);
	*unix_sec = sec;
	*nsec = ns;
	return 0;
}

SNOWID_EXPORT int snowid_time_format(int64_t unix_sec, uint32_t nsec, char text[SNOWID_TIME_TEXT])
{
	int64_t year;
	unsigned month, day;

	if (!text)
		return sn_fail_null("text");
	if (unix_sec < SN_TIME_YEAR_0 || unix_sec > SN_TIME_MAX || nsec >= SN_NSEC_PER_SEC)
		return sn_fail(SNOWID_E_RANGE,
			       "the instant %lld s and %u ns is outside the years 0 to 9999",
			       (long long)unix_sec, nsec);
	const int64_t second_of_day = (unix_sec % 86400 + 86400) % 86400;
	const unsigned second = (unsigned)second_of_day;
	date_from_days((unix_sec - second_of_day) / 86400, &year, &month, &day);
	const int decimals = nsec % 1000000 == 0 ? 3 : nsec % 1000 == 0 ? 6 : 9;
	const unsigned scaled = decimals == 3 ? nsec / 1000000 : decimals == 6 ? nsec / 1000 : nsec;
	snprintf(text, SNOWID_TIME_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%0*uZ",
		 (unsigned)year % 10000, month % 100, day % 100, second / 3600, second / 60 % 60,
		 second % 60, decimals, scaled);
	return 0;
}

void sn_timebase_init(struct sn_timebase *base, int64_t epoch_sec, uint32_t epoch_nsec,
		      uint32_t unit_ns)
{
	/* floor(n / d) == n * ceil(2^s / d) >> s for all n < 2^30, if s is 30 plus the bits of
	 * d - 1. The multiplier is too large by less than d, and so the product by less than 2^s
	 * (Granlund and Montgomery, "Division by Invariant Integers using Multiplication",
	 * 1994). */
	uint32_t shift = 30;
	while ((UINT64_C(1) << (shift - 30)) < unit_ns)
		shift++;
	*base = (struct sn_timebase){
		.epoch_sec = epoch_sec,
		.epoch_nsec = epoch_nsec,
		.unit_ns = unit_ns,
		.per_sec = SN_NSEC_PER_SEC % unit_ns == 0 ? SN_NSEC_PER_SEC / unit_ns : 0,
		.shift = shift,
		.multiplier = ((UINT64_C(1) << shift) + unit_ns - 1) / unit_ns,
	};
}

uint64_t sn_timebase_last_tick(const struct sn_timebase *base)
{
	return sn_timebase_tick(base, SN_TIME_MAX, SN_NSEC_PER_SEC - 1);
}

bool sn_timebase_start(const struct sn_timebase *base, uint64_t tick, int64_t *sec, uint32_t *nsec)
{
	if (tick > sn_timebase_last_tick(base))
		return false;
	const uint64_t t100ns = tick * (base->unit_ns / 100);
	const uint64_t ns = t100ns % SN_T100NS_PER_SEC * 100 + base->epoch_nsec;
	*sec = base->epoch_sec + (int64_t)(t100ns / SN_T100NS_PER_SEC) + (ns >= SN_NSEC_PER_SEC);
	*nsec = (uint32_t)(ns % SN_NSEC_PER_SEC);
	return true;
}
