/* SPDX-License-Identifier: MIT
 *
 * Ownership of a worker whose record a coordinator keeps: claiming, renewing, losing, claiming
 * again and releasing.
 *
 * A claim increments the epoch of the record in one compare-and-swap. Its floor is the limit that
 * the record allowed before. The limit of the shared state rises only after the coordinator has
 * acknowledged it in that epoch. Epochs therefore own disjoint ranges of ticks. Everything else,
 * including leases and deadlines, only decides when to try.
 *
 * An owner that gets no answer is in doubt: nobody else can have IDs up to its limit, so it goes on
 * up to there, and asks again. It loses its worker only when it reads that another has claimed it,
 * or that the records are others than before.
 *
 * Each tenure of a worker has a shared state of its own, which is never used for another. A tenure
 * is one epoch, or several of the same process without others in between: an owner whose lease has
 * ended claims its own record again, and its shared state continues.
 */
#ifndef SN_LEASE_H
#define SN_LEASE_H

#include "libsnowid/coordinator/blocker.h"
#include "libsnowid/coordinator/coordinator.h"
#include "libsnowid/coordinator/forget.h"
#include "libsnowid/coordinator/range.h"
#include "libsnowid/coordinator/service_time.h"
#include "libsnowid/sequence/shared_state.h"
#include "libsnowid/sequence/ticks.h"

/* The shortest reserve for a TTL: renewals are made each quarter, so that two of them can fail. */
#define SN_RESERVE_MIN(ttl_ns) ((ttl_ns) / 4 * 3)

/* What must be kept of an ownership so that another process of the host can continue it. */
struct sn_tenure {
	uint64_t worker;
	uint64_t epoch;
	uint64_t incarnation[2];
	uint64_t namespace_id[2];
	uint64_t limit; /* acknowledged, in this epoch */
};

/* All pointers outlive the lease. */
struct sn_lease_settings {
	struct sn_coordinator *coordinator;
	uint64_t *next_serial; /* of the requests to it; shared by all its leases, and at first 1 */
	const char *root, *path;
	struct snowid_clock *clock;
	struct sn_ticks ticks;
	uint64_t ttl_ns;     /* of the coordinator's lease; at least 1 s */
	uint64_t reserve_ns; /* how far ahead limits are; at least SN_RESERVE_MIN(ttl_ns) */
	struct sn_holder owner;
	uint64_t fingerprint;
	const char *kind;                   /* as text */
	uint64_t first_worker, last_worker; /* the range to choose from */
	uint64_t identity;                  /* what IDs contain besides the worker */
	unsigned worker_shift;              /* where the worker is in it */
	struct sn_shared_state *states;     /* zeros, but see `resumes`: one for each tenure */
	size_t state_count;
	uint64_t namespace_id[2]; /* if the process knows it from another lease; or 0 */

	/* What a process that has ended since knew, whose locks this one has; NULL: nothing. Its
	 * worker is claimed first. With `resumes`, states[0] is the shared state of that tenure,
	 * `next` in it is above all slots that were issued and not sealed, and its limit was
	 * acknowledged: IDs go on from it at once, without an answer. */
	const struct sn_tenure *previous;
	bool resumes;
};

enum sn_lease_state {
	SN_LEASE_SEEKING,    /* a worker */
	SN_LEASE_CLAIMING,   /* one */
	SN_LEASE_OWNING,     /* one, perhaps in doubt */
	SN_LEASE_RECLAIMING, /* the one that it owns, whose lease has ended; it goes on issuing */
	SN_LEASE_RELEASING,
	SN_LEASE_ENDED
};

/* What it has done and seen, for statistics. */
struct sn_lease_counters {
	uint64_t losses;     /* how often it has lost a worker */
	uint64_t reclaims;   /* how often it has claimed its own worker again */
	uint64_t renewals;   /* that were acknowledged */
	uint64_t latency_ns; /* of the last one */
	uint64_t left;       /* workers that it could have claimed when it last looked at all */
	bool left_known;
};

