/* SPDX-License-Identifier: MIT
 *
 * Counters, and the Prometheus text of all that is measured.
 */
#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "snowidd/base/elapsed.h"
#include "snowidd/service/metrics.h"
#include "snowidd/config/tls.h"
#include "snowidd/net/loop.h"

/* ---- counting -------------------------------------------------------------------------------- */

static const unsigned codes[] = {200, 400, 401, 404, 405, 408, 413, 414, 429, 431, 500, 503, 505};
#define CODES (sizeof codes / sizeof codes[0])
_Static_assert(CODES <= CODES_MAX, "codes");

size_t metrics_code(unsigned status)
{
	size_t i = 0;

	while (i < CODES - 1 && codes[i] != status)
		i++;
	return i;
}

static const uint64_t bounds_us[BUCKETS] = {1,     2,      5,      10,     20,     50,    100,
					    200,   500,    1000,   2000,   5000,   10000, 20000,
					    50000, 100000, 200000, 500000, 1000000};

void count_latency(struct counters *counters, uint64_t ns)
{
	size_t i = 0;

	while (i < BUCKETS && ns > bounds_us[i] * 1000)
		i++;
	count(&counters->latency[i], 1);
	count(&counters->latency_ns, ns);
}

/* ---- sums over the workers ------------------------------------------------------------------- */

/* Of the counter at an offset. */
static uint64_t sum(struct server *server, size_t offset)
{
	uint64_t total = 0;

	for (size_t i = 0; i < service_threads(server->service); i++) {
		char *const counters = (char *)service_counters(server->service, i);
		total += atomic_load_explicit((_Atomic uint64_t *)(void *)(counters + offset),
					      memory_order_relaxed);
	}
	return total;
}

#define SUM(server, member) sum(server, offsetof(struct counters, member))

/* Of all kinds. */
static uint64_t sum_ids(struct server *server)
{
	uint64_t total = 0;

	for (size_t k = 0; k < service_kinds(server->service); k++)
		total += sum(server, offsetof(struct counters, ids) + k * sizeof(uint64_t));
	return total;
}

static double seconds_of(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static double cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return seconds_of(&usage.ru_utime) + seconds_of(&usage.ru_stime);
}

void metrics_second(struct server *server)
{
	struct rates *const rates = &server->rates;
	const uint64_t now = elapsed_ns(), ids = sum_ids(server);
	const double cpu = cpu_seconds(), took = (double)(now - rates->ns_before) / 1e9;

	if (rates->ns_before > 0) {
		atomic_store(&rates->ids, (double)(ids - rates->ids_before) / took);
		atomic_store(&rates->cpu, (cpu - rates->cpu_before) / took);
	}
	rates->ids_before = ids;
	rates->ns_before = now;
	rates->cpu_before = cpu;
}

/* ---- text ------------------------------------------------------------------------------------ */

/* The head of a metric family. */
static void family(struct buffer *to, const char *name, const char *type, const char *help)
{
	buffer_printf(to, "# HELP snowid_%s %s\n# TYPE snowid_%s %s\n", name, help, name, type);
}

static void single(struct buffer *to, const char *name, const char *type, const char *help,
		   double value)
{
	family(to, name, type, help);
	buffer_printf(to, "snowid_%s %.17g\n", name, value);
}

static void write_latency(struct buffer *to, struct server *server)
{
	uint64_t total = 0;

	family(to, "id_generation_seconds", "histogram",
	       "Time taken to make the IDs of a request, including waits.");
	for (size_t i = 0; i <= BUCKETS; i++) {
		total += sum(server, offsetof(struct counters, latency) + i * sizeof(uint64_t));
		if (i < BUCKETS)
			buffer_printf(
				to, "snowid_id_generation_seconds_bucket{le=\"%g\"} %" PRIu64 "\n",
				(double)bounds_us[i] / 1e6, total);
	}
	buffer_printf(to,
		      "snowid_id_generation_seconds_bucket{le=\"+Inf\"} %" PRIu64
		      "\nsnowid_id_generation_seconds_sum %.9f\n"
		      "snowid_id_generation_seconds_count %" PRIu64 "\n",
		      total, (double)SUM(server, latency_ns) / 1e9, total);
}

