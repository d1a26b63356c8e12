/* SPDX-License-Identifier: MIT
 *
 * The owner of a worker: whether IDs of a kind can be made, for how long, and if not, why. All that
 * is shown of a store, by whatever transport, comes from here, whoever keeps the store: a disk, or
 * a coordinator.
 */
#ifndef SNOWIDD_OWNER_H
#define SNOWIDD_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include "snowidd/service/kind.h"
#include "snowidd/service/refusal.h"

enum owner_state {
	OWNER_READY,
	OWNER_DEGRADED, /* the store cannot be renewed: IDs can be made until its limit */
	OWNER_REFUSED   /* no IDs can be made now */
};

struct owner {
	enum owner_state state;
	double seconds_left;  /* until the limit; INFINITY: there is none */
	enum refusal refusal; /* SERVED unless the state is OWNER_REFUSED */
	char reason[500];     /* empty if it is OWNER_READY */
};

/* "ready", "degraded" or "refused". */
const char *owner_state_name(enum owner_state state);

/* Never waits. wait_ns: how long a request may wait for its IDs; an owner whose store is renewed
 * within that is ready. `stopping`: a generator that is closed was closed by us. MT-Safe. */
void owner_read(struct served_kind *kind, uint64_t wait_ns, bool stopping, struct owner *owner);

/* Does what is due for the store, and returns after how many ns to call it again. May wait for a
 * disk; to be called by one thread. */
uint64_t owner_maintain(struct served_kind *kind);

/* Logs what has changed since the last call: whether IDs can be made, and the worker. To be called
 * about once a second, by one thread. */
void owner_log_changes(struct served_kind *kind, const struct owner *owner);

/* Ends the generator, and gives its worker up if no other process has a share in it. Waits up to
 * timeout_ns, and logs if that is too short. */
void owner_release(struct served_kind *kind, uint64_t timeout_ns);

#endif
