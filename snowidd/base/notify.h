/* SPDX-License-Identifier: MIT
 *
 * What systemd passes to a service and is told by it: sockets (sd_listen_fds(3)) and its state
 * (sd_notify(3)). Without libsystemd, as systemd itself advises.
 */
#ifndef SNOWIDD_NOTIFY_H
#define SNOWIDD_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOTIFY_FIRST_SOCKET 3

/* How many sockets were passed, from NOTIFY_FIRST_SOCKET on. No child process inherits them. */
int notify_sockets(void);

/* Whether the socket with this index, from 0, has a name (FileDescriptorName= of
 * systemd.socket(5)). */
bool notify_socket_is_named(size_t index, const char *name);

/* Sends "READY=1" and the like. Does nothing if the service manager has not asked for it. */
void notify_send(const char *state);

/* Says in words what the service does, for systemctl status. */
void notify_status(const char *text);

/* Asks for more time to start or to stop in: this much from now on. */
void notify_extend(uint64_t ns);

/* Sends "RELOADING=1" with the present time, as Type=notify-reload requires. */
void notify_reloading(void);

/* How often to send "WATCHDOG=1", in ms; 0 if there is no watchdog. */
uint64_t notify_watchdog_ms(void);

#endif
