/* SPDX-License-Identifier: MIT */
#ifndef SN_SPAN_H
#define SN_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An integer with ns, us, ms, s, m or h, or 0. False: not a span, or of 2^64 ns and more. */
bool sn_span_parse(const char *text, size_t length, uint64_t *ns);

/* In the largest unit that gives an integer. text has room for SN_SPAN_TEXT. */
#define SN_SPAN_TEXT 24
void sn_span_format(uint64_t ns, char *text);

#endif
