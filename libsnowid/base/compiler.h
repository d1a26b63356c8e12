/* SPDX-License-Identifier: MIT
 *
 * Hints to the compiler.
 */
#ifndef SN_COMPILER_H
#define SN_COMPILER_H

#define SN_LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define SN_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

#endif
