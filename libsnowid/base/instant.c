/* SPDX-License-Identifier: MIT
 *
 * Instants, and their conversion to and from ticks of a unit since an epoch.
 */
#include "libsnowid/base/error.h"
#include "libsnowid/base/instant.h"

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

/* The product of a tick and its unit can have more than 64 bits: so divide first. */
bool sn_timebase_start(const struct sn_timebase *base, uint64_t tick, int64_t *sec, uint32_t *nsec)
{
	const uint64_t unit_t100ns = base->unit_ns / 100;
	const uint64_t rest = tick % SN_T100NS_PER_SEC * unit_t100ns;
	const uint64_t ns = rest % SN_T100NS_PER_SEC * 100 + base->epoch_nsec;
	const uint64_t carry = rest / SN_T100NS_PER_SEC + (ns >= SN_NSEC_PER_SEC);
	const uint64_t since_sec = tick / SN_T100NS_PER_SEC * unit_t100ns + carry;

	if (__builtin_add_overflow(base->epoch_sec, since_sec, sec))
		return false;
	*nsec = (uint32_t)(ns % SN_NSEC_PER_SEC);
	return true;
}

/* ---- the ticks of something ------------------------------------------------------------------ */

static int tick_span_fail_outside(const struct sn_tick_span *span, int64_t sec, uint32_t nsec,
				  bool early)
{
	char instant[SNOWID_TIME_TEXT], first[SNOWID_TIME_TEXT], last[SNOWID_TIME_TEXT];
	const struct sn_timebase *const time = &span->time;

	sn_instant_show(sec, nsec, instant);
	sn_instant_show(time->epoch_sec, time->epoch_nsec, first);
	sn_timebase_start(time, span->last, &sec, &nsec);
	sn_instant_show(sec, nsec, last);
	return sn_fail(SNOWID_E_RANGE, "the instant %s is %s %s, which is from %s to %s", instant,
		       early ? "before" : "after", span->owner, first, last);
}

static int fail_nsec(uint32_t nsec)
{
	return sn_fail(SNOWID_E_INVALID, "nsec is %u, but must be from 0 to 999999999", nsec);
}

int sn_tick_at(const struct sn_tick_span *span, int64_t sec, uint32_t nsec, uint64_t *tick)
{
	const struct sn_timebase *const time = &span->time;

	if (nsec >= SN_NSEC_PER_SEC)
		return fail_nsec(nsec);
	const bool early =
		sec < time->epoch_sec || (sec == time->epoch_sec && nsec < time->epoch_nsec);
	*tick = early ? 0 : span->last;
	if (!early && sec <= SN_TIME_MAX) {
		const uint64_t at = sn_timebase_tick(time, sec, nsec);
		if (at <= span->last) {
			*tick = at;
			return 0;
		}
	}
	return tick_span_fail_outside(span, sec, nsec, early);
}

/* As sn_tick_at(), but an instant may also be where the last tick ends. */
static int tick_before(const struct sn_tick_span *span, int64_t sec, uint32_t nsec, uint64_t *tick)
{
	int64_t end_sec;
	uint32_t end_nsec;

	if (sn_timebase_start(&span->time, span->last + 1, &end_sec, &end_nsec) && sec == end_sec &&
	    nsec == end_nsec) {
		*tick = span->last + 1;
		return 0;
	}
	return sn_tick_at(span, sec, nsec, tick);
}

static int check_order(int64_t from_sec, uint32_t from_nsec, int64_t before_sec,
		       uint32_t before_nsec)
{
	char from[SNOWID_TIME_TEXT], before[SNOWID_TIME_TEXT];

	if (from_nsec >= SN_NSEC_PER_SEC || before_nsec >= SN_NSEC_PER_SEC)
		return fail_nsec(from_nsec >= SN_NSEC_PER_SEC ? from_nsec : before_nsec);
	if (from_sec < before_sec || (from_sec == before_sec && from_nsec <= before_nsec))
		return 0;
	sn_instant_show(from_sec, from_nsec, from);
	sn_instant_show(before_sec, before_nsec, before);
	return sn_fail(SNOWID_E_RANGE, "the range ends at %s, before it begins at %s", before,
		       from);
}

int sn_tick_range_of(const struct sn_tick_span *span, int64_t from_sec, uint32_t from_nsec,
		     int64_t before_sec, uint32_t before_nsec, struct sn_tick_range *range)
{
	int error = check_order(from_sec, from_nsec, before_sec, before_nsec);

	*range = (struct sn_tick_range){.endless = before_sec == INT64_MAX};
	if (!error && from_sec != INT64_MIN)
		error = sn_tick_at(span, from_sec, from_nsec, &range->first);
	if (!error && !range->endless)
		error = tick_before(span, before_sec, before_nsec, &range->end);
	return error;
}
