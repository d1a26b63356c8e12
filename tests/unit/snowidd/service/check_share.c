/* SPDX-License-Identifier: MIT
 *
 * Who gets the IDs when more are asked for than there are, by a clock that the test moves.
 */
#include "snowidd/net/waiting.h"
#include "tests/unit/generators.h"
#include "tests/unit/snowidd/service_fixture.h"
#include "tests/unit/wrap.h"

#define BATCHES    1000
#define BATCH      10000
#define REQUESTS   (BATCHES + 10)
#define LONG       (3600 * SEC) /* that a request may wait */
#define MANY_TICKS (BATCHES * BATCH / 256 + 10)

/* The kinds have 8, 12 and 22 bits of sequence, in ticks of 1 ms, and of 10 ms. */
static char kinds[] = "--kinds=bits12=time:41,worker:10,sequence:12 "
		      "bits8=time:41,worker:10,sequence:8 bits22=time:41,worker:1,sequence:22 "
		      "slow8=time:39,worker:16,sequence:8;unit=10ms";
enum { BITS12, BITS8, BITS22, SLOW8, KINDS };

/* A request in the queues of a loop, of which there are two. */
struct request {
	struct waiter waiter;
	struct id_request ids;
	size_t loop;
	enum refusal refusal;
	bool waits;
	unsigned place; /* among those that have ended, from 1 */
};

static struct snowid_clock *test_clock;
static uint64_t elapsed;
static struct waiting loops[2];
static struct request *requests;
static size_t request_count;
static unsigned ended;

uint64_t test_elapsed_ns(void) WRAP("elapsed_ns");
uint64_t test_elapsed_ns(void)
{
	return elapsed;
}

static void pass_time(uint64_t ns)
{
	elapsed += ns;
	OK(snowid_clock_advance(test_clock, ns));
}

static void use_test_clock(struct served_kind *kind)
{
	struct snowid_config *config;

	snowid_generator_free(kind->generator);
	OK(snowid_config_new(&config));
	OK(snowid_config_set_kind(config, kind->spec));
	OK(snowid_config_set_store(config, "memory:"));
	OK(snowid_config_set_clock(config, test_clock));

	OK(snowid_config_set_field(config, "worker", 1));
	OK(snowid_generator_new(config, &kind->generator));
	snowid_config_free(config);
}

static void begin(void)
{
	static char many[] = "--limits-count=1000000";
	char *options[] = {kinds, many, NULL};

	service_fixture_open(options);
	test_clock = manual_clock(START);
	elapsed = (uint64_t)SEC;
	for (size_t i = 0; i < KINDS; i++)
		use_test_clock(service_kind_at(service, i));
	pass_time(20 * (uint64_t)MS); /* the tick of the beginning has no IDs */
	for (size_t i = 0; i < 2; i++)
		waiting_init(&loops[i]);
	requests = calloc(REQUESTS, sizeof *requests);
	request_count = ended = 0;
}

static void end(void)
{
	for (size_t i = 0; i < request_count; i++)
		id_request_free(&requests[i].ids);
	free(requests);
	service_fixture_close();
	snowid_clock_free(test_clock);
}

static void fill(struct request *request, uint64_t timeout_ns)
{
	uint64_t wait_ns;

	request->refusal = service_fill(service, &request->ids, timeout_ns,
					service_counters(service, request->loop), &wait_ns);
	request->waits = wait_ns > 0;
	const enum phase lane = (enum phase)(PHASE_LANE + id_request_lane(&request->ids));
	if (!request->waits) {
		waiting_remove(&request->waiter);
		request->place = ++ended;
	} else if (!request->waiter.next) {
		waiting_add(&loops[request->loop], &request->waiter, lane, 0);
	}
}

static void resume(struct waiter *waiter, enum wake wake)
{
	ck_assert_int_eq(wake, WAKE_TURN);
	fill(WAITER_OWNER(waiter, struct request, waiter), LONG);
}

