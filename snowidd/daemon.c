/* SPDX-License-Identifier: MIT
 *
 * The running daemon: puts the parts together, and takes them apart in order.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

#include "snowidd/base/buffer.h"
#include "snowidd/base/elapsed.h"
#include "snowidd/base/idle_memory.h"
#include "snowidd/base/log.h"
#include "snowidd/base/notify.h"
#include "snowidd/clock/clocksource.h"
#include "snowidd/config/live.h"
#include "snowidd/config/settings.h"
#include "snowidd/config/sources.h"
#include "snowidd/daemon.h"
#include "snowidd/grpc/grpc.h"
#include "snowidd/grpc/methods.h"
#include "snowidd/http/http.h"
#include "snowidd/http/rest.h"
#include "snowidd/net/client_counts.h"
#include "snowidd/net/connection.h"
#include "snowidd/net/listen.h"
#include "snowidd/net/loop.h"
#include "snowidd/peers.h"
#include "snowidd/service/health.h"
#include "snowidd/service/keeper.h"
#include "snowidd/service/service.h"

static const int signal_numbers[] = {SIGTERM, SIGINT, SIGHUP};
#define SIGNALS (sizeof signal_numbers / sizeof signal_numbers[0])

#define WAIT_NOTICE_NS UINT64_C(1000000000) /* while it waits for a store */
#define END_NS         UINT64_C(5000000000) /* for what has no limit of its own when it stops */

struct daemon {
	uv_loop_t uv;
	uv_signal_t signals[SIGNALS];
	uv_timer_t second, watchdog, deadline, peers_due;
	uv_async_t loop_ended;
	_Atomic size_t ended_loops;
	struct clocksource *clocksource;
	struct peers *peers;
	bool in_conflict;
	struct live *live;
	struct live *start_config; /* some settings cannot be reloaded */
	struct service *service;
	struct http_handler rest, admin_rest;
	struct protocol http, grpc, admin;
	struct sockets sockets;
	struct loop_group group;
	struct loop *loops;
	uint64_t *seen_alive; /* loop->alive of each at the last watchdog */
	size_t loop_count;
	uint64_t most_connections; /* for idle_memory_is_due() */
	bool started, stopping;
	bool reload_asked;  /* before the start was over */
	uint64_t waited_ns; /* for a store: the last time that this was said */
	char status[600];   /* as it was last said */
	char **options;     /* of the command line */
	const char *file;
	struct keeper keeper;
};

/* ---- timers ---------------------------------------------------------------------------------- */

/* For systemctl status. */
static void say_status(struct daemon *daemon)
{
	struct health health;
	char worker[KIND_WORKER_SIZE], status[sizeof daemon->status];

	service_health(daemon->service, &health);
	kind_worker_text(service_kind_at(daemon->service, 0), worker);
	if (health.refusal != SERVED)
		snprintf(status, sizeof status, "no IDs are made: %s", health.reason);
	else if (health.degraded)
		snprintf(status, sizeof status, "IDs are made for a while: %s", health.reason);
	else
		snprintf(status, sizeof status, "serving%s%s", *worker ? " as " : "", worker);
	if (daemon->stopping || strcmp(status, daemon->status) == 0)
		return;
	memcpy(daemon->status, status, sizeof status);
	notify_status(status);
}

static void on_second(uv_timer_t *timer)
{
	struct daemon *const daemon = timer->data;

	service_measure(daemon->service);
	service_log_changes(daemon->service);
	say_status(daemon);
	if (idle_memory_is_due(&daemon->most_connections, atomic_load(&daemon->group.connections)))
		idle_memory_release();
}

/* The watchdog is only told that all is well if every loop has answered since the last time. */
static void on_watchdog(uv_timer_t *timer)
{
	struct daemon *const daemon = timer->data;
	bool alive = true;

	for (size_t i = 0; i < daemon->loop_count; i++) {
		const uint64_t count = atomic_load(&daemon->loops[i].alive);
		alive = alive && count != daemon->seen_alive[i];
		daemon->seen_alive[i] = count;
		loop_wake(&daemon->loops[i]);
	}
	if (alive)
		notify_send("WATCHDOG=1");
	else
		log_event(LOG_LEVEL_ERROR, "a thread that serves requests does not answer", NULL);
}

