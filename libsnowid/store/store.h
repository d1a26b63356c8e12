/* SPDX-License-Identifier: MIT
 *
 * Stores: where the words of an identity live, and who has recorded how far they may go.
 *
 * The one promise a store makes: before words->limit rises to t, it has durably recorded t, and
 * whoever opens the identity after its words are lost starts strictly above what was recorded.
 */
#ifndef SN_STORE_H
#define SN_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "libsnowid/base/system.h"
#include "libsnowid/sequence/ticks.h"
#include "libsnowid/sequence/shared_state.h"
#include "snowid.h"

#define SN_STORE_FIELDS    64
#define SN_STORE_KIND_SIZE 2304 /* room for the spec of any layout */

/* A fixed field of the kind. */
struct sn_store_field {
	const char *name; /* outlives the store */
	unsigned bits;
	unsigned shift; /* its place in the identity of the words */
	uint64_t value;
	bool set_by_user; /* by the user; others take what the store has recorded, or assigns */
};

/* What is asked of a store. It is copied. */
struct sn_store_settings {
	struct snowid_clock *clock; /* outlives the store */
	struct sn_ticks ticks;
	uint64_t block_ns;      /* how far ahead of the clock a limit is recorded */
	uint64_t jump_ns;       /* by how much more than time has passed the clock may go ahead */
	uint64_t max_behind_ns; /* how far behind the record a clock is worth waiting for */
	unsigned mode;          /* of a new file */
	const char *kind;       /* as text, for those who look; valid while the store is opened */
	uint64_t fingerprint;   /* of the kind: what makes the bits of its IDs */
	size_t field_count;
	struct sn_store_field fields[SN_STORE_FIELDS];
};

struct sn_store {
	const struct sn_store_class *class;
	struct sn_store_settings settings; /* with the fields as they are now */
	struct sn_shared_state *shared;
};

/* A hint: the process that was the last to open a state file. */
struct sn_holder {
	uint64_t process;
	uint64_t since_ms;
	char host[65];
};

/* What a store keeps of one identity, as one finds it who only looks. */
struct sn_store_state {
	const char *url;     /* of this one alone */
	const char *problem; /* what one who opens it would be told; NULL: nothing is wrong */
	bool readable;       /* whether what follows is known */
	uint64_t version;    /* of the format */
	const char *kind;
	uint64_t fingerprint;
	size_t field_count;
	const uint64_t *fields;
	struct sn_ticks ticks;
	uint64_t created_ms;
	bool recorded; /* whether there is a valid record, which is limit_ms */
	uint64_t limit_ms;
	bool this_boot;   /* whether the words are: they are `next` and `issued` */
	uint64_t next;    /* the first slot that nobody has */
	uint64_t issued;  /* since they begun */
	int failed;       /* the errno of a sync */
	enum sn_lock use; /* by others */
	struct sn_holder holder;
	bool durable; /* it outlives the host */
	unsigned mode;
	uint64_t owner;
};

/* Is told of each; not 0 ends it. */
typedef int (*sn_store_state_fn)(void *user, const struct sn_store_state *state);

struct sn_store_class {
	const char *scheme; /* "memory:" */
	bool assigns;       /* the field that tells nodes apart */
	bool managed;       /* renewed by a thread of its own (manager.h): nobody else has to */

	/* 0, or why what follows the scheme in a URL is wrong. */
	int (*check)(const char *rest);

	/* Makes store->words, with `next` above every slot issued before them. */
	int (*open)(const char *rest, const struct sn_store_settings *settings,
		    struct sn_store **store);

	/* Records a limit one block ahead of the clock and of `next`, then raises words->limit to it.
	 * Waits for the medium. Any thread of any process that has the store open may; returns at
	 * once while another thread of this process is at it. */
	int (*renew)(struct sn_store *store);

	/* Gives the identity up, in the process that opened it: seals the words, and tells whom it
	 * concerns. NULL where others may share the words: then only one process ends its use. */
	int (*release)(struct sn_store *store, uint64_t timeout_ns);

	/* Frees the store, and waits for nothing. Other processes go on with the words. */
	void (*close)(struct sn_store *store);

	/* Tells what is there, and changes nothing. NULL: nothing is kept. */
	int (*inspect)(const char *rest, sn_store_state_fn tell, void *user);

	/* Takes copies for originals; sets what is recorded. -EBUSY: in use. NULL: not possible. */
	int (*adopt)(const char *rest);
	int (*reset)(const char *rest, uint64_t floor_ms);
};

/* The store a URL names, and what follows its scheme; SNOWID_E_SYNTAX, SNOWID_E_STORE. */
int sn_store_find(const char *url, const struct sn_store_class **class, const char **rest);

/* The same without outputs. */
int sn_store_check(const char *url);
bool sn_store_assigns(const char *url);
int sn_store_open(const char *url, const struct sn_store_settings *settings,
		  struct sn_store **store);

/* What these fields put into each ID. */
uint64_t sn_store_identity(const struct sn_store_settings *settings);

/* Lets new words begin above a tick: `next`, and what is counted from there. */
void sn_store_begin(const struct sn_ticks *ticks, struct sn_shared_state *shared, uint64_t floor);

extern const struct sn_store_class sn_store_memory;
extern const struct sn_store_class sn_store_file;
extern const struct sn_store_class sn_store_slots;

/* Opens a state file; alone: for this process and its children. -EBUSY: others use it, and *holder
 * says who. */
int sn_store_file_open(const char *path, const struct sn_store_settings *settings, bool alone,
		       struct sn_store **store, struct sn_holder *holder);

/* A state file without a generator: what it holds, and setting it right. */
int sn_state_file_inspect(const char *path, sn_store_state_fn tell, void *user);
int sn_state_file_adopt(const char *path);
int sn_state_file_reset(const char *path, uint64_t floor_ms);

#endif
