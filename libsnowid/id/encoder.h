/* SPDX-License-Identifier: MIT
 *
 * 64-bit IDs from slots. One ID is encoded inline, because that is part of the fast path.
 */
#ifndef SN_ENCODER_H
#define SN_ENCODER_H

#include "libsnowid/id/layout.h"

struct sn_encoder {
	uint64_t mask; /* of the sequence in a slot */
	unsigned bits; /* of the sequence */
	unsigned sequence_shift;
	unsigned time_shift;
};

static inline void sn_encoder_init(struct sn_encoder *encoder, const struct snowid_layout *layout)
{
	encoder->bits = sn_layout_sequence_bits(layout);
	encoder->mask = sn_mask(encoder->bits);
	encoder->sequence_shift = sn_layout_sequence_shift(layout);
	encoder->time_shift = layout->fields[0].shift;
}

/* identity holds the fixed fields at their places. */
static inline uint64_t sn_encode(const struct sn_encoder *encoder, uint64_t slot, uint64_t identity)
{
	return slot >> encoder->bits << encoder->time_shift |
	       (slot & encoder->mask) << encoder->sequence_shift | identity;
}

/* Encodes `count` consecutive slots. */
void sn_encode_run(const struct sn_encoder *encoder, uint64_t slot, uint64_t identity,
		   uint64_t *ids, uint64_t count);

#endif
