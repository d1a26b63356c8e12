/* SPDX-License-Identifier: MIT
 *
 * The path of gRPC, from frames to frames: calls, messages, streams, health, reflection.
 *
 * The first byte is the size of the pieces in which the rest arrives; 0: all at once. What a client
 * says first (RFC 9113, section 3.4) comes before it.
 */
#include <stdlib.h>

#include "fuzz/daemon.h"
#include "fuzz/fuzz.h"
#include "snowidd/grpc/grpc.h"

#define FRAME_HEADER 9

static struct fuzz_daemon fuzzed;
static struct protocol grpc;

static void set_up_server(void)
{
	static char store[] = "--store=memory:", worker_id[] = "--worker-id=1",
		    count[] = "--limits-count=100", bytes[] = "--limits-request-bytes=2000",
		    kinds[] =
			    "--kinds=snowflake ulid uuid7 tiny=time:41,worker:2,sequence:1;unit=1s";
	static char *options[] = {store, worker_id, count, bytes, kinds, NULL};

	fuzz_daemon_start(&fuzzed, options);
	grpc = grpc_protocol(&fuzzed.service);
}

/* What is sent is whole frames, none longer than a client takes by default (RFC 9113, section
 * 4.2). */
static void check_frames(void)
{
	const unsigned char *at = (const unsigned char *)fuzzed.loop.output.data;
	size_t left = fuzzed.loop.output.length;

	if (fuzzed.loop.output.failed)
		abort();
	while (left > 0) {
		const size_t length =
			left < FRAME_HEADER ? left : (size_t)(at[0] << 16 | at[1] << 8 | at[2]);
		if (left < FRAME_HEADER + length || length > 16384)
			abort();
		at += FRAME_HEADER + length;
		left -= FRAME_HEADER + length;
	}
	buffer_clear(&fuzzed.loop.output);
}

static void feed_piece(struct connection *connection, const uint8_t *data, size_t length)
{
	fuzz_daemon_feed(connection, data, length);
	fake_loop_serve(&fuzzed.loop);
	while (!connection->closing && !connection->finishing && grpc.has_output(connection)) {
		grpc.write(connection);
		check_frames();
	}
	check_frames();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char first[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";

	if (!fuzzed.service)
		set_up_server();
	if (size == 0)
		return 0;
	struct connection *const connection = fake_connection_new(&fuzzed.loop, &grpc);
	const size_t piece = data[0] ? data[0] : size;
	feed_piece(connection, (const uint8_t *)first, sizeof first);
	for (size_t at = 1; at < size && !connection->finishing; at += piece)
		feed_piece(connection, data + at, piece < size - at ? piece : size - at);
	waiting_take_turns(&fuzzed.loop.waiting, PHASE_WATCH);
	waiting_take_turns(&fuzzed.loop.waiting, PHASE_REQUEST);
	waiting_take_turns(&fuzzed.loop.waiting, PHASE_WRITING);
	waiting_take_turns(&fuzzed.loop.waiting, PHASE_QUIET);
	fake_connection_free(connection);
	return 0;
}

void fuzz_end(void)
{
	fuzz_daemon_free(&fuzzed);
}
