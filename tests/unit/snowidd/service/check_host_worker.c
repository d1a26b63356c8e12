/* SPDX-License-Identifier: MIT
 *
 * The worker ID in a host name.
 */
#include "snowidd/service/host_worker.h"
#include "tests/unit/check.h"

static struct settings_error error;

static void expect_worker(const char *worker_id, const char *host, uint64_t expected)
{
	uint64_t worker = NOT_SET;

	ck_assert(host_worker_is_asked_for(worker_id));
	ck_assert_msg(host_worker_parse(worker_id, host, &worker, &error), "%s", error.text);
	ck_assert_uint_eq(worker, expected);
}

static void expect_no_worker(const char *worker_id, const char *host, const char *message)
{
	uint64_t worker;

	ck_assert_msg(!host_worker_parse(worker_id, host, &worker, &error), "%s", host);
	ck_assert_str_eq(error.text, message);
}

TEST(settings_that_ask_for_the_host_name)
{
	ck_assert(host_worker_is_asked_for("hostname"));
	ck_assert(host_worker_is_asked_for("hostname:ids-"));
	ck_assert(!host_worker_is_asked_for("hostnames"));
	ck_assert(!host_worker_is_asked_for("host"));
	ck_assert(!host_worker_is_asked_for("store"));
	ck_assert(!host_worker_is_asked_for("7"));
}

TEST(only_number_of_a_name)
{
	expect_worker("hostname", "ids-7", 7);
	expect_worker("hostname", "ids-0", 0);
	expect_worker("hostname", "eu-west-ids-12.example.org", 12);
	expect_worker("hostname", "ids-7.rack4.example.org", 7);
}

TEST(name_without_a_number_at_its_end)
{
	expect_no_worker("hostname", "ids",
			 "worker_id: hostname: \"ids\" does not end as name-7 does");
	expect_no_worker("hostname", "ids7",
			 "worker_id: hostname: \"ids7\" does not end as name-7 does");
	expect_no_worker("hostname", "ids-",
			 "worker_id: hostname: \"ids-\" does not end as name-7 does");
	expect_no_worker("hostname", "ids-7a",
			 "worker_id: hostname: \"ids-7a\" does not end as name-7 does");
	/* It would be the same worker as ids-7. */
	expect_no_worker("hostname", "ids-07",
			 "worker_id: hostname: \"ids-07\" does not end as name-7 does");
	expect_no_worker("hostname", "", "worker_id: hostname: \"\" does not end as name-7 does");
	expect_no_worker("hostname", "ids-99999999999999999999",
			 "worker_id: hostname: \"ids-99999999999999999999\" does not end as name-7 "
			 "does");
}

TEST(name_with_several_numbers_needs_its_prefix)
{
	expect_no_worker("hostname", "ip-10-0-1-7.ec2.internal",
			 "worker_id: hostname: \"ip-10-0-1-7\" has more than one number: set "
			 "hostname:ip-10-0-1- if that is the same on every host, or a number");
	expect_no_worker("hostname", "orders-v2-0",
			 "worker_id: hostname: \"orders-v2-0\" has more than one number: set "
			 "hostname:orders-v2- if that is the same on every host, or a number");
	expect_worker("hostname:ip-10-0-1-", "ip-10-0-1-7.ec2.internal", 7);
	expect_worker("hostname:orders-v2-", "orders-v2-0", 0);
	expect_worker("hostname:ids", "ids31", 31);
}

TEST(nothing_but_digits_follows_the_prefix)
{
	expect_no_worker("hostname:ip-10-0-1-", "ip-10-0-2-7",
			 "worker_id: hostname: \"ip-10-0-2-7\" is not \"ip-10-0-1-\" and a number "
			 "after it");
	expect_no_worker("hostname:ip-10-0-", "ip-10-0-2-7",
			 "worker_id: hostname: \"ip-10-0-2-7\" is not \"ip-10-0-\" and a number "
			 "after it");
	expect_no_worker("hostname:ids-", "ids-",
			 "worker_id: hostname: \"ids-\" is not \"ids-\" and a number after it");
	expect_no_worker("hostname:ids-", "ids-+7",
			 "worker_id: hostname: \"ids-+7\" is not \"ids-\" and a number after it");
	expect_no_worker("hostname:ids-", "ids-7b",
			 "worker_id: hostname: \"ids-7b\" is not \"ids-\" and a number after it");
}

int main(void)
{
	return run_tests(NULL, NULL);
}
