/* SPDX-License-Identifier: MIT */
#include "tests/unit/libsnowid/coordinator/fake_http.h"

#define SESSION "01234567-89ab-cdef-0123-456789abcdef"
#define NOTHING "{\"Results\":[],\"Errors\":null}"
#define CREATED "{\"ID\":\"" SESSION "\"}"
#define WRITTEN                                                                                    \
	"{\"Results\":[{\"KV\":{\"Key\":\"ids/dc1/workers/worker5\",\"ModifyIndex\":8}},"          \
	"{\"KV\":{\"Key\":\"ids/dc1/workers/worker5\",\"ModifyIndex\":9}}]}"
#define REFUSED "{\"Results\":null,\"Errors\":[{\"OpIndex\":0,\"What\":\"index is stale\"}]}"
/* 00000000-0000-0001-0000-000000000002, and another. */
#define NAMESPACE_2 "MDAwMDAwMDAtMDAwMC0wMDAxLTAwMDAtMDAwMDAwMDAwMDAy"
#define NAMESPACE_3 "MDAwMDAwMDAtMDAwMC0wMDAxLTAwMDAtMDAwMDAwMDAwMDAz"
#define WITH_NAMESPACE(text)                                                                       \
	"{\"Results\":[{\"KV\":{\"Key\":\"ids/namespace\",\"Value\":\"" text                       \
	"\",\"ModifyIndex\":4}}]}"

static const struct sn_record own = {
	.exists = true, .version = 7, .epoch = 2, .incarnation = {5, 1}, .kind = "snowflake"};

/* The operation of a transaction with a verb; NULL: there is none. */
static const json_t *find_operation(const json_t *body, const char *verb)
{
	for (size_t i = 0; i < json_array_size(body); i++) {
		const json_t *const one = json_object_get(json_array_get(body, i), "KV");
		if (json_has(one, "Verb", verb))
			return one;
	}
	return NULL;
}

static json_int_t index_of(const json_t *operation)
{
	ck_assert_ptr_nonnull(operation);
	return json_integer_value(json_object_get(operation, "Index"));
}

static void claim_worker(void)
{
	answer_with(200, NOTHING);
	answer_with(200, CREATED);
	answer_with(200, WRITTEN);
	ck_assert_int_eq(ask_about(SN_ASK_CLAIM, &own).outcome, SN_DONE);
}

TEST(a_claim_checks_namespace_and_version)
{
	claim_worker();
	ck_assert(json_has(body_before(1), "LockDelay", "0s"));
	ck_assert(json_has(body_before(1), "Behavior", "release"));
	ck_assert(json_has(body_before(1), "TTL", "10000ms"));
	/* Index 0: there must be no namespace. */
	ck_assert(json_has(find_operation(body_before(0), "cas"), "Key", "ids/namespace"));
	ck_assert_int_eq(index_of(find_operation(body_before(0), "cas")), 0);
	ck_assert_int_eq(index_of(find_operation(body_before(0), "check-index")), 7);
	ck_assert(json_has(find_operation(body_before(0), "lock"), "Session", SESSION));
}

TEST(a_claim_under_another_namespace_is_refused)
{
	answer_with(200, WITH_NAMESPACE(NAMESPACE_3));
	ck_assert_int_eq(ask_about(SN_ASK_CLAIM, &own).outcome, SN_REFUSED);
	ck_assert_uint_eq(fake.sent, 1);
	answer_with(200, WITH_NAMESPACE(NAMESPACE_2));
	answer_with(200, CREATED);
	answer_with(200, WRITTEN);
	ck_assert_int_eq(ask_about(SN_ASK_CLAIM, &own).outcome, SN_DONE);
	ck_assert_int_eq(index_of(find_operation(body_before(0), "check-index")), 4);
}

TEST(a_claim_that_was_sent_before_has_the_same_session)
{
	answer_with(200, NOTHING);
	answer_with(200, CREATED);
	answer_with(0, "");
	ck_assert_int_eq(ask_about(SN_ASK_CLAIM, &own).outcome, SN_UNKNOWN);
	answer_with(200, NOTHING);
	answer_with(200, WRITTEN);
	ck_assert_int_eq(ask_about(SN_ASK_CLAIM, &own).outcome, SN_DONE);
	ck_assert(json_has(body_before(0), "Session", SESSION));
}

