/* SPDX-License-Identifier: MIT
 *
 * Standard output through one buffer, records as JSON or text, and error messages.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snowid-tool.h"

static char buffer[1 << 16];
static size_t used;

void out_flush(void)
{
	size_t done = 0;

	while (done < used) {
		const ssize_t written = write(STDOUT_FILENO, buffer + done, used - done);
		if (written >= 0) {
			done += (size_t)written;
		} else if (errno != EINTR) {
			used = 0;
			exit_failure("cannot write to standard output: %s", strerror(errno));
		}
	}
	used = 0;
}

void out_bytes(const char *bytes, size_t length)
{
	while (length > 0) {
		if (used == sizeof buffer)
			out_flush();
		const size_t part = length < sizeof buffer - used ? length : sizeof buffer - used;
		memcpy(buffer + used, bytes, part);
		used += part;
		bytes += part;
		length -= part;
	}
}

void out_text(const char *text)
{
	out_bytes(text, strlen(text));
}

static void __attribute__((format(printf, 1, 0))) out_vprintf(const char *format, va_list arguments)
{
	char text[4096];
	if (vsnprintf(text, sizeof text, format, arguments) > 0)
		out_text(text);
}

void out_printf(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	out_vprintf(format, arguments);
	va_end(arguments);
}

void out_finish(void)
{
	out_flush();
	/* Some file systems report only now that they are full. */
	if (close(STDOUT_FILENO) != 0)
		exit_failure("cannot write to standard output: %s", strerror(errno));
}

/* ---- colour ---------------------------------------------------------------------------------- */

bool out_is_terminal(void)
{
	static int terminal = -1;
	if (terminal < 0)
		terminal = isatty(STDOUT_FILENO);
	return terminal > 0;
}

/* NO_COLOR has an effect if it is not empty (no-color.org). */
static bool use_colour(void)
{
	static int wanted = -1;
	if (wanted < 0) {
		const char *const none = getenv("NO_COLOR"), *const term = getenv("TERM");
		wanted = out_is_terminal() && !(none && *none) && term && strcmp(term, "dumb") != 0;
	}
	return wanted > 0;
}

void out_colour(size_t index)
{
	static const char palette[] = {'6', '3', '5', '2', '4', '1'};
	if (use_colour())
		out_printf("\033[3%cm", palette[index % sizeof palette]);
}

void out_bold(void)
{
	if (use_colour())
		out_text("\033[1m");
}

void out_reset_style(void)
{
	if (use_colour())
		out_text("\033[m");
}

/* ---- records --------------------------------------------------------------------------------- */

static struct {
	bool json;
	bool after_first; /* a record has been printed before */
	size_t keys;      /* printed in this record or item of a list */
	size_t keys_outside;
	size_t items; /* printed in this list */
} record;

void record_begin(bool json)
{
	if (json)
		out_text("{");
	else if (record.after_first)
		out_text("\n");
	record.json = json;
	record.after_first = true;
	record.keys = 0;
}

