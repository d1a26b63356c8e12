/* SPDX-License-Identifier: MIT
 *
 * From a reply to bytes.
 */
#include <time.h>

#include "snowidd/http/reply.h"
#include "snowidd/net/loop.h"

static const struct {
	unsigned status;
	const char *phrase;
} phrases[] = {
	{200, "OK"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{408, "Request Timeout"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{429, "Too Many Requests"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{503, "Service Unavailable"},
	{505, "HTTP Version Not Supported"},
};

static const char *phrase_of(unsigned status)
{
	for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "Unknown";
}

void http_reply_problem(struct http_thread *thread, struct http_reply *reply, unsigned status,
			const char *code, const char *text)
{
	reply->status = status;
	reply->type = "application/json";
	reply->body = NULL;
	buffer_clear(&thread->body);
	buffer_text(&thread->body, "{\"error\":");
	buffer_json(&thread->body, code);
	buffer_text(&thread->body, ",\"message\":");
	buffer_json(&thread->body, text);
	buffer_text(&thread->body, "}\n");
}

static void add_status_line(struct buffer *out, unsigned status)
{
	if (status == 200) {
		buffer_text(out, "HTTP/1.1 200 OK\r\n");
		return;
	}
	buffer_text(out, "HTTP/1.1 ");
	buffer_number(out, status);
	buffer_text(out, " ");
	buffer_text(out, phrase_of(status));
	buffer_text(out, "\r\n");
}

/* An origin server with a clock sends a date (RFC 9110, section 6.6.1). It is written once a
 * second, together with all else that does not change. */
static void add_common_fields(struct http_thread *thread, struct buffer *out)
{
	struct buffer *const common = &thread->common;
	struct timespec now;
	struct tm utc;
	char date[40];

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (thread->common_second != (uint64_t)now.tv_sec || common->length == 0) {
		gmtime_r(&now.tv_sec, &utc);
		strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
		thread->common_second = (uint64_t)now.tv_sec;
		buffer_clear(common);
		buffer_printf(common,
			      "Date: %s\r\nCache-Control: no-store\r\nContent-Type: ", date);
	}
	buffer_bytes(out, common->data, common->length);
}

/* For scripts of other web sites (https://fetch.spec.whatwg.org/#http-cors-protocol). */
static void add_origin_fields(struct buffer *out, const struct http_reply *reply)
{
	if (reply->depends_on_origin)
		buffer_text(out, "Vary: Origin\r\n");
	if (!reply->origin)
		return;
	buffer_text(out, "Access-Control-Allow-Origin: ");
	buffer_bytes(out, reply->origin, reply->origin_length);
	buffer_text(out, "\r\nAccess-Control-Expose-Headers: Retry-After\r\n");
}

bool http_reply_write(struct http_thread *thread, const struct http_reply *reply,
		      enum http_persistence persistence, bool with_body)
{
	struct buffer *const out = &thread->loop->output;
	const char *const body = reply->body ? reply->body : thread->body.data;
	const size_t length = reply->body ? reply->length : thread->body.length;

	if (!reply->body && thread->body.failed)
		return false;
	add_status_line(out, reply->status);
	add_common_fields(thread, out);
	buffer_text(out, reply->type);
	if (!reply->bodiless) {
		buffer_text(out, "\r\nContent-Length: ");
		buffer_number(out, length);
	}
	buffer_text(out, "\r\n");
	buffer_text(out, reply->fields);
	add_origin_fields(out, reply);
	if (reply->constant_fields)
		buffer_text(out, reply->constant_fields);
	if (persistence == HTTP_CLOSES)
		buffer_text(out, "Connection: close\r\n");
	else if (persistence == HTTP_KEEPS_HTTP10)
		buffer_text(out, "Connection: keep-alive\r\n");
	buffer_text(out, "\r\n");
	if (with_body)
		buffer_bytes(out, body, length);
	return true;
}
