/* SPDX-License-Identifier: MIT
 *
 * Child processes and signals: shared memory, how children end, and where they are killed.
 */
#ifndef TESTS_PROCESSES_H
#define TESTS_PROCESSES_H

#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/check.h"

static inline void *shared_memory(size_t size)
{
	void *const memory =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(memory, MAP_FAILED);
	return memory;
}

/* A fork that runs no atfork handler. */
static inline pid_t raw_fork(void)
{
#ifdef SYS_fork
	return (pid_t)syscall(SYS_fork);
#else
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
#endif
}

/* Whether the kernel wipes pages in a child. Linux does since 4.14, qemu-user does not. */
static inline bool kernel_wipes(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *const at =
		mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status;

	*at = 1;
	madvise(at, page, MADV_WIPEONFORK);
	const pid_t child = raw_fork();
	if (child == 0)
		_exit(*at);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	munmap(at, page);
	return status == 0;
}

/* Waits for a child, which must exit with 0. */
static inline void expect_success(pid_t child)
{
	int status;
	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
}

static inline void handle_signal(int number, void (*handler)(int number))
{
	const struct sigaction action = {.sa_handler = handler};
	ck_assert_int_eq(sigaction(number, &action, NULL), 0);
}

/* qemu-user has no ptrace(2). */
static inline bool can_trace(void)
{
	return !getenv("WITHOUT_PTRACE");
}

/* Runs a function, which must exit with 0, in a child, and kills the child at its system call
 * `stop`. Each call counts twice: before and after the kernel has done it. False: the child exited
 * before. */
static inline bool kill_at_system_call(int stop, void (*run)(void *argument), void *argument)
{
	int status;
	const pid_t child = fork();

	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(1);
		raise(SIGSTOP);
		run(argument);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSTOPPED(status));
	for (int stops = 0; stops < stop; stops++) {
		ck_assert_int_eq(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		if (WIFEXITED(status)) {
			ck_assert_int_eq(WEXITSTATUS(status), 0);
			return false;
		}
	}
	kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return true;
}

#endif
