/* SPDX-License-Identifier: MIT
 *
 * Coordinators: services that keep one record for each worker, for all hosts.
 *
 * A coordinator is trusted for one thing: that its records are linearizable. Its leases only decide
 * who may try to become an owner. What an owner may issue follows from the record alone (lease.h).
 * A lease that ends early, late or unnoticed can therefore cost time, but never a duplicate ID.
 *
 * One connection serves all generators of a process that use the same service. Each of them has at
 * most one request on its way, and finds its answer by the serial number.
 */
#ifndef SN_COORDINATOR_H
#define SN_COORDINATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libsnowid/store/store.h"

/* What is kept permanently for a worker. */
struct sn_record {
	/* Set by the coordinator, and not written by owners. */
	bool exists;         /* it has been written */
	uint64_t version;    /* new with each write */
	bool held;           /* a lease on it exists */
	uint64_t held_by[2]; /* the incarnation that has the lease */

	/* Written by owners. */
	uint64_t epoch;     /* each claim increments it */
	uint64_t limit;     /* no tick above it was issued in this epoch or before; only rises */
	uint64_t limit_ms;  /* the instant of the limit, in ms since 1970, for people */
	uint64_t last_tick; /* if released: the last one that was issued */
	bool released;
	uint64_t writes;         /* incremented with each write, so that no two are equal */
	uint64_t incarnation[2]; /* random: of the owner that claimed the epoch */
	struct sn_holder owner;  /* who claimed the epoch */
	uint64_t fingerprint;    /* of the kind of ID */
	const char *kind; /* as text, for people; in an answer: valid as long as the record */
};

enum sn_ask {
	SN_ASK_READ,    /* `count` records, beginning with that of `worker` */
	SN_ASK_CLAIM,   /* write the record and take the lease */
	SN_ASK_RAISE,   /* write the record and extend the lease */
	SN_ASK_RELEASE, /* write the record and give the lease up */
	SN_ASK_FORGET,  /* end the lease of record.incarnation, if there still is one */
	SN_ASK_RESET    /* write the record, by hand */
};

/* A write is one transaction. It is refused if the version of the record is no longer
 * record.version (or it exists, if record.exists is false), if anybody has the lease (CLAIM,
 * RESET), or if record.incarnation does not have it (RAISE, RELEASE). A claim is also refused
 * unless the namespace is namespace_id, which it makes if there is none. */
struct sn_request {
	uint64_t serial; /* of no other request to this coordinator */
	enum sn_ask ask;
	const char *root; /* "/id-generator": where the namespace is; outlives the coordinator */
	const char *path; /* "/id-generator/datacenters/dc0": where the records are; likewise */
	uint64_t worker;
	uint64_t count;           /* for READ */
	uint64_t ttl_ns;          /* of the lease; for CLAIM and RAISE */
	uint64_t timeout_ns;      /* after which its sender does not expect an answer any more */
	uint64_t namespace_id[2]; /* for CLAIM */
	struct sn_record record;
};

enum sn_outcome {
	SN_DONE,
	SN_REFUSED,
	SN_UNKNOWN, /* it may have been done, or may still be done */
	SN_DENIED /* nor will it be, until somebody changes credentials, permissions or settings */
};

struct sn_answer {
	uint64_t serial;
	enum sn_outcome outcome;
	uint64_t version;                /* of what was written */
	const struct sn_record *records; /* what was read; valid until the next call */
	uint64_t count;                  /* of the records: at least 1, at most what was asked */
	uint64_t namespace_id[2];        /* for READ: the random number of the namespace; 0: none */
	uint64_t unix_ms;                /* by the coordinator's clock; 0: not known */
	uint64_t ttl_ns;    /* what was granted for the lease; 0: not known, or what was asked */
	uint64_t expiry_ns; /* how long a lease can last that nobody extends; 0: its TTL */
	const char *why;    /* unless DONE: why, in the words of the service; "": not known; valid
	                     * until the next call */
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
	 * fork, which closes descriptors, but must not speak on the connections of its parent. */
	void (*close)(struct sn_coordinator *coordinator, bool inherited);
};

#endif
