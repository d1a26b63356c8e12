/* SPDX-License-Identifier: MIT
 *
 * The keeper of the stores.
 */
#include <time.h>

#include "snowidd/service/keeper.h"

#define WAIT_MAX_NS UINT64_C(60000000000)

/* Returns when ns have passed, or the keeper is to stop. */
static void wait_until_due(struct keeper *keeper, uint64_t ns)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	ns = (ns < WAIT_MAX_NS ? ns : WAIT_MAX_NS) + (uint64_t)until.tv_nsec;
	until.tv_sec += (time_t)(ns / 1000000000);
	until.tv_nsec = (long)(ns % 1000000000);
	pthread_cond_timedwait(&keeper->wake, &keeper->lock, &until);
}

static void *renew_loop(void *user)
{
	struct keeper *const keeper = user;

	pthread_mutex_lock(&keeper->lock);
	while (!keeper->stopping) {
		pthread_mutex_unlock(&keeper->lock);
		const uint64_t ns = service_maintain(keeper->service);
		pthread_mutex_lock(&keeper->lock);
		if (!keeper->stopping)
			wait_until_due(keeper, ns);
	}
	pthread_mutex_unlock(&keeper->lock);
	return NULL;
}

bool keeper_start(struct keeper *keeper, struct service *service, struct settings_error *error)
{
	pthread_condattr_t attributes;

	keeper->service = service;
	pthread_mutex_init(&keeper->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&keeper->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	keeper->running = pthread_create(&keeper->thread, NULL, renew_loop, keeper) == 0;
	if (!keeper->running)
		return settings_fail(error, "cannot start a thread");
	pthread_setname_np(keeper->thread, "keeper");
	return true;
}

void keeper_stop(struct keeper *keeper)
{
	if (!keeper->running)
		return;
	pthread_mutex_lock(&keeper->lock);
	keeper->stopping = true;
	pthread_cond_signal(&keeper->wake);
	pthread_mutex_unlock(&keeper->lock);
	pthread_join(keeper->thread, NULL);
	pthread_mutex_destroy(&keeper->lock);
	pthread_cond_destroy(&keeper->wake);
}
