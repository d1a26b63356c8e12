/* SPDX-License-Identifier: MIT
 *
 * Generators that threads and processes share, and how they are closed.
 */
#include <pthread.h>

#include "tests/unit/kinds.h"
#include "tests/unit/processes.h"

enum { THREADS = 8 };

/* How many IDs each thread or process takes. A sonyflake generator makes 25,600 a second. */
static size_t ids_per_thread(const char *kind)
{
	return strncmp(kind, "sonyflake", 9) == 0 ? 500 : 20000;
}

struct issue_job {
	struct snowid_generator *generator;
	struct sortable_id *ids;
	size_t count;
	const char *kind;
	bool failed;
};

static void *issue_in_order(void *argument)
{
	struct issue_job *const job = argument;
	for (size_t i = 0; i < job->count && !job->failed; i++) {
		job->failed = next_sortable(job->generator, job->kind, &job->ids[i]) != 0;
		if (i > 0 && compare_sortable(&job->ids[i - 1], &job->ids[i]) >= 0)
			job->failed = true;
	}
	return NULL;
}

TEST_EACH(threads_never_share_an_id, KINDS)
{
	const char *const kind = all_kinds[nth];
	const size_t count = ids_per_thread(kind);
	struct snowid_generator *const g = open_in_memory(kind);
	struct sortable_id *const ids = calloc(THREADS * count, sizeof *ids);
	pthread_t threads[THREADS];
	struct issue_job jobs[THREADS];
	for (size_t i = 0; i < THREADS; i++) {
		jobs[i] = (struct issue_job){g, ids + i * count, count, kind, false};
		pthread_create(&threads[i], NULL, issue_in_order, &jobs[i]);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_msg(!jobs[i].failed,
			      "an error, or an ID that is not above the one before");
	}
	expect_unique_sortable(ids, THREADS * count);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_ISSUED), THREADS * count);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_REFUSED), 0);
	free(ids);
	snowid_generator_free(g);
}

TEST_EACH(parent_and_children_never_share_an_id, KINDS)
{
	enum { CHILDREN = 4 };
	const char *const kind = all_kinds[nth];
	const size_t count = ids_per_thread(kind);
	struct snowid_generator *const g = open_in_memory(kind);
	const size_t size = (CHILDREN + 1) * count * sizeof(struct sortable_id);
	struct sortable_id *const ids = shared_memory(size);
	struct sortable_id before;
	pid_t children[CHILDREN];
	OK(next_sortable(g, kind, &before)); /* so that random bytes are buffered at the fork */
	for (size_t i = 0; i < CHILDREN; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			struct issue_job job = {g, ids + i * count, count, kind, false};
			issue_in_order(&job);
			snowid_generator_free(g);
			_exit(job.failed);
		}
	}
	struct issue_job job = {g, ids + CHILDREN * count, count, kind, false};
	issue_in_order(&job);
	ck_assert(!job.failed);
	for (size_t i = 0; i < CHILDREN; i++)
		expect_success(children[i]);
	expect_unique_sortable(ids, (CHILDREN + 1) * count);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_ISSUED), (CHILDREN + 1) * count + 1);
	munmap(ids, size);
	snowid_generator_free(g);
}

TEST_EACH(parent_and_child_draw_different_random_bytes, 2)
{
	struct snowid_generator *const g = open_in_memory(nth ? "uuid7" : "ulid");
	struct snowid_id128 *const ids = shared_memory(2 * sizeof *ids);
	OK(snowid_generator_next128(g, &ids[0]));
	const pid_t child = fork();
	if (child == 0) {
		const int error = snowid_generator_next128(g, &ids[1]);
		snowid_generator_free(g);
		_exit(error != 0);
	}
	expect_success(child);
	OK(snowid_generator_next128(g, &ids[0]));
	ck_assert_mem_ne(ids[0].bytes + 10, ids[1].bytes + 10, 6);
	munmap(ids, 2 * sizeof *ids);
	snowid_generator_free(g);
}

static void *issue_until_closed(void *argument)
{
	struct issue_job *const job = argument;
	struct sortable_id id;
	for (;;) {
		const int error = next_sortable(job->generator, job->kind, &id);
		if (error) {
			job->failed = error != SNOWID_E_CLOSED;
			return NULL;
		}
		job->count++;
	}
}

TEST(close_stops_all_threads_at_an_exact_end)
{
	for (int round = 0; round < 50; round++) {
		struct snowid_generator *const g = open_in_memory(WIDE_LAYOUT);
		pthread_t threads[3];
		struct issue_job jobs[3];
		uint64_t issued = 0, id, count;
		size_t made;
		for (size_t i = 0; i < 3; i++) {
			jobs[i] = (struct issue_job){g, NULL, 0, WIDE_LAYOUT, false};
			pthread_create(&threads[i], NULL, issue_until_closed, &jobs[i]);
		}
		while (stat_of(g, SNOWID_STAT_ISSUED) < 200)
			;
		OK(snowid_generator_close(g, 0));
		for (size_t i = 0; i < 3; i++) {
			pthread_join(threads[i], NULL);
			ck_assert(!jobs[i].failed);
			issued += jobs[i].count;
		}
		ck_assert_uint_eq(stat_of(g, SNOWID_STAT_ISSUED), issued);
		EXPECT(snowid_generator_next(g, &id), SNOWID_E_CLOSED);
		EXPECT(snowid_generator_try_next(g, &id, NULL), SNOWID_E_CLOSED);
		EXPECT(snowid_generator_next_batch(g, &id, 1, 0, &made), SNOWID_E_CLOSED);
		EXPECT(snowid_generator_available(g, &count), SNOWID_E_CLOSED);
		OK(snowid_generator_close(g, 0));
		snowid_generator_free(g);
	}
}

TEST(close_reaches_children_that_are_running)
{
	struct snowid_generator *const g = open_in_memory("snowflake");
	int ready[2], closed[2];
	uint64_t id;
	char byte = 0;
	ck_assert_int_eq(pipe(ready) | pipe(closed), 0);
	const pid_t child = fork();
	if (child == 0) {
		bool fine = snowid_generator_next(g, &id) == 0;
		fine &= write(ready[1], &byte, 1) == 1 && read(closed[0], &byte, 1) == 1;
		fine &= snowid_generator_next(g, &id) == SNOWID_E_CLOSED;
		snowid_generator_free(g);
		_exit(!fine);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	OK(snowid_generator_close(g, 0));
	ck_assert_int_eq(write(closed[1], &byte, 1), 1);
	expect_success(child);
	snowid_generator_free(g);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
