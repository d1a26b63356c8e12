/* SPDX-License-Identifier: MIT
 *
 * What a fuzz target defines. libFuzzer calls it, or replay.c with what libFuzzer has found.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Aborts when something is wrong. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Frees what it made for all inputs. */
void fuzz_end(void);

#endif
