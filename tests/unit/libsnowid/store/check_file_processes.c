/* SPDX-License-Identifier: MIT
 *
 * State files that many processes use at once.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "tests/unit/libsnowid/store/fake_disk.h"
#include "tests/unit/processes.h"
#include "tests/unit/random.h"
#include "tests/unit/state_file.h"

enum { PROCESSES = 8, THREADS = 4, PER_THREAD = 2000 };

/* A kind of 64 bits; or one of 128 bits, with a mask of those that are the slot: the others can be
 * random, and would hide a slot that is issued twice. */
struct slot_kind {
	const char *name;
	bool wide;
	struct snowid_id128 slot;
};

struct issue_share {
	struct snowid_generator *generator;
	const struct slot_kind *kind;
	struct snowid_id128 *slots;
	bool failed;
};

static int next_slot(struct snowid_generator *g, const struct slot_kind *kind,
		     struct snowid_id128 *slot)
{
	uint64_t id = 0;
	if (!kind->wide) {
		const int error = snowid_generator_next_for(g, UINT64_MAX, &id);
		for (int i = 0; i < 8; i++)
			slot->bytes[i] = (uint8_t)(id >> (8 * (7 - i)));
		return error;
	}
	const int error = snowid_generator_next128_for(g, UINT64_MAX, slot);
	for (int i = 0; i < 16; i++)
		slot->bytes[i] &= kind->slot.bytes[i];
	return error;
}

/* In a child, where an assertion would not be seen. */
static void print_failure(void)
{
	char detail[512] = "";
	snowid_error_detail(detail, sizeof detail);
	fprintf(stderr, "%s\n", detail);
}

static void *issue_slots(void *argument)
{
	struct issue_share *const share = argument;
	for (int i = 0; i < PER_THREAD && !share->failed; i++) {
		share->failed = next_slot(share->generator, share->kind, &share->slots[i]) != 0;
		if (share->failed)
			print_failure();
	}
	return NULL;
}

