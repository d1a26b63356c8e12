/* SPDX-License-Identifier: MIT
 *
 * snowidd: the ID service. Puts the parts together, and takes them apart in order.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "snowidd/clock/clocksource.h"
#include "snowidd/base/log.h"
#include "snowidd/base/notify.h"
#include "snowidd/config/live.h"
#include "snowidd/config/settings.h"
#include "snowidd/config/sources.h"
#include "snowidd/http/http.h"
#include "snowidd/http/rest.h"
#include "snowidd/net/connection.h"
#include "snowidd/net/listen.h"
#include "snowidd/net/loop.h"
#include "snowidd/peers.h"
#include "snowidd/service/keeper.h"
#include "snowidd/service/service.h"

enum signal_name { TERM, INT, HUP, SIGNALS };

struct daemon {
	uv_loop_t uv;
	uv_signal_t signals[SIGNALS];
	uv_timer_t second, watchdog, deadline, peers_due;
	uv_async_t loop_ended;
	_Atomic size_t ended; /* loops */
	struct clocksource *clocksource;
	struct peers *peers;
	bool in_conflict;
	struct live *live,
		*start_config; /* now, and at the start, as some settings cannot be reloaded */
	struct service *service;
	struct http_handler rest;
	struct protocol http;
	struct sockets sockets;
	struct loop_group group;
	struct loop *loops;
	uint64_t *seen_alive; /* of each loop, when it was last asked */
	size_t loop_count;
	bool stopping;
	char **options; /* of the command line, for a reload */
	const char *file;
	struct keeper keeper;
};

/* ---- timers ---------------------------------------------------------------------------------- */

static void on_second(uv_timer_t *timer)
{
	struct daemon *const d = timer->data;

	service_measure(d->service);
}

/* The watchdog is only told that all is well if every loop has answered since the last time. */
static void on_watchdog(uv_timer_t *timer)
{
	struct daemon *const d = timer->data;
	bool alive = true;

	for (size_t i = 0; i < d->loop_count; i++) {
		const uint64_t count = atomic_load(&d->loops[i].alive);
		alive = alive && count != d->seen_alive[i];
		d->seen_alive[i] = count;
		loop_wake(&d->loops[i]);
	}
	if (alive)
		notify_send("WATCHDOG=1");
	else
		log_event(LOG_LEVEL_ERROR, "a thread that serves requests does not answer", NULL);
}

static void on_judged(void *user)
{
	struct daemon *const d = user;
	struct clock_state clock;

	clockwatch_state(service_watch(d->service), &clock);
	service_refuse(d->service, REFUSED_CLOCK,
		       clock.verdict == CLOCK_REFUSE ? clock.reason : NULL);
}

static void on_conflict(void *user, const char *conflict)
{
	struct daemon *const d = user;

	service_refuse(d->service, REFUSED_CONFLICT, conflict);
	if (conflict && !d->in_conflict)
		log_event(LOG_LEVEL_ERROR, "another daemon has the same worker; IDs are refused",
			  "reason", conflict, NULL);
	else if (!conflict && d->in_conflict)
		log_event(LOG_LEVEL_INFO, "no other daemon has the same worker any more", NULL);
	d->in_conflict = conflict;
}

static void on_peers_due(uv_timer_t *timer)
{
	struct daemon *const d = timer->data;

	if (d->live->settings->peers.count > 0 || d->in_conflict)
		peers_ask(d->peers, &d->live->settings->peers, d->live->token);
}

static void start_peers_timer(struct daemon *d)
{
	const uint64_t ms = d->live->settings->clock_interval / 1000000;
	uv_timer_start(&d->peers_due, on_peers_due, 0, ms);
}

static struct clocksource_options clock_options(const struct settings *settings)
{
	return (struct clocksource_options){
		.interval_ns = settings->clock_interval,
		.ntp_servers = settings->ntp_servers.items,
		.ntp_server_count = settings->ntp_servers.count,
	};
}

static void reload_clock(struct daemon *d, const struct settings *settings)
{
	const struct clocksource_options options = clock_options(settings);

	clockwatch_set_limits(service_watch(d->service), settings->clock_warn,
			      settings->clock_refuse);
	clocksource_set_options(d->clocksource, &options);
}

/* ---- signals --------------------------------------------------------------------------------- */

static void open_log(const struct settings *settings)
{
	static const char *const levels[] = {"error", "warning", "info", "debug"};
	enum log_level level = LOG_LEVEL_ERROR;

	while (strcmp(settings->log_level, levels[level]) != 0)
		level++;
	log_open(level, strcmp(settings->log_format, "json") == 0,
		 strcmp(settings->log_target, "syslog") == 0);
}

static void tell_fixed(const struct settings *old, const struct settings *new)
{
	const char *key;

	for (size_t i = 0; (key = settings_fixed_change(old, new, &i));)
		log_event(LOG_LEVEL_WARNING, "this setting takes effect at the next start", "key",
			  key, NULL);
}

