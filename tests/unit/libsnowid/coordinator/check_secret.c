/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/secret.h"

#include <stdio.h>

#include "tests/unit/directory.h"

#define VARIABLE "SNOWID_TEST_SECRET"

static char secret[SN_SECRET_SIZE], why[256], path[sizeof directory + 16];

static void write_secret(const char *text)
{
	FILE *const file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static bool reads(const char *text)
{
	write_secret(text);
	return sn_secret_read(path, VARIABLE, secret, why, sizeof why);
}

static void make_secret_directory(void)
{
	unsetenv(VARIABLE);
	directory_make();
	snprintf(path, sizeof path, "%s/secret", directory);
}

TEST(a_file_is_read_each_time)
{
	ck_assert(reads("one"));
	ck_assert_str_eq(secret, "one");
	ck_assert(reads("two words \n"));
	ck_assert_str_eq(secret, "two words ");
	ck_assert(reads("three\r\n"));
	ck_assert_str_eq(secret, "three");
}

TEST(a_file_that_is_no_line_is_an_error)
{
	static char long_text[SN_SECRET_SIZE + 1];

	ck_assert(!reads(""));
	ck_assert(!reads("\n"));
	ck_assert(!reads("a\nb"));
	ck_assert_str_eq(secret, "a\nb");
	ck_assert_ptr_nonnull(strstr(why, path));
	ck_assert_ptr_nonnull(strstr(why, "more than one line"));
	ck_assert(!reads("a\rX-Header: b"));
	memset(long_text, 'a', SN_SECRET_SIZE);
	ck_assert(!reads(long_text));
	long_text[SN_SECRET_SIZE - 1] = '\0';
	ck_assert(reads(long_text));
	unlink(path);
	ck_assert(!sn_secret_read(path, VARIABLE, secret, why, sizeof why));
	ck_assert_ptr_nonnull(strstr(why, "No such file"));
}

TEST(without_a_file_a_variable_has_it)
{
	ck_assert(sn_secret_read(NULL, VARIABLE, secret, why, sizeof why));
	ck_assert_str_eq(secret, "");
	setenv(VARIABLE, "word", 1);
	ck_assert(sn_secret_read(NULL, VARIABLE, secret, why, sizeof why));
	ck_assert_str_eq(secret, "word");
	setenv(VARIABLE, "a\nb", 1);
	ck_assert(!sn_secret_read(NULL, VARIABLE, secret, why, sizeof why));
	ck_assert_ptr_nonnull(strstr(why, VARIABLE));
	ck_assert(reads("file"));
	ck_assert_str_eq(secret, "file");
}

int main(void)
{
	return run_tests(make_secret_directory, directory_remove);
}
