/* SPDX-License-Identifier: MIT
 *
 * Every failure returns a code, and sets the error detail of the thread.
 */
#ifndef SN_ERROR_H
#define SN_ERROR_H

#include "snowid.h"

/* Sets the detail of an error and returns its code: `return sn_fail(SNOWID_E_RANGE, …)`. A detail
 * says what is wrong, by how much and what to do, without a full stop. Control characters in it are
 * replaced. */
int sn_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3), cold));

/* What can be done if a resource is used up: the last part of a detail, which begins with "; ", or
 * "". */
const char *sn_error_remedy(int error) __attribute__((cold));

/* The details of the two most frequent errors: an argument is NULL, and there is no memory. */
int sn_fail_null(const char *argument) __attribute__((cold));
int sn_fail_nomem(void) __attribute__((cold));

#endif
