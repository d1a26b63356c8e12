/* SPDX-License-Identifier: MIT
 *
 * The keeper of the stores.
 */
#include <time.h>

#include "snowidd/service/keeper.h"

#define REST_MAX_NS UINT64_C(60000000000)

/* Until ns have passed, or it is to end. */
static void rest(struct keeper *keeper, uint64_t ns)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	ns = (ns < REST_MAX_NS ? ns : REST_MAX_NS) + (uint64_t)until.tv_nsec;
	until.tv_sec += (time_t)(ns / 1000000000);
	until.tv_nsec = (long)(ns % 1000000000);
	pthread_cond_timedwait(&keeper->wake, &keeper->lock, &until);
}

static void *keep(void *user)
{
	struct keeper *const keeper = user;

	pthread_mutex_lock(&keeper->lock);
	while (!keeper->ends) {
		pthread_mutex_unlock(&keeper->lock);
		const uint64_t ns = service_maintain(keeper->service);
		pthread_mutex_lock(&keeper->lock);
		if (!keeper->ends)
			rest(keeper, ns);
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
	keeper->running = pthread_create(&keeper->thread, NULL, keep, keeper) == 0;
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
	keeper->ends = true;
	pthread_cond_signal(&keeper->wake);
	pthread_mutex_unlock(&keeper->lock);
	pthread_join(keeper->thread, NULL);
	pthread_mutex_destroy(&keeper->lock);
	pthread_cond_destroy(&keeper->wake);
}
