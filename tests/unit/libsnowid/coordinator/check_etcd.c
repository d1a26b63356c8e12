/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "libsnowid/coordinator/base64.h"
#include "tests/unit/libsnowid/coordinator/fake_http.h"

#define NOTHING  "{\"response_range\":{\"header\":{\"revision\":\"9\"}}}"
#define WRITTEN  "{\"header\":{\"revision\":\"9\"},\"succeeded\":true}"
#define REFUSED  "{\"header\":{\"revision\":\"9\"}}"
#define EXTENDED "{\"result\":{\"ID\":\"1\",\"TTL\":\"10\"}}"
#define EMPTY_READ                                                                                 \
	"{\"header\":{\"revision\":\"9\"},\"succeeded\":true,\"responses\":[" NOTHING "," NOTHING  \
	"," NOTHING "]}"
#define NO_NAMESPACE "{\"header\":{\"revision\":\"9\"},\"responses\":[" NOTHING "]}"
#define BAD_TOKEN    "{\"code\":16,\"message\":\"etcdserver: invalid auth token\"}"

static const struct sn_record own = {.exists = true,
				     .version = 7,
				     .epoch = 2,
				     .incarnation = {0x8000000000000005, 1},
				     .kind = "snowflake"};

static char *decode(const json_t *object, const char *name)
{
	size_t length;
	char *const text =
		sn_base64_decode(json_string_value(json_object_get(object, name)), &length);
	ck_assert_ptr_nonnull(text);
	return text;
}

/* The comparison of a transaction with a target. */
static const json_t *find_compare(const json_t *body, const char *target)
{
	const json_t *const compare = json_object_get(body, "compare");

	for (size_t i = 0; i < json_array_size(compare); i++) {
		const json_t *const one = json_array_get(compare, i);
		if (strcmp(json_string_value(json_object_get(one, "target")), target) == 0)
			return one;
	}
	return NULL;
}

static bool compares(const json_t *body, const char *target, const char *key, const char *member,
		     const char *value)
{
	const json_t *const one = find_compare(body, target);
	char *const name = one ? decode(one, "key") : NULL;
	const bool does = name && strcmp(name, key) == 0 && json_has(one, member, value) &&
			  json_has(one, "result", "EQUAL");
	free(name);
	return does;
}

/* Keys are in the order of their text: "worker10" is before "worker9". */
TEST(a_read_asks_for_each_worker)
{
	static const struct {
		uint64_t first, count;
	} ranges[] = {{0, 1}, {0, 32}, {5, 1}, {9, 2}, {95, 10}, {256, 256}, {768, 256}, {99, 903}};
	char name[64];

	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
		(void)send_asking(SN_ASK_READ, ranges[i].first, ranges[i].count, NULL);
		const json_t *const range = json_object_get(
			json_array_get(json_object_get(body_before(0), "success"), 1),
			"request_range");
		char *const from = decode(range, "key"), *const to = decode(range, "range_end");
		for (uint64_t n = ranges[i].first; n < ranges[i].first + ranges[i].count; n++) {
			snprintf(name, sizeof name, "/ids/dc1/state/worker%" PRIu64, n);
			ck_assert_msg(strcmp(name, from) >= 0 && strcmp(name, to) < 0, "%s", name);
		}
		free(from);
		free(to);
	}
}

TEST(an_answer_that_is_not_complete_does_not_tell_that_a_record_is_absent)
{
	static const char *const answers[] = {
		"{}",
		"{\"header\":{\"revision\":\"9\"},\"responses\":[" NOTHING "," NOTHING "]}",
		"{\"responses\":[" NOTHING ",{\"response_range\":{\"count\":\"1\"}}," NOTHING "]}",
		"{\"responses\":[" NOTHING ",{}," NOTHING "]}",
	};

	answer_with(200, EMPTY_READ);
	ck_assert_int_eq(ask_about(SN_ASK_READ, NULL).outcome, SN_DONE);
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		answer_with(200, answers[i]);
		ck_assert_msg(ask_about(SN_ASK_READ, NULL).outcome == SN_UNKNOWN, "%s", answers[i]);
	}
}

