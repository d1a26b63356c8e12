/* SPDX-License-Identifier: MIT
 *
 * When memory of connections is given back.
 */
#include "snowidd/base/idle_memory.h"
#include "tests/unit/check.h"

TEST(memory_is_given_back_each_time_half_of_the_connections_have_ended)
{
	static const struct {
		uint64_t connections;
		bool due;
	} seconds[] = {
		{0, false},   {300, false},   {10000, false}, {9000, false}, {5001, false},
		{5000, true}, {5000, false},  {4000, false},  {2500, true},  {2600, false},
		{1300, true}, {10000, false}, {0, true},      {0, false},    {255, false},
		{0, false},   {256, false},   {0, true},
	};
	uint64_t most = 0;

	for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++)
		ck_assert_msg(idle_memory_is_due(&most, seconds[i].connections) == seconds[i].due,
			      "second %zu", i);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
