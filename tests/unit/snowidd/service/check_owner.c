/* SPDX-License-Identifier: MIT
 *
 * The state of the owner of a worker, as health and metrics show it, with a coordinator: a service
 * that all hosts ask for their worker, and that may fall silent or give the worker to another.
 */
#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

#include "snowidd/peer_identity.h"
#include "snowidd/service/health.h"
#include "snowidd/service/metrics.h"
#include "tests/unit/generators.h"
#include "tests/unit/libsnowid/coordinator/managed_store.h"
#include "tests/unit/snowidd/service_fixture.h"

/* The generator of the service has the clock of the test. */
int real_config_new(struct snowid_config **config) __asm__("__real_snowid_config_new");
int wrap_config_new(struct snowid_config **config) __asm__("__wrap_snowid_config_new");

int wrap_config_new(struct snowid_config **config)
{
	const int error = real_config_new(config);
	return error ? error : snowid_config_set_clock(*config, manual);
}

static struct health health;
static struct owner owner;
static struct buffer metrics;

static void open_managed_service(void)
{
	static char kinds[] = "--kinds=snowflake", worker[] = "--worker-id=auto",
		    store[] = "--store=etcd://test/id-generator";
	char *options[] = {kinds, worker, store, NULL};

	manual = manual_clock(START);
	fake_coordinator_init(&coordinator, manual);
	first_worker = 3;
	last_worker = 4;
	service_fixture_open(options);
	OK(snowid_clock_advance(manual, MS));
}

static void close_managed_service(void)
{
	service_fixture_close();
	snowid_clock_free(manual);
	buffer_free(&metrics);
}

/* What all that is shown comes from, after a visit of the keeper. */
static void read_state(void)
{
	service_maintain(service);
	service_owner(service, service_kind_at(service, 0), &owner);
	service_health(service, &health);
	buffer_clear(&metrics);
	metrics_write(&metrics, service, live);
	buffer_bytes(&metrics, "", 1);
}

static void expect_metric(const char *line)
{
	ck_assert_msg(strstr(metrics.data, line) != NULL, "%s is not in: %s", line, metrics.data);
}

static void expect_ready(void)
{
	read_state();
	ck_assert_int_eq(owner.state, OWNER_READY);
	ck_assert_str_eq(owner.reason, "");
	ck_assert_str_eq(health_status(&health), "healthy");
	ck_assert(health.ready && isinf(health.seconds_left));
	expect_metric("snowid_store_failing{kind=\"snowflake\"} 0");
	expect_metric("snowid_owner_state{kind=\"snowflake\",state=\"ready\"} 1");
}

TEST(owner_of_a_renewed_worker_is_ready)
{
	for (int i = 0; i < 20; i++) {
		advance_in_steps(SEC);
		expect_ready();
		ck_assert(owner.seconds_left > 4.8 && owner.seconds_left < 7.502);
	}
	ck_assert_str_eq(health_scope(&health), "fleet");
}

TEST(owner_is_degraded_while_the_coordinator_is_silent_and_says_for_how_long)
{
	coordinator.silent = true;
	advance_in_steps(4 * SEC);
	read_state();
	ck_assert_int_eq(owner.state, OWNER_DEGRADED);
	ck_assert_double_eq_tol(owner.seconds_left, 3.5, 0.002);
	ck_assert_str_eq(health_status(&health), "degraded");
	ck_assert(health.ready);
	ck_assert_double_eq(health.seconds_left, owner.seconds_left);
	ck_assert_ptr_nonnull(strstr(health.reason, "the store of snowflake cannot be renewed: "));
	ck_assert_ptr_nonnull(strstr(health.reason, "does not answer"));
	expect_metric("snowid_store_limit_ahead_seconds{kind=\"snowflake\"} 3.5");
	expect_metric("snowid_owner_state{kind=\"snowflake\",state=\"ready\"} 0");
	expect_metric("snowid_owner_state{kind=\"snowflake\",state=\"degraded\"} 1");
	expect_metric("snowid_store_failing{kind=\"snowflake\"} 1");
	expect_metric("snowid_healthy 1");
}

TEST(owner_refuses_at_the_limit_until_the_coordinator_answers)
{
	coordinator.silent = true;
	advance_in_steps(8 * SEC);
	read_state();
	ck_assert_int_eq(owner.state, OWNER_REFUSED);
	ck_assert_int_eq(owner.refusal, REFUSED_STORE);
	ck_assert_double_eq(owner.seconds_left, 0);
	ck_assert_str_eq(health_status(&health), "unhealthy");
	ck_assert_int_eq(health.refusal, REFUSED_STORE);
	ck_assert(!health.ready);
	ck_assert_ptr_nonnull(strstr(health.reason, "does not answer"));
	expect_metric("snowid_healthy 0");
	coordinator.silent = false;
	advance_in_steps(TTL);
	expect_ready();
}

