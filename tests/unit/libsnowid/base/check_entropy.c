/* SPDX-License-Identifier: MIT
 *
 * Random bytes, and the state of a thread that they come from: entropy.c and thread.c.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libsnowid/base/entropy.h"
#include "libsnowid/base/error.h"
#include "libsnowid/base/thread.h"
#include "tests/unit/check.h"
#include "tests/unit/fake_system.h"

static bool key_refused, handler_refused, memory_refused, wipe_refused;

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

/* With pages of this size there is no memory for two. */
long real_sysconf(int name) REAL("sysconf");
long wrap_sysconf(int name) WRAP("sysconf");
BARE long wrap_sysconf(int name)
{
	return memory_refused && name == _SC_PAGESIZE ? LONG_MAX - 4095 : real_sysconf(name);
}

int real_madvise(void *at, size_t size, int advice) REAL("madvise");
int wrap_madvise(void *at, size_t size, int advice) WRAP("madvise");
BARE int wrap_madvise(void *at, size_t size, int advice)
{
	if (!wipe_refused || advice != MADV_WIPEONFORK)
		return real_madvise(at, size, advice);
	errno = EINVAL;
	return -1;
}

/* ---- helpers --------------------------------------------------------------------------------- */

enum { DRAW = 16 }; /* bytes that are never zero or the same twice by chance */

static struct sn_entropy_block *block(void)
{
	struct sn_thread *const thread = sn_thread_get();
	ck_assert_ptr_nonnull(thread);
	return thread->entropy;
}

/* Makes the next request buy. */
static void use_up(void)
{
	block()->left = 0;
}

static bool all_zero(const void *bytes, size_t size)
{
	const uint8_t *const b = bytes;
	for (size_t i = 0; i < size; i++)
		if (b[i] != 0)
			return false;
	return true;
}

static int compare_words(const void *a, const void *b)
{
	const uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
	return (one > other) - (one < other);
}

static void expect_fresh(uint64_t *shared, size_t count)
{
	qsort(shared, count, sizeof *shared, compare_words);
	ck_assert_uint_ne(shared[0], 0);
	for (size_t i = 1; i < count; i++)
		if (shared[i - 1] == shared[i])
			ck_abort_msg("the same word twice");
}

