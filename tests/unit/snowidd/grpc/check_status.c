/* SPDX-License-Identifier: MIT
 *
 * The status of a call, as it is sent.
 */
#include <string.h>

#include "snowidd/grpc/status.h"
#include "tests/unit/check.h"

static struct buffer sent;

static void begin(void)
{
	buffer_clear(&sent);
}

static void end(void)
{
	buffer_free(&sent);
}

static void expect_sent(const char *text)
{
	ck_assert_uint_eq(sent.length, strlen(text));
	ck_assert_int_eq(memcmp(sent.data, text, sent.length), 0);
}

TEST(each_code_has_its_number_and_its_name)
{
	ck_assert_str_eq(grpc_status_name(GRPC_OK), "OK");
	ck_assert_str_eq(grpc_status_digits(GRPC_OK), "0");
	ck_assert_str_eq(grpc_status_name(8), "RESOURCE_EXHAUSTED");
	ck_assert_str_eq(grpc_status_digits(GRPC_UNAUTHENTICATED), "16");
	ck_assert_str_eq(grpc_status_name(GRPC_UNAUTHENTICATED), "UNAUTHENTICATED");
	ck_assert_ptr_null(grpc_status_name(GRPC_STATUSES));
}

/* A client tries again elsewhere after UNAVAILABLE, and must not do so because it asks for too
 * much. */
TEST(only_what_another_server_may_do_better_is_unavailable)
{
	for (enum refusal refusal = SERVED; refusal < REFUSALS; refusal++) {
		const bool elsewhere = refusal == REFUSED_CLOCK || refusal == REFUSED_CONFLICT ||
				       refusal == REFUSED_STORE || refusal == REFUSED_STOPPING;
		ck_assert_msg((grpc_status_of_refusal(refusal) == GRPC_UNAVAILABLE) == elsewhere,
			      "%s", refusal_code(refusal));
	}
}

TEST(a_message_is_encoded_with_percent_signs)
{
	grpc_status_add_message(&sent, "100 % of caf\xc3\xa9\r\n~\x7f");
	expect_sent("100 %25 of caf%C3%A9%0D%0A~%7F");
}

/* The bytes are those that Python's protobuf makes of google.rpc.Status. */
TEST(the_time_to_try_again_is_a_detail)
{
	grpc_status_add_retry(&sent, GRPC_RESOURCE_EXHAUSTED, "slow down", 1500000000);
	expect_sent("CAgSCXNsb3cgZG93bho2Cih0eXBlLmdvb2dsZWFwaXMuY29tL2dvb2dsZS5ycGMuUmV0cnlJbmZvEg"
		    "oKCAgBEIDKte4B");
}

int main(void)
{
	return run_tests(begin, end);
}