TEST(a_session_that_is_no_uuid_is_not_used)
{
	answer_with(200, NOTHING);
	answer_with(200, "{\"ID\":\"../../kv/01234567-89ab-cdef-0123-456\"}");
	ck_assert_int_eq(ask_about(SN_ASK_CLAIM, &own).outcome, SN_UNKNOWN);
	ck_assert_uint_eq(fake.sent, 2);
}

TEST(a_raise_checks_session_and_version)
{
	claim_worker();
	answer_with(200, WRITTEN);
	answer_with(200, "[]");
	const struct sn_answer answer = ask_about(SN_ASK_RAISE, &own);
	ck_assert_int_eq(answer.outcome, SN_DONE);
	ck_assert_uint_eq(answer.version, 9);
	ck_assert_uint_eq(answer.expiry_ns, 20 * SEC);
	ck_assert(json_has(find_operation(body_before(1), "check-session"), "Session", SESSION));
	ck_assert_int_eq(index_of(find_operation(body_before(1), "cas")), 7);
	ck_assert_str_eq(path_before(0), "/v1/session/renew/" SESSION);
	answer_with(409, REFUSED);
	ck_assert_int_eq(ask_about(SN_ASK_RAISE, &own).outcome, SN_REFUSED);
}

TEST(a_raise_whose_session_has_ended_is_not_refused)
{
	claim_worker();
	answer_with(200, WRITTEN);
	answer_with(404, "Session id not found");
	ck_assert_int_eq(ask_about(SN_ASK_RAISE, &own).outcome, SN_UNKNOWN);
	/* It is looked for in the record then, where there is none. */
	answer_with(200, NOTHING);
	ck_assert_int_eq(ask_about(SN_ASK_RAISE, &own).outcome, SN_REFUSED);
}

TEST(a_release_is_done_once_it_is_written)
{
	claim_worker();
	answer_with(200, WRITTEN);
	answer_with(500, "");
	ck_assert_int_eq(ask_about(SN_ASK_RELEASE, &own).outcome, SN_DONE);
	ck_assert_int_eq(index_of(find_operation(body_before(1), "check-index")), 7);
	ck_assert(json_has(find_operation(body_before(1), "unlock"), "Session", SESSION));
	ck_assert_str_eq(path_before(0), "/v1/session/destroy/" SESSION);
}

TEST(an_answer_that_is_not_complete_does_not_tell_that_a_record_is_absent)
{
	static const char *const answers[] = {"{}", "[]", "7", "{\"Results\":null}"};

	answer_with(200, NOTHING);
	ck_assert_int_eq(ask_about(SN_ASK_READ, NULL).outcome, SN_DONE);
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		answer_with(200, answers[i]);
		ck_assert_msg(ask_about(SN_ASK_READ, NULL).outcome == SN_UNKNOWN, "%s", answers[i]);
	}
}

static const struct {
	long status;
	const char *body;
	enum sn_outcome outcome;
} errors[] = {
	{403, "Permission denied", SN_DENIED},
	{403, "ACL not found", SN_DENIED},
	{500, "rpc error making call: Permission denied", SN_DENIED},
	{409, "{\"Errors\":[{\"What\":\"Permission denied\"}]}", SN_DENIED},
	{409, "{\"Errors\":[{\"What\":\"index is stale\"}]}", SN_REFUSED},
	{500, "Invalid Session TTL '1', must be between [10s=24h0m0s]", SN_DENIED},
	{400, "Invalid Session TTL '1', must be between [10s=24h0m0s]", SN_DENIED},
	{404, "page not found", SN_DENIED},
	{500, "No cluster leader", SN_UNKNOWN},
	{429, "Too many requests", SN_UNKNOWN},
	{409, "", SN_DENIED},
	{200, "<html>", SN_UNKNOWN},
	{0, "", SN_UNKNOWN},
};

TEST_EACH(an_error_that_may_pass_is_unknown, sizeof errors / sizeof *errors)
{
	claim_worker();
	answer_with(errors[nth].status, errors[nth].body);
	const struct sn_answer answer = ask_about(SN_ASK_RAISE, &own);
	ck_assert_int_eq(answer.outcome, errors[nth].outcome);
	ck_assert_str_ne(answer.why, "");
}

static void open_without_user(void)
{
	fake_open(NULL);
}

int main(void)
{
	return run_tests(open_without_user, fake_close);
}
