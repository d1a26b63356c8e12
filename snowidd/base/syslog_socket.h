/* SPDX-License-Identifier: MIT
 *
 * Messages to the system's log, by a sender that never waits for it, as syslog(3) does when nobody
 * reads them. Its user must see to it that one thread calls these functions at a time.
 */
#ifndef SNOWIDD_SYSLOG_SOCKET_H
#define SNOWIDD_SYSLOG_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

#define SYSLOG_SOCKET "/dev/log" /* syslog(3) */

/* Connects to the socket with this path, of at most 107 bytes. False with errno. */
bool syslog_socket_open(const char *path);

/* Sends a message of this priority (syslog(3)). False if that is not possible at once. */
bool syslog_socket_send(int priority, const char *text, size_t length);

/* Whether a message could be sent now. */
bool syslog_socket_is_ready(void);

void syslog_socket_close(void);

#endif
