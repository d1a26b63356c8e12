/* SPDX-License-Identifier: MIT
 *
 * HTTP/1.1 as a protocol of connections.
 */
#include <inttypes.h>
#include <llhttp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "snowidd/http/http.h"
#include "snowidd/base/elapsed.h"
#include "snowidd/base/log.h"

/* Beyond this much output pipelined requests wait until it has been sent. */
#define OUTPUT_HIGH 262144
/* Requests a worker keeps for the next. */
#define SPARE_REQUESTS 64

struct http {
	struct connection connection;
	llhttp_t parser;
	struct http_request *request; /* NULL: between two requests */
	bool waiting;                 /* its answer has to wait */
	bool served;                  /* a request has been answered */
	bool keep_alive;
	unsigned fault; /* the status of what is wrong with the request; 0: nothing */
	const char *input;
	char before_input; /* the last byte before it that is not blank */
};

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

/* ---- requests -------------------------------------------------------------------------------- */

static bool take_request(struct http *http)
{
	struct worker *const worker = http->connection.worker;
	struct http_request *request = worker->requests;

	if (request) {
		worker->requests = request->next;
		worker->request_count--;
	} else {
		request = calloc(1, sizeof *request);
		if (!request)
			return false;
	}
	request->worker = worker;
	request->connection = &http->connection;
	request->began = worker->live->settings->log_access ? elapsed_ns() : 0;
	http->request = request;
	return true;
}

static void free_request(struct http_request *request)
{
	buffer_free(&request->target);
	for (size_t i = 0; i < HTTP_HEADERS; i++)
		buffer_free(&request->headers[i]);
	free(request);
}

static void return_request(struct http *http)
{
	struct http_request *const request = http->request;
	struct worker *const worker = http->connection.worker;

	http->request = NULL;
	http->waiting = false;
	if (!request)
		return;
	service_take_free(&request->take);
	if (worker->request_count >= SPARE_REQUESTS) {
		free_request(request);
		return;
	}
	struct http_request clean = {.next = worker->requests, .target = request->target};
	buffer_clear(&clean.target);
	for (size_t i = 0; i < HTTP_HEADERS; i++) {
		clean.headers[i] = request->headers[i];
		buffer_clear(&clean.headers[i]);
	}
	*request = clean;
	worker->requests = request;
	worker->request_count++;
}

void http_forget_requests(struct worker *worker)
{
	while (worker->requests) {
		struct http_request *const request = worker->requests;
		worker->requests = request->next;
		free_request(request);
	}
}

/* ---- the parser's notices -------------------------------------------------------------------- */

static struct http *http_of(llhttp_t *parser)
{
	return parser->data;
}

/* Stops the parser: the request is to be answered with this status. */
static int fault(struct http *http, unsigned status)
{
	http->fault = status;
	return -1;
}

static size_t request_limit(const struct http *http)
{
	return (size_t)http->connection.worker->live->settings->request_bytes;
}

static int on_begin(llhttp_t *parser)
{
	struct http *const http = http_of(parser);

	http->connection.fresh = true;
	return take_request(http) ? 0 : fault(http, 503);
}

static int on_target(llhttp_t *parser, const char *bytes, size_t length)
{
	struct http *const http = http_of(parser);

	struct buffer *const target = &http->request->target;

	buffer_bytes(target, bytes, length);
	if (!buffer_reserve(target, 1))
		return fault(http, 503);
	target->data[target->length] = '\0';
	return target->length > request_limit(http) / 2 ? fault(http, 414) : 0;
}

static int add_head_bytes(struct http *http, size_t length)
{
	http->request->head_bytes += length;
	return http->request->head_bytes > request_limit(http) ? fault(http, 431) : 0;
}

static int on_field(llhttp_t *parser, const char *bytes, size_t length)
{
	struct http_request *const request = http_of(parser)->request;

	for (size_t i = 0; i < length && request->name_length < sizeof request->name; i++)
		request->name[request->name_length++] = bytes[i];
	return add_head_bytes(http_of(parser), length);
}

