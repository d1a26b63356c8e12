/* SPDX-License-Identifier: MIT
 *
 * What waits in an event loop: for its peer, for its turn, or for an ID. Knows neither the loop nor
 * the time, so that a test can drive it.
 *
 * All waiters of a queue wait equally long, so that each queue is in the order of its deadlines,
 * and adding, removing and expiring cost the same however many wait. Those that wait for IDs are in
 * lanes, in each of which one is served after the other; some have deadlines of their own.
 */
#ifndef SNOWIDD_WAITING_H
#define SNOWIDD_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snowidd/service/share.h"

/* What a waiter waits for; each has a queue. */
enum phase {
	PHASE_FIRST,   /* a connection for its first request, the TLS handshake included */
	PHASE_IDLE,    /* for the next request */
	PHASE_REQUEST, /* for the rest of a request */
	PHASE_WRITING, /* for the peer to read */
	PHASE_LINGER,  /* for the peer to close */
	PHASE_WATCH,   /* a stream of responses for something to change */
	PHASE_QUIET,   /* a connection for its peer to say anything */
	PHASE_PINGED,  /* and for it to answer a ping */
	PHASE_BLOCKED, /* for its protocol; without a deadline */
	PHASE_PARKED,  /* a request for what only time brings; it is resumed at short intervals */
	PHASE_TURN,    /* a connection for others to be served first */
	PHASE_LANE,    /* a request for its IDs, in the first of the lanes */
	PHASE_REFUSED = PHASE_LANE + LANES, /* to be refused */
	PHASES
};

/* Why a waiter is resumed. */
enum wake {
	WAKE_DUE,   /* its deadline has passed */
	WAKE_TURN,  /* it may try again */
	WAKE_STOP,  /* the loop has begun to stop */
	WAKE_DRAIN, /* the loop is stopping: it should end unless there is something to do */
	WAKE_END    /* it must end at once */
};

struct waiter {
	struct waiter *previous, *next; /* next is NULL if it does not wait */
	enum phase phase;               /* the queue that it is in, or was in last */
	uint64_t deadline;              /* on the loop's clock, in ms */

	/* It no longer waits when this is called, and may be added again; except in a lane, and for
	 * WAKE_STOP and WAKE_DRAIN: it then keeps its place unless it is removed. */
	void (*resume)(struct waiter *waiter, enum wake wake);
};

/* The object that a waiter is a member of. */
#define WAITER_OWNER(waiter, type, member)                                                         \
	((type *)(void *)((char *)(waiter)-offsetof(type, member)))

struct waiting {
	struct waiter queues[PHASES]; /* the heads of rings */
	uint64_t lanes_due;           /* no waiter of a lane has a deadline before */
	enum phase lanes_done;        /* the last that a round has served which was ended */
};

void waiting_init(struct waiting *waiting);

/* Adds a waiter to the end of a queue, after removing it from the one that it is in. */
void waiting_add(struct waiting *waiting, struct waiter *waiter, enum phase phase,
		 uint64_t deadline);

/* Does nothing if it does not wait. */
void waiting_remove(struct waiter *waiter);

bool waiting_is_empty(const struct waiting *waiting, enum phase phase);

/* Resumes all whose deadline has passed. Returns the next deadline, UINT64_MAX if there is none. */
uint64_t waiting_expire(struct waiting *waiting, uint64_t now);

/* Resumes all in a queue once, in order, those not included that are added meanwhile. */
void waiting_take_turns(struct waiting *waiting, enum phase phase);

/* Resumes up to `most` of a queue, in order. */
void waiting_take_some(struct waiting *waiting, enum phase phase, unsigned most);

bool waiting_has_lanes(const struct waiting *waiting);

/* A round of the lanes: resumes the first of each lane, and when that has left, the next. One that
 * stays waits for more IDs, and so do those behind it. Returns false if lanes are left because
 * is_over() has ended the round: the next one begins with the smallest requests again, but then
 * goes on where this one has ended, so that each lane has its turn. */
bool waiting_serve_lanes(struct waiting *waiting, bool (*is_over)(const void *user),
			 const void *user);

/* Resumes those in lanes whose deadline has passed, with WAKE_DUE. As this may have to look at all
 * of them, it does so at most each LANES_DUE_MS. */
#define LANES_DUE_MS 10
void waiting_expire_lanes(struct waiting *waiting, uint64_t now);

/* Resumes all, with WAKE_STOP; those that wait for a request, with WAKE_DRAIN; all, with
 * WAKE_END. */
void waiting_stop(struct waiting *waiting);
void waiting_drain(struct waiting *waiting);
void waiting_end(struct waiting *waiting);

#endif
