/* SPDX-License-Identifier: MIT
 *
 * Whether a client may make a request at all.
 */
#include <openssl/evp.h>

#include "snowidd/net/admit.h"
#include "tests/unit/check.h"

static char token[] = "correct-horse-battery-staple";
static struct settings settings;
static struct live live;
static struct counters counters;
static struct loop_group group;
static struct loop loop;
static struct ip_address client;

static void begin(void)
{
	live = (struct live){.settings = &settings};
	settings.rate = 0;
	settings.burst = 2;
	settings.id_rate = settings.id_burst = 0;
	settings.count = 10;
	group.limiter = rate_limiter_new();
	loop.live = &live;
	loop.group = &group;
	loop.counters = &counters;
	client = ip_address_of_ipv4((const uint8_t[]){192, 0, 2, 1});
}

static void end(void)
{
	rate_limiter_free(group.limiter);
}

static enum refusal admit(const char *authorization)
{
	uint64_t wait_ns;

	return admit_client(&loop, &client, authorization, strlen(authorization), &wait_ns);
}

TEST(all_are_admitted_without_a_token_and_a_rate)
{
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(admit(""), SERVED);
}

TEST(the_token_has_to_be_the_one_that_is_configured)
{
	static const char *const bad[] = {
		"",
		"Bearer",
		"Bearer ",
		"Bearer correct-horse-battery-stapl",
		"Bearer correct-horse-battery-staple2",
		"Bearer Correct-horse-battery-staple",
		"Basic correct-horse-battery-staple",
		"correct-horse-battery-staple",
	};

	live.tokens.count = 1;
	EVP_Digest(token, strlen(token), live.tokens.digests[0], NULL, EVP_sha256(), NULL);
	ck_assert_int_eq(admit("Bearer correct-horse-battery-staple"), SERVED);
	ck_assert_int_eq(admit("bearer   correct-horse-battery-staple"), SERVED);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ck_assert_msg(admit(bad[i]) == REFUSED_TOKEN, "%s", bad[i]);
	ck_assert_uint_eq(counters.errors[REFUSED_TOKEN], sizeof bad / sizeof bad[0]);
}

TEST(the_rate_is_that_of_one_client)
{
	uint64_t wait_ns = 0;

	settings.rate = 1;
	ck_assert_int_eq(admit(""), SERVED);
	ck_assert_int_eq(admit(""), SERVED);
	ck_assert_int_eq(admit_client(&loop, &client, "", 0, &wait_ns), REFUSED_RATE);
	ck_assert_uint_gt(wait_ns, 0);
	client.bytes[15]++;
	ck_assert_int_eq(admit(""), SERVED);
	client.known = false; /* a Unix socket */
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(admit(""), SERVED);
	ck_assert_uint_eq(counters.errors[REFUSED_RATE], 1);
}

/* Otherwise guessing a token would have no limit. */
TEST(a_wrong_token_uses_up_the_rate)
{
	settings.rate = 1;
	live.tokens.count = 1;
	ck_assert_int_eq(admit(""), REFUSED_TOKEN);
	ck_assert_int_eq(admit(""), REFUSED_TOKEN);
	ck_assert_int_eq(admit(""), REFUSED_RATE);
}

TEST(the_ids_of_a_client_have_a_rate)
{
	struct ip_address other = ip_address_of_ipv4((const uint8_t[]){192, 0, 2, 2});
	uint64_t wait_ns = 0;

	ck_assert_int_eq(admit_ids(&loop, &client, 1000000, &wait_ns), SERVED);
	settings.id_rate = 1;
	settings.id_burst = 5; /* the largest request is larger */
	ck_assert_int_eq(admit_ids(&loop, &client, 10, &wait_ns), SERVED);
	ck_assert_int_eq(admit_ids(&loop, &client, 10, &wait_ns), REFUSED_RATE);
	ck_assert_uint_gt(wait_ns, 5 * SEC);
	ck_assert_uint_eq(admit_some_ids(&loop, &client, 1), 0);
	ck_assert_uint_eq(counters.errors[REFUSED_RATE], 1);
	admit_return_ids(&loop, &client, 7);
	ck_assert_uint_eq(admit_some_ids(&loop, &client, 100), 7);
	ck_assert_int_eq(admit_ids(&loop, &other, 10, &wait_ns), SERVED);
	/* The rate of requests is another. */
	settings.rate = 1;
	ck_assert_int_eq(admit(""), SERVED);
}

int main(void)
{
	return run_tests(begin, end);
}
