/* SPDX-License-Identifier: MIT
 *
 * HTTP/1.1 as a protocol of connections.
 */
#include <inttypes.h>
#include <stdio.h>

#include "snowidd/base/elapsed.h"
#include "snowidd/base/log.h"
#include "snowidd/http/http.h"
#include "snowidd/http/parser.h"
#include "snowidd/http/reply.h"
#include "snowidd/net/connection.h"

/* With more output than this, pipelined requests wait until it has been sent. */
#define OUTPUT_HIGH 262144

#define REQUEST_ID_SIZE 129

struct http_connection {
	struct connection connection;
	struct http_parser parser;
	struct waiter waiter; /* of a request that waits */
	bool waiting;
	bool served; /* a request has been replied to */
};

static struct http_thread *thread_of(const struct http_connection *http)
{
	return http->connection.protocol_state;
}

/* ---- replying -------------------------------------------------------------------------------- */

/* What a client or a proxy calls the request: X-Request-Id, or the traceparent of W3C Trace
 * Context. It is cut to a length that fits in a line of the log. */
static void copy_request_id(const struct http_request *request, char text[REQUEST_ID_SIZE])
{
	const struct buffer *id = request ? &request->headers[HTTP_REQUEST_ID] : NULL;

	if (id && id->length == 0)
		id = &request->headers[HTTP_TRACEPARENT];
	snprintf(text, REQUEST_ID_SIZE, "%.*s", id ? (int)id->length : 0,
		 id && id->data ? id->data : "");
}

static void log_access(const struct http_connection *http, const struct http_reply *reply)
{
	const struct http_request *const request = http->parser.request;
	const struct ip_address address = request && request->connection
						  ? http_request_client(request)
						  : http->connection.client;
	char client[IP_ADDRESS_TEXT], status[16], us[24], id[REQUEST_ID_SIZE];

	ip_address_format(&address, client);
	copy_request_id(request, id);
	snprintf(status, sizeof status, "%u", reply->status);
	snprintf(us, sizeof us, "%" PRIu64,
		 request && request->began_ns ? (elapsed_ns() - request->began_ns) / 1000 : 0);
	log_event(LOG_LEVEL_INFO, "request", "client", client, "method",
		  request ? http_parser_method(&http->parser) : "-", "target",
		  request && request->target.length ? request->target.data : "-", "status", status,
		  "us", us, *id ? "id" : NULL, id, NULL);
}

static enum http_persistence persistence_of(const struct http_connection *http)
{
	if (!http->parser.keep_alive)
		return HTTP_CLOSES;
	return http->parser.llhttp.http_minor == 0 ? HTTP_KEEPS_HTTP10 : HTTP_KEEPS;
}

static void send_reply(struct http_connection *http, const struct http_reply *reply)
{
	struct loop *const loop = http->connection.loop;
	const struct http_request *const request = http->parser.request;

	if (loop->draining)
		http->parser.keep_alive = false;
	if (!http_reply_write(thread_of(http), reply, persistence_of(http),
			      !request || !request->is_head)) {
		connection_close(&http->connection);
		return;
	}
	counters_add_request(loop->counters, reply->endpoint, reply->status);
	if (loop->live->settings->log_access)
		log_access(http, reply);
	http_parser_clear(&http->parser);
	http->served = true;
	if (!http->parser.keep_alive)
		connection_finish(&http->connection);
}

/* Replies to what cannot be understood, and closes: it is not known where the next request
 * begins. */
static void refuse_fault(struct http_connection *http, unsigned status)
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
	http_reply_problem(thread_of(http), &reply, status, problems[i].code, problems[i].text);
	if (status == 405)
		snprintf(reply.fields, sizeof reply.fields, "Allow: GET, HEAD\r\n");
	if (status == 503)
		snprintf(reply.fields, sizeof reply.fields, "Retry-After: 1\r\n");
	http->parser.keep_alive = false;
	send_reply(http, &reply);
}

/* ---- serving --------------------------------------------------------------------------------- */

static void reply_or_wait(struct http_connection *http, enum http_outcome outcome)
{
	const struct http_request *const request = http->parser.request;

	http->waiting = outcome == HTTP_WAITING;
	if (http->waiting) {
		loop_queue(http->connection.loop, &http->waiter, request->lane,
			   request->deadline_ns);
		return;
	}
	waiting_remove(&http->waiter);
	send_reply(http, &request->reply);
}

