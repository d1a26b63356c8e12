/* SPDX-License-Identifier: MIT
 *
 * Random bytes in processes that have forked.
 */
#include "tests/unit/fake_system.h"
#include "tests/unit/fake_wipe.h"
#include "tests/unit/libsnowid/base/entropy_block.h"
#include "tests/unit/processes.h"
#include "tests/unit/threads.h"

/* ---- what each member draws ----------------------------------------------------------------- */

struct fork_family {
	pid_t (*fork)(void);
	uint8_t parent[DRAW], child[2][DRAW], grandchild[DRAW];
	uint32_t left_in_child;
};

static void expect_all_differ(const struct fork_family *family)
{
	const uint8_t *const drawn[] = {family->parent, family->child[0], family->child[1],
					family->grandchild};
	for (size_t i = 0; i < 4; i++) {
		ck_assert(!is_all_zero(drawn[i], DRAW));
		for (size_t k = 0; k < i; k++)
			ck_assert_mem_ne(drawn[i], drawn[k], DRAW);
	}
}

/* Runs a family in a new thread, because the kernel is asked when the state of a thread is made. */
static void run_family(int way, void *(*run)(void *family))
{
	struct fork_family *const family = shared_memory(sizeof *family);
	if (way == WITHOUT_HANDLER && !kernel_wipes())
		return;
	family->fork = way == WITHOUT_HANDLER ? raw_fork : fork;
	wipe_refused = way == WITHOUT_KERNEL;
	call_in_thread(run, family);
	wipe_refused = false;
}

static void draw_in_child(struct fork_family *family)
{
	family->left_in_child = sn_thread_get()->entropy->bytes_left;
	int failed = sn_entropy(family->child[0], DRAW);
	const pid_t grandchild = family->fork();
	if (grandchild == 0)
		_exit(sn_entropy(family->grandchild, DRAW) != 0);
	failed |= sn_entropy(family->child[1], DRAW);
	_exit(failed != 0 || waitpid(grandchild, NULL, 0) != grandchild);
}

static void *draw_in_family(void *argument)
{
	struct fork_family *const family = argument;

	OK(sn_entropy(family->parent, DRAW));
	ck_assert_uint_gt(entropy_block()->bytes_left, 3 * DRAW);
	const pid_t child = family->fork();
	if (child == 0)
		draw_in_child(family);
	expect_success(child);
	OK(sn_entropy(family->parent, DRAW));
	ck_assert_uint_eq(family->left_in_child, 0);
	expect_all_differ(family);
	return NULL;
}

TEST_EACH(parent_children_and_grandchildren_draw_different_bytes, WAYS)
{
	run_family(nth, draw_in_family);
}

/* ---- a signal handler that forks ------------------------------------------------------------ */

static struct fork_family *interrupted_family;
static pid_t forked;

/* Forks when the bytes have come, as a signal handler may. */
static ssize_t getrandom_that_forks(void *out, size_t size, unsigned flags)
{
	const ssize_t got = real_getrandom(out, size, flags);
	fake_getrandom = NULL;
	forked = interrupted_family->fork();
	return got;
}

static void *fork_within_call(void *argument)
{
	struct fork_family *const family = interrupted_family = argument;
	uint8_t drawn[DRAW];

	empty_entropy_block();
	fake_getrandom = getrandom_that_forks;
	int failed = sn_entropy(drawn, DRAW);
	if (forked == 0) {
		memcpy(family->child[0], drawn, DRAW);
		failed |= sn_entropy(family->child[1], DRAW);
		failed |= sn_entropy(family->grandchild, DRAW);
		_exit(failed != 0 || sn_thread_get()->entropy->busy);
	}
	OK(failed);
	memcpy(family->parent, drawn, DRAW);
	expect_success(forked);
	expect_all_differ(family);
	return NULL;
}

TEST_EACH(fork_in_a_signal_handler_gives_no_zeros, WAYS)
{
	run_family(nth, fork_within_call);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
