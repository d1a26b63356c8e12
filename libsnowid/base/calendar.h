/* SPDX-License-Identifier: MIT
 *
 * Dates of the proleptic Gregorian calendar as days since 1970-01-01.
 */
#ifndef SN_CALENDAR_H
#define SN_CALENDAR_H

#include <stdint.h>

int64_t sn_calendar_days(int64_t year, unsigned month, unsigned day);
void sn_calendar_date(int64_t days, int64_t *year, unsigned *month, unsigned *day);

/* The number of days in a month from 1 to 12. */
unsigned sn_calendar_days_in_month(int64_t year, unsigned month);

#endif
