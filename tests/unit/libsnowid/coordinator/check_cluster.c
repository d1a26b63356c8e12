/* SPDX-License-Identifier: MIT
 *
 * The connection and the thread that the generators of a process share.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "libsnowid/base/process.h"
#include "libsnowid/coordinator/cluster.h"
#include "tests/unit/processes.h"

/* ---- a service that answers nothing by itself ------------------------------------------------ */

struct connection {
	struct sn_coordinator base; /* must be the first member (downcast) */
	pthread_mutex_t mutex;
	pthread_cond_t woken_or_answered;
	uint64_t answers; /* that are to be received, with serials counted down to 1 */
	bool woken;
};

/* Shared with children. */
static struct counts {
	_Atomic int opened, closed, inherited, child_opened;
} * counts;

static struct connection *last_connection;
static void (*at_open)(void);
static int open_error;

static struct connection *connection_of(struct sn_coordinator *base)
{
	return (struct connection *)(void *)base;
}

static void connection_send(struct sn_coordinator *base, const struct sn_request *request)
{
	(void)base;
	(void)request;
}

static bool connection_receive(struct sn_coordinator *base, struct sn_answer *answer)
{
	struct connection *const connection = connection_of(base);

	pthread_mutex_lock(&connection->mutex);
	const bool received = connection->answers > 0;
	*answer = (struct sn_answer){.serial = connection->answers};
	connection->answers -= received;
	pthread_mutex_unlock(&connection->mutex);
	return received;
}

static void connection_wait(struct sn_coordinator *base, uint64_t ns)
{
	struct connection *const connection = connection_of(base);

	pthread_mutex_lock(&connection->mutex);
	while (ns > 0 && !connection->woken && connection->answers == 0)
		pthread_cond_wait(&connection->woken_or_answered, &connection->mutex);
	connection->woken = false;
	pthread_mutex_unlock(&connection->mutex);
}

static void connection_wake(struct sn_coordinator *base)
{
	struct connection *const connection = connection_of(base);

	pthread_mutex_lock(&connection->mutex);
	connection->woken = true;
	pthread_cond_signal(&connection->woken_or_answered);
	pthread_mutex_unlock(&connection->mutex);
}

static void connection_close(struct sn_coordinator *base, bool inherited)
{
	counts->closed++;
	counts->inherited += inherited;
	free(connection_of(base));
}

static int open_connection(const struct sn_coordinator_settings *settings,
			   struct sn_coordinator **coordinator, char *why, size_t size)
{
	static const struct sn_coordinator_class class = {connection_send, connection_receive,
							  connection_wait, connection_wake,
							  connection_close};
	struct connection *const made = calloc(1, sizeof *made);

	ck_assert_ptr_nonnull(settings->servers);
	if (at_open)
		at_open();
	if (open_error) {
		snprintf(why, size, "a text that explains it");
		free(made);
		return open_error;
	}
	made->base.class = &class;
	pthread_mutex_init(&made->mutex, NULL);
	pthread_cond_init(&made->woken_or_answered, NULL);
	*coordinator = &made->base;
	last_connection = made;
	counts->opened++;
	return 0;
}

static const struct sn_module module = {SN_MODULE_VERSION, "test:", open_connection};

/* ---- members --------------------------------------------------------------------------------- */

struct observed {
	_Atomic int steps, answers, published, disposed;
	_Atomic uint64_t last_serial;
	atomic_bool ends;
	sigset_t blocked; /* by the thread */
	pthread_mutex_t *hangs_at;
};

struct test_member {
	struct sn_cluster_member base; /* must be the first member (downcast) */
	struct observed *observed;
};

static struct observed *observed_of(struct sn_cluster_member *member)
{
	return ((struct test_member *)(void *)member)->observed;
}

static void member_answer(struct sn_cluster_member *member, const struct sn_answer *answer)
{
	observed_of(member)->answers++;
	observed_of(member)->last_serial = answer->serial;
}

static uint64_t member_step(struct sn_cluster_member *member)
{
	struct observed *const observed = observed_of(member);

	pthread_sigmask(SIG_SETMASK, NULL, &observed->blocked);
	observed->steps++;
	if (observed->hangs_at) {
		pthread_mutex_lock(observed->hangs_at);
		pthread_mutex_unlock(observed->hangs_at);
	}
	member->ended = observed->ends;
	return UINT64_MAX;
}

