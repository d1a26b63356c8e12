/* SPDX-License-Identifier: MIT
 *
 * Messages to the system's log, whose socket is the test's.
 */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "snowidd/base/syslog_socket.h"
#include "tests/unit/check.h"

static char path[64]; /* a relative one, as those of build directories may be too long */
static int reader;

static int bind_reader(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	unlink(path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static void begin(void)
{
	snprintf(path, sizeof path, "syslog.%d", (int)getpid());
	reader = bind_reader();
	ck_assert(syslog_socket_open(path));
}

static void end(void)
{
	syslog_socket_close();
	close(reader);
	unlink(path);
}

/* What follows "<30>Nov  4 12:00:00 ". */
static const char *read_message(const char *priority)
{
	static char message[1000];
	const ssize_t length = recv(reader, message, sizeof message - 1, 0);

	ck_assert_int_gt(length, 20);
	message[length] = '\0';
	ck_assert_msg(strncmp(message, priority, strlen(priority)) == 0, "%s", message);
	return message + strlen(priority) + strlen("Nov  4 12:00:00 ");
}

TEST(a_message_has_priority_time_and_sender)
{
	char expected[100];

	ck_assert(syslog_socket_send(LOG_INFO, "text", 4));
	snprintf(expected, sizeof expected, "snowidd[%d]: text", (int)getpid());
	ck_assert_str_eq(read_message("<30>"), expected);
}

/* syslog(3) would wait until the log is read. */
TEST(a_log_that_nobody_reads_takes_no_time)
{
	unsigned sent = 0;

	while (sent < 1000000 && syslog_socket_send(LOG_INFO, "text", 4))
		sent++;
	ck_assert_uint_lt(sent, 1000000);
	ck_assert(!syslog_socket_is_ready());
	for (unsigned i = 0; i < sent; i++)
		read_message("<30>");
	ck_assert(syslog_socket_is_ready());
	ck_assert(syslog_socket_send(LOG_INFO, "text", 4));
}

TEST(another_reader_is_found)
{
	close(reader);
	ck_assert(!syslog_socket_send(LOG_INFO, "lost", 4));
	reader = bind_reader();
	ck_assert(syslog_socket_send(LOG_ERR, "text", 4));
	ck_assert_ptr_nonnull(strstr(read_message("<27>"), ": text"));
}

TEST(a_socket_that_is_missing_is_an_error)
{
	ck_assert(!syslog_socket_open("nonexistent/log"));
	ck_assert(!syslog_socket_send(LOG_INFO, "text", 4));
	ck_assert(!syslog_socket_is_ready());
}

int main(void)
{
	return run_tests(begin, end);
}
