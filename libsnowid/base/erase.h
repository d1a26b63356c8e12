/* SPDX-License-Identifier: MIT */
#ifndef SN_ERASE_H
#define SN_ERASE_H

#include <string.h>

/* Overwrites a secret. The compiler would leave out a memset() of what is not read again. */
static inline void sn_erase(void *secret, size_t size)
{
	memset(secret, 0, size);
	__asm__ __volatile__("" : : "r"(secret) : "memory");
}

#endif
