/* SPDX-License-Identifier: MIT
 *
 * What the daemon does, whatever it is asked through: refusals that no client can bring about.
 */
#include "snowidd/base/log.h"
#include "snowidd/config/sources.h"
#include "snowidd/service/service.h"
#include "tests/unit/check.h"

struct fixture {
	struct settings *settings;
	struct service *service;
	struct id_request ids;
};

static struct fixture start(void)
{
	static char kinds[] = "--kinds=snowflake ulid", worker[] = "--worker-id=1",
		    store[] = "--store=memory:", count[] = "--limits-count=5";
	static char *options[] = {kinds, worker, store, count, NULL};
	struct fixture f = {.settings = NULL};
	struct settings_error error;

	log_open(LOG_LEVEL_ERROR, false, false);
	f.settings = settings_load(options, "/dev/null", &error);
	ck_assert_msg(f.settings != NULL, "%s", error.text);
	f.service = service_new(f.settings, &error);
	ck_assert_msg(f.service != NULL, "%s", error.text);
	return f;
}

static void end(struct fixture *f)
{
	service_free(f->service);
	settings_free(f->settings);
}

static enum refusal ask(struct fixture *f, const char *kind, uint64_t want)
{
	f->ids = (struct id_request){.kind = NULL};
	return service_begin(f->service, &f->ids, kind, strlen(kind), want, f->settings,
			     service_counters(f->service, 0));
}

static enum refusal take(struct fixture *f)
{
	uint64_t wait_ns;
	const enum refusal refusal =
		service_fill(f->service, &f->ids, 0, service_counters(f->service, 0), &wait_ns);

	id_request_free(&f->ids);
	return refusal;
}

static enum refusal health(struct fixture *f)
{
	struct health state;

	service_health(f->service, &state);
	ck_assert_int_eq(state.ready, state.refusal == SERVED && !*state.reason);
	return state.refusal;
}

TEST(what_is_asked_for_is_checked_before_it_is_taken)
{
	struct fixture f = start();

	ck_assert_int_eq(ask(&f, "", 5), SERVED);
	ck_assert_int_eq(ask(&f, "ulid", 1), SERVED);
	ck_assert_int_eq(ask(&f, "ulid", 0), REFUSED_COUNT);
	ck_assert_int_eq(ask(&f, "", 6), REFUSED_COUNT);
	ck_assert_int_eq(ask(&f, "", UINT64_MAX), REFUSED_COUNT);
	ck_assert_int_eq(ask(&f, "uuid7", 1), REFUSED_KIND);
	ck_assert_uint_eq(service_counters(f.service, 0)->errors[REFUSED_COUNT], 3);
	ck_assert_uint_eq(service_counters(f.service, 0)->ids[0], 0);
	end(&f);
}

TEST(each_cause_is_lifted_by_itself)
{
	struct fixture f = start();

	service_refuse(f.service, REFUSED_CONFLICT, "a peer has it");
	service_refuse(f.service, REFUSED_CLOCK, "the clock is wrong");
	ck_assert_int_eq(ask(&f, "", 1), REFUSED_CLOCK);
	service_refuse(f.service, REFUSED_CLOCK, NULL);
	ck_assert_int_eq(ask(&f, "", 1), REFUSED_CONFLICT);
	ck_assert_int_eq(health(&f), REFUSED_CONFLICT);
	service_refuse(f.service, REFUSED_CONFLICT, NULL);
	ck_assert_int_eq(ask(&f, "", 1), SERVED);
	/* Between asking and taking the clock may turn out to be wrong. */
	service_refuse(f.service, REFUSED_CLOCK, "the clock is wrong");
	ck_assert_int_eq(take(&f), REFUSED_CLOCK);
	end(&f);
}

/* As a store does when it says that another has the worker. */
TEST(a_worker_that_is_lost_is_a_conflict)
{
	struct fixture f = start();

	ck_assert_int_eq(ask(&f, "", 1), SERVED);
	OK(snowid_generator_close(service_kind_at(f.service, 0)->generator, 0));
	ck_assert_int_eq(take(&f), REFUSED_CONFLICT);
	ck_assert_int_eq(health(&f), REFUSED_CONFLICT);
	service_drain(f.service);
	ck_assert_int_eq(ask(&f, "", 1), SERVED);
	ck_assert_int_eq(take(&f), REFUSED_STOPPING);
	end(&f);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
