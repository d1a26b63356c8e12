/* SPDX-License-Identifier: MIT */
#include "libsnowid/sequence/reach.h"

#include "libsnowid/sequence/ticks.h"

struct sn_reach sn_reach_of(uint64_t reserve_ns, uint64_t hold_ns, uint64_t borrow_ns)
{
	const uint64_t reserve = sn_t100ns_from_ns(reserve_ns);
	const uint64_t hold = sn_t100ns_from_ns(hold_ns);
	const uint64_t borrow = sn_t100ns_from_ns(borrow_ns);
	const uint64_t lead = hold + borrow;

	if (reserve >= 3 * lead)
		return (struct sn_reach){
			.least_lead = lead,
			.most_lead = lead,
			.room = reserve - 2 * lead,
			.start = reserve,
		};
	return (struct sn_reach){
		.least_lead = borrow,
		.most_lead = lead,
		.room = reserve,
		.start = reserve + 2 * hold + borrow,
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

struct sn_reach sn_reach_of_prompt(uint64_t reserve_ns, uint64_t hold_ns, uint64_t borrow_ns)
{
	const uint64_t reserve = sn_t100ns_from_ns(reserve_ns);
	const uint64_t borrow = sn_t100ns_from_ns(borrow_ns);

	return (struct sn_reach){
		.least_lead = borrow,
		.most_lead = sn_t100ns_from_ns(hold_ns) + borrow,
		.room = reserve,
		.start = reserve + borrow,
	};
}

uint64_t sn_reach_prompt_limit(const struct sn_reach *reach, uint64_t unit, uint64_t now,
			       uint64_t last)
{
	const uint64_t limit = now + reach->start;
	return last <= limit + unit ? limit : sn_reach_limit(reach, now, last);
}