static int issue_in_process(const struct slot_kind *kind, struct snowid_id128 *slots)
{
	struct snowid_generator *g;
	pthread_t threads[THREADS];
	struct issue_share shares[THREADS];
	bool failed = false;
	if (try_open_with_reserve(kind->name, "10ms", "3ms", NULL, &g) != 0) {
		print_failure();
		return 1;
	}
	for (int i = 0; i < THREADS; i++) {
		shares[i] = (struct issue_share){g, kind, slots + i * PER_THREAD, false};
		pthread_create(&threads[i], NULL, issue_slots, &shares[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		failed |= shares[i].failed;
	}
	snowid_generator_free(g);
	return failed;
}

static int compare_slots(const void *a, const void *b)
{
	return snowid_id128_compare(a, b);
}

/* All of them create the file at once, and then take it over after a reboot. */
TEST_EACH(processes_with_threads_never_share_an_id, 6)
{
	enum { ALL = 2 * PROCESSES * THREADS * PER_THREAD };
#define WHOLE 255, 255, 255, 255, 255, 255, 255, 255
	static const struct slot_kind kinds[] = {
		{"snowflake", false, {{0}}},       {"instagram", false, {{0}}},
		{"ulid", true, {{WHOLE}}},         {"uuid1", true, {{WHOLE, WHOLE}}},
		{"uuid6", true, {{WHOLE, WHOLE}}}, {"uuid7", true, {{WHOLE, 0xfc}}},
	};
	const struct slot_kind *const kind = &kinds[nth];
	struct snowid_id128 *const slots = shared_memory(ALL * sizeof *slots), *to = slots;
	pid_t children[PROCESSES];
	for (int round = 0; round < 2; round++, disk.boot++) {
		for (int i = 0; i < PROCESSES; i++, to += THREADS * PER_THREAD) {
			children[i] = fork();
			if (children[i] == 0)
				_exit(issue_in_process(kind, to));
		}
		for (int i = 0; i < PROCESSES; i++)
			expect_success(children[i]);
	}
	qsort(slots, ALL, sizeof *slots, compare_slots);
	for (int i = 1; i < ALL; i++)
		if (compare_slots(&slots[i - 1], &slots[i]) == 0)
			ck_abort_msg("a duplicate slot of %s", kind->name);
	munmap(slots, ALL * sizeof *slots);
}

/* How many IDs each thread of a process has taken, and the last of them. */
struct progress {
	_Atomic bool endless;
	_Atomic unsigned made[THREADS];
	uint64_t ids[THREADS][PER_THREAD];
};

struct progress_thread {
	struct snowid_generator *generator;
	struct progress *progress;
	unsigned number;
};

static void *issue_with_progress(void *argument)
{
	const struct progress_thread *const thread = argument;
	struct progress *const progress = thread->progress;
	_Atomic unsigned *const made = &progress->made[thread->number];
	uint64_t id;
	while ((progress->endless || *made < PER_THREAD) &&
	       snowid_generator_next_for(thread->generator, UINT64_MAX, &id) == 0) {
		progress->ids[thread->number][*made % PER_THREAD] = id;
		atomic_fetch_add(made, 1);
	}
	return NULL;
}

static int run_with_progress(struct progress *progress)
{
	struct snowid_generator *g;
	pthread_t threads[THREADS];
	struct progress_thread arguments[THREADS];
	if (try_open_with_reserve("snowflake", "10ms", "3ms", NULL, &g) != 0)
		return 1;
	for (unsigned i = 0; i < THREADS; i++) {
		arguments[i] = (struct progress_thread){g, progress, i};
		pthread_create(&threads[i], NULL, issue_with_progress, &arguments[i]);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	snowid_generator_free(g);
	return 0;
}

/* The last IDs that each thread has taken. */
static size_t collect_ids(const struct progress *progress, uint64_t *ids)
{
	size_t count = 0;
	for (int i = 0; i < THREADS; i++) {
		const unsigned made = progress->made[i];
		const unsigned kept = made < PER_THREAD ? made : PER_THREAD;
		memcpy(ids + count, progress->ids[i], kept * sizeof *ids);
		count += kept;
	}
	return count;
}

/* At any moment: in a claim, in a renewal, or while it opens the file. A process that was stopped
 * continues as well when it is resumed. */
TEST(killed_or_stopped_process_blocks_no_other)
{
	enum { ROUNDS = 10 };
	const size_t size = PROCESSES * sizeof(struct progress);
	struct progress *const all = shared_memory(size);
	uint64_t *const ids = malloc(size);
	uint64_t random = 88172645463325252u;
	for (int round = 0; round < ROUNDS; round++) {
		pid_t children[PROCESSES];
		size_t count = 0;
		int status;
		memset(all, 0, size);
		for (int i = 0; i < PROCESSES; i++) {
			all[i].endless = i < 2;
			children[i] = fork();
			if (children[i] == 0)
				_exit(run_with_progress(&all[i]));
		}
		for (int i = 0; i < 2; i++) { /* kills the first, stops the second */
			const unsigned moment = (unsigned)(test_random(&random) % PER_THREAD);
			while (all[i].made[0] < moment)
				sched_yield();
			kill(children[i], i == 0 ? SIGKILL : SIGSTOP);
		}
		ck_assert_int_eq(waitpid(children[0], &status, 0), children[0]);
		ck_assert_int_eq(waitpid(children[1], &status, WUNTRACED), children[1]);
		ck_assert(WIFSTOPPED(status));
		for (int i = 2; i < PROCESSES; i++)
			expect_success(children[i]);
		kill(children[1], SIGCONT);
		all[1].endless = false;
		expect_success(children[1]);
		for (int i = 0; i < PROCESSES; i++) {
			const size_t collected = collect_ids(&all[i], ids + count);
			ck_assert(i == 0 || collected == THREADS * PER_THREAD);
			count += collected;
		}
		expect_unique(ids, count);
	}
	free(ids);
	munmap(all, size);
}

enum { FAMILY = 4, IDS_EACH = 2000 };

/* Takes IDs for several reserves, so that children renew too, and exits. */
static void issue_as_child(struct snowid_generator *g, struct snowid_clock *clock, uint64_t *ids)
{
	bool failed = false;
	for (int i = 0; i < IDS_EACH && !failed; i++) {
		failed = snowid_clock_advance(clock, MS / 4) != 0 ||
			 snowid_generator_next(g, &ids[i]) != 0;
	}
	snowid_generator_free(g);
	snowid_clock_free(clock);
	_exit(failed);
}

/* Leaves the work to a child of its own. */
static void issue_as_grandchild(struct snowid_generator *g, struct snowid_clock *clock,
				uint64_t *ids)
{
	int status;
	const pid_t grandchild = fork();
	if (grandchild == 0)
		issue_as_child(g, clock, ids);
	const bool failed = waitpid(grandchild, &status, 0) != grandchild || status != 0;
	snowid_generator_close(g, 0);
	snowid_generator_free(g);
	snowid_clock_free(clock);
	_exit(failed);
}

TEST(children_renew_after_their_parent_has_closed)
{
	struct snowid_clock *const clock = manual_clock(START);
	uint64_t *const ids = shared_memory(FAMILY * IDS_EACH * sizeof *ids);
	struct snowid_generator *const g = open_state(clock);
	pid_t children[FAMILY];
	next_id(g);
	for (int i = 0; i < FAMILY; i++) {
		children[i] = fork();
		if (children[i] == 0)
			(i == 0 ? issue_as_grandchild : issue_as_child)(g, clock,
									ids + i * IDS_EACH);
	}
	OK(snowid_generator_close(g, 0));
	snowid_generator_free(g);
	for (int i = 0; i < FAMILY; i++)
		expect_success(children[i]);
	struct snowid_generator *const after = open_state(clock);
	const uint64_t last = next_id(after);
	expect_unique(ids, FAMILY * IDS_EACH);
	ck_assert_uint_gt(last, ids[FAMILY * IDS_EACH - 1]);
	snowid_generator_free(after);
	munmap(ids, FAMILY * IDS_EACH * sizeof *ids);
	snowid_clock_free(clock);
}

int main(void)
{
	return run_tests(disk_setup, directory_remove);
}
