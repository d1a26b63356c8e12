/* SPDX-License-Identifier: MIT
 *
 * All that is measured, as text for Prometheus.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <uv.h>

#include "snowidd/base/elapsed.h"
#include "snowidd/base/log.h"
#include "snowidd/config/tls.h"
#include "snowidd/service/health.h"
#include "snowidd/service/kind_store.h"
#include "snowidd/service/metrics.h"

/* ---- sums over the loops --------------------------------------------------------------------- */

/* The sum of a counter, which is given by its offset. */
static uint64_t sum_counter(struct service *service, size_t offset)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < service_loops(service); i++) {
		char *const counters = (char *)service_counters(service, i);
		sum += atomic_load_explicit((_Atomic uint64_t *)(void *)(counters + offset),
					    memory_order_relaxed);
	}
	return sum;
}

#define SUM(service, member) sum_counter(service, offsetof(struct counters, member))
#define SUM_AT(service, member, index)                                                             \
	sum_counter(service, offsetof(struct counters, member) + (index) * sizeof(uint64_t))

static uint64_t last_id_ms(struct service *service)
{
	uint64_t last_ms = 0;

	for (size_t i = 0; i < service_loops(service); i++) {
		const uint64_t ms = atomic_load(&service_counters(service, i)->last_id_ms);
		last_ms = ms > last_ms ? ms : last_ms;
	}
	return last_ms;
}

/* ---- text ------------------------------------------------------------------------------------ */

/* The head of a metric family. */
static void write_family(struct buffer *to, const char *name, const char *type, const char *help)
{
	buffer_printf(to, "# HELP snowid_%s %s\n# TYPE snowid_%s %s\n", name, help, name, type);
}

static void write_single(struct buffer *to, const char *name, const char *type, const char *help,
			 double value)
{
	write_family(to, name, type, help);
	buffer_printf(to, "snowid_%s %.17g\n", name, value);
}

static void write_latency(struct buffer *to, struct service *service)
{
	uint64_t total = 0;

	write_family(to, "id_generation_seconds", "histogram",
		     "Time taken to make the IDs of a request, including waits.");
	for (size_t i = 0; i <= LATENCY_BUCKETS; i++) {
		total += SUM_AT(service, latency, i);
		if (i < LATENCY_BUCKETS)
			buffer_printf(
				to, "snowid_id_generation_seconds_bucket{le=\"%g\"} %" PRIu64 "\n",
				(double)counters_latency_bound_us(i) / 1e6, total);
	}
	buffer_printf(to,
		      "snowid_id_generation_seconds_bucket{le=\"+Inf\"} %" PRIu64
		      "\nsnowid_id_generation_seconds_sum %.9f\n"
		      "snowid_id_generation_seconds_count %" PRIu64 "\n",
		      total, (double)SUM(service, latency_ns) / 1e9, total);
}

static void write_id_counts(struct buffer *to, struct service *service, const struct health *health)
{
	write_family(to, "ids_generated_total", "counter",
		     "IDs made, also for requests that failed.");
	for (size_t k = 0; k < service_kinds(service); k++)
		buffer_printf(to, "snowid_ids_generated_total{kind=\"%s\"} %" PRIu64 "\n",
			      service_kind_at(service, k)->name, SUM_AT(service, ids, k));
	write_single(to, "ids_per_second", "gauge", "IDs issued in the last second.",
		     health->ids_per_second);
	write_single(to, "last_id_timestamp_seconds", "gauge",
		     "When the last ID was issued; 0 if none was.",
		     (double)last_id_ms(service) / 1e3);
	write_single(to, "sequence_overflows_total", "counter",
		     "Requests that found the sequence of the tick used up.",
		     (double)SUM(service, overflows));
	write_family(to, "errors_total", "counter",
		     "Requests for IDs or for their parts that failed, by cause.");
	for (size_t i = 1; i < REFUSALS; i++)
		buffer_printf(to, "snowid_errors_total{cause=\"%s\"} %" PRIu64 "\n",
			      refusal_code((enum refusal)i), SUM_AT(service, errors, i));
}

