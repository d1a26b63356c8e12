/* SPDX-License-Identifier: MIT
 *
 * A buffer of bytes that grows.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snowidd/base/buffer.h"

void buffer_free(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){.data = NULL};
}

char *buffer_reserve(struct buffer *buffer, size_t size)
{
	if (size > buffer->size - buffer->length) {
		size_t wanted = buffer->size ? buffer->size : 512;
		while (wanted - buffer->length < size)
			wanted *= 2;
		char *const data = realloc(buffer->data, wanted);
		if (!data) {
			buffer->failed = true;
			return NULL;
		}
		buffer->data = data;
		buffer->size = wanted;
	}
	return buffer->data + buffer->length;
}

size_t number_text(uint64_t number, char text[NUMBER_TEXT])
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324"
				    "25262728293031323334353637383940414243444546474849"
				    "50515253545556575859606162636465666768697071727374"
				    "75767778798081828384858687888990919293949596979899";
	char digits[NUMBER_TEXT], *at = digits + sizeof digits;

	for (; number >= 100; number /= 100)
		memcpy(at -= 2, pairs + 2 * (number % 100), 2);
	if (number >= 10)
		memcpy(at -= 2, pairs + 2 * number, 2);
	else
		*--at = (char)('0' + number);
	const size_t length = (size_t)(digits + sizeof digits - at);
	memcpy(text, at, length);
	return length;
}

void buffer_number(struct buffer *buffer, uint64_t number)
{
	char *const to = buffer_reserve(buffer, NUMBER_TEXT);
	if (to)
		buffer->length += number_text(number, to);
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
	va_list arguments, again;

	va_start(arguments, format);
	va_copy(again, arguments);
	const int length = vsnprintf(NULL, 0, format, arguments);
	char *const to = length < 0 ? NULL : buffer_reserve(buffer, (size_t)length + 1);
	if (to) {
		vsnprintf(to, (size_t)length + 1, format, again);
		buffer->length += (size_t)length;
	}
	va_end(again);
	va_end(arguments);
}

/* The length of the UTF-8 character at `text` (RFC 3629, section 4); 0 if it is not one. */
static size_t utf8_char_length(const unsigned char *text)
{
	const unsigned char c = text[0];
	const size_t length = c < 0x80   ? 1
			      : c < 0xc2 ? 0
			      : c < 0xe0 ? 2
			      : c < 0xf0 ? 3
			      : c < 0xf5 ? 4
					 : 0;

	for (size_t i = 1; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	if ((c == 0xe0 && text[1] < 0xa0) || (c == 0xed && text[1] > 0x9f) ||
	    (c == 0xf0 && text[1] < 0x90) || (c == 0xf4 && text[1] > 0x8f))
		return 0;
	return length;
}

void buffer_json(struct buffer *buffer, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	buffer_text(buffer, "\"");
	while (*at) {
		const size_t length = utf8_char_length(at);
		const bool control = length == 1 ? *at < ' ' || *at == 0x7f
						 : *at == 0xc2 && at[1] < 0xa0; /* C1 */
		if (length == 0)
			buffer_text(buffer, "\\ufffd");
		else if (*at == '"' || *at == '\\')
			buffer_printf(buffer, "\\%c", *at);
		else if (control)
			buffer_printf(buffer, "\\u%04x", at[length - 1]);
		else
			buffer_bytes(buffer, (const char *)at, length);
		at += length ? length : 1;
	}
	buffer_text(buffer, "\"");
}
