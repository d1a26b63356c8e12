/* SPDX-License-Identifier: MIT
 *
 * What the library keeps per thread: how it is made, used in signal handlers, and freed.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "libsnowid/base/error.h"
#include "tests/unit/fake_system.h"
#include "tests/unit/libsnowid/base/entropy_block.h"
#include "tests/unit/processes.h"
#include "tests/unit/threads.h"

static bool key_refused, handler_refused, memory_refused;

int real_key_create(pthread_key_t *key, void (*end)(void *)) REAL("pthread_key_create");
int wrap_key_create(pthread_key_t *key, void (*end)(void *)) WRAP("pthread_key_create");
BARE int wrap_key_create(pthread_key_t *key, void (*end)(void *))
{
	return key_refused ? EAGAIN : real_key_create(key, end);
}

int real_atfork(void (*before)(void), void (*parent)(void), void (*child)(void))
	REAL("pthread_atfork");
int wrap_atfork(void (*before)(void), void (*parent)(void), void (*child)(void))
	WRAP("pthread_atfork");
BARE int wrap_atfork(void (*before)(void), void (*parent)(void), void (*child)(void))
{
	return handler_refused ? ENOMEM : real_atfork(before, parent, child);
}

/* With pages of this size no two can be mapped. */
long real_page_size(int name) REAL("sysconf");
long wrap_page_size(int name) WRAP("sysconf");
BARE long wrap_page_size(int name)
{
	return memory_refused && name == _SC_PAGESIZE ? LONG_MAX - 4095 : real_page_size(name);
}

static int count_mappings(void)
{
	FILE *const file = fopen("/proc/self/maps", "r");
	int lines = 0;
	ck_assert_ptr_nonnull(file);
	for (int c; (c = getc(file)) != EOF;)
		lines += c == '\n';
	fclose(file);
	return lines;
}

/* The first test, because a process registers its key and its handler only once. */
TEST(process_without_key_handler_or_memory_has_random_bytes)
{
	for (int i = 0; i < 3; i++) {
		const pid_t child = fork();
		uint64_t word = 0;
		if (child == 0) {
			pthread_key_t other; /* takes key 0 from the library */
			real_key_create(&other, NULL);
			key_refused = i == 0;
			handler_refused = i == 1;
			memory_refused = i == 2;
			_exit(sn_thread_get() != NULL || sn_entropy(&word, sizeof word) != 0 ||
			      word == 0 || sn_fail(SNOWID_E_RANGE, "lost") != SNOWID_E_RANGE);
		}
		expect_success(child);
	}
}

TEST(random_bytes_have_pages_of_their_own)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	const uintptr_t thread = (uintptr_t)sn_thread_get(), entropy = (uintptr_t)entropy_block();
	ck_assert_uint_eq(entropy % page, 0);
	ck_assert(thread + sizeof(struct sn_thread) <= entropy ||
		  entropy + sizeof(struct sn_entropy_block) <= thread);
	ck_assert_ptr_eq(sn_thread_get(), (void *)thread);
}

static void *use_without_state(void *argument)
{
	uint64_t word = 0;
	fake_setspecific_allowed = allow_nothing;
	for (int i = 0; i < 500; i++)
		ck_assert_ptr_null(sn_thread_get());
	OK(sn_entropy(&word, sizeof word));
	ck_assert_uint_ne(word, 0);
	fake_setspecific_allowed = NULL;
	ck_assert_ptr_nonnull(sn_thread_get());
	return argument;
}

TEST(thread_whose_state_would_leak_has_random_bytes_but_no_state)
{
	const int before = count_mappings();
	call_in_thread(use_without_state, NULL);
	ck_assert_int_lt(count_mappings(), before + 100);
}

static void *use_state(void *argument)
{
	uint64_t word;
	OK(sn_entropy(&word, sizeof word));
	sn_fail(SNOWID_E_RANGE, "text");
	return argument;
}

TEST(threads_leave_no_mappings)
{
	int before;
	use_state(NULL);
	for (int i = 0; i < 10; i++)
		call_in_thread(use_state, NULL);
	before = count_mappings();
	for (int i = 0; i < 2000; i++)
		call_in_thread(use_state, NULL);
	ck_assert_int_lt(count_mappings(), before + 100); /* a sanitizer may map some of its own */
}

/* Keys made before and after that of the library, so that the destructor of one runs after its
 * own. */
static pthread_key_t early_key, late_key;
static int destructors;

static void use_in_destructor(void *argument)
{
	use_state(argument);
	destructors++;
}

static void *use_with_keys(void *argument)
{
	pthread_setspecific(early_key, argument);
	pthread_setspecific(late_key, argument);
	return use_state(argument);
}

TEST(destructors_can_use_the_library)
{
	int before;
	ck_assert_int_eq(pthread_key_create(&early_key, use_in_destructor), 0);
	use_state(NULL);
	ck_assert_int_eq(pthread_key_create(&late_key, use_in_destructor), 0);
	call_in_thread(use_with_keys, &early_key);
	before = count_mappings();
	for (int i = 0; i < 500; i++)
		call_in_thread(use_with_keys, &early_key);
	ck_assert_int_eq(destructors, 2 * 501);
	ck_assert_int_lt(count_mappings(), before + 100);
	pthread_key_delete(early_key);
	pthread_key_delete(late_key);
}

static struct sn_thread *volatile seen_by_handler;
static volatile int handled;

static void use_in_handler(int number)
{
	uint64_t word;
	(void)number;
	if (sn_entropy(&word, sizeof word) == 0)
		handled++;
	seen_by_handler = sn_thread_get();
}

static bool interrupt_once(void)
{
	fake_setspecific_allowed = NULL;
	raise(SIGUSR1);
	return true;
}

static void *make_state_interrupted(void *argument)
{
	sigset_t before, after;
	ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
	fake_setspecific_allowed = interrupt_once;
	use_state(argument);
	ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
	for (int number = 1; number < SIGRTMIN; number++)
		ck_assert_int_eq(sigismember(&before, number), sigismember(&after, number));
	ck_assert_int_eq(handled, 1);
	ck_assert_ptr_nonnull(seen_by_handler);
	ck_assert_ptr_eq(seen_by_handler, sn_thread_get());
	return argument;
}

TEST(signal_handler_that_interrupts_the_creation_of_state_shares_it)
{
	handled = 0;
	handle_signal(SIGUSR1, use_in_handler);
	call_in_thread(make_state_interrupted, NULL);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
