/* SPDX-License-Identifier: MIT
 *
 * The kinds of ID that are served: from settings to generators.
 */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snowidd/config/sources.h"
#include "snowidd/service/kind_store.h"
#include "snowidd/service/kinds.h"
#include "tests/unit/check.h"
#include "tests/unit/directory.h"

static struct served_kind kinds[KINDS_MAX];
static size_t count;
static struct settings *settings;
static struct settings_error error;
static const struct kinds_interrupt *interrupt;

static void begin(void)
{
	unsetenv("SNOWID_STORE");
	unsetenv("STATE_DIRECTORY");
	directory_make();
}

static void end(void)
{
	kinds_free(kinds, count);
	settings_free(settings);
	directory_remove();
}

/* Up to three options. */
static bool open_kinds(enum kinds_opening opening, const char *first, const char *second,
		       const char *third)
{
	char copies[3][4200], *options[] = {copies[0], copies[1], copies[2], NULL};
	const char *const texts[] = {first, second, third};

	for (size_t i = 0; i < 3; i++) {
		snprintf(copies[i], sizeof copies[i], "%s", texts[i] ? texts[i] : "");
		if (!texts[i])
			options[i] = NULL;
	}
	settings_free(settings);
	kinds_free(kinds, count);
	memset(kinds, 0, sizeof kinds);
	settings = settings_load(options, "/dev/null", &error);
	ck_assert_msg(settings != NULL, "%s", error.text);
	const bool opened = kinds_open(kinds, &count, settings, opening, interrupt, &error);
	if (!opened)
		count = 0; /* all are closed */
	return opened;
}

static int stop_waiting(void *user)
{
	++*(int *)user;
	return 1;
}

/* A new state file begins a reserve ahead of the clock. */
TEST(waiting_for_a_store_can_be_interrupted)
{
	int asked = 0;
	const struct kinds_interrupt stop = {stop_waiting, &asked};
	char store[4200];

	snprintf(store, sizeof store, "--store=file:%s/state", directory);
	interrupt = &stop;
	ck_assert(!open_kinds(KINDS_START, "--worker-id=1", store, "--reserve=10m"));
	ck_assert_int_eq(asked, 1);
	interrupt = NULL;
}

/* The store that a kind of this name and place in the list would have. */
static const char *store_of_kind(const char *url, size_t index)
{
	static struct served_kind kind;
	char store[4200];

	snprintf(store, sizeof store, "--store=%s", url);
	ck_assert(open_kinds(KINDS_READ, store, NULL, NULL));
	kind = (struct served_kind){.name = "orders", .index = index, .type = KIND_LAYOUT};
	ck_assert_msg(kind_store_check(&kind, settings, &error), "%s", error.text);
	return kind.store;
}

TEST(stores_of_further_kinds_lie_beside_the_first)
{
	static const char etcd[] = "etcd://a:2379,[::1]:2379/ids?ttl=10s&tls=1&ca=/etc/ca.pem";

	ck_assert_str_eq(store_of_kind(etcd, 0), etcd);
	ck_assert_str_eq(store_of_kind(etcd, 1),
			 "etcd://a:2379,[::1]:2379/ids/orders?ttl=10s&tls=1&ca=/etc/ca.pem");
	ck_assert_str_eq(store_of_kind("etcd://a/ids?ttl=5s&cache=/run/worker&tls=1", 1),
			 "etcd://a/ids/orders?ttl=5s&cache=/run/worker.orders&tls=1");
	ck_assert_str_eq(store_of_kind("etcd://a/ids?cache=/run/worker", 1),
			 "etcd://a/ids/orders?cache=/run/worker.orders");
	ck_assert_str_eq(store_of_kind("consul://a/ids/", 1), "consul://a/ids/orders");
	ck_assert_str_eq(store_of_kind("zookeeper://a", 1), "zookeeper://a/orders");
	ck_assert_str_eq(store_of_kind("slots:/a/?workers=0-3", 1), "slots:/a/orders?workers=0-3");
	ck_assert_str_eq(store_of_kind("file:/a/b", 1), "file:/a/b.orders");
	ck_assert_str_eq(store_of_kind("host:/a", 1), "host:/a");
}

static void expect_failure(const char *first, const char *second, const char *message)
{
	ck_assert_msg(!open_kinds(KINDS_READ, first, second, NULL), "%s", first);
	ck_assert_str_eq(error.text, message);
}

