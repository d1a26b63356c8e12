/* SPDX-License-Identifier: MIT
 *
 * What coordinator.h promises, with a module and the real service behind it. contract.py starts the
 * service, tells by variables where it is (ADDRESSES) and the module (MODULE), and does with the
 * service what it is asked for by a line on the socket that is standard input.
 *
 * Each test has a root of its own. None depends on how fast the service is.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libsnowid/coordinator/module.h"
#include "tests/unit/check.h"

#define TTL     (2 * (uint64_t)SEC)
#define TIMEOUT (30 * (uint64_t)SEC) /* of requests that are expected to be answered */
#define WORKER  5

/* Names that no earlier run has used. */
static char root[64], path[96];
static const uint64_t namespace_id[2] = {UINT64_C(0x123456789abcdef0), 7};
static const uint64_t first_owner[2] = {1, 1}, second_owner[2] = {2, 2};
static uint64_t next_serial = 1;

static const struct sn_module *module;

/* ---- asking ---------------------------------------------------------------------------------- */

static struct sn_coordinator *open_with(const struct sn_coordinator_settings *settings)
{
	struct sn_coordinator *coordinator = NULL;
	char why[512] = "";
	const int error = module->open(settings, &coordinator, why, sizeof why);

	ck_assert_msg(error == 0, "%d: %s", error, why);
	return coordinator;
}

static struct sn_coordinator *open_coordinator(void)
{
	static struct sn_coordinator_settings settings;
	settings.servers = getenv("ADDRESSES");
	return open_with(&settings);
}

static void close_coordinator(struct sn_coordinator *coordinator)
{
	coordinator->class->close(coordinator, false);
}

static uint64_t send_request(struct sn_coordinator *coordinator, struct sn_request request)
{
	request.serial = next_serial++;
	request.root = root;
	request.path = path;
	request.ttl_ns = TTL;
	if (request.timeout_ns == 0)
		request.timeout_ns = TIMEOUT;
	coordinator->class->send(coordinator, &request);
	return request.serial;
}

static struct sn_answer receive_answer(struct sn_coordinator *coordinator)
{
	struct sn_answer answer;

	while (!coordinator->class->receive(coordinator, &answer))
		coordinator->class->wait(coordinator, SEC);
	return answer;
}

/* The answer is valid until the next call. */
static struct sn_answer ask(struct sn_coordinator *coordinator, struct sn_request request)
{
	const uint64_t serial = send_request(coordinator, request);
	struct sn_answer answer;

	do
		answer = receive_answer(coordinator);
	while (answer.serial != serial);
	return answer;
}

static void expect(struct sn_answer answer, enum sn_outcome outcome)
{
	static const char *const names[] = {"done", "refused", "unknown", "denied"};
	ck_assert_msg(answer.outcome == outcome, "%s instead of %s: %s", names[answer.outcome],
		      names[outcome], answer.outcome == SN_DONE ? "" : answer.why);
	if (outcome != SN_DONE)
		ck_assert_ptr_nonnull(answer.why);
}

#define EXPECT_ANSWER(answer, outcome) expect((answer), (outcome))

static struct sn_record read_worker(struct sn_coordinator *coordinator, uint64_t worker)
{
	const struct sn_answer answer = ask(
		coordinator, (struct sn_request){.ask = SN_ASK_READ, .worker = worker, .count = 1});

	expect(answer, SN_DONE);
	ck_assert_uint_eq(answer.count, 1);
	struct sn_record record = answer.records[0];
	record.kind = NULL; /* valid only until the next call */
	return record;
}

static struct sn_record read_record(struct sn_coordinator *coordinator)
{
	return read_worker(coordinator, WORKER);
}

/* What an owner would write over a record that it knows. */
static struct sn_record next_record(const struct sn_record *known, const uint64_t owner[2])
{
	struct sn_record record = *known;

	record.epoch++;
	record.limit += 1000;
	record.limit_ms = UINT64_C(1700000000123);
	record.released = false;
	record.writes++;
	memcpy(record.incarnation, owner, sizeof record.incarnation);
	record.owner = (struct sn_holder){4711, UINT64_C(1699999999001), "host-a"};
	record.fingerprint = UINT64_C(0xfedcba9876543210);
	record.kind = "snowflake";
	return record;
}

static struct sn_request write_request(enum sn_ask what, const struct sn_record *known,
				       const uint64_t owner[2])
{
	struct sn_request request = {
		.ask = what, .worker = WORKER, .record = next_record(known, owner)};
	memcpy(request.namespace_id, namespace_id, sizeof namespace_id);
	return request;
}

static struct sn_answer write_as(struct sn_coordinator *coordinator, enum sn_ask what,
				 const struct sn_record *known, const uint64_t owner[2])
{
	return ask(coordinator, write_request(what, known, owner));
}

/* A claim of a free worker may be refused for a reason that has passed then, as that the time of
 * the service was not known. */