static int on_field_complete(llhttp_t *parser)
{
	static const char *const names[HTTP_HEADERS] = {
		[HTTP_HOST] = "host",
		[HTTP_ACCEPT] = "accept",
		[HTTP_AUTHORIZATION] = "authorization",
		[HTTP_EXPECT] = "expect",
	};
	struct http_request *const request = http_of(parser)->request;

	if (request->name_length == 0)
		return fault(http_of(parser), 400); /* llhttp lets it pass */
	request->header = -1;
	if (request->head_complete)
		return add_head_bytes(http_of(parser),
				      4); /* a trailer has no say (RFC 9110, 6.5.1) */
	for (int i = 0; i < HTTP_HEADERS; i++)
		if (strlen(names[i]) == request->name_length &&
		    strncasecmp(names[i], request->name, request->name_length) == 0)
			request->header = i;
	request->name_length = 0;
	if (request->header == HTTP_HOST)
		request->host_count++;
	if (request->header >= 0 && request->headers[request->header].length > 0)
		buffer_text(&request->headers[request->header], ", ");
	return add_head_bytes(http_of(parser), 4); /* the colon and so on */
}

/* The last byte before a place in the input that is not blank. */
static char byte_before(const struct http *http, const char *at)
{
	while (at > http->input && (at[-1] == ' ' || at[-1] == '\t'))
		at--;
	return at > http->input ? at[-1] : http->before_input;
}

static int on_value(llhttp_t *parser, const char *bytes, size_t length)
{
	struct http_request *const request = http_of(parser)->request;

	/* A line that goes on in the next is refused (RFC 9112, section 5.2): whoever is in front of us
	 * may see a field of its own there, such as Content-Length. */
	if (byte_before(http_of(parser), bytes) == '\n')
		return fault(http_of(parser), 400);
	if (request->header >= 0) {
		buffer_bytes(&request->headers[request->header], bytes, length);
		if (request->headers[request->header].failed)
			return fault(http_of(parser), 503);
	}
	return add_head_bytes(http_of(parser), length);
}

/* One Host, which HTTP/1.0 may leave out, and which is a host (RFC 9112, section 3.2). */
static bool is_host_good(const struct http_request *request, bool needed)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		"-._~%!$&'()*+,;=:[]";
	const struct buffer *const host = &request->headers[HTTP_HOST];

	if (request->host_count != 1)
		return request->host_count == 0 && !needed;
	for (size_t i = 0; i < host->length; i++)
		if (!memchr(allowed, host->data[i], sizeof allowed - 1))
			return false;
	return true;
}

static int on_head(llhttp_t *parser)
{
	struct http *const http = http_of(parser);
	struct http_request *const request = http->request;
	const struct buffer *const expect = &request->headers[HTTP_EXPECT];
	const bool http10 = parser->http_minor == 0;

	request->head_complete = true;
	parser->upgrade = 0; /* no other protocol is spoken here (RFC 9110, section 7.8) */
	request->get = parser->method == HTTP_GET;
	request->head = parser->method == HTTP_HEAD;
	if (parser->http_major != 1)
		return fault(http, 505); /* llhttp knows others */
	/* HTTP/1.0 has no chunks: who sends them there means to deceive (RFC 9112, section 6.1). */
	if (!is_host_good(request, !http10) || (http10 && (parser->flags & F_TRANSFER_ENCODING)))
		return fault(http, 400);
	if ((parser->flags & F_CONTENT_LENGTH) && parser->content_length > request_limit(http))
		return fault(http, 413);
	if (!http10 && expect->length == 12 && strncasecmp(expect->data, "100-continue", 12) == 0 &&
	    (parser->flags & (F_CONTENT_LENGTH | F_CHUNKED)))
		buffer_text(&http->connection.worker->output, "HTTP/1.1 100 Continue\r\n\r\n");
	return 0;
}

static int on_body(llhttp_t *parser, const char *bytes, size_t length)
{
	struct http *const http = http_of(parser);

	(void)bytes;
	http->request->body_bytes += length;
	return http->request->body_bytes > request_limit(http) ? fault(http, 413) : 0;
}

static int on_chunk_extension(llhttp_t *parser, const char *bytes, size_t length)
{
	(void)bytes;
	return add_head_bytes(http_of(parser), length);
}

static int on_complete(llhttp_t *parser)
{
	http_of(parser)->keep_alive = llhttp_should_keep_alive(parser);
	return HPE_PAUSED;
}

static const llhttp_settings_t notices = {
	.on_message_begin = on_begin,
	.on_url = on_target,
	.on_header_field = on_field,
	.on_header_field_complete = on_field_complete,
	.on_header_value = on_value,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_chunk_extension_name = on_chunk_extension,
	.on_chunk_extension_value = on_chunk_extension,
	.on_message_complete = on_complete,
};

