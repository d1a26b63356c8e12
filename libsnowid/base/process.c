/* SPDX-License-Identifier: MIT
 *
 * Counts the forks between the first ancestor and this process. That one has happened is noticed in
 * two ways, as with random bytes: the kernel wipes a page in a child (MADV_WIPEONFORK), and an
 * atfork handler clears the number in it. A raw clone(2) runs no handler, and qemu-user wipes no
 * page.
 */
#include "libsnowid/base/process.h"

#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libsnowid/base/error.h"
#include "libsnowid/base/system.h"

struct process_page {
	_Atomic uint64_t number; /* 0: not known since the last fork */
};

static struct process_page *_Atomic the_page;
static _Atomic uint64_t last_number; /* not wiped: of this process, or of its parent */

static void forget_number(void)
{
	struct process_page *const page = atomic_load(&the_page);
	if (page)
		atomic_store(&page->number, 0);
}

/* Threads that come at once may register the handler more than once, which changes nothing. */
int sn_process_init(void)
{
	const size_t size = (size_t)sysconf(_SC_PAGESIZE);
	struct process_page *none = NULL;

	if (atomic_load(&the_page))
		return 0;
	struct process_page *const page =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return sn_fail_nomem();
	sn_system_wipe_on_fork(page, size);
	const int number = pthread_atfork(NULL, NULL, forget_number);
	if (number != 0 || !atomic_compare_exchange_strong(&the_page, &none, page))
		munmap(page, size);
	return number == 0 ? 0 : sn_fail_nomem();
}

/* last_number is raised first: whenever another thread forks, its child starts above the number. */
uint64_t sn_process_number(void)
{
	struct process_page *const page = atomic_load(&the_page);
	uint64_t number = atomic_load(&page->number);

	if (number == 0) {
		const uint64_t next = atomic_fetch_add(&last_number, 1) + 1;
		if (atomic_compare_exchange_strong(&page->number, &number, next))
			number = next;
	}
	return number;
}

/* Two threads may both find it. */
uint64_t sn_process_recall(struct sn_process_memo *memo, uint64_t (*find)(void))
{
	const uint64_t process = atomic_load(&the_page) ? sn_process_number() : 0;

	if (process == 0)
		return find();
	if (atomic_load(&memo->process) != process) {
		atomic_store(&memo->value, find());
		atomic_store(&memo->process, process);
	}
	return atomic_load(&memo->value);
}
