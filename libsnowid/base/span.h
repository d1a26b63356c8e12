/* SPDX-License-Identifier: MIT */
#ifndef SN_SPAN_H
#define SN_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads an integer with the unit ns, us, ms, s, m or h, or 0. False: it is not a span of time, or
 * is 2^64 ns or longer. */
bool sn_span_parse(const char *text, size_t length, uint64_t *ns);

#define SN_SPAN_TEXT 24

/* Writes it in the largest unit in which it is an integer. text has room for SN_SPAN_TEXT. */
void sn_span_format(uint64_t ns, char *text);

#endif
