/* SPDX-License-Identifier: MIT
 *
 * The thread alone speaks with the coordinator, and alone uses the members. Others add a member to
 * the list `joining`, mark one that leaves, and read what was published, with the lock. The thread
 * never has the lock while it is in a module, so that nobody waits for one that hangs.
 */
#include "libsnowid/coordinator/cluster.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libsnowid/base/clock.h"
#include "libsnowid/base/error.h"
#include "libsnowid/base/instant.h"
#include "libsnowid/base/process.h"
#include "libsnowid/coordinator/loader.h"

#define ROUNDS_MAX      16 /* with answers, until joining members get their turn */
#define HUNG_NS         UINT64_C(5000000000) /* a module that does not return for so long hangs */
#define LONGEST_WAIT_NS UINT64_C(4000000000000000000)
#define CUSTOM_STEP_NS  UINT64_C(1000000) /* of a clock that may sleep in real time */

struct cluster_text {
	struct cluster_text *next;
	uint64_t namespace_id[2]; /* if it is a root */
	char text[];
};

struct sn_cluster {
	struct sn_cluster *next;
	struct cluster_table *table;
	const struct sn_module *module;
	struct sn_coordinator_settings settings;
	struct sn_coordinator *coordinator;
	uint64_t next_serial;
	uint64_t process; /* sn_process_number() of the one in which the thread runs */
	pthread_t thread;
	_Atomic uint64_t references; /* of generators; changed with the lock of the table */
	_Atomic uint64_t wakes;

	pthread_mutex_t mutex; /* the lock: of all that follows */
	pthread_cond_t changed;
	struct cluster_text *texts;
	struct sn_cluster_member *joining;
	struct sn_cluster_member *members; /* the list is changed by the thread alone */
	uint64_t last_number;              /* of a member */
	uint64_t freeing;                  /* the number of the one that is being freed; 0: none */
	uint64_t rounds;                   /* of the thread */
	uint64_t rounds_wakes;             /* at the beginning of the last one, */
	uint64_t next_call_ns;             /* after which there may be something to do */
	bool awaited;                      /* somebody waits for the thread to end, and joins it */
	bool ended;
	unsigned holders; /* the thread, and those who wait for it */
};

/* The clusters of one process. A child makes another table, since its parent's may have been locked
 * when it was forked. */
struct cluster_table {
	uint64_t process;
	struct cluster_table *previous; /* of the parent: not a leak */
	pthread_mutex_t mutex;
	struct sn_cluster *clusters;
};

static struct cluster_table *_Atomic the_table;

/* NULL: there is no memory. */
static struct cluster_table *cluster_table_of_process(void)
{
	struct cluster_table *table = atomic_load(&the_table);

	if (table && table->process == sn_process_number())
		return table;
	struct cluster_table *const made = calloc(1, sizeof *made);
	if (!made)
		return NULL;
	made->process = sn_process_number();
	made->previous = table;
	pthread_mutex_init(&made->mutex, NULL);
	if (atomic_compare_exchange_strong(&the_table, &table, made))
		return made;
	pthread_mutex_destroy(&made->mutex);
	free(made);
	return table;
}

/* ---- texts ----------------------------------------------------------------------------------- */

const char *sn_cluster_text(struct sn_cluster *cluster, const char *text)
{
	const size_t size = strlen(text) + 1;

	sn_cluster_lock(cluster);
	struct cluster_text *found = cluster->texts;
	while (found && strcmp(found->text, text) != 0)
		found = found->next;
	if (!found && (found = calloc(1, sizeof *found + size))) {
		memcpy(found->text, text, size);
		found->next = cluster->texts;
		cluster->texts = found;
	}
	sn_cluster_unlock(cluster);
	return found ? found->text : NULL;
}

uint64_t *sn_cluster_namespace(struct sn_cluster *cluster, const char *root)
{
	struct cluster_text *found = cluster->texts;
	while (found->text != root)
		found = found->next;
	return found->namespace_id;
}

/* The texts of the settings, which decide whether two generators use the same connection. */
#define SETTINGS_TEXTS 7
static const char **settings_text(struct sn_coordinator_settings *settings, size_t i)
{
	const char **const texts[SETTINGS_TEXTS] = {
		&settings->servers,    &settings->ca_file, &settings->cert_file,
		&settings->key_file,   &settings->user,    &settings->password_file,
		&settings->token_file,
	};
	return texts[i];
}