static void write_requests(struct buffer *to, struct service *service)
{
	const struct request_names *const names = service_request_names(service);
	const char *name;
	unsigned status;

	write_family(to, "requests_total", "counter", "Requests, by endpoint and status code.");
	for (size_t e = 0; names->endpoint_at && (name = names->endpoint_at(e)); e++)
		for (size_t c = 0; (status = counters_status_at(c)); c++) {
			const uint64_t requests = SUM_AT(service, requests, e * STATUSES_MAX + c);
			if (requests > 0 || status == 200)
				buffer_printf(to,
					      "snowid_requests_total{endpoint=\"%s\",code=\"%u\"} "
					      "%" PRIu64 "\n",
					      name, status, requests);
		}
}

static void write_grpc_calls(struct buffer *to, struct service *service)
{
	const struct request_names *const names = service_request_names(service);
	const char *method, *code;

	if (!names->grpc_method_at)
		return;
	write_family(to, "grpc_calls_total", "counter", "Calls of gRPC, by method and status.");
	for (size_t m = 0; (method = names->grpc_method_at(m)); m++)
		for (size_t c = 0; (code = names->grpc_code_at(c)); c++) {
			const uint64_t calls = SUM_AT(service, grpc_calls, m * GRPC_CODES + c);
			if (calls > 0 || c == 0)
				buffer_printf(to,
					      "snowid_grpc_calls_total{method=\"%s\",code=\"%s\"} "
					      "%" PRIu64 "\n",
					      method, code, calls);
		}
}

static void write_connections(struct buffer *to, struct service *service, const struct live *live)
{
	write_single(to, "connections_open", "gauge", "Open connections.",
		     (double)SUM(service, connections));
	write_single(to, "connections_limit", "gauge", "Maximum number of open connections.",
		     (double)live->settings->connections);
	write_single(to, "connections_accepted_total", "counter", "Connections accepted.",
		     (double)SUM(service, accepted));
	write_single(
		to, "connections_refused_total", "counter",
		"Connections refused because too many were open or no file descriptor was left.",
		(double)SUM(service, refused));
	if (live->tls)
		write_single(to, "tls_certificate_end_timestamp_seconds", "gauge",
			     "When the certificate of this server expires.",
			     (double)tls_certificate_end(live->tls));
}

static void write_clock_error(struct buffer *to, const struct clock_state *clock)
{
	write_family(to, "clock_estimated_error_seconds", "gauge",
		     "The kernel's estimate of the clock's error; NaN if it has none.");
	if (clock->estimated_error_ns == CLOCK_ERROR_UNKNOWN)
		buffer_text(to, "snowid_clock_estimated_error_seconds NaN\n");
	else
		buffer_printf(to, "snowid_clock_estimated_error_seconds %.17g\n",
			      (double)clock->estimated_error_ns / 1e9);
}

/* Each kind notices a step by itself, so that the sum would count one step several times. */
static void write_clock(struct buffer *to, struct service *service)
{
	struct clock_state clock;
	uint64_t regressions = 0, value;

	clockwatch_state(service_watch(service), &clock);
	for (size_t k = 0; k < service_kinds(service); k++)
		if (snowid_generator_stat(service_kind_at(service, k)->generator,
					  SNOWID_STAT_REGRESSIONS, &value) == 0)
			regressions = value > regressions ? value : regressions;
	write_single(to, "clock_regressions_total", "counter",
		     "How often the clock was found to have stepped back.", (double)regressions);
	write_single(
		to, "clock_drift_ms", "gauge",
		"How far the clock is ahead of the right time, in ms; negative if it is behind.",
		(double)clock.drift_ns / 1e6);
	write_clock_error(to, &clock);
	write_single(to, "clock_steps_total", "counter", "How often the clock was set.",
		     (double)clock.steps);
	write_single(to, "clock_unsafe", "gauge", "1 while IDs are refused because of the clock.",
		     clock.verdict == CLOCK_REFUSE);
	write_single(to, "ntp_synchronised", "gauge",
		     "1 while the kernel considers the clock synchronised.", clock.synchronised);
	write_single(to, "ntp_measurements_total", "counter",
		     "Measurements of the clock with NTP servers.", (double)clock.measurements);
	write_single(to, "ntp_unanswered_total", "counter",
		     "Measurements that no NTP server answered.", (double)clock.unanswered);
}

/* Until the time of the last ID that a layout has. */
static double seconds_until_end(const struct served_kind *kind)
{
	int64_t end, now;
	uint32_t end_ns, now_ns;

	if (snowid_layout_last_time(kind->layout, &end, &end_ns) != 0 ||
	    snowid_clock_read(NULL, &now, &now_ns, NULL) != 0)
		return 0;
	return (double)(end - now);
}

