/* SPDX-License-Identifier: MIT
 *
 * What waits in an event loop: for its peer, for its turn, or for an ID. Knows neither the loop nor
 * the time, so that a test can drive it.
 *
 * All waiters of a queue wait equally long, so that each queue is in the order of its deadlines,
 * and adding, removing and expiring cost the same however many wait.
 */
#ifndef SNOWIDD_WAITING_H
#define SNOWIDD_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
	PHASE_PARKED,  /* a request for its IDs; it is resumed at short intervals */
	PHASE_TURN,    /* a connection for others to be served first */
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

	/* It no longer waits when this is called (except for WAKE_STOP and WAKE_DRAIN), and may be
	 * added again. */
	void (*resume)(struct waiter *waiter, enum wake wake);
};

/* The object that a waiter is a member of. */
#define WAITER_OWNER(waiter, type, member)                                                         \
	((type *)(void *)((char *)(waiter)-offsetof(type, member)))

struct waiting {
	struct waiter queues[PHASES]; /* the heads of rings */
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

/* Resumes all, with WAKE_STOP; those that wait for a request, with WAKE_DRAIN; all, with
 * WAKE_END. */
void waiting_stop(struct waiting *waiting);
void waiting_drain(struct waiting *waiting);
void waiting_end(struct waiting *waiting);

#endif
