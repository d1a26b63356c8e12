/* SPDX-License-Identifier: MIT
 *
 * The keeper of the stores: a thread that renews them, so that no sync blocks an event loop.
 */
#ifndef SNOWIDD_KEEPER_H
#define SNOWIDD_KEEPER_H

#include <pthread.h>
#include <stdbool.h>

#include "snowidd/service/service.h"

struct keeper {
	struct service *service;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool running, stopping;
};

/* False with *error. */
bool keeper_start(struct keeper *keeper, struct service *service, struct settings_error *error);

/* Waits until it has done what it is doing. Does nothing if it does not run. */
void keeper_stop(struct keeper *keeper);

#endif
