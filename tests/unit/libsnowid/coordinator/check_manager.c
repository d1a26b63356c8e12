/* SPDX-License-Identifier: MIT
 *
 * Generators whose worker a coordinator keeps: the thread that renews it, fork, close.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libsnowid/base/error.h"
#include "libsnowid/coordinator/manager.h"
#include "tests/unit/check.h"
#include "tests/unit/coordinator.h"

#define TTL (10 * SEC)

static struct snowid_clock *the_clock;
static struct test_coordinator server;
static uint64_t first_worker, last_worker;

/* ---- a store of the coordinator, in the place of all others ---------------------------------- */

int wrap_check(const char *url) __asm__("__wrap_sn_store_check");
bool wrap_assigns(const char *url) __asm__("__wrap_sn_store_assigns");
int wrap_open(const char *url, const struct sn_store_settings *settings,
	      struct sn_store **store) __asm__("__wrap_sn_store_open");

int wrap_check(const char *url)
{
	(void)url;
	return 0;
}

bool wrap_assigns(const char *url)
{
	(void)url;
	return true;
}

int wrap_open(const char *url, const struct sn_store_settings *stored, struct sn_store **store)
{
	static const struct sn_store_class class = {
		.scheme = "test:",
		.assigns = true,
		.managed = true,
		.renew = sn_manager_renew,
		.release = sn_manager_release,
		.close = sn_manager_close,
	};
	struct sn_manager_settings settings = {
		.coordinator = &server.base,
		.ttl_ns = TTL,
		.first_worker = first_worker,
		.last_worker = last_worker,
	};

	(void)url;
	while (strcmp(stored->fields[settings.field_index].name, "worker") != 0)
		settings.field_index++;
	return sn_manager_open(&settings, &class, stored, store);
}

static void set_up(void)
{
	OK(snowid_clock_new_manual(START, 0, &the_clock));
	test_coordinator_init(&server, the_clock);
	first_worker = 3;
	last_worker = 4;
}

static void tear_down(void)
{
	snowid_clock_free(the_clock);
}

static int try_open(struct snowid_generator **g)
{
	struct snowid_config *config;
	OK(snowid_config_new(&config));
	OK(snowid_config_set_store(config, "test:"));
	OK(snowid_config_set_clock(config, the_clock));
	OK(snowid_config_set_field(config, "datacenter", 2));
	const int error = snowid_generator_new(config, g);
	snowid_config_free(config);
	return error;
}

static struct snowid_generator *open_generator(void)
{
	struct snowid_generator *g = NULL;
	OK(try_open(&g));
	OK(snowid_clock_advance(the_clock, MS));
	return g;
}

static uint64_t worker_of(const struct snowid_generator *g)
{
	uint64_t worker;
	OK(snowid_generator_field(g, "worker", &worker));
	return worker;
}

/* An ID, which must be of the worker that the generator says. */
static uint64_t next(struct snowid_generator *g)
{
	uint64_t id;
	OK(snowid_generator_next(g, &id));
	ck_assert_uint_eq(id >> 12 & 31, worker_of(g));
	ck_assert_uint_eq(id >> 17 & 31, 2);
	return id;
}

/* Takes the worker away, for the manager to find out at its next renewal. */
static void take_away(uint64_t worker)
{
	pthread_mutex_lock(&server.mutex);
	server.records[worker].version = ++server.versions;
	server.records[worker].epoch++;
	server.records[worker].incarnation[0]++;
	pthread_mutex_unlock(&server.mutex);
}

/* Lets time pass in small steps, so that nothing is late. */
static void pass(uint64_t ns)
{
	for (uint64_t done = 0; done < ns; done += 100 * MS) {
		OK(snowid_clock_advance(the_clock, 100 * MS));
		test_let_manage(&server);
	}
}

static void in_child(void (*run)(struct snowid_generator *), struct snowid_generator *g)
{
	int status;
	const pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		run(g);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child failed");
}

/* ---- the parent ------------------------------------------------------------------------------ */

TEST(renewed_by_its_thread)
{
	struct snowid_generator *const g = open_generator();
	uint64_t again, before = 0;

	for (int i = 0; i < 50; i++) {
		const uint64_t id = next(g);
		ck_assert_uint_gt(id, before);
		before = id;
		pass(SEC);
	}
	OK(snowid_generator_maintain(g, &again));
	ck_assert_uint_eq(again, UINT64_MAX);
	ck_assert_uint_eq(server.records[worker_of(g)].epoch, 1);
	snowid_generator_free(g);
	ck_assert(server.closed && !server.inherited);
}

/* The limit holds in silence, to the tick. */
TEST(limit_in_silence)
{
	struct snowid_generator *const g = open_generator();
	const uint64_t limit = server.records[worker_of(g)].limit;
	uint64_t id, wait_ns;

	server.silent = true;
	OK(snowid_clock_step(the_clock, 7499 * MS)); /* wall time alone */
	OK(snowid_generator_try_next(g, &id, &wait_ns));
	OK(snowid_clock_step(the_clock, MS));
	EXPECT(snowid_generator_try_next(g, &id, &wait_ns), SNOWID_E_LIMIT);
	ck_assert_uint_gt(wait_ns, 0);
	EXPECT(snowid_generator_next_for(g, SEC, &id), SNOWID_E_LIMIT);
	ck_assert_uint_eq(server.records[worker_of(g)].limit, limit);
	snowid_generator_free(g);
}

