/* SPDX-License-Identifier: MIT
 *
 * Instants, and their conversion to and from ticks of a unit since an epoch.
 */
#ifndef SN_INSTANT_H
#define SN_INSTANT_H

#include <stdbool.h>
#include <stdint.h>

#include "snowid.h"

#define SN_NSEC_PER_SEC 1000000000
#define SN_T100NS_PER_SEC                                                                          \
	10000000 /* 100 ns is the finest unit: 9999 years of it fit into 64 bits */

#define SN_TIME_YEAR_0 (-62167219200)
#define SN_TIME_MIN    (-12219292800) /* 1582-10-15, where the Gregorian calendar and UUIDs begin */
#define SN_TIME_MAX    253402300799   /* 9999-12-31T23:59:59 */

/* The text of an instant for an error: as snowid_time_format() writes it or, outside the years 0 to
 * 9999, the number of seconds. */
void sn_instant_show(int64_t sec, uint32_t nsec, char text[SNOWID_TIME_TEXT]);

/* A unit of time, counted from an epoch. Its ticks are exact from the epoch to SN_TIME_MAX. */
struct sn_timebase {
	int64_t epoch_sec;
	uint32_t epoch_nsec;
	uint32_t unit_ns; /* a multiple of 100, up to 1 s */
	uint32_t per_sec; /* ticks in a second; 0 if that is not an integer */
	uint32_t shift;   /* with multiplier: divides by unit_ns */
	uint64_t multiplier;
};

void sn_timebase_init(struct sn_timebase *base, int64_t epoch_sec, uint32_t epoch_nsec,
		      uint32_t unit_ns);

/* Time since the epoch in units of 100 ns, negative before it. sec is from SN_TIME_MIN to
 * SN_TIME_MAX. */
static inline int64_t sn_timebase_t100ns(const struct sn_timebase *base, int64_t sec, uint32_t nsec)
{
	int64_t rest = (int64_t)nsec - base->epoch_nsec;
	sec -= base->epoch_sec;
	if (rest < 0) {
		rest += SN_NSEC_PER_SEC;
		sec--;
	}
	return sec * SN_T100NS_PER_SEC + rest / 100;
}

/* The tick that contains an instant. Before the epoch, the result is above every tick up to
 * SN_TIME_MAX, so that one comparison with the last tick detects both ends. */
static inline uint64_t sn_timebase_tick(const struct sn_timebase *base, int64_t sec, uint32_t nsec)
{
	int64_t rest = (int64_t)nsec - base->epoch_nsec;
	if (base->per_sec == 0)
		return (uint64_t)sn_timebase_t100ns(base, sec, nsec) / (base->unit_ns / 100);
	sec -= base->epoch_sec;
	if (rest < 0) {
		rest += SN_NSEC_PER_SEC;
		sec--;
	}
	return (uint64_t)(sec * base->per_sec) +
	       (((uint64_t)rest * base->multiplier) >> base->shift);
}

/* The first instant of a tick; false if its seconds do not fit into 64 bits. It may be after
 * SN_TIME_MAX. */
bool sn_timebase_start(const struct sn_timebase *base, uint64_t tick, int64_t *sec, uint32_t *nsec);

/* The tick that contains the last instant of the year 9999. */
uint64_t sn_timebase_last_tick(const struct sn_timebase *base);

/* The ticks that something has, from 0 to `last`. */
struct sn_tick_span {
	struct sn_timebase time;
	uint64_t last;
	const char *owner; /* in errors: "the layout" */
};

/* The tick of an instant. If there is none, the nearest tick and SNOWID_E_RANGE; if nsec is no
 * number of nanoseconds within a second, SNOWID_E_INVALID. */
int sn_tick_at(const struct sn_tick_span *span, int64_t sec, uint32_t nsec, uint64_t *tick);

/* The ticks from `first` up to, but not including, `end`. */
struct sn_tick_range {
	uint64_t first;
	uint64_t end;
	bool endless; /* there is no end */
};

/* The ticks of the time from one instant up to, but not including, another. INT64_MIN as the first
 * instant's seconds means the first tick, and INT64_MAX as the second one's that there is no end.
 * Both instants are cut off to their tick, so that periods that adjoin have ranges that do. The
 * second may be where the last tick ends. SNOWID_E_RANGE: outside the ticks, or the second is
 * before the first; SNOWID_E_INVALID. */
int sn_tick_range_of(const struct sn_tick_span *span, int64_t from_sec, uint32_t from_nsec,
		     int64_t before_sec, uint32_t before_nsec, struct sn_tick_range *range);

/* Whether the library can calculate with an instant. */
static inline bool sn_instant_valid(int64_t sec, uint32_t nsec)
{
	return sec >= SN_TIME_MIN && sec <= SN_TIME_MAX && nsec < SN_NSEC_PER_SEC;
}

#endif
