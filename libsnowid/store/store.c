/* SPDX-License-Identifier: MIT
 *
 * What stores have in common.
 */
#include "libsnowid/store/store.h"

uint64_t sn_store_identity(const struct sn_store_settings *settings)
{
	uint64_t identity = 0;
	for (size_t i = 0; i < settings->field_count; i++)
		identity |= settings->fields[i].value << settings->fields[i].shift;
	return identity;
}

void sn_store_begin(const struct sn_ticks *ticks, struct sn_shared_state *shared, uint64_t floor)
{
	sn_raise(&shared->next, sn_ticks_end(ticks, floor));
	atomic_store(&shared->counted, 0 - sn_ticks_low(ticks, atomic_load(&shared->next)));
}

/* What is left out is not counted as issued. */
void sn_store_lift(const struct sn_ticks *ticks, struct sn_shared_state *shared, uint64_t floor)
{
	const uint64_t slot = sn_ticks_end(ticks, floor);
	uint64_t next = atomic_load(&shared->next);

	while (next < slot && !atomic_compare_exchange_weak(&shared->next, &next, slot))
		;
	if (next < slot)
		atomic_fetch_add(&shared->counted,
				 sn_ticks_low(ticks, next) - sn_ticks_low(ticks, slot));
}
