/* SPDX-License-Identifier: MIT
 *
 * Stores: where the shared state of a worker is kept, and how far its IDs may go is recorded.
 *
 * A store promises one thing: before it raises shared->limit to a tick, it has durably recorded
 * that tick, and when the shared state is lost, the next one begins strictly above what was
 * recorded.
 */
#ifndef SN_STORE_H
#define SN_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "libsnowid/base/wait.h"
#include "libsnowid/sequence/reach.h"
#include "libsnowid/sequence/shared_state.h"
#include "libsnowid/sequence/ticks.h"
#include "snowid.h"

#define SN_STORE_FIELDS    64
#define SN_STORE_KIND_SIZE 2304 /* room for the spec of any layout */

#define SN_STORE_ABSENT 1 /* no error code: those are negative */

/* A field of the kind that is the same in all IDs of a generator. */
struct sn_store_field {
	const char *name; /* outlives the store */
	unsigned bits;
	unsigned shift; /* where it is in the identity */
	uint64_t value;
	bool varies;      /* from ID to ID: it is the time or the sequence */
	bool set_by_user; /* otherwise it takes the value that the store has recorded or assigns */
};

/* What a store is opened with. The store copies it. */
struct sn_store_settings {
	struct snowid_clock *clock; /* outlives the store */
	struct sn_ticks ticks;
	struct sn_wait wait;    /* of the opening */
	struct sn_reach reach;  /* how far ahead of the clock limits are, and new stores start */
	uint64_t borrow_ns;     /* how far ahead of the clock IDs may be issued */
	uint64_t max_jump_ns;   /* how much faster than elapsed time the clock may advance */
	uint64_t max_behind_ns; /* a clock further behind the record than this is an error */
	unsigned mode;          /* of a new file */
	const char *kind;       /* as text; valid only while the store is being opened */
	uint64_t fingerprint; /* of the kind: the same only if the bits of its IDs mean the same */
	size_t field_count;
	size_t node_field; /* the index of the one that tells nodes apart; field_count: none */
	struct sn_store_field fields[SN_STORE_FIELDS];
};

struct sn_store {
	const struct sn_store_class *class;
	struct sn_store_settings settings;      /* with the fields that were recorded or assigned */
	struct sn_shared_state *_Atomic shared; /* another one after `renew` of a prompt store */
};

/* The process that was the last to open a state file: a hint, which may be out of date. */
struct sn_holder {
	uint64_t process;
	uint64_t since_ms;
	char host[65];
};

struct sn_store_class {
	const char *scheme; /* "memory:" */
	bool assigns;       /* it chooses the value of the field that tells nodes apart */
	bool prompt;        /* renewals wait for nothing, so that every call makes one when due */

	/* Checks what follows the scheme in a URL. */
	int (*check)(const char *rest);

	/* Makes store->shared, with `next` above every slot that was issued before.
	 * SN_STORE_ABSENT: this host can never have such a store. */
	int (*open)(const char *rest, const struct sn_store_settings *settings,
		    struct sn_store **store);

	/* Records a limit as far ahead as sn_reach_limit() says, then raises shared->limit to it.
	 * Waits for the disk. May be called by any thread of any process that has the store open,
	 * and returns at once while another thread of the process is renewing. SNOWID_E_STORE: this
	 * process must not issue IDs from it any more. */
	int (*renew)(struct sn_store *store);

	/* Of a store that a thread of its own renews, so that generators need not: whether that is
	 * done in time, and after how many ns to look again. Never waits. NULL: generators renew
	 * it. */
	int (*check_renewal)(struct sn_store *store, uint64_t *next_ns);

	/* Returns the error that every renewal from now on will have; 0: there is none. Never
	 * waits, and makes no system call. NULL: always 0. */
	int (*check_final)(const struct sn_store *store);

	/* Returns a statistic from SNOWID_STAT_LEASE on. NULL: the store has no coordinator. */
	uint64_t (*lease_stat)(const struct sn_store *store, enum snowid_stat which);

	/* Gives the worker up, in the process that opened it: seals the shared state, and tells the
	 * coordinator. NULL: other processes may share the state, and this one stops using it. */
	int (*release)(struct sn_store *store, uint64_t timeout_ns);

	/* Frees the store, without waiting. Other processes can go on with the shared state. */
	void (*close)(struct sn_store *store);

	const struct sn_store_admin *admin; /* admin.h; NULL: the store keeps nothing */
};

/* What the fields put into each ID. */
uint64_t sn_store_identity(const struct sn_store_settings *settings);

/* Lets a new shared state begin above a tick: sets `next`, and counts IDs from there. */
void sn_store_begin(const struct sn_ticks *ticks, struct sn_shared_state *shared, uint64_t floor);

/* Raises `next` to above a tick, while others may be claiming. */
void sn_store_lift(const struct sn_ticks *ticks, struct sn_shared_state *shared, uint64_t floor);

#endif