static void member_publish(struct sn_cluster_member *member)
{
	observed_of(member)->published++;
}

static void member_dispose(struct sn_cluster_member *member)
{
	observed_of(member)->disposed++;
	free(member);
}

static struct sn_cluster_member *join(struct sn_cluster *cluster, struct observed *observed)
{
	static const struct sn_cluster_member_class class = {member_answer, member_step,
							     member_publish, member_dispose};
	struct test_member *const member = calloc(1, sizeof *member);

	ck_assert_ptr_nonnull(member);
	member->base.class = &class;
	member->observed = observed;
	sn_cluster_join(cluster, &member->base);
	return &member->base;
}

/* ---- the tests' own -------------------------------------------------------------------------- */

static struct sn_coordinator_settings settings;
static bool waits_time_out; /* as if a module had not returned for long */
static bool no_threads;

int wrap_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
		   const struct timespec *end) __asm__("__wrap_pthread_cond_timedwait");
int real_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
		   const struct timespec *end) __asm__("__real_pthread_cond_timedwait");
int wrap_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
		void *argument) __asm__("__wrap_pthread_create");
int real_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
		void *argument) __asm__("__real_pthread_create");

int wrap_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *end)
{
	return waits_time_out ? ETIMEDOUT : real_timedwait(condition, mutex, end);
}

int wrap_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
		void *argument)
{
	return no_threads ? EAGAIN : real_create(thread, attributes, run, argument);
}

static void cluster_setup(void)
{
	OK(sn_process_init());
	counts = shared_memory(sizeof *counts);
	settings = (struct sn_coordinator_settings){.servers = "one:1,two:2"};
}

static struct sn_cluster *get(void)
{
	struct sn_cluster *cluster = NULL;
	OK(sn_cluster_get(&module, &settings, &cluster));
	return cluster;
}

static void wait_until_at_least(const _Atomic int *count, int value)
{
	while (*count < value)
		usleep(100);
}

/* ---- one connection -------------------------------------------------------------------------- */

TEST(generators_of_one_service_share_a_connection)
{
	struct sn_cluster *const first = get(), *const second = get();

	ck_assert_ptr_eq(first, second);
	ck_assert_int_eq(counts->opened, 1);
	sn_cluster_put(first);
	ck_assert_int_eq(counts->closed, 0);
	sn_cluster_put(second);
	ck_assert_int_eq(counts->closed, 1);
	sn_cluster_put(get());
	ck_assert_int_eq(counts->opened, 2);
	ck_assert_int_eq(counts->closed, 2);
	ck_assert_int_eq(counts->inherited, 0);
}

TEST_EACH(each_other_setting_needs_a_connection_of_its_own, 8)
{
	struct sn_coordinator_settings other = settings;
	const char **const texts[] = {&other.servers,   &other.ca_file, &other.cert_file,
				      &other.key_file,  &other.user,    &other.password_file,
				      &other.token_file};
	struct sn_cluster *const first = get(), *second = NULL;

	if (nth < 7)
		*texts[nth] = "other";
	else
		other.tls = true;
	OK(sn_cluster_get(&module, &other, &second));
	ck_assert_ptr_ne(first, second);
	ck_assert_int_eq(counts->opened, 2);
	sn_cluster_put(first);
	sn_cluster_put(second);
	ck_assert_int_eq(counts->closed, 2);
}

TEST(texts_are_kept_once_and_outlive_their_origin)
{
	struct sn_cluster *const cluster = get();
	char path[] = "/id-generator";
	const char *const kept = sn_cluster_text(cluster, path);

	ck_assert_ptr_eq(sn_cluster_text(cluster, "/id-generator"), kept);
	ck_assert_ptr_ne(sn_cluster_text(cluster, "/id"), kept);
	path[1] = 'x';
	ck_assert_str_eq(kept, "/id-generator");
	sn_cluster_put(cluster);
}

TEST(connection_that_cannot_be_made_is_an_error)
{
	struct sn_cluster *cluster = NULL;

	open_error = SNOWID_E_STORE;
	EXPECT(sn_cluster_get(&module, &settings, &cluster), SNOWID_E_STORE);
	EXPECT_DETAIL("cannot use test://one:1,two:2: a text that explains it");
	open_error = 0;
	sn_cluster_put(get());
}

