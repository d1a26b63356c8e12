/* SPDX-License-Identifier: MIT */
#ifndef SN_UUID_H
#define SN_UUID_H

#include "libsnowid/id/kind.h"
#include "snowid.h"

extern const struct sn_kind sn_kind_uuid1;
extern const struct sn_kind sn_kind_uuid6;
extern const struct sn_kind sn_kind_uuid7;

/* Encodes a 48-bit tick in ms and a 16-bit counter, which takes rand_a and the top 4 bits of rand_b
 * (RFC 9562, 6.2, method 1). The top 6 bits of random[0] are not used. */
void sn_uuid7_encode(uint64_t tick, uint16_t counter, const uint8_t random[8],
		     struct snowid_id128 *id);

/* Sets the version and the variant of RFC 9562, and leaves the other 122 bits. */
static inline void sn_uuid_set_version(struct snowid_id128 *id, unsigned version)
{
	id->bytes[6] = (uint8_t)(version << 4 | (id->bytes[6] & 0x0f));
	id->bytes[8] = 0x80 | (id->bytes[8] & 0x3f);
}

#endif