static struct request *ask_for(size_t loop, size_t kind, size_t count, uint64_t timeout_ns)
{
	struct request *const request = &requests[request_count++];
	const char *const name = service_kind_at(service, kind)->name;

	request->loop = loop;
	request->waiter.resume = resume;
	ck_assert_int_eq(service_begin(service, &request->ids, name, strlen(name), count,
				       live->settings, service_counters(service, loop)),
			 SERVED);
	fill(request, timeout_ns);
	return request;
}

static bool is_never_over(const void *user)
{
	(void)user;
	return false;
}

static void serve_round(size_t loop)
{
	waiting_serve_lanes(&loops[loop], is_never_over, NULL);
	waiting_take_some(&loops[loop], PHASE_REFUSED, REQUESTS);
}

/* To the next tick, in which each loop has a round. */
static void next_tick(size_t kind)
{
	pass_time((uint64_t)(kind == SLOW8 ? 10 * MS : MS));
	serve_round(0);
	serve_round(1);
}

static uint64_t tick_of_last_id(const struct request *request)
{
	return request->ids.kind->share.ids_per_tick == 0
		       ? 0
		       : request->ids.ids[request->ids.count - 1] >>
				 (request->ids.kind->index == BITS12 ? 22 : 18);
}

/* ---- the order ------------------------------------------------------------------------------- */

static const size_t scarce_kinds[] = {BITS12, BITS8, SLOW8};
#define SCARCE_KINDS (sizeof scarce_kinds / sizeof scarce_kinds[0])

TEST_EACH(a_single_id_is_served_in_the_round_after_it_was_asked_for, SCARCE_KINDS)
{
	const size_t kind = scarce_kinds[nth];

	for (size_t i = 0; i < BATCHES; i++)
		ask_for(i % 2, kind, BATCH, LONG);
	for (unsigned round = 0; round < 5; round++) {
		next_tick(kind);
		for (size_t loop = 0; loop < 2; loop++) {
			const struct request *const one = ask_for(loop, kind, 1, LONG);
			ck_assert(one->waits);
			next_tick(kind);
			ck_assert(!one->waits);
			ck_assert_int_eq(one->refusal, SERVED);
		}
	}
}

/* The batches of one loop leave an ID to the other, whose round comes later. */
TEST(batches_leave_room_for_small_requests_of_all_loops)
{
	for (size_t i = 0; i < BATCHES; i++)
		ask_for(0, BITS12, BATCH, LONG);
	serve_round(0);
	const struct request *const some = ask_for(1, BITS12, 16, LONG);
	ck_assert(some->waits);
	for (unsigned round = 0; round < 3; round++) {
		pass_time((uint64_t)MS);
		serve_round(0);
	}
	serve_round(1);
	ck_assert(!some->waits);
	ck_assert_int_eq(some->refusal, SERVED);
}

/* Not each a part of each tick, which would make all of them late. */
TEST_EACH(batches_are_served_one_after_the_other, SCARCE_KINDS)
{
	const size_t kind = scarce_kinds[nth];

	for (size_t i = 0; i < 10; i++)
		ask_for(0, kind, BATCH, LONG);
	for (unsigned tick = 0; ended < 10; tick++) {
		ck_assert_uint_lt(tick, MANY_TICKS);
		next_tick(kind);
	}
	for (unsigned i = 0; i < 10; i++) {
		ck_assert_uint_eq(requests[i].place, i + 1);
		ck_assert_int_eq(requests[i].refusal, SERVED);
	}
}

TEST(smaller_batches_come_before_larger_ones)
{
	const struct request *const huge = ask_for(0, BITS12, 100000, LONG),
				    *const large = ask_for(0, BITS12, 3000, LONG),
				    *const small = ask_for(0, BITS12, 200, LONG);
	ck_assert_uint_eq(small->place, 1); /* at once, as there are IDs */
	serve_round(0);
	ck_assert_uint_eq(large->place, 2);
	ck_assert(huge->waits);
}

