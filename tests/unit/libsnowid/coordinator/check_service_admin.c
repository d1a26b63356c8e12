/* SPDX-License-Identifier: MIT
 *
 * What can be seen of the workers that a service keeps, and corrected by hand. A few records in
 * memory take the place of the service.
 */
#include <stdio.h>

#include "libsnowid/coordinator/loader.h"
#include "tests/unit/check.h"
#include "tests/unit/store_info.h"

#define SNOWFLAKE                                                                                  \
	"time:41,datacenter:5,worker:5,sequence:12;epoch=2021-01-01T00:00:00.000Z;unit=1ms"
#define EPOCH_MS UINT64_C(1609459200000)
/* The year 2100: what is recorded up to there rests. */
#define FUTURE_MS UINT64_C(4102444800000)
/* READ answers fewer records than it is asked for. */
#define AT_ONCE 10

static struct kept {
	const char *path;
	uint64_t worker;
	struct sn_record record;
} kept[8];
static size_t kept_count;

static struct {
	struct sn_coordinator base; /* must be the first member (downcast) */
	struct sn_answer answer;
	bool answered;
	struct sn_record read[AT_ONCE];
	enum sn_outcome outcome; /* of all requests but READ */
	unsigned denied, lost;   /* how many of the next requests are */
	unsigned opened, closed, reads;
	struct sn_request last;
	char last_root[64], last_path[64]; /* its texts end with the call */
} service;

static void service_read(const struct sn_request *request)
{
	service.reads++;
	memset(service.read, 0, sizeof service.read);
	service.answer.count = request->count < AT_ONCE ? request->count : AT_ONCE;
	service.answer.records = service.read;
	service.answer.namespace_id[0] = 0x0f8fad5bd9cb469f;
	service.answer.namespace_id[1] = 0xa16570867728950e;
	for (size_t i = 0; i < kept_count; i++)
		if (strcmp(kept[i].path, request->path) == 0 &&
		    kept[i].worker - request->worker < service.answer.count)
			service.read[kept[i].worker - request->worker] = kept[i].record;
}

static void send_to_service(struct sn_coordinator *base, const struct sn_request *request)
{
	(void)base;
	service.last = *request;
	snprintf(service.last_root, sizeof service.last_root, "%s", request->root);
	snprintf(service.last_path, sizeof service.last_path, "%s", request->path);
	service.answer = (struct sn_answer){.serial = request->serial, .why = "as the test wants"};
	service.answered = true;
	if (service.denied > 0) {
		service.denied--;
		service.answer.outcome = SN_DENIED;
	} else if (service.lost > 0) {
		service.lost--;
		service.answer.outcome = SN_UNKNOWN;
	} else if (request->ask == SN_ASK_READ) {
		service_read(request);
	} else {
		service.answer.outcome = service.outcome;
	}
}

static bool receive_from_service(struct sn_coordinator *base, struct sn_answer *answer)
{
	(void)base;
	*answer = service.answer;
	const bool answered = service.answered;
	service.answered = false;
	return answered;
}

static void wait_for_service(struct sn_coordinator *base, uint64_t ns)
{
	(void)base;
	(void)ns;
}

static void close_service(struct sn_coordinator *base, bool inherited)
{
	(void)base;
	ck_assert(!inherited);
	service.closed++;
}

int wrap_loader_open(const char *scheme, const char *name,
		     const struct sn_coordinator_settings *settings,
		     struct sn_coordinator **coordinator) __asm__("__wrap_sn_loader_open");

int wrap_loader_open(const char *scheme, const char *name,
		     const struct sn_coordinator_settings *settings,
		     struct sn_coordinator **coordinator)
{
	static const struct sn_coordinator_class class = {
		.send = send_to_service,
		.receive = receive_from_service,
		.wait = wait_for_service,
		.close = close_service,
	};
	ck_assert_str_eq(scheme, "etcd:");
	ck_assert_ptr_nonnull(strstr(name, "etcd://h"));
	ck_assert_str_eq(settings->servers, "h:2379");
	service.base.class = &class;
	service.opened++;
	*coordinator = &service.base;
	return 0;
}

