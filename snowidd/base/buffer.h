/* SPDX-License-Identifier: MIT
 *
 * A buffer of bytes that grows.
 */
#ifndef SNOWIDD_BUFFER_H
#define SNOWIDD_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buffer {
	char *data;
	size_t length, size;
	bool failed; /* something is missing, as there was no memory */
};

#define NUMBER_TEXT 20 /* 2^64 - 1 has as many digits */

/* Writes a number in decimal, without a 0 behind it. Returns its length. */
size_t number_text(uint64_t number, char text[NUMBER_TEXT]);

void buffer_free(struct buffer *buffer);

/* Makes it empty, but keeps its memory. */
static inline void buffer_clear(struct buffer *buffer)
{
	buffer->length = 0;
	buffer->failed = false;
}

/* Makes room for `size` more bytes; the caller adds what it writes there to length. NULL if there
 * is no memory. */
char *buffer_reserve(struct buffer *buffer, size_t size);

/* Inline, so that the length of a literal is a constant: a reply is made of a dozen pieces. */
static inline void buffer_bytes(struct buffer *buffer, const char *bytes, size_t length)
{
	if (length == 0)
		return; /* there may be no memory to add nothing to */
	char *const to = length <= buffer->size - buffer->length ? buffer->data + buffer->length
								 : buffer_reserve(buffer, length);
	if (!to)
		return;
	memcpy(to, bytes, length);
	buffer->length += length;
}

static inline void buffer_text(struct buffer *buffer, const char *text)
{
	buffer_bytes(buffer, text, strlen(text));
}

void buffer_number(struct buffer *buffer, uint64_t number);
void buffer_printf(struct buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Adds a JSON string with its quotes. What is not UTF-8 becomes U+FFFD. */
void buffer_json(struct buffer *buffer, const char *text);

#endif
