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

#include "libsnowid/ticks.h"
#include "libsnowid/words.h"
#include "snowid.h"

#define SN_STORE_FIELDS    64
#define SN_STORE_KIND_SIZE 2304 /* room for the spec of any layout */

/* A fixed field of the kind. */
struct sn_store_field {
	const char *name; /* outlives the store */
	unsigned bits;
	unsigned shift; /* its place in the identity of the words */
	uint64_t value;
	bool given; /* by the user; others take what the store has recorded, or assigns */
};

/* What is asked of a store. It is copied. */
struct sn_store_settings {
	struct snowid_clock *clock; /* outlives the store */
	struct sn_ticks ticks;
	uint64_t block_ns;    /* how far ahead of the clock a limit is recorded */
	uint64_t jump_ns;     /* by how much more than time has passed the clock may go ahead */
	uint64_t patience_ns; /* how far behind the record a clock is worth waiting for */
	unsigned mode;        /* of a new file */
	const char *kind;     /* as text, for those who look; valid while the store is opened */
	uint64_t fingerprint; /* of the kind: what makes the bits of its IDs */
	size_t field_count;
	struct sn_store_field fields[SN_STORE_FIELDS];
};

struct sn_store {
	const struct sn_store_class *class;
	struct sn_store_settings settings; /* with the fields as they are now */
	struct sn_words *words;
};

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
	 * Waits for the medium. Any thread of any process that has the store open may. */
	int (*renew)(struct sn_store *store);

	/* Gives the identity up, in the process that opened it: seals the words, and tells whom it
	 * concerns. NULL where others may share the words: then only one process ends its use. */
	int (*release)(struct sn_store *store, uint64_t timeout_ns);

	/* Frees the store, and waits for nothing. Other processes go on with the words. */
	void (*close)(struct sn_store *store);
};

/* Finds the store a URL names; SNOWID_E_SYNTAX, SNOWID_E_STORE. */
int sn_store_check(const char *url);
bool sn_store_assigns(const char *url);
int sn_store_open(const char *url, const struct sn_store_settings *settings,
		  struct sn_store **store);

/* What these fields put into each ID. */
uint64_t sn_store_identity(const struct sn_store_settings *settings);

/* Lets new words begin above a tick: `next`, and what is counted from there. */
void sn_store_begin(const struct sn_ticks *ticks, struct sn_words *words, uint64_t floor);

extern const struct sn_store_class sn_store_memory;
extern const struct sn_store_class sn_store_file;
extern const struct sn_store_class sn_store_slots;

/* A hint: the process that was the last to open a state file. */
struct sn_holder {
	uint64_t process;
	uint64_t since_ms;
	char host[65];
};

/* Opens a state file; alone: for this process and its children. -EBUSY: others use it, and *holder
 * says who. */
int sn_store_file_open(const char *path, const struct sn_store_settings *settings, bool alone,
		       struct sn_store **store, struct sn_holder *holder);

#endif