static struct sn_record *keep(const char *path, uint64_t worker, uint64_t limit_ms)
{
	struct kept *const made = &kept[kept_count++];
	*made = (struct kept){
		.path = path,
		.worker = worker,
		.record = {.exists = true,
			   .version = 40 + worker,
			   .epoch = 7,
			   .limit = limit_ms - EPOCH_MS,
			   .limit_ms = limit_ms,
			   .writes = 3,
			   .incarnation = {1, worker},
			   .owner = {.process = 77, .since_ms = EPOCH_MS, .host = "web-1"},
			   .fingerprint = 0x123456789abcdef0,
			   .kind = SNOWFLAKE},
	};
	return &made->record;
}

static struct sn_record *keep_held(const char *path, uint64_t worker)
{
	struct sn_record *const record = keep(path, worker, FUTURE_MS);
	record->held = true;
	record->held_by[0] = 1;
	record->held_by[1] = worker;
	return record;
}

static struct snowid_store_info *inspect_service(const char *url, size_t expected)
{
	struct snowid_store_info *info;
	size_t count;
	OK(snowid_store_inspect(url, &info));
	OK(snowid_store_info_count(info, &count));
	ck_assert_uint_eq(count, expected);
	return info;
}

static void setup(void)
{
	memset(&service, 0, sizeof service);
	kept_count = 0;
}

static void teardown(void)
{
	ck_assert_uint_eq(service.opened, service.closed);
}

TEST(records_and_a_summary_of_the_workers_are_shown)
{
	keep_held("/ids/datacenters/dc3", 5);
	keep("/ids/datacenters/dc3", 6, FUTURE_MS);
	keep("/ids/datacenters/dc3", 7, EPOCH_MS + 1000);
	struct sn_record *const released = keep("/ids/datacenters/dc3", 31, FUTURE_MS);
	released->released = true;
	released->last_tick = 999;
	struct snowid_store_info *const info = inspect_service("etcd://h/ids?ttl=3s&tls=1", 5);
	EXPECT_INFO(info, 0, "store", "etcd://h:2379/ids/datacenters/dc3?workers=5-5&ttl=3s&tls=1");
	EXPECT_INFO(info, 0, "use", "alone");
	EXPECT_INFO(info, 0, "holder_pid", "77");
	EXPECT_INFO(info, 0, "holder_host", "web-1");
	EXPECT_INFO(info, 0, "holder_since", "2021-01-01T00:00:00.000Z");
	EXPECT_INFO(info, 0, "kind", SNOWFLAKE);
	EXPECT_INFO(info, 0, "fingerprint", "123456789abcdef0");
	EXPECT_INFO(info, 0, "field.datacenter", "3");
	EXPECT_INFO(info, 0, "field.worker", "5");
	EXPECT_INFO(info, 0, "floor", "2100-01-01T00:00:00.000Z");
	EXPECT_INFO(info, 0, "limit", "2100-01-01T00:00:00.000Z");
	EXPECT_INFO(info, 0, "released", "false");
	EXPECT_INFO(info, 0, "epoch", "7");
	EXPECT_INFO(info, 0, "this_boot", "");
	EXPECT_INFO(info, 0, "mode", "");
	EXPECT_INFO(info, 1, "use", "resting");
	EXPECT_INFO(info, 2, "use", "free");
	EXPECT_INFO(info, 3, "use", "free");
	EXPECT_INFO(info, 3, "released", "true");
	EXPECT_INFO(info, 3, "last", "2021-01-01T00:00:00.999Z");
	EXPECT_INFO(info, 3, "floor", "2021-01-01T00:00:01.000Z");
	EXPECT_INFO(info, 4, "store", "etcd://h:2379/ids/datacenters/dc3?ttl=3s&tls=1");
	EXPECT_INFO(info, 4, "namespace", "0f8fad5b-d9cb-469f-a165-70867728950e");
	EXPECT_INFO(info, 4, "first_worker", "0");
	EXPECT_INFO(info, 4, "last_worker", "31");
	EXPECT_INFO(info, 4, "workers_owned", "1");
	EXPECT_INFO(info, 4, "workers_resting", "1");
	EXPECT_INFO(info, 4, "workers_free", "30");
	snowid_store_info_free(info);
	ck_assert_int_eq((int)service.last.ask, SN_ASK_READ);
}

