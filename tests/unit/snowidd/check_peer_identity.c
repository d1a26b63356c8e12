/* SPDX-License-Identifier: MIT
 *
 * What tells one daemon from another, read from the health that it reports.
 */
#include <stdio.h>

#include "snowidd/peer_identity.h"
#include "tests/unit/check.h"

#define KINDS  "\"kinds\":[{\"name\":\"snowflake\",\"layout\":\"time:41,worker:10,sequence:12\"}]"
#define FIELDS "\"datacenter_id\":1,\"worker_id\":5"
#define HEALTH(instance)                                                                           \
	"{\"status\":\"healthy\",\"scope\":\"fleet\"," FIELDS ",\"instance\":\"" instance          \
	"\",\"clock\":{\"drift_ms\":0.1}," KINDS "}\n"

static struct peer_identity identity;

static bool parse_json(const char *json)
{
	memset(&identity, 'x', sizeof identity);
	return peer_identity_parse(json, strlen(json), &identity);
}

TEST(health_names_layout_fields_and_instance)
{
	ck_assert(parse_json(HEALTH("A")));
	ck_assert_str_eq(identity.instance, "A");
	ck_assert_str_eq(identity.layout, "time:41,worker:10,sequence:12");
	ck_assert_str_eq(identity.fields, "datacenter_id=1 worker_id=5 ");
}

/* Each of these would have been taken for health by a search for its members. */
TEST(what_is_not_the_health_of_a_daemon)
{
	static const char *const texts[] = {
		"",
		"{",
		"null",
		"5",
		"\"instance\":\"A\",\"scope\":\"fleet\"",
		"[\"scope\", \"fleet\"]",
		"{}",
		"{\"scope\":\"fleet\"}",
		"{\"scope\":\"fleet\",\"instance\":5}",
		"{\"scope\":5,\"instance\":\"A\"}",
		"{\"instance\":\"A\"}",
		"{\"note\":{\"scope\":\"fleet\",\"instance\":\"A\"}}",
		"{\"scope\":\"fleet\",\"instance\":\"A\"",
		"{\"scope\":\"fleet\",\"instance\":\"A\"} trailing",
		"{\"scope\":\"fleet\",\"instance\":\"A\\u0000\"}",
		"{\"scope\":\"fleet\",\"instance\":\"\xff\"}",
		"{\"scope\":\"fleet\",\"instance\":\"01234567890123456789012345678901\"}",
		"<html>\"instance\":\"A\",\"scope\":\"fleet\"</html>",
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		ck_assert_msg(!parse_json(texts[i]), "%s", texts[i]);
	ck_assert(!peer_identity_parse(NULL, 0, &identity));
}

TEST(nesting_too_deep_is_refused)
{
	char json[16000];

	memset(json, '[', sizeof json - 1);
	json[sizeof json - 1] = '\0';
	ck_assert(!parse_json(json));
}

TEST(whitespace_and_the_order_of_members_do_not_matter)
{
	ck_assert(parse_json("{ \"kinds\" : [ {\"layout\" : \"L\"} ],\n\t\"worker_id\" : 5 ,"
			     "\"instance\":\"A\", \"scope\" : \"fleet\" }"));
	ck_assert_str_eq(identity.layout, "L");
	ck_assert_str_eq(identity.fields, "worker_id=5 ");
}

TEST(only_numbers_at_the_top_are_fields)
{
	ck_assert(parse_json("{\"scope\":\"fleet\",\"instance\":\"A\",\"x_id\":\"text\",\"_id\":3,"
			     "\"id\":4,\"clock\":{\"y_id\":1},\"w_id\":2.5,\"z_id\":7,"
			     "\"kinds\":[{\"layout\":\"L\",\"k_id\":9}]}"));
	ck_assert_str_eq(identity.fields, "_id=3 z_id=7 ");
}

/* Of one host only, or with a first kind that has no layout. */
TEST(daemons_that_nobody_can_conflict_with)
{
	static const char *const texts[] = {
		"{\"scope\":\"host\",\"instance\":\"A\"," FIELDS "," KINDS "}",
		"{\"scope\":\"fleet\",\"instance\":\"A\",\"kinds\":[{},{\"layout\":\"L\"}]}",
		"{\"scope\":\"fleet\",\"instance\":\"A\",\"kinds\":[]}",
		"{\"scope\":\"fleet\",\"instance\":\"A\",\"kinds\":5}",
		"{\"scope\":\"fleet\",\"instance\":\"A\",\"kinds\":[{\"layout\":5}]}",
		"{\"scope\":\"fleet\",\"instance\":\"A\"}",
	};
	struct peer_identity other;

	ck_assert(peer_identity_parse(HEALTH("B"), strlen(HEALTH("B")), &other));
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		ck_assert_msg(parse_json(texts[i]), "%s", texts[i]);
		ck_assert_str_eq(identity.layout, "");
		ck_assert(!peer_identity_conflicts(&identity, &other));
		ck_assert(!peer_identity_conflicts(&other, &identity));
		ck_assert(!peer_identity_conflicts(&identity, &identity));
	}
}

TEST(parts_that_are_too_long_for_any_layout_of_ours)
{
	char json[2000], name[300];

	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	snprintf(json, sizeof json,
		 "{\"scope\":\"fleet\",\"instance\":\"A\",\"%s_id\":1,\"kinds\":[{\"layout\":\"L\"}"
		 "]}",
		 name);
	ck_assert(parse_json(json));
	ck_assert_str_eq(identity.layout, "");
	snprintf(json, sizeof json,
		 "{\"scope\":\"fleet\",\"instance\":\"A\",\"kinds\":[{\"layout\":\"%s%s\"}]}", name,
		 name);
	ck_assert(parse_json(json));
	ck_assert_str_eq(identity.layout, "");
}

TEST(a_conflict_is_another_instance_with_the_same_layout_and_fields)
{
	struct peer_identity own, other;

	ck_assert(peer_identity_parse(HEALTH("A"), strlen(HEALTH("A")), &own));
	other = own;
	ck_assert(!peer_identity_conflicts(&own, &other));
	strcpy(other.instance, "B");
	ck_assert(peer_identity_conflicts(&own, &other));
	strcpy(other.fields, "datacenter_id=1 worker_id=6 ");
	ck_assert(!peer_identity_conflicts(&own, &other));
	other = own;
	strcpy(other.instance, "B");
	strcpy(other.layout, "time:42,worker:9,sequence:12");
	ck_assert(!peer_identity_conflicts(&own, &other));
}

int main(void)
{
	return run_tests(NULL, NULL);
}
