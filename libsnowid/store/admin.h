/* SPDX-License-Identifier: MIT
 *
 * Stores without a generator: looking at what one keeps, and correcting it by hand.
 */
#ifndef SN_ADMIN_H
#define SN_ADMIN_H

#include "libsnowid/base/system.h"
#include "libsnowid/store/store.h"

/* What a service keeps for one worker besides. */
struct sn_service_state {
	uint64_t epoch;
	bool resting;  /* its last owner did not release it, and its limit has not passed */
	bool released; /* after the last ID, which was of last_tick */
	uint64_t last_tick;
};

/* The workers that processes of all hosts share. */
struct sn_store_workers {
	const char *namespace_id; /* text */
	uint64_t first, last;
	uint64_t owned, resting, free;
};

/* What a store keeps for one worker. */
struct sn_store_state {
	const char *url;     /* of this worker alone */
	const char *problem; /* the error that opening it would give; NULL: none */
	bool readable;       /* whether what follows is known */
	uint64_t version;    /* of the format */
	const char *kind;
	uint64_t fingerprint;
	size_t field_count;
	const uint64_t *fields;
	uint64_t fields_known; /* a bit for each */
	struct sn_ticks ticks;
	uint64_t created_ms;
	bool recorded; /* whether there is a valid record, which is limit_ms */
	uint64_t limit_ms;
	bool this_boot;   /* whether the shared state, with next and issued, is of this boot */
	uint64_t next;    /* the first slot that has not been issued */
	uint64_t issued;  /* IDs since the shared state began */
	int failed;       /* the errno of a sync that failed; 0: none did */
	enum sn_lock use; /* the lock that its users hold */
	struct sn_holder holder;
	bool durable; /* it is kept when the host stops */
	unsigned mode;
	uint64_t owner;
	const struct sn_service_state
		*service; /* NULL: it is a file, of which the above is known */
	const struct sn_store_workers *workers; /* NULL: this is one worker, not a summary of all */
};

/* Called with each state. Any result but 0 ends the inspection, which returns it. */
typedef int (*sn_store_state_fn)(void *user, const struct sn_store_state *state);

/* `rest` is what follows the scheme in a URL. */
struct sn_store_admin {
	/* Changes nothing. */
	int (*inspect)(const char *rest, sn_store_state_fn callback, void *user);

	/* Declares copies to be originals. -EBUSY: in use. */
	int (*adopt)(const char *rest);

	/* Lets IDs begin above an instant, whatever is recorded. -EBUSY: in use. */
	int (*reset)(const char *rest, uint64_t floor_ms);

	/* Ends the lease of the owner of a worker. NULL: owners are processes of this host, which
	 * can be stopped. */
	int (*free_worker)(const char *rest);
};

#endif
