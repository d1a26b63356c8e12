/* SPDX-License-Identifier: MIT
 *
 * What the daemon does, whatever it is asked through: IDs, and refusals that no client can cause.
 */
#include <math.h>

#include "snowidd/base/elapsed.h"
#include "snowidd/service/health.h"
#include "tests/unit/snowidd/service_fixture.h"

static struct id_request ids;

static void open_service(void)
{
	service_fixture_open(NULL);
}

static enum refusal begin_ids(const char *kind, uint64_t count)
{
	ids = (struct id_request){.kind = NULL};
	return service_begin(service, &ids, kind, strlen(kind), count, live->settings,
			     service_counters(service, 0));
}

static enum refusal fill_ids(void)
{
	uint64_t wait_ns;
	const enum refusal refusal =
		service_fill(service, &ids, 0, service_counters(service, 0), &wait_ns);

	id_request_free(&ids);
	return refusal;
}

static enum refusal health_refusal(void)
{
	struct health health;

	service_health(service, &health);
	ck_assert_int_eq(health.ready, health.refusal == SERVED && !*health.reason);
	return health.refusal;
}

TEST(a_request_is_checked_before_ids_are_made)
{
	ck_assert_int_eq(begin_ids("", 5), SERVED);
	ck_assert_int_eq(begin_ids("ulid", 1), SERVED);
	ck_assert_int_eq(begin_ids("ulid", 0), REFUSED_COUNT);
	ck_assert_int_eq(begin_ids("", 6), REFUSED_COUNT);
	ck_assert_int_eq(begin_ids("", UINT64_MAX), REFUSED_COUNT);
	ck_assert_int_eq(begin_ids("uuid1", 1), REFUSED_KIND);
	ck_assert_uint_eq(service_counters(service, 0)->errors[REFUSED_COUNT], 3);
	ck_assert_uint_eq(service_counters(service, 0)->ids[0], 0);
}

TEST(ids_are_made_and_counted)
{
	uint64_t wait_ns;

	for (size_t i = 0; i < service_kinds(service); i++) {
		struct counters *const counters = service_counters(service, 1);
		const struct served_kind *const kind = service_kind_at(service, i);
		ck_assert_ptr_eq(service_kind(service, kind->name, strlen(kind->name)), kind);
		ck_assert_int_eq(begin_ids(kind->name, 3), SERVED);
		/* The first tick of a generator may not have begun. */
		while (service_fill(service, &ids, SEC, counters, &wait_ns) != SERVED)
			ck_assert_uint_gt(wait_ns, 0);
		ck_assert_uint_eq(ids.made, 3);
		if (kind->type == KIND_LAYOUT)
			ck_assert_uint_lt(ids.ids[1], ids.ids[2]);
		else
			ck_assert_int_lt(snowid_id128_compare(&ids.ids128[1], &ids.ids128[2]), 0);
		ck_assert_uint_eq(counters->ids[i], 3);
		id_request_free(&ids);
	}
}

TEST(each_cause_is_lifted_by_itself)
{
	service_refuse(service, REFUSED_CONFLICT, "a peer has it");
	service_refuse(service, REFUSED_CLOCK, "the clock is wrong");
	ck_assert_int_eq(begin_ids("", 1), REFUSED_CLOCK);
	service_refuse(service, REFUSED_CLOCK, NULL);
	ck_assert_int_eq(begin_ids("", 1), REFUSED_CONFLICT);
	ck_assert_int_eq(health_refusal(), REFUSED_CONFLICT);
	service_refuse(service, REFUSED_CONFLICT, NULL);
	ck_assert_int_eq(begin_ids("", 1), SERVED);
	/* The clock may turn out to be wrong while a request waits. */
	service_refuse(service, REFUSED_CLOCK, "the clock is wrong");
	ck_assert_int_eq(fill_ids(), REFUSED_CLOCK);
}

TEST(a_peer_with_the_same_worker_is_a_conflict)
{
	ck_assert(service_report_conflict(service, "b:8080 has the same worker_id=1"));
	ck_assert_int_eq(begin_ids("", 1), REFUSED_CONFLICT);
	ck_assert(service_is_contested(service));
	ck_assert(!service_report_conflict(service, NULL));
	ck_assert_int_eq(begin_ids("", 1), SERVED);
	ck_assert(!service_is_contested(service));
}

/* As a store does that reports another owner of the worker. */
TEST(a_worker_that_is_lost_is_a_conflict)
{
	ck_assert_int_eq(begin_ids("", 1), SERVED);
	OK(snowid_generator_close(service_kind_at(service, 0)->generator, 0));
	ck_assert_int_eq(fill_ids(), REFUSED_CONFLICT);
	ck_assert_int_eq(health_refusal(), REFUSED_CONFLICT);
	service_drain(service);
	ck_assert_int_eq(begin_ids("", 1), SERVED);
	ck_assert_int_eq(fill_ids(), REFUSED_STOPPING);
}

/* From then on, the keeper has as long as a request may wait. */
TEST(until_its_first_renewal_a_store_has_the_limit_of_when_it_was_opened)
{
	const uint64_t before = elapsed_ns();

	service_fixture_close();
	open_service();
	for (size_t i = 0; i < service_kinds(service); i++)
		ck_assert_uint_ge(atomic_load(&service_kind_at(service, i)->limit_at_ns), before);
}

TEST(a_store_in_memory_has_no_limit)
{
	struct owner owner;

	ck_assert_uint_eq(service_maintain(service), UINT64_MAX);
	for (size_t i = 0; i < service_kinds(service); i++) {
		service_owner(service, service_kind_at(service, i), &owner);
		ck_assert_int_eq(owner.state, OWNER_READY);
		ck_assert(isinf(owner.seconds_left));
	}
	ck_assert_int_eq(health_refusal(), SERVED);
}

int main(void)
{
	return run_tests(open_service, service_fixture_close);
}
