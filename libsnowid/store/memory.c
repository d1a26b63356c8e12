/* SPDX-License-Identifier: MIT
 *
 * memory: - a store that records nothing.
 *
 * It cannot know what was issued before it was opened. It therefore begins above the current tick
 * and above what an earlier generator may have borrowed, and its limit is the end of the layout.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "libsnowid/base/error.h"
#include "libsnowid/store/memory.h"

static int memory_check(const char *rest)
{
	if (*rest != '\0')
		return sn_fail(SNOWID_E_SYNTAX,
			       "memory: must not be followed by anything, but is by \"%.60s\"",
			       rest);
	return 0;
}

static int memory_open(const char *rest, const struct sn_store_settings *settings,
		       struct sn_store **store)
{
	const struct sn_ticks *const ticks = &settings->ticks;
	struct sn_reading now;

	(void)rest;
	const int error = sn_ticks_read(ticks, settings->clock, &now);
	if (error)
		return error;
	struct sn_store *const made = malloc(sizeof *made);
	if (!made)
		return sn_fail_nomem();
	struct sn_shared_state *const shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
						    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		free(made);
		return sn_fail_nomem();
	}
	const uint64_t borrowed = now.t100ns + sn_t100ns_from_ns(settings->borrow_ns);
	sn_store_begin(ticks, shared, borrowed / ticks->unit_t100ns);
	atomic_store(&shared->limit, ticks->last_tick);
	atomic_store(&shared->seen, now.t100ns);
	atomic_store(&shared->identity, sn_store_identity(settings));
	*made = (struct sn_store){&sn_memory_store, *settings, shared};
	*store = made;
	return 0;
}

static int memory_renew(struct sn_store *store)
{
	(void)store;
	return 0;
}

static void memory_close(struct sn_store *store)
{
	munmap(store->shared, sizeof *store->shared);
	free(store);
}

static int memory_release(struct sn_store *store, uint64_t timeout_ns)
{
	(void)timeout_ns;
	sn_seal(store->shared);
	return 0;
}

const struct sn_store_class sn_memory_store = {
	.scheme = "memory:",
	.check = memory_check,
	.open = memory_open,
	.renew = memory_renew,
	.release = memory_release,
	.close = memory_close,
};