static struct sn_answer claim_worker(struct sn_coordinator *coordinator, uint64_t worker,
				     const uint64_t owner[2])
{
	struct sn_answer answer = {.outcome = SN_REFUSED};

	for (int i = 0; i < 3 && answer.outcome == SN_REFUSED; i++) {
		const struct sn_record known = read_worker(coordinator, worker);
		struct sn_request request = write_request(SN_ASK_CLAIM, &known, owner);
		request.worker = worker;
		answer = ask(coordinator, request);
	}
	expect(answer, SN_DONE);
	return answer;
}

static struct sn_record claim(struct sn_coordinator *coordinator, const uint64_t owner[2])
{
	(void)claim_worker(coordinator, WORKER, owner);
	return read_record(coordinator);
}

static struct sn_answer forget(struct sn_coordinator *coordinator, const uint64_t owner[2])
{
	struct sn_request request = {.ask = SN_ASK_FORGET, .worker = WORKER};
	memcpy(request.record.incarnation, owner, sizeof request.record.incarnation);
	return ask(coordinator, request);
}

static bool is_held_by(const struct sn_record *record, const uint64_t owner[2])
{
	return record->held && memcmp(record->held_by, owner, sizeof record->held_by) == 0;
}

/* Asks for what is done with the service: words that tabs separate. */
static void control(const char *wish)
{
	char done = 0;

	ck_assert_int_gt(dprintf(STDIN_FILENO, "%s\n", wish), 0);
	ck_assert_msg(read(STDIN_FILENO, &done, 1) == 1 && done == 'y', "%s", wish);
}

static void control_key(const char *action, const char *key, const char *value)
{
	char wish[512];
	(void)snprintf(wish, sizeof wish, "%s\t%s/%s\t%s", action, path, key, value);
	control(wish);
}

static bool module_is(const char *scheme)
{
	return strcmp(module->scheme, scheme) == 0;
}

/* The key of a record. Consul's is the lease as well. */
static const char *record_key(void)
{
	return module_is("consul:") ? "workers/worker5" : "state/worker5";
}

/* ---- reading --------------------------------------------------------------------------------- */

TEST(what_was_never_written_does_not_exist)
{
	struct sn_coordinator *const coordinator = open_coordinator();
	const struct sn_answer answer =
		ask(coordinator, (struct sn_request){.ask = SN_ASK_READ, .count = 32});

	EXPECT_ANSWER(answer, SN_DONE);
	ck_assert_uint_eq(answer.namespace_id[0] | answer.namespace_id[1], 0);
	ck_assert_uint_ge(answer.count, 1);
	ck_assert_uint_le(answer.count, 32);
	for (uint64_t i = 0; i < answer.count; i++)
		ck_assert(!answer.records[i].exists && !answer.records[i].held);
	close_coordinator(coordinator);
}

TEST(a_claim_writes_the_record_the_lease_and_the_namespace)
{
	struct sn_coordinator *const coordinator = open_coordinator();
	const uint64_t version = claim_worker(coordinator, WORKER, first_owner).version;
	const struct sn_answer answer = ask(
		coordinator, (struct sn_request){.ask = SN_ASK_READ, .worker = WORKER, .count = 1});
	const struct sn_record zero = {0}, written = next_record(&zero, first_owner),
			       *const record = answer.records;

	EXPECT_ANSWER(answer, SN_DONE);
	ck_assert_mem_eq(answer.namespace_id, namespace_id, sizeof namespace_id);
	ck_assert(record->exists && is_held_by(record, first_owner));
	ck_assert_uint_eq(record->version, version);
	ck_assert_uint_eq(record->epoch, written.epoch);
	ck_assert_uint_eq(record->limit, written.limit);
	ck_assert_uint_eq(record->limit_ms, written.limit_ms);
	ck_assert_uint_eq(record->writes, written.writes);
	ck_assert(!record->released);
	ck_assert_mem_eq(record->incarnation, first_owner, sizeof record->incarnation);
	ck_assert_uint_eq(record->owner.process, written.owner.process);
	ck_assert_uint_eq(record->owner.since_ms, written.owner.since_ms);
	ck_assert_str_eq(record->owner.host, written.owner.host);
	ck_assert_uint_eq(record->fingerprint, written.fingerprint);
	ck_assert_str_eq(record->kind, written.kind);
	close_coordinator(coordinator);
}

TEST(answers_tell_the_time_of_the_service_and_its_ttl)
{
	struct sn_coordinator *const coordinator = open_coordinator();
	const struct sn_answer answer = claim_worker(coordinator, WORKER, first_owner);
	const uint64_t now = (uint64_t)time(NULL) * 1000;

	/* The service runs here. A minute is more than any machine stops for. */
	ck_assert_uint_ge(answer.unix_ms, now - 60000);
	ck_assert_uint_le(answer.unix_ms, now + 60000);
	if (answer.ttl_ns > 0)
		ck_assert_uint_ge(answer.ttl_ns, TTL);
	ck_assert(answer.expiry_ns == 0 || answer.expiry_ns >= answer.ttl_ns);
	close_coordinator(coordinator);
}

