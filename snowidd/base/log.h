/* SPDX-License-Identifier: MIT
 *
 * One line per event, to standard error or syslog, as text or JSON.
 */
#ifndef SNOWIDD_LOG_H
#define SNOWIDD_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* May be called again, but by one thread only. */
void log_open(enum log_level level, bool json, bool to_syslog);

/* log_event(LOG_LEVEL_INFO, "listening", "address", text, …, NULL): the event, and pairs of a name
 * and a text. MT-Safe. */
void log_event(enum log_level level, const char *event, ...) __attribute__((sentinel));

#endif
