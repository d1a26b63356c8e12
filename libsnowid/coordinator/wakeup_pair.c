/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/wakeup_pair.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <fcntl.h>

#define ROUNDS 4 /* in which another socket of the program would have to do the same */

enum queue { TO_READ, TO_WRITE };

/* How much waits in a UNIX socket; -1: it is none. */
static int socket_queued(int number, enum queue queue)
{
	int domain = 0, bytes = 0;
	socklen_t size = sizeof domain;

	if (getsockopt(number, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_UNIX ||
	    ioctl(number, queue == TO_READ ? FIONREAD : TIOCOUTQ, &bytes) != 0)
		return -1;
	return bytes;
}

/* Whether something waits in a socket between a wakeup and its end, and at no other time. */
static bool socket_follows(CURLM *multi, int number, enum queue queue)
{
	bool follows = true;

	for (int i = 0; follows && i < ROUNDS; i++) {
		follows = socket_queued(number, queue) == 0;
		curl_multi_wakeup(multi);
		follows = follows && socket_queued(number, queue) > 0;
		curl_multi_poll(multi, NULL, 0, 0, NULL);
		follows = follows && socket_queued(number, queue) == 0;
	}
	return follows;
}

void sn_wakeup_pair_find(CURLM *multi, int pair[2])
{
	DIR *const directory = opendir("/dev/fd");
	const struct dirent *entry;

	pair[TO_READ] = pair[TO_WRITE] = -1;
	while (directory && (entry = readdir(directory)) != NULL) {
		const int number = atoi(entry->d_name);
		for (enum queue queue = TO_READ; queue <= TO_WRITE; queue++)
			if (socket_queued(number, queue) == 0 &&
			    socket_follows(multi, number, queue)) {
				pair[queue] = number;
				fcntl(number, F_SETFD, FD_CLOEXEC);
			}
	}
	if (directory)
		closedir(directory);
}
