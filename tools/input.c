/* SPDX-License-Identifier: MIT
 *
 * Reads the IDs that a command works on: its operands, or the lines of standard input if it has
 * none.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "snowid-tool.h"

#define LINE_SIZE 256 /* every form of an ID is less than half as long */

/* Reads a byte of standard input, or EOF. Flushes the output before it waits for more input. */
static int read_byte(void)
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
			exit_failure("cannot read standard input: %s", strerror(errno));
		if (got == 0)
			return EOF;
		at = 0;
		end = (size_t)got;
	}
	return block[at++];
}

/* Reads a line without its newline, or the beginning of a line that is too long. False at the
 * end. */
static bool read_line(char line[LINE_SIZE], size_t *length)
{
	int byte = read_byte();

	if (byte == EOF)
		return false;
	for (*length = 0; byte != EOF && byte != '\n'; byte = read_byte())
		if (*length < LINE_SIZE)
			line[(*length)++] = (char)byte;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static const char *trim_blanks(const char *text, size_t *length)
{
	while (*length > 0 && is_blank(text[*length - 1]))
		(*length)--;
	for (; *length > 0 && is_blank(*text); (*length)--)
		text++;
	return text;
}

/* Some programs begin each text of UTF-8 with U+FEFF (RFC 3629, section 6). */
static const char *skip_byte_order_mark(const char *line, size_t *length)
{
	const bool marked = *length >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0;
	*length -= marked ? 3 : 0;
	return line + (marked ? 3 : 0);
}

/* Quotes a text for a message: unprintable bytes become \xNN, and what does not fit on a line is
 * cut off. */
static const char *quote_for_message(const char *text, size_t length)
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

/* Whether a message has this text between blanks. */
static bool has_word(const char *message, const char *text, size_t length)
{
	const char *const found = memmem(message, strlen(message), text, length);
	return found && (found == message || found[-1] == ' ') && found[length] == ' ';
}

/* Prints what is wrong with an ID, and the ID itself unless the problem names it. */
static void report_problem(uintmax_t line, const char *text, size_t length, const char *problem)
{
	char place[sizeof "line 18446744073709551615: "] = "";
	const char *const quoted = quote_for_message(text, length);
	const bool named = has_word(problem, text, length);

	if (line > 0)
		snprintf(place, sizeof place, "line %ju: ", line);
	print_error("%s%s%s%s", place, named ? "" : quoted, named ? "" : ": ", problem);
}

static const char *use_id_text(const struct kind *kind, int form, const char *text, size_t length,
			       use_id_fn use, void *user)
{
	struct id id;
	return id_read(text, length, kind, form, &id) == 0 ? use(user, &id) : error_detail();
}

int for_each_id(const struct options *options, const struct kind *kind, use_id_fn use, void *user)
{
	const int form = kind->wide ? parse_form_for_kind("--input", options->input, kind)
				    : parse_form("--input", options->input);
	char line[LINE_SIZE];
	size_t length;
	int status = 0;

	for (size_t i = 0; i < options->operand_count; i++) {
		const char *const text = options->operands[i];
		const char *const problem = use_id_text(kind, form, text, strlen(text), use, user);
		if (problem) {
			report_problem(0, text, strlen(text), problem);
			status = 1;
		}
	}
	if (options->operand_count > 0)
		return status;
	for (uintmax_t count = 1; read_line(line, &length); count++) {
		const char *text = count == 1 ? skip_byte_order_mark(line, &length) : line;
		text = trim_blanks(text, &length);
		if (length == 0)
			continue;
		const char *const problem = use_id_text(kind, form, text, length, use, user);
		if (problem) {
			report_problem(count, text, length, problem);
			status = 1;
		}
	}
	return status;
}
