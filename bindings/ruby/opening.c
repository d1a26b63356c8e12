/* SPDX-License-Identifier: MIT
 *
 * Opens generators. That may wait for the clock to reach what a store has recorded, in one call of the
 * library that nothing ends. So a thread of its own makes it; a caller who is interrupted leaves it alone, and
 * it frees what nobody takes.
 */
#include <pthread.h>
#include <ruby/thread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "snowid-ruby.h"

#define SLICE_NS 100000000 /* how long before interrupts are looked after */

struct opening {
	struct snowid_config *config;
	struct snowid_generator *generator; /* until somebody takes it */
	char detail[512];
	int error;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	bool done, left;
};

static void free_opening(struct opening *o)
{
	snowid_generator_free(o->generator);
	snowid_config_free(o->config);
	pthread_cond_destroy(&o->changed);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

static void *open_generator(void *user)
{
	struct opening *const o = user;
	bool left;

	o->error = snowid_generator_new(o->config, &o->generator);
	if (o->error)
		snowid_error_detail(o->detail, sizeof o->detail);
	pthread_mutex_lock(&o->lock);
	o->done = true;
	left = o->left;
	pthread_cond_signal(&o->changed);
	pthread_mutex_unlock(&o->lock);
	if (left)
		free_opening(o);
	return NULL;
}

/* With all signals blocked: they are for the threads of Ruby. */
static int start(struct opening *o)
{
	pthread_t thread;
	sigset_t all, former;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &former);
	error = pthread_create(&thread, NULL, open_generator, o);
	pthread_sigmask(SIG_SETMASK, &former, NULL);
	if (!error)
		pthread_detach(thread);
	return error;
}

static void *wait_unlocked(void *user)
{
	struct opening *const o = user;
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += SLICE_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&o->lock);
	while (!o->done && pthread_cond_timedwait(&o->changed, &o->lock, &until) == 0)
		;
	pthread_mutex_unlock(&o->lock);
	return NULL;
}

static bool is_done(struct opening *o)
{
	bool done;

	pthread_mutex_lock(&o->lock);
	done = o->done;
	pthread_mutex_unlock(&o->lock);
	return done;
}

/* The generator, as an object. Is left by an exception where the thread is to be killed, and so on. */
static VALUE await(VALUE user)
{
	struct opening *const o = (struct opening *)user;
	VALUE object;

	while (!is_done(o))
		rb_thread_call_without_gvl(wait_unlocked, o, RUBY_UBF_IO, NULL);
	if (o->error)
		rb_exc_raise(snowid_ruby_make_error(o->error, o->detail, 0));
	object = snowid_ruby_new_generator(o->generator);
	o->generator = NULL;
	return object;
}

static VALUE leave(VALUE user)
{
	struct opening *const o = (struct opening *)user;
	bool done;

	pthread_mutex_lock(&o->lock);
	o->left = true;
	done = o->done;
	pthread_mutex_unlock(&o->lock);
	if (done)
		free_opening(o);
	return Qnil;
}

/* Whether nothing is waited for: what is kept in memory alone is ready at once. */
static bool is_quick(const struct snowid_config *config)
{
	char store[sizeof "memory:"] = ""; /* a longer one is another */

	snowid_config_get(config, "store", store, sizeof store, NULL);
	return strcmp(store, "memory:") == 0;
}

VALUE snowid_ruby_generator_new(VALUE native, VALUE config)
{
	struct snowid_config *const handle = snowid_ruby_config(config);
	struct opening *const o = calloc(1, sizeof *o);
	pthread_condattr_t monotonic;
	int error;

	(void)native;
	if (!o)
		rb_memerror();
	o->config = handle;
	DATA_PTR(config) = NULL;
	pthread_mutex_init(&o->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&o->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (is_quick(handle)) {
		open_generator(o);
	} else if ((error = start(o)) != 0) {
		free_opening(o);
		rb_syserr_fail(error, "a thread that opens the generator");
	}
	return rb_ensure(await, (VALUE)o, leave, (VALUE)o);
}
