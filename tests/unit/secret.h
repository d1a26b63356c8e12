/* SPDX-License-Identifier: MIT
 *
 * Marks bytes as undefined for memcheck, which then reports each branch and each address that
 * depends on them (Langley, ctgrind, 2010). Without valgrind, nothing is marked.
 */
#ifndef TESTS_SECRET_H
#define TESTS_SECRET_H

#include <stddef.h>

#if defined __has_include
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#endif
#endif

#ifndef VALGRIND_MAKE_MEM_UNDEFINED
#define VALGRIND_MAKE_MEM_UNDEFINED(address, size) ((void)(address), (void)(size))
#define VALGRIND_MAKE_MEM_DEFINED(address, size)   ((void)(address), (void)(size))
#endif

static inline void secret_begin(void *bytes, size_t size)
{
	(void)VALGRIND_MAKE_MEM_UNDEFINED(bytes, size);
}

static inline void secret_end(void *bytes, size_t size)
{
	(void)VALGRIND_MAKE_MEM_DEFINED(bytes, size);
}

#endif
