/* SPDX-License-Identifier: MIT
 *
 * Opens generators. Opening may wait until the clock reaches the time that a store has recorded,
 * and that call of the library cannot be interrupted. So it runs in a thread of its own. A caller
 * that is interrupted abandons the thread, which then frees everything itself.
 */
#include <pthread.h>
#include <ruby/thread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "snowid-ruby.h"

#define SLICE_NS 100000000 /* how long to wait before checking for interrupts */

struct opening {
	struct snowid_config *config;
	struct snowid_generator *generator; /* NULL once the caller has taken it */
	char detail[512];
	int error;
	pthread_mutex_t lock; /* protects the members below */
	pthread_cond_t changed;
	bool done, abandoned;
};

static void free_opening(struct opening *opening)
{
	snowid_generator_free(opening->generator);
	snowid_config_free(opening->config);
	pthread_cond_destroy(&opening->changed);
	pthread_mutex_destroy(&opening->lock);
	free(opening);
}

static void *open_and_finish(void *user)
{
	struct opening *const opening = user;
	bool abandoned;

	opening->error = snowid_generator_new(opening->config, &opening->generator);
	if (opening->error)
		snowid_error_detail(opening->detail, sizeof opening->detail);
	pthread_mutex_lock(&opening->lock);
	opening->done = true;
	abandoned = opening->abandoned;
	pthread_cond_signal(&opening->changed);
	pthread_mutex_unlock(&opening->lock);
	if (abandoned)
		free_opening(opening);
	return NULL;
}

/* Starts the thread with all signals blocked, because Ruby's own threads handle them. */
static int start_opening(struct opening *opening)
{
	pthread_t thread;
	sigset_t all, former;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &former);
	error = pthread_create(&thread, NULL, open_and_finish, opening);
	pthread_sigmask(SIG_SETMASK, &former, NULL);
	if (!error)
		pthread_detach(thread);
	return error;
}

static void *wait_for_opening(void *user)
{
	struct opening *const opening = user;
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += SLICE_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&opening->lock);
	while (!opening->done &&
	       pthread_cond_timedwait(&opening->changed, &opening->lock, &until) == 0)
		;
	pthread_mutex_unlock(&opening->lock);
	return NULL;
}

static bool opening_is_done(struct opening *opening)
{
	bool done;

	pthread_mutex_lock(&opening->lock);
	done = opening->done;
	pthread_mutex_unlock(&opening->lock);
	return done;
}

/* Waits and returns the generator as an object. Exceptions and Thread#kill may end the wait. */
static VALUE await_opening(VALUE user)
{
	struct opening *const opening = (struct opening *)user;
	VALUE object;

	while (!opening_is_done(opening))
		rb_thread_call_without_gvl(wait_for_opening, opening, RUBY_UBF_IO, NULL);
	if (opening->error)
		rb_exc_raise(snowid_ruby_make_error(opening->error, opening->detail, 0));
	object = snowid_ruby_new_generator(opening->generator);
	opening->generator = NULL;
	return object;
}

static VALUE abandon_opening(VALUE user)
{
	struct opening *const opening = (struct opening *)user;
	bool done;

	pthread_mutex_lock(&opening->lock);
	opening->abandoned = true;
	done = opening->done;
	pthread_mutex_unlock(&opening->lock);
	if (done)
		free_opening(opening);
	return Qnil;
}

/* State that is only kept in memory is ready at once. */
static bool opens_without_waiting(const struct snowid_config *config)
{
	char store[sizeof "memory:"] = ""; /* other stores have longer names */

	snowid_config_get(config, "store", store, sizeof store, NULL);
	return strcmp(store, "memory:") == 0;
}

VALUE snowid_ruby_generator_new(VALUE native, VALUE config)
{
	struct snowid_config *const handle = snowid_ruby_config(config);
	struct opening *const opening = calloc(1, sizeof *opening);
	pthread_condattr_t monotonic;
	int error;

	(void)native;
	if (!opening)
		rb_memerror();
	opening->config = handle;
	DATA_PTR(config) = NULL;
	pthread_mutex_init(&opening->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&opening->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (opens_without_waiting(handle)) {
		open_and_finish(opening);
	} else if ((error = start_opening(opening)) != 0) {
		free_opening(opening);
		rb_syserr_fail(error, "cannot start a thread to open the generator");
	}
	return rb_ensure(await_opening, (VALUE)opening, abandon_opening, (VALUE)opening);
}
