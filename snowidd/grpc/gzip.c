/* SPDX-License-Identifier: MIT
 *
 * Messages that are compressed with gzip.
 */
#include <zlib.h>

#include "snowidd/grpc/gzip.h"

#define GZIP_WINDOW (15 + 16) /* zlib.h: the largest window, and the format of gzip */

enum gzip_result gzip_expand(struct buffer *to, const char *bytes, size_t length, size_t limit)
{
	z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)length};
	char *const room = buffer_reserve(to, limit + 1); /* one more shows that it is too large */

	if (!room || inflateInit2(&stream, GZIP_WINDOW) != Z_OK)
		return GZIP_MALFORMED;
	stream.next_out = (Bytef *)room;
	stream.avail_out = (uInt)limit + 1;
	const int result = inflate(&stream, Z_FINISH);
	const size_t expanded = limit + 1 - stream.avail_out;
	inflateEnd(&stream);
	if (expanded > limit)
		return GZIP_TOO_LARGE;
	if (result != Z_STREAM_END || stream.avail_in > 0)
		return GZIP_MALFORMED;
	to->length += expanded;
	return GZIP_DONE;
}
