/* SPDX-License-Identifier: MIT
 *
 * A simulated fleet: owners that run the library's own lease and sequencer, a coordinator that they
 * reach over a bad network, and clocks that go wrong. One seed decides everything.
 *
 *     events.c       what happens when
 *     coordinator.c  records and leases, and the network to them
 *     owner.c        a process: its clocks, its lease, the IDs it takes
 *     oracle.c       what must never happen, checked at each ID and at each write
 *     main.c         the faults of a seed; the seeds of a run
 */
#ifndef TESTS_SIM_H
#define TESTS_SIM_H

#include "libsnowid/coordinator/lease.h"
#include "libsnowid/sequence/sequencer.h"

#define MS  UINT64_C(1000000)
#define SEC (1000 * MS)

#define TTL       (10 * SEC)
#define KIND      UINT64_C(0x51f0)
#define PAGES     8
#define TIME_BASE 1893456000 /* the second at which a simulation begins: 2030-01-01 */

/* ---- the world ------------------------------------------------------------------------------- */

enum event_kind {
	EVENT_STEP,    /* of the lease of an owner */
	EVENT_ISSUE,   /* an owner takes IDs */
	EVENT_WAKE,    /* an owner that was stopped goes on */
	EVENT_START,   /* of another process in the place of an owner */
	EVENT_ANSWER,  /* comes to an owner */
	EVENT_ARRIVAL, /* of a request at the coordinator */
	EVENT_FAULT,   /* something goes wrong */
	EVENT_HEAL,    /* an owner has its network again */
	EVENT_UP       /* the coordinator is there again */
};

struct event {
	uint64_t time; /* true time, ns since the beginning */
	uint64_t order;
	enum event_kind kind;
	uint32_t owner;
	uint64_t life; /* of the owner: what was meant for an earlier one is dropped */
	uint64_t turn; /* of its steps: one that was planned again is dropped */
	struct message *message;
};

/* A request on its way, or its answer. */
struct message {
	struct message *next; /* in the owner's inbox */
	struct sn_request request;
	struct sn_answer answer;
	struct sn_record records[]; /* of the answer */
};

struct world {
	uint64_t random;
	uint64_t now;
	uint32_t owner_count;
	uint32_t worker_count;
	unsigned trouble; /* of 1,000 messages, so many are lost; half as many come twice or late */
	bool down;        /* the coordinator */
	bool tells_time;  /* the coordinator */
	bool busy;        /* each owner takes all IDs there are */
	uint64_t ids, claims, losses, events;
};
extern struct world world;

/* A number below `bound`. */
uint64_t draw(uint64_t bound);
static inline bool chance(unsigned of_thousand)
{
	return draw(1000) < of_thousand;
}

/* ---- events.c -------------------------------------------------------------------------------- */

void schedule(uint64_t delay, const struct event *event);
bool next_event(struct event *event);
void drop_events(void);

/* ---- coordinator.c --------------------------------------------------------------------------- */

void coordinator_init(void);
void coordinator_free(void);

/* The way of an owner to the coordinator; how the owner sends. */
void network_send(uint32_t owner, uint64_t life, const struct sn_request *request);

/* A request comes to the coordinator, which answers. */
void coordinator_take(const struct event *event);

/* An operator ends the lease of a worker by hand. */
void coordinator_revoke(uint64_t worker);

/* ---- owner.c --------------------------------------------------------------------------------- */

enum pattern { KILL, STOP, RELEASE };

void owners_init(void);
void owners_free(void);
void owner_take(const struct event *event);
void owner_cut(uint32_t owner, bool out, bool in);
bool owner_is_cut(uint32_t owner, bool out);
void owner_step_clock(uint32_t owner, int64_t ns);
void owner_strike(uint32_t owner, enum pattern pattern, uint64_t for_ns);

/* ---- oracle.c -------------------------------------------------------------------------------- */

void oracle_init(void);
void oracle_free(void);

/* A record was written. */
void oracle_write(uint64_t worker, const struct sn_record *before, const struct sn_record *after,
		  enum sn_ask ask);

/* IDs were issued from the words of an epoch. `front` is what the oracle keeps of these words: 0 at
 * first. */
void oracle_issue(uint64_t worker, uint64_t epoch, const struct sn_claim *claim, unsigned bits,
		  uint32_t *front);

/* Says what went wrong, and how to see it again. */
__attribute__((noreturn, format(printf, 1, 2))) void violation(const char *format, ...);

#endif
