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

/* Whether the kernel wipes pages in a child. Linux does since 4.14, qemu-user does not. */
static inline bool kernel_wipes(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *const at =
		mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status;

	*at = 1;
	real_madvise(at, page, MADV_WIPEONFORK);
	const pid_t child = raw_fork();
	if (child == 0)
		_exit(*at);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	munmap(at, page);
	return status == 0;
}

#endif
