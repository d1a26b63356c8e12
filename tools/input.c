/* SPDX-License-Identifier: MIT
 *
 * The IDs a command works on: its operands, or else the lines of standard input.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "snowid-tool.h"

#define LINE_SIZE 256 /* no ID in any form is half as long */

/* The next byte of standard input, or EOF. Output is flushed before a wait for more input. */
static int next_byte(void)
{
	static unsigned char block[1 << 16];
	static size_t at, end;

	if (at == end) {
		ssize_t got;
		out_flush();
		do
			got = read(STDIN_FILENO, block, sizeof block);
		while (got < 0 && errno == EINTR);
		if (got < 0)
			fail("cannot read standard input: %s", strerror(errno));
		if (got == 0)
			return EOF;
		at = 0;
		end = (size_t)got;
	}
	return block[at++];
}

/* Reads a line without its newline; of one that is too long, the beginning. False at the end. */
static bool next_line(char line[LINE_SIZE], size_t *length)
{
	int byte = next_byte();

	if (byte == EOF)
		return false;
	for (*length = 0; byte != EOF && byte != '\n'; byte = next_byte())
		if (*length < LINE_SIZE)
			line[(*length)++] = (char)byte;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The text in quotes for a message, its unprintable bytes as \xNN, and no longer than fits a line. */
static const char *quoted(const char *text, size_t length)
{
	static char out[4 * 50 + sizeof "'…'"];
	size_t used = 0;

	out[used++] = '\'';
	for (size_t i = 0; i < length && i < 50; i++)
		used += (size_t)snprintf(out + used, sizeof out - used,
					 text[i] >= ' ' && text[i] < 0x7f ? "%c" : "\\x%02x",
					 (unsigned char)text[i]);
	snprintf(out + used, sizeof out - used, "%s'", length > 50 ? "…" : "");
	return out;
}

static const char *use_text(const struct kind *kind, int form, const char *text, size_t length,
			    use_fn use, void *user)
{
	struct id id;
	return id_read(text, length, kind, form, &id) == 0 ? use(user, &id) : detail();
}

int each_id(const struct options *options, const struct kind *kind, use_fn use, void *user)
{
	const int form = kind->wide ? form_of_kind("--input", options->input, kind)
				    : form_read("--input", options->input);
	char line[LINE_SIZE];
	size_t length;
	int status = 0;

	for (size_t i = 0; i < options->operand_count; i++) {
		const char *const text = options->operands[i];
		const char *const wrong = use_text(kind, form, text, strlen(text), use, user);
		if (wrong) {
			complain("%s: %s", quoted(text, strlen(text)), wrong);
			status = 1;
		}
	}
	if (options->operand_count > 0)
		return status;
	for (uintmax_t count = 1; next_line(line, &length); count++) {
		const char *text = line;
		for (; length > 0 && is_blank(text[length - 1]); length--)
			;
		for (; length > 0 && is_blank(*text); length--)
			text++;
		if (length == 0)
			continue;
		const char *const wrong = use_text(kind, form, text, length, use, user);
		if (wrong) {
			complain("line %ju: %s: %s", count, quoted(text, length), wrong);
			status = 1;
		}
	}
	return status;
}