static void write_ids(struct buffer *to, struct server *server)
{
	uint64_t last_ms = 0, ms;

	family(to, "ids_generated_total", "counter", "IDs issued.");
	for (size_t k = 0; k < service_kinds(server->service); k++)
		buffer_printf(to, "snowid_ids_generated_total{kind=\"%s\"} %" PRIu64 "\n",
			      service_kind_at(server->service, k)->name,
			      sum(server, offsetof(struct counters, ids) + k * sizeof(uint64_t)));
	single(to, "ids_per_second", "gauge", "IDs issued in the last second.",
	       atomic_load(&server->rates.ids));
	for (size_t i = 0; i < service_threads(server->service); i++) {
		ms = atomic_load(&service_counters(server->service, i)->last_id_ms);
		last_ms = ms > last_ms ? ms : last_ms;
	}
	single(to, "last_id_timestamp_seconds", "gauge",
	       "When the last ID was issued; 0 if none was.", (double)last_ms / 1e3);
	single(to, "sequence_overflows_total", "counter",
	       "Requests that found the sequence of the tick used up.",
	       (double)SUM(server, overflows));
	family(to, "errors_total", "counter",
	       "Requests for IDs or for their parts that failed, by cause.");
	for (size_t i = 1; i < REFUSALS; i++)
		buffer_printf(
			to, "snowid_errors_total{cause=\"%s\"} %" PRIu64 "\n",
			refusal_code((enum refusal)i),
			sum(server, offsetof(struct counters, errors) + i * sizeof(uint64_t)));
}

static void write_requests(struct buffer *to, struct server *server,
			   const char *(*endpoint)(size_t index))
{
	const char *name;

	family(to, "requests_total", "counter", "Requests, by endpoint and status code.");
	for (size_t e = 0; (name = endpoint(e)); e++) {
		for (size_t c = 0; c < CODES; c++) {
			const size_t offset = offsetof(struct counters, requests) +
					      (e * CODES_MAX + c) * sizeof(uint64_t);
			const uint64_t value = sum(server, offset);
			if (value > 0 || codes[c] == 200)
				buffer_printf(to,
					      "snowid_requests_total{endpoint=\"%s\",code=\"%u\"} "
					      "%" PRIu64 "\n",
					      name, codes[c], value);
		}
	}
}

static void write_connections(struct buffer *to, const struct worker *worker)
{
	struct server *const server = worker->server;

	single(to, "connections_open", "gauge", "Open connections.",
	       (double)SUM(server, connections));
	single(to, "connections_limit", "gauge", "Maximum number of open connections.",
	       (double)worker->live->settings->connections);
	single(to, "connections_accepted_total", "counter", "Connections accepted.",
	       (double)SUM(server, accepted));
	single(to, "connections_refused_total", "counter",
	       "Connections refused because too many were open or no file descriptor was left.",
	       (double)SUM(server, refused));
	if (worker->live->tls)
		single(to, "tls_certificate_end_timestamp_seconds", "gauge",
		       "When the certificate of this server expires.",
		       (double)tls_certificate_end(worker->live->tls));
}

static void write_clock(struct buffer *to, struct server *server)
{
	struct clock_state clock;
	uint64_t regressions = 0, value;

	clockwatch_state(server->watch, &clock);
	for (size_t k = 0; k < service_kinds(server->service); k++)
		if (snowid_generator_stat(service_kind_at(server->service, k)->generator,
					  SNOWID_STAT_REGRESSIONS, &value) == 0)
			regressions += value;
	single(to, "clock_regressions_total", "counter",
	       "How often the clock was found to have stepped back.", (double)regressions);
	single(to, "clock_drift_ms", "gauge",
	       "How far the clock is ahead of the right time, in ms; negative if it is behind.",
	       (double)clock.drift_ns / 1e6);
	single(to, "clock_estimated_error_seconds", "gauge",
	       "The kernel's estimate of the clock's error.",
	       (double)clock.estimated_error_ns / 1e9);
	single(to, "clock_steps_total", "counter", "How often the clock was set.",
	       (double)clock.steps);
	single(to, "clock_unsafe", "gauge", "1 while IDs are refused because of the clock.",
	       clock.verdict == CLOCK_REFUSE);
	single(to, "ntp_synchronised", "gauge",
	       "1 while the kernel considers the clock synchronised.", clock.synchronised);
	single(to, "ntp_measurements_total", "counter",
	       "Measurements of the clock with NTP servers.", (double)clock.measurements);
	single(to, "ntp_unanswered_total", "counter", "Measurements that no NTP server answered.",
	       (double)clock.unanswered);
}

/* In seconds from now until the instant at which the last ID of a layout is made. */
static double seconds_left(const struct kind *kind)
{
	int64_t end, now;
	uint32_t end_ns, now_ns;

	if (snowid_layout_last_time(kind->layout, &end, &end_ns) != 0 ||
	    snowid_clock_read(NULL, &now, &now_ns, NULL) != 0)
		return 0;
	return (double)(end - now);
}

