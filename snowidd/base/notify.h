/* SPDX-License-Identifier: MIT
 *
 * systemd: sockets handed over (sd_listen_fds(3)) and notices (sd_notify(3)), without libsystemd, as
 * systemd itself advises.
 */
#ifndef SNOWIDD_NOTIFY_H
#define SNOWIDD_NOTIFY_H

#include <stdint.h>

#define NOTIFY_FIRST_SOCKET 3

/* How many sockets were handed over, from NOTIFY_FIRST_SOCKET on. They are not inherited further. */
int notify_sockets(void);

/* Sends "READY=1" and the like; nothing where nobody asked for it. */
void notify_send(const char *state);

/* "RELOADING=1", with the time it began, as Type=notify-reload wants it. */
void notify_reloading(void);

/* How often the watchdog wants to hear, in ms; 0: there is none. */
uint64_t notify_watchdog_ms(void);

#endif
