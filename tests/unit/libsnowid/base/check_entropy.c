/* SPDX-License-Identifier: MIT
 *
 * Random bytes, and the blocks that they come from.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <unistd.h>

#include "tests/unit/fake_system.h"
#include "tests/unit/generators.h"
#include "tests/unit/libsnowid/base/entropy_block.h"
#include "tests/unit/processes.h"

/* In place of getrandom: bytes that count up. */
static struct {
	size_t most;       /* how many bytes a call gives */
	int interruptions; /* how many of the next calls fail with EINTR */
	int calls;
	size_t last_size;
	unsigned last_flags;
	uint8_t next_byte;
} counting;

static ssize_t count_up(void *out, size_t size, unsigned flags)
{
	uint8_t *const bytes = out;
	counting.calls++;
	counting.last_size = size;
	counting.last_flags = flags;
	if (counting.interruptions > 0) {
		counting.interruptions--;
		errno = EINTR;
		return -1;
	}
	if (size > counting.most)
		size = counting.most;
	for (size_t i = 0; i < size; i++)
		bytes[i] = counting.next_byte++;
	return (ssize_t)size;
}

static void start_counting(size_t most, int interruptions)
{
	counting = (__typeof__(counting)){.most = most, .interruptions = interruptions};
	empty_entropy_block();
	fake_getrandom = count_up;
}

static void stop_counting(void)
{
	fake_getrandom = NULL;
	empty_entropy_block();
}

TEST(bytes_come_from_the_end_of_a_block)
{
	for (size_t size = 8; size <= 16; size++) { /* some sizes leave a rest of the block */
		uint8_t bytes[16];
		start_counting(SIZE_MAX, 0);
		for (size_t used = size; used <= SN_ENTROPY_SIZE; used += size) {
			OK(sn_entropy(bytes, size));
			for (size_t i = 0; i < size; i++)
				if (bytes[i] != (SN_ENTROPY_SIZE - used + i) % 256)
					ck_abort_msg("byte %zu is %d", i, bytes[i]);
		}
		ck_assert_int_eq(counting.calls, 1);
		ck_assert_uint_eq(counting.last_size, SN_ENTROPY_SIZE);
		ck_assert_uint_eq(counting.last_flags, 0);
		OK(sn_entropy(bytes, size));
		ck_assert_int_eq(counting.calls, 2);
	}
	stop_counting();
}

TEST(used_bytes_are_wiped)
{
	static const size_t sizes[] = {1, 8, 10, 16, 100, 256};
	empty_entropy_block();
	for (size_t i = 0; i < 100; i++) {
		const size_t size = sizes[i % 6];
		uint8_t before[SN_ENTROPY_SIZE], bytes[256];
		size_t left;
		memcpy(before, entropy_block()->bytes, sizeof before);
		left = entropy_block()->bytes_left;
		OK(sn_entropy(bytes, size));
		ck_assert(is_all_zero(entropy_block()->bytes + entropy_block()->bytes_left,
				      SN_ENTROPY_SIZE - entropy_block()->bytes_left));
		if (left >= size) {
			ck_assert_uint_eq(entropy_block()->bytes_left, left - size);
			ck_assert_mem_eq(bytes, before + entropy_block()->bytes_left, size);
		} else {
			ck_assert_uint_eq(entropy_block()->bytes_left, SN_ENTROPY_SIZE - size);
		}
	}
}

TEST(exactly_the_requested_size_is_filled)
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
	uint64_t *const words = to;
	for (int i = 0; i < WORDS; i++)
		if (sn_entropy(&words[i], sizeof words[i]) != 0)
			ck_abort_msg("failed");
	return NULL;
}

TEST(no_thread_gets_bytes_of_another)
{
	uint64_t *const words = calloc(THREADS * WORDS, sizeof *words);
	pthread_t threads[THREADS];
	ck_assert_ptr_nonnull(words);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, draw_words, words + i * WORDS),
				 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	expect_unique(words, THREADS * WORDS);
	ck_assert_uint_ne(words[0], 0); /* it has sorted them */
	free(words);
}

TEST(short_and_interrupted_reads_continue)
{
	uint8_t bytes[16], expected[SN_ENTROPY_SIZE];
	for (size_t i = 0; i < sizeof expected; i++)
		expected[i] = (uint8_t)i;
	start_counting(7, 3);
	OK(sn_entropy(bytes, sizeof bytes));
	ck_assert_int_eq(counting.calls, 3 + SN_ENTROPY_SIZE / 7);
	ck_assert_mem_eq(bytes, expected + SN_ENTROPY_SIZE - sizeof bytes, sizeof bytes);
	ck_assert_mem_eq(entropy_block()->bytes, expected, SN_ENTROPY_SIZE - sizeof bytes);

	start_counting(7, 2);
	entropy_block()->busy = 1; /* as in a signal handler that interrupts a call */
	OK(sn_entropy(bytes, sizeof bytes));
	entropy_block()->busy = 0;
	ck_assert_int_eq(counting.calls, 2 + 3);
	ck_assert_mem_eq(bytes, expected, sizeof bytes);
	stop_counting();
}

