/* SPDX-License-Identifier: MIT
 *
 * Memory that connections needed which have ended.
 *
 * free() gives back only what lies at the end of an arena. What is spread over it, as after
 * connections with TLS that end in another order than they began, would be kept for ever.
 */
#include <malloc.h>

#include "snowidd/base/idle_memory.h"

#define FEW 256 /* connections, whose memory is not worth the wait */

bool idle_memory_is_due(uint64_t *most, uint64_t connections)
{
	if (connections > *most)
		*most = connections;
	if (*most - connections < FEW || connections > *most / 2)
		return false;
	*most = connections;
	return true;
}

void idle_memory_release(void)
{
#ifdef HAVE_MALLOC_TRIM /* not in musl, which gives memory back by itself */
	malloc_trim(0);
#endif
}