static void reload(struct daemon *d)
{
	struct settings_error error;

	notify_reloading();
	struct settings *const settings = settings_load(d->options, d->file, &error);
	if (settings)
		tell_fixed(d->start_config->settings, settings);
	struct live *const live = settings ? live_new(settings, &error) : NULL;
	if (!live) {
		log_event(LOG_LEVEL_ERROR, "the configuration is not reloaded", "error", error.text,
			  NULL);
	} else if (!live->tls != !d->live->tls) {
		log_event(LOG_LEVEL_ERROR, "the configuration is not reloaded", "error",
			  "TLS can only be enabled or disabled at the next start", NULL);
		live_unref(live);
	} else {
		open_log(live->settings);
		for (size_t i = 0; i < d->loop_count; i++)
			loop_reload(&d->loops[i], live);
		reload_clock(d, live->settings);
		live_unref(d->live);
		d->live = live;
		start_peers_timer(d);
		log_event(LOG_LEVEL_INFO, "reloaded", NULL);
	}
	notify_send("READY=1");
}

static void on_deadline(uv_timer_t *timer)
{
	struct daemon *const d = timer->data;

	log_event(LOG_LEVEL_WARNING, "connections are still busy; closing them", NULL);
	for (size_t i = 0; i < d->loop_count; i++)
		loop_end(&d->loops[i]);
}

static void stop(struct daemon *d)
{
	log_event(LOG_LEVEL_INFO, "stopping", NULL);
	notify_send("STOPPING=1");
	d->stopping = true;
	service_drain(d->service);
	uv_timer_start(&d->deadline, on_deadline, d->live->settings->stop_timeout / 1000000, 0);
	for (size_t i = 0; i < d->loop_count; i++)
		loop_stop(&d->loops[i]);
}

/* As if the signal had not been caught: asked for a second time. */
static void end_at_once(int number)
{
	signal(number, SIG_DFL);
	raise(number);
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct daemon *const d = signal->data;

	if (number == SIGHUP && !d->stopping)
		reload(d);
	else if (number != SIGHUP && !d->stopping)
		stop(d);
	else if (number != SIGHUP)
		end_at_once(number);
}

/* ---- start and end --------------------------------------------------------------------------- */

static void close_handle(uv_handle_t *handle, void *user)
{
	(void)user;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void on_loop_ended_in_its_thread(void *user)
{
	struct daemon *const d = user;

	atomic_fetch_add(&d->ended, 1);
	uv_async_send(&d->loop_ended);
}

/* What is left to do may have to wait for a disk: from here on a signal ends it at once. */
static void let_signals_through(struct daemon *d)
{
	for (size_t i = 0; i < SIGNALS; i++)
		uv_signal_stop(&d->signals[i]);
	signal(SIGHUP, SIG_IGN);
}

static void on_loop_ended(uv_async_t *async)
{
	struct daemon *const d = async->data;

	if (atomic_load(&d->ended) < d->loop_count)
		return;
	let_signals_through(d);
	if (d->clocksource)
		clocksource_close(d->clocksource);
	peers_close(d->peers);
	uv_stop(&d->uv);
}

static bool init_loop(struct daemon *d)
{
	static const int numbers[SIGNALS] = {[TERM] = SIGTERM, [INT] = SIGINT, [HUP] = SIGHUP};
	uv_timer_t *const timers[] = {&d->second, &d->watchdog, &d->deadline, &d->peers_due};

	if (uv_loop_init(&d->uv) != 0)
		return false;
	for (size_t i = 0; i < sizeof timers / sizeof timers[0]; i++) {
		uv_timer_init(&d->uv, timers[i]);
		timers[i]->data = d;
	}
	d->loop_ended.data = d;
	if (uv_async_init(&d->uv, &d->loop_ended, on_loop_ended) != 0)
		return false;
	for (size_t i = 0; i < SIGNALS; i++) {
		uv_signal_init(&d->uv, &d->signals[i]);
		d->signals[i].data = d;
		if (uv_signal_start(&d->signals[i], on_signal, numbers[i]) != 0)
			return false;
	}
	return true;
}

/* Each connection is a file: as many as the system allows. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static bool start_service(struct daemon *d, struct settings_error *error)
{
	const struct settings *const settings = d->live->settings;
	const struct clocksource_options options = clock_options(settings);

	d->service = service_new(settings, error);
	if (!d->service)
		return false;
	d->clocksource = clocksource_new(&d->uv, service_watch(d->service), &options, on_judged, d);
	d->peers = peers_new(&d->uv, d->service, on_conflict, d);
	if (!d->clocksource || !d->peers)
		return settings_fail(error, "out of memory");
	return keeper_start(&d->keeper, d->service, error);
}

static bool start_loops(struct daemon *d, struct settings_error *error)
{
	d->rest = rest_handler(d->service);
	d->group.rate = rate_new();
	d->group.accept = connection_open;
	d->group.ended = on_loop_ended_in_its_thread;
	d->group.user = d;
	if (!d->group.rate)
		return settings_fail(error, "out of memory");
	for (size_t i = 0; i < d->sockets.loops; i++) {
		if (!loop_start(&d->loops[i], &d->group, i, service_counters(d->service, i),
				d->live, &d->sockets, error))
			return false;
		d->loop_count++;
	}
	return true;
}

static bool start(struct daemon *d, struct settings_error *error)
{
	const struct settings *const settings = d->live->settings;
	const size_t loops = service_loops_wanted(settings);

	d->loops = calloc(loops, sizeof *d->loops);
	d->seen_alive = calloc(loops, sizeof *d->seen_alive);
	if (!d->loops || !d->seen_alive || !init_loop(d))
		return settings_fail(error, "out of memory");
	d->http = http_protocol(&d->rest);
	return listen_open(settings, loops, &d->http, &d->sockets, error) &&
	       start_service(d, error) && start_loops(d, error);
}

static void tell_started(struct daemon *d)
{
	const uint64_t watchdog_ms = notify_watchdog_ms();
	struct health health;
	char worker[32] = "-";

	service_health(d->service, &health);
	for (size_t i = 0; i < health.field_count; i++)
		if (strcmp(health.fields[i].name, "datacenter_id") != 0)
			snprintf(worker, sizeof worker, "%" PRIu64, health.fields[i].value);
	log_event(LOG_LEVEL_INFO, "serving", "version", snowid_version(), "kind",
		  service_kind_at(d->service, 0)->name, "worker_id", worker, "scope",
		  health.host_scope ? "host" : "fleet", "store",
		  service_kind_at(d->service, 0)->store, NULL);
	/* Each has to have answered when the watchdog is first told. */
	for (size_t i = 0; i < d->loop_count; i++)
		loop_wake(&d->loops[i]);
	if (watchdog_ms > 0)
		uv_timer_start(&d->watchdog, on_watchdog, watchdog_ms, watchdog_ms);
	notify_send("READY=1");
}