TEST(a_range_of_any_size_is_read_in_pieces)
{
	static const uint64_t claimed[] = {0, 511, 1023};
	struct sn_coordinator *const coordinator = open_coordinator();
	uint64_t found = 0, next = 0;

	for (int i = 0; i < 3; i++)
		(void)claim_worker(coordinator, claimed[i], first_owner);
	while (next < 1024) {
		const struct sn_answer answer =
			ask(coordinator, (struct sn_request){.ask = SN_ASK_READ,
							     .worker = next,
							     .count = 1024 - next});
		EXPECT_ANSWER(answer, SN_DONE);
		ck_assert_uint_ge(answer.count, 1);
		ck_assert_uint_le(answer.count, 1024 - next);
		for (uint64_t i = 0; i < answer.count; i++, next++)
			if (answer.records[i].exists) {
				ck_assert_uint_eq(next, claimed[found]);
				ck_assert(is_held_by(&answer.records[i], first_owner));
				found++;
			}
	}
	ck_assert_uint_eq(found, 3);
	close_coordinator(coordinator);
}

/* ---- claiming -------------------------------------------------------------------------------- */

TEST(a_claim_is_refused_while_another_has_the_lease)
{
	struct sn_coordinator *const one = open_coordinator(), *const other = open_coordinator();
	const struct sn_record held = claim(one, first_owner);

	EXPECT_ANSWER(write_as(other, SN_ASK_CLAIM, &held, second_owner), SN_REFUSED);
	EXPECT_ANSWER(write_as(one, SN_ASK_CLAIM, &held, second_owner), SN_REFUSED);
	const struct sn_record record = read_record(other);
	ck_assert_uint_eq(record.version, held.version);
	ck_assert(is_held_by(&record, first_owner));
	close_coordinator(one);
	close_coordinator(other);
}

TEST(a_claim_is_refused_unless_it_knows_the_record)
{
	struct sn_coordinator *const coordinator = open_coordinator();
	const struct sn_record never = {0};
	struct sn_record other = {.exists = true, .version = 1};

	(void)claim_worker(coordinator, WORKER + 1, first_owner); /* so that all paths exist */
	EXPECT_ANSWER(write_as(coordinator, SN_ASK_CLAIM, &other, first_owner), SN_REFUSED);
	const struct sn_record held = claim(coordinator, first_owner);
	EXPECT_ANSWER(write_as(coordinator, SN_ASK_RELEASE, &held, first_owner), SN_DONE);
	EXPECT_ANSWER(write_as(coordinator, SN_ASK_CLAIM, &never, second_owner), SN_REFUSED);
	EXPECT_ANSWER(write_as(coordinator, SN_ASK_CLAIM, &held, second_owner), SN_REFUSED);
	other = read_record(coordinator);
	other.version++;
	EXPECT_ANSWER(write_as(coordinator, SN_ASK_CLAIM, &other, second_owner), SN_REFUSED);
	other = read_record(coordinator);
	ck_assert(!other.held);
	EXPECT_ANSWER(write_as(coordinator, SN_ASK_CLAIM, &other, second_owner), SN_DONE);
	close_coordinator(coordinator);
}

TEST(a_claim_that_arrives_twice_is_done_once)
{
	struct sn_coordinator *const coordinator = open_coordinator();
	(void)claim_worker(coordinator, WORKER + 1, second_owner); /* so that it is not refused */
	const struct sn_record free_record = read_record(coordinator);
	const struct sn_request request = write_request(SN_ASK_CLAIM, &free_record, first_owner);

	EXPECT_ANSWER(ask(coordinator, request), SN_DONE);
	const struct sn_record once = read_record(coordinator);
	const struct sn_answer again = ask(coordinator, request);
	ck_assert(again.outcome == SN_REFUSED || again.outcome == SN_DONE);
	const struct sn_record record = read_record(coordinator);
	ck_assert(is_held_by(&record, first_owner));
	ck_assert_uint_eq(record.epoch, once.epoch);
	ck_assert_uint_eq(record.writes, once.writes);
	EXPECT_ANSWER(write_as(coordinator, SN_ASK_RAISE, &record, first_owner), SN_DONE);
	close_coordinator(coordinator);
}

TEST(of_claims_at_once_one_is_done)
{
	struct sn_coordinator *coordinators[8];
	struct sn_record records[8];
	unsigned done = 0;

	coordinators[0] = open_coordinator();
	(void)claim_worker(coordinators[0], WORKER + 1, second_owner);
	for (unsigned i = 0; i < 8; i++) {
		if (i > 0)
			coordinators[i] = open_coordinator();
		records[i] = read_record(coordinators[i]);
	}
	for (unsigned i = 0; i < 8; i++)
		(void)send_request(coordinators[i],
				   write_request(SN_ASK_CLAIM, &records[i], (uint64_t[2]){100, i}));
	for (unsigned i = 0; i < 8; i++) {
		const struct sn_answer answer = receive_answer(coordinators[i]);
		ck_assert(answer.outcome == SN_DONE || answer.outcome == SN_REFUSED);
		done += answer.outcome == SN_DONE;
	}
	ck_assert_uint_eq(done, 1);
	for (unsigned i = 0; i < 8; i++)
		close_coordinator(coordinators[i]);
}

