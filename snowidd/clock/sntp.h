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

#define SNTP_PACKET_SIZE 48
#define SNTP_SERVERS_MAX 16

/* The cookie, a random number in place of our time, is all that differs between requests. */
void sntp_write_request(uint64_t cookie, uint8_t packet[SNTP_PACKET_SIZE]);

/* Computes from the response how far the local clock, which showed sent_ns and received_ns (since
 * 1970), is ahead. False if the packet is not a response to this request, or if the server does not
 * know the time. */
bool sntp_read_response(const uint8_t *packet, size_t length, uint64_t cookie, int64_t sent_ns,
			int64_t received_ns, int64_t *ahead_ns);

struct sntp_client;

/* `measured` gets an offset from each server that has responded, INQUIRY_TIMEOUT_MS after the
 * request at the latest. It may sort them. NULL if there is no memory. */
typedef void (*sntp_measured_fn)(void *user, int64_t *ahead_ns, size_t count);
struct sntp_client *sntp_new(uv_loop_t *loop, sntp_measured_fn measured, void *user);

/* Which servers to ask, each as HOST or HOST:PORT; those beyond SNTP_SERVERS_MAX are left out. */
void sntp_set_servers(struct sntp_client *client, char *const *servers, size_t count);

/* Asks all servers at once, unless there are none or the last request is still being answered. */
void sntp_ask(struct sntp_client *client);

void sntp_close(struct sntp_client *client);

#endif
