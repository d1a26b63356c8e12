/* SPDX-License-Identifier: MIT
 *
 * A coordinator in memory, for a few owners, that a test can make lose requests and answers.
 * In the thread of the test a wait advances the manual clock; in any other it lasts until there is
 * an answer, or until it is woken.
 */
#ifndef TESTS_FAKE_COORDINATOR_H
#define TESTS_FAKE_COORDINATOR_H

#include <pthread.h>

#include "libsnowid/base/clock.h"
#include "libsnowid/coordinator/coordinator.h"
#include "tests/unit/check.h"

#define WORKERS 8
#define ANSWERS 8 /* that have not been received */
#define TTL     (10 * SEC)

struct fake_answer {
	struct sn_answer answer;
	struct sn_record read[WORKERS];
};

struct fake_coordinator {
	struct sn_coordinator base; /* must be the first member (downcast) */
	struct snowid_clock *clock;
	pthread_t test;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct sn_record records[WORKERS]; /* with `held` as the coordinator sees it */
	uint64_t holders[WORKERS][2];
	uint64_t versions, started_ms;
	uint64_t namespace_id[2];
	bool tells_time;                /* its time is START and what has elapsed */
	uint64_t granted_ns, expiry_ns; /* in each answer */
	const char *why;                /* not NULL: requests are denied */
	bool silent;                    /* ignores requests */
	unsigned answered_reads;        /* how many answers to reads do not get lost, */
	unsigned lost_answers;          /* and how many of the next answers do */
	unsigned lost_forgets;          /* how many of the next requests to forget get lost */
	unsigned lost_claims;           /* how many of the next claims are delayed; */
	struct sn_request claim;        /* a test can write the last of them later */
	unsigned sent;
	struct sn_request last;
	unsigned asked[SN_ASK_RESET + 1]; /* how many of each kind */
	struct fake_answer answers[ANSWERS];
	unsigned answered, received; /* number of answers that wait, and that were taken */
	bool woken, waiting;
	bool closed, inherited;
};

static inline struct fake_coordinator *fake_from_base(struct sn_coordinator *base)
{
	return (struct fake_coordinator *)(void *)base;
}

static inline enum sn_outcome fake_write(struct fake_coordinator *fake,
					 const struct sn_request *request)
{
	struct sn_record *const record = &fake->records[request->worker];
	uint64_t *const holder = fake->holders[request->worker];
	const bool sender = record->held && memcmp(holder, request->record.incarnation, 16) == 0;

	if (request->ask == SN_ASK_FORGET) {
		record->held = record->held && !sender;
		return SN_DONE;
	}
	if (record->exists != request->record.exists ||
	    record->version != request->record.version ||
	    (request->ask == SN_ASK_CLAIM ? record->held : !sender))
		return SN_REFUSED;
	if (request->ask == SN_ASK_CLAIM && fake->namespace_id[0] == 0)
		memcpy(fake->namespace_id, request->namespace_id, 16);
	if (request->ask == SN_ASK_CLAIM &&
	    memcmp(fake->namespace_id, request->namespace_id, 16) != 0)
		return SN_REFUSED;
	*record = request->record;
	record->exists = true;
	record->version = ++fake->versions;
	record->held = request->ask != SN_ASK_RELEASE;
	memcpy(holder, request->record.incarnation, 16);
	return SN_DONE;
}

static inline void fake_read(struct fake_coordinator *fake, const struct sn_request *request,
			     struct fake_answer *made)
{
	ck_assert(request->worker + request->count <= WORKERS);
	for (uint64_t i = 0; i < request->count; i++) {
		made->read[i] = fake->records[request->worker + i];
		memcpy(made->read[i].held_by, fake->holders[request->worker + i], 16);
	}
	memcpy(made->answer.namespace_id, fake->namespace_id, 16);
	made->answer.records = made->read;
	made->answer.count = request->count;
}