TEST(the_library_says_what_a_kind_is)
{
	ck_assert_msg(
		open_kinds(KINDS_START,
			   "--kinds=snowflake ulid uuid1 uuid6 v7=uuid7 x=time:50,sequence:13",
			   "--store=memory:", "--worker-id=1") == false,
		"x has no worker");
	ck_assert_str_eq(error.text, "worker_id: the kind x has no worker, machine or shard");
	ck_assert_msg(open_kinds(KINDS_START,
				 "--kinds=snowflake ulid uuid1 uuid6 v7=uuid7 sonyflake",
				 "--store=memory:", "--worker-id=1"),
		      "%s", error.text);
	ck_assert_uint_eq(count, 6);
	static const enum kind_type types[] = {KIND_LAYOUT, KIND_ULID, KIND_UUID,
					       KIND_UUID,   KIND_UUID, KIND_LAYOUT};
	for (size_t i = 0; i < count; i++) {
		ck_assert_int_eq(kinds[i].type, types[i]);
		ck_assert_int_eq(kinds[i].layout != NULL, types[i] == KIND_LAYOUT);
		ck_assert_uint_eq(kinds[i].index, i);
	}
	ck_assert_str_eq(kinds[4].name, "v7");
}

TEST(kinds_are_named_once_and_well)
{
	expect_failure("--kinds=ulid x=ulid ulid", NULL, "kinds: ulid occurs twice");
	expect_failure("--kinds=a b c d e f g h i", NULL, "kinds: 9 of them; 1 to 8 can be served");
	expect_failure("--kinds=Ulid", NULL,
		       "kinds: \"Ulid\" is not NAME or NAME=LAYOUT, the name of up to 31 of a-z, "
		       "0-9 and _");
	ck_assert(!open_kinds(KINDS_READ, "--kinds=none", NULL, NULL));
	ck_assert_ptr_nonnull(strstr(error.text, "kinds: kind none: "));
}

TEST(an_epoch_is_for_layouts_that_have_none)
{
	ck_assert_msg(open_kinds(KINDS_READ,
				 "--kinds=x=time:41,worker:10,sequence:12 "
				 "y=time:41,worker:10,sequence:12;epoch=2020-01-01 ulid",
				 "--epoch=2024-01-01", NULL),
		      "%s", error.text);
	ck_assert_str_eq(kinds[0].spec, "time:41,worker:10,sequence:12;epoch=2024-01-01");
	ck_assert_str_eq(kinds[1].spec, "time:41,worker:10,sequence:12;epoch=2020-01-01");
	ck_assert_str_eq(kinds[2].spec, "ulid");
}

TEST(store_assigns_the_worker_in_the_words_of_both_times)
{
	static const char *const words[] = {"--worker-id=auto", "--worker-id=store"};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		ck_assert_msg(open_kinds(KINDS_READ, words[i], NULL, NULL), "%s", error.text);
		ck_assert(kind_store_assigns_worker(settings));
	}
}

TEST(fields_go_to_the_kinds_that_have_them)
{
	const char *name;
	uint64_t value;
	size_t index = 0;

	ck_assert_msg(open_kinds(KINDS_START,
				 "--kinds=snowflake x=time:41,zone:2,worker:8,sequence:12",
				 "--fields=zone=3", "--worker-id=5"),
		      "%s", error.text);
	ck_assert(kind_next_field(&kinds[1], &index, &name, &value, NULL));
	ck_assert_str_eq(name, "zone");
	ck_assert_uint_eq(value, 3);
	ck_assert(kind_next_field(&kinds[1], &index, &name, &value, NULL));
	ck_assert_str_eq(name, "worker");
	ck_assert_uint_eq(value, 5);
	ck_assert(!kind_next_field(&kinds[1], &index, &name, &value, NULL));
	expect_failure("--fields=zone=3", NULL, "fields: no kind has a field zone");
	expect_failure("--fields=zone", NULL, "fields: \"zone\" is not NAME=N");
	expect_failure("--kinds=sonyflake", "--datacenter-id=1",
		       "datacenter_id: no kind has a field datacenter");
	expect_failure("--worker-id=x", NULL,
		       "worker_id: \"x\" is not a number, auto, hostname or hostname:PREFIX");
}

/* A new state file makes its first user wait for a reserve or for three times hold. */
static void set_short_reserve(void)
{
	setenv("SNOWIDD_RESERVE", "10ms", 1);
	setenv("SNOWIDD_HOLD", "3ms", 1);
}

TEST(the_stores_of_further_kinds_lie_beside_the_first)
{
	char store[4200], expected[4300];

	set_short_reserve();
	snprintf(store, sizeof store, "--store=file:%s/s", directory);
	if (strlen(store) > 400)
		return; /* tests run in a directory with a long name */
	ck_assert_msg(
		open_kinds(KINDS_START, "--kinds=snowflake ulid sonyflake", store, "--worker-id=1"),
		"%s", error.text);
	ck_assert_str_eq(kinds[0].store, store + strlen("--store="));
	ck_assert_str_eq(kinds[1].store, "memory:");
	snprintf(expected, sizeof expected, "%s.sonyflake", kinds[0].store);
	ck_assert_str_eq(kinds[2].store, expected);
	ck_assert_uint_gt(kinds[0].reserve_ns, 0);
}

