/* SPDX-License-Identifier: MIT
 *
 * Members of JSON objects.
 */
#include "snowidd/http/json.h"
#include "tests/unit/check.h"

static const char *text_of_field(unsigned bits, uint64_t value)
{
	const struct kind_field field = {.name = "worker_id", .value = value, .bits = bits};
	static struct buffer body;

	buffer_clear(&body);
	buffer_text(&body, "{");
	json_add_field(&body, &field);
	json_end(&body, "}");
	buffer_bytes(&body, "", 1);
	return body.data;
}

/* For a client, the type of a member must not change from one ID to the next. */
TEST(the_width_of_a_field_decides_whether_it_is_a_string)
{
	ck_assert_str_eq(text_of_field(1, 1), "{\"worker_id\":1}");
	ck_assert_str_eq(text_of_field(53, 9007199254740991), "{\"worker_id\":9007199254740991}");
	ck_assert_str_eq(text_of_field(54, 1), "{\"worker_id\":\"1\"}");
	ck_assert_str_eq(text_of_field(63, INT64_MAX), "{\"worker_id\":\"9223372036854775807\"}");
}

int main(void)
{
	return run_tests(NULL, NULL);
}
