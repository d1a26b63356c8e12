/* SPDX-License-Identifier: MIT
 *
 * Feeds a clock watch from this host: with the kernel's clocks, at an interval and whenever the
 * clock is set, and with the time of NTP servers.
 */
#ifndef SNOWIDD_CLOCKSOURCE_H
#define SNOWIDD_CLOCKSOURCE_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "snowidd/clock/clockwatch.h"

struct clocksource_options {
	uint64_t interval_ns;
	char *const *ntp_servers; /* HOST or HOST:PORT; copied */
	size_t ntp_server_count;
};

struct clocksource;

/* Reads the clocks at once. `updated` is called whenever the watch has been fed. NULL if there is
 * no memory. */
struct clocksource *clocksource_new(uv_loop_t *loop, struct clockwatch *watch,
				    const struct clocksource_options *options,
				    void (*updated)(void *user), void *user);

/* Replaces the options, and reads the clocks. */
void clocksource_set_options(struct clocksource *source, const struct clocksource_options *options);
void clocksource_close(struct clocksource *source);

#endif
