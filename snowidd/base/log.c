/* SPDX-License-Identifier: MIT
 *
 * One line per event, to standard error or syslog, as text or JSON.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "snowid.h"
#include "snowidd/base/buffer.h"
#include "snowidd/base/elapsed.h"
#include "snowidd/base/log.h"
#include "snowidd/base/syslog_socket.h"

static _Atomic int threshold = LOG_LEVEL_INFO;
static atomic_bool as_json, to_log_daemon;

/* Protects what follows, and is never held while a write has to wait. */
static pthread_mutex_t output_lock = PTHREAD_MUTEX_INITIALIZER;
static bool in_line; /* a line was cut off */
static uint64_t dropped_reported;
static _Atomic uint64_t dropped;

static const struct {
	const char *name;
	int priority; /* of syslog(3), and of the journal (sd-daemon(3)) */
} levels[] = {
	[LOG_LEVEL_ERROR] = {"error", LOG_ERR},
	[LOG_LEVEL_WARNING] = {"warning", LOG_WARNING},
	[LOG_LEVEL_INFO] = {"info", LOG_INFO},
	[LOG_LEVEL_DEBUG] = {"debug", LOG_DEBUG},
};

/* False with errno. */
static bool open_syslog(void)
{
	pthread_mutex_lock(&output_lock);
	const bool opened = syslog_socket_open(SYSLOG_SOCKET);
	const int error = errno;
	pthread_mutex_unlock(&output_lock);
	errno = error;
	return opened;
}

void log_open(enum log_level level, bool json, bool to_syslog)
{
	atomic_store(&threshold, level);
	atomic_store(&as_json, json);
	if (to_syslog && !open_syslog()) {
		const int error = errno;
		atomic_store(&to_log_daemon, false);
		log_event(LOG_LEVEL_WARNING, "there is no syslog; logging to stderr", "socket",
			  SYSLOG_SOCKET, "reason", strerror(error), NULL);
		return;
	}
	atomic_store(&to_log_daemon, to_syslog);
}

uint64_t log_lines_dropped(void)
{
	return atomic_load(&dropped);
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

static bool is_syslog_ready(void)
{
	pthread_mutex_lock(&output_lock);
	const bool ready = syslog_socket_is_ready();
	pthread_mutex_unlock(&output_lock);
	return ready;
}

static bool is_output_ready(void)
{
	struct pollfd output = {.fd = STDERR_FILENO, .events = POLLOUT};

	return poll(&output, 1, 0) == 1;
}

/* Writes what can be written without waiting. A pipe or terminal that is ready takes PIPE_BUF bytes
 * at least (pipe(7)); for a socket, there is a flag. */
static bool write_without_waiting(const char *bytes, size_t length)
{
	while (length > 0) {
		const size_t part = length < PIPE_BUF ? length : PIPE_BUF;
		if (!is_output_ready())
			return false;
		ssize_t written = send(STDERR_FILENO, bytes, part, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (written < 0 && errno == ENOTSOCK)
			written = write(STDERR_FILENO, bytes, part);
		if (written <= 0)
			return false;
		in_line = true;
		bytes += written;
		length -= (size_t)written;
	}
	in_line = false;
	return true;
}

/* A line that cannot be written at once is dropped: a reader that stands still must not keep a loop
 * from serving requests. */
static void write_line(const struct buffer *line, enum log_level level, bool syslogged)
{
	pthread_mutex_lock(&output_lock);
	const bool written =
		syslogged ? syslog_socket_send(levels[level].priority, line->data, line->length - 1)
			  : (!in_line || write_without_waiting("\n", 1)) &&
				    write_without_waiting(line->data, line->length);
	if (!written)
		atomic_fetch_add(&dropped, 1);
	pthread_mutex_unlock(&output_lock);
}

/* Says how many lines are missing, once there is room again. */
static void report_dropped(void)
{
	char count[NUMBER_TEXT + 1];

	pthread_mutex_lock(&output_lock);
	const uint64_t total = atomic_load(&dropped);
	const uint64_t lines = total - dropped_reported;
	dropped_reported = total;
	pthread_mutex_unlock(&output_lock);
	count[number_text(lines, count)] = '\0';
	if (lines > 0)
		log_event(LOG_LEVEL_WARNING, "lines are missing here, as the log was not read",
			  "lines", count, NULL);
}

bool log_is_due(_Atomic uint64_t *last_ns)
{
	const uint64_t now = elapsed_ns();
	uint64_t last = atomic_load(last_ns);

	return (last == 0 || now - last > UINT64_C(10000000000)) &&
	       atomic_compare_exchange_strong(last_ns, &last, now);
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
	if (atomic_load_explicit(&dropped, memory_order_relaxed) > 0 &&
	    (syslogged ? is_syslog_ready() : is_output_ready()))
		report_dropped();
	if (journal)
		buffer_printf(&line, "<%d>", levels[level].priority);
	add_head(&line, level, event, json, !syslogged && !journal);
	va_start(fields, event);
	while ((name = va_arg(fields, const char *)))
		(json ? add_json_field : add_text_field)(&line, name, va_arg(fields, const char *));
	va_end(fields);
	buffer_text(&line, json ? "}\n" : "\n");
	if (!line.failed)
		write_line(&line, level, syslogged);
	buffer_free(&line);
}