static void write_owner_states(struct buffer *to, struct service *service)
{
	struct owner owner;

	write_family(to, "owner_state", "gauge",
		     "1 for the state of the owner of a worker, and 0 for all others.");
	for (size_t k = 0; k < service_kinds(service); k++) {
		struct served_kind *const kind = service_kind_at(service, k);
		service_owner(service, kind, &owner);
		for (enum owner_state state = OWNER_READY; state <= OWNER_REFUSED; state++)
			buffer_printf(to, "snowid_owner_state{kind=\"%s\",state=\"%s\"} %d\n",
				      kind->name, owner_state_name(state), owner.state == state);
	}
}

/* A statistic of the kinds whose workers a coordinator assigns. */
static void write_lease_stat(struct buffer *to, struct service *service, const char *name,
			     const char *type, const char *help, enum snowid_stat which,
			     double unit)
{
	uint64_t value;

	write_family(to, name, type, help);
	for (size_t k = 0; k < service_kinds(service); k++) {
		const struct served_kind *const kind = service_kind_at(service, k);
		if (kind_store_is_coordinated(kind->store) &&
		    snowid_generator_stat(kind->generator, which, &value) == 0 &&
		    value != UINT64_MAX)
			buffer_printf(to, "snowid_%s{kind=\"%s\"} %.17g\n", name, kind->name,
				      (double)value / unit);
	}
}

static void write_leases(struct buffer *to, struct service *service)
{
	write_lease_stat(to, service, "worker_renewals_total", "counter",
			 "How often the coordinator has confirmed a renewal of the worker.",
			 SNOWID_STAT_RENEWALS, 1);
	write_lease_stat(to, service, "worker_renewal_seconds", "gauge",
			 "How long the coordinator took for the last renewal of the worker.",
			 SNOWID_STAT_RENEWAL_NS, 1e9);
	write_lease_stat(to, service, "worker_losses_total", "counter",
			 "How often the worker was lost to another process.", SNOWID_STAT_LOSSES,
			 1);
	write_lease_stat(to, service, "workers_free", "gauge",
			 "Workers that could be claimed, when they were last looked at.",
			 SNOWID_STAT_WORKERS_FREE, 1);
}

/* No two servers of a fleet may have the same. */
static void write_workers(struct buffer *to, struct service *service)
{
	char layout[512], worker[KIND_WORKER_SIZE];

	write_family(to, "worker_info", "gauge",
		     "Always 1; the labels give the layout and the fields of the worker.");
	for (size_t k = 0; k < service_kinds(service); k++) {
		const struct served_kind *const kind = service_kind_at(service, k);
		if (!kind->layout ||
		    snowid_layout_format(kind->layout, layout, sizeof layout, NULL) != 0)
			continue;
		kind_worker_text(kind, worker);
		buffer_printf(to, "snowid_worker_info{kind=\"%s\",layout=\"%s\",worker=\"%s\"} 1\n",
			      kind->name, layout, worker);
	}
	write_single(to, "worker_conflict", "gauge",
		     "1 while IDs are refused because a peer has the same worker.",
		     service_refuses(service, REFUSED_CONFLICT));
	write_single(to, "worker_contested", "gauge",
		     "1 while a peer says that it has the same worker.",
		     service_is_contested(service));
}

static void write_store(struct buffer *to, struct service *service)
{
	struct owner owner;

	write_family(to, "store_limit_ahead_seconds", "gauge",
		     "How long IDs could still be made if the store could not be renewed.");
	for (size_t k = 0; k < service_kinds(service); k++) {
		struct served_kind *const kind = service_kind_at(service, k);
		service_owner(service, kind, &owner);
		buffer_printf(to, "snowid_store_limit_ahead_seconds{kind=\"%s\"} ", kind->name);
		if (isinf(owner.seconds_left))
			buffer_text(to, "+Inf\n");
		else
			buffer_printf(to, "%.3f\n", owner.seconds_left);
	}
	write_family(to, "store_reserve_seconds", "gauge",
		     "How far ahead of the clock a working store is renewed.");
	for (size_t k = 0; k < service_kinds(service); k++) {
		const struct served_kind *const kind = service_kind_at(service, k);
		if (kind->reserve_ns > 0)
			buffer_printf(to, "snowid_store_reserve_seconds{kind=\"%s\"} %g\n",
				      kind->name, (double)kind->reserve_ns / 1e9);
	}
	write_family(to, "store_failing", "gauge", "1 while the store cannot be renewed.");
	for (size_t k = 0; k < service_kinds(service); k++) {
		const struct served_kind *const kind = service_kind_at(service, k);
		buffer_printf(to, "snowid_store_failing{kind=\"%s\"} %d\n", kind->name,
			      atomic_load(&kind->store_error) != 0);
	}
	write_owner_states(to, service);
	write_leases(to, service);
	write_workers(to, service);
	write_family(to, "layout_end_seconds", "gauge", "Time until the end of the layout.");
	for (size_t k = 0; k < service_kinds(service); k++) {
		const struct served_kind *const kind = service_kind_at(service, k);
		if (kind->layout)
			buffer_printf(to, "snowid_layout_end_seconds{kind=\"%s\"} %.0f\n",
				      kind->name, seconds_until_end(kind));
	}
}

