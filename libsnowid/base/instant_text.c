/* SPDX-License-Identifier: MIT
 *
 * Instants and periods as text. Each text is read as the period that it means: a month, a day, a
 * minute, a second or a fraction of one. The instant is where that begins.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "libsnowid/base/calendar.h"
#include "libsnowid/base/error.h"
#include "libsnowid/base/export.h"
#include "libsnowid/base/instant.h"
#include "libsnowid/base/instant_text.h"

struct period {
	int64_t sec; /* where it begins */
	uint32_t nsec;
	uint32_t length_sec;
	uint32_t length_nsec;
};

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

/* Reads an integer of at least one digit. False also if it does not fit. */
static bool read_integer(struct unread_text *text, int64_t *value)
{
	const bool negative = skip_char(text, '-');
	if (!at_digit(text))
		return false;
	for (*value = 0; at_digit(text); text->next++)
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, *text->next - '0', value))
			return false;
	if (negative)
		*value = -*value;
	return true;
}

/* Reads the digits after a decimal point. The period becomes as long as the last of them counts. */
static bool read_fraction(struct unread_text *text, struct period *period)
{
	uint32_t scale = SN_NSEC_PER_SEC;
	if (!at_digit(text))
		return false;
	for (period->nsec = 0; at_digit(text); text->next++) {
		scale /= 10; /* beyond 9 digits it is 0 */
		period->nsec += scale * (uint32_t)(*text->next - '0');
	}
	period->length_sec = 0;
	period->length_nsec = scale > 0 ? scale : 1;
	return true;
}

/* ---- ISO 8601, in the extended format (2024-01-03T19:30:00Z) or the basic one ---------------- */

static bool read_date(struct unread_text *text, bool *extended, struct period *period)
{
	unsigned year, month, day = 1;

	if (!read_digits(text, 4, &year))
		return false;
	*extended = skip_char(text, '-');
	if (!read_digits(text, 2, &month) || month < 1 || month > 12)
		return false;
	/* Only the extended format has months: 202401 could as well be 2020-24-01 (ISO 8601-1,
	 * 5.2.2.2). */
	const unsigned days = sn_calendar_days_in_month(year, month);
	const bool whole_month = *extended && text->next == text->end;
	if (!whole_month && *extended && !skip_char(text, '-'))
		return false;
	if (!whole_month && (!read_digits(text, 2, &day) || day < 1 || day > days))
		return false;
	*period = (struct period){.sec = sn_calendar_days(year, month, day) * 86400,
				  .length_sec = 86400 * (whole_month ? days : 1)};
	return true;
}

static bool read_time_of_day(struct unread_text *text, bool extended, struct period *period)
{
	unsigned hour, minute, second = 0;

	if (!read_digits(text, 2, &hour) || (extended && !skip_char(text, ':')) ||
	    !read_digits(text, 2, &minute))
		return false;
	period->length_sec = 60;
	if (extended ? skip_char(text, ':') : at_digit(text)) {
		if (!read_digits(text, 2, &second))
			return false;
		period->length_sec = 1;
		if (skip_char(text, '.') && !read_fraction(text, period))
			return false;
	}
	period->sec += hour * 3600 + minute * 60 + second;
	return hour <= 23 && minute <= 59 && second <= 59;
}

/* Z, +01:00, +0100 or +01. */
static bool read_zone(struct unread_text *text, struct period *period)
{
	unsigned hours, minutes = 0;
	if (skip_char(text, 'Z') || skip_char(text, 'z'))
		return true;
	const bool west = skip_char(text, '-');
	if (!west && !skip_char(text, '+'))
		return false;
	if (!read_digits(text, 2, &hours))
		return false;
	if ((skip_char(text, ':') || at_digit(text)) && !read_digits(text, 2, &minutes))
		return false;
	const int64_t offset = hours * 3600 + minutes * 60;
	period->sec += west ? offset : -offset;
	return hours <= 23 && minutes <= 59;
}