static void serve_request(struct http_connection *http)
{
	struct http_request *const request = http->parser.request;

	request->connection = &http->connection;
	request->reply.status = 200;
	reply_or_wait(http, thread_of(http)->handler->serve(request));
}

static void resume_request(struct waiter *waiter, enum wake wake)
{
	struct http_connection *const http = WAITER_OWNER(waiter, struct http_connection, waiter);

	if (wake == WAKE_STOP)
		return;
	/* No IDs are made for a client that has gone. */
	if (wake == WAKE_END || connection_is_gone(&http->connection)) {
		connection_close(&http->connection);
		return;
	}
	/* A reply must not overtake those before it, of which some is still to be sent. */
	if (http->connection.writing) {
		thread_of(http)->handler->leave(http->parser.request);
		loop_wait(http->connection.loop, waiter, PHASE_PARKED, 0);
		return;
	}
	reply_or_wait(http, thread_of(http)->handler->resume(http->parser.request));
	connection_update(&http->connection);
}

/* ---- the protocol ---------------------------------------------------------------------------- */

static void *http_begin(struct loop *loop, const struct protocol *protocol)
{
	return http_thread_new(loop, protocol->user);
}

static void http_end(void *thread)
{
	http_thread_free(thread);
}

static void http_open(struct connection *c)
{
	struct http_connection *const http = (struct http_connection *)c;

	http_parser_init(&http->parser, thread_of(http));
	http->waiter.resume = resume_request;
}

static void http_close(struct connection *c)
{
	struct http_connection *const http = (struct http_connection *)c;

	waiting_remove(&http->waiter);
	http_parser_clear(&http->parser);
}

/* Parses up to the end of a request. What it sets on the way is passed on. */
static enum http_parsed parse_request(struct http_connection *http, const char *bytes,
				      size_t length, size_t *used)
{
	struct http_parser *const parser = &http->parser;
	const enum http_parsed parsed = http_parse(parser, bytes, length, used);

	if (parser->began)
		http->connection.request_began = true;
	if (parser->wants_continue)
		buffer_text(&http->connection.loop->output, "HTTP/1.1 100 Continue\r\n\r\n");
	parser->began = parser->wants_continue = false;
	return parsed;
}

static size_t http_input(struct connection *c, const char *bytes, size_t length)
{
	struct http_connection *const http = (struct http_connection *)c;
	size_t done = 0, used;

	while (done < length && !http->waiting && !c->finishing && !c->closing && c->share > 0 &&
	       c->loop->output.length < OUTPUT_HIGH) {
		switch (parse_request(http, bytes + done, length - done, &used)) {
		case HTTP_PARSED_PART:
			return length;
		case HTTP_PARSED_REQUEST:
			done += used;
			c->share--;
			serve_request(http);
			break;
		case HTTP_PARSED_FAULT:
			refuse_fault(http, http->parser.fault);
			return length;
		}
	}
	return done;
}

static bool http_is_blocked(const struct connection *c)
{
	return ((const struct http_connection *)c)->waiting;
}

static enum phase http_phase(const struct connection *c)
{
	const struct http_connection *const http = (const struct http_connection *)c;

	if (http->parser.request)
		return PHASE_REQUEST;
	return http->served ? PHASE_IDLE : PHASE_FIRST;
}

static void http_expire(struct connection *c, enum phase phase)
{
	struct http_connection *const http = (struct http_connection *)c;

	if (phase == PHASE_REQUEST && http->parser.request)
		refuse_fault(http, 408);
}

static const char busy[] =
	"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
	"Content-Length: 70\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
	"{\"error\":\"overloaded\",\"message\":\"the server has no room for another\"}\n";

struct protocol http_protocol(const struct http_handler *handler)
{
	return (struct protocol){
		.alpn = "http/1.1",
		.busy = busy,
		.busy_length = sizeof busy - 1,
		.user = handler,
		.begin = http_begin,
		.end = http_end,
		.connection_size = sizeof(struct http_connection),
		.open = http_open,
		.close = http_close,
		.input = http_input,
		.is_blocked = http_is_blocked,
		.phase = http_phase,
		.expire = http_expire,
	};
}

struct protocol http_admin_protocol(const struct http_handler *handler)
{
	struct protocol protocol = http_protocol(handler);

	protocol.is_admin = true;
	return protocol;
}