static inline void fake_answer(struct fake_coordinator *fake, const struct sn_request *request)
{
	struct fake_answer *const made =
		&fake->answers[(fake->received + fake->answered) % ANSWERS];
	uint64_t elapsed_ns = 0;

	ck_assert_uint_lt(fake->answered, ANSWERS);
	OK(sn_clock_elapsed(fake->clock, &elapsed_ns));
	made->answer = (struct sn_answer){
		.serial = request->serial,
		.unix_ms = fake->tells_time ? START * UINT64_C(1000) + elapsed_ns / 1000000 -
						      fake->started_ms
					    : 0,
		.ttl_ns = fake->granted_ns,
		.expiry_ns = fake->expiry_ns,
		.why = fake->why};
	if (fake->why)
		made->answer.outcome = SN_DENIED;
	else if (request->ask == SN_ASK_READ)
		fake_read(fake, request, made);
	else
		made->answer.outcome = fake_write(fake, request);
	made->answer.version = fake->records[request->worker].version;
	if (request->ask == SN_ASK_READ && fake->answered_reads > 0)
		fake->answered_reads--;
	else if (fake->lost_answers > 0) {
		fake->lost_answers--;
		return;
	}
	fake->answered++;
}

static inline void fake_send(struct sn_coordinator *base, const struct sn_request *request)
{
	struct fake_coordinator *const fake = fake_from_base(base);

	pthread_mutex_lock(&fake->mutex);
	fake->sent++;
	fake->asked[request->ask]++;
	fake->last = *request;
	if (request->ask == SN_ASK_CLAIM && fake->lost_claims > 0) {
		fake->lost_claims--;
		fake->claim = *request;
	} else if (request->ask == SN_ASK_FORGET && fake->lost_forgets > 0) {
		fake->lost_forgets--;
	} else if (!fake->silent) {
		fake_answer(fake, request);
	}
	pthread_mutex_unlock(&fake->mutex);
}

static inline bool fake_receive(struct sn_coordinator *base, struct sn_answer *answer)
{
	struct fake_coordinator *const fake = fake_from_base(base);

	pthread_mutex_lock(&fake->mutex);
	const bool answered = fake->answered > 0;
	*answer = fake->answers[fake->received % ANSWERS].answer;
	fake->answered -= answered;
	fake->received += answered;
	pthread_mutex_unlock(&fake->mutex);
	return answered;
}

static inline void fake_wait(struct sn_coordinator *base, uint64_t ns)
{
	struct fake_coordinator *const fake = fake_from_base(base);
	const bool own = pthread_equal(pthread_self(), fake->test);

	pthread_mutex_lock(&fake->mutex);
	if (own && !fake->answered && ns > 0)
		OK(snowid_clock_advance(fake->clock, ns));
	if (!own && ns > 0) {
		while (!fake->answered && !fake->woken) {
			fake->waiting = true;
			pthread_cond_broadcast(&fake->changed);
			pthread_cond_wait(&fake->changed, &fake->mutex);
		}
		fake->waiting = fake->woken = false;
	}
	pthread_mutex_unlock(&fake->mutex);
}

static inline void fake_wake(struct sn_coordinator *base)
{
	struct fake_coordinator *const fake = fake_from_base(base);

	pthread_mutex_lock(&fake->mutex);
	fake->woken = true;
	pthread_cond_broadcast(&fake->changed);
	pthread_mutex_unlock(&fake->mutex);
}

static inline void fake_close(struct sn_coordinator *base, bool inherited)
{
	struct fake_coordinator *const fake = fake_from_base(base);
	fake->closed = true;
	fake->inherited = inherited;
}

/* Wakes the thread of the manager, and waits until it has nothing more to do. */
static inline void fake_let_manager_run(struct fake_coordinator *fake)
{
	pthread_mutex_lock(&fake->mutex);
	fake->woken = true;
	pthread_cond_broadcast(&fake->changed);
	while (!fake->waiting || fake->woken || fake->answered)
		pthread_cond_wait(&fake->changed, &fake->mutex);
	pthread_mutex_unlock(&fake->mutex);
}

static inline void fake_coordinator_init(struct fake_coordinator *fake, struct snowid_clock *clock)
{
	static const struct sn_coordinator_class class = {fake_send, fake_receive, fake_wait,
							  fake_wake, fake_close};

	*fake = (struct fake_coordinator){.base = {&class}, .clock = clock, .test = pthread_self()};
	pthread_mutex_init(&fake->mutex, NULL);
	pthread_cond_init(&fake->changed, NULL);
	OK(sn_clock_elapsed(clock, &fake->started_ms));
	fake->started_ms /= 1000000;
}

#endif