static double count_entries(const char *path)
{
	uv_fs_t request;
	const int entries = uv_fs_scandir(NULL, &request, path, 0, NULL);

	uv_fs_req_cleanup(&request);
	return entries > 0 ? entries : 0;
}

static double max_descriptors(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (double)limit.rlim_cur : 0;
}

/* Worked out once: if it moved with the clock, it would look like another start. */
static double start_seconds(const struct health *health)
{
	static _Atomic int64_t start;
	int64_t none = 0, sec = 0;
	uint32_t nsec;

	if (atomic_load(&start) == 0 && snowid_clock_read(NULL, &sec, &nsec, NULL) == 0)
		atomic_compare_exchange_strong(&start, &none, sec - (int64_t)health->uptime_s);
	return (double)atomic_load(&start);
}

static void write_process_metric(struct buffer *to, const char *name, const char *type,
				 const char *help, double value)
{
	buffer_printf(to, "# HELP process_%s %s\n# TYPE process_%s %s\nprocess_%s %.15g\n", name,
		      help, name, type, name, value);
}

/* Those that all clients of Prometheus have (prometheus.io/docs/instrumenting/writing_clientlibs,
 * "Standard and runtime collectors"). */
static void write_standard(struct buffer *to, const struct health *health)
{
	FILE *const file = fopen("/proc/self/statm", "re");
	const double page = (double)sysconf(_SC_PAGESIZE);
	long size = 0, resident = 0;

	if (file && fscanf(file, "%ld %ld", &size, &resident) != 2)
		size = resident = 0;
	if (file)
		fclose(file);
	write_process_metric(to, "cpu_seconds_total", "counter", "CPU time used.",
			     elapsed_cpu_seconds());
	write_process_metric(to, "resident_memory_bytes", "gauge", "Resident memory.",
			     (double)resident * page);
	write_process_metric(to, "virtual_memory_bytes", "gauge", "Virtual memory.",
			     (double)size * page);
	write_process_metric(to, "open_fds", "gauge", "Open file descriptors.",
			     count_entries("/proc/self/fd"));
	write_process_metric(to, "max_fds", "gauge", "File descriptors that may be open.",
			     max_descriptors());
	write_process_metric(to, "start_time_seconds", "gauge", "When the process was started.",
			     start_seconds(health));
}

static void write_process(struct buffer *to, const struct health *health)
{
	write_single(to, "healthy", "gauge", "1 while IDs are served.", health->refusal == SERVED);
	write_single(to, "uptime_seconds", "gauge", "Time since the start.",
		     (double)health->uptime_s);
	write_single(to, "cpu_usage_ratio", "gauge",
		     "CPU time used in the last second; 1 is one core.", health->cpu_ratio);
	write_single(to, "threads", "gauge", "Number of threads.",
		     count_entries("/proc/self/task"));
	write_single(to, "log_lines_dropped_total", "counter",
		     "Lines of the log that were dropped because nobody read it.",
		     (double)log_lines_dropped());
	write_family(to, "build_info", "gauge",
		     "Always 1; the labels give the version and the scope.");
	buffer_printf(to, "snowid_build_info{version=\"%s\",scope=\"%s\"} 1\n", snowid_version(),
		      health_scope(health));
}

void metrics_write(struct buffer *to, struct service *service, const struct live *live)
{
	struct health health;

	service_health(service, &health);
	write_latency(to, service);
	write_id_counts(to, service, &health);
	write_requests(to, service);
	write_grpc_calls(to, service);
	write_connections(to, service, live);
	write_clock(to, service);
	write_store(to, service);
	write_process(to, &health);
	write_standard(to, &health);
}