/* All that is left, not a part that is kept for requests that may never come. */
TEST_EACH(batches_get_all_that_small_requests_leave, SCARCE_KINDS)
{
	const size_t kind = scarce_kinds[nth];
	const struct share *const share = &service_kind_at(service, kind)->share;
	const uint64_t ticks = 100, ids = ticks * share->ids_per_tick;

	for (size_t i = 0; i < 10; i++)
		ask_for(0, kind, 1000000, LONG);
	serve_round(0);
	for (uint64_t tick = 1; tick < ticks; tick++) {
		ask_for(0, kind, 1, LONG);
		next_tick(kind);
	}
	ck_assert_uint_eq(service_counters(service, 0)->ids[kind], ids);
}

/* One that has just come is not served before those that wait, in whichever loop. */
TEST(small_requests_are_served_in_the_order_in_which_they_came)
{
	ask_for(0, BITS8, 250, LONG);
	struct request *const first = ask_for(0, BITS8, 16, LONG);
	ck_assert(first->waits);
	pass_time((uint64_t)MS);
	for (size_t i = 0; i < 15; i++)
		ck_assert_int_eq(ask_for(1, BITS8, 16, LONG)->refusal, SERVED);
	const struct request *const last = ask_for(1, BITS8, 16, LONG);
	ck_assert(last->waits);
	serve_round(0);
	ck_assert_int_eq(first->refusal, SERVED);
	ck_assert(!first->waits);
	next_tick(BITS8);
	ck_assert(!last->waits);
	ck_assert_uint_lt(tick_of_last_id(first), tick_of_last_id(last));
}

TEST(where_there_is_no_end_of_ids_batches_wait_for_one_round)
{
	for (size_t i = 0; i < 100; i++)
		ask_for(0, BITS22, BATCH, 0);
	serve_round(0);
	for (unsigned i = 0; i < 100; i++)
		ck_assert_int_eq(requests[i].refusal, SERVED);
}

/* ---- what cannot be served ------------------------------------------------------------------- */

TEST_EACH(what_cannot_be_served_in_time_is_refused_at_once, SCARCE_KINDS)
{
	const size_t kind = scarce_kinds[nth];
	const struct share *const share = &service_kind_at(service, kind)->share;
	const uint64_t batches = share_capacity(share, 2 * SEC) / BATCH;

	for (uint64_t i = 0; i < batches; i++)
		ck_assert(ask_for(i % 2, kind, BATCH, 2 * SEC)->waits);
	const struct request *const late = ask_for(0, kind, 10 * BATCH, 2 * SEC);
	ck_assert_uint_eq(id_request_lane(&late->ids), LANES);
	serve_round(0);
	ck_assert(!late->waits);
	ck_assert_int_eq(late->refusal, REFUSED_EXHAUSTED);
	ck_assert_uint_eq(late->ids.made, 0);
	const struct request *const one = ask_for(0, kind, 1, 2 * SEC);
	next_tick(kind);
	ck_assert_int_eq(one->refusal, SERVED);
}

TEST(one_that_is_to_be_refused_is_served_if_others_have_given_up)
{
	for (uint64_t i = 0; i < 3; i++)
		ask_for(0, BITS12, 3000, 0);
	struct request *const last = &requests[2];

	ck_assert_uint_lt(id_request_lane(&requests[1].ids), LANES);
	ck_assert_uint_eq(id_request_lane(&last->ids), LANES);
	for (size_t i = 0; i < 2; i++) {
		waiting_remove(&requests[i].waiter);
		id_request_free(&requests[i].ids);
	}
	serve_round(0);
	ck_assert(!last->waits);
	ck_assert_int_eq(last->refusal, SERVED);
}

