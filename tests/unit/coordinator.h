/* SPDX-License-Identifier: MIT
 *
 * A coordinator in the test's own memory, for one owner at a time. It answers at once, or not, as the
 * test wants it. On the test's own thread a wait lets the manual clock go on; on any other it lasts
 * until there is an answer or a wake.
 */
#ifndef TESTS_COORDINATOR_H
#define TESTS_COORDINATOR_H

#include <pthread.h>

#include "libsnowid/coordinator/coordinator.h"
#include "tests/unit/check.h"

#define WORKERS 8

struct test_coordinator {
	struct sn_coordinator base; /* first: what is handed out is its address */
	struct snowid_clock *clock;
	pthread_t test;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct sn_record records[WORKERS]; /* `held` as it is */
	uint64_t holders[WORKERS][2];
	uint64_t versions;
	uint64_t unix_ms;
	bool silent;             /* neither takes requests nor answers */
	unsigned lost_answers;   /* of the next so many requests */
	unsigned lost_claims;    /* the next so many claims do not arrive yet, … */
	struct sn_request claim; /* … and the last of these may be let in later */
	unsigned sent;
	struct sn_request last;
	struct sn_answer answer;
	struct sn_record read[WORKERS];
	bool answered, woken, waiting;
	bool closed, inherited;
};

static inline struct test_coordinator *test_coordinator(struct sn_coordinator *base)
{
	return (struct test_coordinator *)(void *)base;
}

static inline enum sn_outcome test_write(struct test_coordinator *c, const struct sn_request *r)
{
	struct sn_record *const record = &c->records[r->worker];
	uint64_t *const holder = c->holders[r->worker];
	const bool sender = record->held && memcmp(holder, r->record.incarnation, 16) == 0;

	if (record->version != r->record.version ||
	    (r->ask == SN_ASK_CLAIM ? record->held : !sender))
		return SN_REFUSED;
	*record = r->record;
	record->version = ++c->versions;
	record->held = r->ask != SN_ASK_RELEASE;
	memcpy(holder, r->record.incarnation, 16);
	return SN_DONE;
}

static inline void test_send(struct sn_coordinator *base, const struct sn_request *r)
{
	struct test_coordinator *const c = test_coordinator(base);

	pthread_mutex_lock(&c->mutex);
	c->sent++;
	c->last = *r;
	if (r->ask == SN_ASK_CLAIM && c->lost_claims > 0) {
		c->lost_claims--;
		c->claim = *r;
	} else if (!c->silent) {
		c->answer = (struct sn_answer){.serial = r->serial, .unix_ms = c->unix_ms};
		ck_assert(r->ask != SN_ASK_READ || r->worker + r->count <= WORKERS);
		if (r->ask == SN_ASK_READ)
			memcpy(c->read, c->records + r->worker, (size_t)r->count * sizeof *c->read);
		else
			c->answer.outcome = test_write(c, r);
		c->answer.version = c->records[r->worker].version;
		c->answer.records = c->read;
		c->answered = c->lost_answers == 0;
		c->lost_answers -= c->lost_answers > 0;
	}
	pthread_mutex_unlock(&c->mutex);
}

static inline bool test_receive(struct sn_coordinator *base, struct sn_answer *answer)
{
	struct test_coordinator *const c = test_coordinator(base);

	pthread_mutex_lock(&c->mutex);
	const bool answered = c->answered;
	*answer = c->answer;
	c->answered = false;
	pthread_mutex_unlock(&c->mutex);
	return answered;
}

static inline void test_wait(struct sn_coordinator *base, uint64_t ns)
{
	struct test_coordinator *const c = test_coordinator(base);
	const bool own = pthread_equal(pthread_self(), c->test);

	pthread_mutex_lock(&c->mutex);
	if (own && !c->answered && ns > 0)
		OK(snowid_clock_advance(c->clock, ns));
	if (!own && ns > 0) {
		while (!c->answered && !c->woken) {
			c->waiting = true;
			pthread_cond_broadcast(&c->changed);
			pthread_cond_wait(&c->changed, &c->mutex);
		}
		c->waiting = c->woken = false;
	}
	pthread_mutex_unlock(&c->mutex);
}

static inline void test_wake(struct sn_coordinator *base)
{
	struct test_coordinator *const c = test_coordinator(base);

	pthread_mutex_lock(&c->mutex);
	c->woken = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->mutex);
}

static inline void test_close(struct sn_coordinator *base, bool inherited)
{
	struct test_coordinator *const c = test_coordinator(base);
	c->closed = true;
	c->inherited = inherited;
}

/* Lets the manager's thread look, and do all there is to do. */
static inline void test_let_manage(struct test_coordinator *c)
{
	pthread_mutex_lock(&c->mutex);
	c->woken = true;
	pthread_cond_broadcast(&c->changed);
	while (!c->waiting || c->woken || c->answered)
		pthread_cond_wait(&c->changed, &c->mutex);
	pthread_mutex_unlock(&c->mutex);
}

static inline void test_coordinator_init(struct test_coordinator *c, struct snowid_clock *clock)
{
	static const struct sn_coordinator_class class = {test_send, test_receive, test_wait,
							  test_wake, test_close};

	*c = (struct test_coordinator){.base = {&class}, .clock = clock, .test = pthread_self()};
	pthread_mutex_init(&c->mutex, NULL);
	pthread_cond_init(&c->changed, NULL);
}

#endif
