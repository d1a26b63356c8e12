/* SPDX-License-Identifier: MIT */
#include "libsnowid/store/store_clock.h"

#include <unistd.h>

#include "libsnowid/base/error.h"

#define NS_PER_MS 1000000

int sn_store_read_clock(struct snowid_clock *clock, int64_t *sec, uint32_t *nsec)
{
	const int error = sn_clock_wall(clock, sec, nsec);
	if (!error && *sec < 0)
		return sn_fail(SNOWID_E_CLOCK,
			       "the clock is before 1970, where state files begin; set the clock");
	return error;
}

void sn_store_describe_process(struct sn_holder *holder, struct snowid_clock *clock)
{
	int64_t sec = 0;
	uint32_t nsec = 0;

	*holder = (struct sn_holder){.process = (uint64_t)getpid()};
	gethostname(holder->host, sizeof holder->host - 1); /* a longer name is cut off */
	if (sn_store_read_clock(clock, &sec, &nsec) == 0)
		holder->since_ms = sn_store_ms(sec, nsec);
}

/* ---- a clock that jumps ahead ---------------------------------------------------------------- */

static int fail_after_jump(const char *path, uint64_t jump_ms, uint64_t max_jump_ns)
{
	char allowed[SNOWID_SPAN_TEXT];

	snowid_span_format(max_jump_ns, allowed);
	return sn_fail(SNOWID_E_CLOCK,
		       "the clock has jumped ahead by %.3f s: the state file %.160s does not "
		       "follow, since it could never go back; correct the clock or, if it is "
		       "right now, raise the setting max_jump (%s)",
		       (double)jump_ms / 1000, path, allowed);
}

/* If a clock that is years ahead for a moment were followed, the file could not be used for years.
 * During one boot, the wall clock minus the time since the boot is when the host was booted. If
 * that is later by more than `max_jump` than when it was last noted, the clock is not followed.
 * It is noted together with the domain of the clock, because elapsed time has another zero point in
 * another domain: Unix milliseconds << 16 | domain. */
int sn_store_check_jump(const struct sn_store_settings *settings, const char *path,
			_Atomic uint64_t *booted, int64_t sec, uint32_t nsec, uint64_t elapsed_ns)
{
	const uint64_t wall_ms = sn_store_ms(sec, nsec), elapsed_ms = elapsed_ns / NS_PER_MS;
	if (elapsed_ms >= wall_ms)
		return 0; /* the host would have been booted before 1970 */
	const uint64_t now_ms = wall_ms - elapsed_ms;
	const uint64_t word = now_ms << 16 | sn_clock_domain(settings->clock);
	uint64_t old = atomic_load(booted);
	do {
		const uint64_t then_ms = old >> 16;
		if (old == 0 || (old & UINT16_MAX) != (word & UINT16_MAX))
			continue;
		if (now_ms <= then_ms)
			return 0;
		if (now_ms - then_ms > settings->max_jump_ns / NS_PER_MS)
			return fail_after_jump(path, now_ms - then_ms, settings->max_jump_ns);
	} while (!atomic_compare_exchange_weak(booted, &old, word));
	return 0;
}

/* ---- a clock that is behind ------------------------------------------------------------------ */

int sn_store_check_behind(const struct sn_store_settings *settings,
			  const struct sn_shared_state *shared, const char *path)
{
	const struct sn_ticks *const ticks = &settings->ticks;
	char then[SNOWID_TIME_TEXT] = "the end";
	struct sn_reading now;
	int64_t sec;
	uint32_t nsec;

	/* Before the clock is read: others may go on while this thread is preempted. */
	const uint64_t next = atomic_load(&shared->next), tick = next >> ticks->bits;
	const int error = sn_ticks_read(ticks, settings->clock, &now);
	if (error)
		return error;
	const double behind_ns =
		((double)tick * (double)ticks->unit_t100ns - (double)now.t100ns) * 100;
	if (next == SN_SEALED || behind_ns <= (double)settings->max_behind_ns)
		return 0; /* what is sealed ends by itself, or is replaced by another */
	const bool borrows =
		atomic_load(&shared->most_borrow) > sn_t100ns_from_ns(settings->borrow_ns);
	if (sn_timebase_start(&ticks->time, tick, &sec, &nsec))
		sn_instant_show(sec, nsec, then);
	return sn_fail(SNOWID_E_CLOCK,
		       "the clock is %.3f s behind what the store has recorded in %.160s, %s; %s",
		       behind_ns / 1e9, path, then,
		       borrows ? "another program that uses it borrows more: set borrow alike"
			       : "correct the clock or, if it is right, see snowid store --reset");
}
