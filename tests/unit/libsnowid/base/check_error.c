/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "libsnowid/base/error.h"
#include "libsnowid/base/thread.h"
#include "tests/unit/check.h"
#include "tests/unit/fake_system.h"
#include "tests/unit/threads.h"

#define UNKNOWN "unknown error"

static const int errors[] = {
	SNOWID_E_INVALID, SNOWID_E_RANGE,  SNOWID_E_SYNTAX, SNOWID_E_OVERFLOW, SNOWID_E_UNKNOWN,
	SNOWID_E_KIND,    SNOWID_E_WORKER, SNOWID_E_STORE,  SNOWID_E_CLOCK,    SNOWID_E_EXHAUSTED,
	SNOWID_E_LIMIT,   SNOWID_E_EPOCH,  SNOWID_E_ENDED,  SNOWID_E_CLOSED,
};
#define ERRORS (sizeof errors / sizeof *errors)

TEST(every_error_has_its_own_text)
{
	for (size_t i = 0; i < ERRORS; i++) {
		const char *const name = snowid_strerror(errors[i]);
		ck_assert_str_ne(name, UNKNOWN);
		ck_assert_int_ne(name[strlen(name) - 1], '.');
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(name, snowid_strerror(errors[k]));
	}
	ck_assert_str_eq(snowid_strerror(0), "no error");
}

TEST(errors_of_the_system_have_its_texts)
{
	static const int system[] = {EPERM, ENOENT, EINTR, ENOMEM, EINVAL, ENOSYS, EOVERFLOW};
	for (size_t i = 0; i < sizeof system / sizeof *system; i++)
		ck_assert_str_eq(snowid_strerror(-system[i]), strerror(system[i]));
}

TEST(other_numbers_are_unknown_errors)
{
	static const int others[] = {1,     EINVAL, 1000, 1005, INT_MAX, SNOWID_E_CLOSED - 1,
				     -5000, INT_MIN};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		ck_assert_str_eq(snowid_strerror(others[i]), UNKNOWN);
	for (int error = 2000; error > -3000; error--)
		ck_assert_ptr_nonnull(snowid_strerror(error));
}

static void *read_detail(void *length)
{
	char text[8] = "unclean";
	*(size_t *)length = snowid_error_detail(text, sizeof text);
	return text[0] == '\0' ? length : NULL;
}

TEST(each_thread_has_its_own_detail)
{
	size_t length = 77;
	sn_fail(SNOWID_E_RANGE, "of the main thread");
	ck_assert_ptr_eq(call_in_thread(read_detail, &length), &length);
	ck_assert_uint_eq(length, 0);
	EXPECT_DETAIL("of the main thread");
}

TEST(failing_sets_the_detail_and_returns_the_code)
{
	char text[64];
	ck_assert_int_eq(sn_fail(SNOWID_E_RANGE, "%d is above %s", 12, "11"), SNOWID_E_RANGE);
	ck_assert_uint_eq(snowid_error_detail(text, sizeof text), 14);
	ck_assert_str_eq(text, "12 is above 11");
	ck_assert_int_eq(sn_fail(-EIO, "second"), -EIO);
	ck_assert_uint_eq(snowid_error_detail(text, sizeof text), 6);
	ck_assert_str_eq(text, "second");
	ck_assert_int_eq(sn_fail_null("layout"), SNOWID_E_INVALID);
	snowid_error_detail(text, sizeof text);
	ck_assert_str_eq(text, "layout is NULL");
	ck_assert_int_eq(sn_fail_nomem(), -ENOMEM);
	EXPECT_DETAIL("memory");
}

TEST(detail_is_cut_to_the_buffer)
{
	sn_fail(SNOWID_E_RANGE, "0123456789");
	for (size_t size = 0; size <= 16; size++) {
		char text[17];
		memset(text, 'x', sizeof text);
		ck_assert_uint_eq(snowid_error_detail(text, size), 10);
		if (size > 0) {
			const size_t copied = size > 10 ? 10 : size - 1;
			ck_assert_uint_eq(strlen(text), copied);
			ck_assert_int_eq(strncmp(text, "0123456789", copied), 0);
		}
		for (size_t i = size; i < sizeof text; i++)
			ck_assert_int_eq(text[i], 'x');
	}
	ck_assert_uint_eq(snowid_error_detail(NULL, 0), 10);
}

TEST(long_detail_is_cut)
{
	char text[2 * SN_DETAIL_SIZE];
	sn_fail(SNOWID_E_RANGE, "%*s", 2 * SN_DETAIL_SIZE, "end");
	ck_assert_uint_eq(snowid_error_detail(text, sizeof text), SN_DETAIL_SIZE - 1);
	ck_assert_uint_eq(strlen(text), SN_DETAIL_SIZE - 1);
}

/* A path, or a text out of a file, must not control a terminal. */
TEST(control_characters_of_a_detail_are_replaced)
{
	sn_fail(SNOWID_E_STORE, "%s",
		"a\x1b[31mb\tc\nd\x7f"
		"e\xc2\x80\xc2\x9f"
		"f");
	ck_assert_str_eq(sn_thread_get()->detail, "a?[31mb?c?d?e????f");
	sn_fail(SNOWID_E_STORE, "%s", "\xc2\xa0\xc3\x9b ~ \xe2\x80\xa6 \xc2");
	ck_assert_str_eq(sn_thread_get()->detail, "\xc2\xa0\xc3\x9b ~ \xe2\x80\xa6 \xc2");
}

TEST(success_keeps_the_detail)
{
	uint64_t id;
	EXPECT(snowid_id_parse("x", 1, SNOWID_FORM_DECIMAL, &id), SNOWID_E_SYNTAX);
	OK(snowid_id_parse("1", 1, SNOWID_FORM_DECIMAL, &id));
	EXPECT_DETAIL("byte 1 is 'x'");
}

TEST(failing_keeps_errno)
{
	errno = EXDEV;
	sn_fail(SNOWID_E_RANGE, "%s", "text");
	ck_assert_int_eq(errno, EXDEV);
}

static void *fail_without_state(void *argument)
{
	char text[32] = "unclean";
	(void)argument;
	fake_setspecific_allowed = allow_nothing;
	errno = EXDEV;
	ck_assert_int_eq(sn_fail(SNOWID_E_RANGE, "%s", "lost"), SNOWID_E_RANGE);
	ck_assert_int_eq(errno, EXDEV);
	snowid_error_detail(text, sizeof text);
	ck_assert_str_eq(text, "value out of range"); /* what is known of it without state */
	fake_setspecific_allowed = NULL;
	sn_fail(SNOWID_E_RANGE, "%s", "kept");
	EXPECT_DETAIL("kept");
	return NULL;
}

TEST(thread_without_state_loses_only_the_detail)
{
	call_in_thread(fail_without_state, NULL);
}

TEST(version_is_that_of_the_header)
{
	char text[32];
	snprintf(text, sizeof text, "%d.%d.%d", SNOWID_VERSION_MAJOR, SNOWID_VERSION_MINOR,
		 SNOWID_VERSION_PATCH);
	ck_assert_str_eq(snowid_version(), text);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
