/* SPDX-License-Identifier: MIT
 *
 * One line per event, to standard error or syslog, as text or JSON.
 */
#ifndef SNOWIDD_LOG_H
#define SNOWIDD_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* May be called again, but by one thread only. Without a syslog, lines go to standard error, as
 * does one that says so. */
void log_open(enum log_level level, bool json, bool to_syslog);

/* How many lines were dropped, because standard error or the syslog could not take them at once. */
uint64_t log_lines_dropped(void);

/* Whether a line that many clients could cause is due: at most every ten seconds. *last_ns begins
 * as 0. MT-Safe. */
bool log_is_due(_Atomic uint64_t *last_ns);

/* log_event(LOG_LEVEL_INFO, "listening", "address", text, …, NULL): the event, and pairs of a name
 * and a text. MT-Safe. */
void log_event(enum log_level level, const char *event, ...) __attribute__((sentinel));

#endif