TEST(owner_that_has_lost_its_worker_refuses)
{
	for (uint64_t worker = first_worker; worker <= last_worker; worker++) {
		give_worker_to_another(worker);
		coordinator.records[worker].held = true;
	}
	advance_in_steps(TTL);
	read_state();
	ck_assert_int_eq(owner.state, OWNER_REFUSED);
	ck_assert_int_eq(owner.refusal, REFUSED_STORE);
	ck_assert_ptr_nonnull(strstr(owner.reason, "has no worker left"));
	ck_assert(!health.ready);
}

/* What is logged when the changes are looked at. */
static const char *log_of_changes(void)
{
	static char text[4000];
	const int before = dup(STDERR_FILENO), file = memfd_create("log", MFD_CLOEXEC);

	log_open(LOG_LEVEL_INFO, false, false);
	dup2(file, STDERR_FILENO);
	service_log_changes(service);
	dup2(before, STDERR_FILENO);
	close(before);
	const ssize_t length = pread(file, text, sizeof text - 1, 0);
	ck_assert_int_ge(length, 0);
	text[length] = '\0';
	close(file);
	return text;
}

static void expect_worker(uint64_t worker)
{
	struct peer_identity identity;
	char label[100], field[40];

	read_state();
	ck_assert_str_eq(health.fields[1].name, "worker_id");
	ck_assert_uint_eq(health.fields[1].value, worker);
	snprintf(label, sizeof label, ",worker=\"datacenter=0,worker=%u\"} 1", (unsigned)worker);
	expect_metric(label);
	peer_identity_own(service, &identity);
	snprintf(field, sizeof field, "datacenter_id=0 worker_id=%u ", (unsigned)worker);
	ck_assert_str_eq(identity.fields, field);
}

TEST(another_worker_is_shown_and_logged)
{
	uint64_t first, second;
	char from[100], to[100];

	OK(snowid_generator_field(service_kind_at(service, 0)->generator, "worker", &first));
	second = first == first_worker ? last_worker : first_worker;
	expect_worker(first);
	expect_metric("snowid_worker_losses_total{kind=\"snowflake\"} 0");
	ck_assert_str_eq(log_of_changes(), "");
	give_worker_to_another(first);
	coordinator.records[first].held = true;
	advance_in_steps(4 * TTL);
	read_state();
	expect_ready();
	expect_worker(second);
	expect_metric("snowid_worker_losses_total{kind=\"snowflake\"} 1");
	expect_metric("snowid_worker_renewals_total{kind=\"snowflake\"} ");
	expect_metric("snowid_worker_renewal_seconds{kind=\"snowflake\"} 0");
	const char *const log = log_of_changes();
	ck_assert_ptr_nonnull(strstr(log, "warning: the worker has changed kind=snowflake "));
	snprintf(from, sizeof from, "from=\"datacenter=0,worker=%u\"", (unsigned)first);
	snprintf(to, sizeof to, "to=\"datacenter=0,worker=%u\" reason=", (unsigned)second);
	ck_assert_ptr_nonnull(strstr(log, from));
	ck_assert_ptr_nonnull(strstr(log, to));
	ck_assert_str_eq(log_of_changes(), "");
}

TEST(that_no_ids_can_be_made_is_logged_once)
{
	ck_assert_str_eq(log_of_changes(), "");
	coordinator.silent = true;
	advance_in_steps(4 * SEC);
	read_state();
	ck_assert_str_eq(log_of_changes(), "");
	advance_in_steps(4 * SEC);
	read_state();
	ck_assert_ptr_nonnull(strstr(log_of_changes(), "error: no IDs can be made kind=snowflake "
						       "reason=\"the store of snowflake"));
	ck_assert_str_eq(log_of_changes(), "");
	coordinator.silent = false;
	advance_in_steps(4 * TTL);
	read_state();
	ck_assert_ptr_nonnull(strstr(log_of_changes(), "info: IDs are made again kind=snowflake"));
	ck_assert_str_eq(log_of_changes(), "");
}

/* Anybody may answer in the place of a peer. The coordinator gives a worker to one owner alone. */
TEST(owner_whose_worker_a_peer_claims_goes_on)
{
	ck_assert(!service_report_conflict(service, "b:8080 has the same worker_id=3"));
	expect_ready();
	expect_metric("snowid_worker_contested 1");
	expect_metric("snowid_worker_conflict 0");
	ck_assert(!service_report_conflict(service, NULL));
	expect_ready();
	expect_metric("snowid_worker_contested 0");
}

TEST(owner_of_a_service_that_stops_is_not_in_conflict)
{
	service_drain(service);
	service_close(service, SEC);
	read_state();
	ck_assert_int_eq(owner.refusal, REFUSED_STOPPING);
	ck_assert(!health.ready);
}

int main(void)
{
	return run_tests(open_managed_service, close_managed_service);
}
