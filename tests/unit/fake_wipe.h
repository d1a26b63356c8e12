/* SPDX-License-Identifier: MIT
 *
 * Two mechanisms tell a child that it is one: the kernel, which wipes pages, and an atfork handler.
 * A test can do without either of them.
 */
#ifndef TESTS_FAKE_WIPE_H
#define TESTS_FAKE_WIPE_H

#include "tests/unit/processes.h"
#include "tests/unit/wrap.h"

enum { BOTH, WITHOUT_KERNEL, WITHOUT_HANDLER, WAYS };

static bool wipe_refused;

int real_madvise(void *at, size_t size, int advice) REAL("madvise");
int wrap_madvise(void *at, size_t size, int advice) WRAP("madvise");
BARE int wrap_madvise(void *at, size_t size, int advice)
{
	if (!wipe_refused || advice != MADV_WIPEONFORK)
		return real_madvise(at, size, advice);
	errno = EINVAL;
	return -1;
}

#endif
