/* SPDX-License-Identifier: MIT
 *
 * Bytes in blocks, with the padding of RFC 1321, 3.1 and RFC 3174, 4.
 */
#include "libsnowid/base/digest.h"

#include <string.h>

void sn_digest_add(struct sn_digest *digest, const void *bytes, size_t size)
{
	const uint8_t *from = bytes;

	while (size > 0) {
		const size_t used = digest->size % SN_DIGEST_BLOCK;
		const size_t room = SN_DIGEST_BLOCK - used;
		const size_t count = size < room ? size : room;
		memcpy(digest->block + used, from, count);
		digest->size += count;
		from += count;
		size -= count;
		if (count == room)
			digest->compress(digest->state, digest->block);
	}
}

void sn_digest_end(struct sn_digest *digest, const uint8_t bit_count[8])
{
	static const uint8_t padding[SN_DIGEST_BLOCK] = {0x80};
	const size_t used = digest->size % SN_DIGEST_BLOCK;
	const size_t end = SN_DIGEST_BLOCK - 8;

	sn_digest_add(digest, padding, used < end ? end - used : SN_DIGEST_BLOCK + end - used);
	sn_digest_add(digest, bit_count, 8);
}