static void end(struct daemon *d)
{
	for (size_t i = 0; i < d->loop_count; i++)
		loop_join(&d->loops[i]);
	keeper_stop(&d->keeper);
	if (d->service)
		service_close(d->service, d->live->settings->stop_timeout);
	listen_close(&d->sockets);
	uv_walk(&d->uv, close_handle, NULL);
	uv_run(&d->uv, UV_RUN_DEFAULT);
	uv_loop_close(&d->uv);
	service_free(d->service);
	rate_free(d->group.rate);
	free(d->loops);
	free(d->seen_alive);
}

static int run(struct daemon *d)
{
	struct settings_error error;

	signal(SIGPIPE, SIG_IGN);
	raise_file_limit();
	open_log(d->live->settings);
	if (!start(d, &error)) {
		settings_locate(d->live->settings, &error);
		log_event(LOG_LEVEL_ERROR, "cannot start", "error", error.text, NULL);
		listen_close(&d->sockets);
		return 1;
	}
	uv_timer_start(&d->second, on_second, 0, 1000);
	start_peers_timer(d);
	tell_started(d);
	uv_run(&d->uv, UV_RUN_DEFAULT);
	end(d);
	log_event(LOG_LEVEL_INFO, "stopped", NULL);
	return 0;
}

/* ---- the command line ------------------------------------------------------------------------ */

static int help(void)
{
	printf("Usage: snowidd [OPTION]...\n\nServes distributed unique IDs over HTTP.\n\n"
	       "  --config FILE\n        read this file (default: " SETTINGS_FILE
	       ", if it exists)\n"
	       "  --check-config\n        check the configuration, and exit\n"
	       "  --help, --version\n\n");
	settings_print_help();
	printf("\nEach option is a key in the file (--limits-rate: rate under limits) and an "
	       "environment\n"
	       "variable (SNOWIDD_LIMITS_RATE). Options take precedence over variables, and these "
	       "over\n"
	       "the file. A span is a number with ns, us, ms, s, m or h. Manual: man "
	       "snowidd\n");
	return fflush(stdout) == 0 ? 0 : 1;
}

static int complain(const char *text)
{
	fprintf(stderr, "snowidd: %s\n", text);
	return 2;
}

static bool check(const struct settings *settings, struct settings_error *error)
{
	if (service_check(settings, error) && listen_check(settings, error))
		return true;
	settings_locate(settings, error);
	return false;
}

int main(int argc, char **argv)
{
	static struct daemon d;
	struct settings_error error;
	bool check_only = false;
	int kept = 0, status = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return help();
		if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0)
			return printf("snowidd %s\n", snowid_version()) > 0 ? 0 : 1;
		if (strcmp(argv[i], "--check-config") == 0)
			check_only = true;
		else if (strncmp(argv[i], "--config=", 9) == 0)
			d.file = argv[i] + 9;
		else if (strcmp(argv[i], "--config") == 0 && argv[i + 1])
			d.file = argv[++i];
		else
			argv[kept++] = argv[i];
	}
	argv[kept] = NULL;
	d.options = argv;
	struct settings *const settings = settings_load(argv, d.file, &error);
	if (!settings)
		return complain(error.text);
	d.live = live_new(settings, &error);
	if (!d.live)
		return complain(error.text);
	d.start_config = live_ref(d.live);
	if (!check(settings, &error))
		status = complain(error.text);
	else if (check_only)
		printf("the configuration is good\n");
	else
		status = run(&d);
	live_unref(d.live);
	live_unref(d.start_config);
	return status;
}
