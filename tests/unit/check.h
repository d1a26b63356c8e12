/* SPDX-License-Identifier: MIT
 *
 * What the unit tests share: how a test registers itself, assertions, and constants.
 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "snowid.h"

/* In nanoseconds. */
#define MS  INT64_C(1000000)
#define SEC (1000 * MS)

/* Where most manual clocks begin, in seconds since 1970: 2023-11-14T22:13:20Z. */
#define START INT64_C(1700000000)

/* A call must return exactly this; the detail is shown when it does not. Like plain ck_abort_msg()
 * and unlike ck_assert(), it costs nothing while all is well, and so may stand in a long loop. */
#define EXPECT(call, expected)                                                                     \
	do {                                                                                       \
		char detail_[512] = "";                                                            \
		const int got_ = (call);                                                           \
		if (got_ != (expected)) {                                                          \
			snowid_error_detail(detail_, sizeof detail_);                              \
			ck_abort_msg("%s is %d (%s), not %d: %s", #call, got_,                     \
				     snowid_strerror(got_), (expected), detail_);                  \
		}                                                                                  \
	} while (0)
#define OK(call) EXPECT(call, 0)

/* A call that may succeed or fail. */
#define MAY_FAIL(call) ((void)!(call))

/* The error detail of the last failure must hold this text. */
#define EXPECT_DETAIL(part)                                                                        \
	do {                                                                                       \
		char detail_[512] = "";                                                            \
		snowid_error_detail(detail_, sizeof detail_);                                      \
		ck_assert_msg(strstr(detail_, (part)) != NULL, "\"%s\" is not in: %s", (part),     \
			      detail_);                                                            \
	} while (0)

/* A test, which registers itself. Its name is a statement about the code. */
#define TEST(name) TEST_EACH(name, 1)

/* A test that runs once for each `nth` from 0 to count - 1. */
#define TEST_EACH(name, times)                                                                     \
	static void name(int nth);                                                                 \
	__attribute__((constructor)) static void register_##name(void)                             \
	{                                                                                          \
		static struct registered_test self = {.test = {#name, name, __FILE__, __LINE__},   \
						      .count = (times)};                           \
		register_test(&self);                                                              \
	}                                                                                          \
	static void name(int nth __attribute__((unused)))

struct registered_test {
	TTest test;
	int count;
	struct registered_test *next;
};

static struct registered_test *registered_tests;

/* Constructors of a file run in no certain order, so keep the tests in that of their lines. */
static inline void register_test(struct registered_test *test)
{
	struct registered_test **at = &registered_tests;

	while (*at && (*at)->test.line < test->test.line)
		at = &(*at)->next;
	test->next = *at;
	*at = test;
}

/* Runs the tests of a file, each between setup() and teardown() unless these are NULL. Returns the
 * exit status of main(). */
static inline int run_tests(void (*setup)(void), void (*teardown)(void))
{
	Suite *const suite = suite_create(program_invocation_short_name);
	TCase *const tests = tcase_create(program_invocation_short_name);
	SRunner *const runner = srunner_create(suite);

	tcase_set_timeout(tests, 300); /* no test depends on speed: this only ends a hang */
	tcase_add_checked_fixture(tests, setup, teardown);
	for (const struct registered_test *test = registered_tests; test; test = test->next)
		tcase_add_loop_test(tests, &test->test, 0, test->count);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
