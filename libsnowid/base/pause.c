/* SPDX-License-Identifier: MIT */
#include "libsnowid/base/pause.h"

static void pause_processor(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb"); /* takes about as long as pause does; yield is a no-op */
#else
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
#endif
}

void sn_pause_after_lost_race(void)
{
	for (int i = 0; i < 32; i++)
		pause_processor();
}
