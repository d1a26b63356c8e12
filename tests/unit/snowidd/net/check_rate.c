/* SPDX-License-Identifier: MIT
 *
 * The bound on the requests of one client address, at instants that the test chooses.
 */
#include "snowidd/net/rate.h"
#include "tests/unit/check.h"

static struct rate_key client_key_of(const char *text)
{
	struct ip_address address;
	struct rate_key key;

	ck_assert(ip_address_parse(text, strlen(text), &address));
	ck_assert(rate_key_of(&address, &key));
	return key;
}

/* How many of `tries` requests are let through. */
static unsigned count_allowed(struct rate_limiter *rate, const struct rate_key *key,
			      uint64_t per_second, uint64_t burst, uint64_t now_ns, unsigned tries)
{
	const struct rate requests = {RATE_OF_REQUESTS, per_second, burst};
	unsigned count = 0;
	uint64_t wait_ns;

	for (unsigned i = 0; i < tries; i++)
		count += (unsigned)rate_limiter_take(rate, key, &requests, 1, 1, now_ns, &wait_ns);
	return count;
}

TEST(a_burst_and_then_the_rate)
{
	struct rate_limiter *const rate = rate_limiter_new();
	const struct rate_key a = client_key_of("192.0.2.1"), b = client_key_of("192.0.2.2");
	const struct rate requests = {RATE_OF_REQUESTS, 10, 20};
	uint64_t wait_ns = 0;

	ck_assert_uint_eq(count_allowed(rate, &a, 10, 20, 5 * SEC, 100), 20);
	ck_assert_uint_eq(count_allowed(rate, &b, 10, 20, 5 * SEC, 100), 20);
	ck_assert(!rate_limiter_take(rate, &a, &requests, 1, 1, 5 * SEC, &wait_ns));
	ck_assert_uint_eq(wait_ns, SEC / 10);
	ck_assert(!rate_limiter_take(rate, &a, &requests, 1, 1, 5 * SEC + wait_ns - 1, &wait_ns));
	ck_assert_uint_eq(count_allowed(rate, &a, 10, 20, 5 * SEC + SEC / 10, 100), 1);
	ck_assert_uint_eq(count_allowed(rate, &a, 10, 20, 6 * SEC, 100), 9);
	ck_assert_uint_eq(count_allowed(rate, &a, 10, 20, 60 * SEC, 100), 20);
	rate_limiter_free(rate);
}

TEST(several_tokens_at_once)
{
	struct rate_limiter *const limiter = rate_limiter_new();
	const struct rate_key a = client_key_of("192.0.2.1");
	const struct rate ids = {RATE_OF_IDS, 3000000, 10000};
	uint64_t now = 5 * SEC, wait_ns = 0;

	ck_assert_uint_eq(rate_limiter_take(limiter, &a, &ids, 10000, 10000, now, &wait_ns), 10000);
	ck_assert_uint_eq(rate_limiter_take(limiter, &a, &ids, 1, 1000, now, &wait_ns), 0);
	ck_assert_uint_eq(wait_ns, 333);
	ck_assert_uint_eq(rate_limiter_take(limiter, &a, &ids, 6000, 6000, now, &wait_ns), 0);
	ck_assert_uint_eq(wait_ns, 2 * MS);
	now += (uint64_t)MS;
	ck_assert_uint_eq(rate_limiter_take(limiter, &a, &ids, 1, 1000, now, &wait_ns), 1000);
	ck_assert_uint_eq(rate_limiter_take(limiter, &a, &ids, 1, 10000, now, &wait_ns), 2000);
	rate_limiter_return(limiter, &a, &ids, 1500);
	ck_assert_uint_eq(rate_limiter_take(limiter, &a, &ids, 1, 10000, now, &wait_ns), 1500);
	/* Those of requests are others. */
	ck_assert_uint_eq(count_allowed(limiter, &a, 10, 20, now, 100), 20);
	rate_limiter_free(limiter);
}

TEST(a_reload_forgives_what_it_would_not_have_allowed)
{
	struct rate_limiter *const rate = rate_limiter_new();
	const struct rate_key a = client_key_of("192.0.2.1");

	/* An hour's worth at once. */
	ck_assert_uint_eq(count_allowed(rate, &a, 1, 3600, SEC, 3600), 3600);
	ck_assert_uint_eq(count_allowed(rate, &a, 10, 5, SEC, 5), 0);
	ck_assert_uint_eq(count_allowed(rate, &a, 10, 5, 2 * SEC, 10), 5);
	rate_limiter_free(rate);
}

TEST(the_largest_numbers)
{
	struct rate_limiter *const rate = rate_limiter_new();
	const struct rate_key a = client_key_of("192.0.2.1"), b = client_key_of("192.0.2.2");
	const uint64_t decades = UINT64_C(4000000000) * SEC;

	ck_assert_uint_eq(count_allowed(rate, &a, 1, 1000000000, decades, 1000), 1000);
	ck_assert_uint_eq(count_allowed(rate, &b, 1000000000, 1, decades, 1000), 1);
	const struct rate slow = {RATE_OF_IDS, 1, 1000000000};
	const uint64_t all = slow.burst;
	uint64_t wait_ns;
	ck_assert_uint_eq(rate_limiter_take(rate, &a, &slow, all, all, decades, &wait_ns), all);
	ck_assert_uint_eq(rate_limiter_take(rate, &a, &slow, all, all, decades, &wait_ns), 0);
	ck_assert_uint_eq(wait_ns, all * SEC);
	rate_limiter_free(rate);
}

/* Many addresses at once make room only where the bucket is full again or nearly so. */
TEST(a_flood_of_addresses_frees_nobody)
{
	struct rate_limiter *const rate = rate_limiter_new();
	const struct rate_key a = client_key_of("192.0.2.1");

	ck_assert_uint_eq(count_allowed(rate, &a, 1, 50, SEC, 100), 50);
	for (uint32_t i = 0; i < 100000; i++) {
		const struct rate_key other = {0, UINT64_C(0xffff00000000) | (i << 8)};
		ck_assert_uint_eq(count_allowed(rate, &other, 1, 50, SEC, 1), 1);
	}
	ck_assert_uint_eq(count_allowed(rate, &a, 1, 50, SEC, 100), 0);
	rate_limiter_free(rate);
}

TEST(who_a_client_is)
{
	const struct rate_key a = client_key_of("192.0.2.1"),
			      mapped = client_key_of("::ffff:192.0.2.1");
	const struct rate_key b = client_key_of("2001:db8::1"),
			      same = client_key_of("2001:db8::ffff:2:3:4"),
			      other = client_key_of("2001:db8:0:1::1");
	const struct ip_address nobody = {.known = false};
	struct rate_key key;

	ck_assert(a.high == mapped.high && a.low == mapped.low);
	ck_assert(b.high == same.high && b.low == same.low);
	ck_assert(b.high != other.high);
	ck_assert(!rate_key_of(&nobody, &key));
}

int main(void)
{
	return run_tests(NULL, NULL);
}
