/* SPDX-License-Identifier: MIT
 *
 * Dates of the proleptic Gregorian calendar. From Howard Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms", where years begin in March and 400 of them are an era.
 */
#include <stdbool.h>

#include "libsnowid/base/calendar.h"

int64_t sn_calendar_days(int64_t year, unsigned month, unsigned day)
{
	const int64_t march_year = month <= 2 ? year - 1 : year;
	const int64_t era = (march_year >= 0 ? march_year : march_year - 399) / 400;
	const int64_t year_of_era = march_year - era * 400;
	const int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - 719468;
}

void sn_calendar_date(int64_t days, int64_t *year, unsigned *month, unsigned *day)
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

unsigned sn_calendar_days_in_month(int64_t year, unsigned month)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}
