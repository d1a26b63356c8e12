/* SPDX-License-Identifier: MIT
 *
 * A server on loopback, in the loop of the test, that responds to each datagram.
 */
#ifndef TESTS_UDP_SERVER_H
#define TESTS_UDP_SERVER_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <uv.h>

#include "tests/unit/check.h"

struct udp_server {
	uv_udp_t socket;
	bool open;
	int port;
	/* Writes a response of at most 1024 bytes. Called `times` for each datagram. */
	size_t (*respond)(const uint8_t *request, size_t length, uint8_t *response);
	unsigned times;
	char room[1024];
};

static inline void udp_server_reserve(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
	struct udp_server *const server = handle->data;

	(void)suggested;
	*room = uv_buf_init(server->room, sizeof server->room);
}

static inline void udp_server_receive(uv_udp_t *socket, ssize_t length, const uv_buf_t *room,
				      const struct sockaddr *sender, unsigned flags)
{
	struct udp_server *const server = socket->data;
	uint8_t response[1024];

	(void)flags;
	if (length <= 0 || !sender)
		return;
	for (unsigned i = 0; i < server->times; i++) {
		const size_t size =
			server->respond((const uint8_t *)room->base, (size_t)length, response);
		const uv_buf_t answer = uv_buf_init((char *)response, (unsigned)size);
		uv_udp_try_send(socket, &answer, 1, sender);
	}
}

static inline void udp_server_open(struct udp_server *server, uv_loop_t *loop,
				   size_t (*respond)(const uint8_t *, size_t, uint8_t *),
				   unsigned times)
{
	struct sockaddr_in name;
	int size = sizeof name;

	*server = (struct udp_server){.open = true, .respond = respond, .times = times};
	ck_assert_int_eq(uv_udp_init(loop, &server->socket), 0);
	server->socket.data = server;
	ck_assert_int_eq(uv_ip4_addr("127.0.0.1", 0, &name), 0);
	ck_assert_int_eq(uv_udp_bind(&server->socket, (const struct sockaddr *)&name, 0), 0);
	ck_assert_int_eq(uv_udp_getsockname(&server->socket, (struct sockaddr *)&name, &size), 0);
	server->port = ntohs(name.sin_port);
	ck_assert_int_eq(uv_udp_recv_start(&server->socket, udp_server_reserve, udp_server_receive),
			 0);
}

static inline void udp_server_close(struct udp_server *server)
{
	if (server->open)
		uv_close((uv_handle_t *)&server->socket, NULL);
	server->open = false;
}

#endif