static int cluster_copy_settings(struct sn_cluster *cluster,
				 const struct sn_coordinator_settings *settings)
{
	cluster->settings = *settings;
	for (size_t i = 0; i < SETTINGS_TEXTS; i++) {
		const char **const text = settings_text(&cluster->settings, i);
		if (*text && !(*text = sn_cluster_text(cluster, *text)))
			return sn_fail_nomem();
	}
	return 0;
}

static bool cluster_has_settings(struct sn_cluster *cluster, const struct sn_module *module,
				 const struct sn_coordinator_settings *settings)
{
	struct sn_coordinator_settings other = *settings;

	if (cluster->module != module || cluster->settings.tls != other.tls)
		return false;
	for (size_t i = 0; i < SETTINGS_TEXTS; i++) {
		const char *const a = *settings_text(&cluster->settings, i);
		const char *const b = *settings_text(&other, i);
		if (a != b && (!a || !b || strcmp(a, b) != 0))
			return false;
	}
	return true;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static struct sn_cluster *cluster_allocate(const struct sn_module *module)
{
	struct sn_cluster *const cluster = calloc(1, sizeof *cluster);
	pthread_condattr_t attributes;

	if (!cluster)
		return NULL;
	cluster->module = module;
	cluster->next_serial = 1;
	cluster->references = 1;
	cluster->holders = 1;
	cluster->process = sn_process_number();
	pthread_mutex_init(&cluster->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&cluster->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	return cluster;
}

static void cluster_free(struct sn_cluster *cluster)
{
	while (cluster->texts) {
		struct cluster_text *const text = cluster->texts;
		cluster->texts = text->next;
		free(text);
	}
	free(cluster);
}

static void cluster_drop_holder(struct sn_cluster *cluster)
{
	sn_cluster_lock(cluster);
	const unsigned left = --cluster->holders;
	sn_cluster_unlock(cluster);
	if (left > 0)
		return;
	pthread_cond_destroy(&cluster->changed);
	pthread_mutex_destroy(&cluster->mutex);
	cluster_free(cluster);
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* In real time, which is what a member has to end by itself. */
static uint64_t real_elapsed_ns(void)
{
	uint64_t now_ns = 0;
	return sn_clock_elapsed(NULL, &now_ns) == 0 ? now_ns : UINT64_MAX;
}

/* Takes in those that join. */
static void cluster_admit_members(struct sn_cluster *cluster)
{
	while (cluster->joining) {
		struct sn_cluster_member *const member = cluster->joining;
		cluster->joining = member->next;
		member->next = cluster->members;
		cluster->members = member;
	}
}

/* Takes out one that has left; NULL: there is none, and none will for *left_ns. */
static struct sn_cluster_member *cluster_remove_member(struct sn_cluster *cluster,
						       uint64_t *left_ns)
{
	const uint64_t now_ns = real_elapsed_ns();

	*left_ns = UINT64_MAX;
	for (struct sn_cluster_member **at = &cluster->members; *at; at = &(*at)->next) {
		struct sn_cluster_member *const member = *at;
		if (!atomic_load(&member->leaving))
			continue;
		if (atomic_load(&member->ended) || now_ns >= member->stays_until_ns) {
			*at = member->next;
			return member;
		}
		if (member->stays_until_ns - now_ns < *left_ns)
			*left_ns = member->stays_until_ns - now_ns;
	}
	return NULL;
}

/* Returns after how many ns this is to be done again. */
static uint64_t cluster_update_members(struct sn_cluster *cluster)
{
	struct sn_cluster_member *member;
	uint64_t left_ns;

	sn_cluster_lock(cluster);
	cluster_admit_members(cluster);
	while ((member = cluster_remove_member(cluster, &left_ns))) {
		cluster->freeing = member->number;
		sn_cluster_unlock(cluster);
		member->class->dispose(member);
		sn_cluster_lock(cluster);
		cluster->freeing = 0;
		pthread_cond_broadcast(&cluster->changed);
	}
	sn_cluster_unlock(cluster);
	return left_ns;
}

/* Nothing that it uses may be there any more, such as a custom clock. */
static bool member_is_gone(const struct sn_cluster_member *member)
{
	return atomic_load(&member->leaving) && member->stays_until_ns == 0;
}

static uint64_t cluster_step_members(struct sn_cluster *cluster)
{
	uint64_t next_ns = UINT64_MAX;

	for (struct sn_cluster_member *each = cluster->members; each; each = each->next) {
		uint64_t own_ns = member_is_gone(each) ? 0 : each->class->step(each);
		if (atomic_load(&each->leaving) && atomic_load(&each->ended))
			own_ns = 0; /* to be freed */
		if (own_ns < next_ns)
			next_ns = own_ns;
	}
	return next_ns;
}

/* False: there was none. */
static bool cluster_hand_out_answers(struct sn_cluster *cluster)
{
	struct sn_answer answer;
	bool any = false;

	while (cluster->coordinator->class->receive(cluster->coordinator, &answer)) {
		any = true;
		for (struct sn_cluster_member *each = cluster->members; each; each = each->next)
			if (!member_is_gone(each))
				each->class->answer(each, &answer);
	}
	return any;
}

/* Until no more answers have come. Returns after how many ns to go on. */
static uint64_t cluster_serve_members(struct sn_cluster *cluster)
{
	uint64_t next_ns = 0;

	cluster_hand_out_answers(cluster);
	for (int i = 0; i < ROUNDS_MAX; i++) {
		next_ns = cluster_step_members(cluster);
		if (!cluster_hand_out_answers(cluster))
			return next_ns;
	}
	return 0;
}

static void cluster_publish(struct sn_cluster *cluster, uint64_t wakes, uint64_t next_ns)
{
	sn_cluster_lock(cluster);
	for (struct sn_cluster_member *each = cluster->members; each; each = each->next)
		if (!member_is_gone(each))
			each->class->publish(each);
	cluster->rounds++;
	cluster->rounds_wakes = wakes;
	cluster->next_call_ns = next_ns;
	pthread_cond_broadcast(&cluster->changed);
	sn_cluster_unlock(cluster);
}

/* Ends it if no generator uses it any more: then no other can find it. */
static bool cluster_can_end(struct sn_cluster *cluster)
{
	struct cluster_table *const table = cluster->table;
	struct sn_cluster **at = &table->clusters;

	pthread_mutex_lock(&table->mutex);
	const bool ends = atomic_load(&cluster->references) == 0;
	while (ends && *at != cluster)
		at = &(*at)->next;
	if (ends)
		*at = cluster->next;
	pthread_mutex_unlock(&table->mutex);
	return ends;
}

static void cluster_end(struct sn_cluster *cluster)
{
	cluster->coordinator->class->close(cluster->coordinator, false);
	sn_cluster_lock(cluster);
	cluster->ended = true;
	if (!cluster->awaited)
		pthread_detach(pthread_self());
	pthread_cond_broadcast(&cluster->changed);
	sn_cluster_unlock(cluster);
	cluster_drop_holder(cluster);
}

static void *cluster_run(void *user)
{
	struct sn_cluster *const cluster = user;

	for (;;) {
		const uint64_t wakes = atomic_load(&cluster->wakes);
		const uint64_t update_ns = cluster_update_members(cluster);
		if (!cluster->members && cluster_can_end(cluster))
			break;
		const uint64_t serve_ns = cluster_serve_members(cluster);
		const uint64_t next_ns = serve_ns < update_ns ? serve_ns : update_ns;
		cluster_publish(cluster, wakes, next_ns);
		cluster->coordinator->class->wait(cluster->coordinator, next_ns);
	}
	cluster_end(cluster);
	return NULL;
}

/* Signals are for the threads of the program, except those that an instruction of this one
 * causes. */
static int cluster_start(struct sn_cluster *cluster)
{
	static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
	sigset_t blocked, before;

	sigfillset(&blocked);
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		sigdelset(&blocked, own[i]);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	const int error = pthread_create(&cluster->thread, NULL, cluster_run, cluster);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error ? sn_fail(-error, "cannot start the thread that renews the store: %s%s",
			       snowid_strerror(-error), sn_error_remedy(-error))
		     : 0;
}

/* ---- generators ------------------------------------------------------------------------------ */

static int cluster_connect(struct sn_cluster *cluster,
			   const struct sn_coordinator_settings *settings)
{
	char name[128];

	int error = cluster_copy_settings(cluster, settings);
	if (error)
		return error;
	snprintf(name, sizeof name, "%.20s//%.100s", cluster->module->scheme, settings->servers);
	error = sn_loader_connect(cluster->module, name, &cluster->settings, &cluster->coordinator);
	if (error)
		return error;
	error = cluster_start(cluster);
	if (error)
		cluster->coordinator->class->close(cluster->coordinator, false);
	return error;
}

static int cluster_table_add(struct cluster_table *table, const struct sn_module *module,
			     const struct sn_coordinator_settings *settings,
			     struct sn_cluster **cluster)
{
	struct sn_cluster *const made = cluster_allocate(module);

	if (!made)
		return sn_fail_nomem();
	made->table = table;
	const int error = cluster_connect(made, settings);
	if (error) {
		cluster_drop_holder(made);
		return error;
	}
	made->next = table->clusters;
	table->clusters = made;
	*cluster = made;
	return 0;
}

int sn_cluster_get(const struct sn_module *module, const struct sn_coordinator_settings *settings,
		   struct sn_cluster **cluster)
{
	struct cluster_table *const table = cluster_table_of_process();
	int error = 0;

	if (!table)
		return sn_fail_nomem();
	pthread_mutex_lock(&table->mutex);
	struct sn_cluster *found = table->clusters;
	while (found && !cluster_has_settings(found, module, settings))
		found = found->next;
	if (found)
		atomic_fetch_add(&found->references, 1);
	else
		error = cluster_table_add(table, module, settings, &found);
	pthread_mutex_unlock(&table->mutex);
	*cluster = found;
	return error;
}

/* With the lock. False: the time is over. */
static bool cluster_wait_change(struct sn_cluster *cluster, uint64_t end_ns)
{
	const struct timespec end = {.tv_sec = (time_t)(end_ns / SN_NSEC_PER_SEC),
				     .tv_nsec = (long)(end_ns % SN_NSEC_PER_SEC)};
	return pthread_cond_timedwait(&cluster->changed, &cluster->mutex, &end) == 0;
}

/* By the clock of the condition variable. */
static uint64_t end_of_wait(uint64_t ns)
{
	struct timespec now;
	uint64_t end_ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	const uint64_t now_ns = (uint64_t)now.tv_sec * SN_NSEC_PER_SEC + (uint64_t)now.tv_nsec;
	if (__builtin_add_overflow(now_ns, ns, &end_ns) || end_ns > LONGEST_WAIT_NS)
		end_ns = LONGEST_WAIT_NS;
	return end_ns;
}

/* Waits until the thread has ended, unless a member still has time to end by itself, or a module
 * hangs, or another generator uses the cluster by now. */
static void cluster_await_end(struct sn_cluster *cluster)
{
	const uint64_t end_ns = end_of_wait(HUNG_NS);

	sn_cluster_lock(cluster);
	const bool awaits = !cluster->awaited;
	bool in_time = awaits;
	cluster->awaited = true;
	while (in_time && !cluster->ended && !cluster->members && !cluster->joining &&
	       atomic_load(&cluster->references) == 0)
		in_time = cluster_wait_change(cluster, end_ns);
	const bool joins = awaits && cluster->ended;
	if (awaits && !joins)
		cluster->awaited = false;
	sn_cluster_unlock(cluster);
	if (joins)
		pthread_join(cluster->thread, NULL);
	cluster_drop_holder(cluster);
}

/* The thread cannot end before it is woken, because that needs the lock of the table. */
void sn_cluster_put(struct sn_cluster *cluster)
{
	struct cluster_table *const table = cluster->table;

	pthread_mutex_lock(&table->mutex);
	const bool was_last = atomic_fetch_sub(&cluster->references, 1) == 1;
	if (was_last) {
		sn_cluster_lock(cluster);
		cluster->holders++;
		sn_cluster_unlock(cluster);
		sn_cluster_wake(cluster);
	}
	pthread_mutex_unlock(&table->mutex);
	if (was_last)
		cluster_await_end(cluster);
}

struct sn_coordinator *sn_cluster_coordinator(struct sn_cluster *cluster)
{
	return cluster->coordinator;
}

uint64_t *sn_cluster_next_serial(struct sn_cluster *cluster)
{
	return &cluster->next_serial;
}

/* ---- members --------------------------------------------------------------------------------- */

void sn_cluster_join(struct sn_cluster *cluster, struct sn_cluster_member *member)
{
	sn_cluster_lock(cluster);
	member->number = ++cluster->last_number;
	member->next = cluster->joining;
	cluster->joining = member;
	sn_cluster_unlock(cluster);
	sn_cluster_wake(cluster);
}

static struct sn_cluster_member *find_number(struct sn_cluster_member *list, uint64_t number)
{
	while (list && list->number != number)
		list = list->next;
	return list;
}

/* Whether a member that leaves will be freed soon; `wakes`: since it leaves. */
static bool cluster_is_freeing(const struct sn_cluster *cluster, uint64_t number, uint64_t wakes)
{
	const struct sn_cluster_member *const member = find_number(cluster->members, number);

	if (!member)
		return cluster->freeing == number || find_number(cluster->joining, number);
	return member_is_gone(member) || atomic_load(&member->ended) ||
	       cluster->rounds_wakes < wakes;
}

void sn_cluster_leave(struct sn_cluster *cluster, struct sn_cluster_member *member,
		      uint64_t linger_ns)
{
	const uint64_t number = member->number, end_ns = end_of_wait(HUNG_NS);

	sn_cluster_lock(cluster);
	member->stays_until_ns = linger_ns > 0 ? real_elapsed_ns() + linger_ns : 0;
	atomic_store(&member->leaving, true);
	sn_cluster_unlock(cluster);
	sn_cluster_wake(cluster);
	sn_cluster_lock(cluster);
	const uint64_t wakes = atomic_load(&cluster->wakes);
	while (cluster_is_freeing(cluster, number, wakes) && cluster_wait_change(cluster, end_ns))
		;
	sn_cluster_unlock(cluster);
	sn_cluster_put(cluster);
}

/* What its threads held when it was forked cannot be known: it locks nothing. */
void sn_cluster_leave_inherited(struct sn_cluster *cluster, struct sn_cluster_member *member)
{
	member->class->dispose(member);
	if (atomic_fetch_sub(&cluster->references, 1) > 1)
		return;
	cluster->coordinator->class->close(cluster->coordinator, true);
	cluster_free(cluster);
}

void sn_cluster_wake(struct sn_cluster *cluster)
{
	atomic_fetch_add(&cluster->wakes, 1);
	cluster->coordinator->class->wake(cluster->coordinator);
}

void sn_cluster_lock(struct sn_cluster *cluster)
{
	pthread_mutex_lock(&cluster->mutex);
}

void sn_cluster_unlock(struct sn_cluster *cluster)
{
	pthread_mutex_unlock(&cluster->mutex);
}

/* Whether the thread has nothing to do but wait, as far as that is known. */
static bool cluster_is_idle(struct sn_cluster *cluster)
{
	return cluster->rounds_wakes == atomic_load(&cluster->wakes) && cluster->next_call_ns > 0;
}

static int cluster_await_by_clock(struct sn_cluster *cluster, struct snowid_clock *clock,
				  uint64_t ns)
{
	const uint64_t rounds = cluster->rounds, end_ns = end_of_wait(HUNG_NS);
	uint64_t span_ns = ns;

	while (cluster->rounds == rounds && !cluster_is_idle(cluster) &&
	       cluster_wait_change(cluster, end_ns))
		;
	if (cluster->rounds != rounds)
		return 0;
	if (cluster_is_idle(cluster) && cluster->next_call_ns < span_ns)
		span_ns = cluster->next_call_ns;
	if (!clock->manual && span_ns > CUSTOM_STEP_NS)
		span_ns = CUSTOM_STEP_NS;
	sn_cluster_unlock(cluster);
	const int error = sn_clock_sleep(clock, span_ns);
	sn_cluster_wake(cluster);
	sn_cluster_lock(cluster);
	return error;
}

int sn_cluster_await(struct sn_cluster *cluster, struct snowid_clock *clock, uint64_t ns)
{
	if (clock)
		return cluster_await_by_clock(cluster, clock, ns);
	cluster_wait_change(cluster, end_of_wait(ns));
	return 0;
}
