/* SPDX-License-Identifier: MIT
 *
 * Passwords and tokens, for modules. They are read each time they are used, so that a file can be
 * replaced while the program runs, and are in a file or in the environment, never in a URL: URLs
 * are printed.
 */
#ifndef SN_SECRET_H
#define SN_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#define SN_SECRET_SIZE 8192

/* Reads one line from a file or, if `file` is NULL, takes the value of a variable, except in a
 * program that runs with more rights than its user has. `secret` is empty if there is neither.
 * False: `why` says what is wrong with the file. The caller erases the secret. */
bool sn_secret_read(const char *file, const char *variable, char secret[SN_SECRET_SIZE], char *why,
		    size_t size);

#endif