TEST(missing_thread_is_an_error)
{
	struct sn_cluster *cluster = NULL;

	no_threads = true;
	EXPECT(sn_cluster_get(&module, &settings, &cluster), -EAGAIN);
	EXPECT_DETAIL("cannot start the thread");
	ck_assert_int_eq(counts->closed, 1);
	no_threads = false;
	sn_cluster_put(get());
}

/* ---- members --------------------------------------------------------------------------------- */

TEST(every_member_is_shown_every_answer)
{
	struct observed first = {.steps = 0}, second = {.steps = 0};
	struct sn_cluster *const cluster = get();
	struct sn_cluster_member *const a = join(cluster, &first), *const b = join(get(), &second);

	wait_until_at_least(&first.published, 1);
	wait_until_at_least(&second.published, 1);
	pthread_mutex_lock(&last_connection->mutex);
	last_connection->answers = 3;
	pthread_cond_signal(&last_connection->woken_or_answered);
	pthread_mutex_unlock(&last_connection->mutex);
	wait_until_at_least(&first.answers, 3);
	wait_until_at_least(&second.answers, 3);
	ck_assert_uint_eq(first.last_serial, 1);
	sn_cluster_leave(cluster, a, 0);
	ck_assert_int_eq(first.disposed, 1);
	ck_assert_int_eq(second.disposed, 0);
	ck_assert_int_eq(counts->closed, 0);
	sn_cluster_leave(cluster, b, 0);
	ck_assert_int_eq(second.disposed, 1);
	ck_assert_int_eq(counts->closed, 1);
}

TEST(member_is_stepped_and_published_when_it_is_woken)
{
	struct observed observed = {.steps = 0};
	struct sn_cluster *const cluster = get();
	struct sn_cluster_member *const member = join(cluster, &observed);

	for (int i = 1; i < 10; i++) {
		wait_until_at_least(&observed.published, i);
		ck_assert_int_ge(observed.steps, observed.published);
		sn_cluster_wake(cluster);
	}
	sn_cluster_leave(cluster, member, 0);
}

/* As a claim that is taken back after its opener has given up. */
TEST(member_may_be_given_time_to_end_by_itself)
{
	struct observed observed = {.steps = 0}, other = {.steps = 0};
	struct sn_cluster *cluster = get();

	sn_cluster_leave(cluster, join(cluster, &observed), UINT64_MAX / 4);
	ck_assert_int_eq(observed.disposed, 0);
	ck_assert_int_eq(counts->closed, 0);
	cluster = get(); /* the same connection */
	struct sn_cluster_member *const member = join(cluster, &other);
	ck_assert_int_eq(counts->opened, 1);
	observed.ends = true;
	sn_cluster_wake(cluster);
	wait_until_at_least(&observed.disposed, 1);
	ck_assert_int_eq(other.disposed, 0);
	sn_cluster_leave(cluster, member, 0);
	ck_assert_int_eq(counts->closed, 1);
}

TEST(time_of_a_member_that_does_not_end_is_bounded)
{
	struct observed observed = {.steps = 0};
	struct sn_cluster *const cluster = get();

	sn_cluster_leave(cluster, join(cluster, &observed), 1);
	ck_assert_int_eq(observed.disposed, 1);
	ck_assert_int_eq(counts->closed, 1);
}

TEST(signals_are_left_to_the_threads_of_the_program)
{
	struct observed observed = {.steps = 0};
	struct sn_cluster *const cluster = get();
	struct sn_cluster_member *const member = join(cluster, &observed);
	sigset_t own;

	wait_until_at_least(&observed.published, 1);
	sn_cluster_leave(cluster, member, 0);
	for (int signal = 1; signal < SIGRTMAX - 1; signal++) { /* qemu-user needs the last two */
		const bool by_instruction = signal == SIGSEGV || signal == SIGBUS ||
					    signal == SIGFPE || signal == SIGILL ||
					    signal == SIGTRAP || signal == SIGABRT ||
					    signal == SIGSYS;
		const bool of_kernel = signal == SIGKILL || signal == SIGSTOP ||
				       (signal >= 32 && signal < SIGRTMIN);
		ck_assert_msg(of_kernel ||
				      sigismember(&observed.blocked, signal) == !by_instruction,
			      "signal %d", signal);
	}
	pthread_sigmask(SIG_SETMASK, NULL, &own);
	ck_assert(!sigismember(&own, SIGTERM));
}

