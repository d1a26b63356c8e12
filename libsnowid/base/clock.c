/* SPDX-License-Identifier: MIT
 *
 * Clocks: the clock of the system, custom clocks of the caller, and manual clocks for tests.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "libsnowid/base/clock.h"
#include "libsnowid/base/entropy.h"
#include "libsnowid/base/error.h"
#include "libsnowid/base/export.h"
#include "libsnowid/base/instant.h"
#include "libsnowid/base/process.h"
#include "libsnowid/base/system.h"

/* In a shared mapping, so that a child sees the steps of its parent. Wall time is a start plus two
 * spans, so that one atomic addition moves wall and elapsed time together. */
struct sn_manual_clock {
	int64_t start_sec;
	uint32_t start_nsec;
	_Atomic int64_t stepped_ns;
	_Atomic uint64_t elapsed_ns;
};

static int fail_manual_range(void)
{
	return sn_fail(SNOWID_E_RANGE, "a manual clock moves at most 292 years from its start");
}

static int manual_instant(const struct sn_manual_clock *clock, int64_t stepped, uint64_t elapsed,
			  int64_t *sec, uint32_t *nsec)
{
	int64_t moved;
	if (elapsed > INT64_MAX || __builtin_add_overflow(stepped, (int64_t)elapsed, &moved))
		return fail_manual_range();
	int64_t rest = moved % SN_NSEC_PER_SEC + clock->start_nsec;
	int64_t whole = clock->start_sec + moved / SN_NSEC_PER_SEC;
	if (rest < 0 || rest >= SN_NSEC_PER_SEC) {
		const int carry = rest < 0 ? -1 : 1;
		whole += carry;
		rest -= (int64_t)carry * SN_NSEC_PER_SEC;
	}
	*sec = whole;
	*nsec = (uint32_t)rest;
	return 0;
}

static int manual_wall(void *user, int64_t *sec, uint32_t *nsec)
{
	const struct sn_manual_clock *const clock = user;
	return manual_instant(clock, atomic_load(&clock->stepped_ns),
			      atomic_load(&clock->elapsed_ns), sec, nsec);
}

static int manual_elapsed(void *user, uint64_t *ns)
{
	const struct sn_manual_clock *const clock = user;
	*ns = atomic_load(&clock->elapsed_ns);
	return 0;
}

static int manual_advance(void *user, uint64_t ns)
{
	struct sn_manual_clock *const clock = user;
	uint64_t old = atomic_load(&clock->elapsed_ns), next;
	int64_t sec;
	uint32_t nsec;

	do {
		if (__builtin_add_overflow(old, ns, &next))
			return fail_manual_range();
		const int error =
			manual_instant(clock, atomic_load(&clock->stepped_ns), next, &sec, &nsec);
		if (error)
			return error;
	} while (!atomic_compare_exchange_weak(&clock->elapsed_ns, &old, next));
	return 0;
}

static int manual_step(struct sn_manual_clock *clock, int64_t delta_ns)
{
	int64_t old = atomic_load(&clock->stepped_ns), next, sec;
	uint32_t nsec;

	do {
		if (__builtin_add_overflow(old, delta_ns, &next))
			return fail_manual_range();
		const int error =
			manual_instant(clock, next, atomic_load(&clock->elapsed_ns), &sec, &nsec);
		if (error)
			return error;
	} while (!atomic_compare_exchange_weak(&clock->stepped_ns, &old, next));
	return 0;
}

/* Its domain is random, because clocks of any processes may come to use one state file. */
static int new_clock(struct snowid_clock parts, struct snowid_clock **clock)
{
	const int error = sn_entropy_fresh(&parts.domain, sizeof parts.domain);
	if (error)
		return error;
	struct snowid_clock *const made = malloc(sizeof *made);
	if (!made)
		return sn_fail_nomem();
	*made = parts;
	*clock = made;
	return 0;
}

SNOWID_EXPORT int snowid_clock_new(snowid_wall_fn wall, snowid_elapsed_fn elapsed,
				   snowid_sleep_fn sleep, void *user, struct snowid_clock **clock)
{
	if (!wall || !elapsed || !sleep)
		return sn_fail_null(!wall ? "wall" : !elapsed ? "elapsed" : "sleep");
	if (!clock)
		return sn_fail_null("clock");
	return new_clock((struct snowid_clock){wall, elapsed, sleep, user, NULL, 1, 0}, clock);
}