TEST(a_claim_of_another_namespace_is_refused)
{
	struct sn_coordinator *const coordinator = open_coordinator();
	(void)claim_worker(coordinator, WORKER + 1, second_owner);
	const struct sn_record record = read_record(coordinator);
	struct sn_request request = write_request(SN_ASK_CLAIM, &record, first_owner);

	request.namespace_id[1]++;
	EXPECT_ANSWER(ask(coordinator, request), SN_REFUSED);
	ck_assert(!read_record(coordinator).exists);
	request.namespace_id[1]--;
	EXPECT_ANSWER(ask(coordinator, request), SN_DONE);
	close_coordinator(coordinator);
}

/* ---- owning ---------------------------------------------------------------------------------- */

TEST(each_raise_writes_a_new_version_and_keeps_the_lease)
{
	struct sn_coordinator *const coordinator = open_coordinator();
	struct sn_record record = claim(coordinator, first_owner);

	for (int i = 0; i < 3; i++) {
		const struct sn_answer answer =
			write_as(coordinator, SN_ASK_RAISE, &record, first_owner);
		const uint64_t version = answer.version, limit = record.limit;
		EXPECT_ANSWER(answer, SN_DONE);
		ck_assert_uint_ne(version, record.version);
		record = read_record(coordinator);
		ck_assert_uint_eq(record.version, version);
		ck_assert_uint_eq(record.limit, limit + 1000);
		ck_assert(is_held_by(&record, first_owner));
	}
	close_coordinator(coordinator);
}

TEST(the_next_raise_needs_only_the_version_of_the_answer)
{
	struct sn_coordinator *const coordinator = open_coordinator();
	struct sn_record record = {0};

	record = next_record(&record, first_owner);
	record.exists = true;
	record.version = claim_worker(coordinator, WORKER, first_owner).version;
	for (int i = 0; i < 3; i++) {
		const struct sn_answer answer =
			write_as(coordinator, SN_ASK_RAISE, &record, first_owner);
		EXPECT_ANSWER(answer, SN_DONE);
		record = next_record(&record, first_owner);
		record.version = answer.version;
	}
	close_coordinator(coordinator);
}

TEST(a_raise_of_an_outdated_record_is_refused)
{
	struct sn_coordinator *const coordinator = open_coordinator();
	const struct sn_record outdated = claim(coordinator, first_owner);

	EXPECT_ANSWER(write_as(coordinator, SN_ASK_RAISE, &outdated, first_owner), SN_DONE);
	const struct sn_record record = read_record(coordinator);
	EXPECT_ANSWER(write_as(coordinator, SN_ASK_RAISE, &outdated, first_owner), SN_REFUSED);
	EXPECT_ANSWER(write_as(coordinator, SN_ASK_RELEASE, &outdated, first_owner), SN_REFUSED);
	ck_assert_uint_eq(read_record(coordinator).version, record.version);
	close_coordinator(coordinator);
}

/* The version alone would let them write. */
TEST(only_the_incarnation_with_the_lease_writes)
{
	struct sn_coordinator *const one = open_coordinator(), *const other = open_coordinator();
	const struct sn_record record = claim(one, first_owner);

	EXPECT_ANSWER(write_as(one, SN_ASK_RAISE, &record, second_owner), SN_REFUSED);
	EXPECT_ANSWER(write_as(other, SN_ASK_RAISE, &record, second_owner), SN_REFUSED);
	EXPECT_ANSWER(write_as(other, SN_ASK_RELEASE, &record, second_owner), SN_REFUSED);
	EXPECT_ANSWER(forget(other, first_owner), SN_DONE);
	const struct sn_record free_record = read_record(one);
	ck_assert(!free_record.held);
	EXPECT_ANSWER(write_as(one, SN_ASK_RAISE, &free_record, first_owner), SN_REFUSED);
	EXPECT_ANSWER(write_as(one, SN_ASK_RELEASE, &free_record, first_owner), SN_REFUSED);
	const struct sn_record taken = claim(other, second_owner);
	EXPECT_ANSWER(write_as(one, SN_ASK_RAISE, &taken, first_owner), SN_REFUSED);
	EXPECT_ANSWER(write_as(one, SN_ASK_RAISE, &record, first_owner), SN_REFUSED);
	EXPECT_ANSWER(write_as(other, SN_ASK_RAISE, &taken, second_owner), SN_DONE);
	close_coordinator(one);
	close_coordinator(other);
}