/* What the thread uses is freed once it comes back. */
TEST(module_that_hangs_does_not_block_closing)
{
	static pthread_mutex_t hang = PTHREAD_MUTEX_INITIALIZER;
	struct observed observed = {.hangs_at = &hang};
	struct sn_cluster *const cluster = get();

	pthread_mutex_lock(&hang);
	struct sn_cluster_member *const member = join(cluster, &observed);
	wait_until_at_least(&observed.steps, 1);
	waits_time_out = true;
	sn_cluster_leave(cluster, member, 0);
	waits_time_out = false;
	ck_assert_int_eq(observed.disposed, 0);
	pthread_mutex_unlock(&hang);
	wait_until_at_least(&counts->closed, 1);
	ck_assert_int_eq(observed.disposed, 1);
	ck_assert_int_eq(observed.published, 0); /* nor anything else that the program may free */
}

/* ---- clocks ---------------------------------------------------------------------------------- */

TEST(manual_clock_goes_on_while_there_is_nothing_to_do)
{
	struct observed observed = {.steps = 0};
	struct snowid_clock *manual = NULL;
	uint64_t elapsed_ns = 0;

	OK(snowid_clock_new_manual(START, 0, &manual));
	struct sn_cluster *const cluster = get();
	struct sn_cluster_member *const member = join(cluster, &observed);
	sn_cluster_lock(cluster);
	while (elapsed_ns == 0) {
		OK(sn_cluster_await(cluster, manual, 3 * SEC));
		OK(snowid_clock_read(manual, NULL, NULL, &elapsed_ns));
	}
	sn_cluster_unlock(cluster);
	ck_assert_int_gt(observed.published, 0);
	ck_assert_uint_eq(elapsed_ns, 3 * SEC);
	sn_cluster_leave(cluster, member, 0);
	snowid_clock_free(manual);
}

/* ---- children -------------------------------------------------------------------------------- */

/* ThreadSanitizer does not notice a raw fork, and ends a child that starts a thread. */
#ifdef __SANITIZE_THREAD__
static const bool under_tsan = true;
#else
static const bool under_tsan = false;
#endif
static pid_t (*const forks[])(void) = {fork, raw_fork};

TEST_EACH(child_uses_nothing_of_its_parent, 2)
{
	if (under_tsan && nth == 1)
		return;
	struct observed *const observed = shared_memory(2 * sizeof *observed);
	struct sn_cluster *const cluster = get();
	struct sn_cluster_member *const first = join(cluster, &observed[0]);
	struct sn_cluster_member *const second = join(get(), &observed[1]);

	wait_until_at_least(&observed[1].published, 1);
	sn_cluster_lock(cluster); /* a child that locked it too would hang */
	const pid_t child = forks[nth]();
	if (child == 0) {
		sn_cluster_leave_inherited(cluster, first);
		const bool open = counts->closed == 0;
		sn_cluster_leave_inherited(cluster, second);
		_exit(open && counts->closed == 1 && counts->inherited == 1 ? 0 : 1);
	}
	expect_success(child);
	sn_cluster_unlock(cluster);
	ck_assert_int_eq(observed[0].disposed, 1);
	sn_cluster_leave(cluster, first, 0);
	sn_cluster_leave(cluster, second, 0);
	ck_assert_int_eq(counts->closed, 2);
	ck_assert_int_eq(counts->inherited, 1);
}

TEST_EACH(child_makes_a_connection_of_its_own, 2)
{
	if (under_tsan || (forks[nth] == raw_fork && !kernel_wipes()))
		return;
	struct sn_cluster *const cluster = get();
	const pid_t child = forks[nth]();

	if (child == 0) {
		struct sn_cluster *const own = get();
		const bool is_other = own != cluster && counts->opened == 2;
		sn_cluster_put(own);
		_exit(is_other && counts->closed == 1 && counts->inherited == 0 ? 0 : 1);
	}
	expect_success(child);
	sn_cluster_put(cluster);
}

static pid_t child_of_open;

static void fork_while_opening(void)
{
	at_open = NULL;
	child_of_open = fork();
	if (child_of_open == 0) {
		sn_cluster_put(get());
		_exit(0);
	}
}

/* The table is locked then. */
TEST(child_that_is_forked_while_another_thread_opens_is_not_blocked)
{
	at_open = fork_while_opening;
	struct sn_cluster *const cluster = get();
	expect_success(child_of_open);
	sn_cluster_put(cluster);
}

int main(void)
{
	return run_tests(cluster_setup, NULL);
}
