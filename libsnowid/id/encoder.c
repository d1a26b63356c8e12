/* SPDX-License-Identifier: MIT
 *
 * Many 64-bit IDs at once.
 */
#include "libsnowid/id/encoder.h"

/* Writes id, id + step, id + 2 * step and so on. The vectors are pairs, which every 64-bit machine
 * has registers for: at -O2, compilers do not vectorize the plain loop. */
static void write_progression(uint64_t *ids, size_t count, uint64_t id, uint64_t step)
{
	typedef uint64_t id_pair __attribute__((vector_size(16)));
	typedef id_pair stored_id_pair __attribute__((aligned(8), may_alias));
	const id_pair eight = {8 * step, 8 * step}, two = {2 * step, 2 * step};
	id_pair a = {id, id + step}, b = a + two, c = b + two, d = c + two;
	size_t i = 0;

	for (; i + 8 <= count; i += 8) {
		stored_id_pair *const to = (stored_id_pair *)(ids + i);
		to[0] = a;
		to[1] = b;
		to[2] = c;
		to[3] = d;
		a += eight;
		b += eight;
		c += eight;
		d += eight;
	}
	for (; i < count; i++)
		ids[i] = id + i * step;
}

void sn_encode_run(const struct sn_encoder *encoder, uint64_t slot, uint64_t identity,
		   uint64_t *ids, uint64_t count)
{
	/* Within a tick, each ID is the one before plus a constant. */
	while (count > 0) {
		const uint64_t left_in_tick = encoder->mask - (slot & encoder->mask) + 1;
		const size_t part = (size_t)(left_in_tick < count ? left_in_tick : count);
		write_progression(ids, part, sn_encode(encoder, slot, identity),
				  UINT64_C(1) << encoder->sequence_shift);
		ids += part;
		slot += part;
		count -= part;
	}
}
