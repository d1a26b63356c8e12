/* SPDX-License-Identifier: MIT
 *
 * Spans of time as text: an integer with a unit.
 */
#ifndef SNOWIDD_SPAN_H
#define SNOWIDD_SPAN_H

#include <stdbool.h>
#include <stdint.h>

/* An integer with ns, us, ms, s, m or h, or 0. False if the text is no span, or of 2^64 ns and
 * more.
 *
 * The library reads spans by the same rule, but only within snowid_config_set(): snowid.h has no
 * function for it, and the daemon uses nothing else. A unit test compares the two. */
bool span_read_ns(const char *text, uint64_t *ns);

#endif
