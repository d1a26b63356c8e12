/* SPDX-License-Identifier: MIT */
#include "libsnowid/sequence/reach.h"

#include "libsnowid/sequence/ticks.h"

struct sn_reach sn_reach_of(uint64_t block_ns, uint64_t hold_ns, uint64_t borrow_ns)
{
	const uint64_t block = sn_t100ns_from_ns(block_ns);
	const uint64_t hold = sn_t100ns_from_ns(hold_ns);
	const uint64_t borrow = sn_t100ns_from_ns(borrow_ns);
	const uint64_t lead = hold + borrow;

	if (block >= 3 * lead)
		return (struct sn_reach){
			.least_lead = lead,
			.most_lead = lead,
			.room = block - 2 * lead,
			.start = block,
		};
	return (struct sn_reach){
		.least_lead = borrow,
		.most_lead = lead,
		.room = block,
		.start = block + 2 * hold + borrow,
	};
}

uint64_t sn_reach_limit(const struct sn_reach *reach, uint64_t now, uint64_t last)
{
	if (last < now + reach->least_lead)
		last = now + reach->least_lead;
	if (last > now + reach->most_lead)
		last = now + reach->most_lead;
	return last + reach->room;
}