static void on_clock_judged(void *user)
{
	struct daemon *const daemon = user;
	struct clock_state clock;

	clockwatch_state(service_watch(daemon->service), &clock);
	service_refuse(daemon->service, REFUSED_CLOCK,
		       clock.verdict == CLOCK_REFUSE ? clock.reason : NULL);
}

static void on_conflict(void *user, const char *conflict)
{
	struct daemon *const daemon = user;

	const bool refuses = service_report_conflict(daemon->service, conflict);
	if (conflict && !daemon->in_conflict)
		log_event(LOG_LEVEL_ERROR,
			  refuses ? "another daemon has the same worker; IDs are refused"
				  : "a peer says that it has the same worker; IDs are made all "
				    "the same, because the coordinator gave it to this daemon",
			  "reason", conflict, NULL);
	else if (!conflict && daemon->in_conflict)
		log_event(LOG_LEVEL_INFO, "no other daemon has the same worker any more", NULL);
	daemon->in_conflict = conflict;
}

static void on_peers_due(uv_timer_t *timer)
{
	struct daemon *const daemon = timer->data;

	if (daemon->live->settings->peers.count > 0 || daemon->in_conflict)
		peers_ask(daemon->peers, daemon->live);
}

static void start_peers_timer(struct daemon *daemon)
{
	const uint64_t ms = daemon->live->settings->clock_interval / 1000000;
	uv_timer_start(&daemon->peers_due, on_peers_due, 0, ms);
}

static struct clocksource_options clock_options(const struct settings *settings)
{
	return (struct clocksource_options){
		.interval_ns = settings->clock_interval,
		.ntp_servers = settings->ntp_servers.items,
		.ntp_server_count = settings->ntp_servers.count,
	};
}

