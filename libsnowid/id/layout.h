/* SPDX-License-Identifier: MIT
 *
 * Layouts: what the bits of a 64-bit ID mean.
 */
#ifndef SN_LAYOUT_H
#define SN_LAYOUT_H

#include "libsnowid/base/instant.h"
#include "snowid.h"

#define SN_FIELD_NAME_SIZE 32
#define SN_FIELDS_MAX      64 /* of one bit each */

struct sn_field {
	char name[SN_FIELD_NAME_SIZE];
	uint8_t bits;
	uint8_t shift;
};

struct snowid_layout {
	struct sn_timebase time;
	uint64_t last_tick;
	uint8_t count;
	uint8_t bits;
	uint8_t sequence; /* index of the sequence field, 0 (which is time) if there is none */
	struct sn_field fields[SN_FIELDS_MAX]; /* [0] is time */
};

/* The lowest `bits` bits set. bits is 0 to 64. */
static inline uint64_t sn_mask(unsigned bits)
{
	return bits == 0 ? 0 : UINT64_MAX >> (64 - bits);
}

/* The field with this name, or NULL. */
const struct sn_field *sn_layout_find(const struct snowid_layout *layout, const char *name);

/* SNOWID_E_UNKNOWN: there is no such field among these. The owner is "the layout". */
int sn_fail_unknown_field(const char *owner, const char *name, const struct sn_field *fields,
			  size_t count) __attribute__((cold));

/* The last tick that fits into the bits and is not after the year 9999. */
uint64_t sn_layout_last_tick(const struct sn_timebase *time, unsigned time_bits);

/* Differs between two layouts that could make the same ID for two instants or nodes. The names of
 * fields are no part of it. */
uint64_t sn_layout_fingerprint(const struct snowid_layout *layout);

/* Whether all IDs of a generator have the same value in a field: neither time nor sequence. */
static inline bool sn_layout_is_fixed(const struct snowid_layout *layout, size_t index)
{
	return index != 0 && index != layout->sequence;
}

/* 0 if there is no sequence. */
static inline unsigned sn_layout_sequence_bits(const struct snowid_layout *layout)
{
	return layout->sequence ? layout->fields[layout->sequence].bits : 0;
}

static inline unsigned sn_layout_sequence_shift(const struct snowid_layout *layout)
{
	return layout->sequence ? layout->fields[layout->sequence].shift : 0;
}

/* The field that tells nodes apart by convention: worker, else machine, else shard. NULL if the
 * layout has none of them. */
const struct sn_field *sn_layout_node_field(const struct snowid_layout *layout);

#endif
