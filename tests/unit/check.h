/* SPDX-License-Identifier: MIT
 *
 * What the unit tests share: the main() of a test file, and shorthands.
 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "snowid.h"

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

/* The error detail of the last failure must hold this text. */
#define EXPECT_DETAIL(part)                                                                        \
	do {                                                                                       \
		char detail_[512] = "";                                                            \
		snowid_error_detail(detail_, sizeof detail_);                                      \
		ck_assert_msg(strstr(detail_, (part)) != NULL, "\"%s\" is not in: %s", (part),     \
			      detail_);                                                            \
	} while (0)

/* Runs a suite of one test case, to which `add` adds the tests. Returns main()'s exit status. */
static inline int run_tests(const char *name, void (*add)(TCase *tests))
{
	Suite *const suite = suite_create(name);
	TCase *const tests = tcase_create(name);
	SRunner *const runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 300); /* a hang fails; no test depends on speed */
	add(tests);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
