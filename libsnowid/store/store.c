/* SPDX-License-Identifier: MIT
 *
 * Stores by their URL, and the one that keeps nothing.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "libsnowid/base/error.h"
#include "libsnowid/store/store.h"

static const struct sn_store_class *const classes[] = {&sn_store_memory, &sn_store_file,
						       &sn_store_slots};
#define CLASSES (sizeof classes / sizeof classes[0])

static const struct sn_store_class *find(const char *url)
{
	for (size_t i = 0; i < CLASSES; i++)
		if (strncmp(url, classes[i]->scheme, strlen(classes[i]->scheme)) == 0)
			return classes[i];
	return NULL;
}

int sn_store_find(const char *url, const struct sn_store_class **class, const char **rest)
{
	*class = find(url);
	if (*class) {
		*rest = url + strlen((*class)->scheme);
		return (*class)->check(*rest);
	}
	if (!strchr(url, ':'))
		return sn_fail(
			SNOWID_E_SYNTAX,
			"the store \"%.60s\" is not a URL such as memory: or file:/path/to/state",
			url);
	return sn_fail(SNOWID_E_STORE,
		       "there is no store \"%.60s\"; the stores are memory:, file:PATH and "
		       "slots:DIRECTORY",
		       url);
}

int sn_store_check(const char *url)
{
	const struct sn_store_class *class;
	const char *rest;
	return sn_store_find(url, &class, &rest);
}

bool sn_store_assigns(const char *url)
{
	const struct sn_store_class *const class = find(url);
	return class && class->assigns;
}

int sn_store_open(const char *url, const struct sn_store_settings *settings,
		  struct sn_store **store)
{
	const struct sn_store_class *class;
	const char *rest;
	const int error = sn_store_find(url, &class, &rest);
	return error ? error : class->open(rest, settings, store);
}

uint64_t sn_store_identity(const struct sn_store_settings *settings)
{
	uint64_t identity = 0;
	for (size_t i = 0; i < settings->field_count; i++)
		identity |= settings->fields[i].value << settings->fields[i].shift;
	return identity;
}

void sn_store_begin(const struct sn_ticks *ticks, struct sn_shared_state *shared, uint64_t floor)
{
	sn_raise(&shared->next, sn_ticks_end(ticks, floor));
	atomic_store(&shared->counted, 0 - sn_ticks_low(ticks, atomic_load(&shared->next)));
}

/* ---- memory: --------------------------------------------------------------------------------- */

/* Nothing is recorded, so that nothing can be known of those before: the floor is the tick of now,
 * and the limit the end of the layout. */

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
	sn_store_begin(ticks, shared, now.tick);
	atomic_store(&shared->limit, ticks->last_tick);
	atomic_store(&shared->seen, now.t100ns);
	atomic_store(&shared->identity, sn_store_identity(settings));
	*made = (struct sn_store){&sn_store_memory, *settings, shared};
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

const struct sn_store_class sn_store_memory = {
	.scheme = "memory:",
	.check = memory_check,
	.open = memory_open,
	.renew = memory_renew,
	.release = memory_release,
	.close = memory_close,
};
