/* SPDX-License-Identifier: MIT
 *
 * A limit on frames that cost the server something and ask it for nothing: pings, settings,
 * priorities, window updates, empty data (CVE-2019-9512 to 9518). Those of unknown types cost no
 * more than their bytes.
 *
 * A connection has a credit of them. Each frame takes from it; each call, each message and, as
 * their readers update windows, all data that is sent give to it, and so does time. A client that
 * makes calls therefore has credit, however often it cancels them: a call that is reset costs no
 * more than one that is answered, and both use up the connection's share of a turn of the loop.
 */
#ifndef SNOWIDD_GRPC_FLOOD_H
#define SNOWIDD_GRPC_FLOOD_H

#include <stdbool.h>
#include <stdint.h>

#define FLOOD_CREDIT     1000 /* at most, and at first */
#define FLOOD_PER_SECOND 10
#define FLOOD_PER_CALL   10
#define FLOOD_PER_DATA   4

struct grpc_flood {
	uint64_t credit;
	uint64_t since_ns; /* elapsed time up to which time has given to it */
};

void grpc_flood_init(struct grpc_flood *flood, uint64_t now_ns);

/* Takes for a frame. False if there is no credit left. */
bool grpc_flood_take(struct grpc_flood *flood, uint64_t now_ns);

void grpc_flood_give(struct grpc_flood *flood, uint64_t credit);

#endif
