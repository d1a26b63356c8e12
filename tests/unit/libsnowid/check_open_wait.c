/* SPDX-License-Identifier: MIT
 *
 * How long opening a generator may wait, and how the program ends that.
 */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/time.h>

#include "tests/unit/directory.h"
#include "tests/unit/generators.h"
#include "tests/unit/processes.h"

static char url[4200];
static struct snowid_clock *manual;
static struct snowid_config *config;

/* A new file begins a reserve of 3 s ahead of the clock, and nothing is held. */
static void wait_setup(void)
{
	directory_make();
	snprintf(url, sizeof url, "file:%s/state", directory);
	manual = manual_clock(START);
	OK(snowid_config_new(&config));
	OK(snowid_config_set_field(config, "worker", 1));
	OK(snowid_config_set_store(config, url));
	OK(snowid_config_set(config, "hold", "0"));
	OK(snowid_config_set_clock(config, manual));
}

static void wait_teardown(void)
{
	snowid_config_free(config);
	snowid_clock_free(manual);
	directory_remove();
}

static uint64_t elapsed_ns(void)
{
	uint64_t ns = 0;
	OK(snowid_clock_read(manual, NULL, NULL, &ns));
	return ns;
}

/* As a process that was stopped while it took the file over. */
static int lock_takeovers(void)
{
	const struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	struct snowid_generator *g = NULL;

	OK(snowid_generator_new(config, &g));
	snowid_generator_free(g);
	const int fd = open(url + strlen("file:"), O_RDWR);
	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
	return fd;
}

/* ---- timeouts -------------------------------------------------------------------------------- */

TEST(wait_for_the_clock_ends_with_the_timeout)
{
	struct snowid_generator *g = NULL;

	EXPECT(snowid_generator_new_for(config, SEC, &g), SNOWID_E_CLOCK);
	ck_assert_ptr_null(g);
	ck_assert_uint_eq(elapsed_ns(), SEC);
	EXPECT(snowid_generator_new_for(config, 0, &g), SNOWID_E_CLOCK);
	ck_assert_uint_eq(elapsed_ns(), SEC);
	OK(snowid_generator_new_for(config, UINT64_MAX, &g));
	ck_assert_uint_lt(elapsed_ns(), 4 * SEC);
	snowid_generator_free(g);
}

/* Without a timeout, a record that is further ahead than two reserves is an error at once. */
TEST(long_timeout_waits_longer_than_two_blocks)
{
	struct snowid_generator *g = NULL;

	OK(snowid_generator_new(config, &g));
	snowid_generator_free(g);
	OK(snowid_clock_step(manual, -20 * SEC));
	EXPECT(snowid_generator_new(config, &g), SNOWID_E_CLOCK);
	OK(snowid_generator_new_for(config, 60 * SEC, &g));
	snowid_generator_free(g);
}

TEST(generator_that_needs_no_wait_opens_with_a_timeout_of_0)
{
	struct snowid_generator *g = NULL;

	OK(snowid_config_set_store(config, "memory:"));
	OK(snowid_generator_new_for(config, 0, &g));
	snowid_generator_free(g);
	EXPECT(snowid_generator_new_for(NULL, 0, &g), SNOWID_E_INVALID);
	EXPECT(snowid_generator_new_for(config, 0, NULL), SNOWID_E_INVALID);
}

TEST(wait_for_a_takeover_ends_with_the_timeout)
{
	struct snowid_generator *g = NULL;
	const int fd = lock_takeovers();
	const uint64_t before = elapsed_ns();

	EXPECT(snowid_generator_new_for(config, SEC, &g), SNOWID_E_STORE);
	EXPECT_DETAIL("is being taken over by another process");
	ck_assert_uint_eq(elapsed_ns() - before, SEC);
	close(fd);
	OK(snowid_generator_new_for(config, SEC, &g));
	snowid_generator_free(g);
}

static int takeover_fd;

/* Ends the takeover, but sets the clock back. */
static int release_takeover(void *end_ns)
{
	if (takeover_fd >= 0 && elapsed_ns() >= *(uint64_t *)end_ns) {
		close(takeover_fd);
		takeover_fd = -1;
		OK(snowid_clock_step(manual, -5 * SEC));
	}
	return 0;
}

/* First for a takeover, then for the clock. */

