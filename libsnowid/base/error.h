/* SPDX-License-Identifier: MIT
 *
 * How every failure is reported: a code that is returned, and this thread's detail.
 */
#ifndef SN_ERROR_H
#define SN_ERROR_H

#include "snowid.h"

/* Records the detail of an error (what, by how much, what to do; no full stop) and returns its
 * code, so that it reads `return sn_fail(SNOWID_E_RANGE, …)`. */
int sn_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3), cold));

/* The two failures that need no words of their own: an argument that is NULL, and no memory. */
int sn_fail_null(const char *argument) __attribute__((cold));
int sn_fail_nomem(void) __attribute__((cold));

#endif
