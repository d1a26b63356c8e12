/* SPDX-License-Identifier: MIT
 *
 * Asks NTP servers for the time (SNTP, RFC 5905 section 14).
 */
#ifndef SNOWIDD_SNTP_H
#define SNOWIDD_SNTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "snowidd/config/settings.h"

#define SNTP_PACKET  48
#define SNTP_SERVERS 16

/* Writes a request that nothing but the cookie tells from another. */
void sntp_request(uint64_t cookie, uint8_t packet[SNTP_PACKET]);

/* Reads the answer to it: how far the local clock, which showed sent_ns and received_ns (since 1970), is
 * ahead. False: it is not an answer to the request, or of a server that does not know the time. */
bool sntp_answer(const uint8_t *packet, size_t length, uint64_t cookie, int64_t sent_ns,
		 int64_t received_ns, int64_t *ahead_ns);

/* Asks all servers at once, and hands over what they answered, at most two seconds later. */
typedef void (*sntp_done_fn)(void *user, int64_t *ahead_ns, size_t count);
struct sntp;
struct sntp *sntp_new(uv_loop_t *loop, sntp_done_fn done, void *user); /* NULL: no memory */
void sntp_ask(struct sntp *sntp, const struct list *servers);

/* Its memory goes when the loop has closed its handles. */
void sntp_close(struct sntp *sntp);

#endif