static bool read_calendar(struct unread_text text, struct period *period)
{
	bool extended;

	if (!read_date(&text, &extended, period))
		return false;
	if (text.next == text.end)
		return true;
	if (!skip_char(&text, 'T') && !skip_char(&text, 't') && !skip_char(&text, ' '))
		return false;
	return read_time_of_day(&text, extended, period) && read_zone(&text, period) &&
	       text.next == text.end;
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* Converts a number of units since 1970, of which a second has per_sec. */
static struct period period_of_count(int64_t count, int32_t per_sec)
{
	const int64_t rest = count % per_sec;
	const int64_t since = rest < 0 ? rest + per_sec : rest;
	const uint32_t unit_ns = (uint32_t)(SN_NSEC_PER_SEC / per_sec);
	return (struct period){.sec = count / per_sec - (rest < 0),
			       .nsec = (uint32_t)since * unit_ns,
			       .length_sec = per_sec == 1,
			       .length_nsec = per_sec == 1 ? 0 : unit_ns};
}

static bool read_milliseconds(struct unread_text text, struct period *period)
{
	int64_t ms;
	if (!read_integer(&text, &ms) || text.next != text.end)
		return false;
	*period = period_of_count(ms, 1000);
	return true;
}

/* 12 or 13 digits are milliseconds from 1973 to 2286. As seconds or microseconds, they would be
 * millennia away. */
static bool read_recent_milliseconds(struct unread_text text, struct period *period)
{
	const ptrdiff_t length = text.end - text.next;
	return (length == 12 || length == 13) && *text.next >= '1' && *text.next <= '9' &&
	       read_milliseconds(text, period);
}

/* As date(1) and GNU tar write them: @1704067200, @-0.5. */
static bool read_seconds(struct unread_text text, struct period *period)
{
	int64_t sec;

	if (!skip_char(&text, '@'))
		return false;
	const bool negative = text.next < text.end && *text.next == '-';
	if (!read_integer(&text, &sec))
		return false;
	*period = period_of_count(sec, 1);
	if (skip_char(&text, '.') && !read_fraction(&text, period))
		return false;
	if (negative && period->nsec > 0) {
		period->sec--;
		period->nsec = SN_NSEC_PER_SEC - period->nsec;
	}
	return text.next == text.end;
}

/* ---- errors ---------------------------------------------------------------------------------- */

/* The arguments of %.*s in an error, which shows at most 60 bytes of a text. */
#define TEXT_SHOWN(text, length) ((length) > 60 ? 60 : (int)(length)), (text)

/* The ways in which an integer can be read, as a part of an error. */
struct readings {
	char text[360];
	size_t used;
};

static void __attribute__((format(printf, 2, 3)))
readings_add(struct readings *readings, const char *format, ...)
{
	const size_t room = sizeof readings->text - readings->used;
	const int separator = snprintf(readings->text + readings->used, room, "%s",
				       readings->used > 0 ? ", or " : "");
	va_list args;

	va_start(args, format);
	const int length = vsnprintf(readings->text + readings->used + separator,
				     room - (size_t)separator, format, args);
	va_end(args);
	readings->used += (size_t)separator + (size_t)length;
}

static void readings_add_calendar(struct readings *readings, const char *text, size_t length)
{
	char written[32];
	struct period period;

	if (length == 4)
		snprintf(written, sizeof written, "%.4s-01-01", text);
	else if (length == 6)
		snprintf(written, sizeof written, "%.4s-%.2s", text, text + 4);
	else if (length == 14)
		snprintf(written, sizeof written, "%.8sT%.6sZ", text, text + 8);
	else
		return;
	if (read_calendar((struct unread_text){written, written + strlen(written)}, &period))
		readings_add(readings, "a date (write %s)", written);
}

static void readings_add_count(struct readings *readings, const char *unit, int64_t count,
			       int32_t per_sec)
{
	char instant[SNOWID_TIME_TEXT];
	const struct period period = period_of_count(count, per_sec);

	if (!sn_instant_valid(period.sec, period.nsec))
		return;
	sn_instant_show(period.sec, period.nsec, instant);
	if (per_sec == 1)
		readings_add(readings, "%s (write @%lld: %s)", unit, (long long)count, instant);
	else
		readings_add(readings, "%s (write %s)", unit, instant);
}

/* False if the text is no integer, or one that means nothing. */
static bool list_readings(const char *text, size_t length, struct readings *readings)
{
	struct unread_text integer = {text, text + length};
	int64_t count;

	*readings = (struct readings){"", 0};
	if (!read_integer(&integer, &count) || integer.next != integer.end)
		return false;
	readings_add_calendar(readings, text, length);
	readings_add_count(readings, "seconds", count, 1);
	readings_add_count(readings, "milliseconds", count, 1000);
	if (length >= 14)
		readings_add_count(readings, "microseconds", count, 1000000);
	if (length >= 17)
		readings_add_count(readings, "nanoseconds", count, SN_NSEC_PER_SEC);
	return readings->used > 0;
}

/* Whether only the time zone is missing. */
static bool lacks_zone(const char *text, size_t length)
{
	char with_zone[40];
	struct period period;

	if (length >= sizeof with_zone)
		return false;
	memcpy(with_zone, text, length);
	with_zone[length] = 'Z';
	return read_calendar((struct unread_text){with_zone, with_zone + length + 1}, &period);
}

static int fail_not_instant(const char *text, size_t length)
{
	struct readings readings;

	if (list_readings(text, length, &readings))
		return sn_fail(SNOWID_E_SYNTAX, "\"%.*s\" could be %s", TEXT_SHOWN(text, length),
			       readings.text);
	if (lacks_zone(text, length))
		return sn_fail(SNOWID_E_SYNTAX,
			       "\"%.*s\" has no time zone; add Z for UTC, or an offset such as "
			       "+01:00",
			       TEXT_SHOWN(text, length));
	return sn_fail(SNOWID_E_SYNTAX,
		       "\"%.*s\" is not an instant; write ISO 8601 with a time zone, such as "
		       "2024-01-03T19:30:00Z, a date, @ and seconds since 1970, or milliseconds "
		       "since 1970 of 12 or 13 digits",
		       TEXT_SHOWN(text, length));
}

/* ---- the public calls ------------------------------------------------------------------------ */

static int period_check(const char *text, size_t length, const struct period *period)
{
	const bool at_sign = length > 0 && *text == '@';
	const struct unread_text rest = {text + at_sign, text + length};
	struct period unused;

	if (sn_instant_valid(period->sec, period->nsec))
		return 0;
	const bool milliseconds = at_sign && read_recent_milliseconds(rest, &unused);
	return sn_fail(SNOWID_E_RANGE, "the instant \"%.*s\" is outside 1582-10-15 to 9999-12-31%s",
		       TEXT_SHOWN(text, length),
		       milliseconds ? "; if these are milliseconds, write them without the @" : "");
}

static int period_read(const char *text, size_t length, struct period *period)
{
	const struct unread_text all = {text, text + length};

	if (!read_recent_milliseconds(all, period) && !read_seconds(all, period) &&
	    !read_calendar(all, period))
		return fail_not_instant(text, length);
	return period_check(text, length, period);
}

SNOWID_EXPORT int snowid_time_parse(const char *text, size_t length, int64_t *unix_sec,
				    uint32_t *nsec)
{
	struct period period;

	if (!text)
		return sn_fail_null("text");
	if (!unix_sec || !nsec)
		return sn_fail_null(!unix_sec ? "unix_sec" : "nsec");
	const int error = period_read(text, length, &period);
	if (!error) {
		*unix_sec = period.sec;
		*nsec = period.nsec;
	}
	return error;
}

SNOWID_EXPORT int snowid_period_parse(const char *text, size_t length, int64_t *from_sec,
				      uint32_t *from_nsec, int64_t *before_sec,
				      uint32_t *before_nsec)
{
	struct period period;

	if (!text)
		return sn_fail_null("text");
	if (!from_sec || !from_nsec)
		return sn_fail_null(!from_sec ? "from_sec" : "from_nsec");
	if (!before_sec || !before_nsec)
		return sn_fail_null(!before_sec ? "before_sec" : "before_nsec");
	const int error = period_read(text, length, &period);
	if (error)
		return error;
	const uint32_t end_nsec = period.nsec + period.length_nsec;
	*from_sec = period.sec;
	*from_nsec = period.nsec;
	*before_sec = period.sec + period.length_sec + (end_nsec >= SN_NSEC_PER_SEC);
	*before_nsec = end_nsec % SN_NSEC_PER_SEC;
	return 0;
}

int sn_epoch_parse(const char *text, size_t length, int64_t *unix_sec, uint32_t *nsec)
{
	struct period period;

	if (!read_milliseconds((struct unread_text){text, text + length}, &period))
		return snowid_time_parse(text, length, unix_sec, nsec);
	const int error = period_check(text, length, &period);
	if (!error) {
		*unix_sec = period.sec;
		*nsec = period.nsec;
	}
	return error;
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
	sn_calendar_date((unix_sec - second_of_day) / 86400, &year, &month, &day);
	const int decimals = nsec % 1000000 == 0 ? 3 : nsec % 1000 == 0 ? 6 : 9;
	const unsigned scaled = decimals == 3 ? nsec / 1000000 : decimals == 6 ? nsec / 1000 : nsec;
	snprintf(text, SNOWID_TIME_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%0*uZ",
		 (unsigned)year % 10000, month % 100, day % 100, second / 3600, second / 60 % 60,
		 second % 60, decimals, scaled);
	return 0;
}

void sn_instant_show(int64_t sec, uint32_t nsec, char text[SNOWID_TIME_TEXT])
{
	if (snowid_time_format(sec, nsec, text) != 0)
		snprintf(text, SNOWID_TIME_TEXT, "@%lld", (long long)sec);
}
