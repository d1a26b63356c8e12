/* SPDX-License-Identifier: MIT
 *
 * What prevents a lease from owning a worker, or from keeping it, in words.
 */
#ifndef SN_BLOCKER_H
#define SN_BLOCKER_H

#include "libsnowid/store/store.h"

enum sn_blocker_kind {
	SN_BLOCKER_SILENCE, /* no answer has come */
	SN_BLOCKER_TAKEN,   /* others own all workers */
	SN_BLOCKER_RESTS,   /* of a worker without an owner: the clock has not reached its limit */
	SN_BLOCKER_FOREIGN, /* a record is of another kind */
	SN_BLOCKER_BEHIND,  /* the clock is behind what has been recorded */
	SN_BLOCKER_AHEAD,   /* the clock is ahead of the coordinator's */
	SN_BLOCKER_NAMESPACE, /* the records are not those of before */
	SN_BLOCKER_DENIED     /* the coordinator will not do it */
};

/* It can be copied, and shown by another thread. */
struct sn_blocker {
	enum sn_blocker_kind kind;
	uint64_t until_ms;       /* RESTS, BEHIND: the instant of the first limit to be reached */
	struct sn_holder holder; /* TAKEN: one of them */
	char why[256];           /* SILENCE, DENIED, FOREIGN: in the words of the service */
};

/* Where it happens. */
struct sn_blocker_place {
	const char *path; /* of the records */
	uint64_t first_worker, last_worker;
};

/* SNOWID_E_STORE, with all of that. */
int sn_blocker_fail(const struct sn_blocker *blocker, const struct sn_blocker_place *place);

#endif