/* Who makes the IDs: two of a fleet that say the same are one too many. */
static void write_workers(struct buffer *to, struct server *server)
{
	char layout[512];
	const char *name;
	uint64_t value;

	family(to, "worker_info", "gauge",
	       "Always 1; the labels give the layout and the fields of the worker.");
	for (size_t k = 0; k < service_kinds(server->service); k++) {
		const struct kind *const kind = service_kind_at(server->service, k);
		if (!kind->layout ||
		    snowid_layout_format(kind->layout, layout, sizeof layout, NULL) != 0)
			continue;
		buffer_printf(to, "snowid_worker_info{kind=\"%s\",layout=\"%s\",worker=\"",
			      kind->name, layout);
		for (size_t i = 0, n = 0; kind_field(kind, &i, &name, &value); n++)
			buffer_printf(to, "%s%s=%" PRIu64, n > 0 ? "," : "", name, value);
		buffer_text(to, "\"} 1\n");
	}
	single(to, "worker_conflict", "gauge",
	       "1 while IDs are refused because a peer has the same worker.",
	       service_refuses(server->service, REFUSED_CONFLICT));
}

static void write_store(struct buffer *to, struct server *server)
{
	family(to, "store_limit_ahead_seconds", "gauge",
	       "How long IDs could still be made if the store could not be renewed.");
	for (size_t k = 0; k < service_kinds(server->service); k++) {
		const struct kind *const kind = service_kind_at(server->service, k);
		const double ahead = service_limit_ahead(kind);
		buffer_printf(to, "snowid_store_limit_ahead_seconds{kind=\"%s\"} ", kind->name);
		if (isinf(ahead))
			buffer_text(to, "+Inf\n");
		else
			buffer_printf(to, "%.3f\n", ahead);
	}
	family(to, "store_block_seconds", "gauge",
	       "How far ahead of the clock a working store is renewed.");
	for (size_t k = 0; k < service_kinds(server->service); k++) {
		const struct kind *const kind = service_kind_at(server->service, k);
		if (kind->half_block_ns > 0)
			buffer_printf(to, "snowid_store_block_seconds{kind=\"%s\"} %g\n",
				      kind->name, 2 * (double)kind->half_block_ns / 1e9);
	}
	family(to, "store_failing", "gauge", "1 while the store cannot be renewed.");
	for (size_t k = 0; k < service_kinds(server->service); k++) {
		const struct kind *const kind = service_kind_at(server->service, k);
		buffer_printf(to, "snowid_store_failing{kind=\"%s\"} %d\n", kind->name,
			      atomic_load(&kind->store_error) != 0);
	}
	write_workers(to, server);
	family(to, "layout_end_seconds", "gauge", "Time until the end of the layout.");
	for (size_t k = 0; k < service_kinds(server->service); k++) {
		const struct kind *const kind = service_kind_at(server->service, k);
		if (kind->layout)
			buffer_printf(to, "snowid_layout_end_seconds{kind=\"%s\"} %.0f\n",
				      kind->name, seconds_left(kind));
	}
}

static double resident_bytes(void)
{
	FILE *const file = fopen("/proc/self/statm", "re");
	long size, resident = 0;

	if (file && fscanf(file, "%ld %ld", &size, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static double threads(void)
{
	DIR *const tasks = opendir("/proc/self/task");
	double number = 0;

	if (!tasks)
		return 0;
	for (struct dirent *entry = readdir(tasks); entry; entry = readdir(tasks))
		number += entry->d_name[0] != '.';
	closedir(tasks);
	return number;
}

static void write_process(struct buffer *to, struct server *server)
{
	struct health health;

	service_health(server->service, &health);
	single(to, "healthy", "gauge", "1 while IDs are served.", health.refusal == SERVED);
	single(to, "uptime_seconds", "gauge", "Time since the start.", (double)health.uptime_s);
	single(to, "cpu_seconds_total", "counter", "CPU time used.", cpu_seconds());
	single(to, "cpu_usage_ratio", "gauge", "CPU time used in the last second; 1 is one core.",
	       atomic_load(&server->rates.cpu));
	single(to, "memory_bytes", "gauge", "Resident memory.", resident_bytes());
	single(to, "threads", "gauge", "Number of threads.", threads());
	family(to, "build_info", "gauge", "Always 1; the labels give the version and the scope.");
	buffer_printf(to, "snowid_build_info{version=\"%s\",scope=\"%s\"} 1\n", snowid_version(),
		      health.host_scope ? "host" : "fleet");
}

void metrics_write(struct buffer *to, struct worker *worker, const char *(*endpoint)(size_t index))
{
	struct server *const server = worker->server;

	write_latency(to, server);
	write_ids(to, server);
	write_requests(to, server, endpoint);
	write_connections(to, worker);
	write_clock(to, server);
	write_store(to, server);
	write_process(to, server);
}
