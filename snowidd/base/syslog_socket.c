/* SPDX-License-Identifier: MIT
 *
 * Messages to the system's log.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "snowidd/base/buffer.h"
#include "snowidd/base/syslog_socket.h"

static int syslog_fd = -1;
static struct sockaddr_un syslog_address = {.sun_family = AF_UNIX};

static bool connect_syslog(void)
{
	syslog_socket_close();
	syslog_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (syslog_fd >= 0 && connect(syslog_fd, (const struct sockaddr *)&syslog_address,
				      sizeof syslog_address) == 0)
		return true;
	const int error = errno;
	syslog_socket_close();
	errno = error;
	return false;
}

bool syslog_socket_open(const char *path)
{
	snprintf(syslog_address.sun_path, sizeof syslog_address.sun_path, "%s", path);
	return connect_syslog();
}

void syslog_socket_close(void)
{
	if (syslog_fd >= 0)
		close(syslog_fd);
	syslog_fd = -1;
}

/* As the C library writes it, in the local time. */
static void add_syslog_head(struct buffer *message, int priority)
{
	const time_t now = time(NULL);
	struct tm local;
	char date[40] = "";

	if (localtime_r(&now, &local))
		strftime(date, sizeof date, "%b %e %H:%M:%S", &local);
	buffer_printf(message, "<%d>%s snowidd[%d]: ", LOG_DAEMON | priority, date, (int)getpid());
}

static bool send_message(const struct buffer *message)
{
	return syslog_fd >= 0 && send(syslog_fd, message->data, message->length, MSG_NOSIGNAL) >= 0;
}

bool syslog_socket_send(int priority, const char *text, size_t length)
{
	struct buffer message = {.data = NULL};

	add_syslog_head(&message, priority);
	buffer_bytes(&message, text, length);
	bool sent = !message.failed && send_message(&message);
	/* What reads the log may have been started again, with another socket. */
	if (!sent && !message.failed && errno != EAGAIN && errno != EMSGSIZE && connect_syslog())
		sent = send_message(&message);
	buffer_free(&message);
	return sent;
}

bool syslog_socket_is_ready(void)
{
	struct pollfd output = {.fd = syslog_fd, .events = POLLOUT};

	return poll(&output, 1, 0) == 1 && (output.revents & POLLOUT);
}
