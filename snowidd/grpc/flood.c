/* SPDX-License-Identifier: MIT
 *
 * A limit on frames that cost the server something and ask it for nothing.
 */
#include "snowidd/grpc/flood.h"

#define CREDIT_NS (UINT64_C(1000000000) / FLOOD_PER_SECOND)

void grpc_flood_init(struct grpc_flood *flood, uint64_t now_ns)
{
	*flood = (struct grpc_flood){FLOOD_CREDIT, now_ns};
}

void grpc_flood_give(struct grpc_flood *flood, uint64_t credit)
{
	const uint64_t missing = FLOOD_CREDIT - flood->credit;

	flood->credit += credit < missing ? credit : missing;
}

bool grpc_flood_take(struct grpc_flood *flood, uint64_t now_ns)
{
	const uint64_t earned = (now_ns - flood->since_ns) / CREDIT_NS;

	grpc_flood_give(flood, earned);
	flood->since_ns += earned * CREDIT_NS;
	if (flood->credit == 0)
		return false;
	flood->credit--;
	return true;
}
