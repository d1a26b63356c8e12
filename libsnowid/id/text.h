/* SPDX-License-Identifier: MIT
 *
 * What the readers and writers of IDs share.
 */
#ifndef SN_TEXT_H
#define SN_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Crockford's base 32: the digits in order, and for each byte the value of the digit it is plus 1,
 * or 0. Minus 1u, that is a value, or above every value. */
extern const char sn_base32_digits[];
extern const uint8_t sn_base32_values[256];

/* SNOWID_E_SYNTAX, with a detail that names a byte, its offset and the `count` bytes it may be. */
int sn_fail_byte(const char *text, size_t offset, const char *allowed, unsigned count)
	__attribute__((cold));

#endif
