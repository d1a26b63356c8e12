/* SPDX-License-Identifier: MIT
 *
 * Ownership of a worker whose record a coordinator keeps: claiming, renewing, losing, claiming
 * again and releasing.
 *
 * A claim increments the epoch of the record in one compare-and-swap. Its floor is the limit that
 * the record allowed before. The limit of the shared state rises only after the coordinator has
 * acknowledged it in that epoch. Epochs therefore own disjoint ranges of ticks. Everything else,
 * including the lease and its deadline, only decides when to try.
 *
 * Each epoch has a shared state of its own, which is never used for another.
 */
#ifndef SN_LEASE_H
#define SN_LEASE_H

#include "libsnowid/coordinator/coordinator.h"
#include "libsnowid/sequence/shared_state.h"
#include "libsnowid/sequence/ticks.h"

struct sn_lease_settings {
	struct sn_coordinator *coordinator; /* all pointers outlive the lease */
	struct snowid_clock *clock;
	struct sn_ticks ticks;
	uint64_t ttl_ns; /* of the coordinator's lease; at least 1 s */
	uint64_t fingerprint;
	uint64_t first_worker, last_worker; /* the range to choose from */
	uint64_t identity;                  /* what IDs contain besides the worker */
	unsigned worker_shift;              /* where the worker is in it */
	struct sn_shared_state *states;     /* zeros: one for each epoch to come */
	size_t state_count;
};

enum sn_lease_state {
	SN_LEASE_SEEKING,
	SN_LEASE_CLAIMING,
	SN_LEASE_OWNING,
	SN_LEASE_RELEASING,
	SN_LEASE_ENDED
};

/* What prevents it from owning a worker. */
enum sn_lease_blocker {
	SN_BLOCKER_SILENCE, /* no answer has come */
	SN_BLOCKER_TAKEN,   /* others own all workers */
	SN_BLOCKER_FOREIGN, /* a record is of another kind */
	SN_BLOCKER_BEHIND,  /* the clock is behind what has been recorded */
	SN_BLOCKER_AHEAD    /* the clock is ahead of the coordinator's */
};

struct sn_lease {
	struct sn_lease_settings settings;
	enum sn_lease_state state;
	enum sn_lease_blocker blocker; /* the last one that was found */
	uint64_t margin_ns;
	uint64_t worker;
	uint64_t floor;                 /* the first tick of the epoch is above it */
	struct sn_record record;        /* as it was last known, or as it is claimed */
	struct sn_shared_state *shared; /* of the last epoch; NULL before the first */
	size_t states_used;
	struct sn_request request; /* the last one sent */
	bool awaiting_answer;
	bool write_unresolved; /* whether a write was done must be read */
	bool clock_ahead;      /* of the coordinator's: nothing may be recorded */
	/* Elapsed times. */
	uint64_t sent_at;
	uint64_t claimed_at; /* when the claim was first sent */
	uint64_t next_request_at;
	uint64_t deadline; /* ownership ends if no write is acknowledged before */
	/* While seeking. */
	uint64_t next_worker; /* to look at */
	uint64_t workers_left;
	/* The first worker that was seen without a lease, although it had not been released. */
	uint64_t vacant_worker, vacant_version, vacant_since;
};

/* Begins with a random worker, so that processes that start together try different ones. */
int sn_lease_init(struct sn_lease *lease, const struct sn_lease_settings *settings);

/* Handles the answers that have come, and sends what is due. It must be called again after
 * *next_call_ns, or when an answer comes. Returns errors of the clock, after which it must be
 * called again as well. */
int sn_lease_step(struct sn_lease *lease, uint64_t *next_call_ns);

/* Ends claims at once. sn_lease_step() then continues the release until the state is ENDED. */
void sn_lease_release(struct sn_lease *lease);

/* SNOWID_E_STORE, with what prevents it from owning a worker, or from keeping it. */
int sn_lease_fail(const struct sn_lease_settings *settings, enum sn_lease_blocker blocker);

#endif
