/* SPDX-License-Identifier: MIT
 *
 * Hints to the compiler and the processor.
 */
#ifndef SN_COMPILER_H
#define SN_COMPILER_H

#define SN_LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define SN_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* Slows a loop down that waits for another processor: for a hyperthread to run, and the cache line to
 * arrive. */
static inline void sn_processor_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#else
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
#endif
}

#endif
