/* SPDX-License-Identifier: MIT
 *
 * Numbers of processes that forked from one another.
 */
#include "libsnowid/base/process.h"
#include "tests/unit/fake_wipe.h"
#include "tests/unit/threads.h"

static bool handler_refused;

int real_atfork(void (*before)(void), void (*parent)(void), void (*child)(void))
	REAL("pthread_atfork");
int wrap_atfork(void (*before)(void), void (*parent)(void), void (*child)(void))
	WRAP("pthread_atfork");
BARE int wrap_atfork(void (*before)(void), void (*parent)(void), void (*child)(void))
{
	return handler_refused ? ENOMEM : real_atfork(before, parent, child);
}

static void *number_in_thread(void *number)
{
	*(uint64_t *)number = sn_process_number();
	return number;
}

/* Exits with 0 if its number is none of those of its ancestors, and the same in its threads. */
__attribute__((noreturn)) static void run_child(pid_t (*make_child)(void),
						const uint64_t *ancestors, size_t count)
{
	uint64_t numbers[4], other;

	memcpy(numbers, ancestors, count * sizeof *numbers);
	call_in_thread(number_in_thread, &numbers[count]);
	other = sn_process_number();
	for (size_t i = 0; i < count; i++)
		if (numbers[i] == other)
			_exit(1);
	if (other == 0 || other != numbers[count])
		_exit(2);
	if (count + 1 < sizeof numbers / sizeof *numbers) {
		const pid_t child = make_child();
		if (child == 0)
			run_child(make_child, numbers, count + 1);
		expect_success(child);
	}
	_exit(0);
}

/* A process asks the kernel and registers the handler only once: each way is a child of its own. */
TEST_EACH(process_has_another_number_than_its_ancestors, WAYS)
{
	pid_t (*const make_child)(void) = nth == WITHOUT_HANDLER ? raw_fork : fork;
	if (nth == WITHOUT_HANDLER && !kernel_wipes())
		return;
	wipe_refused = nth == WITHOUT_KERNEL;
	OK(sn_process_init());
	const uint64_t number = sn_process_number();
	ck_assert_uint_ne(number, 0);
	ck_assert_uint_eq(sn_process_number(), number);
	for (int i = 0; i < 2; i++) {
		const pid_t child = make_child();
		if (child == 0)
			run_child(make_child, &number, 1);
		expect_success(child);
		ck_assert_uint_eq(sn_process_number(), number);
	}
}

/* A child forked before its parent asked for a number. */
TEST(child_need_not_be_numbered_by_its_parent)
{
	const uint64_t none = 0;
	OK(sn_process_init());
	const pid_t child = fork();
	if (child == 0)
		run_child(fork, &none, 1);
	expect_success(child);
}

TEST(process_without_a_handler_is_refused)
{
	handler_refused = true;
	EXPECT(sn_process_init(), -ENOMEM);
	handler_refused = false;
	OK(sn_process_init());
	ck_assert_uint_ne(sn_process_number(), 0);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