SNOWID_EXPORT int snowid_clock_new_manual(int64_t unix_sec, uint32_t nsec,
					  struct snowid_clock **clock)
{
	if (!clock)
		return sn_fail_null("clock");
	if (unix_sec < SN_TIME_YEAR_0 || unix_sec > SN_TIME_MAX || nsec >= SN_NSEC_PER_SEC)
		return sn_fail(SNOWID_E_RANGE, "a manual clock cannot start at %lld s and %u ns",
			       (long long)unix_sec, nsec);
	struct sn_manual_clock *const manual = mmap(NULL, sizeof *manual, PROT_READ | PROT_WRITE,
						    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (manual == MAP_FAILED)
		return sn_fail_nomem();
	manual->start_sec = unix_sec;
	manual->start_nsec = nsec;
	const int error = new_clock((struct snowid_clock){manual_wall, manual_elapsed,
							  manual_advance, manual, manual, 1, 0},
				    clock);
	if (error)
		munmap(manual, sizeof *manual);
	return error;
}

struct snowid_clock *sn_clock_ref(struct snowid_clock *clock)
{
	if (clock)
		atomic_fetch_add(&clock->references, 1);
	return clock;
}

SNOWID_EXPORT void snowid_clock_free(struct snowid_clock *clock)
{
	if (!clock || atomic_fetch_sub(&clock->references, 1) > 1)
		return;
	if (clock->manual)
		munmap(clock->manual, sizeof *clock->manual);
	free(clock);
}

static int check_manual(const struct snowid_clock *clock)
{
	if (!clock)
		return sn_fail_null("clock");
	if (!clock->manual)
		return sn_fail(SNOWID_E_KIND, "only a manual clock can be moved by hand");
	return 0;
}

SNOWID_EXPORT int snowid_clock_step(struct snowid_clock *clock, int64_t delta_ns)
{
	const int error = check_manual(clock);
	return error ? error : manual_step(clock->manual, delta_ns);
}

SNOWID_EXPORT int snowid_clock_advance(struct snowid_clock *clock, uint64_t ns)
{
	const int error = check_manual(clock);
	return error ? error : manual_advance(clock->manual, ns);
}

int sn_clock_wall_custom(struct snowid_clock *clock, int64_t *sec, uint32_t *nsec)
{
	const int error = clock->wall(clock->user, sec, nsec);
	if (!error && *nsec >= SN_NSEC_PER_SEC)
		return sn_fail(SNOWID_E_RANGE,
			       "the clock's wall function returned %u ns, more than a second has",
			       *nsec);
	return error;
}

int sn_clock_elapsed(struct snowid_clock *clock, uint64_t *ns)
{
	if (clock)
		return clock->elapsed(clock->user, ns);
	const int error = sn_system_elapsed(ns);
	return error ? sn_fail(error, "cannot read the time since the boot: %s",
			       snowid_strerror(error))
		     : 0;
}

static uint64_t find_time_domain(void)
{
	return sn_system_time_domain();
}

/* A process enters a time namespace when it is forked. */
uint16_t sn_clock_domain(const struct snowid_clock *clock)
{
	static struct sn_process_memo domain;
	return clock ? clock->domain : (uint16_t)sn_process_recall(&domain, find_time_domain);
}

int sn_clock_sleep(struct snowid_clock *clock, uint64_t ns)
{
	if (clock)
		return clock->sleep(clock->user, ns);
	const int error = sn_system_sleep(ns);
	return error ? sn_fail(error, "cannot sleep: %s", snowid_strerror(error)) : 0;
}

SNOWID_EXPORT int snowid_clock_read(struct snowid_clock *clock, int64_t *unix_sec, uint32_t *nsec,
				    uint64_t *elapsed_ns)
{
	int64_t sec;
	uint32_t ns;
	uint64_t elapsed;
	int error = sn_clock_wall(clock, &sec, &ns);

	if (!error)
		error = sn_clock_elapsed(clock, &elapsed);
	if (error)
		return error;
	if (unix_sec)
		*unix_sec = sec;
	if (nsec)
		*nsec = ns;
	if (elapsed_ns)
		*elapsed_ns = elapsed;
	return 0;
}