TEST(an_owner_whose_lease_ended_claims_its_record_again)
{
	struct sn_coordinator *const one = open_coordinator(), *const other = open_coordinator();

	(void)claim(one, first_owner);
	EXPECT_ANSWER(forget(other, first_owner), SN_DONE);
	const struct sn_record again = claim(one, second_owner);
	ck_assert_uint_eq(again.epoch, 2);
	EXPECT_ANSWER(write_as(one, SN_ASK_RAISE, &again, second_owner), SN_DONE);
	close_coordinator(one);
	close_coordinator(other);
}

TEST(a_release_writes_the_record_and_frees_the_worker)
{
	struct sn_coordinator *const one = open_coordinator(), *const other = open_coordinator();
	const struct sn_record held = claim(one, first_owner);
	struct sn_request request = write_request(SN_ASK_RELEASE, &held, first_owner);

	request.record.released = true;
	request.record.last_tick = 77;
	const struct sn_answer answer = ask(one, request);
	const uint64_t version = answer.version;
	EXPECT_ANSWER(answer, SN_DONE);
	const struct sn_record record = read_record(other);
	ck_assert(record.released && !record.held);
	ck_assert_uint_eq(record.last_tick, 77);
	ck_assert_uint_eq(record.version, version);
	EXPECT_ANSWER(ask(one, request), SN_REFUSED);
	(void)claim(other, second_owner);
	close_coordinator(one);
	close_coordinator(other);
}

TEST(forget_ends_the_lease_of_its_incarnation_alone)
{
	struct sn_coordinator *const one = open_coordinator(), *const other = open_coordinator();

	struct sn_answer answer = forget(one, first_owner);
	ck_assert(answer.outcome == SN_DONE || answer.outcome == SN_REFUSED);
	const struct sn_record held = claim(one, first_owner);
	answer = forget(other, second_owner);
	ck_assert(answer.outcome == SN_DONE || answer.outcome == SN_REFUSED);
	struct sn_record record = read_record(one);
	ck_assert(is_held_by(&record, first_owner));
	EXPECT_ANSWER(forget(other, first_owner), SN_DONE);
	record = read_record(one);
	ck_assert(!record.held);
	ck_assert_uint_eq(record.limit, held.limit);
	answer = forget(one, first_owner);
	ck_assert(answer.outcome == SN_DONE || answer.outcome == SN_REFUSED);
	close_coordinator(one);
	close_coordinator(other);
}

/* A process that gave up a worker must not bar itself from it. */
TEST(one_process_claims_again_what_it_forgot)
{
	struct sn_coordinator *const coordinator = open_coordinator();

	for (uint64_t i = 0; i < 3; i++) {
		(void)claim(coordinator, (uint64_t[2]){i, 100});
		EXPECT_ANSWER(forget(coordinator, (uint64_t[2]){i, 100}), SN_DONE);
	}
	close_coordinator(coordinator);
}

TEST(a_lease_ends_when_nobody_extends_it)
{
	struct sn_coordinator *const one = open_coordinator(), *const other = open_coordinator();
	struct sn_record record = claim(one, first_owner);

	while (record.held) {
		other->class->wait(other, SEC / 10);
		record = read_record(other);
	}
	(void)claim(other, second_owner);
	struct sn_answer answer;
	do /* the end of a session may be noticed only now */
		answer = write_as(one, SN_ASK_RAISE, &record, first_owner);
	while (answer.outcome == SN_UNKNOWN);
	EXPECT_ANSWER(answer, SN_REFUSED);
	close_coordinator(one);
	close_coordinator(other);
}

static uint64_t now_ns(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * SEC + (uint64_t)now.tv_nsec;
}

/* Says nothing on a machine that stops the test for half a TTL. */
TEST(a_lease_lasts_while_its_owner_raises)
{
	struct sn_coordinator *const one = open_coordinator(), *const other = open_coordinator();
	struct sn_record record = claim(one, first_owner);
	const uint64_t begin = now_ns();

	for (uint64_t now = begin, last = begin; now - begin < 3 * TTL; last = now) {
		one->class->wait(one, TTL / 8);
		EXPECT_ANSWER(write_as(one, SN_ASK_RAISE, &record, first_owner), SN_DONE);
		record = read_record(other);
		now = now_ns();
		if (now - last > TTL / 2)
			break;
		ck_assert(is_held_by(&record, first_owner));
	}
	close_coordinator(one);
	close_coordinator(other);
}

/* ---- by hand --------------------------------------------------------------------------------- */

TEST(a_record_is_reset_unless_somebody_has_the_lease)
{
	struct sn_coordinator *const one = open_coordinator(), *const other = open_coordinator();
	struct sn_record record = claim(one, first_owner);

	EXPECT_ANSWER(write_as(other, SN_ASK_RESET, &record, second_owner), SN_REFUSED);
	EXPECT_ANSWER(write_as(one, SN_ASK_RELEASE, &record, first_owner), SN_DONE);
	EXPECT_ANSWER(write_as(other, SN_ASK_RESET, &record, second_owner), SN_REFUSED);
	record = read_record(other);
	struct sn_request request = write_request(SN_ASK_RESET, &record, second_owner);
	request.record.limit = 1;
	const struct sn_answer answer = ask(other, request);
	const uint64_t version = answer.version;
	EXPECT_ANSWER(answer, SN_DONE);
	record = read_record(one);
	ck_assert_uint_eq(record.version, version);
	ck_assert_uint_eq(record.limit, 1);
	ck_assert(!record.held);
	(void)claim(one, first_owner);
	close_coordinator(one);
	close_coordinator(other);
}

