/* SPDX-License-Identifier: MIT
 *
 * What the library keeps for each thread. It is mapped rather than allocated, so that it has pages
 * of its own which the kernel can wipe in a forked child. Only a pointer to it is thread-local,
 * because a library that is loaded at run time finds little room in static thread-local storage.
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

SN_SYSTEM_TLS static _Thread_local struct sn_thread *this_thread;

static pthread_once_t prepare_once = PTHREAD_ONCE_INIT;
static pthread_key_t destructor_key;
static size_t thread_size; /* in whole pages */
static size_t entropy_size;
static bool threads_prepared;

/* Runs in the child, in its only thread. */
static void wipe_in_child(void)
{
	if (this_thread)
		memset(this_thread->entropy, 0, sizeof *this_thread->entropy);
}

/* If the destructor of another key uses the library after this, that makes a new one, and the
 * system calls this destructor again. */
static void free_thread(void *thread)
{
	this_thread = NULL;
	atomic_signal_fence(memory_order_seq_cst);
	munmap(thread, thread_size + entropy_size);
}

static size_t round_to_pages(size_t size)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	return (size + page - 1) / page * page;
}

static void prepare_threads(void)
{
	thread_size = round_to_pages(sizeof(struct sn_thread));
	entropy_size = round_to_pages(sizeof(struct sn_entropy_block));
	if (pthread_key_create(&destructor_key, free_thread) != 0)
		return;
	threads_prepared = pthread_atfork(NULL, NULL, wipe_in_child) == 0;
	if (!threads_prepared)
		pthread_key_delete(destructor_key);
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
	if (pthread_setspecific(destructor_key, thread) == 0)
		return thread;
	munmap(pages, thread_size + entropy_size);
	return NULL;
}

/* Signals are blocked, because a handler that interrupted this would do the same work twice, or
 * wait forever in pthread_once(). */
__attribute__((noinline, cold)) static struct sn_thread *make_this_thread(void)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_once(&prepare_once, prepare_threads);
	if (!this_thread && threads_prepared) /* a handler may have made it just before */
		this_thread = new_thread();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return this_thread;
}

struct sn_thread *sn_thread_get(void)
{
	return this_thread ? this_thread : make_this_thread();
}
