/* SPDX-License-Identifier: MIT
 *
 * The tokens that clients may send.
 */
#ifndef SNOWIDD_TOKENS_H
#define SNOWIDD_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

#include "snowidd/config/settings.h"

#define TOKENS_MAX   16
#define TOKEN_LENGTH 1000 /* at most */

struct tokens {
	char *first; /* what this server sends to others; NULL if there is none */
	unsigned char digests[TOKENS_MAX][32]; /* SHA-256 */
	size_t count;
};

/* Reads the file, which has a token in each line that is not empty. False with *error. */
bool tokens_read(const char *path, struct tokens *tokens, struct settings_error *error);
void tokens_erase(struct tokens *tokens);

/* Whether the value of an Authorization field is "Bearer" and one of the tokens. Takes the same
 * time for each token of a length. */
bool tokens_authorise(const struct tokens *tokens, const char *value, size_t length);

#endif
