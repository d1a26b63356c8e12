/* SPDX-License-Identifier: MIT
 *
 * Coordinators: services that keep one record for each worker, for all hosts.
 *
 * A coordinator is trusted for one thing: that its records are linearizable. Its leases only decide
 * who may try to become an owner. What an owner may issue follows from the record alone (lease.h).
 * A lease that ends early, late or unnoticed can therefore cost time, but never a duplicate ID.
 */
#ifndef SN_COORDINATOR_H
#define SN_COORDINATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is kept permanently for a worker. */
struct sn_record {
	uint64_t version;   /* set by the coordinator, new with each write; 0: never claimed */
	uint64_t epoch;     /* each claim increments it */
	uint64_t limit;     /* no tick above it was issued in this epoch or before; only rises */
	uint64_t last_tick; /* if released: the last one that was issued */
	bool released;
	bool held;               /* a lease on it exists: not written, but read with it */
	uint64_t incarnation[2]; /* random: of the owner that claimed the epoch */
	uint64_t fingerprint;    /* of the kind of ID */
};

enum sn_ask {
	SN_ASK_READ,   /* `count` records, beginning with that of `worker` */
	SN_ASK_CLAIM,  /* write the record and take the lease */
	SN_ASK_RAISE,  /* write the record and extend the lease */
	SN_ASK_RELEASE /* write the record and give the lease up */
};

/* A write is one transaction. It is refused if the version of the record is no longer
 * record.version, if anybody has the lease (CLAIM), or if the sender does not have it (RAISE,
 * RELEASE). */
struct sn_request {
	uint64_t serial;
	enum sn_ask ask;
	uint64_t worker;
	uint64_t count; /* for READ */
	struct sn_record record;
};

enum sn_outcome {
	SN_DONE,
	SN_REFUSED,
	SN_UNKNOWN /* it may have been done, or may still be done */
};

struct sn_answer {
	uint64_t serial;
	enum sn_outcome outcome;
	uint64_t version;                /* of what was written */
	const struct sn_record *records; /* what was read; valid until the next call */
	uint64_t unix_ms;                /* by the coordinator's clock; 0: not known */
};

struct sn_coordinator {
	const struct sn_coordinator_class *class;
};

struct sn_coordinator_class {
	/* Sends a copy of a request without waiting. It may arrive late, twice or never. */
	void (*send)(struct sn_coordinator *coordinator, const struct sn_request *request);

	/* Gets one answer that has arrived; false if there is none. */
	bool (*receive)(struct sn_coordinator *coordinator, struct sn_answer *answer);

	/* Waits until an answer arrives, ns have passed, or wake() is called. It returns at once if
	 * wake() was called since the last wait. */
	void (*wait)(struct sn_coordinator *coordinator, uint64_t ns);

	/* The only function here that another thread may call. */
	void (*wake)(struct sn_coordinator *coordinator);

	/* Frees it without waiting; leases expire by themselves. `inherited`: in a child made by
	 * fork, which must not use the connections of its parent. */
	void (*close)(struct sn_coordinator *coordinator, bool inherited);
};

#endif
