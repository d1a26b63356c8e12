/* SPDX-License-Identifier: MIT
 *
 * The header fields of a call.
 */
#include <string.h>

#include "snowidd/grpc/metadata.h"
#include "tests/unit/check.h"

TEST(a_timeout_has_up_to_eight_digits_and_a_unit)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} cases[] = {
		{"0n", 0},
		{"1n", 1},
		{"12u", 12000},
		{"99999999m", UINT64_C(99999999000000)},
		{"3S", UINT64_C(3000000000)},
		{"2M", UINT64_C(120000000000)},
		{"1H", UINT64_C(3600000000000)},
		{"00000001S", UINT64_C(1000000000)},
		{"99999999H", UINT64_MAX}, /* more ns than 64 bits can hold */
	};
	uint64_t ns;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *const text = cases[i].text;
		ck_assert_msg(grpc_timeout_parse(text, strlen(text), &ns), "%s", text);
		ck_assert_msg(ns == cases[i].ns, "%s", text);
	}
}

TEST(anything_else_is_no_timeout)
{
	static const char *const bad[] = {"",    "S",  "1",    "1s",  "1h",  "-1S",
					  "1 S", "S1", "1.5S", "+1S", "1SS", "123456789S"};
	uint64_t ns;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ck_assert_msg(!grpc_timeout_parse(bad[i], strlen(bad[i]), &ns), "%s", bad[i]);
}

TEST(messages_are_those_of_protocol_buffers)
{
	static const struct {
		const char *type;
		bool served;
	} cases[] = {
		{"application/grpc", true},
		{"Application/gRPC", true},
		{"application/grpc+proto", true},
		{"application/grpc;charset=utf-8", true},
		{"application/grpc+proto ; x=y", true},
		{"application/grpc+json", false},
		{"application/grpc-web", false},
		{"application/grp", false},
		{"application/json", false},
		{"", false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		ck_assert_msg(grpc_type_is_served(cases[i].type, strlen(cases[i].type)) ==
				      cases[i].served,
			      "%s", cases[i].type);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
