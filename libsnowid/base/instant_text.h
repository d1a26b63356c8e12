/* SPDX-License-Identifier: MIT */
#ifndef SN_INSTANT_TEXT_H
#define SN_INSTANT_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* As snowid_time_parse(), but an integer of any length is a number of milliseconds since 1970: the
 * epochs of layouts are written so. */
int sn_epoch_parse(const char *text, size_t length, int64_t *unix_sec, uint32_t *nsec);

#endif