TEST(what_cannot_be_read_is_denied_with_its_key)
{
	struct sn_coordinator *const coordinator = open_coordinator();
	const struct sn_request request = {.ask = SN_ASK_READ, .worker = WORKER, .count = 1};

	(void)claim_worker(coordinator, WORKER + 1, first_owner);
	control_key("put", record_key(), "{\"format\":2}");
	const struct sn_answer answer = ask(coordinator, request);
	EXPECT_ANSWER(answer, SN_DENIED);
	ck_assert_ptr_nonnull(strstr(answer.why, record_key()));
	ck_assert_ptr_nonnull(strstr(answer.why, "its format is 2"));
	control_key("put", record_key(), "x");
	EXPECT_ANSWER(ask(coordinator, request), SN_DENIED);
	control_key("delete", record_key(), "");
	EXPECT_ANSWER(ask(coordinator, request), SN_DONE);
	close_coordinator(coordinator);
}

TEST(nothing_is_written_over_a_record_that_was_deleted)
{
	struct sn_coordinator *const coordinator = open_coordinator();
	const struct sn_record record = claim(coordinator, first_owner);

	control_key("delete", record_key(), "");
	EXPECT_ANSWER(write_as(coordinator, SN_ASK_RAISE, &record, first_owner), SN_REFUSED);
	EXPECT_ANSWER(write_as(coordinator, SN_ASK_RELEASE, &record, first_owner), SN_REFUSED);
	ck_assert(!read_record(coordinator).exists);
	close_coordinator(coordinator);
}

/* With ZooKeeper the versions of the two would be equal. */
TEST(nothing_is_written_over_a_record_that_was_made_again)
{
	struct sn_coordinator *const one = open_coordinator(), *const other = open_coordinator();
	const struct sn_record outdated = claim(one, first_owner);

	EXPECT_ANSWER(forget(one, first_owner), SN_DONE);
	control_key("delete", record_key(), "");
	const struct sn_record record = claim(other, second_owner);
	EXPECT_ANSWER(write_as(one, SN_ASK_RAISE, &outdated, first_owner), SN_REFUSED);
	EXPECT_ANSWER(forget(other, second_owner), SN_DONE);
	EXPECT_ANSWER(write_as(one, SN_ASK_CLAIM, &outdated, first_owner), SN_REFUSED);
	ck_assert_uint_eq(read_record(one).epoch, record.epoch);
	close_coordinator(one);
	close_coordinator(other);
}

TEST(a_raise_is_refused_when_the_lease_was_deleted)
{
	struct sn_coordinator *const coordinator = open_coordinator();
	const struct sn_record record = claim(coordinator, first_owner);

	if (!module_is("consul:")) {
		control_key("delete", "workers/worker5", "");
		EXPECT_ANSWER(write_as(coordinator, SN_ASK_RAISE, &record, first_owner),
			      SN_REFUSED);
		control_key("put", "workers/worker5", "x"); /* the lease of somebody else */
		EXPECT_ANSWER(write_as(coordinator, SN_ASK_RAISE, &record, first_owner),
			      SN_REFUSED);
		control_key("delete", "workers/worker5", "");
		ck_assert_uint_eq(read_record(coordinator).version, record.version);
	}
	close_coordinator(coordinator);
}

/* ---- several requests ------------------------------------------------------------------------ */

TEST(requests_at_once_are_told_apart_by_their_serials)
{
	enum { COUNT = 32 };
	struct sn_coordinator *const coordinator = open_coordinator();
	bool answered[COUNT] = {false};
	const struct sn_record never = {0};

	(void)claim_worker(coordinator, COUNT, first_owner);
	const uint64_t first = next_serial;
	for (uint64_t i = 0; i < COUNT; i++) {
		struct sn_request request =
			write_request(SN_ASK_CLAIM, &never, (uint64_t[2]){i, 100});
		request.worker = i;
		(void)send_request(coordinator, request);
	}
	for (unsigned i = 0; i < COUNT; i++) {
		const struct sn_answer answer = receive_answer(coordinator);
		EXPECT_ANSWER(answer, SN_DONE);
		ck_assert_uint_ge(answer.serial, first);
		ck_assert_uint_lt(answer.serial, first + COUNT);
		ck_assert(!answered[answer.serial - first]);
		answered[answer.serial - first] = true;
	}
	for (uint64_t i = 0; i < COUNT; i++) {
		const struct sn_record record = read_worker(coordinator, i);
		ck_assert(is_held_by(&record, (uint64_t[2]){i, 100}));
	}
	close_coordinator(coordinator);
}

