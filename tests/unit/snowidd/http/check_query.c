/* SPDX-License-Identifier: MIT
 *
 * What an HTTP request asks for. Each text lies in a block of its own without a 0 behind it, so
 * that whoever reads past it is found out.
 */
#include "snowidd/http/query.h"
#include "tests/unit/check.h"

static bool prefers_json(const char *accept)
{
	const size_t length = strlen(accept);
	char *const copy = malloc(length > 0 ? length : 1);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, accept, length);
	const bool json = query_prefers_json(copy, length);
	free(copy);
	return json;
}

TEST(json_is_preferred_where_it_weighs_more)
{
	static const char *const yes[] = {
		"application/json",
		"APPLICATION/JSON",
		"application/*",
		"application/json;q=0.001",
		"text/plain;q=0.999, application/json",
		"application/json, */*;q=0.8",
		"text/html, application/json ;charset=utf-8; Q=0.5 , */*;q=0.4",
		"application/json;q=1.9",
		"*/*, text/plain;q=0",
	};
	static const char *const no[] = {
		"",
		"*/*",
		"text/plain",
		"text/html",
		"application/jsonp",
		"application",
		"application/json;q=0",
		"application/json;q=0.",
		"application/json;q=0.000",
		"application/json;q=",
		"application/json;q=inf",
		"application/json;q=-1",
		"application/json;q=2",
		"text/*, application/json;q=0.9",
		"application/json, text/plain",
		"application/*;q=0.5, */*;q=0.5",
		",;,;q=1,",
		"*/*;q=0",
		"text/plain;q=1e99,application/json;q=0",
		"application/json;q=0, application/*",
	};

	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
		ck_assert_msg(prefers_json(yes[i]), "%s", yes[i]);
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
		ck_assert_msg(!prefers_json(no[i]), "%s", no[i]);
}

static const char *read_query(const char *text, struct query *query, char copy[100])
{
	*query = (struct query){.kind = {NULL, 0}};
	strcpy(copy, text);
	return query_read(copy, QUERY_KIND | QUERY_COUNT, query);
}

TEST(parameters_are_decoded)
{
	struct query query;
	char copy[100];

	ck_assert_ptr_null(read_query("k%69nd=a%2Bb%26c+d&count=", &query, copy));
	ck_assert_uint_eq(query.kind.length, 7);
	ck_assert_mem_eq(query.kind.data, "a+b&c+d", 7);
	ck_assert_uint_eq(query.count.length, 0);
	ck_assert_ptr_nonnull(query.count.data);
	ck_assert_ptr_null(query.id.data);
	ck_assert_ptr_null(read_query("", &query, copy));
}

TEST(what_is_no_parameter_is_refused)
{
	static const char *const bad[] = {
		"kind",     "=x",       "kind=a&kind=b", "id=5",    "kind=%",          "kind=%4",
		"kind=%4g", "kind=%00", "%00=x",         "&kind=a", "kind=a&&count=1", "kind=a#b&x",
		"KIND=a",
	};
	struct query query;
	char copy[100];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ck_assert_msg(read_query(bad[i], &query, copy) != NULL, "%s", bad[i]);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
