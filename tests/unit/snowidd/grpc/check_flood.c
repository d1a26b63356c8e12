/* SPDX-License-Identifier: MIT
 *
 * The credit for frames that ask for nothing, at instants that the test chooses.
 */
#include "snowidd/grpc/flood.h"
#include "tests/unit/check.h"

static struct grpc_flood flood;

static unsigned take_all(uint64_t now_ns)
{
	unsigned taken = 0;

	while (grpc_flood_take(&flood, now_ns))
		taken++;
	return taken;
}

TEST(it_begins_with_its_credit)
{
	grpc_flood_init(&flood, 5 * SEC);
	ck_assert_uint_eq(take_all(5 * SEC), FLOOD_CREDIT);
}

TEST(time_gives_it_back)
{
	grpc_flood_init(&flood, 5 * SEC);
	take_all(5 * SEC);
	ck_assert_uint_eq(take_all(6 * SEC - 1), FLOOD_PER_SECOND - 1);
	ck_assert_uint_eq(take_all(6 * SEC), 1);
	ck_assert_uint_eq(take_all(1000000 * SEC), FLOOD_CREDIT);
}

TEST(calls_give_it_back_up_to_the_most)
{
	grpc_flood_init(&flood, 0);
	take_all(0);
	grpc_flood_give(&flood, 7);
	ck_assert_uint_eq(take_all(0), 7);
	grpc_flood_give(&flood, UINT64_MAX);
	ck_assert_uint_eq(take_all(0), FLOOD_CREDIT);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
