/* SPDX-License-Identifier: MIT
 *
 * A file in which the processes of a host keep, one after the other, the worker that a service has
 * assigned to them, and its shared state. A process that starts again after it was killed goes on
 * where it was, up to the limit that is recorded, before the service has answered, or although it
 * does not.
 *
 * This is safe because nobody but the processes that have locked the file can have IDs of the
 * tenure up to this limit, and because the shared state says which of them were made. Only the
 * memory of this boot is trusted for that: after another, the file says which worker to ask for
 * first, and nothing else.
 */
#ifndef SN_CACHE_H
#define SN_CACHE_H

#include "libsnowid/coordinator/lease.h"

#define SN_CACHE_STATES 64 /* tenures in one process; those that follow are not kept */

/* Whose worker it is. What another has kept in the file is not used. */
struct sn_cache_subject {
	const char *path; /* of the records */
	struct snowid_clock *clock;
	struct sn_ticks ticks;
	uint64_t fingerprint;               /* of the kind */
	uint64_t first_worker, last_worker; /* that may be used */
	uint64_t identity;                  /* what IDs contain besides the worker */
	unsigned worker_shift;
};

struct sn_cache;

/* Makes the file, or opens it, and locks it for this process and its children, until all of them
 * have closed it. SNOWID_E_STORE: another process has it, or it cannot be relied on. */
int sn_cache_open(const char *file, const struct sn_cache_subject *subject,
		  struct sn_cache **cache);

/* What the process before has kept. NULL: nothing. If it `resumes`, the first of the shared states
 * goes on where it was. */
const struct sn_tenure *sn_cache_previous(const struct sn_cache *cache, bool *resumes);

/* SN_CACHE_STATES of them, in the file. All but the first are zeros. */
struct sn_shared_state *sn_cache_states(struct sn_cache *cache);

/* Keeps a tenure, whose shared state may be one of these. */
void sn_cache_keep(struct sn_cache *cache, const struct sn_tenure *tenure,
		   const struct sn_shared_state *shared);

/* The tenure has ended: no IDs go on from it, which the disk knows as well when this returns. Only
 * the worker is kept. */
int sn_cache_end(struct sn_cache *cache);

/* Leaves the file as it is. A child of the process that opened it can close it for itself. */
void sn_cache_close(struct sn_cache *cache);

#endif