/* ---- waiting --------------------------------------------------------------------------------- */

TEST(a_wait_ends_in_time_or_when_it_is_woken)
{
	struct sn_coordinator *const coordinator = open_coordinator();

	coordinator->class->wait(coordinator, 0);
	coordinator->class->wait(coordinator, 10 * MS);
	coordinator->class->wake(coordinator);
	coordinator->class->wait(coordinator, UINT64_MAX);
	(void)read_record(coordinator);
	coordinator->class->wake(coordinator);
	coordinator->class->wake(coordinator);
	coordinator->class->wait(coordinator, UINT64_MAX);
	close_coordinator(coordinator);
}

static void *wake_from_thread(void *data)
{
	struct sn_coordinator *const coordinator = data;
	coordinator->class->wake(coordinator);
	return NULL;
}

TEST(another_thread_ends_a_wait)
{
	struct sn_coordinator *const coordinator = open_coordinator();
	pthread_t thread;

	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(pthread_create(&thread, NULL, wake_from_thread, coordinator), 0);
		coordinator->class->wait(coordinator, UINT64_MAX);
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
	}
	close_coordinator(coordinator);
}

TEST(an_answer_ends_a_wait)
{
	struct sn_coordinator *const coordinator = open_coordinator();
	struct sn_answer answer;

	(void)send_request(coordinator, (struct sn_request){.ask = SN_ASK_READ, .count = 1});
	coordinator->class->wait(coordinator, UINT64_MAX);
	while (!coordinator->class->receive(coordinator, &answer))
		coordinator->class->wait(coordinator, UINT64_MAX);
	EXPECT_ANSWER(answer, SN_DONE);
	close_coordinator(coordinator);
}

/* ---- processes ------------------------------------------------------------------------------- */

