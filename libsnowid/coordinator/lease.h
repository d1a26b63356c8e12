/* SPDX-License-Identifier: MIT
 *
 * Ownership of a worker that a coordinator keeps: claim, renew, lose, claim anew, release.
 *
 * A claim bumps the epoch of a record in one compare-and-swap; its floor is what the record allowed
 * before. The limit of the words rises only after the coordinator has acknowledged it under that
 * epoch. So epochs own disjoint ranges of ticks. Everything else, the lease and its deadline
 * included, only says when to try.
 *
 * Each epoch has words of its own, which are never used for another.
 */
#ifndef SN_LEASE_H
#define SN_LEASE_H

#include "libsnowid/coordinator/coordinator.h"
#include "libsnowid/sequence/ticks.h"
#include "libsnowid/sequence/shared_state.h"

struct sn_lease_settings {
	struct sn_coordinator *coordinator; /* all that follow outlive the lease */
	struct snowid_clock *clock;
	struct sn_ticks ticks;
	uint64_t ttl_ns; /* of the coordinator's lease; at least 1 s */
	uint64_t fingerprint;
	uint64_t first, last;          /* the workers to choose from */
	uint64_t identity;             /* what words are to carry besides the worker */
	unsigned shift;                /* where the worker stands in it */
	struct sn_shared_state *pages; /* zeros: one for each epoch to come */
	size_t page_count;
};

enum sn_lease_state {
	SN_LEASE_SEEKING,
	SN_LEASE_CLAIMING,
	SN_LEASE_OWNING,
	SN_LEASE_RELEASING,
	SN_LEASE_ENDED
};

/* Why there is nothing to own yet. */
enum sn_lease_trouble {
	SN_TROUBLE_SILENCE, /* no answer has come */
	SN_TROUBLE_TAKEN,   /* others have all */
	SN_TROUBLE_FOREIGN, /* a record is of another kind */
	SN_TROUBLE_BEHIND,  /* the clock is behind what has been recorded */
	SN_TROUBLE_AHEAD    /* the clock is ahead of the coordinator's */
};

struct sn_lease {
	struct sn_lease_settings settings;
	enum sn_lease_state state;
	enum sn_lease_trouble trouble;
	uint64_t margin_ns;
	uint64_t worker;
	uint64_t floor;               /* the epoch's first tick lies above */
	struct sn_record record;      /* as it was last known, or as it is claimed */
	struct sn_shared_state *page; /* the last one used */
	size_t pages_used;
	struct sn_request request; /* the last one sent */
	bool waiting;              /* for its answer */
	bool unsure;               /* what became of a write is to be read */
	bool ahead;                /* of the coordinator's clock: nothing may be recorded */
	/* Elapsed times. */
	uint64_t sent;
	uint64_t claimed; /* when the claim was first sent */
	uint64_t due;     /* when the next request is to be sent */
	uint64_t deadline;
	/* Seeking: the next worker to look at, how many are left, and the first that was seen
	 * without a lease, though not released: its owner may be about to come back. */
	uint64_t at, left;
	uint64_t vacant_worker, vacant_version, vacant_since;
};

/* Looks from a random worker on, so that not all who start together try the same. */
int sn_lease_init(struct sn_lease *lease, const struct sn_lease_settings *settings);

/* Takes what answers have come, and does what is due. *again_in_ns is when to call next, unless an
 * answer comes before. Errors of the clock, after which it is to be called again as well. */
int sn_lease_step(struct sn_lease *lease, uint64_t *again_in_ns);

/* Ends claims, and begins to release: goes on in sn_lease_step() until the state is ENDED. */
void sn_lease_release(struct sn_lease *lease);

/* SNOWID_E_STORE, with what stands in the way. */
int sn_lease_explain(const struct sn_lease *lease);

#endif
