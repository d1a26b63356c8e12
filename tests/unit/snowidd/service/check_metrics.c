/* SPDX-License-Identifier: MIT
 *
 * The text for Prometheus.
 */
#include <stdio.h>

#include "snowidd/service/health.h"
#include "snowidd/service/metrics.h"
#include "tests/unit/snowidd/service_fixture.h"

static struct buffer text;

static void close_service(void)
{
	buffer_free(&text);
	service_fixture_close();
}

static const char *endpoint_at(size_t index)
{
	static const char *const endpoints[] = {"other", "/x", NULL};

	return endpoints[index];
}

static const char *method_at(size_t index)
{
	static const char *const methods[] = {"other", "/A/B", NULL};

	return methods[index];
}

static const char *code_at(size_t index)
{
	static const char *const codes[] = {"OK", "CANCELLED", NULL};

	return codes[index];
}

static void open_service(void)
{
	service_fixture_open(NULL);
	service_set_request_names(service, (struct request_names){endpoint_at, method_at, code_at});
}

static const char *write_metrics(void)
{
	buffer_clear(&text);
	metrics_write(&text, service, live);
	buffer_bytes(&text, "", 1);
	ck_assert(!text.failed);
	return text.data;
}

static void expect_line(const char *line)
{
	char whole[400];

	snprintf(whole, sizeof whole, "\n%s\n", line);
	ck_assert_msg(strstr(text.data, whole) != NULL, "no line %s in %s", line, text.data);
}

TEST(counters_are_summed_over_the_loops)
{
	for (size_t i = 0; i < 2; i++) {
		struct counters *const counters = service_counters(service, i);
		counter_add(&counters->ids[0], 10);
		counter_add(&counters->ids[2], 1 + i);
		counter_add(&counters->errors[REFUSED_CLOCK], 4);
		counters_add_request(counters, 1, 200);
		counters_add_request(counters, 1, 404);
		counters_add_request(counters, 0, 599); /* not in the list: the last of it */
		counter_add(&counters->grpc_calls[1][1], 5);
		atomic_store(&counters->connections, 3);
		atomic_store(&counters->last_id_ms, 1500 + i * 500);
	}
	write_metrics();
	expect_line("snowid_ids_generated_total{kind=\"snowflake\"} 20");
	expect_line("snowid_ids_generated_total{kind=\"ulid\"} 0");
	expect_line("snowid_ids_generated_total{kind=\"uuid7\"} 3");
	expect_line("snowid_errors_total{cause=\"clock_unsafe\"} 8");
	expect_line("snowid_errors_total{cause=\"stopping\"} 0");
	expect_line("snowid_requests_total{endpoint=\"/x\",code=\"200\"} 2");
	expect_line("snowid_requests_total{endpoint=\"/x\",code=\"404\"} 2");
	expect_line("snowid_requests_total{endpoint=\"other\",code=\"200\"} 0");
	expect_line("snowid_requests_total{endpoint=\"other\",code=\"505\"} 2");
	expect_line("snowid_grpc_calls_total{method=\"/A/B\",code=\"OK\"} 0");
	expect_line("snowid_grpc_calls_total{method=\"/A/B\",code=\"CANCELLED\"} 10");
	expect_line("snowid_connections_open 6");
	expect_line("snowid_last_id_timestamp_seconds 2");
}

TEST(the_latency_is_a_histogram)
{
	struct counters *const counters = service_counters(service, 1);

	counters_add_latency(counters, 1000);       /* as much as the first bound */
	counters_add_latency(counters, 1001);       /* more */
	counters_add_latency(counters, 2000000000); /* more than the last */
	write_metrics();
	expect_line("snowid_id_generation_seconds_bucket{le=\"1e-06\"} 1");
	expect_line("snowid_id_generation_seconds_bucket{le=\"2e-06\"} 2");
	expect_line("snowid_id_generation_seconds_bucket{le=\"1\"} 2");
	expect_line("snowid_id_generation_seconds_bucket{le=\"+Inf\"} 3");
	expect_line("snowid_id_generation_seconds_sum 2.000002001");
	expect_line("snowid_id_generation_seconds_count 3");
}

TEST(what_the_kernel_does_not_know_is_not_a_number)
{
	struct clock_reading reading = {.wall_ns = 1, .estimated_error_ns = CLOCK_ERROR_UNKNOWN};

	clockwatch_add_reading(service_watch(service), &reading);
	write_metrics();
	expect_line("snowid_clock_estimated_error_seconds NaN");
	reading.estimated_error_ns = 250 * MS;
	clockwatch_add_reading(service_watch(service), &reading);
	write_metrics();
	expect_line("snowid_clock_estimated_error_seconds 0.25");
}

TEST(the_state_of_the_service_is_shown)
{
	write_metrics();
	expect_line("snowid_healthy 1");
	expect_line("snowid_worker_conflict 0");
	expect_line("snowid_store_failing{kind=\"snowflake\"} 0");
	service_refuse(service, REFUSED_CONFLICT, "a peer has it");
	service_maintain(service);
	write_metrics();
	expect_line("snowid_healthy 0");
	expect_line("snowid_worker_conflict 1");
	expect_line("snowid_store_limit_ahead_seconds{kind=\"snowflake\"} +Inf");
	ck_assert_ptr_nonnull(strstr(text.data, "worker=1\"} 1\n"));
}

/* Prometheus refuses a text in which a family occurs twice, or a sample is not of the one above. */
TEST(each_sample_belongs_to_the_family_above_it)
{
	char family[100] = "", seen[10000] = "", needle[120];

	write_metrics();
	for (char *line = strtok(text.data, "\n"); line; line = strtok(NULL, "\n")) {
		if (sscanf(line, "# HELP %99s", family) == 1) {
			snprintf(needle, sizeof needle, "|%s|", family);
			ck_assert_msg(!strstr(seen, needle), "%s occurs twice", family);
			strcat(seen, needle);
		} else if (*line != '#') {
			ck_assert_msg(strncmp(line, family, strlen(family)) == 0, "%s", line);
		}
	}
}

TEST(rates_are_those_between_two_measurements)
{
	struct health health;

	service_measure(service);
	counter_add(&service_counters(service, 0)->ids[0], 1000000);
	service_measure(service);
	service_health(service, &health);
	ck_assert(health.ids_per_second > 1000);
	ck_assert(health.cpu_ratio >= 0);
}

int main(void)
{
	return run_tests(open_service, close_service);
}