static unsigned count_descriptors(void)
{
	unsigned count = 0;
	DIR *const directory = opendir("/proc/self/fd");

	ck_assert_ptr_nonnull(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

TEST(a_child_closes_what_it_inherited_without_a_word)
{
	const unsigned before = count_descriptors();
	struct sn_coordinator *const coordinator = open_coordinator();
	struct sn_record record = claim(coordinator, first_owner);
	int status;

	const pid_t child = fork();
	if (child == 0) {
		coordinator->class->close(coordinator, true);
		_exit(count_descriptors() == before ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	EXPECT_ANSWER(write_as(coordinator, SN_ASK_RAISE, &record, first_owner), SN_DONE);
	record = read_record(coordinator);
	ck_assert(is_held_by(&record, first_owner));
	close_coordinator(coordinator);
	ck_assert_uint_eq(count_descriptors(), before);
}

TEST(descriptors_are_not_inherited_by_programs)
{
	struct sn_coordinator *const coordinator = open_coordinator();
	char name[64], target[64];
	unsigned sockets = 0;

	(void)claim(coordinator, first_owner);
	for (int number = 3; number < 256; number++) {
		(void)snprintf(name, sizeof name, "/proc/self/fd/%d", number);
		const ssize_t length = readlink(name, target, sizeof target - 1);
		target[length > 0 ? length : 0] = 0;
		sockets += strncmp(target, "socket:", 7) == 0;
		if (strncmp(target, "socket:", 7) == 0 || strncmp(target, "anon_inode:", 11) == 0)
			ck_assert_msg(fcntl(number, F_GETFD) & FD_CLOEXEC, "%s", target);
	}
	ck_assert_uint_ge(sockets, 1);
	close_coordinator(coordinator);
}

/* ---- a service that is away ------------------------------------------------------------------ */

TEST(a_service_that_is_down_leaves_requests_unknown)
{
	struct sn_coordinator *const one = open_coordinator(), *other;
	const struct sn_record record = claim(one, first_owner);
	struct sn_request raise = write_request(SN_ASK_RAISE, &record, first_owner);

	control("kill");
	raise.timeout_ns = SEC / 2;
	EXPECT_ANSWER(ask(one, raise), SN_UNKNOWN);
	other = open_coordinator();
	const struct sn_answer answer = ask(
		other, (struct sn_request){.ask = SN_ASK_READ, .count = 1, .timeout_ns = SEC / 2});
	EXPECT_ANSWER(answer, SN_UNKNOWN);
	ck_assert_str_ne(answer.why, "");
	control("start");
	ck_assert_uint_eq(read_record(other).version, record.version);
	ck_assert_uint_eq(read_record(one).version, record.version);
	close_coordinator(one);
	close_coordinator(other);
}

TEST(a_service_that_hangs_leaves_requests_unknown)
{
	struct sn_coordinator *const coordinator = open_coordinator();
	const struct sn_record record = claim(coordinator, first_owner);
	struct sn_request raise = write_request(SN_ASK_RAISE, &record, first_owner);

	control("pause");
	raise.timeout_ns = SEC / 4;
	const struct sn_answer answer = ask(coordinator, raise);
	control("resume");
	EXPECT_ANSWER(answer, SN_UNKNOWN);
	/* It may be done now, and in one piece. */
	const struct sn_record now = read_record(coordinator);
	ck_assert(now.limit == record.limit || now.limit == raise.record.limit);
	ck_assert((now.version == record.version) == (now.limit == record.limit));
	close_coordinator(coordinator);
}

TEST(a_coordinator_is_closed_while_its_service_is_away)
{
	struct sn_coordinator *const connected = open_coordinator();

	(void)claim(connected, first_owner);
	control("kill");
	struct sn_coordinator *const unconnected = open_coordinator();
	(void)send_request(connected, (struct sn_request){.ask = SN_ASK_READ, .count = 256});
	(void)send_request(unconnected, (struct sn_request){.ask = SN_ASK_READ, .count = 1});
	connected->class->wait(connected, MS);
	unconnected->class->wait(unconnected, MS);
	close_coordinator(connected);
	close_coordinator(unconnected);
	control("start");
}

/* ---- settings -------------------------------------------------------------------------------- */

TEST(settings_that_zookeeper_does_not_have_are_refused)
{
	static const struct {
		struct sn_coordinator_settings settings;
		const char *why;
	} cases[] = {
		{{.servers = "h:1", .tls = true}, "has no TLS"},
		{{.servers = "h:1", .cert_file = "cert"}, "has no TLS"},
		{{.servers = "h:1", .token_file = "token"}, "has no tokens"},
		{{.servers = "h:1", .password_file = "password"}, "password_file needs a user"},
		{{.servers = "h:1", .user = "a:b"}, "no colon"},
		{{.servers = "h:1", .user = "a"}, "user a has no password"},
	};
	struct sn_coordinator *coordinator;
	char why[512];

	for (size_t i = 0; module_is("zookeeper:") && i < sizeof cases / sizeof cases[0]; i++) {
		ck_assert_int_eq(module->open(&cases[i].settings, &coordinator, why, sizeof why),
				 SNOWID_E_INVALID);
		ck_assert_msg(strstr(why, cases[i].why) != NULL, "%s", why);
	}
}

static void write_secret(const char *name, const char *secret)
{
	FILE *const file = fopen(name, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fprintf(file, "%s\n", secret), 0);
	ck_assert_int_eq(fclose(file), 0);
}

TEST(zookeeper_lets_others_read_what_a_user_wrote)
{
	char right[] = "password-XXXXXX", wrong[] = "password-XXXXXX";
	const struct sn_coordinator_settings owner = {.servers = getenv("ADDRESSES"),
						      .user = "a",
						      .password_file = right},
					     stranger = {.servers = getenv("ADDRESSES"),
							 .user = "a",
							 .password_file = wrong};

	if (!module_is("zookeeper:"))
		return;
	close(mkstemp(right));
	close(mkstemp(wrong));
	write_secret(right, "right");
	write_secret(wrong, "wrong");
	struct sn_coordinator *const one = open_with(&owner), *const other = open_with(&stranger),
				     *const nobody = open_coordinator();
	const struct sn_record held = claim(one, first_owner);
	ck_assert_uint_eq(read_record(nobody).version, held.version);
	EXPECT_ANSWER(write_as(one, SN_ASK_RELEASE, &held, first_owner), SN_DONE);
	const struct sn_record record = read_record(nobody);
	struct sn_answer answer = write_as(nobody, SN_ASK_CLAIM, &record, second_owner);
	EXPECT_ANSWER(answer, SN_DENIED);
	ck_assert_ptr_nonnull(strstr(answer.why, "somebody without a user may not"));
	answer = write_as(other, SN_ASK_CLAIM, &record, second_owner);
	EXPECT_ANSWER(answer, SN_DENIED);
	ck_assert_ptr_nonnull(strstr(answer.why, "a may not do this with "));
	write_secret(wrong, "right");
	(void)claim(other, second_owner);
	close_coordinator(one);
	close_coordinator(other);
	close_coordinator(nobody);
	unlink(right);
	unlink(wrong);
}

static void choose_root(void)
{
	(void)snprintf(root, sizeof root, "/contract-%d-%lx", getpid(), (long)time(NULL));
	(void)snprintf(path, sizeof path, "%s/datacenters/dc0", root);
}

int main(void)
{
	const char *const file = getenv("MODULE");
	void *const loaded = file ? dlopen(file, RTLD_NOW | RTLD_LOCAL) : NULL;

	module = loaded ? dlsym(loaded, SN_MODULE_SYMBOL) : NULL;
	if (!module || module->version != SN_MODULE_VERSION || !getenv("ADDRESSES")) {
		(void)fprintf(stderr, "contract.py runs this: %s\n",
			      file ? dlerror() : "no MODULE");
		return 2;
	}
	return run_tests(choose_root, NULL);
}
