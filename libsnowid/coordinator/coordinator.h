/* SPDX-License-Identifier: MIT
 *
 * Coordinators: services that keep one record for each worker, for all hosts.
 *
 * A coordinator is trusted for one thing: that its records are linearizable. Its leases decide who
 * may try. What an owner may issue follows from the record alone (lease.h), so that a lease that ends
 * early, late or unnoticed costs time and never an ID.
 */
#ifndef SN_COORDINATOR_H
#define SN_COORDINATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is kept of a worker for good. */
struct sn_record {
	uint64_t
		version; /* the coordinator's, another after each write; 0: nobody has ever claimed */
	uint64_t epoch; /* of ownership: each claim begins another */
	uint64_t limit; /* no tick beyond has been issued in this epoch or before; only rises */
	uint64_t last;  /* if released: the last tick that was */
	bool released;
	bool held; /* by a lease that lives: what the coordinator tells, not written */
	uint64_t incarnation[2]; /* random: of the owner that claimed the epoch */
	uint64_t fingerprint;    /* of the kind of ID */
};

enum sn_ask {
	SN_ASK_READ,   /* `count` records from `worker` on */
	SN_ASK_CLAIM,  /* write the record and take the lease */
	SN_ASK_RAISE,  /* write the record and prolong the lease */
	SN_ASK_RELEASE /* write the record and give the lease up */
};

/* A write is one transaction. It is refused unless the record's version still is record.version,
 * and unless nobody has the lease (CLAIM) or the sender has it (RAISE, RELEASE). */
struct sn_request {
	uint64_t serial;
	enum sn_ask ask;
	uint64_t worker;
	uint64_t count; /* of a READ */
	struct sn_record record;
};

enum sn_outcome {
	SN_DONE,
	SN_REFUSED,
	SN_UNKNOWN /* it may have been done, or may yet be */
};

struct sn_answer {
	uint64_t serial;
	enum sn_outcome outcome;
	uint64_t version;                /* of what was written */
	const struct sn_record *records; /* that were read; valid until the next call */
	uint64_t unix_ms;                /* by the coordinator's clock, 0 if it does not tell */
};

struct sn_coordinator {
	const struct sn_coordinator_class *class;
};

struct sn_coordinator_class {
	/* Sends a copy of a request, and does not wait. It may arrive late, twice or never. */
	void (*send)(struct sn_coordinator *coordinator, const struct sn_request *request);

	/* Takes one answer that has come; false if there is none. */
	bool (*receive)(struct sn_coordinator *coordinator, struct sn_answer *answer);

	/* Waits for an answer, for ns, or for wake(), which may have been called before. */
	void (*wait)(struct sn_coordinator *coordinator, uint64_t ns);

	/* The only one of these that another thread may call. */
	void (*wake)(struct sn_coordinator *coordinator);

	/* Frees it, and waits for nothing: leases are left to expire. `inherited`: in a child made by
	 * fork, where nothing may reach what the parent has open. */
	void (*close)(struct sn_coordinator *coordinator, bool inherited);
};

#endif
