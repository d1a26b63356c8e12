/* SPDX-License-Identifier: MIT
 *
 * One line per event, to standard error or syslog, as text or JSON.
 */
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "snowid.h"
#include "snowidd/base/buffer.h"
#include "snowidd/base/log.h"

static _Atomic int threshold = LOG_LEVEL_INFO;
static atomic_bool as_json, to_log_daemon;

static const struct {
	const char *name;
	int priority; /* of syslog(3), and of the journal (sd-daemon(3)) */
} levels[] = {
	[LOG_LEVEL_ERROR] = {"error", LOG_ERR},
	[LOG_LEVEL_WARNING] = {"warning", LOG_WARNING},
	[LOG_LEVEL_INFO] = {"info", LOG_INFO},
	[LOG_LEVEL_DEBUG] = {"debug", LOG_DEBUG},
};

void log_open(enum log_level level, bool json, bool to_syslog)
{
	atomic_store(&threshold, level);
	atomic_store(&as_json, json);
	if (to_syslog && !atomic_load(&to_log_daemon))
		openlog("snowidd", LOG_PID | LOG_NDELAY, LOG_DAEMON);
	atomic_store(&to_log_daemon, to_syslog);
}

static void add_timestamp(struct buffer *line)
{
	char text[SNOWID_TIME_TEXT];
	int64_t sec;
	uint32_t nsec;

	if (snowid_clock_read(NULL, &sec, &nsec, NULL) == 0 &&
	    snowid_time_format(sec, nsec - nsec % 1000000, text) == 0)
		buffer_text(line, text);
}

/* Whether a value can be part of a line of text as it is. Values from outside must not end the
 * line, look like another field, or control a terminal. */
static bool is_plain(const char *value)
{
	const char *at = value;

	while (*at > ' ' && *at < 0x7f && !strchr("\"\\=", *at))
		at++;
	return at > value && !*at;
}

/* name=value, the value in quotes where it needs them. */
static void add_text_field(struct buffer *line, const char *name, const char *value)
{
	buffer_printf(line, " %s=", name);
	if (is_plain(value))
		buffer_text(line, value);
	else
		buffer_json(line, value);
}

static void add_json_field(struct buffer *line, const char *name, const char *value)
{
	buffer_printf(line, ",\"%s\":", name);
	buffer_json(line, value);
}

static void add_head(struct buffer *line, enum log_level level, const char *event, bool json,
		     bool dated)
{
	if (json) {
		buffer_text(line, "{");
		if (dated) {
			buffer_text(line, "\"time\":\"");
			add_timestamp(line);
			buffer_text(line, "\",");
		}
		buffer_printf(line, "\"level\":\"%s\",\"event\":", levels[level].name);
		buffer_json(line, event);
		return;
	}
	if (dated) {
		add_timestamp(line);
		buffer_text(line, " ");
	}
	buffer_printf(line, "%s: %s", levels[level].name, event);
}

/* A line is one write, so that the lines of several threads do not mix. */
static void write_line(const struct buffer *line)
{
	size_t done = 0;

	while (done < line->length) {
		const ssize_t written =
			write(STDERR_FILENO, line->data + done, line->length - done);
		if (written <= 0)
			return; /* there is nowhere left to report it */
		done += (size_t)written;
	}
}

void log_event(enum log_level level, const char *event, ...)
{
	const bool json = atomic_load(&as_json), syslogged = atomic_load(&to_log_daemon);
	const bool journal = !syslogged && getenv("JOURNAL_STREAM");
	struct buffer line = {.data = NULL};
	va_list fields;
	const char *name;

	if ((int)level > atomic_load_explicit(&threshold, memory_order_relaxed))
		return;
	if (journal)
		buffer_printf(&line, "<%d>", levels[level].priority);
	add_head(&line, level, event, json, !syslogged && !journal);
	va_start(fields, event);
	while ((name = va_arg(fields, const char *)))
		(json ? add_json_field : add_text_field)(&line, name, va_arg(fields, const char *));
	va_end(fields);
	buffer_text(&line, json ? "}\n" : "\n");
	if (syslogged && !line.failed)
		syslog(levels[level].priority, "%.*s", (int)line.length - 1, line.data);
	else if (!line.failed)
		write_line(&line);
	buffer_free(&line);
}
