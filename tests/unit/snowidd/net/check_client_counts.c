/* SPDX-License-Identifier: MIT
 *
 * How many connections each client has open.
 */
#include "snowidd/net/client_counts.h"
#include "tests/unit/check.h"

static struct client_counts *counts;

static void begin(void)
{
	counts = client_counts_new();
	ck_assert_ptr_nonnull(counts);
}

static void end(void)
{
	client_counts_free(counts);
}

TEST(a_client_has_no_more_connections_than_the_limit)
{
	const struct rate_key a = {1, 2}, b = {2, 1};

	for (int i = 0; i < 3; i++)
		ck_assert(client_counts_add(counts, &a, 3));
	ck_assert(!client_counts_add(counts, &a, 3));
	ck_assert(client_counts_add(counts, &b, 3));
	client_counts_remove(counts, &a);
	ck_assert(client_counts_add(counts, &a, 3));
	ck_assert(!client_counts_add(counts, &a, 3));
}

TEST(a_limit_may_be_lowered_and_raised)
{
	const struct rate_key a = {1, 2};

	for (int i = 0; i < 5; i++)
		ck_assert(client_counts_add(counts, &a, 5));
	ck_assert(!client_counts_add(counts, &a, 2));
	ck_assert(client_counts_add(counts, &a, 6));
}

TEST(many_clients_are_kept_apart)
{
	for (uint64_t i = 0; i < 100000; i++) {
		const struct rate_key key = {i, i * i};
		ck_assert(client_counts_add(counts, &key, 1));
		if (i % 2 == 0)
			client_counts_remove(counts, &key);
	}
	for (uint64_t i = 1; i < 100000; i += 2) {
		const struct rate_key key = {i, i * i};
		ck_assert(!client_counts_add(counts, &key, 1));
		client_counts_remove(counts, &key);
		ck_assert(client_counts_add(counts, &key, 1));
	}
}

int main(void)
{
	return run_tests(begin, end);
}