struct sn_lease {
	struct sn_lease_settings settings;
	enum sn_lease_state state;
	struct sn_blocker blocker; /* what the last answers, or their absence, prevent it from */
	struct sn_tenure tenure;   /* the present or last one; epoch 0: none yet */
	struct sn_shared_state *shared; /* of the tenure; NULL before the first */
	struct sn_lease_counters counters;
	/* Elapsed times. */
	uint64_t deadline;   /* an owner is in doubt from here on, if no write is acknowledged */
	uint64_t granted_ns; /* the TTL that the coordinator has granted */
	uint64_t expiry_ns;  /* how long leases can last that nobody extends */

	/* Private. */
	uint64_t margin_ns;
	uint64_t worker;           /* that is owned, claimed or preferred */
	uint64_t floor;            /* of a claim: its first tick is above it */
	struct sn_record record;   /* as it was last known, or as it is claimed */
	uint64_t writes;           /* of the last write that was prepared */
	size_t states_used;        /* of settings.states */
	struct sn_request request; /* the last one sent */
	bool awaiting_answer;
	bool write_unresolved; /* whether a write was done must be read */
	bool resumed;          /* the epoch was claimed by a process that has ended since */
	bool released;         /* only incarnations are left to be forgotten */
	bool surveying;        /* the last request counts workers */
	bool hurried;
	bool clock_ahead;     /* of the coordinator's, at the last renewal */
	bool namespace_known; /* it has been seen, and does not change any more */
	uint64_t namespace_id[2];
	unsigned prefers_left; /* how often to look at `worker` before the range */
	struct sn_range range;
	struct sn_forget_list forget_list;
	struct sn_service_time service_time;
	/* Elapsed times. */
	uint64_t sent_at;       /* of the last request */
	uint64_t claimed_at;    /* when the claim was first sent */
	uint64_t raise_sent_at; /* 0: no renewal of this epoch was */
	uint64_t survey_at;
	uint64_t next_request_at;
};

/* Begins with a random worker, so that processes that start together try different ones. */
int sn_lease_init(struct sn_lease *lease, const struct sn_lease_settings *settings);

/* Sends what is due. It must be called again after *next_call_ns, and after each call of another
 * function here. Returns errors of the clock, after which it must be called again as well. */
int sn_lease_step(struct sn_lease *lease, uint64_t *next_call_ns);

/* Handles an answer of the coordinator, if it is one to the last request of this lease. */
void sn_lease_answer(struct sn_lease *lease, const struct sn_answer *answer);

/* Makes the next request as soon as possible, because somebody waits for IDs at the limit. */
void sn_lease_hurry(struct sn_lease *lease);

/* Ends IDs at once. sn_lease_step() then continues the release until the state is ENDED. */
void sn_lease_release(struct sn_lease *lease);

/* With no shared states left it can keep its worker, but not claim another. */
static inline bool sn_lease_needs_states(const struct sn_lease *lease)
{
	return lease->states_used == lease->settings.state_count;
}

/* Goes on with other states, which are zeros, once all others are used. Those before stay where
 * they are. The last of them is sealed with SN_SEAL_REMOVED when a tenure begins in the new ones:
 * generators have to look at lease->shared. */
void sn_lease_add_states(struct sn_lease *lease, struct sn_shared_state *states, size_t count);

/* Whether it owns a worker as far as it knows, and may have IDs up to the limit. */
static inline bool sn_lease_owns(const struct sn_lease *lease)
{
	return lease->state == SN_LEASE_OWNING || lease->state == SN_LEASE_RECLAIMING;
}

/* Whether its last renewal is so long ago that others may see its worker without a lease. */
bool sn_lease_in_doubt(const struct sn_lease *lease, uint64_t now_ns);

/* Whether it is no use to wait for a worker: somebody has to change something first. */
bool sn_lease_hopeless(const struct sn_lease *lease);

/* How long to wait for a worker before giving up: in this time the lease of an owner that has
 * crashed ends, and its worker can be claimed. */
uint64_t sn_lease_patience(const struct sn_lease *lease);

#endif