TEST(timeout_is_for_all_waits_together)
{
	struct snowid_generator *g = NULL;

	takeover_fd = lock_takeovers();
	const uint64_t before = elapsed_ns();
	uint64_t end_ns = before + 2 * SEC;
	OK(snowid_config_set_interrupt(config, release_takeover, &end_ns));
	EXPECT(snowid_generator_new_for(config, 4 * SEC, &g), SNOWID_E_CLOCK);
	ck_assert_uint_eq(elapsed_ns() - before, 4 * SEC);
	ck_assert_int_lt(takeover_fd, 0);
}

/* ---- the program gives up -------------------------------------------------------------------- */

struct patience {
	int calls, limit, answer;
};

static int lose_patience(void *user)
{
	struct patience *const patience = user;
	return patience->calls++ < patience->limit ? 0 : patience->answer;
}

TEST_EACH(program_can_give_up_waiting, 4)
{
	struct patience patience = {.limit = nth % 2 ? 10 : 0, .answer = nth < 2 ? -ECANCELED : 1};
	struct snowid_generator *g = NULL;
	const int error = nth < 2 ? -ECANCELED : -EINTR;

	OK(snowid_config_set_interrupt(config, lose_patience, &patience));
	for (int takeover = 0; takeover < 2; takeover++) {
		const uint64_t before = elapsed_ns();
		patience.calls = 0;
		EXPECT(snowid_generator_new(config, &g), error);
		EXPECT_DETAIL("the program stopped waiting");
		ck_assert_ptr_null(g);
		ck_assert_int_eq(patience.calls, patience.limit + 1);
		ck_assert_uint_le(elapsed_ns() - before, (uint64_t)patience.limit * 50 * MS);
		OK(snowid_config_set_interrupt(config, NULL, NULL));
		if (takeover == 0)
			lock_takeovers();
		OK(snowid_config_set_interrupt(config, lose_patience, &patience));
	}
}

TEST(generator_that_is_opened_asks_no_more)
{
	struct patience patience = {.limit = INT_MAX};
	struct snowid_generator *g = NULL;
	uint64_t id;

	OK(snowid_config_set_interrupt(config, lose_patience, &patience));
	OK(snowid_generator_new(config, &g));
	ck_assert_int_ge(patience.calls, 3 * SEC / (50 * MS));
	const int calls = patience.calls;
	OK(snowid_clock_step(manual, -4 * MS)); /* next() waits for the clock */
	OK(snowid_generator_next(g, &id));
	ck_assert_int_eq(patience.calls, calls);
	snowid_generator_free(g);
}

static volatile sig_atomic_t signalled;

static void note_signal(int number)
{
	(void)number;
	signalled = 1;
}

static int was_signalled(void *user)
{
	(void)user;
	return signalled;
}

/* By the real clock: a new file needs a wait of an hour. */
TEST(signal_ends_the_wait)
{
	const struct itimerval soon = {.it_value = {.tv_usec = 20000}};
	struct snowid_generator *g = NULL;

	handle_signal(SIGALRM, note_signal);
	OK(snowid_config_set_clock(config, NULL));
	OK(snowid_config_set(config, "reserve", "1h"));
	OK(snowid_config_set_interrupt(config, was_signalled, NULL));
	ck_assert_int_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
	EXPECT(snowid_generator_new(config, &g), -EINTR);
	ck_assert(signalled);
}

static atomic_bool stop;

static int was_stopped(void *user)
{
	atomic_store((atomic_bool *)user, true);
	return atomic_load(&stop);
}

static void *stop_once_asked(void *asked)
{
	while (!atomic_load((atomic_bool *)asked))
		sched_yield();
	atomic_store(&stop, true);
	return NULL;
}

TEST(another_thread_ends_the_wait)
{
	struct snowid_generator *g = NULL;
	atomic_bool asked = false;
	pthread_t thread;

	OK(snowid_config_set_clock(config, NULL));
	OK(snowid_config_set(config, "reserve", "1h"));
	OK(snowid_config_set_interrupt(config, was_stopped, &asked));
	pthread_create(&thread, NULL, stop_once_asked, &asked);
	EXPECT(snowid_generator_new(config, &g), -EINTR);
	pthread_join(thread, NULL);
}

int main(void)
{
	return run_tests(wait_setup, wait_teardown);
}
