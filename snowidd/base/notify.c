/* SPDX-License-Identifier: MIT
 *
 * What systemd passes to a service and is told by it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "snowidd/base/notify.h"

/* A number in the environment; 0 if there is none. */
static uint64_t read_number_variable(const char *name)
{
	const char *const text = getenv(name);
	char *end;

	if (!text || *text < '0' || *text > '9')
		return 0;
	errno = 0;
	const uint64_t value = strtoull(text, &end, 10);
	return *end || errno ? 0 : value;
}

static bool is_own_process(const char *name)
{
	return read_number_variable(name) == (uint64_t)getpid();
}

int notify_sockets(void)
{
	const uint64_t passed =
		is_own_process("LISTEN_PID") ? read_number_variable("LISTEN_FDS") : 0;
	const int count = passed < 1024 ? (int)passed : 1024;

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	for (int fd = NOTIFY_FIRST_SOCKET; fd < NOTIFY_FIRST_SOCKET + count; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	return count;
}

bool notify_socket_is_named(size_t index, const char *name)
{
	const char *names = getenv("LISTEN_FDNAMES"); /* separated by colons */

	for (; names && index > 0; index--) {
		names = strchr(names, ':');
		names += names != NULL;
	}
	return names && strcspn(names, ":") == strlen(name) &&
	       strncmp(names, name, strlen(name)) == 0;
}

void notify_send(const char *state)
{
	const char *const path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof address.sun_path)
		return;
	memcpy(address.sun_path, path, strlen(path));
	if (path[0] == '@')
		address.sun_path[0] = '\0'; /* the abstract namespace, unix(7) */
	const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, size);
	close(fd);
}

void notify_status(const char *text)
{
	char state[700];

	/* Another line would be another assignment. */
	snprintf(state, sizeof state, "STATUS=%s", text);
	state[strcspn(state, "\r\n")] = '\0';
	notify_send(state);
}

void notify_extend(uint64_t ns)
{
	char state[64];

	snprintf(state, sizeof state, "EXTEND_TIMEOUT_USEC=%" PRIu64, ns / 1000);
	notify_send(state);
}

void notify_reloading(void)
{
	struct timespec now;
	char text[80];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
		 (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	notify_send(text);
}

uint64_t notify_watchdog_ms(void)
{
	if (getenv("WATCHDOG_PID") && !is_own_process("WATCHDOG_PID"))
		return 0;
	return read_number_variable("WATCHDOG_USEC") / 2000; /* twice as often as is required */
}