static void in_a_thread(void *(*function)(void *), void *argument)
{
	pthread_t thread;
	ck_assert_int_eq(pthread_create(&thread, NULL, function, argument), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

static int mappings(void)
{
	FILE *const file = fopen("/proc/self/maps", "r");
	int lines = 0;
	ck_assert_ptr_nonnull(file);
	for (int c; (c = getc(file)) != EOF;)
		lines += c == '\n';
	fclose(file);
	return lines;
}

/* Memory that a child leaves its results in. */
static void *shared_with_children(size_t size)
{
	void *const at =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(at, MAP_FAILED);
	return at;
}

static void wait_for(pid_t child)
{
	int status;
	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
}

/* A fork that no atfork handler hears of. */
static pid_t raw_fork(void)
{
#ifdef SYS_fork
	return (pid_t)syscall(SYS_fork);
#else
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
#endif
}

/* Whether the kernel wipes pages in a child: not before Linux 4.14, nor under qemu-user. */
static bool kernel_wipes(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *const at =
		mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t child;

	*at = 1;
	real_madvise(at, page, MADV_WIPEONFORK);
	child = raw_fork();
	if (child == 0)
		_exit(*at);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	munmap(at, page);
	return status == 0;
}

/* ---- state of a thread ----------------------------------------------------------------------- */

/* First, because what a process registers it registers once. */
TEST(a_process_without_key_handler_or_memory_has_randomness)
{
	for (int i = 0; i < 3; i++) {
		const pid_t child = fork();
		uint64_t word = 0;
		if (child == 0) {
			pthread_key_t other; /* the first, which is 0: not ours to use */
			real_key_create(&other, NULL);
			key_refused = i == 0;
			handler_refused = i == 1;
			memory_refused = i == 2;
			_exit(sn_thread_get() != NULL || sn_entropy(&word, sizeof word) != 0 ||
			      word == 0 || sn_fail(SNOWID_E_RANGE, "lost") != SNOWID_E_RANGE);
		}
		wait_for(child);
	}
}

TEST(entropy_has_pages_of_its_own)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	const uintptr_t thread = (uintptr_t)sn_thread_get(), entropy = (uintptr_t)block();
	ck_assert_uint_eq(entropy % page, 0);
	ck_assert(thread + sizeof(struct sn_thread) <= entropy ||
		  entropy + sizeof(struct sn_entropy_block) <= thread);
	ck_assert_ptr_eq(sn_thread_get(), (void *)thread);
}

static void *without_state(void *argument)
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

TEST(a_thread_whose_state_would_leak_gets_none_but_has_randomness)
{
	const int before = mappings();
	in_a_thread(without_state, NULL);
	ck_assert_int_lt(mappings(), before + 100);
}

static void *use(void *argument)
{
	uint64_t word;
	OK(sn_entropy(&word, sizeof word));
	sn_fail(SNOWID_E_RANGE, "text");
	return argument;
}

TEST(threads_leave_no_mappings)
{
	int before;
	use(NULL);
	for (int i = 0; i < 10; i++)
		in_a_thread(use, NULL);
	before = mappings();
	for (int i = 0; i < 2000; i++)
		in_a_thread(use, NULL);
	ck_assert_int_lt(mappings(), before + 100); /* a sanitizer may map some itself */
}

/* Keys from before and after the library's: one of their destructors runs after its own. */
static pthread_key_t early, late;
static int destructors;

static void use_at_the_end(void *argument)
{
	use(argument);
	destructors++;
}

static void *use_with_keys(void *argument)
{
	pthread_setspecific(early, argument);
	pthread_setspecific(late, argument);
	return use(argument);
}

TEST(destructors_may_use_the_library)
{
	int before;
	ck_assert_int_eq(pthread_key_create(&early, use_at_the_end), 0);
	use(NULL);
	ck_assert_int_eq(pthread_key_create(&late, use_at_the_end), 0);
	in_a_thread(use_with_keys, &early);
	before = mappings();
	for (int i = 0; i < 500; i++)
		in_a_thread(use_with_keys, &early);
	ck_assert_int_eq(destructors, 2 * 501);
	ck_assert_int_lt(mappings(), before + 100);
	pthread_key_delete(early);
	pthread_key_delete(late);
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

static void handle(void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler};
	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
}

static bool interrupt(void)
{
	fake_setspecific_allowed = NULL;
	raise(SIGUSR1);
	return true;
}

static void *be_interrupted(void *argument)
{
	sigset_t before, after;
	ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
	fake_setspecific_allowed = interrupt;
	use(argument);
	ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
	for (int number = 1; number < SIGRTMIN; number++)
		ck_assert_int_eq(sigismember(&before, number), sigismember(&after, number));
	ck_assert_int_eq(handled, 1);
	ck_assert_ptr_nonnull(seen_by_handler);
	ck_assert_ptr_eq(seen_by_handler, sn_thread_get());
	return argument;
}

TEST(a_handler_that_interrupts_the_making_shares_what_is_made)
{
	handled = 0;
	handle(use_in_handler);
	in_a_thread(be_interrupted, NULL);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

/* Stands in for getrandom: bytes that count up, some at a time, as many times as it is called. */
static size_t at_most = SIZE_MAX;
static int interruptions; /* of the next calls */
static int calls;
static size_t last_size;
static unsigned last_flags;
static uint8_t next_byte;

static ssize_t count_up(void *out, size_t size, unsigned flags)
{
	uint8_t *const bytes = out;
	calls++;
	last_size = size;
	last_flags = flags;
	if (interruptions > 0) {
		interruptions--;
		errno = EINTR;
		return -1;
	}
	if (size > at_most)
		size = at_most;
	for (size_t i = 0; i < size; i++)
		bytes[i] = next_byte++;
	return (ssize_t)size;
}

static void pretend(size_t most)
{
	use_up();
	fake_getrandom = count_up;
	at_most = most;
	interruptions = calls = 0;
	next_byte = 0;
}

static void be_real(void)
{
	fake_getrandom = NULL;
	use_up();
}

TEST(bytes_come_from_the_end_of_a_block)
{
	for (size_t size = 8; size <= 16; size++) { /* 8 and 16 use it up, others leave a rest */
		uint8_t bytes[16];
		pretend(SIZE_MAX);
		for (size_t used = size; used <= SN_ENTROPY_SIZE; used += size) {
			OK(sn_entropy(bytes, size));
			for (size_t i = 0; i < size; i++)
				if (bytes[i] != (SN_ENTROPY_SIZE - used + i) % 256)
					ck_abort_msg("byte %zu is %d", i, bytes[i]);
		}
		ck_assert_int_eq(calls, 1);
		ck_assert_uint_eq(last_size, SN_ENTROPY_SIZE);
		ck_assert_uint_eq(last_flags, 0);
		OK(sn_entropy(bytes, size));
		ck_assert_int_eq(calls, 2);
	}
	be_real();
}

TEST(used_bytes_are_wiped)
{
	static const size_t sizes[] = {1, 8, 10, 16, 100, 256};
	use_up();
	for (size_t i = 0; i < 100; i++) {
		const size_t size = sizes[i % 6];
		uint8_t before[SN_ENTROPY_SIZE], bytes[256];
		size_t left;
		memcpy(before, block()->bytes, sizeof before);
		left = block()->left;
		OK(sn_entropy(bytes, size));
		ck_assert(
			all_zero(block()->bytes + block()->left, SN_ENTROPY_SIZE - block()->left));
		if (left >= size) {
			ck_assert_uint_eq(block()->left, left - size);
			ck_assert_mem_eq(bytes, before + block()->left, size);
		} else {
			ck_assert_uint_eq(block()->left, SN_ENTROPY_SIZE - size);
		}
	}
}

TEST(every_size_is_filled_and_no_more)
{
	for (size_t size = 0; size <= 256; size++) {
		uint8_t bytes[258], ones[256] = {0};
		for (int i = 0; i < 50; i++) { /* a byte stays 0 by chance in 1 of 2^400 */
			bytes[0] = bytes[size + 1] = 0x5a;
			OK(sn_entropy(bytes + 1, size));
			ck_assert(bytes[0] == 0x5a && bytes[size + 1] == 0x5a);
			for (size_t b = 0; b < size; b++)
				ones[b] |= bytes[b + 1];
		}
		for (size_t b = 0; b < size; b++)
			ck_assert_uint_ne(ones[b], 0);
	}
}

enum { WORDS = 25000, THREADS = 4 };

static void *draw_words(void *to)
{
	uint64_t *const shared = to;
	for (int i = 0; i < WORDS; i++)
		if (sn_entropy(&shared[i], sizeof shared[i]) != 0)
			ck_abort_msg("failed");
	return NULL;
}

TEST(no_byte_is_handed_out_twice_in_any_thread)
{
	uint64_t *const shared = calloc(THREADS * WORDS, sizeof *shared);
	pthread_t threads[THREADS];
	ck_assert_ptr_nonnull(shared);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, draw_words, shared + i * WORDS),
				 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	expect_fresh(shared, THREADS * WORDS);
	free(shared);
}

TEST(short_and_interrupted_reads_go_on)
{
	uint8_t bytes[16], expected[SN_ENTROPY_SIZE];
	for (size_t i = 0; i < sizeof expected; i++)
		expected[i] = (uint8_t)i;
	pretend(7);
	interruptions = 3;
	OK(sn_entropy(bytes, sizeof bytes));
	ck_assert_int_eq(calls, 3 + SN_ENTROPY_SIZE / 7);
	ck_assert_mem_eq(bytes, expected + SN_ENTROPY_SIZE - sizeof bytes, sizeof bytes);
	ck_assert_mem_eq(block()->bytes, expected, SN_ENTROPY_SIZE - sizeof bytes);

	pretend(7);
	interruptions = 2;
	block()->busy = 1; /* as a signal handler may find it */
	OK(sn_entropy(bytes, sizeof bytes));
	block()->busy = 0;
	ck_assert_int_eq(calls, 2 + 3);
	ck_assert_mem_eq(bytes, expected, sizeof bytes);
	be_real();
}

TEST(without_getrandom_there_is_an_error)
{
	for (uint32_t busy = 0; busy <= 1; busy++) {
		uint8_t bytes[8];
		use_up();
		block()->busy = busy;
		fake_getrandom = fail_getrandom;
		EXPECT(sn_entropy(bytes, sizeof bytes), -ENOSYS);
		EXPECT_DETAIL("getrandom");
		EXPECT_DETAIL(strerror(ENOSYS));
		ck_assert_uint_eq(block()->busy, busy);
		ck_assert_uint_eq(block()->left, 0);
		block()->busy = 0;
		fake_getrandom = NULL;
		OK(sn_entropy(bytes, sizeof bytes));
		ck_assert_uint_eq(block()->left, SN_ENTROPY_SIZE - sizeof bytes);
	}
}

/* ---- signal handlers ------------------------------------------------------------------------- */

static uint8_t handlers_bytes[DRAW];

static void draw_in_handler(int number)
{
	(void)number;
	if (sn_entropy(handlers_bytes, sizeof handlers_bytes) == 0)
		handled++;
}

/* getrandom in which a signal arrives. */
static ssize_t interrupted(void *out, size_t size, unsigned flags)
{
	ssize_t got;
	fake_getrandom = count_up;
	got = real_getrandom(out, size, flags);
	raise(SIGUSR1);
	return got;
}

TEST(a_handler_asks_the_kernel_directly)
{
	uint8_t bytes[DRAW], counted[DRAW];
	for (size_t i = 0; i < sizeof counted; i++)
		counted[i] = (uint8_t)i;
	handled = 0;
	handle(draw_in_handler);
	pretend(SIZE_MAX);
	fake_getrandom = interrupted;
	OK(sn_entropy(bytes, sizeof bytes));
	ck_assert_int_eq(handled, 1);
	ck_assert_int_eq(calls, 1);
	ck_assert_uint_eq(last_size, sizeof handlers_bytes);
	ck_assert_mem_eq(handlers_bytes, counted, sizeof counted);
	ck_assert_mem_ne(bytes, counted, sizeof counted);
	ck_assert_uint_eq(block()->left, SN_ENTROPY_SIZE - sizeof bytes);
	be_real();
}

static sigjmp_buf out_of_handler;

static void jump(int number)
{
	(void)number;
	siglongjmp(out_of_handler, 1);
}

TEST(a_handler_may_jump_out)
{
	static uint8_t first[DRAW], second[DRAW];
	handle(jump);
	use_up();
	if (sigsetjmp(out_of_handler, 1) == 0) {
		fake_getrandom = interrupted;
		sn_entropy(first, sizeof first);
		ck_abort_msg("the handler came back");
	}
	fake_getrandom = NULL;
	OK(sn_entropy(first, sizeof first));
	OK(sn_entropy(second, sizeof second));
	ck_assert(!all_zero(first, sizeof first) && !all_zero(second, sizeof second));
	ck_assert_mem_ne(first, second, sizeof first);
	block()->busy = 0; /* for the tests that follow in this process */
}

/* ---- forks ----------------------------------------------------------------------------------- */

struct family {
	pid_t (*fork)(void);
	uint8_t parent[DRAW], child[2][DRAW], grandchild[DRAW];
	uint32_t left_in_child;
};

static void expect_all_differ(const struct family *f)
{
	const uint8_t *const drawn[] = {f->parent, f->child[0], f->child[1], f->grandchild};
	for (size_t i = 0; i < 4; i++) {
		ck_assert(!all_zero(drawn[i], DRAW));
		for (size_t k = 0; k < i; k++)
			ck_assert_mem_ne(drawn[i], drawn[k], DRAW);
	}
}

static void *draw_in_a_family(void *family)
{
	struct family *const f = family;
	pid_t child;

	OK(sn_entropy(f->parent, DRAW));
	ck_assert_uint_gt(block()->left, 3 * DRAW);
	child = f->fork();
	if (child == 0) {
		pid_t grandchild;
		int failed;
		f->left_in_child = sn_thread_get()->entropy->left;
		failed = sn_entropy(f->child[0], DRAW);
		grandchild = f->fork();
		if (grandchild == 0)
			_exit(sn_entropy(f->grandchild, DRAW) != 0);
		failed |= sn_entropy(f->child[1], DRAW);
		_exit(failed != 0 || waitpid(grandchild, NULL, 0) != grandchild);
	}
	wait_for(child);
	OK(sn_entropy(f->parent, DRAW));
	ck_assert_uint_eq(f->left_in_child, 0);
	expect_all_differ(f);
	return NULL;
}

static struct family *family(pid_t (*how)(void))
{
	struct family *const f = shared_with_children(sizeof *f);
	f->fork = how;
	return f;
}

TEST(parents_children_and_grandchildren_draw_different_bytes)
{
	draw_in_a_family(family(fork));
}

TEST(children_differ_where_the_kernel_wipes_nothing)
{
	wipe_refused = true;
	in_a_thread(draw_in_a_family, family(fork));
	wipe_refused = false;
}

TEST(children_differ_where_no_atfork_handler_runs)
{
	if (kernel_wipes())
		draw_in_a_family(family(raw_fork));
}

/* getrandom in which a signal handler forks, when the bytes have come. */
static struct family *forking;
static pid_t forked;

static ssize_t forks_within(void *out, size_t size, unsigned flags)
{
	const ssize_t got = real_getrandom(out, size, flags);
	fake_getrandom = NULL;
	forked = forking->fork();
	return got;
}

static void *fork_within_a_call(void *family)
{
	struct family *const f = forking = family;
	uint8_t drawn[DRAW];
	int failed;

	use_up();
	fake_getrandom = forks_within;
	failed = sn_entropy(drawn, DRAW);
	if (forked == 0) {
		memcpy(f->child[0], drawn, DRAW);
		failed |= sn_entropy(f->child[1], DRAW);
		failed |= sn_entropy(f->grandchild, DRAW);
		_exit(failed != 0 || sn_thread_get()->entropy->busy);
	}
	OK(failed);
	memcpy(f->parent, drawn, DRAW);
	wait_for(forked);
	expect_all_differ(f);
	return NULL;
}

TEST(a_fork_in_a_handler_leaves_no_zeros)
{
	fork_within_a_call(family(fork));
}

TEST(a_fork_in_a_handler_leaves_no_zeros_where_the_kernel_wipes_nothing)
{
	wipe_refused = true;
	in_a_thread(fork_within_a_call, family(fork));
	wipe_refused = false;
}

TEST(a_fork_in_a_handler_leaves_no_zeros_where_no_atfork_handler_runs)
{
	if (kernel_wipes())
		fork_within_a_call(family(raw_fork));
}

int main(void)
{
	return run_tests(NULL, NULL);
}
