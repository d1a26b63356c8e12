/* SPDX-License-Identifier: MIT
 *
 * Processes that all have the PID 1, as if each were the first of a PID namespace of its own.
 */
#ifndef TESTS_FAKE_PID_H
#define TESTS_FAKE_PID_H

#include <stdbool.h>

#include "tests/unit/wrap.h"

static bool all_have_pid_1;

pid_t real_getpid(void) REAL("getpid");
pid_t wrap_getpid(void) WRAP("getpid");
pid_t wrap_getpid(void)
{
	return all_have_pid_1 ? 1 : real_getpid();
}

#endif