/* ---- replies --------------------------------------------------------------------------------- */

void http_problem(struct worker *worker, struct http_reply *reply, unsigned status,
		  const char *code, const char *text)
{
	reply->status = status;
	reply->type = "application/json";
	reply->body = NULL;
	buffer_clear(&worker->body);
	buffer_text(&worker->body, "{\"error\":");
	buffer_json(&worker->body, code);
	buffer_text(&worker->body, ",\"message\":");
	buffer_json(&worker->body, text);
	buffer_text(&worker->body, "}\n");
}

/* An origin server with a clock sends a date (RFC 9110, section 6.6.1). It is written once a second, with
 * all else that does not change. */
static void add_common(struct worker *worker, struct buffer *out)
{
	struct timespec now;
	struct tm utc;
	char date[40];

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (worker->date_at != (uint64_t)now.tv_sec || worker->common.length == 0) {
		gmtime_r(&now.tv_sec, &utc);
		strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
		worker->date_at = (uint64_t)now.tv_sec;
		buffer_clear(&worker->common);
		buffer_printf(&worker->common,
			      "Date: %s\r\nCache-Control: no-store\r\nContent-Type: ", date);
	}
	buffer_bytes(out, worker->common.data, worker->common.length);
}

static void log_access(const struct http *http, const struct http_reply *reply)
{
	const struct http_request *const request = http->request;
	char peer[64], status[16], us[24];

	connection_peer(&http->connection, peer, sizeof peer);
	snprintf(status, sizeof status, "%u", reply->status);
	snprintf(us, sizeof us, "%" PRIu64,
		 request && request->began ? (elapsed_ns() - request->began) / 1000 : 0);
	log_event(LOG_LEVEL_INFO, "request", "peer", peer, "method",
		  !request        ? "-"
		  : request->get  ? "GET"
		  : request->head ? "HEAD"
				  : llhttp_method_name((llhttp_method_t)http->parser.method),
		  "target", request && request->target.length ? request->target.data : "-",
		  "status", status, "us", us, NULL);
}

static void send_reply(struct http *http, struct http_reply *reply)
{
	struct worker *const worker = http->connection.worker;
	struct buffer *const out = &worker->output;
	const bool head = http->request && http->request->head;

	if (worker->draining)
		http->keep_alive = false;
	if (!reply->body) {
		reply->body = worker->body.data;
		reply->length = worker->body.length;
		if (worker->body.failed) {
			worker->body.failed = false;
			connection_close(&http->connection);
			return;
		}
	}
	if (reply->status == 200) {
		buffer_text(out, "HTTP/1.1 200 OK\r\n");
	} else {
		buffer_text(out, "HTTP/1.1 ");
		buffer_number(out, reply->status);
		buffer_text(out, " ");
		buffer_text(out, phrase_of(reply->status));
		buffer_text(out, "\r\n");
	}
	add_common(worker, out);
	buffer_text(out, reply->type);
	if (!reply->bodiless) {
		buffer_text(out, "\r\nContent-Length: ");
		buffer_number(out, reply->length);
	}
	buffer_text(out, "\r\n");
	buffer_text(out, reply->fields);
	if (reply->constant_fields)
		buffer_text(out, reply->constant_fields);
	if (!http->keep_alive)
		buffer_text(out, "Connection: close\r\n");
	else if (http->parser.http_minor == 0)
		buffer_text(out, "Connection: keep-alive\r\n");
	buffer_text(out, "\r\n");
	if (!head)
		buffer_bytes(out, reply->body, reply->length);
	count(&worker->counters->requests[reply->endpoint][metrics_code(reply->status)], 1);
	if (worker->live->settings->log_access)
		log_access(http, reply);
	return_request(http);
	http->served = true;
	if (!http->keep_alive)
		connection_finish(&http->connection);
}

static void serve(struct http *http)
{
	const http_serve_fn *const handler = http->connection.protocol->user;
	struct http_reply reply = {.status = 200};

	http->waiting = !(*handler)(http->request, &reply);
	if (!http->waiting)
		send_reply(http, &reply);
}

