/* SPDX-License-Identifier: MIT
 *
 * Reads the HTTP/1.1 response of another server, of which all bytes are there.
 */
#ifndef SNOWIDD_RESPONSE_H
#define SNOWIDD_RESPONSE_H

#include <stddef.h>

#include "snowidd/base/buffer.h"

/* Appends the body to `body`, even if its end is missing or malformed. Returns the status; 0 if
 * there is none. */
unsigned http_response_parse(const char *bytes, size_t length, struct buffer *body);

#endif
