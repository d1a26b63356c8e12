/* SPDX-License-Identifier: MIT
 *
 * The tokens that clients may send.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snowidd/config/tokens.h"
#include "tests/unit/check.h"
#include "tests/unit/directory.h"

static struct tokens tokens;
static struct settings_error error;
static char path[sizeof directory + 16];

static void begin(void)
{
	directory_make();
	snprintf(path, sizeof path, "%s/token", directory);
}

static void end(void)
{
	tokens_erase(&tokens);
	directory_remove();
}

static bool read_text(const char *text, mode_t mode)
{
	const size_t length = strlen(text);
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, length), (ssize_t)length);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
	tokens_erase(&tokens);
	return tokens_read(path, &tokens, &error);
}

/* The value lies in memory of its own size. */
static bool is_authorised(const char *value)
{
	const size_t length = strlen(value);
	char *const copy = malloc(length + 1);

	memcpy(copy, value, length);
	const bool authorised = tokens_authorise(&tokens, copy, length);
	free(copy);
	return authorised;
}

static void expect_fault(const char *text, const char *part)
{
	ck_assert_msg(!read_text(text, 0600), "%.40s", text);
	ck_assert_msg(strstr(error.text, part) != NULL, "%s", error.text);
}

TEST(blanks_at_the_end_of_a_line_are_no_part_of_a_token)
{
	ck_assert_msg(read_text("correct-horse-battery-staple \r\n\n", 0600), "%s", error.text);
	ck_assert_str_eq(tokens.first, "correct-horse-battery-staple");
	ck_assert(is_authorised("Bearer correct-horse-battery-staple"));
	ck_assert(is_authorised("BEARER  correct-horse-battery-staple"));
	ck_assert(!is_authorised("Bearer correct-horse-battery-staple "));
	ck_assert(!is_authorised("Bearer correct-horse-battery-stapl"));
	ck_assert(!is_authorised("Bearer "));
	ck_assert(!is_authorised("Bearer"));
	ck_assert(!is_authorised(""));
}

TEST(each_line_has_a_token)
{
	ck_assert_msg(read_text("\nold-old-old-old-old\n\r\nnew-new-new-new-new", 0640), "%s",
		      error.text);
	ck_assert_uint_eq(tokens.count, 2);
	ck_assert_str_eq(tokens.first, "old-old-old-old-old");
	ck_assert(is_authorised("Bearer old-old-old-old-old"));
	ck_assert(is_authorised("Bearer new-new-new-new-new"));
	ck_assert(!is_authorised("Bearer new-new-new-new-old"));
	ck_assert(!is_authorised("Bearer old-old-old-old-old\nnew-new-new-new-new"));
}

TEST(a_token_is_long_and_can_be_sent)
{
	char text[1100];

	expect_fault("", "does not contain a token of 16 to 1000 bytes");
	expect_fault(" \n\n", "does not contain a token");
	expect_fault("too-short\n", "has not 16 to 1000 bytes");
	expect_fault("correct-horse-battery-staple\nshort\n", "has not 16 to 1000 bytes");
	expect_fault("sixteen letters.\n", "cannot be sent in a header");
	expect_fault("sixteen-l\xc3\xa4tters\n", "cannot be sent in a header");
	memset(text, 'x', sizeof text - 1);
	text[1001] = '\0';
	expect_fault(text, "has not 16 to 1000 bytes");
	text[1000] = '\0';
	ck_assert_msg(read_text(text, 0600), "%s", error.text);
}

TEST(the_number_of_tokens_is_limited)
{
	static const char line[] = "correct-horse-battery-staple\n";
	char text[(TOKENS_MAX + 1) * (sizeof line - 1) + 1] = "";
	char *const large = calloc(1, 20000);

	for (size_t i = 0; i < TOKENS_MAX; i++)
		strcat(text, line);
	ck_assert_msg(read_text(text, 0600), "%s", error.text);
	strcat(text, line);
	expect_fault(text, "more than 16 tokens");
	memset(large, '\n', 19999);
	expect_fault(large, "too long");
	free(large);
}

TEST(a_file_that_everybody_can_read_is_refused)
{
	ck_assert(!read_text("correct-horse-battery-staple", 0644));
	ck_assert_msg(strstr(error.text, "everybody can read") != NULL, "%s", error.text);
	ck_assert_uint_eq(tokens.count, 0);
	ck_assert(!read_text("correct-horse-battery-staple", 0604));
	ck_assert(read_text("correct-horse-battery-staple", 0660));
}

TEST(a_file_that_cannot_be_read_is_refused)
{
	ck_assert(!tokens_read("/nonexistent", &tokens, &error));
	ck_assert_str_eq(error.text,
			 "token_file: cannot read /nonexistent: No such file or directory");
}

int main(void)
{
	return run_tests(begin, end);
}