TEST(a_claim_compares_namespace_lease_and_version)
{
	answer_with(200, "{\"ID\":\"5\",\"TTL\":\"10\"}");
	answer_with(200, WRITTEN);
	const struct sn_answer answer = ask_about(SN_ASK_CLAIM, &own);
	ck_assert_int_eq(answer.outcome, SN_DONE);
	ck_assert_uint_eq(answer.version, 9);
	ck_assert_uint_eq(answer.ttl_ns, 10 * SEC);
	ck_assert_str_eq(path_before(1), "/v3/lease/grant");
	ck_assert(json_has(body_before(1), "ID", "5"));
	ck_assert(json_has(body_before(0), "lease", "5"));
	ck_assert_ptr_nonnull(find_compare(body_before(0), "VALUE"));
	ck_assert(compares(body_before(0), "CREATE", "/ids/dc1/workers/worker5", "create_revision",
			   "0"));
	ck_assert(compares(body_before(0), "MOD", "/ids/dc1/state/worker5", "mod_revision", "7"));
}

TEST(the_first_claim_makes_the_namespace)
{
	answer_with(200, "{\"ID\":\"5\",\"TTL\":\"10\"}");
	answer_with(200, NO_NAMESPACE);
	answer_with(200, WRITTEN);
	ck_assert_int_eq(ask_about(SN_ASK_CLAIM, &own).outcome, SN_DONE);
	ck_assert(compares(body_before(0), "CREATE", "/ids/namespace", "create_revision", "0"));
	ck_assert_ptr_nonnull(find_compare(body_before(0), "MOD"));
}

TEST(a_claim_that_was_sent_before_extends_its_lease)
{
	answer_with(412, "{\"code\":9,\"message\":\"etcdserver: lease already exists\"}");
	answer_with(200, EXTENDED);
	answer_with(200, WRITTEN);
	ck_assert_int_eq(ask_about(SN_ASK_CLAIM, &own).outcome, SN_DONE);
	ck_assert_str_eq(path_before(1), "/v3/lease/keepalive");
}

TEST(a_raise_compares_lease_and_version)
{
	answer_with(200, WRITTEN);
	answer_with(200, EXTENDED);
	ck_assert_int_eq(ask_about(SN_ASK_RAISE, &own).outcome, SN_DONE);
	ck_assert(compares(body_before(1), "LEASE", "/ids/dc1/workers/worker5", "lease", "5"));
	ck_assert(compares(body_before(1), "MOD", "/ids/dc1/state/worker5", "mod_revision", "7"));
	answer_with(200, REFUSED);
	ck_assert_int_eq(ask_about(SN_ASK_RAISE, &own).outcome, SN_REFUSED);
}

TEST(a_raise_whose_lease_has_ended_is_not_refused)
{
	static const struct {
		long status;
		const char *body;
	} ends[] = {{200, "{\"result\":{\"ID\":\"1\"}}"},
		    {200, "{\"error\":{\"grpc_code\":14,\"message\":\"no leader\"}}"},
		    {503, ""},
		    {0, ""}};

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		answer_with(200, WRITTEN);
		answer_with(ends[i].status, ends[i].body);
		ck_assert_int_eq(ask_about(SN_ASK_RAISE, &own).outcome, SN_UNKNOWN);
	}
}

TEST(a_release_is_done_once_it_is_written)
{
	answer_with(200, WRITTEN);
	answer_with(0, "");
	ck_assert_int_eq(ask_about(SN_ASK_RELEASE, &own).outcome, SN_DONE);
	ck_assert_str_eq(path_before(0), "/v3/lease/revoke");
	ck_assert_ptr_nonnull(find_compare(body_before(1), "LEASE"));
}

TEST(a_reset_needs_a_worker_without_a_lease)
{
	answer_with(200, WRITTEN);
	ck_assert_int_eq(ask_about(SN_ASK_RESET, &own).outcome, SN_DONE);
	ck_assert(compares(body_before(0), "CREATE", "/ids/dc1/workers/worker5", "create_revision",
			   "0"));
}