TEST(failing_getrandom_is_reported)
{
	for (uint32_t busy = 0; busy <= 1; busy++) {
		uint8_t bytes[8];
		empty_entropy_block();
		entropy_block()->busy = busy;
		fake_getrandom = fail_getrandom;
		EXPECT(sn_entropy(bytes, sizeof bytes), -ENOSYS);
		EXPECT_DETAIL("getrandom");
		EXPECT_DETAIL(strerror(ENOSYS));
		ck_assert_uint_eq(entropy_block()->busy, busy);
		ck_assert_uint_eq(entropy_block()->bytes_left, 0);
		entropy_block()->busy = 0;
		fake_getrandom = NULL;
		OK(sn_entropy(bytes, sizeof bytes));
		ck_assert_uint_eq(entropy_block()->bytes_left, SN_ENTROPY_SIZE - sizeof bytes);
	}
}

/* ---- signal handlers ------------------------------------------------------------------------ */

static uint8_t handler_bytes[DRAW];
static volatile int handled;

static void draw_in_handler(int number)
{
	(void)number;
	if (sn_entropy(handler_bytes, sizeof handler_bytes) == 0)
		handled++;
}

static ssize_t getrandom_with_signal(void *out, size_t size, unsigned flags)
{
	ssize_t got;
	fake_getrandom = count_up;
	got = real_getrandom(out, size, flags);
	raise(SIGUSR1);
	return got;
}

TEST(signal_handler_bypasses_the_block_of_the_call_it_interrupts)
{
	uint8_t bytes[DRAW], counted[DRAW];
	for (size_t i = 0; i < sizeof counted; i++)
		counted[i] = (uint8_t)i;
	handled = 0;
	handle_signal(SIGUSR1, draw_in_handler);
	start_counting(SIZE_MAX, 0);
	fake_getrandom = getrandom_with_signal;
	OK(sn_entropy(bytes, sizeof bytes));
	ck_assert_int_eq(handled, 1);
	ck_assert_int_eq(counting.calls, 1);
	ck_assert_uint_eq(counting.last_size, sizeof handler_bytes);
	ck_assert_mem_eq(handler_bytes, counted, sizeof counted);
	ck_assert_mem_ne(bytes, counted, sizeof counted);
	ck_assert_uint_eq(entropy_block()->bytes_left, SN_ENTROPY_SIZE - sizeof bytes);
	stop_counting();
}

static sigjmp_buf out_of_handler;

static void jump_out(int number)
{
	(void)number;
	siglongjmp(out_of_handler, 1);
}

TEST(signal_handler_can_jump_out)
{
	static uint8_t first[DRAW], second[DRAW];
	handle_signal(SIGUSR1, jump_out);
	empty_entropy_block();
	if (sigsetjmp(out_of_handler, 1) == 0) {
		fake_getrandom = getrandom_with_signal;
		sn_entropy(first, sizeof first);
		ck_abort_msg("the handler returned");
	}
	fake_getrandom = NULL;
	OK(sn_entropy(first, sizeof first));
	OK(sn_entropy(second, sizeof second));
	ck_assert(!is_all_zero(first, sizeof first) && !is_all_zero(second, sizeof second));
	ck_assert_mem_ne(first, second, sizeof first);
	entropy_block()->busy = 0; /* which the jump has left */
}

/* ---- age ------------------------------------------------------------------------------------- */

TEST(bytes_of_another_period_are_not_used)
{
	static const struct {
		uint32_t period;
		int calls; /* so far */
	} draws[] = {{7, 1}, {7, 1}, {8, 2}, {8, 2}, {7, 3}, {UINT32_MAX, 4}, {0, 5}};
	uint8_t bytes[10];
	start_counting(SIZE_MAX, 0);
	for (size_t i = 0; i < sizeof draws / sizeof draws[0]; i++) {
		OK(sn_entropy_of_period(bytes, sizeof bytes, draws[i].period));
		ck_assert_int_eq(counting.calls, draws[i].calls);
	}
	OK(sn_entropy_fresh(bytes, sizeof bytes));
	ck_assert_int_eq(counting.calls, 6);
	ck_assert_uint_eq(counting.last_size, sizeof bytes);
	stop_counting();
}

/* Clones of a virtual machine have the bytes that an idle thread had read. */
TEST(ids_after_a_pause_have_bytes_that_were_read_after_it)
{
	struct snowid_config *config = NULL;
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *g = NULL;
	struct timespec now = {.tv_sec = START};
	struct snowid_id128 id;
	OK(snowid_config_new(&config));
	OK(snowid_config_set_kind(config, "uuid7"));
	OK(snowid_config_set_store(config, "memory:"));
	OK(snowid_config_set_clock(config, clock));
	OK(snowid_generator_new(config, &g));
	OK(snowid_clock_advance(clock, MS));
	OK(snowid_generator_next128(g, &id));
	start_counting(SIZE_MAX, 0);
	OK(snowid_generator_next128(g, &id));
	ck_assert_int_eq(counting.calls, 1);
	for (int calls = 2; calls < 5; calls++) {
		OK(snowid_clock_advance(clock, 2 * SEC));
		OK(snowid_generator_next128(g, &id));
		ck_assert_int_eq(counting.calls, calls);
		OK(snowid_generator_next128(g, &id));
		ck_assert_int_eq(counting.calls, calls);
	}
	fake_realtime = &now;
	for (int i = 0; i < 2; i++) {
		now.tv_sec += 2;
		const int calls = counting.calls;
		OK(i == 0 ? snowid_ulid_random(&id) : snowid_uuid7_random(&id));
		ck_assert_int_eq(counting.calls, calls + 1);
	}
	fake_realtime = NULL;
	stop_counting();
	snowid_generator_free(g);
	snowid_config_free(config);
	snowid_clock_free(clock);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
