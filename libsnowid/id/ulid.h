/* SPDX-License-Identifier: MIT */
#ifndef SN_ULID_H
#define SN_ULID_H

#include "libsnowid/id/kind.h"
#include "snowid.h"

extern const struct sn_kind sn_kind_ulid;

/* Encodes a 48-bit tick in ms, a 16-bit counter and 64 random bits, most significant first. */
void sn_ulid_encode(uint64_t tick, uint16_t counter, const uint8_t random[8],
		    struct snowid_id128 *id);

#endif
