/* SPDX-License-Identifier: MIT
 *
 * Asks a service through a module, for tests: each line of the input is a request in JSON, and each
 * line of the output its answer. Requests of one line, an array, are on their way at once.
 *
 *     ask MODULE SERVERS [tls=1] [ca=FILE] [cert=FILE] [key=FILE] [user=NAME] [password_file=FILE]
 *         [token_file=FILE]
 *
 * The names in the file $ASK_HOSTS have the address beside them, or are looked up for ever
 * ("hang").
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <jansson.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libsnowid/coordinator/module.h"

/* ---- names ----------------------------------------------------------------------------------- */

typedef int getaddrinfo_function(const char *, const char *, const struct addrinfo *,
				 struct addrinfo **);

/* The address of a name. */
static bool find_host(const char *name, char address[64])
{
	const char *const path = getenv("ASK_HOSTS");
	FILE *const file = path ? fopen(path, "r") : NULL;
	char host[64];
	bool found = false;

	while (file && !found && fscanf(file, "%63s %63s", host, address) == 2)
		found = strcmp(host, name) == 0;
	if (file)
		fclose(file);
	return found;
}

/* Takes the place of the function of libc, also for libcurl. */
__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
						       const struct addrinfo *hints,
						       struct addrinfo **result)
{
	getaddrinfo_function *next;
	char address[64];

	*(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
	if (!name || !find_host(name, address))
		return next(name, service, hints, result);
	while (strcmp(address, "hang") == 0)
		pause();
	return next(address, service, hints, result);
}

/* ---- requests and answers -------------------------------------------------------------------- */

static const char *const asks[] = {"READ", "CLAIM", "RAISE", "RELEASE", "FORGET", "RESET"};
static const char *const outcomes[] = {"DONE", "REFUSED", "UNKNOWN", "DENIED"};

static uint64_t number(const json_t *object, const char *name, uint64_t otherwise)
{
	const json_t *const value = json_object_get(object, name);
	return value ? (uint64_t)json_integer_value(value) : otherwise;
}

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct sn_request read_request(const json_t *asked, uint64_t serial)
{
	const char *const ask = json_string_value(json_object_get(asked, "ask"));
	struct sn_request request = {
		.serial = serial,
		.root = "/id-generator",
		.path = "/id-generator/datacenters/dc0",
		.worker = number(asked, "worker", 0),
		.count = number(asked, "count", 1),
		.ttl_ns = number(asked, "ttl_ms", 10000) * 1000000,
		.timeout_ns = number(asked, "timeout_ms", 20000) * 1000000,
		.namespace_id = {number(asked, "namespace", 1), 2},
		.record =
			{
				.exists = number(asked, "exists", 0) != 0,
				.version = number(asked, "version", 0),
				.epoch = number(asked, "epoch", 1),
				.limit = number(asked, "limit", 1),
				.limit_ms = 1764288000000,
				.last_tick = number(asked, "last_tick", 0),
				.released = number(asked, "released", 0) != 0,
				.writes = number(asked, "writes", 1),
				.incarnation = {number(asked, "incarnation", 1), 7},
				.owner = {.process = 42, .since_ms = 1764288000000, .host = "here"},
				.fingerprint = UINT64_C(0xfedcba9876543210),
				.kind = "layout:snowflake",
			},
	};

	while (request.ask < SN_ASK_RESET && ask && strcmp(ask, asks[request.ask]) != 0)
		request.ask++;
	return request;
}

static json_t *write_record(const struct sn_record *record)
{
	return json_pack("{s:b, s:I, s:b, s:I, s:I, s:I, s:b, s:I, s:I, s:s}", "exists",
			 record->exists, "version", (json_int_t)record->version, "held",
			 record->held, "held_by", (json_int_t)record->held_by[0], "epoch",
			 (json_int_t)record->epoch, "limit", (json_int_t)record->limit, "released",
			 record->released, "last_tick", (json_int_t)record->last_tick,
			 "incarnation", (json_int_t)record->incarnation[0], "host",
			 record->owner.host);
}

static json_t *write_answer(const struct sn_answer *answer)
{
	json_t *const records = json_array();

	for (uint64_t i = 0; answer->records && i < answer->count; i++)
		json_array_append_new(records, write_record(&answer->records[i]));
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:o}", "outcome",
			 outcomes[answer->outcome], "version", (json_int_t)answer->version,
			 "namespace", (json_int_t)answer->namespace_id[0], "unix_ms",
			 (json_int_t)answer->unix_ms, "ttl_ms",
			 (json_int_t)(answer->ttl_ns / 1000000), "expiry_ms",
			 (json_int_t)(answer->expiry_ns / 1000000), "why",
			 answer->why ? answer->why : "", "records", records);
}

