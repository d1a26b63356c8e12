/* SPDX-License-Identifier: MIT
 *
 * The tokens that clients may send.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "snowidd/config/secret_file.h"
#include "snowidd/config/tokens.h"

#define TOKEN_LEAST 16
#define FILE_SIZE   (TOKENS_MAX * (TOKEN_LENGTH + 2))

/* Digests are compared, so that the time this takes reveals nothing, not even the length of a
 * token. */
static bool digest_token(const char *token, size_t length, unsigned char to[32])
{
	return EVP_Digest(token, length, to, NULL, EVP_sha256(), NULL) == 1;
}

static bool is_sendable(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] >= 0x7f)
			return false;
	return true;
}

static bool add_token(struct tokens *tokens, const char *path, const char *text, size_t length,
		      struct settings_error *error)
{
	if (length < TOKEN_LEAST || length > TOKEN_LENGTH)
		return settings_fail(error, "token_file: a token in %s has not %d to %d bytes",
				     path, TOKEN_LEAST, TOKEN_LENGTH);
	if (!is_sendable(text, length))
		return settings_fail(error,
				     "token_file: a token in %s has characters that cannot be "
				     "sent in a header",
				     path);
	if (tokens->count == TOKENS_MAX)
		return settings_fail(error, "token_file: %s has more than %d tokens", path,
				     TOKENS_MAX);
	if (!tokens->first)
		tokens->first = OPENSSL_strndup(text, length);
	return (tokens->first && digest_token(text, length, tokens->digests[tokens->count++])) ||
	       settings_fail(error, "token_file: out of memory, or SHA-256 is not available");
}

static bool add_lines(struct tokens *tokens, const char *path, const char *text, size_t length,
		      struct settings_error *error)
{
	for (const char *line = text; line < text + length;) {
		const size_t rest = length - (size_t)(line - text);
		const char *const newline = memchr(line, '\n', rest);
		const size_t whole = newline ? (size_t)(newline - line) : rest;
		size_t used = whole;
		while (used > 0 && memchr(" \t\r", line[used - 1], 3))
			used--;
		if (used > 0 && !add_token(tokens, path, line, used, error))
			return false;
		line += whole + 1;
	}
	return tokens->count > 0 ||
	       settings_fail(error, "token_file: %s does not contain a token of %d to %d bytes",
			     path, TOKEN_LEAST, TOKEN_LENGTH);
}

bool tokens_read(const char *path, struct tokens *tokens, struct settings_error *error)
{
	char text[FILE_SIZE];
	size_t length;

	const bool good = secret_file_read("token_file", path, text, sizeof text, &length, error) &&
			  add_lines(tokens, path, text, length, error);
	OPENSSL_cleanse(text, sizeof text);
	return good;
}

void tokens_erase(struct tokens *tokens)
{
	if (tokens->first)
		OPENSSL_clear_free(tokens->first, strlen(tokens->first) + 1);
	*tokens = (struct tokens){.first = NULL};
}

bool tokens_authorise(const struct tokens *tokens, const char *value, size_t length)
{
	static const char scheme[] = "Bearer ";
	unsigned char given[32];
	bool known = false;

	if (length < sizeof scheme || strncasecmp(value, scheme, sizeof scheme - 1) != 0)
		return false;
	value += sizeof scheme - 1;
	length -= sizeof scheme - 1;
	for (; length > 0 && *value == ' '; length--)
		value++;
	if (!digest_token(value, length, given))
		return false;
	for (size_t i = 0; i < tokens->count; i++)
		known |= CRYPTO_memcmp(given, tokens->digests[i], sizeof given) == 0;
	return known;
}
