/* SPDX-License-Identifier: MIT */
#ifndef TESTS_THREADS_H
#define TESTS_THREADS_H

#include <pthread.h>

#include "tests/unit/check.h"

/* Calls a function in a thread of its own, and returns what the function returns. */
static inline void *call_in_thread(void *(*function)(void *), void *argument)
{
	pthread_t thread;
	void *result;
	ck_assert_int_eq(pthread_create(&thread, NULL, function, argument), 0);
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	return result;
}

#endif