/* What is served in the time, to the last ID, from the beginning of a tick on. */
TEST_EACH(what_can_be_served_is_never_refused_at_once, SCARCE_KINDS)
{
	const size_t kind = scarce_kinds[nth];
	const struct share *const share = &service_kind_at(service, kind)->share;
	const uint64_t ticks = (uint64_t)SEC / share->tick_ns + 1;
	const struct request *const all =
		ask_for(0, kind,
			(size_t)(ticks * share->ids_per_tick < 1000000 ? ticks * share->ids_per_tick
								       : 1000000),
			SEC);

	ck_assert(all->waits);
	serve_round(0);
	for (uint64_t tick = 1; tick < ticks; tick++)
		next_tick(kind);
	ck_assert(!all->waits);
	ck_assert_int_eq(all->refusal, SERVED);
}

/* After its deadline a batch does not take a part of a tick, which would be of no use. */
TEST(what_is_late_gets_all_or_nothing)
{
	struct request *const late = ask_for(0, BITS12, 3000, 0);

	ck_assert(late->waits); /* for its first turn */
	ask_for(0, BITS12, 16, LONG);
	uint64_t available;
	for (unsigned i = 0; i < 70; i++)
		ask_for(1, BITS12, 16, LONG);
	OK(snowid_generator_available(late->ids.kind->generator, &available));
	serve_round(0);
	ck_assert(!late->waits);
	ck_assert_int_eq(late->refusal, REFUSED_EXHAUSTED);
	ck_assert_uint_eq(late->ids.made, 0);
}

TEST(one_that_gives_up_leaves_its_ids_to_others)
{
	struct request *const gone = ask_for(1, BITS12, 4096, LONG);
	const struct request *const batch = ask_for(0, BITS12, 4097, LONG);

	serve_round(0);
	ck_assert_uint_eq(batch->ids.made, 0);
	waiting_remove(&gone->waiter);
	id_request_free(&gone->ids);
	serve_round(0);
	ck_assert_uint_eq(batch->ids.made, 4096);
}

/* ---- streams --------------------------------------------------------------------------------- */

TEST(a_stream_shares_with_batches_what_small_requests_leave)
{
	struct share share = {.ids_per_tick = 4096};

	ck_assert_uint_eq(share_of_stream(&share, 1024, 4096), 1024);
	ck_assert_uint_eq(share_of_stream(&share, 1024, 100), 100);
	share.wanted[0] = 96;
	ck_assert_uint_eq(share_of_stream(&share, 1024, 4096), 1024);
	ck_assert_uint_eq(share_of_stream(&share, 1024, 1000), 904);
	ck_assert_uint_eq(share_of_stream(&share, 1024, 96), 0);
	share.wanted[SIZE_CLASSES - 1] = 3 * 1024;
	ck_assert_uint_eq(share_of_stream(&share, 1024, 4096), 1000);
	share.wanted[SIZE_CLASSES - 1] = 10000000;
	ck_assert_uint_eq(share_of_stream(&share, 1024, 4096), 1);
}

/* ---- capacity -------------------------------------------------------------------------------- */

TEST(the_capacity_is_never_too_low)
{
	struct share share = {.tick_ns = MS, .ids_per_tick = 4096};

	ck_assert_uint_eq(share_capacity(&share, 0), 2 * 4096);
	ck_assert_uint_eq(share_capacity(&share, 2 * SEC), (2002 + 7) * 4096);
	share.borrow_ns = (uint64_t)SEC;
	ck_assert_uint_eq(share_capacity(&share, SEC), (2002 + 7) * 4096);
	ck_assert_uint_eq(share_capacity(&share, UINT64_MAX), UINT64_MAX);
	share.ids_per_tick = UINT64_C(1) << 63;
	ck_assert_uint_eq(share_capacity(&share, SEC), UINT64_MAX);
	share = (struct share){.tick_ns = 0};
	ck_assert_uint_eq(share_capacity(&share, 0), UINT64_MAX);
}

TEST(size_classes)
{
	static const size_t counts[] = {1, 16, 17, 256, 257, 4096, 4097, 1000000};

	for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++)
		ck_assert_uint_eq(share_size_class(counts[i]), i / 2);
}

int main(void)
{
	return run_tests(begin, end);
}