TEST(goes_on_as_another_worker)
{
	struct snowid_generator *const g = open_generator();
	const uint64_t lost = worker_of(g);
	uint64_t issued, after;

	next(g);
	next(g);
	OK(snowid_generator_stat(g, SNOWID_STAT_ISSUED, &issued));
	take_away(lost);
	pass(TTL);
	next(g);
	ck_assert_uint_eq(worker_of(g), 7 - lost);
	OK(snowid_generator_stat(g, SNOWID_STAT_ISSUED, &after));
	ck_assert_uint_eq(after, issued + 1);
	snowid_generator_free(g);
}

TEST(refuses_while_it_has_none)
{
	first_worker = last_worker;
	struct snowid_generator *const g = open_generator();
	uint64_t id, wait_ns;

	next(g);
	take_away(last_worker);
	pass(TTL);
	EXPECT(snowid_generator_try_next(g, &id, &wait_ns), SNOWID_E_LIMIT);
	EXPECT_DETAIL("has lost its worker");
	ck_assert_uint_gt(wait_ns, 0);
	EXPECT(snowid_generator_next_for(g, SEC, &id), SNOWID_E_LIMIT);
	OK(snowid_generator_close(g, SEC));
	EXPECT(snowid_generator_try_next(g, &id, &wait_ns), SNOWID_E_CLOSED);
	snowid_generator_free(g);
}

TEST(close_releases)
{
	struct snowid_generator *const g = open_generator();
	const struct sn_record *const record = &server.records[worker_of(g)];
	const uint64_t id = next(g);
	uint64_t other;

	OK(snowid_generator_close(g, SEC));
	ck_assert(record->released && !record->held);
	const uint64_t epoch_ms = UINT64_C(1609459200000); /* of snowflake: 2021-01-01 */
	ck_assert_uint_eq(record->last_tick, id >> 22);
	ck_assert_uint_eq((id >> 22) + epoch_ms, START * UINT64_C(1000) + 1);
	EXPECT(snowid_generator_next(g, &other), SNOWID_E_CLOSED);
	OK(snowid_generator_close(g, SEC));
	snowid_generator_free(g);
}

TEST(close_in_silence)
{
	struct snowid_generator *const g = open_generator();
	uint64_t id;

	server.silent = true;
	EXPECT(snowid_generator_close(g, SEC), SNOWID_E_STORE);
	EXPECT_DETAIL("did not confirm");
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_CLOSED);
	snowid_generator_free(g);
}

TEST(open_in_silence)
{
	struct snowid_generator *g = NULL;

	server.silent = true;
	EXPECT(try_open(&g), SNOWID_E_STORE);
	EXPECT_DETAIL("does not answer");
	ck_assert(server.closed);
	ck_assert_ptr_null(g);
}

/* ---- children -------------------------------------------------------------------------------- */

static void use_and_free(struct snowid_generator *g)
{
	uint64_t id;

	for (int i = 0; i < 5; i++)
		next(g);
	OK(snowid_generator_close(g, SEC));
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_CLOSED);
	snowid_generator_free(g);
	if (!server.closed || !server.inherited)
		_exit(1);
}

TEST(child_shares_and_touches_nothing)
{
	struct snowid_generator *const g = open_generator();
	const uint64_t before = next(g);

	/* Whoever took this in the child would hang. */
	pthread_mutex_lock(&server.mutex);
	in_child(use_and_free, g);
	pthread_mutex_unlock(&server.mutex);
	ck_assert_uint_eq(next(g), before + 6);
	ck_assert(!server.closed);
	snowid_generator_free(g);
}

static void expect_other_worker(struct snowid_generator *g)
{
	next(g);
}

/* A child that was made before the loss goes on under the new worker, as its parent does. */
TEST(child_follows)
{
	struct snowid_generator *const g = open_generator();
	const uint64_t lost = worker_of(g);
	int go[2], status;

	ck_assert_int_eq(pipe(go), 0);
	const pid_t pid = fork();
	if (pid == 0) {
		char byte;
		close(go[1]);
		while (read(go[0], &byte, 1) > 0)
			;
		expect_other_worker(g);
		_exit(worker_of(g) == 7 - lost ? 0 : 1);
	}
	take_away(lost);
	pass(TTL);
	close(go[1]);
	close(go[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	snowid_generator_free(g);
}

static void expect_closed(struct snowid_generator *g)
{
	uint64_t id;
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_CLOSED);
}

TEST(close_reaches_children)
{
	struct snowid_generator *const g = open_generator();
	OK(snowid_generator_close(g, SEC));
	in_child(expect_closed, g);
	snowid_generator_free(g);
}

/* Opens, as a program would that then goes on in a child of a child: to the limit, and no further. */
TEST(daemon_without_its_opener)
{
	int report[2];
	char verdict = 0;

	ck_assert_int_eq(pipe(report), 0);
	const pid_t child = fork();
	if (child == 0) {
		const pid_t opener = getpid();
		server.test = pthread_self();
		static struct snowid_generator *g; /* what its opener leaves is no leak */
		g = open_generator();
		if (fork() != 0)
			_exit(0);
		while (kill(opener, 0) == 0) /* until its parent has reaped it */
			usleep(1000);
		uint64_t id;
		next(g);
		OK(snowid_clock_advance(the_clock, TTL));
		EXPECT(snowid_generator_next(g, &id), SNOWID_E_STORE);
		EXPECT_DETAIL("after daemonizing");
		snowid_generator_free(g);
		verdict = 'y';
		_exit(write(report[1], &verdict, 1) == 1 ? 0 : 1);
	}
	close(report[1]);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq(read(report[0], &verdict, 1), 1);
	close(report[0]);
	ck_assert_int_eq(verdict, 'y');
}

int main(void)
{
	return run_tests(set_up, tear_down);
}