/* Answers what cannot be understood, and closes: where the next request begins is not known. */
static void refuse(struct http *http, unsigned status)
{
	static const struct {
		unsigned status;
		const char *code, *text;
	} problems[] = {
		{400, "malformed_request", "the request is not HTTP/1.1"},
		{405, "method_not_allowed", "only GET and HEAD are supported"},
		{408, "request_timeout", "the request took too long to arrive"},
		{413, "content_too_large", "the body of the request is too large"},
		{414, "uri_too_long", "the target of the request is too long"},
		{431, "header_too_large", "the header of the request is too large"},
		{503, "overloaded", "the server is short of memory"},
		{505, "version_not_supported", "only HTTP/1.0 and HTTP/1.1 are supported"},
	};
	struct http_reply reply = {.status = status};
	size_t i = 0;

	while (problems[i].status != status)
		i++;
	http_problem(http->connection.worker, &reply, status, problems[i].code, problems[i].text);
	if (status == 405)
		snprintf(reply.fields, sizeof reply.fields, "Allow: GET, HEAD\r\n");
	if (status == 503)
		snprintf(reply.fields, sizeof reply.fields, "Retry-After: 1\r\n");
	http->keep_alive = false;
	send_reply(http, &reply);
}

/* Whether bytes begin as a request does whose method is just not known. */
static bool is_method(const char *bytes, size_t length)
{
	size_t i = 0;

	while (i < length && i < 24 && bytes[i] >= 'A' && bytes[i] <= 'Z')
		i++;
	return i > 0 && i + 1 < length && bytes[i] == ' ' && bytes[i + 1] == '/';
}

static unsigned status_of(const struct http *http, llhttp_errno_t error, const char *bytes,
			  size_t length)
{
	if (http->fault)
		return http->fault;
	if (error == HPE_INVALID_VERSION)
		return 505;
	if (error == HPE_INVALID_METHOD && is_method(bytes, length))
		return 405;
	return 400;
}

/* ---- the protocol ---------------------------------------------------------------------------- */

static void http_open(struct connection *c)
{
	struct http *const http = (struct http *)c;

	llhttp_init(&http->parser, HTTP_REQUEST, &notices);
	http->parser.data = http;
}

static size_t http_input(struct connection *c, const char *bytes, size_t length)
{
	struct http *const http = (struct http *)c;
	size_t done = 0;

	http->input = bytes;
	while (done < length && !http->waiting && !c->finishing && !c->closing && c->share > 0 &&
	       c->worker->output.length < OUTPUT_HIGH) {
		const llhttp_errno_t error =
			llhttp_execute(&http->parser, bytes + done, length - done);
		if (error == HPE_OK) {
			http->before_input = byte_before(http, bytes + length);
			return length;
		}
		if (error == HPE_PAUSED) {
			done = (size_t)(llhttp_get_error_pos(&http->parser) - bytes);
			llhttp_resume(&http->parser);
			c->share--;
			serve(http);
		} else {
			refuse(http, status_of(http, error, bytes + done, length - done));
			return length;
		}
	}
	return done;
}

static bool http_blocked(struct connection *c)
{
	return ((struct http *)c)->waiting;
}

static void http_resume(struct connection *c)
{
	struct http *const http = (struct http *)c;
	if (http->waiting)
		serve(http);
}

static enum phase http_phase(const struct connection *c)
{
	const struct http *const http = (const struct http *)c;
	return http->waiting   ? PHASE_PARKED
	       : http->request ? PHASE_REQUEST
	       : http->served  ? PHASE_IDLE
			       : PHASE_FIRST;
}

static void http_timeout(struct connection *c, enum phase phase)
{
	struct http *const http = (struct http *)c;
	if (phase == PHASE_REQUEST && http->request)
		refuse(http, 408);
}

static void http_close(struct connection *c)
{
	return_request((struct http *)c);
}

static const char busy[] =
	"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
	"Content-Length: 70\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
	"{\"error\":\"overloaded\",\"message\":\"the server has no room for another\"}\n";

struct protocol http_protocol(const http_serve_fn *serve_request)
{
	return (struct protocol){
		.size = sizeof(struct http),
		.user = serve_request,
		.alpn = "http/1.1",
		.busy = busy,
		.open = http_open,
		.input = http_input,
		.blocked = http_blocked,
		.resume = http_resume,
		.phase = http_phase,
		.timeout = http_timeout,
		.close = http_close,
	};
}