static const struct {
	long status;
	const char *body;
	enum sn_outcome outcome;
} errors[] = {
	{400, "{\"code\":3,\"message\":\"etcdserver: user name is empty\"}", SN_DENIED},
	{401, BAD_TOKEN, SN_DENIED},
	{403, "{\"code\":7,\"message\":\"etcdserver: permission denied\"}", SN_DENIED},
	{404, "Not Found", SN_DENIED},
	{429, "{\"code\":8,\"message\":\"etcdserver: mvcc: database space exceeded\"}", SN_DENIED},
	{429, "{\"code\":8,\"message\":\"etcdserver: too many requests\"}", SN_UNKNOWN},
	{503, "{\"code\":14,\"message\":\"etcdserver: no leader\"}", SN_UNKNOWN},
	{504, "{\"code\":4,\"message\":\"context deadline exceeded\"}", SN_UNKNOWN},
	{500, "", SN_UNKNOWN},
	{200, "<html>", SN_UNKNOWN},
	{0, "", SN_UNKNOWN},
};

TEST_EACH(an_error_that_may_pass_is_unknown, sizeof errors / sizeof *errors)
{
	answer_with(errors[nth].status, errors[nth].body);
	const struct sn_answer answer = ask_about(SN_ASK_RAISE, &own);
	ck_assert_int_eq(answer.outcome, errors[nth].outcome);
	ck_assert_str_ne(answer.why, "");
}

/* ---- logins ---------------------------------------------------------------------------------- */

static void open_with_user(void)
{
	fake_close();
	fake_open("me");
}

TEST(a_login_precedes_the_first_request)
{
	open_with_user();
	answer_with(200, "{\"token\":\"abc.1\"}");
	answer_with(200, EMPTY_READ);
	ck_assert_int_eq(ask_about(SN_ASK_READ, NULL).outcome, SN_DONE);
	ck_assert_str_eq(path_before(1), "/v3/auth/authenticate");
	ck_assert(json_has(body_before(1), "password", "word"));
	ck_assert_str_eq(fake.requests[1].header, "Authorization: abc.1");
	answer_with(200, EMPTY_READ);
	ck_assert_int_eq(ask_about(SN_ASK_READ, NULL).outcome, SN_DONE);
	ck_assert_uint_eq(fake.sent, 3);
}

TEST(a_token_that_has_ended_is_replaced_once)
{
	open_with_user();
	answer_with(200, "{\"token\":\"abc.1\"}");
	answer_with(401, BAD_TOKEN);
	answer_with(200, "{\"token\":\"abc.2\"}");
	answer_with(401, BAD_TOKEN);
	answer_with(200, "{\"token\":\"abc.3\"}");
	answer_with(401, BAD_TOKEN);
	ck_assert_int_eq(ask_about(SN_ASK_READ, NULL).outcome, SN_DENIED);
	ck_assert_uint_eq(fake.sent, 4);
	ck_assert_str_eq(fake.requests[3].header, "Authorization: abc.2");
}

TEST(requests_at_once_wait_for_one_login)
{
	struct sn_answer answer;

	open_with_user();
	for (int i = 0; i < 5; i++)
		(void)send_asking(SN_ASK_READ, 0, 1, NULL);
	ck_assert_uint_eq(fake.sent, 1);
	answer_with(200, "{\"token\":\"abc.1\"}");
	for (int i = 0; i < 5; i++)
		answer_with(200, EMPTY_READ);
	for (int i = 0; i < 5; i++) {
		ck_assert(coordinator->class->receive(coordinator, &answer));
		ck_assert_int_eq(answer.outcome, SN_DONE);
	}
	ck_assert_uint_eq(fake.sent, 6);
}

TEST(a_wrong_password_is_denied)
{
	open_with_user();
	answer_with(400, "{\"code\":3,\"message\":\"authentication failed\"}");
	const struct sn_answer answer = ask_about(SN_ASK_READ, NULL);
	ck_assert_int_eq(answer.outcome, SN_DENIED);
	ck_assert_ptr_nonnull(strstr(answer.why, "authentication failed"));
	ck_assert_uint_eq(fake.sent, 1);
}

static void open_without_user(void)
{
	setenv("SNOWID_STORE_PASSWORD", "word", 1);
	fake_open(NULL);
}

int main(void)
{
	return run_tests(open_without_user, fake_close);
}