/* The length of the UTF-8 character at `text`, 0 if it is invalid (RFC 3629). */
static size_t utf8_character_length(const unsigned char *text)
{
	const unsigned char lead = text[0];
	const size_t length = lead < 0x80                   ? 1
			      : lead >= 0xc2 && lead < 0xe0 ? 2
			      : lead >= 0xe0 && lead < 0xf0 ? 3
			      : lead >= 0xf0 && lead < 0xf5 ? 4
							    : 0;

	for (size_t i = 1; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	if ((lead == 0xe0 && text[1] < 0xa0) || (lead == 0xed && text[1] > 0x9f) ||
	    (lead == 0xf0 && text[1] < 0x90) || (lead == 0xf4 && text[1] > 0x8f))
		return 0;
	return length;
}

/* Whether it is a control character, of the set C0 or C1 (ECMA-48). */
static bool is_control(const unsigned char *character, size_t length)
{
	return length == 1 ? *character < ' ' || *character == 0x7f
			   : length == 2 && character[0] == 0xc2 && character[1] < 0xa0;
}

void replace_controls(char *text)
{
	unsigned char *at = (unsigned char *)text;

	while (*at) {
		const size_t length = utf8_character_length(at);
		if (length == 0 || is_control(at, length))
			memset(at, '?', length ? length : 1);
		at += length ? length : 1;
	}
}

/* Escapes what a JSON string cannot contain; in text, replaces what would control the terminal. */
static void out_escaped(const char *value, bool json)
{
	const unsigned char *at = (const unsigned char *)value;

	while (*at) {
		const size_t length = utf8_character_length(at);
		const bool control = is_control(at, length);
		if (json && (*at == '"' || *at == '\\'))
			out_printf("\\%c", *at);
		else if (json && (control || length == 0))
			out_printf("\\u%04x", control ? at[length - 1] : 0xfffdu);
		else if (control || length == 0)
			out_text("?");
		else
			out_bytes((const char *)at, length);
		at += length ? length : 1;
	}
}

static void __attribute__((format(printf, 3, 0)))
record_value(const char *key, const char *quote, const char *format, va_list value)
{
	char text[8192]; /* longer than any path or spec */

	vsnprintf(text, sizeof text, format, value);
	if (record.json) {
		out_printf("%s\"%s\":%s", record.keys++ > 0 ? "," : "", key, quote);
		out_escaped(text, true);
		out_text(quote);
	} else {
		out_bold();
		out_printf("%-16s", key);
		out_reset_style();
		out_text(" ");
		out_escaped(text, false);
		out_text("\n");
	}
}

void record_text(const char *key, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	record_value(key, "\"", format, arguments);
	va_end(arguments);
}

void record_number(const char *key, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	record_value(key, "", format, arguments);
	va_end(arguments);
}

void record_null(const char *key)
{
	record_number(key, "%s", record.json ? "null" : "-");
}

void time_text(int64_t sec, uint32_t nsec, char text[SNOWID_TIME_TEXT])
{
	if (snowid_time_format(sec, nsec, text) != 0)
		snprintf(text, SNOWID_TIME_TEXT, "-");
}

void record_time(const char *key, int64_t sec, uint32_t nsec)
{
	char text[SNOWID_TIME_TEXT];
	if (snowid_time_format(sec, nsec, text) == 0)
		record_text(key, "%s", text);
	else
		record_null(key);
}

void record_end(void)
{
	if (record.json)
		out_text("}\n");
}

/* ---- lists in a record ----------------------------------------------------------------------- */

void record_list_begin(const char *key)
{
	record.items = 0;
	if (record.json)
		out_printf("%s\"%s\":[", record.keys++ > 0 ? "," : "", key);
}

void record_item_begin(void)
{
	record.keys_outside = record.keys;
	record.keys = 0;
	if (record.json)
		out_text(record.items++ > 0 ? ",{" : "{");
	else
		out_text("\n");
}

void record_item_end(void)
{
	record.keys = record.keys_outside;
	if (record.json)
		out_text("}");
}

void record_item_text(const char *text)
{
	if (!record.json)
		return;
	out_text(record.items++ > 0 ? ",\"" : "\"");
	out_escaped(text, true);
	out_text("\"");
}

void record_list_end(void)
{
	if (record.json)
		out_text("]");
}

/* ---- error messages -------------------------------------------------------------------------- */

static void __attribute__((format(printf, 1, 0)))
print_error_list(const char *format, va_list arguments)
{
	char text[1024];

	out_flush(); /* keeps the order of output and messages */
	progress_end();
	vsnprintf(text, sizeof text, format, arguments);
	replace_controls(text);
	fprintf(stderr, "snowid: %s\n", text);
}

void print_error(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	print_error_list(format, arguments);
	va_end(arguments);
}

static const char *hint_command;

void set_hint_command(const char *name)
{
	hint_command = name;
}

_Noreturn void exit_usage_hint(void)
{
	fprintf(stderr, "Try 'snowid%s%s --help'.\n", hint_command ? " " : "",
		hint_command ? hint_command : "");
	exit(2);
}

_Noreturn void exit_usage(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	print_error_list(format, arguments);
	va_end(arguments);
	exit_usage_hint();
}

_Noreturn void exit_failure(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	print_error_list(format, arguments);
	va_end(arguments);
	exit(1);
}

const char *error_detail(void)
{
	static char text[512];
	snowid_error_detail(text, sizeof text);
	return text;
}
