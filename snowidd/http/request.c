/* SPDX-License-Identifier: MIT
 *
 * A request for HTTP: made, and kept for the next one.
 */
#include <stdlib.h>
#include <string.h>

#include "snowidd/http/request.h"
#include "snowidd/net/connection.h"

#define SPARE_REQUESTS 64

struct http_thread *http_thread_new(struct loop *loop, const struct http_handler *handler)
{
	struct http_thread *const thread = calloc(1, sizeof *thread);

	if (!thread)
		return NULL;
	thread->loop = loop;
	thread->handler = handler;
	return thread;
}

static void destroy_request(struct http_request *request)
{
	buffer_free(&request->target);
	for (size_t i = 0; i < HTTP_HEADERS; i++)
		buffer_free(&request->headers[i]);
	free(request);
}

void http_thread_free(struct http_thread *thread)
{
	while (thread->spare) {
		struct http_request *const request = thread->spare;
		thread->spare = request->next;
		destroy_request(request);
	}
	buffer_free(&thread->body);
	buffer_free(&thread->scratch);
	buffer_free(&thread->common);
	free(thread);
}

struct http_request *http_request_new(struct http_thread *thread)
{
	struct http_request *request = thread->spare;

	if (request) {
		thread->spare = request->next;
		thread->spare_count--;
		return request;
	}
	request = calloc(1, thread->handler->request_size);
	if (request)
		request->thread = thread;
	return request;
}

void http_request_free(struct http_request *request)
{
	struct http_thread *const thread = request->thread;
	const size_t kept = offsetof(struct http_request, connection);

	thread->handler->release(request);
	if (thread->spare_count >= SPARE_REQUESTS) {
		destroy_request(request);
		return;
	}
	buffer_clear(&request->target);
	for (size_t i = 0; i < HTTP_HEADERS; i++)
		buffer_clear(&request->headers[i]);
	memset((char *)request + kept, 0, thread->handler->request_size - kept);
	request->next = thread->spare;
	thread->spare = request;
	thread->spare_count++;
}

struct ip_address http_request_client(const struct http_request *request)
{
	const struct buffer *const list = &request->headers[HTTP_FORWARDED_FOR];

	return connection_client(request->connection, list->data, list->length);
}
