/* SPDX-License-Identifier: MIT
 *
 * Lines of the log, read from a pipe in place of standard error.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "snowidd/base/log.h"
#include "tests/unit/check.h"

static int saved_stderr, log_pipe[2];

static void redirect_stderr(void)
{
	unsetenv("JOURNAL_STREAM");
	ck_assert_int_eq(pipe2(log_pipe, O_NONBLOCK), 0);
	saved_stderr = dup(STDERR_FILENO);
	ck_assert_int_ge(dup2(log_pipe[1], STDERR_FILENO), 0);
	log_open(LOG_LEVEL_INFO, false, false);
}

static void restore_stderr(void)
{
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(log_pipe[0]);
	close(log_pipe[1]);
}

/* What has been logged since the last call. */
static const char *read_log(void)
{
	static char text[4096];
	const ssize_t length = read(log_pipe[0], text, sizeof text - 1);

	text[length > 0 ? length : 0] = '\0';
	return text;
}

/* What follows "2023-11-14T22:13:20.000Z". */
static const char *skip_time(const char *line)
{
	static const char form[] = "0000-00-00T00:00:00.000Z";

	for (size_t i = 0; i < strlen(form); i++)
		ck_assert_msg(form[i] == '0' ? line[i] >= '0' && line[i] <= '9'
					     : line[i] == form[i],
			      "%s", line);
	return line + strlen(form);
}

TEST(lines_of_text)
{
	log_event(LOG_LEVEL_INFO, "listening", "address", "127.0.0.1", "port", "80", NULL);
	ck_assert_str_eq(skip_time(read_log()), " info: listening address=127.0.0.1 port=80\n");
	log_event(LOG_LEVEL_ERROR, "cannot start", NULL);
	ck_assert_str_eq(skip_time(read_log()), " error: cannot start\n");
}

TEST(lines_of_json)
{
	log_open(LOG_LEVEL_INFO, true, false);
	log_event(LOG_LEVEL_WARNING, "say \"hi\"", "a", "b\n", "c", "", NULL);
	const char *const line = read_log();
	ck_assert_msg(strncmp(line, "{\"time\":\"", 9) == 0, "%s", line);
	ck_assert_str_eq(skip_time(line + 9),
			 "\",\"level\":\"warning\",\"event\":\"say \\\"hi\\\"\",\"a\":\"b\\u000a\","
			 "\"c\":\"\"}\n");
}

/* What comes from outside cannot end the line, look like another field, or control a terminal. */
TEST(values_are_quoted_if_they_could_be_misread)
{
	static const struct {
		const char *value, *written;
	} cases[] = {
		{"plain", "plain"},
		{"a.b:c/d[e]", "a.b:c/d[e]"},
		{"", "\"\""},
		{"two words", "\"two words\""},
		{"a=b", "\"a=b\""},
		{"say \"hi\"", "\"say \\\"hi\\\"\""},
		{"back\\slash", "\"back\\\\slash\""},
		{"line\nerror: forged", "\"line\\u000aerror: forged\""},
		{"\x1b[2J", "\"\\u001b[2J\""},
		{"\x7f", "\"\\u007f\""},
		{"caf\xc3\xa9", "\"caf\xc3\xa9\""},
		{"\xff", "\"\\ufffd\""},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char expected[100];
		log_event(LOG_LEVEL_INFO, "event", "field", cases[i].value, NULL);
		snprintf(expected, sizeof expected, " info: event field=%s\n", cases[i].written);
		ck_assert_str_eq(skip_time(read_log()), expected);
	}
}

TEST(levels_below_the_threshold_are_dropped)
{
	static const enum log_level levels[] = {LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO,
						LOG_LEVEL_DEBUG};

	for (size_t threshold = 0; threshold < 4; threshold++) {
		log_open(levels[threshold], false, false);
		for (size_t i = 0; i < 4; i++) {
			log_event(levels[i], "event", NULL);
			ck_assert_int_eq(*read_log() != '\0', i <= threshold);
		}
	}
}

/* The journal adds the time, and reads the priority from the line (sd-daemon(3)). */
TEST(lines_for_the_journal)
{
	setenv("JOURNAL_STREAM", "8:1", 1);
	log_event(LOG_LEVEL_WARNING, "event", "a", "b", NULL);
	ck_assert_str_eq(read_log(), "<4>warning: event a=b\n");
	log_open(LOG_LEVEL_DEBUG, true, false);
	log_event(LOG_LEVEL_DEBUG, "event", NULL);
	ck_assert_str_eq(read_log(), "<7>{\"level\":\"debug\",\"event\":\"event\"}\n");
	unsetenv("JOURNAL_STREAM");
}

TEST(a_long_value_stays_on_one_line)
{
	char value[3000];

	memset(value, 'v', sizeof value - 1);
	value[sizeof value - 1] = '\0';
	log_event(LOG_LEVEL_INFO, "event", "field", value, NULL);
	const char *const line = read_log();
	ck_assert_uint_eq(strcspn(line, "\n"), strlen(line) - 1);
	ck_assert_ptr_nonnull(strstr(line, value));
}

TEST(a_log_that_cannot_be_written_stops_nobody)
{
	ck_assert_int_eq(close(STDERR_FILENO), 0);
	log_event(LOG_LEVEL_ERROR, "event", NULL);
	ck_assert_int_ge(dup2(log_pipe[1], STDERR_FILENO), 0);
	ck_assert_str_eq(read_log(), "");
}

/* As if nobody read the log: the pipe blocks whoever writes more than it holds. */
TEST(a_log_that_nobody_reads_makes_nobody_wait)
{
	char text[4000];
	const uint64_t before = log_lines_dropped();

	fcntl(log_pipe[1], F_SETFL, 0);
	ck_assert_int_eq(fcntl(log_pipe[1], F_SETPIPE_SZ, 8192), 8192);
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	for (int i = 0; i < 10; i++)
		log_event(LOG_LEVEL_INFO, "large", "text", text, NULL);
	ck_assert_uint_ge(log_lines_dropped() - before, 7);
	for (int i = 0; i < 3; i++)
		read_log();
	log_event(LOG_LEVEL_INFO, "small", NULL);
	const char *const log = read_log();
	ck_assert_msg(strstr(log, "lines are missing here") != NULL, "%s", log);
	ck_assert_ptr_nonnull(strstr(log, " info: small\n"));
	log_event(LOG_LEVEL_INFO, "small", NULL);
	ck_assert_ptr_null(strstr(read_log(), "missing"));
}

int main(void)
{
	return run_tests(redirect_stderr, restore_stderr);
}
