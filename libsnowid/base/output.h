/* SPDX-License-Identifier: MIT */
#ifndef SN_OUTPUT_H
#define SN_OUTPUT_H

#include <string.h>

#include "libsnowid/base/error.h"

/* Hands text to a caller's buffer, as much as fits, always with a 0 at its end; the length of the
 * whole goes to *length, which may be NULL. */
static inline int sn_output(const char *all, size_t all_length, char *text, size_t size,
			    size_t *length)
{
	const size_t room = size ? size - 1 : 0;
	const size_t part = all_length < room ? all_length : room;

	if (!text && size > 0)
		return sn_fail_null("text");
	if (size > 0) {
		memcpy(text, all, part);
		text[part] = '\0';
	}
	if (length)
		*length = all_length;
	if (size <= all_length)
		return sn_fail(SNOWID_E_RANGE, "the text needs %zu bytes: there are %zu",
			       all_length + 1, size);
	return 0;
}

#endif
