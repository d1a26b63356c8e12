/* SPDX-License-Identifier: MIT
 *
 * What the library keeps per thread: mapped rather than allocated, so that it has pages of its own
 * for the kernel to wipe in a forked child, and behind a single pointer, because a library that is
 * loaded into a running program finds little room in its static thread-local storage.
 */
#include "libsnowid/base/thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libsnowid/base/system.h"

SN_SYSTEM_TLS static _Thread_local struct sn_thread *self;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static size_t thread_size; /* in whole pages */
static size_t entropy_size;
static bool prepared;

/* Runs in the child, in the thread that forked: the only one there. */
static void begin_child(void)
{
	if (self)
		memset(self->entropy, 0, sizeof *self->entropy);
}

/* Another key's destructor may come to use the library after this: it finds no state, makes one
 * again, and the system calls destructors again for that. */
static void free_thread(void *thread)
{
	self = NULL;
	atomic_signal_fence(memory_order_seq_cst);
	munmap(thread, thread_size + entropy_size);
}

static size_t whole_pages(size_t size)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	return (size + page - 1) / page * page;
}

static void prepare(void)
{
	thread_size = whole_pages(sizeof(struct sn_thread));
	entropy_size = whole_pages(sizeof(struct sn_entropy_block));
	if (pthread_key_create(&key, free_thread) != 0)
		return;
	prepared = pthread_atfork(NULL, NULL, begin_child) == 0;
	if (!prepared)
		pthread_key_delete(key);
}

static struct sn_thread *new_thread(void)
{
	char *const pages = mmap(NULL, thread_size + entropy_size, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sn_thread *thread;

	if (pages == MAP_FAILED)
		return NULL;
	sn_system_wipe_on_fork(pages + thread_size, entropy_size);
	thread = (void *)pages;
	thread->entropy = (void *)(pages + thread_size);
	if (pthread_setspecific(key, thread) == 0)
		return thread;
	munmap(pages, thread_size + entropy_size);
	return NULL;
}

/* Signals wait meanwhile: a handler that found the work half done would do it twice, or wait for
 * pthread_once() for ever. */
__attribute__((noinline, cold)) static struct sn_thread *make_self(void)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_once(&once, prepare);
	if (!self && prepared) /* a handler may have made it before signals were held back */
		self = new_thread();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return self;
}

struct sn_thread *sn_thread_get(void)
{
	return self ? self : make_self();
}
