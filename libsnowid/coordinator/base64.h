/* SPDX-License-Identifier: MIT
 *
 * Base64 (RFC 4648, section 4), which JSON interfaces use for bytes. For modules.
 */
#ifndef SN_BASE64_H
#define SN_BASE64_H

#include <stddef.h>

/* Both return a text to be freed, with a NUL behind it; NULL: no memory or, when decoding, an
 * error. */
char *sn_base64_encode(const void *data, size_t length);
char *sn_base64_decode(const char *text, size_t *length);

#endif