/* Each identity has a file of its own there. */
TEST(kinds_share_the_directory_of_a_host_store)
{
	char store[4200];

	snprintf(store, sizeof store, "--store=host:%s", directory);
	if (strlen(store) > 400)
		return; /* tests run in a directory with a long name */
	ck_assert_msg(
		open_kinds(KINDS_START, "--kinds=snowflake sonyflake", store, "--worker-id=1"),
		"%s", error.text);
	ck_assert_str_eq(kinds[1].store, kinds[0].store);
	ck_assert_int_eq(directory_count(), 2);
}

TEST(state_lies_in_the_directory_of_the_service_manager)
{
	char prefix[4200];

	ck_assert(kinds_host_scope(settings = settings_new(&error)));
	setenv("STATE_DIRECTORY", directory, 1);
	if (strlen(directory) > 300)
		return; /* tests run in a directory with a long name */
	set_short_reserve();
	ck_assert_msg(open_kinds(KINDS_START, "--worker-id=3", NULL, NULL), "%s", error.text);
	ck_assert(!kinds_host_scope(settings));
	snprintf(prefix, sizeof prefix, "file:%s/", directory);
	ck_assert_int_eq(strncmp(kinds[0].store, prefix, strlen(prefix)), 0);
	ck_assert_ptr_nonnull(strstr(kinds[0].store, "-worker3"));
	ck_assert_int_eq(directory_count(), 1);
}

/* They have no worker that another host could have too. */
TEST(ulids_and_uuids_are_not_unique_on_one_host_alone)
{
	static char wide[] = "--kinds=ulid ids=uuid7", mixed[] = "--kinds=ulid snowflake";
	char *none[] = {NULL, NULL};

	for (int i = 0; i < 2; i++) {
		none[0] = i == 0 ? wide : mixed;
		settings = settings_load(none, "/dev/null", &error);
		ck_assert_msg(settings != NULL, "%s", error.text);
		ck_assert_int_eq(kinds_host_scope(settings), i);
		settings_free(settings);
	}
	settings = NULL;
}

TEST(what_would_refuse_a_start_is_found_without_starting)
{
	static const struct {
		const char *first, *second, *message;
	} cases[] = {
		{"--store=nonsense", NULL, "is not a URL"},
		{"--store=file:x", NULL, "must begin with /"},
		{"--store=file:/nonexistent/x", NULL, "/nonexistent/x: No such file or directory"},
		{"--store=slots:/nonexistent/x?workers=0-3", NULL, "/nonexistent/x: No such file"},
		{"--epoch=2100-01-01", NULL, "clock is before the epoch"},
		{"--kinds=ulid x=time:41,worker:9,sequence:12;epoch=1700-01-01", NULL,
		 "the layout ended"},
	};
	char option[sizeof directory + 32];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ck_assert_msg(
			!open_kinds(KINDS_TRY, "--worker-id=1", cases[i].first, cases[i].second),
			"%s", cases[i].first);
		ck_assert_msg(strstr(error.text, cases[i].message) != NULL, "%s", error.text);
	}
	snprintf(option, sizeof option, "--store=file:%s/x", directory);
	ck_assert_msg(open_kinds(KINDS_TRY, "--worker-id=1", option, NULL), "%s", error.text);
	ck_assert_int_ne(access(strchr(option, ':') + 1, F_OK), 0);
	ck_assert_msg(open_kinds(KINDS_TRY, "--worker-id=1", NULL, NULL), "%s", error.text);
}

TEST(an_epoch_is_an_instant_and_nothing_else)
{
	static const char *const bad[] = {"2024-01-01;unit=10ms", "1;unit=10ms", "yesterday", "-"};
	char option[64];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		snprintf(option, sizeof option, "--epoch=%s", bad[i]);
		ck_assert_msg(!open_kinds(KINDS_READ, option, NULL, NULL), "%s", bad[i]);
		ck_assert_msg(strncmp(error.text, "epoch: ", 7) == 0, "%s", error.text);
	}
	ck_assert(open_kinds(KINDS_READ, "--epoch=1704067200000", NULL, NULL));
	ck_assert(open_kinds(KINDS_READ, "--epoch=0", NULL, NULL)); /* any number is milliseconds */
	ck_assert(open_kinds(KINDS_READ, "--epoch=-5", NULL, NULL));
	ck_assert(!open_kinds(KINDS_READ, "--epoch=99999999999999999", NULL, NULL));
	ck_assert(open_kinds(KINDS_READ, "--epoch=2024-01-01", NULL, NULL));
	ck_assert(!open_kinds(KINDS_READ, "--kinds=ulid", "--epoch=x", NULL));
}

int main(void)
{
	return run_tests(begin, end);
}
