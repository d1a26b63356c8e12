/* SPDX-License-Identifier: MIT */
#include "libsnowid/base/wait.h"

#include <errno.h>

#include "libsnowid/base/clock.h"
#include "libsnowid/base/error.h"

/* How long the program may have to wait until it is asked whether it has given up. A signal that
 * ends a sleep makes it sooner. */
#define ASK_EVERY_NS UINT64_C(50000000)

static int end_of_span(struct snowid_clock *clock, uint64_t span_ns, uint64_t *end_ns)
{
	uint64_t now_ns = 0;
	const int error = sn_clock_elapsed(clock, &now_ns);
	if (!error && __builtin_add_overflow(now_ns, span_ns, end_ns))
		*end_ns = UINT64_MAX;
	return error;
}

int sn_wait_bound(struct sn_wait *wait, uint64_t timeout_ns)
{
	wait->bounded = true;
	wait->timeout_ns = timeout_ns;
	return end_of_span(wait->clock, timeout_ns, &wait->end_ns);
}

int sn_wait_end(const struct sn_wait *wait, uint64_t own_ns, uint64_t *end_ns)
{
	*end_ns = wait->end_ns;
	return wait->bounded ? 0 : end_of_span(wait->clock, own_ns, end_ns);
}

static int ask_program(const struct sn_wait *wait)
{
	const int answer = wait->interrupt ? wait->interrupt(wait->user) : 0;
	if (answer == 0)
		return 0;
	const int error = answer < 0 ? answer : -EINTR;
	return sn_fail(error, "the program stopped waiting for the store: %s",
		       snowid_strerror(error));
}

int sn_wait_left(const struct sn_wait *wait, uint64_t end_ns, uint64_t *left_ns)
{
	uint64_t now_ns = 0;

	int error = ask_program(wait);
	if (!error)
		error = sn_clock_elapsed(wait->clock, &now_ns);
	if (error)
		return error;
	*left_ns = end_ns > now_ns ? end_ns - now_ns : 0;
	if (wait->interrupt && *left_ns > ASK_EVERY_NS)
		*left_ns = ASK_EVERY_NS;
	return 0;
}
