/* SPDX-License-Identifier: MIT
 *
 * Stands between the library and the system: the linker's --wrap=NAME sends the library's calls of
 * NAME to the function declared with WRAP("NAME"), which may pass them on to the one declared with
 * REAL("NAME").
 */
#ifndef TESTS_WRAP_H
#define TESTS_WRAP_H

#include <sys/types.h>

#define REAL(name) __asm__("__real_" name)
#define WRAP(name) __asm__("__wrap_" name)

/* The runtime of a sanitizer that is linked statically calls these too, before it is ready for
 * instrumented code. */
#ifdef __clang__
#define BARE __attribute__((disable_sanitizer_instrumentation))
#else
#define BARE
#endif

/* The names that glibc gives calls where off_t or time_t could be narrower. */
#ifdef __USE_FILE_OFFSET64
#define FSTATFS  "fstatfs64"
#define MKOSTEMP "mkostemp64"
#define MMAP     "mmap64"
#define OPEN     "open64"
#define PREAD    "pread64"
#define PWRITE   "pwrite64"
#else
#define FSTATFS  "fstatfs"
#define MKOSTEMP "mkostemp"
#define MMAP     "mmap"
#define OPEN     "open"
#define PREAD    "pread"
#define PWRITE   "pwrite"
#endif
#ifdef __USE_TIME_BITS64
#define CLOCK_GETTIME "__clock_gettime64"
#define FSTAT         "__fstat64_time64"
#define IOCTL         "__ioctl_time64"
#define LSTAT         "__lstat64_time64"
#elif defined __USE_FILE_OFFSET64
#define CLOCK_GETTIME "clock_gettime"
#define FSTAT         "fstat64"
#define IOCTL         "ioctl"
#define LSTAT         "lstat64"
#else
#define CLOCK_GETTIME "clock_gettime"
#define FSTAT         "fstat"
#define IOCTL         "ioctl"
#define LSTAT         "lstat"
#endif

#endif