TEST(kinds_without_a_datacenter_are_at_the_root)
{
	keep("/ids", 1000, FUTURE_MS)->kind = "time:41,worker:10,sequence:12";
	struct snowid_store_info *const info = inspect_service("etcd://h/ids", 2);
	EXPECT_INFO(info, 0, "store", "etcd://h:2379/ids?workers=1000-1000");
	EXPECT_INFO(info, 0, "field.worker", "1000");
	EXPECT_INFO(info, 1, "last_worker", "1023");
	snowid_store_info_free(info);
}

TEST(field_of_the_url_is_the_one_that_is_assigned)
{
	keep("/ids", 2, FUTURE_MS);
	struct snowid_store_info *const info = inspect_service("etcd://h/ids?field=datacenter", 2);
	EXPECT_INFO(info, 0, "field.datacenter", "2");
	EXPECT_INFO(info, 0, "field.worker", "");
	snowid_store_info_free(info);
}

TEST(range_of_the_url_is_all_that_is_read)
{
	keep("/ids", 2, FUTURE_MS);
	keep("/ids", 5, FUTURE_MS);
	struct snowid_store_info *info = inspect_service("etcd://h/ids?workers=4-6", 2);
	EXPECT_INFO(info, 0, "field.worker", "5");
	EXPECT_INFO(info, 1, "first_worker", "4");
	EXPECT_INFO(info, 1, "workers_free", "2");
	snowid_store_info_free(info);
	info = inspect_service("etcd://h/ids?workers=2-2", 1); /* which needs no summary */
	snowid_store_info_free(info);
	snowid_store_info_free(inspect_service("etcd://h/ids?workers=7-9", 0));
}

TEST(kind_that_this_version_does_not_know_is_shown_as_it_is)
{
	keep("/ids", 2, FUTURE_MS)->kind = "uuid99";
	struct snowid_store_info *const info = inspect_service("etcd://h/ids?workers=0-3", 2);
	EXPECT_INFO(info, 0, "kind", "uuid99");
	EXPECT_INFO(info, 0, "limit", "2100-01-01T00:00:00.000Z");
	EXPECT_INFO(info, 0, "field.worker", "");
	snowid_store_info_free(info);
}

TEST(reading_goes_on_when_an_answer_is_lost)
{
	keep("/ids", 2, FUTURE_MS);
	service.lost = 2;
	snowid_store_info_free(inspect_service("etcd://h/ids?workers=0-3", 2));
}

TEST(refusal_of_the_service_is_an_error_in_its_words)
{
	struct snowid_store_info *info;
	service.denied = 1;
	EXPECT(snowid_store_inspect("etcd://h/ids", &info), SNOWID_E_STORE);
	EXPECT_DETAIL("etcd://h/ids: as the test wants");
	ck_assert_uint_eq(service.reads, 0);
}

TEST(freeing_ends_the_lease_of_the_owner)
{
	keep_held("/ids/datacenters/dc3", 5);
	OK(snowid_store_free_worker("etcd://h/ids?workers=5-5"));
	ck_assert_int_eq((int)service.last.ask, SN_ASK_FORGET);
	ck_assert_str_eq(service.last_root, "/ids");
	ck_assert_str_eq(service.last_path, "/ids/datacenters/dc3");
	ck_assert_uint_eq(service.last.worker, 5);
	ck_assert_uint_eq(service.last.record.incarnation[0], 1);
	ck_assert_uint_eq(service.last.record.incarnation[1], 5);
}

TEST(what_has_no_owner_cannot_be_freed)
{
	keep("/ids", 5, FUTURE_MS);
	keep("/ids", 6, EPOCH_MS);
	EXPECT(snowid_store_free_worker("etcd://h/ids?workers=5-5"), SNOWID_E_STORE);
	EXPECT_DETAIL("has no owner, and rests until 2100-01-01T00:00:00.000Z");
	EXPECT(snowid_store_free_worker("etcd://h/ids?workers=6-6"), SNOWID_E_STORE);
	EXPECT_DETAIL("the worker 6 of etcd://h/ids is free");
	EXPECT(snowid_store_free_worker("etcd://h/ids?workers=7-7"), SNOWID_E_STORE);
	EXPECT_DETAIL("has no record of the worker 7");
	ck_assert_int_eq((int)service.last.ask, SN_ASK_READ);
}

