/* SPDX-License-Identifier: MIT
 *
 * Threads that are cancelled (pthread_cancel): which calls end there, and what they leave.
 */
#include <pthread.h>
#include <stdio.h>

#include "tests/unit/directory.h"
#include "tests/unit/generators.h"
#include "tests/unit/kinds.h"

static char url[4200];

static void cancel_setup(void)
{
	directory_make();
	snprintf(url, sizeof url, "file:%s/state", directory);
}

static struct snowid_config *new_config(struct snowid_clock *clock)
{
	struct snowid_config *config;
	OK(snowid_config_new(&config));
	OK(snowid_config_set_field(config, "worker", 1));
	OK(snowid_config_set_store(config, url));
	OK(snowid_config_set_clock(config, clock));
	return config;
}

/* Calls whatever opens, reads or writes a file, or asks the kernel for random bytes. */
static void use_everything(struct snowid_clock *clock)
{
	struct snowid_config *const config = new_config(clock);
	struct snowid_generator *g = NULL;
	struct snowid_store_info *info;
	struct snowid_id128 id128;
	uint64_t id, wait_ns, again_ns;

	OK(snowid_generator_new(config, &g));
	OK(snowid_clock_advance(clock, 2 * SEC));
	OK(snowid_generator_maintain(g, &again_ns));
	OK(snowid_generator_try_next(g, &id, &wait_ns));
	OK(snowid_generator_close(g, SEC));
	snowid_generator_free(g);
	snowid_config_free(config);
	OK(snowid_store_inspect(url, &info));
	snowid_store_info_free(info);
	OK(snowid_store_adopt(url));
	OK(snowid_store_reset(url, START, 0));
	OK(snowid_ulid_random(&id128));
	OK(snowid_uuid7_random(&id128));
}

static bool reached_end;

static void *use_everything_cancelled(void *clock)
{
	pthread_cancel(pthread_self());
	use_everything(clock);
	reached_end = true;
	pthread_testcancel();
	return NULL;
}

TEST(only_calls_that_wait_for_ids_are_cancellation_points)
{
	struct snowid_clock *const clock = manual_clock(START);
	pthread_t thread;
	void *result = NULL;

	pthread_create(&thread, NULL, use_everything_cancelled, clock);
	pthread_join(thread, &result);
	ck_assert(reached_end);
	ck_assert_ptr_eq(result, PTHREAD_CANCELED); /* the request is still there afterwards */
	snowid_clock_free(clock);
}

/* Sooner or later a tick is used up, and the call sleeps until the next. */
static void *wait_cancelled(void *generator)
{
	uint64_t id;
	pthread_cancel(pthread_self());
	while (snowid_generator_next(generator, &id) == 0)
		;
	return NULL;
}

TEST(thread_can_be_cancelled_while_it_waits_for_an_id)
{
	struct snowid_config *const config = kind_config("time:40,worker:5,sequence:1;unit=10ms");
	struct snowid_generator *const g = open_config(config);
	pthread_t thread;
	void *result = NULL;
	uint64_t id;

	pthread_create(&thread, NULL, wait_cancelled, g);
	pthread_join(thread, &result);
	ck_assert_ptr_eq(result, PTHREAD_CANCELED);
	OK(snowid_generator_next(g, &id)); /* for others it is as before */
	snowid_generator_free(g);
}

int main(void)
{
	return run_tests(cancel_setup, directory_remove);
}
