/* SPDX-License-Identifier: MIT
 *
 * Feeds a clock watch from this host: the kernel's clocks at an interval and whenever the clock is set,
 * and NTP servers.
 */
#ifndef SNOWIDD_CLOCKSOURCE_H
#define SNOWIDD_CLOCKSOURCE_H

#include <uv.h>

#include "snowidd/clock/clockwatch.h"
#include "snowidd/config/live.h"

struct clocksource;

/* `judged` is called after each thing that was fed in. NULL: no memory. */
struct clocksource *clocksource_new(uv_loop_t *loop, struct clockwatch *watch, struct live *live,
				    void (*judged)(void *user), void *user);
void clocksource_reload(struct clocksource *source, struct live *live);
void clocksource_close(struct clocksource *source);

#endif
