/* SPDX-License-Identifier: MIT
 *
 * A simulated fleet: owners that run the library's own lease and sequencer, a coordinator behind a
 * network that loses messages, and clocks that go wrong. The seed determines everything.
 *
 *     events.c       the queue of events
 *     coordinator.c  the records and leases, and the network to them
 *     owner.c        a process: its clocks, its lease, the IDs it takes
 *     oracle.c       the invariants, which are checked at each ID and each write
 *     main.c         random faults, and the seeds of a run
 */
#ifndef TESTS_SIM_H
#define TESTS_SIM_H

#include "libsnowid/coordinator/lease.h"
#include "libsnowid/sequence/sequencer.h"

#define MS  UINT64_C(1000000)
#define SEC (1000 * MS)

#define TTL       (10 * SEC)
#define KIND      UINT64_C(0x51f0)
#define BLOCK     4               /* shared states that a lease has at a time */
#define PAGES     (2 * BLOCK + 1) /* with a gap, so that the second block is not right behind */
#define TIME_BASE 1893456000      /* when simulations start: 2030-01-01 */

/* ---- the world ------------------------------------------------------------------------------ */

enum event_kind {
	EVENT_LEASE_STEP,     /* of the lease of an owner */
	EVENT_ISSUE,          /* an owner takes IDs */
	EVENT_RESUME,         /* of an owner that was stopped */
	EVENT_START,          /* of a new process of an owner */
	EVENT_ANSWER,         /* reaches an owner */
	EVENT_ARRIVAL,        /* of a request at the coordinator */
	EVENT_FAULT,          /* a random one */
	EVENT_NETWORK_UP,     /* for one owner */
	EVENT_CLOCK_BACK,     /* of an owner, after it was wrong for a moment */
	EVENT_COORDINATOR_UP, /* after it was down */
	EVENT_RESTORED        /* the coordinator, after it had other records */
};

struct sim_event {
	uint64_t time; /* true time, in ns since the start */
	uint64_t order;
	enum event_kind kind;
	uint32_t owner;
	uint64_t life;    /* process of the owner; events for an earlier one are dropped */
	uint64_t process; /* see owner_process() */
	uint64_t turn;    /* of the lease; a step that was rescheduled is dropped */
	int64_t step;     /* of the clock */
	struct sim_message *message;
};

/* A request on its way, or its answer. */
struct sim_message {
	struct sim_message *next; /* in the inbox of the owner */
	struct sn_request request;
	struct sn_answer answer;
	struct sn_record records[]; /* of the answer */
};

struct sim_world {
	uint64_t random;
	uint64_t now;
	uint32_t owner_count;
	uint32_t worker_count;
	unsigned lost_per_1000; /* messages; half as many are repeated, and half as many are late */
	bool down;              /* the coordinator does not answer */
	bool tells_time;        /* the coordinator sends its time */
	bool busy;              /* each owner takes all available IDs */
	bool caches;            /* owners go on with what an earlier process had */
	bool tampers;           /* records are deleted and restored */
	uint64_t reserve_ns;
	uint64_t processes;
	uint64_t ids, claims, reclaims, losses, events;
};
extern struct sim_world world;

uint64_t random_below(uint64_t bound);
static inline bool chance(unsigned of_thousand)
{
	return random_below(1000) < of_thousand;
}

/* ---- events.c ------------------------------------------------------------------------------- */

void events_add(uint64_t delay, const struct sim_event *event);
bool events_take_first(struct sim_event *event);
void events_clear(void);

/* ---- coordinator.c -------------------------------------------------------------------------- */

void coordinator_init(void);
void coordinator_free(void);

/* Sends a request of an owner to the coordinator. */
void network_send(uint32_t owner, uint64_t life, const struct sn_request *request);

/* Handles a request, and sends the answer. */
void coordinator_handle(const struct sim_event *event);

/* What an operator can do: end the lease of a worker; delete its record, or replace it by that of
 * the last backup; start the whole service on that, or on nothing, without leases. */
void coordinator_revoke(uint64_t worker);
void coordinator_delete(uint64_t worker);
void coordinator_replace(uint64_t worker);
void coordinator_back_up(void);
void coordinator_restore(void);
void coordinator_empty(void);

/* Lets another service answer under the same name. */
void coordinator_exchange(void);

/* ---- owner.c -------------------------------------------------------------------------------- */

enum strike { KILL, STOP, RELEASE };

void owners_init(void);
void owners_free(void);
uint32_t owners_with_worker(void);
void owner_handle(const struct sim_event *event);

/* A number of the process that an owner is now; one that resumes what another had has its. */
uint64_t owner_process(uint32_t owner);

void owner_cut(uint32_t owner, bool out, bool in);
bool owner_is_cut(uint32_t owner, bool out);
void owner_step_clock(uint32_t owner, int64_t ns);
void owner_strike(uint32_t owner, enum strike pattern, uint64_t for_ns);

/* ---- oracle.c ------------------------------------------------------------------------------- */

void oracle_init(void);

/* The record of a worker was deleted or replaced. Nobody can know what it had said: from now on,
 * only what one process does is checked. */
void oracle_note_tampering(uint64_t worker);
void oracle_free(void);

/* A write to a record. */
struct sim_write {
	uint64_t worker;
	uint64_t process; /* of the sender */
	const struct sn_record *before, *after;
	enum sn_ask ask;
};
void oracle_check_write(const struct sim_write *write);

/* IDs that a process has issued from a shared state. */
struct sim_issue {
	uint64_t worker;
	uint64_t process;
	uint64_t epoch; /* of the shared state */
	const struct sn_claim *claim;
	unsigned bits;
	uint32_t *range; /* a number that the oracle keeps for the shared state, 0 at first */
};
void oracle_check_ids(const struct sim_issue *issue);

/* Prints what went wrong and how to reproduce it, and exits. */
__attribute__((noreturn, format(printf, 1, 2))) void report_violation(const char *format, ...);

#endif