TEST(one_worker_must_be_named)
{
	keep_held("/ids/datacenters/dc3", 5);
	keep_held("/ids/datacenters/dc4", 5);
	EXPECT(snowid_store_free_worker("etcd://h/ids?workers=5-5"), SNOWID_E_STORE);
	EXPECT_DETAIL("has the worker 5 in several datacenters");
	EXPECT(snowid_store_free_worker("etcd://h/ids"), SNOWID_E_STORE);
	EXPECT_DETAIL("must name one worker, as workers=5-5");
	EXPECT(snowid_store_reset("etcd://h/ids?workers=5-6", START, 0), SNOWID_E_STORE);
	EXPECT_DETAIL("must name one worker");
	OK(snowid_store_free_worker("etcd://h/ids/datacenters/dc4?workers=5-5"));
	ck_assert_str_eq(service.last_path, "/ids/datacenters/dc4");
}

TEST(reset_writes_a_floor_that_is_released)
{
	keep("/ids/datacenters/dc3", 5, FUTURE_MS);
	OK(snowid_store_reset("etcd://h/ids?workers=5-5", START, 5 * MS));
	const struct sn_record *const record = &service.last.record;
	ck_assert_int_eq((int)service.last.ask, SN_ASK_RESET);
	ck_assert_uint_eq(service.last.worker, 5);
	ck_assert_uint_eq(record->version, 45);
	ck_assert_uint_eq(record->epoch, 8);
	ck_assert_uint_eq(record->writes, 4);
	ck_assert_uint_eq(record->limit_ms, START * 1000 + 5);
	/* The tick before: IDs begin above it. */
	ck_assert_uint_eq(record->limit, START * 1000 + 5 - EPOCH_MS - 1);
	ck_assert_uint_eq(record->last_tick, record->limit);
	ck_assert(record->released);
	ck_assert(record->incarnation[0] != 1 || record->incarnation[1] != 5);
	ck_assert_uint_eq(record->fingerprint, 0x123456789abcdef0);
}

TEST(worker_that_is_owned_or_changes_is_not_reset)
{
	keep_held("/ids", 5);
	keep("/ids", 6, FUTURE_MS);
	EXPECT(snowid_store_reset("etcd://h/ids?workers=5-5", START, 0), -EBUSY);
	EXPECT_DETAIL("process 77 on web-1 has the worker 5 of etcd://h/ids; stop it");
	service.outcome = SN_REFUSED;
	EXPECT(snowid_store_reset("etcd://h/ids?workers=6-6", START, 0), -EBUSY);
	EXPECT_DETAIL("has changed meanwhile");
	service.outcome = SN_UNKNOWN;
	EXPECT(snowid_store_reset("etcd://h/ids?workers=6-6", START, 0), SNOWID_E_STORE);
	EXPECT_DETAIL("is not known (as the test wants); look at it again");
	EXPECT(snowid_store_reset("etcd://h/ids?workers=6-6", 0, 0), SNOWID_E_RANGE);
	EXPECT_DETAIL("outside the kind time:41");
}

TEST(what_does_not_apply_says_so)
{
	EXPECT(snowid_store_adopt("etcd://h/ids"), SNOWID_E_STORE);
	EXPECT_DETAIL("etcd: has no file to adopt");
	EXPECT(snowid_store_free_worker("slots:/d"), SNOWID_E_STORE);
	EXPECT_DETAIL("slots:");
	EXPECT(snowid_store_free_worker("memory:"), SNOWID_E_STORE);
	EXPECT(snowid_store_free_worker("etcd:"), SNOWID_E_SYNTAX);
	EXPECT(snowid_store_free_worker(NULL), SNOWID_E_INVALID);
}

int main(void)
{
	return run_tests(setup, teardown);
}
