/* SPDX-License-Identifier: MIT */
#ifndef SN_OUTPUT_H
#define SN_OUTPUT_H

#include <string.h>

#include "libsnowid/base/error.h"

/* Copies as much of a text as fits to the buffer of a caller, terminated by a 0. *length, unless it
 * is NULL, becomes the length of the whole text. */
static inline int sn_output(const char *whole, size_t whole_length, char *text, size_t size,
			    size_t *length)
{
	const size_t room = size ? size - 1 : 0;
	const size_t part = whole_length < room ? whole_length : room;

	if (!text && size > 0)
		return sn_fail_null("text");
	if (size > 0) {
		memcpy(text, whole, part);
		text[part] = '\0';
	}
	if (length)
		*length = whole_length;
	if (size <= whole_length)
		return sn_fail(SNOWID_E_RANGE, "the text needs %zu bytes: there are %zu",
			       whole_length + 1, size);
	return 0;
}

#endif
