/* SPDX-License-Identifier: MIT
 *
 * What the text forms of 64-bit IDs, ULIDs and UUIDs share.
 */
#ifndef SN_TEXT_H
#define SN_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Crockford's base 32 (crockford.com/base32.html): the digits in order, and for each byte its value
 * as a digit plus 1, or 0 if it is not a digit. Subtracting 1u therefore gives the value of a
 * digit, and a number above all values for any other byte. */
extern const char sn_base32_digits[];
extern const uint8_t sn_base32_values[256];

/* Returns SNOWID_E_SYNTAX. The detail says which byte is wrong, where it is, and that it must be
 * one of the `count` bytes in `allowed`. */
int sn_fail_byte(const char *text, size_t offset, const char *allowed, unsigned count)
	__attribute__((cold));

#endif