/* One answer for each request, in the order in which they were sent; null if none came. */
static json_t *ask_all(struct sn_coordinator *coordinator, const json_t *requests)
{
	static uint64_t serial;
	const uint64_t first = serial + 1, end_ns = now_ns() + UINT64_C(60000000000);
	const size_t count = json_array_size(requests);
	json_t *const answers = json_array();
	struct sn_answer answer;
	size_t left = count;

	for (size_t i = 0; i < count; i++) {
		const struct sn_request request =
			read_request(json_array_get(requests, i), ++serial);
		coordinator->class->send(coordinator, &request);
		json_array_append_new(answers, json_null());
	}
	while (left > 0 && now_ns() < end_ns) {
		while (left > 0 && coordinator->class->receive(coordinator, &answer)) {
			if (answer.serial < first)
				continue;
			json_array_set_new(answers, (size_t)(answer.serial - first),
					   write_answer(&answer));
			left--;
		}
		if (left > 0)
			coordinator->class->wait(coordinator, 1000000000);
	}
	return answers;
}

/* ---- how programs end ------------------------------------------------------------------------ */

/* In a child, which must not disturb the connections of its parent. */
static int close_in_child(struct sn_coordinator *coordinator)
{
	int status = 0;

	const pid_t child = fork();
	if (child == 0) {
		coordinator->class->close(coordinator, true);
		exit(0);
	}
	waitpid(child, &status, 0);
	return status;
}

static atomic_ulong rounds;

static void *ask_for_ever(void *user)
{
	struct sn_coordinator *const coordinator = user;
	json_t *const requests = json_loads("[{\"ask\": \"READ\"}]", 0, NULL);

	for (;;) {
		json_decref(ask_all(coordinator, requests));
		atomic_fetch_add(&rounds, 1);
	}
	return NULL;
}

/* Registered before the module is loaded, so that it runs after what the module and its libraries
 * have registered. */
static void check_silence(void)
{
	const unsigned long before = atomic_load(&rounds);

	if (before == 0)
		return;
	usleep(300000);
	if (atomic_load(&rounds) > before + 1)
		_exit(3);
}

/* As a program does that closes nothing, while another thread is busy. */
static void exit_while_asking(struct sn_coordinator *coordinator)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, ask_for_ever, coordinator) != 0)
		exit(2);
	while (atomic_load(&rounds) < 10)
		usleep(1000);
	exit(0);
}

static int serve(struct sn_coordinator *coordinator)
{
	char line[65536];

	while (fgets(line, sizeof line, stdin)) {
		if (strcmp(line, "fork\n") == 0) {
			printf("%d\n", close_in_child(coordinator));
		} else if (strcmp(line, "exit\n") == 0) {
			exit_while_asking(coordinator);
		} else {
			json_t *const requests = json_loads(line, 0, NULL);
			json_t *const answers = ask_all(coordinator, requests);
			json_dumpf(answers, stdout, JSON_COMPACT);
			puts("");
			json_decref(requests);
			json_decref(answers);
		}
		fflush(stdout);
	}
	coordinator->class->close(coordinator, false);
	return 0;
}

static void set_option(struct sn_coordinator_settings *settings, char *option)
{
	char *const value = strchr(option, '=') + 1;
	const struct {
		const char *name;
		const char **to;
	} texts[] = {
		{"ca=", &settings->ca_file},
		{"cert=", &settings->cert_file},
		{"key=", &settings->key_file},
		{"user=", &settings->user},
		{"password_file=", &settings->password_file},
		{"token_file=", &settings->token_file},
	};

	settings->tls |= strcmp(option, "tls=1") == 0;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (strncmp(option, texts[i].name, strlen(texts[i].name)) == 0)
			*texts[i].to = value;
}

int main(int argc, char **argv)
{
	struct sn_coordinator_settings settings = {0};
	struct sn_coordinator *coordinator = NULL;
	char why[512] = "";

	if (argc < 3)
		return 2;
	atexit(check_silence);
	settings.servers = argv[2];
	for (int i = 3; i < argc; i++)
		if (strchr(argv[i], '='))
			set_option(&settings, argv[i]);
	void *const library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	const struct sn_module *const module = library ? dlsym(library, SN_MODULE_SYMBOL) : NULL;
	if (!module) {
		fprintf(stderr, "%s\n", dlerror());
		return 2;
	}
	const int error = module->open(&settings, &coordinator, why, sizeof why);
	if (error) {
		printf("%d %s\n", error, why);
		return 1;
	}
	return serve(coordinator);
}