static void reload_clock(struct daemon *daemon, const struct settings *settings)
{
	const struct clocksource_options options = clock_options(settings);

	clockwatch_set_limits(service_watch(daemon->service), settings->clock_warn,
			      settings->clock_refuse);
	clocksource_set_options(daemon->clocksource, &options);
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

static void log_fixed_changes(const struct settings *old, const struct settings *new)
{
	const char *key;

	for (size_t i = 0; (key = settings_fixed_change(old, new, &i));)
		log_event(LOG_LEVEL_WARNING, "this setting takes effect at the next start", "key",
			  key, NULL);
}

/* NULL with *error. */
static struct live *load_live(struct daemon *daemon, struct settings_error *error)
{
	struct settings *const settings = settings_load(daemon->options, daemon->file, error);

	if (!settings)
		return NULL;
	log_fixed_changes(daemon->start_config->settings, settings);
	struct live *const live = live_new(settings, error);
	if (!live || !live->tls == !daemon->live->tls)
		return live;
	settings_fail(error, "TLS can only be enabled or disabled at the next start");
	live_unref(live);
	return NULL;
}

static void warn_about_descriptors(const struct daemon *daemon, const struct settings *settings)
{
	char wanted[NUMBER_TEXT + 1], found[NUMBER_TEXT + 1];

	if (settings->connections <= daemon->group.descriptors)
		return;
	wanted[number_text(settings->connections, wanted)] = '\0';
	found[number_text(daemon->group.descriptors, found)] = '\0';
	log_event(LOG_LEVEL_WARNING,
		  "limits.connections is above the number of file descriptors for connections; "
		  "raise LimitNOFILE (RLIMIT_NOFILE)",
		  "connections", wanted, "descriptors", found, NULL);
}

/* Takes over the reference. */
static void replace_live(struct daemon *daemon, struct live *live)
{
	open_log(live->settings);
	warn_about_descriptors(daemon, live->settings);
	for (size_t i = 0; i < daemon->loop_count; i++)
		loop_reload(&daemon->loops[i], live);
	reload_clock(daemon, live->settings);
	live_unref(daemon->live);
	daemon->live = live;
	start_peers_timer(daemon);
}

static void reload_daemon(struct daemon *daemon)
{
	struct settings_error error;

	notify_reloading();
	struct live *const live = load_live(daemon, &error);
	if (live) {
		replace_live(daemon, live);
		log_event(LOG_LEVEL_INFO, "reloaded", NULL);
	} else {
		log_event(LOG_LEVEL_ERROR, "the configuration is not reloaded", "error", error.text,
			  NULL);
	}
	notify_send("READY=1");
}

static void on_stop_deadline(uv_timer_t *timer)
{
	struct daemon *const daemon = timer->data;

	log_event(LOG_LEVEL_WARNING, "connections are still busy; closing them", NULL);
	for (size_t i = 0; i < daemon->loop_count; i++)
		loop_end(&daemon->loops[i]);
}

static void stop_loops(struct daemon *daemon)
{
	uv_timer_start(&daemon->deadline, on_stop_deadline,
		       daemon->live->settings->stop_timeout / 1000000, 0);
	for (size_t i = 0; i < daemon->loop_count; i++)
		loop_stop(&daemon->loops[i]);
}

static void on_drain_delay_over(uv_timer_t *timer)
{
	stop_loops(timer->data);
}

/* A load balancer notices only with its next probe that this server is not ready, so that new
 * connections are still accepted for some time. */
static void stop_daemon(struct daemon *daemon)
{
	const struct settings *const settings = daemon->live->settings;
	const uint64_t delay_ms = settings->drain_delay / 1000000;

	log_event(LOG_LEVEL_INFO, "stopping", NULL);
	notify_send("STOPPING=1");
	/* Once for the connections, and once for the release of the workers. */
	notify_extend(settings->drain_delay + 2 * settings->stop_timeout + END_NS);
	daemon->stopping = true;
	service_drain(daemon->service);
	if (delay_ms > 0)
		uv_timer_start(&daemon->deadline, on_drain_delay_over, delay_ms, 0);
	else
		stop_loops(daemon);
}

/* As if the signal had not been caught: this one asks for the second time. */
static void end_at_once(int number)
{
	signal(number, SIG_DFL);
	raise(number);
}

static void on_stop_or_reload(uv_signal_t *signal, int number)
{
	struct daemon *const daemon = signal->data;

	if (!daemon->started) {
		daemon->stopping = daemon->stopping || number != SIGHUP;
		daemon->reload_asked = daemon->reload_asked || number == SIGHUP;
	} else if (number == SIGHUP && !daemon->stopping)
		reload_daemon(daemon);
	else if (number != SIGHUP && !daemon->stopping)
		stop_daemon(daemon);
	else if (number != SIGHUP)
		end_at_once(number);
}

/* What is left to do may have to wait for a disk, so that from here on a signal ends it at once, as
 * does one that has been caught and not yet handled. */
static void stop_catching_signals(struct daemon *daemon)
{
	for (size_t i = 0; i < SIGNALS; i++)
		signal(signal_numbers[i], signal_numbers[i] == SIGHUP ? SIG_IGN : SIG_DFL);
	uv_run(&daemon->uv, UV_RUN_NOWAIT);
}

/* ---- start and end --------------------------------------------------------------------------- */

static void close_daemon_handle(uv_handle_t *handle, void *user)
{
	(void)user;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* Called in the thread of the loop. */
static void report_loop_ended(void *user)
{
	struct daemon *const daemon = user;

	atomic_fetch_add(&daemon->ended_loops, 1);
	uv_async_send(&daemon->loop_ended);
}

static void on_loop_ended(uv_async_t *async)
{
	struct daemon *const daemon = async->data;

	if (atomic_load(&daemon->ended_loops) == daemon->loop_count)
		uv_stop(&daemon->uv);
}

static bool init_handles(struct daemon *daemon)
{
	uv_timer_t *const timers[] = {&daemon->second, &daemon->watchdog, &daemon->deadline,
				      &daemon->peers_due};

	if (uv_loop_init(&daemon->uv) != 0)
		return false;
	for (size_t i = 0; i < sizeof timers / sizeof timers[0]; i++) {
		uv_timer_init(&daemon->uv, timers[i]);
		timers[i]->data = daemon;
	}
	daemon->loop_ended.data = daemon;
	if (uv_async_init(&daemon->uv, &daemon->loop_ended, on_loop_ended) != 0)
		return false;
	for (size_t i = 0; i < SIGNALS; i++) {
		uv_signal_init(&daemon->uv, &daemon->signals[i]);
		daemon->signals[i].data = daemon;
		if (uv_signal_start(&daemon->signals[i], on_stop_or_reload, signal_numbers[i]) != 0)
			return false;
	}
	return true;
}

/* Each connection needs a file descriptor. Returns how many there may be. */
static uint64_t raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return UINT64_MAX;
	if (limit.rlim_cur < limit.rlim_max) {
		const rlim_t before = limit.rlim_cur;
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
			return before;
	}
	return limit.rlim_cur;
}

/* Where there are few, not all can be kept from clients. */
static uint64_t descriptors_for_clients(uint64_t all)
{
	return all - (all / 4 < DESCRIPTORS_RESERVED ? all / 4 : DESCRIPTORS_RESERVED);
}

/* The service manager would end a start that takes long. */
static void say_that_it_waits(struct daemon *daemon)
{
	const uint64_t now_ns = elapsed_ns();

	if (daemon->waited_ns == 0) {
		log_event(LOG_LEVEL_INFO, "waiting for the store", NULL);
		notify_status("waiting for the store");
	} else if (now_ns - daemon->waited_ns < WAIT_NOTICE_NS) {
		return;
	}
	daemon->waited_ns = now_ns;
	notify_extend(10 * WAIT_NOTICE_NS);
}

/* A signal that has arrived is handled, to see whether it ends the wait. */
static int look_for_signals(void *user)
{
	struct daemon *const daemon = user;

	say_that_it_waits(daemon);
	uv_run(&daemon->uv, UV_RUN_NOWAIT);
	return daemon->stopping;
}

static bool start_service(struct daemon *daemon, struct settings_error *error)
{
	const struct settings *const settings = daemon->live->settings;
	const struct clocksource_options options = clock_options(settings);
	const struct kinds_interrupt interrupt = {look_for_signals, daemon};

	daemon->service = service_new(settings, &interrupt, error);
	if (!daemon->service)
		return false;
	daemon->clocksource = clocksource_new(&daemon->uv, service_watch(daemon->service), &options,
					      on_clock_judged, daemon);
	daemon->peers = peers_new(&daemon->uv, daemon->service, on_conflict, daemon);
	if (!daemon->clocksource || !daemon->peers)
		return settings_fail(error, "out of memory");
	return keeper_start(&daemon->keeper, daemon->service, error);
}

static bool start_loops(struct daemon *daemon, struct settings_error *error)
{
	const bool has_admin = listen_serves(&daemon->sockets, &daemon->admin);

	daemon->rest = rest_handler(daemon->service, has_admin ? REST_CLIENTS : REST_ALL);
	daemon->admin_rest = rest_handler(daemon->service, REST_OPERATORS);
	service_set_request_names(
		daemon->service,
		(struct request_names){rest_endpoint, grpc_method_at, grpc_status_name});
	daemon->group.limiter = rate_limiter_new();
	daemon->group.clients = client_counts_new();
	daemon->group.accept = connection_open;
	daemon->group.ended = report_loop_ended;
	daemon->group.user = daemon;
	if (!daemon->group.limiter || !daemon->group.clients)
		return settings_fail(error, "out of memory");
	for (size_t i = 0; i < daemon->sockets.loops; i++) {
		if (!loop_start(&daemon->loops[i], &daemon->group, i,
				service_counters(daemon->service, i), daemon->live,
				&daemon->sockets, error))
			return false;
		daemon->loop_count++;
	}
	return true;
}

static bool is_proxied(const struct settings *settings, const char *key)
{
	return strcmp(settings->proxy_protocol, key) == 0 ||
	       strcmp(settings->proxy_protocol, "both") == 0;
}

static bool start_parts(struct daemon *daemon, struct settings_error *error)
{
	const struct settings *const settings = daemon->live->settings;
	const size_t loops = service_loops_wanted(settings);

	daemon->loops = calloc(loops, sizeof *daemon->loops);
	daemon->seen_alive = calloc(loops, sizeof *daemon->seen_alive);
	if (!daemon->loops || !daemon->seen_alive || !init_handles(daemon))
		return settings_fail(error, "out of memory");
	daemon->http = http_protocol(&daemon->rest);
	daemon->grpc = grpc_protocol(&daemon->service);
	daemon->admin = http_admin_protocol(&daemon->admin_rest);
	daemon->http.is_proxied = is_proxied(settings, "listen");
	daemon->grpc.is_proxied = is_proxied(settings, "grpc.listen");
	const struct listen_protocols protocols = {&daemon->http, &daemon->grpc, &daemon->admin};
	return listen_open(settings, loops, &protocols, &daemon->sockets, error) &&
	       start_service(daemon, error) && start_loops(daemon, error);
}

static void announce_start(struct daemon *daemon)
{
	const uint64_t watchdog_ms = notify_watchdog_ms();
	struct health health;
	char worker[32] = "-";

	service_health(daemon->service, &health);
	for (size_t i = 0; i < health.field_count; i++)
		if (kind_field_is_worker(health.fields[i].name))
			snprintf(worker, sizeof worker, "%" PRIu64, health.fields[i].value);
	log_event(LOG_LEVEL_INFO, "serving", "version", snowid_version(), "kind",
		  service_kind_at(daemon->service, 0)->name, "worker_id", worker, "scope",
		  health_scope(&health), "store", service_kind_at(daemon->service, 0)->store, NULL);
	/* Before the first watchdog, each loop must have answered once. */
	for (size_t i = 0; i < daemon->loop_count; i++)
		loop_wake(&daemon->loops[i]);
	if (watchdog_ms > 0)
		uv_timer_start(&daemon->watchdog, on_watchdog, watchdog_ms, watchdog_ms);
	notify_send("READY=1");
}

static void end_parts(struct daemon *daemon)
{
	for (size_t i = 0; i < daemon->loop_count; i++)
		loop_join(&daemon->loops[i]);
	keeper_stop(&daemon->keeper);
	if (daemon->clocksource)
		clocksource_close(daemon->clocksource);
	peers_close(daemon->peers);
	if (daemon->service)
		service_close(daemon->service, daemon->live->settings->stop_timeout);
	listen_close(&daemon->sockets);
	uv_walk(&daemon->uv, close_daemon_handle, NULL);
	uv_run(&daemon->uv, UV_RUN_DEFAULT);
	uv_loop_close(&daemon->uv);
	service_free(daemon->service);
	rate_limiter_free(daemon->group.limiter);
	client_counts_free(daemon->group.clients);
	free(daemon->loops);
	free(daemon->seen_alive);
}

static void serve_until_stopped(struct daemon *daemon)
{
	warn_about_descriptors(daemon, daemon->live->settings);
	daemon->started = true;
	uv_timer_start(&daemon->second, on_second, 0, 1000);
	start_peers_timer(daemon);
	announce_start(daemon);
	if (daemon->reload_asked)
		reload_daemon(daemon);
	uv_run(&daemon->uv, UV_RUN_DEFAULT);
	stop_catching_signals(daemon);
	end_parts(daemon);
	log_event(LOG_LEVEL_INFO, "stopped", NULL);
}

/* Returns the exit status. */
static int fail_to_start(struct daemon *daemon, struct settings_error *error)
{
	listen_close(&daemon->sockets);
	if (daemon->stopping) {
		log_event(LOG_LEVEL_INFO, "stopped while it was waiting for the store", NULL);
		return 0;
	}
	settings_locate(daemon->live->settings, error);
	log_event(LOG_LEVEL_ERROR, "cannot start", "error", error->text, NULL);
	return 1;
}

int daemon_run(struct live *live, char **options, const char *file)
{
	static struct daemon daemon;
	struct settings_error error;

	daemon.live = live_ref(live);
	daemon.start_config = live_ref(live);
	daemon.options = options;
	daemon.file = file;
	signal(SIGPIPE, SIG_IGN);
	daemon.group.descriptors = descriptors_for_clients(raise_descriptor_limit());
	open_log(live->settings);
	const bool started = start_parts(&daemon, &error);
	const int status = started ? 0 : fail_to_start(&daemon, &error);
	if (started)
		serve_until_stopped(&daemon);
	live_unref(daemon.live);
	live_unref(daemon.start_config);
	return status;
}
