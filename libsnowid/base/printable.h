/* SPDX-License-Identifier: MIT */
#ifndef SN_PRINTABLE_H
#define SN_PRINTABLE_H

#include <stdbool.h>

/* Replaces each control character by a ?, the C1 set (ECMA-48) as it is in UTF-8: what comes from a
 * file, a path or a setting must not control the terminal that it is printed on. */
static inline void sn_make_printable(char *text)
{
	for (unsigned char *at = (unsigned char *)text; *at; at++) {
		const bool two_bytes = at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0;
		if (*at < ' ' || *at == 0x7f || two_bytes)
			*at = '?';
		if (two_bytes)
			*++at = '?';
	}
}

#endif
