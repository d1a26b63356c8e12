/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/base64.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *sn_base64_encode(const void *data, size_t length)
{
	const unsigned char *const bytes = data;
	char *const text = malloc((length + 2) / 3 * 4 + 1), *out = text;

	if (!text)
		return NULL;
	for (size_t i = 0; i < length; i += 3) {
		const size_t left = length - i;
		const uint32_t group = (uint32_t)bytes[i] << 16 |
				       (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
				       (left > 2 ? bytes[i + 2] : 0);
		*out++ = alphabet[group >> 18];
		*out++ = alphabet[group >> 12 & 63];
		*out++ = left > 1 ? alphabet[group >> 6 & 63] : '=';
		*out++ = left > 2 ? alphabet[group & 63] : '=';
	}
	*out = '\0';
	return text;
}

char *sn_base64_decode(const char *text, size_t *length)
{
	size_t digits = strlen(text), done = 0;
	uint32_t group = 0;

	if (digits % 4 != 0)
		return NULL;
	char *const bytes = malloc(digits / 4 * 3 + 1);
	if (!bytes)
		return NULL;
	for (unsigned i = 0; i < 2 && digits > 0 && text[digits - 1] == '='; i++)
		digits--;
	for (size_t i = 0; i < digits; i++) {
		const char *const digit = strchr(alphabet, text[i]);
		if (!digit) {
			free(bytes);
			return NULL;
		}
		group = group << 6 | (uint32_t)(digit - alphabet);
		if (i % 4 != 0)
			bytes[done++] = (char)(group >> (6 - i % 4 * 2));
	}
	bytes[done] = '\0';
	*length = done;
	return bytes;
}
